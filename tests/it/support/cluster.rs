//! A PostgreSQL server of a test's own, which may be stopped in any way and started again.

use std::{
    fs::{self, File},
    io::Read,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server. Its data are gone when this is dropped.
pub(crate) struct Cluster {
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Makes one and starts it. The server's programs are those of CONTACT_GATEWAY_TEST_POSTGRES_PROGRAMS.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        give_away(folder.path());
        let data = folder.path().join("data");
        let made = program("initdb")
            .arg("--pgdata")
            .arg(&data)
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .current_dir(folder.path())
            .output();
        let made = made.expect("initdb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut cluster = Self { folder, port: free_port(), server: None };
        cluster.start_again();
        cluster
    }

    /// A standby of it, which follows it from now on.
    pub(crate) fn standby(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        give_away(folder.path());
        let copied = program("pg_basebackup")
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                "postgres",
                "-R",
                "-c",
                "fast",
                "-D",
            ])
            .arg(folder.path().join("data"))
            .current_dir(folder.path())
            .output();
        let copied = copied.expect("pg_basebackup");
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let mut standby = Self { folder, port: free_port(), server: None };
        standby.start_again();
        standby
    }

    /// Makes a standby a server of its own, at the address of the server that it followed, which has stopped.
    pub(crate) fn take_over(&mut self, stopped: &Self) {
        assert!(stopped.server.is_none());
        let data = self.folder.path().join("data");
        let promoted = program("pg_ctl").args(["promote", "-w", "-D"]).arg(&data).output().expect("pg_ctl");
        assert!(promoted.status.success(), "{}", String::from_utf8_lossy(&promoted.stderr));
        self.stop_at_once();
        self.port = stopped.port;
        self.start_again();
    }

    /// Its address, as the configuration takes it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it, recovering from the way it ended, and waits until it answers.
    pub(crate) fn start_again(&mut self) {
        let log = self.folder.path().join("log");
        let output = File::create(&log).expect("a log");
        let server = program("postgres")
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-k", ""])
            .current_dir(self.folder.path())
            .stderr(output)
            .spawn();
        self.server = Some(server.expect("postgres"));
        let began = Instant::now();
        while !read(&log).contains("ready to accept") {
            assert!(began.elapsed() < PATIENCE, "{}", read(&log));
            sleep(Duration::from_millis(10));
        }
    }

    /// Stops it at once, as if its machine had crashed: no transaction ends, no client is notified.
    pub(crate) fn stop_at_once(&mut self) {
        let mut server = self.server.take().expect("a server that runs");
        let status = Command::new("kill").args(["-QUIT", &server.id().to_string()]).status();
        assert!(status.expect("kill").success());
        server.wait().expect("a server that ended");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.stop_at_once();
        }
    }
}

fn free_port() -> u16 {
    let free = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    free.local_addr().expect("an address").port()
}

fn program(name: &str) -> Command {
    let programs = std::env::var("CONTACT_GATEWAY_TEST_POSTGRES_PROGRAMS").expect(
        "CONTACT_GATEWAY_TEST_POSTGRES_PROGRAMS is not set: run scripts/test, or name the folder of postgres and initdb",
    );
    let mut command = Command::new(PathBuf::from(programs).join(name));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    if let Some((user, group)) = other_user() {
        command.uid(user).gid(group);
    }
    command
}

/// The user and group of the server, which refuses to run as root: that of Debian's package, or `nobody`.
fn other_user() -> Option<(u32, u32)> {
    let is_root = fs::read_to_string("/proc/self/status").expect("a status").contains("\nUid:\t0\t");
    let users = fs::read_to_string("/etc/passwd").expect("users");
    let numbers = |name: &str| {
        let line = users.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    is_root.then(|| numbers("postgres").or_else(|| numbers("nobody")).expect("a user for the server"))
}

fn give_away(folder: &Path) {
    if let Some((user, group)) = other_user() {
        chown(folder, Some(user), Some(group)).expect("a folder of the server's");
    }
}

fn read(log: &Path) -> String {
    let mut text = String::new();
    File::open(log).and_then(|mut log| log.read_to_string(&mut text)).expect("the log");
    text
}
