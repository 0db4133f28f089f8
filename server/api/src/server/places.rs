//! The connections of a listener: how many one address has, so that none takes the places of all others, and which of them make room.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::lines::Lines;

/// How long a connection has for its first answer before it may have to make room for another of its address: who opens hundreds at
/// once with a key means no harm.
const FRESH_TIME: Duration = Duration::from_secs(1);

/// How many connections there may be. A known one has shown that who is behind it may be here; all others are strangers' at first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// At once.
    pub(super) all: usize,
    /// Beyond that, for whoever looks after the server.
    pub(super) reserved: usize,
    /// Of one address (IPv6: one /64).
    pub(super) of_one: usize,
    /// Strangers' of one address, beside those that have just come.
    pub(super) strange_of_one: usize,
}

/// The places of a listener.
#[derive(Debug)]
pub(super) struct Places {
    limits: Limits,
    taken: Mutex<Taken>,
    lines: Lines,
}

#[derive(Debug, Default)]
struct Taken {
    connections: HashMap<u64, Connection>,
    sources: HashMap<IpAddr, Source>,
    /// Numbers connections, and the moments at which they began to wait.
    count: u64,
}

#[derive(Debug)]
struct Connection {
    /// None is the operator's socket.
    source: Option<IpAddr>,
    is_known: bool,
    /// How many of its requests are worked on.
    requests: usize,
    /// Since when there are none.
    waiting_since: u64,
    /// Until when it has just come; none once it was answered.
    fresh_until: Option<Instant>,
    let_go: Arc<Notify>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Source {
    all: usize,
    strange: usize,
}

/// A place that is taken, up to its drop.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    is_reserved: bool,
    let_go: Arc<Notify>,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, taken: Mutex::default(), lines: Lines::default() })
    }

    /// A place for one more connection, of an address or of the operator. Where there are too many, one that waits for a request makes
    /// room: a stranger's first, and the one that has waited longest. None when there is no such.
    pub(super) fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        let let_go = Arc::new(Notify::new());
        let (entered, is_short) = self.lock().enter(self.limits, address.map(source), &let_go);
        if is_short {
            self.tell(address);
        }
        let (number, is_reserved) = entered?;
        Some(Place { places: Arc::clone(self), number, is_reserved, let_go })
    }

    /// Lets go of one that waits for a request, if there is any: the files have run out.
    pub(super) fn make_room(&self) {
        self.lock().make_room();
    }

    fn tell(&self, address: Option<IpAddr>) {
        if let (Some(count), Some(address)) = (self.lines.count(Instant::now()), address) {
            tracing::warn!(
                %address,
                count,
                "too many HTTP connections of one address or of all: those without an API key that wait for a request are let go"
            );
        }
    }

    /// Nothing that holds the lock leaves the counts half changed.
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// One more connection: its number, and whether its place is a reserved one. Beside that whether there were too many.
    fn enter(&mut self, limits: Limits, source: Option<IpAddr>, let_go: &Arc<Notify>) -> (Option<(u64, bool)>, bool) {
        let mut is_short = false;
        let now = Instant::now();
        let own = source.and_then(|source| self.sources.get(&source)).copied().unwrap_or_default();
        let is_full = own.all >= limits.of_one;
        if is_full || own.strange >= limits.strange_of_one {
            let is_own = |other: &Connection| other.source == source;
            is_short = self.let_go(|other| is_own(other) && !other.is_known && !other.is_fresh(now));
            if is_full && !is_short {
                is_short = true;
                if !self.let_go(is_own) {
                    return (None, is_short);
                }
            }
        }
        if self.connections.len() >= limits.all {
            is_short = true;
            self.make_room();
        }
        let is_reserved = self.connections.len() >= limits.all;
        if self.connections.len() >= limits.all.saturating_add(limits.reserved) {
            return (None, is_short);
        }
        self.count += 1;
        let number = self.count;
        let connection = Connection {
            source,
            is_known: source.is_none(),
            requests: 0,
            waiting_since: number,
            fresh_until: Some(now + FRESH_TIME),
            let_go: Arc::clone(let_go),
        };
        self.connections.insert(number, connection);
        if let Some(source) = source {
            let own = self.sources.entry(source).or_default();
            (own.all, own.strange) = (own.all + 1, own.strange + 1);
        }
        (Some((number, is_reserved)), is_short)
    }

    fn make_room(&mut self) -> bool {
        self.let_go(|other| !other.is_known) || self.let_go(|_| true)
    }

    /// Lets go of the one that has waited longest; false when none waits.
    fn let_go(&mut self, may_go: impl Fn(&Connection) -> bool) -> bool {
        let waiting = self.connections.iter().filter(|(_, other)| other.requests == 0 && may_go(other));
        let longest = waiting.min_by_key(|(_, other)| other.waiting_since).map(|(number, _)| *number);
        let gone = longest.and_then(|number| self.leave(number));
        if let Some(gone) = &gone {
            gone.let_go.notify_one();
        }
        gone.is_some()
    }

    fn leave(&mut self, number: u64) -> Option<Connection> {
        let gone = self.connections.remove(&number)?;
        if let Some(source) = gone.source
            && let Some(own) = self.sources.get_mut(&source)
        {
            own.all = own.all.saturating_sub(1);
            own.strange = own.strange.saturating_sub(usize::from(!gone.is_known));
            if own.all == 0 {
                self.sources.remove(&source);
            }
        }
        Some(gone)
    }

    fn end(&mut self, number: u64, is_known: bool) -> bool {
        self.count += 1;
        let count = self.count;
        let Some(connection) = self.connections.get_mut(&number) else { return false };
        connection.requests = connection.requests.saturating_sub(1);
        connection.waiting_since = count;
        connection.fresh_until = None;
        let is_waiting = connection.requests == 0;
        if is_known && !std::mem::replace(&mut connection.is_known, true) {
            let source = connection.source.and_then(|source| self.sources.get_mut(&source));
            source.into_iter().for_each(|own| own.strange = own.strange.saturating_sub(1));
        }
        is_waiting
    }
}

impl Connection {
    fn is_fresh(&self, now: Instant) -> bool {
        self.fresh_until.is_some_and(|until| now < until)
    }
}

impl Place {
    /// Whether it is one of those for whoever looks after the server.
    pub(super) const fn is_reserved(&self) -> bool {
        self.is_reserved
    }

    /// Waits until it makes room for another.
    pub(super) async fn is_let_go(&self) {
        self.let_go.notified().await;
    }

    /// A request has begun: until its end the connection makes room for nobody. False when it has made room already.
    pub(super) fn begin(&self) -> bool {
        let mut taken = self.places.lock();
        let Some(connection) = taken.connections.get_mut(&self.number) else { return false };
        connection.requests += 1;
        true
    }

    /// A request has ended, behind which the connection is known or not; whether it was the last.
    pub(super) fn end(&self, is_known: bool) -> bool {
        self.places.lock().end(self.number, is_known)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().leave(self.number);
    }
}

/// What is counted together: an address, or the /64 that a subscriber of IPv6 has.
fn source(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    const LIMITS: Limits = Limits { all: 6, reserved: 1, of_one: 4, strange_of_one: 2 };

    fn take(places: &Arc<Places>, text: &str) -> Option<Place> {
        places.take(Some(text.parse().expect("an address")))
    }

    /// A place whose connection works on a request.
    fn busy(places: &Arc<Places>, text: &str) -> Place {
        let place = take(places, text).expect("a place");
        assert!(place.begin());
        place
    }

    /// A place whose connection is known, and waits.
    fn known(places: &Arc<Places>, text: &str) -> Place {
        let place = busy(places, text);
        assert!(place.end(true));
        place
    }

    async fn is_let_go(place: &Place) -> bool {
        timeout(Duration::from_millis(1), place.is_let_go()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_of_one_address_make_room_for_each_other_and_others_have_theirs() {
        let places = Places::new(LIMITS);
        let (first, second) = (take(&places, "192.0.2.1").expect("room"), take(&places, "192.0.2.1").expect("room"));
        let other = take(&places, "192.0.2.2").expect("room");
        // The first has been heard of since, so that the second has waited longest.
        assert!(first.begin() && first.end(false));
        advance(FRESH_TIME).await;
        let third = take(&places, "192.0.2.1").expect("one makes room");
        assert_eq!((is_let_go(&first).await, is_let_go(&second).await, is_let_go(&other).await), (false, true, false));
        assert!(first.begin() && !second.begin(), "who has made room begins nothing more");
        let fresh = take(&places, "192.0.2.1").expect("two have just come");
        assert!(!is_let_go(&third).await);
        assert!(third.begin() && fresh.begin());
        let last = busy(&places, "192.0.2.1");
        assert!(take(&places, "192.0.2.1").is_none(), "who works on something makes room for nobody");
        drop((first, second, third, fresh, other, last));
        assert!(places.lock().connections.is_empty() && places.lock().sources.is_empty(), "who has gone is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_are_known_have_more_places_and_keep_them_longer() {
        let places = Places::new(LIMITS);
        let own: Vec<Place> = (0..4).map(|_| known(&places, "192.0.2.1")).collect();
        let stranger = take(&places, "192.0.2.2").expect("room");
        // An address that has all it may makes room by itself, also by one that is known.
        let (oldest, rest) = own.split_first().expect("four");
        let fifth = known(&places, "192.0.2.1");
        assert!(is_let_go(oldest).await && !is_let_go(&stranger).await);
        // All places are taken: strangers go first.
        let sixth = busy(&places, "192.0.2.3");
        let seventh = busy(&places, "192.0.2.4");
        assert!(is_let_go(&stranger).await && !seventh.is_reserved());
        for place in rest {
            assert!(!is_let_go(place).await && place.begin());
        }
        assert!(fifth.begin());
        // Nothing waits: what is reserved is left, and that can be taken again and again.
        let reserved = take(&places, "192.0.2.5").expect("a reserved place");
        assert!(reserved.is_reserved());
        let next = take(&places, "192.0.2.6").expect("the reserved one makes room");
        assert!(next.is_reserved() && is_let_go(&reserved).await);
        assert!(next.begin() && take(&places, "192.0.2.7").is_none());
        drop(sixth);
        assert!(take(&places, "192.0.2.7").is_some());
    }

    #[tokio::test]
    async fn a_network_of_ipv6_counts_as_one_and_the_operator_as_none() {
        let places = Places::new(Limits { of_one: 1, ..LIMITS });
        let _taken = busy(&places, "2001:db8:0:1::1");
        assert!(take(&places, "2001:db8:0:1:ffff::2").is_none());
        assert!(take(&places, "2001:db8:0:2::1").is_some());
        let operators: Vec<_> = (0..4).map(|_| places.take(None)).collect();
        assert!(operators.iter().all(Option::is_some));
    }
}
