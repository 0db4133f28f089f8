//! A session that is online: entries, cursors, IQs, acknowledgements and reports.

use longwire_protocol::push::{Ack, Bound, CursorMoved, Entry, Lane, Request, UserChanged};
use longwire_protocol::stanza::{Condition, ErrorType, Iq, IqType};
use longwire_protocol::{Element, Jid, ns};

use super::Machine;
use crate::action::{Action, Actions};
use crate::batch::BATCH_BYTES_MAX;
use crate::heartbeat::Bounds;
use crate::inbox::{Change, KEPT_MS};
use crate::journal::Then;
use crate::requests::Requests;
use crate::state::{Online, State};
use crate::task::Ending;

/// Old ids and seqs are forgotten once a day at most.
const PRUNE_EVERY_MS: u64 = 24 * 3_600_000;

impl Machine {
    /// The login is durable: acknowledge what the server does not know that we have, then live.
    pub(super) fn go_online(
        &mut self,
        connection: u64,
        bound: Bound,
        jid: String,
        now_ms: u64,
        actions: &mut Actions<'_>,
    ) {
        self.targets.finish_round();
        let link = self.link.as_mut().filter(|link| link.number == connection);
        let Some(link) = link else { return }; // it ended meanwhile
        link.online_since_ms = Some(now_ms);
        let restated = link.restated.take();
        let ms = |seconds: u32| u64::from(seconds).saturating_mul(1_000);
        let min_ms = bound.heartbeat_min_s.map(ms);
        self.heartbeat.start(now_ms, Bounds { min_ms, max_ms: Some(ms(bound.heartbeat_max_s)) });
        if let Some(ack) = first_ack(&bound, restated) {
            self.send_ack(&ack, now_ms, actions);
        }
        let user = self.record.user.clone();
        self.set_state(State::Online(Online { device: bound.device, jid, user }), actions);
        self.promise_anew(now_ms, actions);
        self.ask(now_ms, actions);
        self.hand_held();
        self.prune(now_ms);
    }

    /// An element of a session. Pushes count only when they come from the server or from this very account (STZ-15).
    pub(super) fn session_element(&mut self, element: Element, now_ms: u64, actions: &mut Actions<'_>) {
        match (element.ns(), element.name()) {
            (ns::CLIENT, "message") if Entry::is_in(&element) && self.is_ours(&element) => {
                // An entry without a readable position is passed over: the next one moves the cursor.
                self.batch.add_message(&element).unwrap_or_default();
            }
            (ns::CLIENT, "iq") => self.iq(element, now_ms, actions),
            (ns::PUSH, "cursor") => {
                if let Ok(cursor) = CursorMoved::from_element(&element) {
                    self.batch.add_cursor(cursor);
                }
            }
            (ns::PUSH, "user") => {
                if let Ok(user) = UserChanged::from_element(&element) {
                    self.user_changed(user.name, actions);
                }
            }
            (_, _) => {}
        }
        if self.batch.bytes + self.journal.payload_bytes() > BATCH_BYTES_MAX {
            self.end(Ending::protocol("the server sends far more than its window"), now_ms, actions);
        }
    }

    fn is_ours(&self, stanza: &Element) -> bool {
        let Some(from) = stanza.attr("from") else { return true };
        let Ok(from) = Jid::new(from) else { return false };
        from == self.config.domain || self.own_bare_jid().is_some_and(|own| own == from)
    }

    fn own_bare_jid(&self) -> Option<Jid> {
        let account = self.record.account.as_ref()?;
        Jid::new(&format!("{}@{}", account.name, self.config.domain)).ok()
    }

    fn user_changed(&mut self, user: Option<String>, actions: &mut Actions<'_>) {
        self.batch.add_user(user.clone());
        self.record.user.clone_from(&user);
        if let State::Online(online) = &self.state {
            let online = Online { user, ..online.clone() };
            self.set_state(State::Online(online), actions);
        }
    }

    /// What one read brought becomes one durable step with one acknowledgement behind it.
    pub(super) fn flush_batch(&mut self) {
        let Some(link) = &self.link else { return };
        let connection = link.number;
        let batch = self.batch.take();
        for change in batch.changes {
            self.journal.add(change);
        }
        let (normal, background) = (batch.normal, batch.background);
        if normal.is_some() || background.is_some() {
            self.journal.then(Then::Acknowledge { connection, normal, background });
        }
    }

    /// Entries and cursor are durable: the server may forget them.
    pub(super) fn acknowledge(
        &mut self,
        connection: u64,
        normal: Option<u64>,
        background: Option<u64>,
        now_ms: u64,
        actions: &mut Actions<'_>,
    ) {
        if self.cursor_of_link != connection {
            return; // a newer login has set the cursor since, perhaps in another generation
        }
        for (lane, seq) in [(Lane::Normal, normal), (Lane::Background, background)] {
            if let Some(seq) = seq {
                self.record.apply(&Change::Cursor { lane, seq });
            }
        }
        if self.link.as_ref().is_some_and(|link| link.number == connection) {
            self.send_ack(&Ack { normal, background, stored: None, stored_background: None }, now_ms, actions);
        }
    }

    fn send_ack(&mut self, ack: &Ack, now_ms: u64, actions: &mut Actions<'_>) {
        self.heartbeat.sent(now_ms);
        actions.push(Action::Acknowledge(ack.to_element().to_stream_bytes()));
    }

    fn iq(&mut self, element: Element, now_ms: u64, actions: &mut Actions<'_>) {
        let is_ours = self.is_ours(&element);
        let Ok(iq) = Iq::from_element(element) else { return };
        if is_ours && Requests::is_answer(&iq) {
            let answered = self.requests.answered(&iq);
            actions.extend(answered.map(|(number, answer)| Action::Answered { number, answer }));
            return self.ask(now_ms, actions);
        }
        match &iq.kind {
            IqType::Get(payload) if is_ours && payload.is(ns::PING, "ping") => {
                self.write_element(&iq.result_for(None).to_element(), now_ms, actions);
            }
            IqType::Get(_) | IqType::Set(_) => {
                self.write_element(&iq.error_for(Condition::ServiceUnavailable).to_element(), now_ms, actions);
            }
            IqType::Error(error) if is_ours && (error.error_type == ErrorType::Wait || error.retry_after.is_some()) => {
                self.reports.postpone(&iq.id, error.retry_after, now_ms, actions.random_u64());
            }
            IqType::Result(_) | IqType::Error(_) if is_ours => {
                if let Some(report) = self.reports.answered(&iq.id) {
                    self.journal.add(Change::Reported(report));
                }
                self.tell(now_ms, actions);
            }
            IqType::Result(_) | IqType::Error(_) => {}
        }
    }

    /// The pause after which the server may take what it could not is over.
    pub(super) fn tell_again(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        self.reports.resume();
        self.tell(now_ms, actions);
    }

    /// Tells the server what it has not been told, a few at a time.
    pub(super) fn tell(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        if !matches!(self.state, State::Online(_)) {
            return;
        }
        while let Some((id, report)) = self.reports.next() {
            self.write_element(&Iq::set(id, report.to_element()).to_element(), now_ms, actions);
        }
    }

    /// The app asks for something.
    pub(super) fn request(&mut self, number: u64, request: Request, now_ms: u64, actions: &mut Actions<'_>) {
        match self.requests.add(number, request) {
            Ok(()) => self.ask(now_ms, actions),
            Err(refusal) => actions.push(Action::Answered { number, answer: Err(refusal) }),
        }
    }

    /// Asks what waits to be asked.
    fn ask(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        if !matches!(self.state, State::Online(_)) {
            return;
        }
        while let Some(iq) = self.requests.next() {
            self.write_element(&iq.to_element(), now_ms, actions);
        }
    }

    fn prune(&mut self, now_ms: u64) {
        let at_ms = self.clock.at(now_ms);
        if self.pruned_ms.is_none_or(|last| at_ms.saturating_sub(last) >= PRUNE_EVERY_MS) {
            self.pruned_ms = Some(at_ms);
            self.journal.add(Change::Prune { before_ms: at_ms.saturating_sub(KEPT_MS) });
        }
    }
}

/// The acknowledgement that is due at once when the effective cursor is above the record (DESIGN rule 9).
fn first_ack(
    bound: &Bound,
    restated: Option<(longwire_protocol::push::SeqSet, longwire_protocol::push::SeqSet)>,
) -> Option<Ack> {
    let (normal, background) = restated?;
    let is_above = (bound.cursor.normal > bound.recorded_normal, bound.cursor.background > bound.recorded_background);
    (is_above.0 || is_above.1).then(|| Ack {
        normal: is_above.0.then_some(bound.cursor.normal),
        background: is_above.1.then_some(bound.cursor.background),
        stored: is_above.0.then_some(normal),
        stored_background: is_above.1.then_some(background),
    })
}
