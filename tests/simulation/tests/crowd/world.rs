//! The network, the limits and the clock.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;

use longwire_client::{Event, Failure, FailureKind};
use longwire_protocol::stream::{StreamCondition, StreamError};
use longwire_worker::caps::{Admission, CapLimits, Caps, Source};

use crate::phone::{Phone, Rng, Wish};

/// No world lasts longer.
const END_MS: u64 = 3_600_000;
/// How long a client that says nothing is kept before its header.
const SILENT_MS: u64 = 10_000;
/// How long somebody stays who is told to go, and how long it takes to come again.
const STRANGER_MS: u64 = 100;
/// What a server needs for a login.
const LOGIN_MS: u64 = 5;

/// Phones behind one address, all of which lose their connection at one moment.
pub(crate) struct Crowd {
    source: Source,
    phones: usize,
    lost_ms: u64,
    /// Connections that are opened and never say anything, as many as the address may have, again and again.
    is_hostile: bool,
}

impl Crowd {
    pub(crate) fn new(address: &str, phones: usize) -> Self {
        Self { source: Source::new(address.parse().expect("an address")), phones, lost_ms: 0, is_hostile: false }
    }

    pub(crate) fn lost_at(self, lost_ms: u64) -> Self {
        Self { lost_ms, ..self }
    }

    pub(crate) fn hostile(self) -> Self {
        Self { is_hostile: true, ..self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The connection breaks.
    Lost,
    Timer,
    /// TCP reaches the server.
    Arrives,
    /// Nobody was there.
    Dropped,
    /// TLS stands.
    Secured,
    /// The request to log in reaches the server.
    Asks,
    Admitted,
    /// Told to come back in so many seconds.
    Told(u32),
    /// The end of a connection reaches the server.
    Leaves,
    /// Somebody who never says anything connects.
    Stranger,
    /// It was closed.
    StrangerLeaves,
}

/// When, in which order, who, on which of its connections, what.
type Due = Reverse<(u64, u64, usize, u32, What)>;

struct Member {
    phone: Phone,
    crowd: usize,
    /// Half a round trip.
    way_ms: u64,
    connection: u32,
    admission: Option<Admission>,
    is_counted: bool,
    attempts: u32,
}

/// What became of a crowd.
#[derive(Default)]
pub(crate) struct Back {
    pub(crate) online: usize,
    pub(crate) first_ms: u64,
    pub(crate) last_ms: u64,
    pub(crate) attempts_max: u32,
    attempts: u64,
    pub(crate) told: u64,
    pub(crate) dropped: u64,
    pub(crate) logins_in_a_second_max: usize,
    second: VecDeque<u64>,
}

impl Back {
    #[expect(clippy::cast_precision_loss, reason = "a mean of small numbers")]
    pub(crate) fn attempts_mean(&self) -> f64 {
        self.attempts as f64 / self.online.max(1) as f64
    }
}

impl fmt::Display for Back {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} online, the first after {} ms, the last after {} ms; ",
            self.online, self.first_ms, self.last_ms
        )?;
        write!(f, "attempts {:.2}, at most {}; ", self.attempts_mean(), self.attempts_max)?;
        write!(f, "told {}, dropped {}; {} logins in a second", self.told, self.dropped, self.logins_in_a_second_max)
    }
}

pub(crate) struct Figures {
    pub(crate) crowds: Vec<Back>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.crowds.iter().try_for_each(|crowd| writeln!(f, "{crowd}"))
    }
}

pub(crate) struct World {
    caps: Caps,
    limits: CapLimits,
    rng: Rng,
    crowds: Vec<Crowd>,
    members: Vec<Member>,
    due: BinaryHeap<Due>,
    order: u64,
    backs: Vec<Back>,
}

impl World {
    pub(crate) fn new(limits: CapLimits, seed: u64) -> Self {
        Self {
            caps: Caps::new(limits),
            limits,
            rng: Rng(seed),
            crowds: Vec::new(),
            members: Vec::new(),
            due: BinaryHeap::new(),
            order: 0,
            backs: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, crowd: Crowd) -> usize {
        let index = self.crowds.len();
        for _ in 0..crowd.phones {
            let member = Member {
                phone: Phone::new(self.rng.next(), true),
                crowd: index,
                way_ms: 20 + self.rng.next() % 180,
                connection: 0,
                admission: None,
                is_counted: false,
                attempts: 0,
            };
            self.members.push(member);
            self.at(crowd.lost_ms, self.members.len() - 1, 0, What::Lost);
        }
        if crowd.is_hostile {
            // Half of them again before the first of them are closed.
            let many = u64::from(self.limits.connections_before_login) * 4;
            (0..many).for_each(|number| self.at(number % SILENT_MS, index, 0, What::Stranger));
        }
        self.crowds.push(crowd);
        self.backs.push(Back::default());
        index
    }

    /// Plays until all phones are online, or for an hour.
    pub(crate) fn run(&mut self) -> Figures {
        self.settle();
        while let Some(Reverse((now_ms, _, index, connection, what))) = self.due.pop() {
            let is_over = self.members.iter().all(|member| member.attempts > 0 && member.phone.is_online());
            if now_ms > END_MS || (is_over && matches!(what, What::Stranger | What::StrangerLeaves)) {
                break;
            }
            self.happens(now_ms, index, connection, what);
        }
        for member in &self.members {
            let back = &mut self.backs[member.crowd];
            back.attempts_max = back.attempts_max.max(member.attempts);
            back.attempts += u64::from(member.attempts);
        }
        Figures { crowds: std::mem::take(&mut self.backs) }
    }

    /// Everybody is online before it begins.
    fn settle(&mut self) {
        for member in &mut self.members {
            member.phone.start(0);
            member.phone.secured(0);
            member.phone.admitted(0);
            assert!(member.phone.is_online());
        }
    }

    fn at(&mut self, due_ms: u64, index: usize, connection: u32, what: What) {
        self.order += 1;
        self.due.push(Reverse((due_ms, self.order, index, connection, what)));
    }

    fn happens(&mut self, now_ms: u64, index: usize, connection: u32, what: What) {
        match what {
            What::Stranger => self.stranger(now_ms, index),
            What::StrangerLeaves => {
                // The place is free for as long as the next one takes to come.
                self.caps.leave(self.crowds[index].source);
                self.at(now_ms + STRANGER_MS, index, 0, What::Stranger);
            }
            What::Leaves => self.leaves(index),
            What::Lost => self.tell(now_ms, index, |phone| phone.event(Event::Closed, now_ms)),
            What::Timer => {
                if self.members[index].phone.due_ms().is_some_and(|due_ms| due_ms <= now_ms) {
                    self.tell(now_ms, index, |phone| phone.timeout(now_ms));
                }
            }
            // The phone has given this connection up; its end is on its way.
            _ if self.members[index].connection != connection => {}
            What::Arrives => self.arrives(now_ms, index, connection),
            What::Dropped => {
                let failure = Failure { kind: FailureKind::Tls, text: "closed".into() };
                self.tell(now_ms, index, |phone| phone.event(Event::ConnectFailed(failure), now_ms));
            }
            What::Secured => self.secured(now_ms, index, connection),
            What::Asks => self.asks(now_ms, index, connection),
            What::Admitted => {
                self.tell(now_ms, index, |phone| phone.admitted(now_ms));
                self.online(now_ms, index);
            }
            What::Told(after_s) => {
                let error = StreamError::new(StreamCondition::ResourceConstraint).with_retry(after_s);
                self.tell(now_ms, index, |phone| phone.refused(&error, now_ms));
            }
        }
    }

    fn tell(&mut self, now_ms: u64, index: usize, tell: impl FnOnce(&mut Phone) -> Vec<Wish>) {
        let wishes = tell(&mut self.members[index].phone);
        let way_ms = self.members[index].way_ms;
        for wish in wishes {
            let connection = self.members[index].connection;
            match wish {
                Wish::Connect => {
                    self.members[index].connection += 1;
                    self.members[index].attempts += 1;
                    self.at(now_ms + 3 * way_ms, index, connection + 1, What::Arrives);
                }
                Wish::Ask => self.at(now_ms + way_ms, index, connection, What::Asks),
                Wish::Close => {
                    self.at(now_ms + way_ms, index, connection, What::Leaves);
                    self.members[index].connection += 1;
                }
            }
        }
        if let Some(due_ms) = self.members[index].phone.due_ms() {
            self.at(due_ms.max(now_ms), index, 0, What::Timer);
        }
    }

    fn source(&self, index: usize) -> Source {
        self.crowds[self.members[index].crowd].source
    }

    fn arrives(&mut self, now_ms: u64, index: usize, connection: u32) {
        let admission = self.caps.enter(self.source(index));
        let member = &mut self.members[index];
        (member.admission, member.is_counted) = (Some(admission), admission != Admission::Dropped);
        let way_ms = member.way_ms;
        if admission == Admission::Dropped {
            self.backs[self.members[index].crowd].dropped += 1;
            return self.at(now_ms + way_ms, index, connection, What::Dropped);
        }
        self.at(now_ms + 2 * way_ms, index, connection, What::Secured);
    }

    fn secured(&mut self, now_ms: u64, index: usize, connection: u32) {
        if self.members[index].admission == Some(Admission::Told) {
            let after_s = self.caps.wait_to_enter(self.source(index), now_ms);
            self.backs[self.members[index].crowd].told += 1;
            return self.at(now_ms, index, connection, What::Told(after_s));
        }
        self.tell(now_ms, index, |phone| phone.secured(now_ms));
    }

    fn asks(&mut self, now_ms: u64, index: usize, connection: u32) {
        let way_ms = self.members[index].way_ms;
        match self.caps.log_in(self.source(index), now_ms) {
            Ok(()) => {
                let back = &mut self.backs[self.members[index].crowd];
                back.second.push_back(now_ms);
                while back.second.front().is_some_and(|login_ms| login_ms + 1_000 <= now_ms) {
                    back.second.pop_front();
                }
                back.logins_in_a_second_max = back.logins_in_a_second_max.max(back.second.len());
                self.leaves(index);
                self.at(now_ms + LOGIN_MS + way_ms, index, connection, What::Admitted);
            }
            Err(after_s) => {
                self.backs[self.members[index].crowd].told += 1;
                self.at(now_ms + way_ms, index, connection, What::Told(after_s));
            }
        }
    }

    /// One connection at a time: what leaves is the one that was counted.
    fn leaves(&mut self, index: usize) {
        if std::mem::take(&mut self.members[index].is_counted) {
            self.caps.leave(self.source(index));
        }
    }

    fn stranger(&mut self, now_ms: u64, crowd: usize) {
        let source = self.crowds[crowd].source;
        let stay_ms = match self.caps.enter(source) {
            Admission::Dropped => return self.at(now_ms + 100, crowd, 0, What::Stranger),
            Admission::Told => STRANGER_MS,
            Admission::Served => SILENT_MS,
        };
        self.at(now_ms + stay_ms, crowd, 0, What::StrangerLeaves);
    }

    fn online(&mut self, now_ms: u64, index: usize) {
        let crowd = self.members[index].crowd;
        let since_ms = now_ms - self.crowds[crowd].lost_ms;
        let back = &mut self.backs[crowd];
        back.online += 1;
        if back.online == 1 {
            back.first_ms = since_ms;
        }
        back.last_ms = since_ms;
    }
}
