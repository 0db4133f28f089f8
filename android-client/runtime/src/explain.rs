//! What became of a notification on a device, from its store alone: in words, and as JSON.

use std::fmt;
use std::path::{Path, PathBuf};

use longwire_client::inbox::{Owed, Row, RowState, Stage};
use longwire_protocol::DateTime;
use longwire_protocol::push::DeviceEventType;
use serde::Serialize;

use crate::store::{Known, OpenError, known};

/// Why a device cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The data directory has no database.
    #[error("there are no devices in {0}")]
    NoDevices(PathBuf),
    /// The database has no such device.
    #[error("there is no device {device} in {directory}")]
    NoDevice {
        /// The device.
        device: u32,
        /// The data directory.
        directory: PathBuf,
    },
    /// The database cannot be read.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The runtime cannot be started.
    #[error("cannot start")]
    Runtime(#[source] std::io::Error),
}

/// What became of a notification on a device.
#[derive(Debug, Serialize)]
pub struct Explanation {
    device: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_device: Option<String>,
    id: String,
    /// Whether the device has it.
    pub known: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
    reports: Vec<Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conflicts: Option<Conflicts>,
    /// The server's side of it; of what it never stored there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    ask: Option<String>,
}

#[derive(Debug, Serialize)]
struct Found {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    came: Came,
    lane: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    arrived_at: String,
    expires_at: String,
    hand_overs: u32,
    history: Vec<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owed: Option<&'static str>,
}

/// How the device came to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Came {
    /// From the log.
    Stored,
    /// Now or never (`ttl: 0`), beside the log.
    Once,
    /// Never: only word came that it is to be taken away, at the position that is told.
    Never,
}

impl Came {
    fn of(row: &Row) -> Self {
        match (row.story.at(Stage::Stored), row.seq) {
            (None, _) => Self::Never,
            (Some(_), 0) => Self::Once,
            (Some(_), _) => Self::Stored,
        }
    }
}

#[derive(Debug, Serialize)]
struct Moment {
    state: &'static str,
    at: String,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct Position {
    generation: String,
    normal: u64,
    background: u64,
}

/// How often, each time within an hour of the time before, another phone with this one's identity took its place.
#[derive(Debug, Serialize)]
struct Conflicts {
    count: u32,
    last_at: String,
}

/// Asks a device's store; nothing is connected and nothing written, so another process may run the device meanwhile.
///
/// # Errors
/// [`ExplainError`].
pub fn explain(directory: &Path, device: u32, id: &str) -> Result<Explanation, ExplainError> {
    let path = directory.join("devices.sqlite");
    if !path.exists() {
        return Err(ExplainError::NoDevices(directory.to_owned()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ExplainError::Runtime)?;
    let known = runtime.block_on(known::read(&path, device, id))?;
    let known = known.ok_or_else(|| ExplainError::NoDevice { device, directory: directory.to_owned() })?;
    Ok(Explanation::new(device, id, known))
}

impl Explanation {
    fn new(device: u32, id: &str, known: Known) -> Self {
        let asked = known.row.as_ref().and_then(|row| row.target.as_deref()).unwrap_or(id);
        let is_kept = known.row.as_ref().is_none_or(|row| Came::of(row) != Came::Once);
        let ask = is_kept.then(|| format!("GET /v1/notifications/{asked}/deliveries"));
        let reports = known.reports.iter().map(|(report, answered)| Report {
            kind: report.kind.as_str(),
            at: report.at.to_string(),
            reason: report.reason.clone(),
            answered_at: answered.map(|at| at.to_string()),
        });
        Self {
            device: device.to_string(),
            id: id.to_owned(),
            known: known.row.is_some(),
            found: known.row.as_ref().map(|row| Found::new(row, &known)),
            reports: reports.collect(),
            position: known.record.cursor.map(|cursor| Position {
                generation: cursor.generation.to_string(),
                normal: cursor.normal,
                background: cursor.background,
            }),
            conflicts: known
                .record
                .conflicts
                .last_ms
                .map(|last_ms| Conflicts { count: known.record.conflicts.in_a_row, last_at: time(last_ms) }),
            server_device: known.record.device,
            ask,
        }
    }

    /// One JSON object.
    ///
    /// # Panics
    /// Never: it is made of strings and numbers.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers are JSON")
    }
}

impl Found {
    fn new(row: &Row, known: &Known) -> Self {
        let rejected = known.reports.iter().find(|(report, _)| report.kind == DeviceEventType::Rejected);
        Self {
            state: state(row, known),
            target: row.target.clone(),
            came: Came::of(row),
            lane: row.lane.as_str(),
            seq: Some(row.seq).filter(|seq| *seq > 0),
            user: row.user.clone(),
            arrived_at: time(row.received_ms),
            expires_at: time(row.expires_ms),
            hand_overs: row.attempt,
            history: history(row, known),
            reason: rejected.and_then(|(report, _)| report.reason.clone()),
            owed: match row.owed {
                Owed::Nothing => None,
                Owed::Removal => Some("removal"),
                Owed::Update => Some("update"),
            },
        }
    }
}

fn time(unix_ms: u64) -> String {
    DateTime(unix_ms).to_string()
}

fn reported(known: &Known, kind: DeviceEventType) -> bool {
    known.reports.iter().any(|(report, _)| report.kind == kind)
}

/// Where it stands, as far as this device can tell.
fn state(row: &Row, known: &Known) -> &'static str {
    match row.state {
        RowState::Stored => "stored",
        RowState::Done if reported(known, DeviceEventType::Displayed) => "displayed",
        RowState::Done if row.story.at(Stage::Shown).is_some() => "shown",
        // What is shown now or never is done when it is handed.
        RowState::Handed | RowState::Done => "handed",
        RowState::Closed if reported(known, DeviceEventType::Opened) => "opened",
        RowState::Closed if reported(known, DeviceEventType::Dismissed) => "dismissed",
        RowState::Closed => "closed-elsewhere",
        RowState::Recalled => "recalled",
        RowState::Unusable => "unusable",
        RowState::Expired => "expired",
        RowState::Left => "left",
        RowState::Update => "update",
    }
}

/// What happened to the row and what was reported of it, in the order of time.
fn history(row: &Row, known: &Known) -> Vec<Moment> {
    let told = [DeviceEventType::Displayed, DeviceEventType::Opened, DeviceEventType::Dismissed];
    let reports = known.reports.iter().filter(|(report, _)| told.contains(&report.kind));
    let reports: Vec<_> = reports.map(|(report, _)| (report.at.unix_ms(), report.kind.as_str())).collect();
    // What a person did with it was on the screen by then, though the app's word may have been stored later.
    let seen_ms = reports.iter().map(|(at, _)| *at).min().unwrap_or(u64::MAX);
    // Opening and dismissing are told apart by their reports.
    let stages = row.story.iter().filter(|(stage, _)| *stage != Stage::Closed);
    let stages = stages.map(|(stage, at)| (if stage == Stage::Shown { at.min(seen_ms) } else { at }, stage.as_str()));
    let mut moments: Vec<_> = stages.chain(reports).collect();
    moments.sort_by_key(|(at, _)| *at);
    moments.into_iter().map(|(at, state)| Moment { state, at: time(at) }).collect()
}

/// A moment in words.
fn words(state: &str) -> &str {
    match state {
        "stored" => "arrived and was stored",
        "handed" => "was handed to the app",
        "shown" => "was put on the screen",
        "displayed" => "was displayed, as the app says",
        "updated" => "got newer content on the screen",
        "opened" => "was opened by the person",
        "dismissed" => "was dismissed by the person",
        "closed-elsewhere" => "was opened or dismissed on another device of the user",
        "recalled" => "was recalled by its sender",
        "removed" => "was taken from the screen",
        "expired" => "expired before it could be shown",
        "unusable" => "was given up: this device cannot use it",
        "left" => "was dropped before it was shown, because the device's user changed",
        other => other,
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, id, .. } = self;
        let server_device = self.server_device.as_deref().unwrap_or("not registered yet");
        match &self.found {
            Some(found) => {
                writeln!(f, "Notification {id} on device {device} (on the server: {server_device})")?;
                found.fmt(f)?;
                self.write_reports(f)?;
                self.write_conflicts(f)?;
                match &self.ask {
                    Some(ask) => write!(f, "What the server knows of it: {ask}"),
                    None => write!(
                        f,
                        "The server keeps nothing of it: it was never in the log, and has no deliveries to ask for"
                    ),
                }
            }
            None => {
                writeln!(f, "Device {device} (on the server: {server_device}) does not know {id}.")?;
                match &self.position {
                    Some(Position { generation, normal, background }) => writeln!(
                        f,
                        "It has stored everything that is for it up to position {normal} of the normal lane and {background} of \
                         the background lane, in generation {generation}."
                    )?,
                    None => writeln!(f, "It has not logged in yet, so nothing was sent to it.")?,
                }
                self.write_conflicts(f)?;
                self.ask.iter().try_for_each(|ask| write!(f, "Ask the server what became of it: {ask}"))
            }
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, .. } = self;
        if let Some(target) = &self.target {
            writeln!(f, "  is newer content for {target}; ask about that one")?;
        }
        self.write_origin(f)?;
        for Moment { state, at } in &self.history {
            let is_once = self.came == Came::Once && *state == Stage::Stored.as_str();
            writeln!(f, "  {at}  {}", if is_once { "arrived" } else { words(state) })?;
        }
        if let Some(reason) = &self.reason {
            writeln!(f, "  the reason: {reason}")?;
        }
        writeln!(f, "State: {state}")?;
        match self.owed {
            Some("removal") => writeln!(f, "Still to be done: it is to be taken from the screen"),
            Some(_) => writeln!(f, "Still to be done: newer content is to be put on the screen"),
            None => Ok(()),
        }
    }
}

impl Found {
    fn write_origin(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lane, expires_at, .. } = self;
        let seq = self.seq.unwrap_or_default();
        let user = self.user.as_ref().map_or_else(String::new, |user| format!(", for the user {user}"));
        let handed = match self.hand_overs {
            0 => "never handed over".to_owned(),
            1 => "handed over once".to_owned(),
            times => format!("handed over {times} times"),
        };
        match self.came {
            Came::Stored => {
                writeln!(f, "  position {seq} of the {lane} lane{user}; to expire at {expires_at}; {handed}")
            }
            Came::Once => writeln!(
                f,
                "  sent now or never (ttl 0), so it has no position{user}; not shown if it had come after {expires_at}; {handed}"
            ),
            Came::Never => writeln!(
                f,
                "  never came to this device: position {seq} of the {lane} lane only says that it is to be taken away{user}; {handed}"
            ),
        }
    }
}

impl Explanation {
    fn write_reports(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Report { kind, at, answered_at, .. } in &self.reports {
            match answered_at {
                Some(answered) => writeln!(f, "Reported to the server: {kind} at {at}, answered at {answered}")?,
                None => writeln!(f, "Still to be reported to the server: {kind} at {at}")?,
            }
        }
        if self.reports.is_empty() {
            writeln!(f, "Nothing of it was or is to be reported to the server")
        } else {
            Ok(())
        }
    }

    /// Of two phones with one identity each may have what the other misses.
    fn write_conflicts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Conflicts { count, last_at }) = &self.conflicts else { return Ok(()) };
        let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
        writeln!(
            f,
            "Another phone with the same data took its place {times}, last at {last_at}: whichever is thrown out twice within an hour makes \
             itself a new device, and what one of them was sent until then may be on the other"
        )
    }
}

#[cfg(test)]
mod tests {
    use longwire_client::Lane;
    use longwire_client::account::Record;
    use longwire_client::inbox::Story;

    use super::*;

    fn explained(seq: u64, state: RowState, stages: &[Stage], attempt: u32) -> Explanation {
        let mut story = Story::default();
        stages.iter().for_each(|stage| story.add(*stage, 1_000));
        let row = Row {
            id: "a".to_owned(),
            seq,
            lane: Lane::Normal,
            state,
            owed: Owed::Nothing,
            revision: 0,
            target: None,
            payload: String::new(),
            user: None,
            expires_ms: 61_000,
            received_ms: 1_000,
            attempt,
            deaths: 0,
            story,
        };
        Explanation::new(0, "a", Known { record: Record::default(), row: Some(row), reports: Vec::new() })
    }

    #[test]
    fn what_was_sent_now_or_never_has_no_position_and_nobody_else_to_ask() {
        let once = explained(0, RowState::Done, &[Stage::Stored, Stage::Handed], 1);
        let words = once.to_string();
        for part in [
            "sent now or never (ttl 0), so it has no position; not shown if it had come after 1970-01-01T00:01:01.000Z",
            "handed over once",
            "Z  arrived\n",
            "The server keeps nothing of it",
        ] {
            assert!(words.contains(part), "{part} in {words}");
        }
        assert!(!words.contains("stored") && !words.contains("GET "), "{words}");
        let json: serde_json::Value = serde_json::from_str(&once.to_json()).expect("JSON");
        assert_eq!((json["came"].as_str(), json.get("seq"), json.get("ask")), (Some("once"), None, None));
    }

    #[test]
    fn a_phone_that_was_copied_says_so() {
        let mut record = Record::default();
        let told = |record: &Record| {
            Explanation::new(0, "a", Known { record: record.clone(), row: None, reports: Vec::new() })
        };
        assert!(!told(&record).to_string().contains("took its place"));
        record.conflicts.note(1_000);
        assert!(told(&record).to_string().contains("took its place once, last at 1970-01-01T00:00:01.000Z"));
        record.conflicts.note(61_000);
        let json: serde_json::Value = serde_json::from_str(&told(&record).to_json()).expect("JSON");
        assert_eq!((json["conflicts"]["count"].as_u64(), json.get("known")), (Some(2), Some(&false.into())));
    }

    #[test]
    fn what_only_its_recall_is_known_of_never_came() {
        let recalled = explained(7, RowState::Recalled, &[Stage::Recalled], 0);
        let words = recalled.to_string();
        let part = "never came to this device: position 7 of the normal lane only says that it is to be taken away; never handed over";
        assert!(words.contains(part) && !words.contains("expire"), "{words}");
        let json: serde_json::Value = serde_json::from_str(&recalled.to_json()).expect("JSON");
        assert_eq!((json["came"].as_str(), json["seq"].as_u64()), (Some("never"), Some(7)));
    }
}
