//! Claims on their way to the store: of each device one after another, within what it may ask for, and the newest of each kind in any
//! case. What comes too fast waits, and a newer claim takes its place.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

use longwire_model::{AudienceKey, DeviceId};
use longwire_store::{Claim, Write, Written};

use crate::rate::Rates;
use crate::{Core, CoreError};

/// Devices whose claims may wait; above it those of further ones are dropped.
const WAITING_MAX: usize = 4_096;

/// Lines of the log about claims that wait, at once; and milliseconds after which there may be one more.
const NOTICES: u32 = 5;
const NOTICE_EVERY_MS: u64 = 60_000;

/// What waits, and what is under way.
#[derive(Debug)]
pub(crate) struct Claims {
    slots: Mutex<HashMap<DeviceId, Slot>>,
    notices: Rates<()>,
}

/// Of one device.
#[derive(Debug, Default)]
struct Slot {
    alias: Option<Claim>,
    tags: Option<Claim>,
    /// Somebody carries them out, and takes what comes meanwhile.
    is_busy: bool,
}

/// How far the claims of a device were carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carried {
    /// None is left here.
    Settled,
    /// The device has asked for more than it may.
    Limited,
    /// The store could not take one.
    Failed,
}

impl Slot {
    const fn place(&mut self, claim: &Claim) -> &mut Option<Claim> {
        match claim {
            Claim::Alias(_) => &mut self.alias,
            Claim::Tags(_) => &mut self.tags,
        }
    }
}

impl Default for Claims {
    fn default() -> Self {
        Self { slots: Mutex::default(), notices: Rates::new(NonZeroU32::MIN, NOTICE_EVERY_MS, NOTICES) }
    }
}

impl Claims {
    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceId, Slot>> {
        // What a panicking thread left is whole: every step is one assignment, insert or removal.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A claim takes the place of one of its kind that still waits.
    fn put(&self, device: DeviceId, claim: Claim) {
        let mut slots = self.lock();
        let place = slots.entry(device).or_default().place(&claim);
        *place = Some(claim);
    }

    /// Whether the caller is the one who carries out the claims of a device from now on.
    fn begin(&self, device: DeviceId) -> bool {
        self.lock().get_mut(&device).is_some_and(|slot| !std::mem::replace(&mut slot.is_busy, true))
    }

    /// The next claim of a device; with none left whoever carried them out is done.
    fn next(&self, device: DeviceId) -> Option<Claim> {
        let mut slots = self.lock();
        let slot = slots.get_mut(&device)?;
        let claim = slot.alias.take().or_else(|| slot.tags.take());
        if claim.is_none() {
            slots.remove(&device);
        }
        claim
    }

    /// A claim waits on, unless there is a newer one; false when too many wait already. Whoever carried it out is done.
    fn put_off(&self, device: DeviceId, claim: Claim) -> bool {
        let mut slots = self.lock();
        let is_kept = slots.len() <= WAITING_MAX;
        if is_kept {
            let slot = slots.entry(device).or_default();
            slot.is_busy = false;
            slot.place(&claim).get_or_insert(claim);
        } else {
            slots.remove(&device);
        }
        is_kept
    }

    fn devices(&self) -> Vec<DeviceId> {
        self.lock().keys().copied().collect()
    }

    /// Everything that waits.
    fn drain(&self) -> Vec<(DeviceId, Claim)> {
        let slots = std::mem::take(&mut *self.lock());
        slots
            .into_iter()
            .flat_map(|(device, slot)| slot.alias.into_iter().chain(slot.tags).map(move |claim| (device, claim)))
            .collect()
    }
}

impl Core {
    /// Carries out what an original client has claimed; on disk when this returns, unless it has to wait.
    pub(super) async fn take_claim(&self, device: DeviceId, claim: Claim) {
        self.claims.put(device, claim);
        if self.carry_out(device).await == Carried::Limited {
            self.metrics.requests_limited.inc();
            if self.may_tell_of_claims() {
                tracing::warn!(%device, "a client changes its alias or tags more often than it may: the newest wait");
            }
        }
    }

    /// Carries out what original clients have claimed faster than they may, as far as they may by now: to be called every few seconds.
    pub async fn settle_claims(&self) {
        for device in self.claims.devices() {
            if self.carry_out(device).await == Carried::Failed {
                // The next round goes on.
                return;
            }
        }
    }

    /// Carries out what waits, all at once: the server ends.
    pub(crate) async fn end_claims(&self) {
        let claims = self.claims.drain().into_iter();
        let writes: Vec<Write> = claims.map(|(device, claim)| self.claiming(device, claim)).collect();
        if writes.is_empty() {
            return;
        }
        if let Err(error) = self.log.write_all(writes).await {
            tracing::warn!(%error, "aliases and tags that waited are lost");
        }
    }

    async fn carry_out(&self, device: DeviceId) -> Carried {
        if !self.claims.begin(device) {
            return Carried::Settled;
        }
        while let Some(claim) = self.claims.next(device) {
            let carried = match self.claim(device, &claim).await {
                Ok(Carried::Settled) => continue,
                Ok(carried) => carried,
                Err(error) => {
                    if self.may_tell_of_claims() {
                        tracing::warn!(%device, %error, "an alias or tags could not be taken yet: they wait");
                    }
                    Carried::Failed
                }
            };
            if !self.claims.put_off(device, claim) && self.may_tell_of_claims() {
                tracing::warn!(%device, "an alias or tags are dropped: those of {WAITING_MAX} devices wait already");
            }
            return carried;
        }
        Carried::Settled
    }

    fn may_tell_of_claims(&self) -> bool {
        self.claims.notices.take(&(), self.env.clock.mono_ms()).is_granted
    }

    fn claiming(&self, device: DeviceId, claim: Claim) -> Write {
        Write::Claim { device, claim, entry: self.env.entry_id(), at: self.env.now() }
    }

    /// Makes a claim true, as one change.
    async fn claim(&self, device: DeviceId, claim: &Claim) -> Result<Carried, CoreError> {
        let Some(loaded) = self.directory.load(device).await? else { return Ok(Carried::Settled) };
        let open = loaded.device.memberships.into_iter().filter(|own| own.left.is_none());
        if claim.is_met_by(&open.map(|own| own.key).collect::<Vec<AudienceKey>>()) {
            return Ok(Carried::Settled);
        }
        // As what devices of ours ask for: each is an entry of the log.
        if !self.requests.take(&device, self.env.clock.mono_ms()).is_granted {
            return Ok(Carried::Limited);
        }
        match self.log.write(self.claiming(device, claim.clone())).await? {
            Written::Refused(refusal) => tracing::warn!(%device, %refusal, "an alias or tags were not taken"),
            Written::Appended(_)
            | Written::Done
            | Written::Unchanged
            | Written::Exists(_)
            | Written::Repeated { .. } => {}
        }
        Ok(Carried::Settled)
    }
}

#[cfg(test)]
mod tests {
    use super::{Claim, Claims, DeviceId, WAITING_MAX};

    fn device(number: usize) -> DeviceId {
        DeviceId::from_bytes((number as u128).to_be_bytes())
    }

    fn tags(name: &str) -> Claim {
        Claim::Tags(vec![longwire_model::AudienceKey::tag(name).expect("a name")])
    }

    #[test]
    fn the_newest_of_each_kind_waits_and_one_carries_them_out() {
        let (claims, device) = (Claims::default(), device(1));
        claims.put(device, tags("a"));
        assert!(claims.begin(device) && !claims.begin(device));
        assert_eq!(claims.next(device), Some(tags("a")));
        claims.put(device, tags("b"));
        claims.put(device, Claim::Alias(None));
        assert!(claims.put_off(device, tags("a")), "what is newer stays");
        assert!(claims.begin(device));
        assert_eq!((claims.next(device), claims.next(device)), (Some(Claim::Alias(None)), Some(tags("b"))));
        assert_eq!((claims.next(device), claims.devices().len()), (None, 0));
        assert!(!claims.begin(device));
    }

    #[test]
    fn devices_that_wait_are_bounded_at_the_limit() {
        let claims = Claims::default();
        let waits = |number| {
            claims.put(device(number), tags("a"));
            let claim = claims.begin(device(number)).then(|| claims.next(device(number))).flatten();
            claims.put_off(device(number), claim.expect("it was put"))
        };
        assert_eq!((0..WAITING_MAX + 9).filter(|number| waits(*number)).count(), WAITING_MAX);
        assert_eq!((claims.devices().len(), claims.drain().len()), (WAITING_MAX, WAITING_MAX));
    }
}
