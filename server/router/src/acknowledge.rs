//! Acknowledgements: cumulative per lane, as rows that name the record they extend (DESIGN rule 9).

use longwire_model::delivery::{self, Acknowledgement, Ending, Exception};
use longwire_model::{EntryId, Lane, LaneSeqs, Seq, Seqs, Timestamp};

use crate::output::Output;
use crate::session::{Sent, Session};
use crate::shard::{Now, SessionKey, Shard, Stated, Violation};

impl Shard {
    /// A device says up to where it has stored. For a client without our extension: up to where its answered ping stood.
    ///
    /// # Errors
    /// [`Violation`] when the device claims more than it was sent, or owes the list of what it stored; nothing was recorded.
    pub fn acknowledge(
        &mut self,
        key: SessionKey,
        stated: &Stated,
        now: Now,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        let Some(session) = self.sessions.get_mut(&key) else { return Ok(()) };
        let claims = [(Lane::Normal, stated.normal), (Lane::Background, stated.background)];
        for (lane, claim) in claims {
            if claim.is_some_and(|seq| seq > session.lane(lane).told) {
                return Err(Violation::AboveSent);
            }
        }
        if let Some(effective) = session.seldom().owes_stored {
            let stored = stated.stored.as_ref().ok_or(Violation::StoredMissing)?;
            session.record_stored(key, effective, stored, now.wall, out);
        }
        for (lane, claim) in claims {
            let Some(seq) = claim else { continue };
            let settled = session.settle(lane, seq, now);
            let waits = settled.iter().map(|sent| now.wall.millis_since(sent.accepted_at).max(0).unsigned_abs());
            self.stats.acknowledged_ms.extend(waits);
            let sent = settled.iter().map(Sent::kept).collect();
            session.record(key, lane, seq, sent, now, out);
        }
        for lane in Lane::ALL {
            self.catch_up(key, lane, now, out);
            if self.sessions.get(&key).is_some_and(|session| !session.kind.is_push()) {
                self.tell_owed(key, lane, now, out);
            }
        }
        self.probe(key, out);
        Ok(())
    }

    /// A client without our extension says of one entry that it has it, and so everything before it; one that it was not sent by this
    /// session says nothing.
    pub fn confirm(&mut self, key: SessionKey, lane: Lane, seq: Seq, now: Now, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.get(&key) else { return };
        if session.kind.is_push() || !session.is_unacknowledged(lane, seq) {
            return;
        }
        let [normal, background] = Lane::ALL.map(|own| (own == lane).then_some(seq));
        let stated = Stated { normal, background, stored: None };
        let acknowledged = self.acknowledge(key, &stated, now, out);
        debug_assert!(acknowledged.is_ok(), "what is in the window was sent");
    }

    /// The same, of the entry with this id.
    pub fn confirm_id(&mut self, key: SessionKey, id: EntryId, now: Now, out: &mut Vec<Output>) {
        let sent = self.sessions.get(&key).and_then(|session| session.find_sent(id));
        if let Some((lane, seq)) = sent {
            self.confirm(key, lane, seq, now, out);
        }
    }
}

impl Session {
    /// Extends the record to `seq`; `sent` tells when what is settled by that was written.
    pub(crate) fn record(
        &mut self,
        key: SessionKey,
        lane: Lane,
        seq: Seq,
        sent: Vec<delivery::Sent>,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let state = self.lane_mut(lane);
        if seq <= state.base {
            return;
        }
        let exceptions = state.take_exceptions(seq);
        let row = Acknowledgement { lane, from: state.base, to: seq, exceptions, sent, at: now.wall };
        state.base = seq;
        out.push(Output::Acknowledge { session: key, device: self.device(), row });
    }

    /// The effective cursor takes effect together with the list of what the device stored above its record.
    fn record_stored(
        &mut self,
        key: SessionKey,
        effective: LaneSeqs,
        stored: &Seqs,
        at: Timestamp,
        out: &mut Vec<Output>,
    ) {
        self.clear_seldom(|seldom| seldom.owes_stored = None);
        for lane in Lane::ALL {
            let state = self.lane_mut(lane);
            let (from, to) = (state.base, effective.get(lane));
            if to <= from {
                continue;
            }
            let missing = stored.complement(from, to);
            let exceptions = if missing.is_empty() {
                Vec::new()
            } else {
                vec![Exception { seqs: missing, ending: Ending::NotStored }]
            };
            state.base = to;
            let row = Acknowledgement { lane, from, to, exceptions, sent: Vec::new(), at };
            out.push(Output::Acknowledge { session: key, device: self.device(), row });
        }
    }
}
