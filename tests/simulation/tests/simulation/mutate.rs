//! Bugs that somebody could write, planted at the seams around the product: in what the server's managers tell its worker, in what its
//! store does, in what its connections carry, in what a phone's store keeps. None lies within the product.

pub(crate) mod phone;
pub(crate) mod server;
pub(crate) mod store;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use store::StoreMutant;

use crate::env;

/// Worlds in which a mutation must be caught.
const WORLDS: u64 = 1_000;

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mutation {
    /// The server's disk answers before it has synced.
    AnsweredBeforeSync,
    /// A `seq` is the highest in the log plus one, also after a sweep.
    CounterFromMax,
    /// Cursors are taken as they are stated, whatever generation they are of.
    GenerationIgnored,
    /// Live batches change no membership.
    MembershipsNotApplied,
    /// Who has left is still a member.
    LeaveForgotten,
    /// A registration is no join: a new device starts at the log's beginning.
    RegistrationIsNoJoin,
    /// What was read of a device counts as read when its reading has ended.
    ReadTooLate,
    /// The newest position per key is not known when a device logs in.
    HeadsForgotten,
    /// The newest position per key is that of either lane.
    HeadsOfEitherLane,
    /// A page of the log ends one entry before where it says.
    PageEndsEarly,
    /// A batch is lost, and nobody sees the gap.
    GapNotSeen,
    /// Collapse keys replace nothing.
    NothingSupersedes,
    /// Everybody passes every filter.
    FilterForgotten,
    /// What has not expired is swept.
    SweptEarly,
    /// Some acknowledgements are lost, and those behind them applied although the record is lower than where they start.
    RowOverGap,
    /// A session is sent 10 before 9.
    TenBeforeNine,
    /// The cursor alone is never sent.
    CursorNotTold,
    /// What is written counts as acknowledged.
    WindowForgotten,
    /// An entry does not name the user through whose key it came.
    UserNotNamed,
    /// A silent session is never closed.
    SilenceForever,
    /// Who was not there for now or never is given it later.
    NowOrLater,
    /// Now or never goes also to who is behind.
    NowToWhoIsBehind,
    /// The phone's cursor is on disk, and told, before the entries are.
    AcknowledgedBeforeStored,
    /// The phone has one cursor for both lanes.
    LanesMixed,
    /// The phone does not state its cursor.
    CursorNotStated,
    /// The phone keeps its own cursor where the server's is lower.
    CursorNotLowered,
    /// The first acknowledgement names nothing that was stored.
    NothingRestated,
    /// The phone forgets the seqs that it has acknowledged.
    SeqsForgotten,
    /// The phone keeps the seqs of a timeline that is gone.
    SeqsOfOldTimeline,
    /// The phone forgets the ids too when its cursor goes back.
    IdsForgotten,
    /// The phone hands nothing again after a death.
    RowsNotHandedAgain,
    /// The phone notes nothing before it parses.
    NoteDropped,
    /// The phone takes every death for one on the oldest row.
    EveryDeathCounts,
    /// The phone passes over recalls.
    RecallIgnored,
    /// The phone takes an update of what it does not have for a notification, and the server sends it to who came later.
    UpdateIsNew,
    /// An update forgets the filter of what it is about: it is sent to whom that kept out.
    UpdateUnfiltered,
    /// The phone judges expiry by a wall clock of its own.
    WallClock,
    /// What the phone had to tell dies with its process.
    EventsLost,
    /// The phone keeps the rows of its former user.
    FormerUsersRows,
    /// The sessions of an account that is kept out, or has another password, go on.
    SessionsGoOn,
    /// That an account is kept out is answered, and never written.
    DisabledNotWritten,
    /// A FAST token works on after the account has another password.
    TokenSurvives,
    /// Joins of topics and tags are answered, and never written.
    RequestNotWritten,
    /// Which action was used is not kept.
    ActionLost,
    /// The phone passes over what was dismissed elsewhere.
    DismissalIgnored,
    /// Nobody says that memory is not short any more.
    ShortageForever,
    /// A process whose store has failed for good goes on.
    FailurePassedOver,
    /// A sync that has failed is tried again, and believed.
    SyncTriedAgain,
}

impl Mutation {
    pub(crate) const ALL: [Self; 48] = [
        Self::AnsweredBeforeSync,
        Self::CounterFromMax,
        Self::GenerationIgnored,
        Self::MembershipsNotApplied,
        Self::LeaveForgotten,
        Self::RegistrationIsNoJoin,
        Self::ReadTooLate,
        Self::HeadsForgotten,
        Self::HeadsOfEitherLane,
        Self::PageEndsEarly,
        Self::GapNotSeen,
        Self::NothingSupersedes,
        Self::FilterForgotten,
        Self::SweptEarly,
        Self::RowOverGap,
        Self::TenBeforeNine,
        Self::CursorNotTold,
        Self::WindowForgotten,
        Self::UserNotNamed,
        Self::SilenceForever,
        Self::NowOrLater,
        Self::NowToWhoIsBehind,
        Self::AcknowledgedBeforeStored,
        Self::LanesMixed,
        Self::CursorNotStated,
        Self::CursorNotLowered,
        Self::NothingRestated,
        Self::SeqsForgotten,
        Self::SeqsOfOldTimeline,
        Self::IdsForgotten,
        Self::RowsNotHandedAgain,
        Self::NoteDropped,
        Self::EveryDeathCounts,
        Self::RecallIgnored,
        Self::UpdateIsNew,
        Self::UpdateUnfiltered,
        Self::WallClock,
        Self::EventsLost,
        Self::FormerUsersRows,
        Self::SessionsGoOn,
        Self::DisabledNotWritten,
        Self::TokenSurvives,
        Self::RequestNotWritten,
        Self::ActionLost,
        Self::DismissalIgnored,
        Self::ShortageForever,
        Self::FailurePassedOver,
        Self::SyncTriedAgain,
    ];

    /// Those that only a story shows, and why no world does.
    const IN_STORIES: [(Self, &str); 4] = [
        (Self::CounterFromMax, "the end of a log is seldom swept: finding_02_counter"),
        (Self::HeadsOfEitherLane, "costs a query and loses nothing: finding_25_newest_lane"),
        (Self::NowToWhoIsBehind, "a worker is behind only when its inbox was full: finding_13_now_asof"),
        (Self::SeqsOfOldTimeline, "after a restored copy the worlds accept more states: finding_21_stored_le_eff"),
    ];
}

/// The first attribute of that name.
pub(crate) fn attr<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let begin = format!(" {name}='");
    let rest = &text[text.find(&begin)? + begin.len()..];
    rest.split('\'').next()
}

/// The text with another value for the first attribute of that name.
pub(crate) fn with_attr(text: &str, name: &str, value: &str) -> String {
    let begin = format!(" {name}='");
    let Some(at) = text.find(&begin).map(|at| at + begin.len()) else { return text.to_owned() };
    let Some(end) = text[at..].find('\'').map(|end| at + end) else { return text.to_owned() };
    format!("{}{value}{}", &text[..at], &text[end..])
}

/// The text without the first attribute of that name.
pub(crate) fn without_attr(text: &str, name: &str) -> String {
    let begin = format!(" {name}='");
    let Some(at) = text.find(&begin) else { return text.to_owned() };
    let Some(end) = text[at + begin.len()..].find('\'').map(|end| at + begin.len() + end + 1) else {
        return text.to_owned();
    };
    format!("{}{}", &text[..at], &text[end..])
}

/// The first world that catches a mutation, and what is wrong in it; the same world without the mutation is well.
fn catch(mutation: Mutation, worlds: u64) -> Option<(u64, String)> {
    (1..=worlds).find_map(|seed| {
        let fault = crate::play(seed, Some(mutation)).faults.into_iter().next()?;
        let is_clean = crate::play(seed, None).faults.is_empty();
        is_clean.then_some((seed, fault))
    })
}

#[test]
fn every_planted_mutation_is_caught() {
    let worlds = env("SIMULATION_MUTATION_WORLDS", WORLDS);
    let only = std::env::var("SIMULATION_MUTATION").ok();
    println!("{:<26} {:>5}  what it did", "mutation", "seed");
    let is_in_stories = |mutation: &Mutation| Mutation::IN_STORIES.iter().any(|(told, _)| told == mutation);
    let is_asked = |mutation: &Mutation| only.as_ref().is_none_or(|only| *only == format!("{mutation:?}"));
    let asked: Vec<Mutation> = Mutation::ALL.into_iter().filter(|own| !is_in_stories(own) && is_asked(own)).collect();
    let (next, caught) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(mutation) = asked.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = catch(*mutation, worlds);
                    caught.lock().expect("worlds panic inside").insert(*mutation, result);
                }
            });
        }
    });
    let mut missed = Vec::new();
    for (mutation, result) in caught.into_inner().expect("worlds panic inside") {
        match result {
            Some((seed, fault)) => println!("{:<26} {seed:>5}  {fault}", format!("{mutation:?}")),
            None => missed.push(mutation),
        }
    }
    for (mutation, why) in Mutation::IN_STORIES {
        println!("{:<26} story  {why}", format!("{mutation:?}"));
    }
    println!("{}", crate::played());
    assert!(missed.is_empty(), "not caught in {worlds} worlds: {missed:?}");
}
