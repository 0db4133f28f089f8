//! The network between phones and server: what TCP makes of latency, loss, forgetful gateways and sockets that take nothing.
//! Bytes come late or the connection ends; there are no holes.

use std::collections::VecDeque;
use std::hash::Hash as _;

use super::{Happening, World};
use crate::tally::Fault;

/// A connection as the network sees it.
pub(crate) struct Link {
    pub(crate) phone: usize,
    pub(crate) life: u64,
    up: Pipe,
    down: Pipe,
    /// Nothing passes any more, and nobody is told.
    pub(crate) is_dead: bool,
    pub(crate) passed_ms: u64,
}

/// One direction: what is under way, in order, and when the last of it arrives.
#[derive(Default)]
struct Pipe {
    parcels: VecDeque<Parcel>,
    last_ms: u64,
}

pub(super) enum Parcel {
    Bytes(Vec<u8>),
    End,
}

/// The network that a phone is in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Air {
    /// A connection idle for longer is forgotten by the gateway.
    pub(crate) nat_ms: Option<u64>,
    /// Slow by up to so much, until then.
    pub(crate) slow: (u64, u64),
    /// Bytes are lost until then.
    pub(crate) lossy_until_ms: u64,
    /// The phone takes nothing off its socket until then.
    pub(crate) stalled_until_ms: u64,
}

impl World {
    fn latency(&mut self, phone: usize) -> u64 {
        if self.is_calm {
            return 5;
        }
        let (slow_ms, until_ms) = self.airs[phone].slow;
        let most_ms = if self.now_ms < until_ms { slow_ms } else { self.latency_ms };
        self.rng.below(most_ms)
    }

    pub(super) fn open_link(&mut self, phone: usize) {
        self.next_link += 1;
        let (link, life) = (self.next_link, self.phones[phone].life);
        self.phones[phone].conn = Some(link);
        let now_ms = self.now_ms;
        let pipe = || Pipe { parcels: VecDeque::new(), last_ms: now_ms };
        let known = Link { phone, life, up: pipe(), down: pipe(), is_dead: false, passed_ms: now_ms };
        self.links.insert(link, known);
        let wait_ms = self.latency(phone) + 1;
        self.after(wait_ms, Happening::Connected(link));
    }

    /// Carries bytes, in order, sometimes cut in two.
    pub(super) fn carry(&mut self, link: u64, is_up: bool, bytes: Vec<u8>) {
        self.forget_idle(link);
        if !is_up {
            self.note(|| format!("  to link {link}: {}", String::from_utf8_lossy(&bytes)));
        }
        let cut = if !self.is_calm && bytes.len() > 1 && self.rng.chance(10) { self.rng.index(bytes.len()) } else { 0 };
        let mut parts = vec![bytes];
        if cut > 0 {
            let rest = parts[0].split_off(cut);
            parts.push(rest);
        }
        for part in parts {
            self.send(link, is_up, Parcel::Bytes(part));
        }
    }

    /// One side has closed: the other hears of it behind what is under way.
    pub(super) fn end(&mut self, link: u64, by_phone: bool) {
        self.send(link, by_phone, Parcel::End);
    }

    fn send(&mut self, link: u64, is_up: bool, parcel: Parcel) {
        let Some(phone) = self.links.get(&link).filter(|known| !known.is_dead).map(|known| known.phone) else { return };
        let mut at_ms = self.now_ms + self.latency(phone);
        let air = self.airs[phone];
        if !self.is_calm && self.now_ms < air.lossy_until_ms {
            if self.rng.chance(30) {
                // Lost, and sent again after its timeout, and again.
                at_ms += 300 << self.rng.below(7);
            }
            if self.rng.chance(4) {
                // Sent again for as long as TCP tries: nothing behind it arrives either, then both sides hear of the end.
                let wait_ms = 5_000 + self.rng.below(60_000);
                self.cut(link);
                return self.reset_after(link, wait_ms);
            }
        }
        if !is_up && !self.is_calm {
            at_ms = at_ms.max(air.stalled_until_ms);
        }
        let known = self.links.get_mut(&link).expect("it was found above");
        known.passed_ms = self.now_ms;
        let pipe = if is_up { &mut known.up } else { &mut known.down };
        pipe.last_ms = pipe.last_ms.max(at_ms);
        pipe.parcels.push_back(parcel);
        let at_ms = pipe.last_ms;
        (link, is_up, at_ms).hash(&mut self.carried);
        if let Some(Parcel::Bytes(bytes)) = pipe.parcels.back() {
            bytes.hash(&mut self.carried);
        }
        self.at(at_ms, if is_up { Happening::Up(link) } else { Happening::Down(link) });
    }

    /// What arrives next in one direction.
    pub(super) fn arrival(&mut self, link: u64, is_up: bool) -> Option<Parcel> {
        let known = self.links.get_mut(&link)?;
        if is_up { &mut known.up } else { &mut known.down }.parcels.pop_front()
    }

    /// Whether the gateway has forgotten the connection by now.
    fn is_forgotten(&self, link: u64) -> bool {
        let Some(known) = self.links.get(&link).filter(|known| !known.is_dead) else { return false };
        let nat_ms = self.airs[known.phone].nat_ms;
        nat_ms.is_some_and(|nat_ms| self.now_ms.saturating_sub(known.passed_ms) > nat_ms)
    }

    /// A gateway forgets what was idle; a phone that speaks into it may be told by a reset.
    fn forget_idle(&mut self, link: u64) {
        if !self.is_forgotten(link) {
            return;
        }
        let Some(known) = self.links.get(&link) else { return };
        let (phone, passed_ms) = (known.phone, known.passed_ms);
        let nat_ms = self.airs[phone].nat_ms.unwrap_or_default();
        self.count(Fault::NatIdleCut, Some(phone));
        self.note(|| format!("link {link} of phone {phone} was idle for too long"));
        self.cut(link);
        self.trouble(phone, passed_ms + nat_ms);
        if self.rng.chance(30) {
            self.after(50, Happening::PhoneEnds(link));
        }
    }

    /// A connection on which nothing passes any more.
    pub(crate) fn cut(&mut self, link: u64) {
        let Some(known) = self.links.get_mut(&link) else { return };
        known.is_dead = true;
        known.up.parcels.clear();
        known.down.parcels.clear();
        let phone = known.phone;
        if self.phones[phone].conn == Some(link) {
            let now_ms = self.now_ms;
            self.trouble(phone, now_ms);
        }
    }

    /// A connection ends for both sides, and what was under way is gone.
    pub(crate) fn reset(&mut self, link: u64) {
        self.cut(link);
        self.reset_after(link, 1);
    }

    fn reset_after(&mut self, link: u64, wait_ms: u64) {
        self.after(wait_ms, Happening::ServerEnds(link));
        self.after(wait_ms, Happening::PhoneEnds(link));
    }
}
