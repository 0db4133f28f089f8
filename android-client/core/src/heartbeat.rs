//! When to send a heartbeat and when its missing answer means that the connection is dead (DESIGN §6).

/// The longest wait for anything to be received after a heartbeat.
pub const ANSWER_MS_MAX: u64 = 30_000;
/// The wait for an answer to the probe that follows a network change: the road is probably gone.
pub const PROBE_ANSWER_MS: u64 = 5_000;
/// What the server adds to twice the promised interval before it closes a silent session (DESIGN §5).
pub const SERVER_GRACE_MS: u64 = 10_000;

/// Chooses the interval. A fixed one is built in; one that learns per network takes the same three calls.
pub trait Interval: Send {
    /// The longest silence before a heartbeat, in milliseconds, at most `max_ms`, which is the server's bound.
    fn interval_ms(&self, max_ms: u64) -> u64;
    /// A quiet period of `quiet_ms` was survived: the heartbeat behind it was answered.
    fn survived(&mut self, quiet_ms: u64);
    /// The connection was silently dropped during a quiet period of `quiet_ms`.
    fn dropped(&mut self, quiet_ms: u64);
}

/// Always the same interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// The interval in milliseconds.
    pub interval_ms: u64,
}

impl Interval for Fixed {
    fn interval_ms(&self, max_ms: u64) -> u64 {
        self.interval_ms.min(max_ms).max(1_000)
    }

    fn survived(&mut self, _quiet_ms: u64) {}

    fn dropped(&mut self, _quiet_ms: u64) {}
}

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

/// The heartbeat of one online session.
pub struct Heartbeat {
    interval: Box<dyn Interval>,
    interval_ms_max: u64,
    received_ms: u64,
    sent_ms: u64,
    /// Since when an answer is awaited, and until when.
    awaiting: Option<(u64, u64)>,
}

impl Heartbeat {
    /// A heartbeat with this choice of interval, for a session that begins with [`Self::start`].
    #[must_use]
    pub fn new(interval: Box<dyn Interval>) -> Self {
        Self { interval, interval_ms_max: u64::MAX, received_ms: 0, sent_ms: 0, awaiting: None }
    }

    /// The interval that the client promises, in milliseconds.
    #[must_use]
    pub fn interval_ms(&self) -> u64 {
        self.interval.interval_ms(self.interval_ms_max)
    }

    /// A session begins; `interval_ms_max` is the server's bound.
    pub fn start(&mut self, now_ms: u64, interval_ms_max: Option<u64>) {
        self.interval_ms_max = interval_ms_max.unwrap_or(u64::MAX);
        (self.received_ms, self.sent_ms, self.awaiting) = (now_ms, now_ms, None);
    }

    /// Something was received: whatever it is, it counts.
    pub fn received(&mut self, now_ms: u64) {
        if let Some((quiet_since, _)) = self.awaiting.take() {
            self.interval.survived(self.sent_ms.saturating_sub(quiet_since));
        }
        self.received_ms = now_ms;
    }

    /// Something was sent: the server's patience starts again.
    pub fn sent(&mut self, now_ms: u64) {
        self.sent_ms = now_ms;
    }

    /// The network changed below a live session: a heartbeat is sent at once, and its answer must come soon.
    pub fn probe(&mut self, now_ms: u64) -> Beat {
        self.send(now_ms, PROBE_ANSWER_MS)
    }

    /// When [`Self::handle_timeout`] must be called.
    #[must_use]
    pub fn due_ms(&self) -> u64 {
        let interval = self.interval_ms();
        let quiet = self.received_ms.saturating_add(interval);
        let silent = self.sent_ms.saturating_add(interval.saturating_mul(2));
        self.awaiting.map_or(quiet.min(silent), |(_, until)| until)
    }

    /// Decides what is to be done at `now_ms`.
    pub fn handle_timeout(&mut self, now_ms: u64) -> Beat {
        if now_ms < self.due_ms() {
            return Beat::Nothing;
        }
        if let Some((quiet_since, _)) = self.awaiting.take() {
            self.interval.dropped(self.sent_ms.saturating_sub(quiet_since));
            return Beat::Lost;
        }
        let interval = self.interval_ms();
        if now_ms > self.sent_ms.saturating_add(interval.saturating_mul(2)).saturating_add(SERVER_GRACE_MS) {
            return Beat::Lost; // asleep for longer than the server waits: it has closed the session
        }
        self.send(now_ms, ANSWER_MS_MAX.min(interval))
    }

    fn send(&mut self, now_ms: u64, answer_ms: u64) -> Beat {
        self.awaiting = Some((self.received_ms, now_ms.saturating_add(answer_ms)));
        self.sent_ms = now_ms;
        Beat::Send
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat() -> Heartbeat {
        let mut heartbeat = Heartbeat::new(Box::new(Fixed { interval_ms: 240_000 }));
        heartbeat.start(0, None);
        heartbeat
    }

    #[test]
    fn anything_received_counts_as_a_heartbeat() {
        let mut heartbeat = heartbeat();
        heartbeat.received(100_000);
        assert_eq!(heartbeat.handle_timeout(240_000), Beat::Nothing);
        assert_eq!(heartbeat.due_ms(), 340_000);
        assert_eq!(heartbeat.handle_timeout(340_000), Beat::Send);
    }

    #[test]
    fn the_server_hears_of_us_before_its_patience_ends() {
        let mut heartbeat = heartbeat();
        for at in (0..480_000).step_by(60_000) {
            heartbeat.received(at);
        }
        assert_eq!(heartbeat.due_ms(), 480_000, "received all the time, but nothing was sent");
        assert_eq!(heartbeat.handle_timeout(480_000), Beat::Send);
    }

    #[test]
    fn an_unanswered_heartbeat_is_a_lost_connection() {
        let mut heartbeat = heartbeat();
        assert_eq!(heartbeat.handle_timeout(240_000), Beat::Send);
        assert_eq!(heartbeat.handle_timeout(240_000 + ANSWER_MS_MAX - 1), Beat::Nothing);
        assert_eq!(heartbeat.handle_timeout(240_000 + ANSWER_MS_MAX), Beat::Lost);
    }

    #[test]
    fn an_answered_heartbeat_starts_the_next_quiet_period() {
        let mut heartbeat = heartbeat();
        assert_eq!(heartbeat.handle_timeout(240_000), Beat::Send);
        heartbeat.received(240_100);
        assert_eq!(heartbeat.due_ms(), 480_100);
    }

    #[test]
    fn a_probe_has_a_short_patience() {
        let mut heartbeat = heartbeat();
        assert_eq!(heartbeat.probe(1_000), Beat::Send);
        assert_eq!(heartbeat.handle_timeout(1_000 + PROBE_ANSWER_MS), Beat::Lost);
    }

    #[test]
    fn f14_a_jump_past_the_servers_patience_is_one_lost_connection_and_no_burst() {
        let mut heartbeat = heartbeat();
        assert_eq!(heartbeat.handle_timeout(10 * 240_000), Beat::Lost);
    }

    #[test]
    fn the_servers_bound_is_respected() {
        let mut heartbeat = heartbeat();
        heartbeat.start(0, Some(60_000));
        assert_eq!(heartbeat.interval_ms(), 60_000);
        assert_eq!(heartbeat.due_ms(), 60_000);
    }
}
