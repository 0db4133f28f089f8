//! Deadlines: what is due on a connection, and when its host is to call next.

use longwire_model::SessionEnd;

use crate::host::{Host, Timer};
use crate::worker::{BLOCKED_MS, Worker};

impl<H: Host> Worker<H> {
    /// A timer has come up: does what is due.
    pub fn handle_timer(&mut self, timer: Timer) {
        let slot = usize::try_from(timer.slot).unwrap_or(usize::MAX);
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if connection.timer.is_none_or(|(stamp, _)| stamp != timer.stamp) {
            return;
        }
        connection.timer = None;
        self.time_out(slot);
        self.touched.push(slot);
        self.settle();
    }

    fn time_out(&mut self, slot: usize) {
        let now_ms = self.now.mono_ms;
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let is_stuck = connection.blocked_since_ms().is_some_and(|since| now_ms >= since.saturating_add(BLOCKED_MS));
        if is_stuck || connection.linger_until_ms().is_some_and(|until| now_ms >= until) {
            if is_stuck {
                self.end_session(slot, SessionEnd::Slow);
            }
            return self.remove(slot);
        }
        connection.stream.handle_timeout(now_ms, &mut self.out);
        self.drain_outbox(slot);
        self.ask_again(slot);
        self.go_on_after_pause(slot);
        if let Some(key) = self.key(slot)
            && self.shard.poll_timeout(key, self.now).is_some_and(|due_ms| due_ms <= now_ms)
        {
            self.shard.timeout(key, self.now, &mut self.outputs);
        }
    }

    /// A session that had sent too much may go on.
    fn go_on_after_pause(&mut self, slot: usize) {
        let now_ms = self.now.mono_ms;
        let state = self.connections.get_mut(slot).and_then(|connection| connection.session.as_mut());
        if state.is_some_and(|state| state.end_pause(now_ms)) {
            self.go_on(slot);
        }
    }

    /// Sets the timers of the connections whose deadline may have moved.
    pub(crate) fn reschedule(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for slot in touched.drain(..) {
            let Some(due_ms) = self.deadline(slot) else { continue };
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            if connection.timer.is_none_or(|(_, set_ms)| due_ms < set_ms) {
                connection.timer = Some((self.host.set_timer(slot, due_ms), due_ms));
            }
        }
        self.touched = touched;
    }

    fn deadline(&self, slot: usize) -> Option<u64> {
        let connection = self.connections.get(slot)?;
        let stream = connection.stream.poll_timeout().map(|(due_ms, _)| due_ms);
        let blocked = connection.blocked_since_ms().map(|since| since.saturating_add(BLOCKED_MS));
        let paused = connection.session.as_ref().and_then(|state| state.paused_until_ms());
        let put_off = self.put_off.get(&slot).map(|put_off| put_off.due_ms);
        let pushes = self.key(slot).and_then(|key| self.shard.poll_timeout(key, self.now));
        [stream, blocked, connection.linger_until_ms(), paused, put_off, pushes].into_iter().flatten().min()
    }
}
