//! Binding a session: from a loaded device and a stated cursor to a position (DESIGN rules 6, 9, 11).

use std::sync::Arc;

use longwire_model::delivery::Hold;
use longwire_model::device::Generation;
use longwire_model::membership::apply_change;
use longwire_model::{Cursor, EntryKind, KeyHead, Lane, LaneSeqs, Memberships, Seq};
use longwire_store::LoadedDevice;

use crate::SETTLE_MS;
use crate::cursor;
use crate::output::{Bound, CloseReason, Output};
use crate::session::{Seldom, Session, Unread};
use crate::shard::{Now, SessionKey, Shard};

/// A session to be bound.
#[derive(Clone, Debug)]
pub struct Bind {
    /// The driver's key of the session.
    pub session: SessionKey,
    /// How the session acknowledges.
    pub kind: SessionKind,
    /// The device, as of one position of the log.
    pub loaded: LoadedDevice,
    /// What the device states; none for a first login, and for clients without our extension.
    pub stated: Option<Cursor>,
    /// The app's generations, ascending.
    pub generations: Arc<[Generation]>,
    /// The retention floor.
    pub floor: Seq,
    /// The log's end in the store, read no earlier than the device.
    pub end: Seq,
}

/// How a session acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// By the push extension: the device holds its cursor.
    Push,
    /// By answering a ping behind what was sent: the server holds its cursor.
    Standard,
    /// As [`Self::Standard`], by a client that shows whatever it is sent as something new: it is pinged behind each push, so that as few
    /// as can be are sent twice, and is sent no update of what it has.
    Androidpn,
}

impl SessionKind {
    /// Whether the device holds its cursor itself.
    pub(crate) const fn is_push(self) -> bool {
        match self {
            Self::Push => true,
            Self::Standard | Self::Androidpn => false,
        }
    }
}

/// The device was read too long ago: what happened since is no longer in memory. Load it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the device was read too long ago; load it again")]
pub struct Reload;

impl Shard {
    /// Binds a session, at once or as soon as the watermark has come to where the device was read and the log ended.
    ///
    /// # Errors
    /// [`Reload`] when the changes since the device was read are no longer in memory.
    pub fn bind(&mut self, bind: Bind, now: Now, out: &mut Vec<Output>) -> Result<(), Reload> {
        if self.watermark < bind.loaded.as_of.max(bind.end) {
            self.parked.push(bind);
            return Ok(());
        }
        if bind.loaded.as_of < self.recent.floor() {
            return Err(Reload);
        }
        self.bind_now(&bind, now, out);
        Ok(())
    }

    /// Binds what waited for the watermark; what became too old meanwhile is closed and logs in again.
    pub(crate) fn bind_parked(&mut self, now: Now, out: &mut Vec<Output>) {
        let ready = |bind: &mut Bind| bind.loaded.as_of.max(bind.end) <= self.watermark;
        let binds: Vec<Bind> = self.parked.extract_if(.., ready).collect();
        for bind in binds {
            if bind.loaded.as_of < self.recent.floor() {
                out.push(Output::Close(bind.session, CloseReason::Restart));
            } else {
                self.bind_now(&bind, now, out);
            }
        }
    }

    fn bind_now(&mut self, bind: &Bind, now: Now, out: &mut Vec<Output>) {
        let device = &bind.loaded.device;
        if let Some(&older) = self.by_device.get(&device.id) {
            out.push(Output::Close(older, CloseReason::Conflict));
            self.unbind(older);
        }
        let (id, recorded) = (device.id, device.recorded);
        let memberships = up_to_date(self, &bind.loaded);
        let effective = cursor::effective(bind.stated, recorded, &bind.generations, bind.floor, bind.end);
        let quiet_until_ms = (bind.kind == SessionKind::Androidpn).then(|| now.mono_ms.saturating_add(SETTLE_MS));
        let owes_stored = Some(effective).filter(|_| bind.kind == SessionKind::Push && is_above(effective, recorded));
        let seldom = Seldom { attempts: device.attempts, quiet_until_ms, owes_stored, ..Seldom::default() };
        let mut session = Session::new(bind.kind, memberships, seldom);
        for lane in Lane::ALL {
            let start = start(&bind.loaded, lane, effective.get(lane));
            session.fall_behind(lane, start, Hold::CatchUp);
            let state = session.lane_mut(lane);
            state.unread = Unread { after: effective.get(lane), to: start };
            state.told = effective.get(lane);
            state.base = recorded.get(lane);
        }
        if bind.kind == SessionKind::Push {
            let bound = Bound { device: id, generation: self.generation, effective, recorded, user: session.user() };
            out.push(Output::Bound(bind.session, bound));
        }
        if quiet_until_ms.is_some() {
            out.push(Output::Deadline(bind.session));
        }
        self.insert(bind.session, session);
        for lane in Lane::ALL {
            self.catch_up(bind.session, lane, now, out);
        }
        self.probe(bind.session, out);
    }
}

/// The memberships with what happened between reading them and the watermark.
fn up_to_date(shard: &Shard, loaded: &LoadedDevice) -> Memberships {
    let mut memberships = loaded.device.memberships.clone();
    for entry in shard.recent.above(loaded.as_of) {
        if let EntryKind::Membership(change) = &entry.kind
            && change.device == loaded.device.id
        {
            apply_change(&mut memberships, change, entry.seq);
        }
    }
    Memberships::new(loaded.device.id, memberships)
}

/// Where considering starts: at the cursor when something may wait in the log, else where the device was read (DESIGN rule 11).
fn start(loaded: &LoadedDevice, lane: Lane, cursor: Seq) -> Seq {
    let none = KeyHead::default();
    let may_wait = loaded.device.memberships.iter().any(|own| {
        let head = loaded.heads.iter().find(|(key, _)| *key == own.key).map_or(&none, |(_, head)| head);
        head.may_wait(own, lane, cursor)
    });
    if may_wait { cursor } else { cursor.max(loaded.as_of) }
}

fn is_above(effective: LaneSeqs, recorded: LaneSeqs) -> bool {
    Lane::ALL.into_iter().any(|lane| effective.get(lane) > recorded.get(lane))
}
