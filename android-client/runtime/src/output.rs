//! What a virtual phone prints: one JSON object per line on stdout, complaints on stderr.

use std::io::{self, BufWriter, Write as _};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use longwire_client::inbox::Notification;
use longwire_client::{HandOver, Refusal, Reply, State};
use longwire_protocol::DateTime;
use serde::Serialize;
use tokio::sync::mpsc;

/// Lines that wait for stdout; whoever reads it slowly slows the devices down, and nothing is lost.
const QUEUE: usize = 4_096;

/// Prints lines. Clones share it.
#[derive(Debug, Clone)]
pub struct Printer {
    lines: mpsc::Sender<Vec<u8>>,
    last_complaint: Arc<Mutex<Option<String>>>,
}

impl Printer {
    /// A printer to stdout, and its thread, which ends when the last clone is gone.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start() -> io::Result<(Self, JoinHandle<()>)> {
        let (lines, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("printer".to_owned()).spawn(move || print(receiver))?;
        Ok((Self { lines, last_complaint: Arc::default() }, thread))
    }

    /// Prints one line.
    pub(crate) async fn print(&self, line: &Line<'_>) {
        let mut bytes = serde_json::to_vec(line).expect("a line of strings and numbers is JSON");
        bytes.push(b'\n');
        // Nobody reads stdout any more: the phones go on.
        drop(self.lines.send(bytes).await);
    }

    /// Says on stderr what is wrong, once for many devices and attempts.
    pub(crate) fn complain(&self, device: u32, text: &str) {
        let mut last = self.last_complaint.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.as_deref() != Some(text) {
            // A closed stderr is no reason to stop.
            drop(writeln!(io::stderr(), "longwire-device: device {device}: {text}"));
            *last = Some(text.to_owned());
        }
    }

    /// Says on stderr why a command came to nothing.
    pub(crate) fn refuse(device: u32, text: &str) {
        // A closed stderr is no reason to stop.
        drop(writeln!(io::stderr(), "longwire-device: device {device}: {text}"));
    }

    /// What was wrong is over.
    pub(crate) fn relieve(&self) {
        *self.last_complaint.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }
}

fn print(mut lines: mpsc::Receiver<Vec<u8>>) {
    let mut out = BufWriter::new(io::stdout());
    while let Some(line) = lines.blocking_recv() {
        let mut written = out.write_all(&line);
        while let Ok(line) = lines.try_recv() {
            written = written.and_then(|()| out.write_all(&line));
        }
        if written.and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

/// One line of stdout.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Line<'a> {
    device: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(flatten)]
    details: Details<'a>,
}

#[derive(Debug, Default, Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    for_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    id: &'a str,
    seq: u64,
    lane: &'a str,
    attempt: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    update: bool,
    #[serde(flatten)]
    notification: &'a Notification,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    expires_at: String,
}

impl<'a> Line<'a> {
    /// A device's state changed; its heartbeat is in seconds.
    ///
    /// A device that waits or is blocked tries again in `for_ms`; `hint` says what may help.
    pub(crate) fn state(device: u32, state: &'a State, heartbeat_s: u32, for_ms: Option<u64>, hint: &str) -> Self {
        let details = match state {
            State::Online(online) => Details {
                id: Some(&online.device),
                jid: Some(&online.jid),
                user: online.user.as_deref(),
                heartbeat: Some(heartbeat_s),
                ..Details::default()
            },
            State::Waiting { why, .. } => {
                Details { why: Some(why.name()), text: Some(format!("{why}{hint}")), for_ms, ..Details::default() }
            }
            State::Blocked(block) => {
                Details { why: Some(block.name()), text: Some(format!("{block}{hint}")), for_ms, ..Details::default() }
            }
            State::Idle | State::Connecting | State::Registering | State::LoggingIn => Details::default(),
        };
        Self { device: device.to_string(), state: Some(state.name()), details }
    }

    /// What it says to people.
    pub(crate) fn text(&self) -> Option<String> {
        self.details.text.clone()
    }

    /// The heartbeat changed while the device is online; in seconds.
    pub(crate) fn heartbeat(device: u32, heartbeat_s: u32) -> Self {
        let details = Details { heartbeat: Some(heartbeat_s), ..Details::default() };
        Self { device: device.to_string(), state: None, details }
    }

    /// A notification is on the screen.
    pub(crate) fn notification(device: u32, shown: &'a HandOver) -> Self {
        let shown = Shown {
            id: &shown.id,
            seq: shown.seq,
            lane: shown.lane.as_str(),
            attempt: shown.attempt,
            update: shown.is_update,
            notification: &shown.notification,
            user: shown.user.as_deref(),
            expires_at: DateTime(shown.expires_ms).to_string(),
        };
        let details = Details { notification: Some(shown), ..Details::default() };
        Self { device: device.to_string(), state: None, details }
    }

    /// The server answered what a command asked for.
    pub(crate) fn answered(device: u32, verb: &'a str, answer: &'a Result<Reply, Refusal>) -> Self {
        let details = match answer {
            Ok(Reply::Done) => Details::default(),
            Ok(Reply::User(user)) => Details { user: Some(user), ..Details::default() },
            Ok(Reply::Memberships(keys)) => Details { keys: Some(keys), ..Details::default() },
            Err(refusal) => {
                Details { refused: Some(&refusal.condition), text: refusal.text.clone(), ..Details::default() }
            }
        };
        let details = Details { answered: Some(verb), ..details };
        Self { device: device.to_string(), state: None, details }
    }

    /// A notification is no longer on the screen.
    pub(crate) fn removed(device: u32, id: &'a str) -> Self {
        let details = Details { removed: Some(id), ..Details::default() };
        Self { device: device.to_string(), state: None, details }
    }
}
