//! The gateway as a process of its own, as in production, with the sample data.

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::client::Connection;

const BINARY: &str = env!("CARGO_BIN_EXE_contact-gateway");
const ISSUER: &str = "bench";
const AUDIENCE: &str = "contact-gateway";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// `contact-gateway serve` on a free port, killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
    token: String,
    _folder: TempDir,
}

impl Process {
    /// Makes the sample data and starts it.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = fill(folder.path());
        let address = free_address();
        let settings = [
            ("HTTP__LISTEN", address.to_string()),
            ("HTTP__INTROSPECTION", "true".to_owned()),
            ("DATABASE__URL", database),
            ("AUTH__ISSUER", ISSUER.to_owned()),
            ("AUTH__AUDIENCE", AUDIENCE.to_owned()),
            ("AUTH__ALGORITHM", "HS256".to_owned()),
            ("AUTH__SECRET", SECRET.to_owned()),
            ("LOG__LEVEL", "error".to_owned()),
            // All of them show the same token.
            ("LIMITS__SUBSCRIPTIONS_PER_CALLER", "1000".to_owned()),
        ];
        let mut command = binary();
        command.arg("serve").current_dir(folder.path());
        command.envs(settings.map(|(name, value)| (format!("CONTACT_GATEWAY__{name}"), value)));
        let child = command.spawn().expect("the binary");
        while Connection::try_to(address).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
        Self { child, address, token: token("bench"), _folder: folder }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token of a subject with all scopes.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The token of a subject with all scopes in the same organization.
    pub(crate) fn token_of(&self, subject: &str) -> String {
        token(subject)
    }

    /// What the system says about its memory, in KiB (`VmRSS`, or `VmHWM` for the most there was).
    pub(crate) fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.trim_matches(|it: char| !it.is_ascii_digit()).parse().expect("a number")
    }

    /// Stops it by SIGTERM and waits for its end.
    pub(crate) async fn stop(mut self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(status.expect("kill").success());
        let ended = loop {
            if let Some(status) = self.child.try_wait().expect("a process") {
                break status;
            }
            sleep(Duration::from_millis(1)).await;
        };
        assert!(ended.success(), "{ended}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After `stop` there is nothing to end any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Development mode makes the schema and the sample data; gives the database's address.
fn fill(folder: &Path) -> String {
    let database = std::env::var("CONTACT_GATEWAY_BENCH_DATABASE")
        .unwrap_or_else(|_| format!("sqlite://{}?mode=rwc", folder.join("bench.db").display()));
    let mut command = Command::new(BINARY);
    command.args(["dev", "--listen", "127.0.0.1:0", "--database", &database, "--data-dir"]).arg(folder);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("an output")).read_line(&mut line).expect("a line");
    assert!(line.starts_with("GraphiQL"), "development mode did not start");
    child.kill().expect("a process to kill");
    child.wait().expect("a process that ended");
    database
}

/// The binary, on the cores that the environment names.
fn binary() -> Command {
    let Ok(cores) = std::env::var("CONTACT_GATEWAY_BENCH_CORES") else { return Command::new(BINARY) };
    let mut command = Command::new("taskset");
    command.args(["-c", &cores, BINARY]);
    command
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

fn token(subject: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "orgs": [1], "iat": now, "exp": now + 7200,
        "scope": "contacts:read contacts:write" });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::default(), &claims, &key).expect("a token")
}
