//! The binary as a child process, its stdout as JSON, its screens as lines.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::fake::Fake;

/// The longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A process of virtual phones.
pub(crate) struct Phone {
    child: Child,
    lines: Receiver<Value>,
}

/// A line of a screen file.
#[derive(Debug, Deserialize)]
pub(crate) struct ScreenLine {
    pub(crate) id: String,
    pub(crate) what: String,
}

/// The lines of a device's screen.
pub(crate) fn screen(directory: &Path, device: u32) -> Vec<ScreenLine> {
    let text = std::fs::read_to_string(directory.join(format!("screen-{device}.jsonl"))).expect("a screen");
    text.lines().map(|line| serde_json::from_str(line).expect("a screen line")).collect()
}

impl Phone {
    pub(crate) fn start(server: &Fake, data: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longwire-device"));
        command.arg("--server").arg(server.address.to_string()).arg("--data-dir").arg(data).args(arguments);
        if !arguments.contains(&"--domain") {
            command.args(["--domain", "localhost"]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let (sender, lines) = sync_channel(100_000);
        let stdout: ChildStdout = child.stdout.take().expect("a pipe");
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("a line of JSON");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line that fits; those before it are passed over.
    pub(crate) fn wait_for(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("a line in time");
            if fits(&line) {
                return line;
            }
        }
    }

    pub(crate) fn say(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("a pipe");
        writeln!(stdin, "{line}").expect("the phone listens");
    }

    /// SIGTERM; it ends cleanly.
    pub(crate) fn terminate(mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }

    /// SIGKILL; what it said on stderr.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().expect("it runs");
        self.complaints()
    }

    /// It ends by itself, with an error; what it said on stderr.
    pub(crate) fn ended(mut self) -> String {
        assert!(!self.child.wait().expect("it ends").success());
        self.complaints()
    }

    fn complaints(&mut self) -> String {
        let mut text = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut text).expect("UTF-8");
        self.child.wait().expect("it ends");
        text
    }
}
