//! Entries of the log (DESIGN rules 1 to 5).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{AppId, AudienceKey, DeviceId, EntryId, Filter, GenerationId, Seq, Timestamp};

/// One record of an app's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The app whose log it is in.
    pub app: AppId,
    /// Its position: dense per app, in commit order.
    pub seq: Seq,
    /// Its id, made before the insert.
    pub id: EntryId,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// What it says.
    pub kind: EntryKind,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryKind {
    /// A notification.
    Notification(Content),
    /// A new content for a notification; for the devices whose interval holds the target, while it is open.
    Update(Target, Content),
    /// The end of a notification; also for devices that left since.
    Recall(Target, Routing),
    /// Opened or dismissed on another device of the user.
    Dismissal(Target, Routing),
    /// A device joins and leaves keys at this position; never sent.
    Membership(MembershipChange),
    /// A new life of the timeline begins at this position; never sent.
    Generation(GenerationId),
}

/// To whom an entry goes, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Routing {
    /// One or more keys, in the sender's order, without repeats.
    pub audience: Arc<[AudienceKey]>,
    /// The lane; that of the target for whatever follows a target.
    pub lane: Lane,
    /// From this instant on it is not sent.
    pub expires_at: Timestamp,
}

/// A routed text.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// To whom, and how.
    pub routing: Routing,
    /// Who of them.
    pub filter: Option<Filter>,
    /// A newer entry with the same key, lane and audience supersedes this one.
    pub collapse_key: Option<Arc<str>>,
    /// The JSON object that the device is given.
    pub payload: Arc<str>,
}

/// The notification that an update, recall or dismissal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its id.
    pub id: EntryId,
    /// Its position: who is in the audience is judged there.
    pub seq: Seq,
}

/// The keys that a device joins and leaves at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipChange {
    /// The device.
    pub device: DeviceId,
    /// Keys that it joins.
    pub joined: Vec<AudienceKey>,
    /// Keys that it leaves.
    pub left: Vec<AudienceKey>,
}

/// An independent order of delivery; a cursor has one position in each (DESIGN rule 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Sent at once.
    Normal,
    /// May wait for the next heartbeat or wake-up.
    Background,
}

impl Lane {
    /// Both, in the order of the wire.
    pub const ALL: [Self; 2] = [Self::Normal, Self::Background];

    /// `normal` or `background`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Background => "background",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Lane {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|lane| lane.as_str() == text).ok_or(())
    }
}

impl EntryKind {
    /// To whom and how; nothing for what is never sent.
    #[must_use]
    pub const fn routing(&self) -> Option<&Routing> {
        match self {
            Self::Notification(content) | Self::Update(_, content) => Some(&content.routing),
            Self::Recall(_, routing) | Self::Dismissal(_, routing) => Some(routing),
            Self::Membership(_) | Self::Generation(_) => None,
        }
    }

    /// The text, its filter and collapse key; nothing for what has no text.
    #[must_use]
    pub const fn content(&self) -> Option<&Content> {
        match self {
            Self::Notification(content) | Self::Update(_, content) => Some(content),
            Self::Recall(..) | Self::Dismissal(..) | Self::Membership(_) | Self::Generation(_) => None,
        }
    }

    /// The notification that this follows.
    #[must_use]
    pub const fn target(&self) -> Option<Target> {
        match self {
            Self::Update(target, _) | Self::Recall(target, _) | Self::Dismissal(target, _) => Some(*target),
            Self::Notification(_) | Self::Membership(_) | Self::Generation(_) => None,
        }
    }

    /// The word that a store keeps.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Notification(_) => "notification",
            Self::Update(..) => "update",
            Self::Recall(..) => "recall",
            Self::Dismissal(..) => "dismissal",
            Self::Membership(_) => "membership",
            Self::Generation(_) => "generation",
        }
    }
}

impl Entry {
    /// The position at which its audience is judged: the target's for what follows one (DESIGN rule 3).
    #[must_use]
    pub fn audience_seq(&self) -> Seq {
        self.kind.target().map_or(self.seq, |target| target.seq)
    }
}
