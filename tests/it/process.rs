//! The real binary as a child process, for tests of commands and of what survives their end.
//!
//! Children see no environment but what a test gives them, and are killed, by their own id, when they are dropped.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use serde_json::{Value, json};

/// The binary with these arguments, in a folder of its own choice.
pub(crate) fn command(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_contact-gateway"));
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

/// Runs a command to its end, without holding up the other tasks of a test.
pub(crate) async fn run(mut command: Command) -> Finished {
    let output = tokio::task::spawn_blocking(move || command.output().expect("the binary"));
    Finished::new(&output.await.expect("an output"))
}

/// A command that came to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// A child that runs on beside the test; it is killed, by its own id, when this is dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it.
    pub(crate) fn spawn(mut command: Command) -> Self {
        Self(command.spawn().expect("the binary"))
    }

    /// Only asks it to end, by SIGTERM to its id.
    pub(crate) fn ask_to_stop(&self) {
        self.signal("TERM");
    }

    /// Sends a signal to its id.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.0.id().to_string()]).status();
        assert!(status.expect("kill").success());
    }

    /// What the system says about its memory, in KiB (`VmRSS`, or `VmHWM` for the most there was).
    pub(crate) fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.trim_matches(|it: char| !it.is_ascii_digit()).parse().expect("a number")
    }

    /// Waits for its end; gives its exit code, `None` after a signal.
    pub(crate) async fn ended(mut self) -> Option<i32> {
        let ended = tokio::task::spawn_blocking(move || self.0.wait().expect("a process that ended").code());
        ended.await.expect("an exit code")
    }

    /// Ends it at once: SIGKILL, to its id.
    pub(crate) fn kill(mut self) {
        self.0.kill().expect("a process to kill");
        self.0.wait().expect("a process that ended");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // There may be nothing to end any more.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `contact-gateway dev`, serving.
pub(crate) struct Development {
    process: Process,
    stdout: BufReader<ChildStdout>,
    /// Asks with the token that it printed.
    pub(crate) client: Client,
}

impl Development {
    const ARGUMENTS: [&str; 5] = ["dev", "--listen", "127.0.0.1:0", "--no-sample-data", "--data-dir"];

    /// Starts it on a free port with one organization and nothing else, and waits until it says that it listens.
    pub(crate) async fn start(data_dir: &Path, database: Option<&str>) -> Self {
        Self::logging(data_dir, database, Stdio::null()).await
    }

    /// The same, with a place for its log.
    pub(crate) async fn logging(data_dir: &Path, database: Option<&str>, log: impl Into<Stdio>) -> Self {
        let mut command = command(data_dir, Self::ARGUMENTS);
        command.arg(data_dir).args(database.iter().flat_map(|url| ["--database", url]));
        command.stderr(log);
        Self::run(command).await
    }

    /// The same on SQLite without a standard error stream.
    pub(crate) async fn without_log(data_dir: &Path) -> Self {
        let binary = command(data_dir, Self::ARGUMENTS);
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" 2>&-", "sh"]).arg(binary.get_program()).args(binary.get_args());
        command.arg(data_dir).current_dir(data_dir).env_clear().stdin(Stdio::null());
        Self::run(command).await
    }

    async fn run(mut command: Command) -> Self {
        command.stdout(Stdio::piped());
        let started = tokio::task::spawn_blocking(move || Self::spawn(command));
        started.await.expect("a gateway")
    }

    fn spawn(command: Command) -> Self {
        let mut process = Process::spawn(command);
        let stdout = BufReader::new(process.0.stdout.take().expect("an output"));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let client = Client { http, url: String::new(), token: String::new() };
        let mut gateway = Self { process, stdout, client };
        gateway.client.url = gateway.line("GraphiQL ");
        gateway.client.token = gateway.line("token ");
        gateway
    }

    /// The next line of its output, without its start.
    fn line(&mut self, start: &str) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        let rest = line.strip_prefix(start).and_then(|rest| rest.strip_suffix('\n'));
        rest.unwrap_or_else(|| panic!("{line:?} does not begin with {start:?}")).to_owned()
    }

    /// Asks it to end, by SIGTERM to its id; gives its exit code.
    pub(crate) async fn stop(self) -> Option<i32> {
        self.ask_to_stop();
        self.ended().await
    }

    /// Only asks.
    pub(crate) fn ask_to_stop(&self) {
        self.process.ask_to_stop();
    }

    /// What the system says about its memory, in KiB.
    pub(crate) fn memory(&self, name: &str) -> u64 {
        self.process.memory(name)
    }

    /// Sends a signal, such as STOP, to its id.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits for its end; gives its exit code.
    pub(crate) async fn ended(self) -> Option<i32> {
        self.process.ended().await
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        let address = self.client.url.strip_prefix("http://").and_then(|it| it.strip_suffix('/'));
        address.expect("a URL").parse().expect("an address")
    }

    /// Ends it at once: SIGKILL, to its id.
    pub(crate) fn kill(self) {
        self.process.kill();
    }
}

/// Asks a gateway that may be gone in the middle of it.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    /// The address of the gateway, as in `http://127.0.0.1:8080/`.
    url: String,
    /// What it shows at the door.
    pub(crate) token: String,
}

impl Client {
    /// Asks a gateway that listens there.
    pub(crate) fn at(address: SocketAddr, token: String) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { http, url: format!("http://{address}/"), token }
    }

    /// The same with another token.
    pub(crate) fn with_token(self, token: String) -> Self {
        Self { token, ..self }
    }

    /// The data that the gateway answers with, in organization 1; `None` when no whole answer came.
    pub(crate) async fn ask(&self, document: &str, variables: Value) -> Option<Value> {
        let answer = self.answer(document, variables).await?;
        assert_eq!(answer.get("errors"), None, "{document}");
        Some(answer["data"].clone())
    }

    /// A request of any kind, with the token.
    pub(crate) fn request(&self, method: reqwest::Method, target: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{target}", self.url)).bearer_auth(&self.token)
    }

    /// The same with its errors.
    pub(crate) async fn answer(&self, document: &str, variables: Value) -> Option<Value> {
        let body = json!({ "query": document, "variables": variables });
        let request = self.http.post(format!("{}graphql", self.url)).bearer_auth(&self.token);
        let answer = request.header("x-org-id", "1").json(&body).send().await.ok()?;
        answer.json().await.ok()
    }
}
