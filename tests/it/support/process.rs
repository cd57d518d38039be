//! The gateway as a process of its own: the binary that users start.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::Actor;

/// A gateway in development mode on a free port; it is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts one, with its data in a folder that is there, and does not wait for it.
    pub(crate) fn start(data_dir: &Path, more_arguments: &[&str]) -> Self {
        let log = data_dir.join("log");
        let child = Command::new(env!("CARGO_BIN_EXE_contact-gateway"))
            .args(["dev", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .args(more_arguments)
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(&log).expect("a log"))
            .spawn()
            .expect("a process");
        Self { child, log }
    }

    /// Waits until it serves, and gives the caller that its token is for, in organization 1.
    pub(crate) fn ready(&mut self) -> Actor {
        let stdout = self.child.stdout.take().expect("a process that nobody waited for yet");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let mut after = |word: &str| lines.find_map(|line| Some(line.strip_prefix(word)?.trim().to_owned()));
        let (Some(page), Some(token)) = (after("GraphiQL http://"), after("token ")) else {
            panic!("it did not start: {}", fs::read_to_string(&self.log).unwrap_or_default());
        };
        let address = page.trim_end_matches('/').parse().expect("an address");
        Actor::new(address).with_token(&token).in_organization("org_1")
    }

    /// Ends it at once, as `kill -9` does, whatever it is doing.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a signal");
        self.child.wait().expect("an end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
