//! A row of the inbox: where a notification stands on the device, what is owed to the screen, and how it came there.

use std::fmt;
use std::str::FromStr;

use longwire_protocol::push::Lane;

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// On disk, not yet handed to the app.
    Stored,
    /// Handed to the app, which has not said that it is done with it.
    Handed,
    /// The app is done with it; it may still be on the screen.
    Done,
    /// Opened or dismissed, here or on another device: no longer on the screen.
    Closed,
    /// Recalled; also the tombstone of an id that never came.
    Recalled,
    /// Could not be used.
    Unusable,
    /// Expired before the app was done with it.
    Expired,
    /// Dropped before it was handed, because the device's user changed.
    Left,
    /// No notification but an update of one: kept so that a repeat is recognised.
    Update,
}

impl RowState {
    /// Every state, in the order of their stored numbers.
    pub const ALL: [Self; 9] = [
        Self::Stored,
        Self::Handed,
        Self::Done,
        Self::Closed,
        Self::Recalled,
        Self::Unusable,
        Self::Expired,
        Self::Left,
        Self::Update,
    ];

    /// The number under which a database keeps it; never reused for another meaning.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Stored => 0,
            Self::Handed => 1,
            Self::Done => 2,
            Self::Closed => 3,
            Self::Recalled => 4,
            Self::Unusable => 5,
            Self::Expired => 6,
            Self::Left => 7,
            Self::Update => 8,
        }
    }

    /// The state with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether the row is still to be handed, or handed again after a restart.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Stored | Self::Handed)
    }
}

/// What the screen has still to be given for a row; kept until the platform says that it is carried out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Owed {
    /// Nothing.
    #[default]
    Nothing,
    /// What is on the screen must go.
    Removal,
    /// The row's payload must replace what is on the screen.
    Update,
}

impl Owed {
    /// The number under which a database keeps it; never reused for another meaning.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Removal => 1,
            Self::Update => 2,
        }
    }

    /// What has this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Nothing, Self::Removal, Self::Update].get(usize::from(number)).copied()
    }
}

/// Something that happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It was stored.
    Stored,
    /// It was handed to the app for the first time.
    Handed,
    /// The app was done with it.
    Shown,
    /// Newer content replaced what was on the screen; of several times the last.
    Updated,
    /// It was opened or dismissed on this device.
    Closed,
    /// It was opened or dismissed on another device of the user.
    ClosedElsewhere,
    /// A recall was stored.
    Recalled,
    /// The platform took it from the screen.
    Removed,
    /// It expired before the app was done with it.
    Expired,
    /// It was given up as unusable.
    Unusable,
    /// It was dropped because the device's user changed.
    Left,
}

impl Stage {
    const ALL: [Self; 11] = [
        Self::Stored,
        Self::Handed,
        Self::Shown,
        Self::Updated,
        Self::Closed,
        Self::ClosedElsewhere,
        Self::Recalled,
        Self::Removed,
        Self::Expired,
        Self::Unusable,
        Self::Left,
    ];

    /// Its name, stable for programs and databases.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Handed => "handed",
            Self::Shown => "shown",
            Self::Updated => "updated",
            Self::Closed => "closed",
            Self::ClosedElsewhere => "closed-elsewhere",
            Self::Recalled => "recalled",
            Self::Removed => "removed",
            Self::Expired => "expired",
            Self::Unusable => "unusable",
            Self::Left => "left",
        }
    }
}

/// What happened to a row, in order, each with its time by the server's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Story(Vec<(Stage, u64)>);

impl Story {
    /// Adds what happens now. A stage is told once: the first time counts, of updates the last.
    pub fn add(&mut self, stage: Stage, at_ms: u64) {
        if stage == Stage::Updated {
            self.0.retain(|(known, _)| *known != stage);
        }
        if self.at(stage).is_none() {
            self.0.push((stage, at_ms));
        }
    }

    /// When it happened, in Unix milliseconds of the server.
    #[must_use]
    pub fn at(&self, stage: Stage) -> Option<u64> {
        self.0.iter().find(|(known, _)| *known == stage).map(|(_, at_ms)| *at_ms)
    }

    /// Everything that happened, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, u64)> + '_ {
        self.0.iter().copied()
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (stage, at_ms)) in self.iter().enumerate() {
            let space = if number > 0 { " " } else { "" };
            write!(f, "{space}{}={at_ms}", stage.as_str())?;
        }
        Ok(())
    }
}

/// A text is not a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the story of a row")]
pub struct NotAStory;

impl FromStr for Story {
    type Err = NotAStory;

    fn from_str(text: &str) -> Result<Self, NotAStory> {
        let step = |word: &str| {
            let (name, at_ms) = word.split_once('=')?;
            let stage = Stage::ALL.into_iter().find(|stage| stage.as_str() == name)?;
            Some((stage, at_ms.parse().ok()?))
        };
        text.split_whitespace().map(step).collect::<Option<_>>().map(Self).ok_or(NotAStory)
    }
}

/// A notification on the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The notification's id.
    pub id: String,
    /// Position in the log of the entry that brought it.
    pub seq: u64,
    /// Its lane.
    pub lane: Lane,
    /// Where it stands.
    pub state: RowState,
    /// What the screen has still to be given.
    pub owed: Owed,
    /// Position of the update that brought its present content; 0 when that is the first.
    pub revision: u64,
    /// Of an update, the notification that it is about.
    pub target: Option<String>,
    /// The JSON text; empty once the row is done and owes no update.
    pub payload: String,
    /// The user through whose key it came, when through no other.
    pub user: Option<String>,
    /// When it expires, in Unix milliseconds of the server.
    pub expires_ms: u64,
    /// When it was stored, in Unix milliseconds of the server.
    pub received_ms: u64,
    /// How often it was handed over.
    pub attempt: u32,
    /// How many processes died while they parsed it.
    pub deaths: u32,
    /// How it came to where it stands.
    pub story: Story,
}

impl Row {
    /// Whether a process that starts has something to do for it.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.state.is_open() || self.owed != Owed::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_tells_first_times_in_order_and_the_last_update() {
        let mut story = Story::default();
        for (stage, at_ms) in [(Stage::Stored, 1), (Stage::Handed, 2), (Stage::Updated, 3), (Stage::Handed, 4)] {
            story.add(stage, at_ms);
        }
        story.add(Stage::Updated, 5);
        assert_eq!(story.to_string(), "stored=1 handed=2 updated=5");
        assert_eq!(story.to_string().parse(), Ok(story));
        assert_eq!("".parse(), Ok(Story::default()));
        assert!("stored".parse::<Story>().is_err() && "eaten=1".parse::<Story>().is_err());
        for stage in Stage::ALL {
            let mut story = Story::default();
            story.add(stage, u64::MAX);
            assert_eq!(story.to_string().parse(), Ok(story));
        }
    }

    #[test]
    fn numbers_of_states_and_debts_read_back() {
        for state in RowState::ALL {
            assert_eq!(RowState::from_number(state.number()), Some(state));
        }
        for owed in [Owed::Nothing, Owed::Removal, Owed::Update] {
            assert_eq!(Owed::from_number(owed.number()), Some(owed));
        }
        assert_eq!((RowState::from_number(9), Owed::from_number(3)), (None, None));
    }
}
