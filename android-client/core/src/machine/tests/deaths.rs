//! A process that dies at every point of a story, once and twice: the screen and the server learn the same in the end.

use std::collections::BTreeSet;

use longwire_protocol::push::Entry;
use longwire_protocol::{DateTime, ns};

use super::harness::{EPOCH_MS, Phone, Platform, bound, notification, recall, update};
use crate::Event;
use crate::inbox::{RowState, Store as _};

/// What the server knows, and how often the process may still die.
struct Story {
    phone: Phone,
    /// What was sent so far.
    log: Vec<Entry>,
    told: BTreeSet<(String, String)>,
    /// Points at which the next processes die.
    cuts: Vec<u32>,
    deaths: u32,
}

impl Story {
    fn new(cuts: &[u32]) -> Self {
        let mut phone = Phone::online();
        phone.platform = Some(Platform::default());
        let mut cuts: Vec<u32> = cuts.iter().rev().copied().collect();
        phone.cut = cuts.pop();
        Self { phone, log: Vec::new(), told: BTreeSet::new(), cuts, deaths: 0 }
    }

    /// The server sends these, and again until the device has stored them.
    fn send(&mut self, entries: &[Entry]) {
        self.log.extend(entries.iter().cloned());
        self.phone.receive_entries(entries);
        self.settle();
    }

    /// The person dismisses it; the platform starts the app for that when its process is dead.
    fn dismiss(&mut self, id: &str) {
        self.phone.platform.as_mut().expect("a platform").visible.remove(id);
        while {
            self.phone.event(Event::Dismissed { id: id.into() });
            self.phone.is_dead
        } {
            self.revive();
        }
        self.settle();
    }

    /// Answers reports and revives the phone until it lives and has nothing to say.
    fn settle(&mut self) {
        loop {
            if self.phone.is_dead {
                self.revive();
                continue;
            }
            let iqs = self.phone.take_elements();
            let events: Vec<_> = iqs.iter().filter_map(|iq| Some((iq, iq.child(ns::PUSH, "event")?))).collect();
            if events.is_empty() {
                return;
            }
            for (iq, event) in events {
                let attr = |name| event.attr(name).unwrap_or_default().to_owned();
                self.told.insert((attr("entry"), attr("type")));
                let id = iq.attr("id").expect("an id");
                self.phone.receive(format!("<iq type='result' id='{id}'/>").as_bytes());
            }
        }
    }

    /// New processes, until one lives that has everything that was sent. Logging in is no point to die at here.
    fn revive(&mut self) {
        let dead = std::mem::replace(&mut self.phone, Phone::new(crate::TlsMode::Direct));
        self.phone = dead.reborn();
        self.phone.cut = self.cuts.pop();
        self.deaths += 1;
        self.phone.event(Event::Start);
        if self.phone.is_dead {
            return;
        }
        let cut = self.phone.cut.take();
        let cursor = self.phone.store.load().expect("loads").record.cursor.expect("a cursor");
        // A step may be under way to the disk since the start; what it changes is not the cursor.
        self.phone.log_in(&bound(cursor.normal, cursor.normal));
        self.phone.cut = cut;
        let missing: Vec<Entry> = self.log.iter().filter(|entry| entry.seq > cursor.normal).cloned().collect();
        if !missing.is_empty() {
            self.phone.receive_entries(&missing);
        }
    }

    fn tell(cuts: &[u32]) -> Self {
        let mut story = Self::new(cuts);
        story.send(&[notification(101, "a"), notification(102, "b"), notification(103, "c")]);
        story.send(&[update(104, "a", "a, newer")]);
        story.send(&[recall(105, "b")]);
        story.dismiss("c");
        story.send(&[update(106, "c", "c, newer"), update(107, "b", "b, newer")]);
        story.send(&[Entry { expires: DateTime(EPOCH_MS), ..notification(108, "late") }]);
        story.send(&[recall(109, "gone"), notification(110, "gone"), update(111, "gone", "gone, newer")]);
        story.send(&[update(112, "unknown", "unknown, newer"), update(113, "a", "a, newest")]);
        story
    }

    fn check(&self, cuts: &[u32]) {
        let platform = self.phone.platform.as_ref().expect("a platform");
        let visible: Vec<_> = platform.visible.iter().map(|(id, title)| (id.as_str(), title.as_str())).collect();
        assert_eq!(visible, [("a", "a, newest")], "{cuts:?}");
        for (id, times) in &platform.handed {
            assert!(*times <= 1 + self.deaths, "{cuts:?}: {id} was handed {times} times");
            assert!(["a", "b", "c"].contains(&id.as_str()), "{cuts:?}: {id} was shown");
        }
        let told: Vec<_> = self.told.iter().map(|(entry, kind)| (entry.as_str(), kind.as_str())).collect();
        assert_eq!(told, [("c", "dismissed"), ("late", "expired")], "{cuts:?}");
        let snapshot = self.phone.store.load().expect("loads");
        assert_eq!((snapshot.rows, snapshot.reports), (Vec::new(), Vec::new()), "{cuts:?}: nothing is owed");
        let expected = [
            ("a", RowState::Done),
            ("b", RowState::Recalled),
            ("c", RowState::Closed),
            ("late", RowState::Expired),
            ("gone", RowState::Recalled),
        ];
        for (id, state) in expected {
            assert_eq!(self.phone.store.state(id), Some(state), "{cuts:?}: {id}");
        }
        assert_eq!(self.phone.store.state("unknown"), None, "{cuts:?}");
    }
}

/// How many points the whole story has.
fn points() -> u32 {
    let story = Story::tell(&[u32::MAX]);
    story.check(&[]);
    assert_eq!(story.deaths, 0);
    u32::MAX - story.phone.cut.expect("it was counted")
}

#[test]
fn a_death_at_any_point_changes_nothing_in_the_end() {
    let points = points();
    assert!(points > 50, "the story has {points} points only");
    for cut in 0..points {
        let story = Story::tell(&[cut]);
        assert_eq!(story.deaths, 1, "{cut}");
        story.check(&[cut]);
    }
}

#[test]
fn nor_does_a_second_death_while_the_next_process_makes_up_for_the_first() {
    for cut in 0..points() {
        for again in 0..12 {
            let story = Story::tell(&[cut, again]);
            story.check(&[cut, again]);
        }
    }
}
