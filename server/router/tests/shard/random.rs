//! Random worlds: whatever happens to connections, every phone ends with exactly what was addressed to it, in order.

use crate::world::World;
use longwire_model::entry::Content;
use longwire_model::{Lane, Timestamp};
use longwire_router::SessionKey;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Push { to: usize, background: bool, collapse: bool, filter: bool },
    Burst(usize),
    Recall(usize),
    Membership { phone: usize, key: usize, join: bool },
    Announce,
    Login(usize),
    Drop(usize),
    Read,
    Ack(usize),
    Beat(usize),
}

const AUDIENCES: [&[&str]; 6] =
    [&["user:alice"], &["all"], &["topic:t"], &["user:alice", "topic:t"], &["tag:x"], &["user:bob"]];
const KEYS: [&str; 4] = ["user:alice", "user:bob", "topic:t", "tag:x"];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..6_usize, any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(to, background, collapse, filter)| Step::Push { to, background, collapse, filter: filter && to == 1 }),
        1 => (1..200_usize).prop_map(Step::Burst),
        1 => any::<usize>().prop_map(Step::Recall),
        3 => (0..3_usize, 0..4_usize, any::<bool>()).prop_map(|(phone, key, join)| Step::Membership { phone, key, join }),
        8 => Just(Step::Announce),
        5 => (0..3_usize).prop_map(Step::Login),
        2 => (0..3_usize).prop_map(Step::Drop),
        6 => Just(Step::Read),
        5 => (0..3_usize).prop_map(Step::Ack),
        2 => (0..3_usize).prop_map(Step::Beat),
    ]
}

struct Run {
    world: World,
    sessions: [Option<SessionKey>; 3],
    next: u64,
}

impl Run {
    fn step(&mut self, step: &Step) {
        let world = &mut self.world;
        let ids: Vec<_> = world.devices.keys().copied().collect();
        match *step {
            Step::Push { to, background, collapse, filter } => {
                world.push_with(AUDIENCES[to], |content: &mut Content| {
                    if background {
                        content.routing.lane = Lane::Background;
                    }
                    if collapse {
                        content.collapse_key = Some("k".into());
                    }
                    if filter {
                        content.filter = "tag:x".parse().ok();
                    }
                });
            }
            Step::Burst(count) => {
                for _ in 0..count {
                    world.push(&["all"]);
                }
            }
            Step::Recall(which) => {
                let sent: Vec<_> =
                    world.log.iter().filter(|entry| entry.kind.as_str() == "notification").cloned().collect();
                if let Some(entry) = sent.get(which % sent.len().max(1)) {
                    world.recall(entry);
                }
            }
            Step::Membership { phone, key, join } => {
                let open = world.devices[&ids[phone]]
                    .memberships
                    .iter()
                    .any(|own| own.left.is_none() && own.key.as_str() == KEYS[key]);
                match (join, open) {
                    (true, false) => drop(world.change(ids[phone], &[KEYS[key]], &[])),
                    (false, true) => drop(world.change(ids[phone], &[], &[KEYS[key]])),
                    _ => {}
                }
            }
            Step::Announce => world.announce_only(),
            Step::Login(phone) => {
                if let Some(session) = self.sessions[phone].take() {
                    world.drop_session(session);
                }
                self.next += 1;
                self.sessions[phone] = Some(world.login(ids[phone], self.next));
            }
            Step::Drop(phone) => {
                if let Some(session) = self.sessions[phone].take() {
                    world.drop_session(session);
                }
            }
            Step::Read => drop(world.answer_read()),
            Step::Ack(phone) => {
                if let Some(session) = self.sessions[phone] {
                    world.ack(session).expect("an honest device");
                }
            }
            Step::Beat(phone) => {
                if let Some(session) = self.sessions[phone] {
                    let mut out = Vec::new();
                    world.shard.heartbeat(session, world.now, &mut out);
                    world.carry_out(out);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_phone_ends_with_what_was_addressed_to_it(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for n in 1..=3 {
            world.register(n);
        }
        world.announce();
        let mut run = Run { world, sessions: [None; 3], next: 0 };
        for step in &steps {
            run.step(step);
        }
        run.world.announce_only();
        for phone in 0..3 {
            run.step(&Step::Login(phone));
            run.world.settle();
            run.step(&Step::Beat(phone));
            run.world.settle();
        }
        check(&run.world);
    }
}

/// Against the rules themselves, entry by entry.
fn check(world: &World) {
    assert!(world.now.wall == Timestamp::from_millis(0), "nothing expires in these worlds");
    for (id, device) in &world.devices {
        for entry in world.log.iter().filter(|entry| entry.kind.as_str() == "notification") {
            let content = entry.kind.content().expect("a text");
            let addressed = longwire_model::membership::standing(
                &device.memberships,
                &content.routing.audience,
                entry.seq,
                world.last(),
            );
            let has = world.has(*id, entry);
            let recalled = world.log.iter().any(
                |newer| matches!(&newer.kind, longwire_model::EntryKind::Recall(target, _) if target.id == entry.id),
            );
            match addressed {
                None => assert!(!has, "{} is not addressed to {id}", entry.seq),
                Some(_) if recalled => assert!(!has, "{} was recalled", entry.seq),
                Some(longwire_model::membership::Standing::Left) => {}
                // A filter is judged when the entry is first considered, which these worlds do not note; nor supersession.
                Some(_) if content.filter.is_some() || content.collapse_key.is_some() => {}
                Some(longwire_model::membership::Standing::Open) => assert!(has, "{} was lost on {id}", entry.seq),
            }
            let stored = world.phones[id].shown.contains(&entry.id);
            if let Some(ending) = world.ending(*id, entry).filter(|_| addressed.is_some()) {
                assert_eq!(ending.is_none(), stored, "{}: the record must say what the phone has", entry.seq);
            }
        }
    }
}
