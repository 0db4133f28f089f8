//! What happened in worlds, counted: faults with and without something in flight, traffic, and where the oracle was lenient.

use std::collections::BTreeMap;

/// What goes wrong in a world, or changes hands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Everything of one phone is slow for a while.
    Latency,
    /// Bytes are lost: they come late, and then the connection breaks.
    Loss,
    /// Nothing passes any more, and nobody is told.
    SilentDrop,
    /// The connection ends for both sides at once.
    Reset,
    /// A connection idle for longer than its network remembers passes nothing any more.
    NatIdleCut,
    /// The phone takes nothing off its socket for a while.
    SlowSocket,
    NoNetwork,
    /// Another network takes the place of the first one: the connection is dead, and the phone is told.
    NetworkChange,
    /// Timers fire late, and the network is closed between the windows.
    Doze,
    ProcessDeath,
    /// The process dies on a payload that it has noted.
    DeathWhileParsing,
    /// The phone forgets what its store had not synced, and its clock starts again.
    PowerLoss,
    /// The phone's store refuses everything for a while.
    PhoneDiskFull,
    Wipe,
    Clone,
    /// A newer session of a device meets its older one on the server.
    Conflict,
    ServerCrash,
    /// The server dies while a group is on its way to the disk: it is forgotten.
    CrashBeforeSync,
    /// The server dies between the commit of a group and its announcement.
    CrashInCommit,
    GracefulRestart,
    /// An old copy takes the place of the server's store.
    Restore,
    ServerClock,
    /// The server's store takes no writes for a while.
    ServerDiskFull,
    /// The server's store answers nothing for a while.
    StoreUnavailable,
    /// The operator removes the account: the phone takes its device over with a new one.
    AccountRemoved,
    /// The store has lost the account.
    AccountLost,
    /// What has ended is swept under load.
    Sweep,
    /// A new generation of the log.
    Generation,
    /// A phone changes its user.
    HandOver,
    /// A phone joins or leaves a topic or a tag.
    MembershipChange,
    /// The operator keeps an account out, and lets it in later.
    AccountDisabled,
    /// The operator changes a password: the phone takes its device over with a new account.
    PasswordChanged,
    /// Memory is short: who connects is told to come later.
    ToldToComeLater,
    /// Memory is full: who connects is turned away without a word.
    TurnedAway,
    /// The server's store fails for good: the process ends, and another one begins.
    StoreFails,
    /// An empty store takes the place of the server's.
    StoreLost,
}

impl Fault {
    /// How many kinds there are.
    pub(crate) const KINDS: usize = 36;
}

/// What is sent and asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Traffic {
    Normal,
    Background,
    ShortTtl,
    Now,
    Filtered,
    Collapsing,
    List,
    Everybody,
    Unusable,
    Deadly,
    Update,
    Recall,
    UserChange,
    TopicOrTagChange,
    /// More than a window at once.
    Burst,
    /// More than the newest entries in memory at once.
    Flood,
    /// A device asked for its user by a token, or for none.
    OwnUser,
    /// A device joined or left a topic or a tag by itself.
    OwnTopicOrTag,
    /// A device asked for what it is a member of.
    Memberships,
    /// A device asked in vain.
    RequestRefused,
    /// Through a user key to several devices of the user.
    ManyDevices,
    /// Opened or dismissed on one device of several.
    Dismissal,
    /// A user has used an action, and it is on disk.
    Action,
    /// A phone logged in by its FAST token, and one whose token was refused.
    TokenLogin,
    TokenRefused,
}

impl Traffic {
    /// How many kinds there are.
    pub(crate) const KINDS: usize = 25;
}

/// Why something is not on a screen, or need not be: then the oracle accepts both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    NotAddressed,
    Unusable,
    /// It ended this way while it may have been on its way.
    Expired,
    Superseded,
    Recalled,
    Dismissed,
    Left,
    Filter,
    /// A timeline that a restored copy ended said otherwise.
    Restored,
    /// It was for a device that the phone was before, or is no more.
    OtherDevice,
    /// The phone's process died three times on it or on something else meanwhile.
    Deaths,
}

/// What happened, over worlds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) accepted: u64,
    pub(crate) shown: u64,
    /// How often each fault happened, and how often with something accepted and unacknowledged in flight.
    pub(crate) faults: BTreeMap<Fault, (u64, u64)>,
    pub(crate) traffic: BTreeMap<Traffic, u64>,
    /// Verdicts of the oracle: once, never, and either by reason.
    pub(crate) once: u64,
    pub(crate) never: u64,
    pub(crate) either: BTreeMap<Reason, u64>,
}

impl Tally {
    pub(crate) fn fault(&mut self, fault: Fault, in_flight: bool) {
        let counts = self.faults.entry(fault).or_default();
        counts.0 += 1;
        counts.1 += u64::from(in_flight);
    }

    pub(crate) fn traffic(&mut self, traffic: Traffic) {
        *self.traffic.entry(traffic).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.shown += other.shown;
        self.once += other.once;
        self.never += other.never;
        for (fault, (times, in_flight)) in &other.faults {
            let counts = self.faults.entry(*fault).or_default();
            counts.0 += times;
            counts.1 += in_flight;
        }
        for (traffic, times) in &other.traffic {
            *self.traffic.entry(*traffic).or_default() += times;
        }
        for (reason, times) in &other.either {
            *self.either.entry(*reason).or_default() += times;
        }
    }

    /// What happened, as a table.
    pub(crate) fn table(&self) -> String {
        let mut lines = vec![format!("{:<18} {:>9} {:>34}", "fault", "times", "with an accepted entry in flight")];
        for (fault, (times, in_flight)) in &self.faults {
            lines.push(format!("{:<18} {times:>9} {in_flight:>34}", format!("{fault:?}")));
        }
        lines.push(format!("{:<18} {:>9}", "traffic", "times"));
        for (traffic, times) in &self.traffic {
            lines.push(format!("{:<18} {times:>9}", format!("{traffic:?}")));
        }
        let either: u64 = self.either.values().sum();
        lines.push(format!("the oracle says: once {}, never {}, either {either}", self.once, self.never));
        for (reason, times) in &self.either {
            lines.push(format!("  either: {:<12} {times:>9}", format!("{reason:?}")));
        }
        lines.join("\n")
    }

    /// Kinds that happened fewer than `least` times, and an oracle that is too lenient, as one line; none when the coverage is as asked.
    pub(crate) fn rare(&self, least: u64) -> Option<String> {
        let faults = self.faults.iter().filter(|(_, (_, in_flight))| *in_flight < least);
        let mut rare: Vec<String> = faults.map(|(fault, (_, times))| format!("{fault:?} {times}")).collect();
        let traffic = self.traffic.iter().filter(|(_, times)| **times < least);
        rare.extend(traffic.map(|(traffic, times)| format!("{traffic:?} {times}")));
        let either: u64 = self.either.values().sum();
        if self.once < either {
            rare.push(format!("the oracle knows of {} that they must be shown, and of {either} nothing", self.once));
        }
        if self.faults.len() != Fault::KINDS || self.traffic.len() != Traffic::KINDS {
            rare.push(format!("{} faults and {} kinds of traffic at all", self.faults.len(), self.traffic.len()));
        }
        (!rare.is_empty()).then(|| rare.join(", "))
    }
}
