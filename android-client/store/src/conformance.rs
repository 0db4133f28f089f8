//! What every store of a device is held against: the store in memory, which the machine's own tests use.

use longwire_client::Lane;
use longwire_client::account::{Account, FastToken, Installation};
use longwire_client::backoff::Conflicts;
use longwire_client::clock::Anchor;
use longwire_client::heartbeat::{Learned, NETWORKS_MAX, NetworkId};
use longwire_client::inbox::{
    Change, EntryKind, MemoryStore, Outcome, Received, Snapshot, Store as _, StoreError, Transaction, Verb,
};
use longwire_protocol::DateTime;
use longwire_protocol::push::{Bound, Cursor, DeviceEvent, DeviceEventType, Generation};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// A store that is held against the one in memory.
pub trait Subject {
    /// Makes a step durable.
    ///
    /// # Errors
    /// When nothing of it was stored.
    fn apply(&mut self, device: u32, step: Transaction) -> Result<Vec<Outcome>, StoreError>;

    /// Reads what a process needs at its start.
    ///
    /// # Errors
    /// When it cannot be read.
    fn load(&mut self, device: u32) -> Result<Snapshot, StoreError>;

    /// The process ends and another one begins.
    fn reopen(&mut self);
}

/// The same steps have the same outcomes, and leave the same; devices stand apart.
///
/// # Panics
/// When they do not.
pub fn does_what_the_store_in_memory_does<S: Subject>(make: impl Fn() -> S) {
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) });
    let held = runner.run(&(steps(), 0..12_usize), |(steps, reopen_at)| {
        let (mut memory, mut subject) = (MemoryStore::new(), make());
        for (number, step) in steps.into_iter().enumerate() {
            if number == reopen_at {
                subject.reopen();
            }
            let expected = memory.apply(&step);
            prop_assert_eq!(subject.apply(3, step), expected);
            prop_assert_eq!(subject.load(3), memory.load());
        }
        prop_assert_eq!(subject.load(4), Ok(Snapshot::default()), "devices stand apart");
        Ok(())
    });
    held.expect("both stores do the same");
}

/// As many networks are kept as there is room for.
///
/// # Panics
/// When they are not.
pub fn keeps_as_many_networks_as_there_is_room_for<S: Subject>(mut subject: S) {
    let mut memory = MemoryStore::new();
    let limit = u64::try_from(NETWORKS_MAX).expect("small");
    // The first one is visited again before the last one comes.
    for (used, network) in (0..limit).chain([0, limit]).enumerate() {
        let used = u64::try_from(used).expect("small");
        let step = Transaction { at_ms: 0, changes: vec![Change::Network(learned_of(network, used, None))] };
        memory.apply(&step).expect("applies");
        subject.apply(0, step).expect("applies");
    }
    let networks = subject.load(0).expect("loads").networks;
    assert_eq!((networks.len(), &networks), (NETWORKS_MAX, &memory.load().expect("loads").networks));
    let is_known = |network| networks.iter().any(|learned| learned.network == NetworkId(network));
    assert_eq!([0, 1, 2, limit].map(is_known), [true, false, true, true]);
}

/// Where there is no room for a step nothing of it is stored, however often it is tried; once there is, steps are stored again.
///
/// # Panics
/// When a step is stored without room, or by halves, or not again.
pub fn stores_again_when_there_is_room<S: Subject>(mut subject: S, give_room: impl FnOnce(&S)) {
    let step = |seq| {
        let small = Change::Cursor { lane: Lane::Normal, seq };
        Transaction { at_ms: seq, changes: vec![small, Change::Keep(large(seq))] }
    };
    let before = subject.load(0).expect("loads");
    for seq in 1..4 {
        subject.apply(0, step(seq)).expect_err("there is no room");
        assert_eq!(subject.load(0).as_ref(), Ok(&before), "half of a step is stored");
    }
    give_room(&subject);
    let mut memory = MemoryStore::new();
    for seq in 1..4 {
        assert_eq!(subject.apply(0, step(seq)), memory.apply(&step(seq)));
    }
    assert_eq!(subject.load(0), memory.load());
    subject.reopen();
    assert_eq!(subject.load(0), memory.load(), "it was not on the disk");
}

/// More than a few free pages hold.
fn large(seq: u64) -> Received {
    let id = format!("large-{seq}");
    Received {
        seq,
        lane: Lane::Normal,
        target: id.clone(),
        id,
        kind: EntryKind::Notification,
        expires_ms: 1_000_000,
        user: None,
        update: None,
        payload: format!("{{\"title\":\"{}\"}}", "x".repeat(60_000)),
        unusable: None,
    }
}

fn lane() -> impl Strategy<Value = Lane> {
    prop_oneof![Just(Lane::Normal), Just(Lane::Background)]
}

fn id() -> impl Strategy<Value = String> {
    (0..6_u8).prop_map(|number| format!("id-{number}"))
}

fn user() -> impl Strategy<Value = Option<String>> {
    prop_oneof![Just(None), Just(Some("alice".to_owned())), Just(Some("bob".to_owned()))]
}

fn received() -> impl Strategy<Value = Change> {
    let kind = prop_oneof![
        4 => Just(EntryKind::Notification),
        2 => Just(EntryKind::Update),
        1 => Just(EntryKind::Recall),
        1 => Just(EntryKind::Dismissal)
    ];
    (0..40_u64, lane(), id(), kind, user(), any::<bool>(), 0..4_u8).prop_map(
        |(seq, lane, target, kind, user, is_odd, text)| {
            Change::Keep(Received {
                seq,
                lane,
                id: format!("entry-{seq}"),
                target,
                kind,
                expires_ms: 1_000 + seq,
                user,
                update: (text == 3).then(|| format!("entry-{}", seq + 1)),
                payload: format!("{{\"title\":\"{text}\"}}"),
                unusable: (is_odd && text == 0).then(|| "of a newer form".to_owned()),
            })
        },
    )
}

fn bound() -> impl Strategy<Value = Change> {
    (0..40_u64, 0..40_u64, 0..40_u64, 0..40_u64, user(), any::<bool>()).prop_map(
        |(normal, background, recorded_normal, recorded_background, user, has_token)| Change::Bound {
            bound: Bound {
                device: "device".to_owned(),
                cursor: Cursor { generation: Generation(normal % 3), normal, background },
                recorded_normal,
                recorded_background,
                time: DateTime(normal),
                heartbeat_min_s: None,
                heartbeat_max_s: 600,
                user,
            },
            token: has_token.then(|| FastToken {
                token: format!("token-{normal}"),
                mechanism: "HT-SHA-256-EXPR".to_owned(),
                expires_ms: background,
            }),
            anchor: Anchor { server_ms: normal, boot_ms: background, boot_id: "boot".to_owned() },
        },
    )
}

fn verb() -> impl Strategy<Value = Verb> {
    prop_oneof![
        3 => Just(Verb::Hand),
        1 => Just(Verb::Died),
        1 => Just(Verb::Finish),
        1 => Just(Verb::Close),
        1 => Just(Verb::Expire),
        1 => Just(Verb::Reject("why".to_owned())),
        1 => (0..40_u64).prop_map(Verb::Updated),
        1 => (0..40_u64).prop_map(Verb::NotUpdated),
        1 => Just(Verb::Removed)
    ]
}

fn kind() -> impl Strategy<Value = DeviceEventType> {
    prop_oneof![
        Just(DeviceEventType::Displayed),
        Just(DeviceEventType::Opened),
        Just(DeviceEventType::Rejected),
        Just(DeviceEventType::Left),
        Just(DeviceEventType::Expired)
    ]
}

fn report() -> impl Strategy<Value = DeviceEvent> {
    let plain = (id(), kind(), 0..9_u64).prop_map(|(entry, kind, at)| DeviceEvent::new(entry, kind, DateTime(at)));
    let text = proptest::option::of(Just("on my way".to_owned()));
    let of_action = (id(), prop_oneof![Just("like"), Just("reply")], text, 0..2_u64)
        .prop_map(|(entry, action, text, at)| DeviceEvent::of_action(entry, action, text, DateTime(at)));
    prop_oneof![plain, of_action]
}

fn change() -> impl Strategy<Value = Change> {
    let account = Account { name: "name".to_owned(), password: "password".to_owned(), is_registered: false };
    prop_oneof![
        8 => received(),
        6 => (id(), verb()).prop_map(|(id, verb)| Change::Row(id, verb)),
        2 => bound(),
        2 => (lane(), 0..40_u64).prop_map(|(lane, seq)| Change::Cursor { lane, seq }),
        1 => user().prop_map(Change::User),
        2 => report().prop_map(Change::Report),
        1 => report().prop_map(Change::Reported),
        1 => (0..30_u64).prop_map(|before_ms| Change::Prune { before_ms }),
        1 => any::<[u8; 16]>().prop_map(|bytes| Change::Installation(Installation::from_random(bytes, bytes))),
        1 => Just(Change::Account(Some(account))),
        1 => Just(Change::Account(None)),
        1 => Just(Change::Registered),
        1 => Just(Change::ForgetToken),
        1 => (0..5_u32).prop_map(Change::Refusals),
        1 => (any::<Option<u32>>(), 0..5_u32, 0..2_u32).prop_map(|(last_ms, in_a_row, since_installation)| {
            Change::Conflicts(Conflicts { last_ms: last_ms.map(u64::from), in_a_row, since_installation })
        }),
        2 => (0..5_u64, 0..9_u64, proptest::option::of(0..9_u64)).prop_map(|(network, learned, failed)| {
            Change::Network(learned_of(u64::MAX - network, 10 * learned + network, failed))
        }),
    ]
}

fn learned_of(network: u64, used: u64, failed_ms: Option<u64>) -> Learned {
    Learned { failed_ms, survived_ms: 7, failures: 3, calm: 4, ..Learned::nothing(NetworkId(network), used) }
}

/// Steps of a device, over few ids, positions and users, so that they meet.
fn steps() -> impl Strategy<Value = Vec<Transaction>> {
    let changes = vec(change(), 1..8);
    vec((0..30_u64, changes).prop_map(|(at_ms, changes)| Transaction { at_ms, changes }), 1..12)
}
