//! Bugs at the server's worker: in what it is told, what it writes, and when it is called again.

use std::sync::{Arc, Mutex};

use longwire_core::session_manager::{Command, EndReason};
use longwire_model::entry::Content;
use longwire_model::{AudienceKey, Entry, EntryKind};
use longwire_router::Batch;
use tokio::sync::mpsc;

use super::{Mutation, attr, without_attr};

/// How long a silence of a phone is at least before its session is closed.
const SILENCE_MS: u64 = 70_000;
/// Of so many batches with something to show, one is lost.
const LOST_EVERY: u32 = 20;
/// What may be unacknowledged before the forgotten window is full.
const WINDOW: usize = 60;

/// What the managers tell the worker, changed.
#[derive(Default)]
pub(crate) struct Told(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    now: Vec<Arc<Entry>>,
    batches: u32,
}

impl Told {
    pub(crate) fn change(&self, mutation: Option<Mutation>, command: Command) -> Vec<Command> {
        let mut kept = self.0.lock().expect("nothing panics with it");
        match (mutation, command) {
            (Some(mutation), Command::Announce(batch)) => {
                let mut told = vec![Command::Announce(Arc::new(kept.announce(mutation, &batch)))];
                for entry in kept.now.drain(..) {
                    let (taken, _) = mpsc::channel(1);
                    told.push(Command::Now { entry, as_of: 0, taken });
                }
                told
            }
            (Some(Mutation::NowOrLater), Command::Now { entry, as_of, taken }) => {
                kept.now.push(Arc::clone(&entry));
                vec![Command::Now { entry, as_of, taken }]
            }
            (Some(Mutation::NowToWhoIsBehind), Command::Now { entry, taken, .. }) => {
                vec![Command::Now { entry, as_of: 0, taken }]
            }
            (Some(Mutation::SessionsGoOn), Command::End(_, EndReason::NotAuthorized)) => Vec::new(),
            (_, command) => vec![command],
        }
    }
}

impl Kept {
    fn announce(&mut self, mutation: Mutation, batch: &Batch) -> Batch {
        let has_content = batch.entries.iter().any(|entry| entry.kind.content().is_some());
        self.batches += u32::from(has_content);
        let is_lost = mutation == Mutation::GapNotSeen && has_content && self.batches.is_multiple_of(LOST_EVERY);
        let entries = batch.entries.iter().map(|entry| {
            let mut entry = Entry::clone(entry);
            announced(mutation, &mut entry, is_lost);
            Arc::new(entry)
        });
        Batch { entries: entries.collect(), ..Batch::clone(batch) }
    }
}

/// An entry as the worker is told of it.
fn announced(mutation: Mutation, entry: &mut Entry, is_lost: bool) {
    let seq = entry.seq;
    match &mut entry.kind {
        EntryKind::Membership(change) => {
            if mutation == Mutation::MembershipsNotApplied {
                change.joined.clear();
            }
            if matches!(mutation, Mutation::MembershipsNotApplied | Mutation::LeaveForgotten) {
                change.left.clear();
            }
        }
        EntryKind::Update(target, _) if mutation == Mutation::UpdateIsNew => target.seq = seq,
        EntryKind::Update(_, content) if mutation == Mutation::UpdateUnfiltered => content.filter = None,
        EntryKind::Notification(content) => notification(mutation, content, is_lost),
        EntryKind::Update(..) | EntryKind::Recall(..) | EntryKind::Dismissal(..) | EntryKind::Generation(_) => {}
    }
}

fn notification(mutation: Mutation, content: &mut Content, is_lost: bool) {
    if is_lost {
        let nobody: AudienceKey = "tag:nobody".parse().expect("a key");
        content.routing.audience = [nobody].into();
    }
    if mutation == Mutation::NothingSupersedes {
        content.collapse_key = None;
    }
    if mutation == Mutation::FilterForgotten {
        content.filter = None;
    }
}

/// What a connection of the server carries, changed.
#[derive(Default)]
pub(crate) struct Wire {
    /// Whether the list of what was stored has been told, or was not owed.
    is_settled: bool,
    unacknowledged: usize,
    normal: u64,
    background: u64,
}

impl Wire {
    /// A stanza that the worker writes; what it is made of it, and what the worker hears at once in answer.
    pub(crate) fn queued(&mut self, mutation: Mutation, stanza: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let Ok(text) = std::str::from_utf8(stanza) else { return (Some(stanza.to_vec()), None) };
        let is_entry = text.starts_with("<message") && text.contains("<entry");
        if mutation == Mutation::CursorNotTold && text.starts_with("<cursor") {
            return (None, None);
        }
        if mutation == Mutation::UserNotNamed && is_entry {
            return (Some(without_attr(text, "user").into_bytes()), None);
        }
        if mutation == Mutation::WindowForgotten {
            return (Some(stanza.to_vec()), self.forget(text, is_entry));
        }
        (Some(stanza.to_vec()), None)
    }

    fn forget(&mut self, text: &str, is_entry: bool) -> Option<Vec<u8>> {
        if text.contains("<bound") {
            let is_same = |lane: &str, recorded: &str| attr(text, lane) == attr(text, recorded);
            self.is_settled = is_same("normal", "recorded-normal") && is_same("background", "recorded-background");
        }
        let seq = attr(text, "seq").filter(|_| is_entry).and_then(|seq| seq.parse().ok()).filter(|seq| *seq > 0)?;
        *(if attr(text, "lane") == Some("normal") { &mut self.normal } else { &mut self.background }) = seq;
        self.unacknowledged += 1;
        if !self.is_settled || self.unacknowledged < WINDOW {
            return None;
        }
        self.unacknowledged = 0;
        let of = |lane: &str, seq: u64| if seq > 0 { format!(" {lane}='{seq}'") } else { String::new() };
        let (normal, background) = (of("normal", self.normal), of("background", self.background));
        Some(format!("<ack xmlns='urn:longwire:push:1'{normal}{background}/>").into_bytes())
    }

    /// What the client says.
    pub(crate) fn heard(&mut self, bytes: &[u8]) {
        self.is_settled |= bytes.starts_with(b"<ack");
    }
}

/// Of what is written at once, what waits for the next time.
pub(crate) fn held_back(mutation: Mutation, stanzas: &mut Vec<Vec<u8>>) -> Option<Vec<u8>> {
    if mutation != Mutation::TenBeforeNine {
        return None;
    }
    let is_pair = |pair: &[Vec<u8>]| lane(&pair[0]).is_some() && lane(&pair[0]) == lane(&pair[1]);
    let nine = stanzas.windows(2).position(is_pair)?;
    Some(stanzas.remove(nine))
}

/// Whether a timer is never set.
pub(crate) fn is_forgotten(mutation: Option<Mutation>, wait_ms: u64) -> bool {
    mutation == Some(Mutation::SilenceForever) && wait_ms >= SILENCE_MS
}

/// The lane of an entry.
fn lane(stanza: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(stanza).ok().filter(|text| text.starts_with("<message"))?;
    attr(text, "lane")
}
