//! When to send a heartbeat, when its missing answer means that the connection is dead, and what both say of the network (DESIGN §6).

mod adaptive;
mod interval;
mod learned;

pub use adaptive::{Adaptive, NETWORKS_MAX};
pub use interval::{Bounds, Fixed, Interval, NetworkId};
pub use learned::{FIRST_MS, FLOOR_MS, Learned};

use longwire_protocol::push::HEARTBEAT;

/// The longest wait for anything to be received after a heartbeat.
pub const ANSWER_MS_MAX: u64 = 30_000;
/// The wait for an answer to the probe that follows a network change: the road is probably gone.
pub const PROBE_ANSWER_MS: u64 = 5_000;
/// What the server adds to twice the promised interval before it closes a silent session (DESIGN §5).
pub const SERVER_GRACE_MS: u64 = 10_000;
/// A login within so long after a loss proves that the network was usable all the time: the loss was silence's. It holds a wait and an
/// attempt.
pub const BACK_MS_MAX: u64 = 60_000;
/// A call that comes so much later than it was asked for found the phone asleep.
const ASLEEP_MS: u64 = 10_000;

/// What the heartbeat wants now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Nothing until [`Heartbeat::due_ms`].
    Nothing,
    /// One space must be sent.
    Send,
    /// The connection is dead.
    Lost,
}

/// A heartbeat that was sent.
#[derive(Debug, Clone, Copy)]
struct Awaiting {
    /// Until when its answer is waited for.
    until_ms: u64,
    /// How long nothing had gone over the connection before it; none when that says nothing of the network.
    quiet_ms: Option<u64>,
}

/// The heartbeat of one online session.
pub struct Heartbeat {
    interval: Box<dyn Interval>,
    bounds: Bounds,
    received_ms: u64,
    sent_ms: u64,
    awaiting: Option<Awaiting>,
    network: NetworkId,
    /// The network has changed below the session: its silence says nothing of either.
    is_astray: bool,
    /// The interval that the server was told.
    promised_ms: u64,
    /// When the connection was lost to silence, as it seems.
    dropped_ms: Option<u64>,
}

impl Heartbeat {
    /// A heartbeat with this choice of interval, for a session that begins with [`Self::start`].
    #[must_use]
    pub fn new(interval: Box<dyn Interval>) -> Self {
        Self {
            interval,
            bounds: Bounds::default(),
            received_ms: 0,
            sent_ms: 0,
            awaiting: None,
            network: NetworkId::UNNAMED,
            is_astray: false,
            promised_ms: 0,
            dropped_ms: None,
        }
    }

    /// The interval in force, in milliseconds.
    #[must_use]
    pub fn interval_ms(&self) -> u64 {
        self.interval.interval_ms(self.bounds)
    }

    /// Whether a heartbeat awaits its answer.
    #[must_use]
    pub const fn is_awaiting(&self) -> bool {
        self.awaiting.is_some()
    }

    /// What former processes have learned.
    pub fn restore(&mut self, learned: Vec<Learned>) {
        self.interval.restore(learned);
    }

    /// The interval that a login promises now, in milliseconds.
    pub fn promise(&mut self) -> u64 {
        self.promised_ms = self.interval_ms();
        self.promised_ms
    }

    /// The interval to promise anew, when it is no longer the one that the server was told.
    pub fn promise_anew(&mut self) -> Option<u64> {
        let told_ms = self.promised_ms;
        (self.promise() != told_ms).then_some(self.promised_ms)
    }

    /// What is to be stored, if anything was learned since the last call.
    pub fn take_learned(&mut self) -> Option<Learned> {
        self.interval.take_learned()
    }

    /// The server has accepted a login. One that came about at once proves that the network was there, and what was lost was lost to
    /// silence; later than that, more than silence may have kept this phone from the server.
    pub fn confirm(&mut self, now_ms: u64) {
        match self.dropped_ms.take() {
            Some(dropped_ms) if now_ms.saturating_sub(dropped_ms) <= BACK_MS_MAX => self.interval.confirm(),
            Some(_) => self.interval.absolve(),
            None => {}
        }
    }

    /// A session begins, within the server's bounds. It knows them too: what it was promised counts as if clamped.
    pub fn start(&mut self, now_ms: u64, bounds: Bounds) {
        self.bounds = bounds;
        self.promised_ms = bounds.clamp(self.promised_ms, 1_000);
        (self.received_ms, self.sent_ms, self.awaiting, self.is_astray) = (now_ms, now_ms, None, false);
    }

    /// The network went, or changed, before the phone was back: that may have been the reason.
    pub fn absolve(&mut self) {
        self.interval.absolve();
    }

    /// The session is over.
    pub fn end(&mut self) {
        self.awaiting = None;
    }

    /// These bytes were received: whatever they are, they count. Only the answer alone, a space, proves that the connection has
    /// survived the silence; anything before it may have ended that silence while the phone slept.
    pub fn received(&mut self, bytes: &[u8], now_ms: u64) {
        if let Some(Awaiting { quiet_ms: Some(quiet_ms), .. }) = self.awaiting.take()
            && bytes.first() == Some(&HEARTBEAT)
        {
            self.interval.survived(quiet_ms, self.bounds);
        }
        self.received_ms = now_ms;
    }

    /// Something was sent: the server's patience starts again.
    pub fn sent(&mut self, now_ms: u64) {
        self.sent_ms = now_ms;
    }

    /// The connection was closed from outside. Upon a heartbeat that is the answer of a road that has forgotten it.
    pub fn closed(&mut self, now_ms: u64) {
        if let Some(awaiting) = self.awaiting.take() {
            self.blame(awaiting, now_ms);
        }
    }

    /// The phone is in this network now.
    pub fn enter(&mut self, network: NetworkId) {
        self.interval.enter(network);
        self.is_astray |= std::mem::replace(&mut self.network, network) != network;
    }

    /// The network changed below a live session: a heartbeat is sent at once, and its answer must come soon.
    pub fn probe(&mut self, now_ms: u64) -> Beat {
        self.send(now_ms, PROBE_ANSWER_MS, None)
    }

    /// When [`Self::handle_timeout`] must be called.
    #[must_use]
    pub fn due_ms(&self) -> u64 {
        let interval_ms = self.interval_ms();
        // A quiet period; but neither direction alone may keep a dead connection, or the server's patience, for much longer.
        let quiet = self.received_ms.max(self.sent_ms).saturating_add(interval_ms);
        let one_way = self.received_ms.min(self.sent_ms).saturating_add(interval_ms.saturating_mul(2));
        self.awaiting.map_or(quiet.min(one_way), |awaiting| awaiting.until_ms)
    }

    /// Decides what is to be done at `now_ms`.
    pub fn handle_timeout(&mut self, now_ms: u64) -> Beat {
        if now_ms < self.due_ms() {
            return Beat::Nothing;
        }
        if now_ms > self.sent_ms.saturating_add(self.promised_ms.saturating_mul(2)).saturating_add(SERVER_GRACE_MS) {
            return Beat::Lost; // asleep for longer than the server waits: it has closed the session
        }
        match self.awaiting.take() {
            // The phone slept over the answer, which may not have been read yet.
            Some(awaiting) if now_ms > awaiting.until_ms.saturating_add(ASLEEP_MS) => self.probe(now_ms),
            Some(awaiting) => {
                self.blame(awaiting, now_ms);
                Beat::Lost
            }
            None => {
                let quiet_ms = now_ms.saturating_sub(self.received_ms.max(self.sent_ms));
                self.send(now_ms, ANSWER_MS_MAX.min(self.interval_ms()), Some(quiet_ms).filter(|_| !self.is_astray))
            }
        }
    }

    /// The heartbeat was not answered. It speaks of the interval only when the silence before it was about as long: an alarm that came
    /// late says nothing of the interval, and one that was lost behind fresh traffic nothing of silence.
    fn blame(&mut self, awaiting: Awaiting, now_ms: u64) {
        let interval_ms = self.interval_ms();
        let in_time = interval_ms..=interval_ms + interval_ms / 8 + 1_000;
        if let Some(quiet_ms) = awaiting.quiet_ms.filter(|quiet_ms| in_time.contains(quiet_ms)) {
            self.interval.dropped(quiet_ms, self.bounds);
            self.dropped_ms = Some(now_ms);
        }
    }

    fn send(&mut self, now_ms: u64, answer_ms: u64, quiet_ms: Option<u64>) -> Beat {
        self.awaiting = Some(Awaiting { until_ms: now_ms.saturating_add(answer_ms), quiet_ms });
        self.sent_ms = now_ms;
        Beat::Send
    }
}

#[cfg(test)]
mod tests;
