//! Devices and what they are members of.

use std::sync::Arc;

use longwire_model::entry::MembershipChange;
use longwire_model::limits::MEMBERSHIPS_MAX;
use longwire_model::{Account, AudienceKey, DeviceKind, EntryKind, LaneSeqs, Membership};

use super::records::account;
use super::world::{APP, Draft, World, at, entry, is_done, is_unchanged, key, refusal, seqs_of};
use crate::read::DeviceQuery;
use crate::write::{Change, Refusal};
use crate::{Store, Write, Written};

/// DESIGN rule 2; both records start at the device's own joining entry (rule 9).
pub async fn registering_joins_device_and_all_in_one_entry(store: Arc<dyn Store>) {
    let world = World::new(store);
    world.push(&Draft::to(&["all"])).await;
    let new = world.new_device("alice", "phone");
    let written = entry(world.one(Write::Register(new.clone())).await);
    let own = AudienceKey::device(new.id);
    let joined = vec![own.clone(), AudienceKey::all()];
    let change = MembershipChange { device: new.id, joined, left: Vec::new() };
    assert_eq!((written.seq, &written.kind), (2, &EntryKind::Membership(change)));
    let loaded = world.load(new.id).await;
    let open = |key| Membership { key, joined: 2, left: None };
    assert_eq!(loaded.device.memberships, [open(AudienceKey::all()), open(own)]);
    assert_eq!(loaded.device.recorded, LaneSeqs::both(2));
    assert_eq!((loaded.device.account.as_str(), loaded.device.created_at), ("alice", at(5)));
    assert_eq!((loaded.device.kind, loaded.device.installation_hash), (new.kind, Some([9; 32])));
    assert_eq!(loaded.as_of, 2);
}

/// Also within one group; devices of other kinds and accounts are others.
pub async fn a_second_device_of_the_same_kind_exists(store: Arc<dyn Store>) {
    let world = World::new(store);
    let new = world.new_device("alice", "phone");
    let again = world.new_device("alice", "phone");
    let mut shared = world.new_device("alice", "phone");
    shared.kind = DeviceKind::Shared;
    let mut resource = world.new_device("alice", "phone");
    resource.kind = DeviceKind::Resource("phone".to_owned());
    let other = world.new_device("bob", "phone");
    let group = [&new, &again, &shared, &resource, &other].map(|new| Write::Register(new.clone()));
    let answers = world.commit(group.to_vec()).await;
    assert_eq!(seqs_of(&answers), [1, 2, 3, 4]);
    assert!(matches!(answers.get(1), Some(Written::Exists(id)) if *id == new.id), "{answers:?}");
    let found = world.store.find_device(APP, "alice", &resource.kind).await.expect("an answer");
    assert_eq!(found, Some(resource.id));
    assert_eq!(world.store.find_device(APP, "carol", &resource.kind).await.expect("an answer"), None);
    let mut found = world.store.find_installations(APP, "phone").await.expect("installations");
    found.sort();
    let mut expected = vec![(new.id, [9; 32]), (other.id, [9; 32])];
    expected.sort();
    assert_eq!(found, expected);
}

/// A device has one user: a change leaves the former and joins the new in one entry.
pub async fn a_user_change_is_one_entry_and_repeats_change_nothing(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    world.bind(device, Some("user:alice")).await;
    assert!(is_unchanged(&world.one(world.changing(device, Change::User(Some(key("user:alice"))))).await));
    let moved = world.change(device, Change::User(Some(key("user:bob")))).await;
    let change = MembershipChange { device, joined: vec![key("user:bob")], left: vec![key("user:alice")] };
    assert_eq!(moved.kind, EntryKind::Membership(change));
    assert_eq!(world.load(device).await.device.user(), Some("bob"));
    world.bind(device, None).await;
    assert_eq!(world.load(device).await.device.user(), None);
    assert!(is_unchanged(&world.one(world.changing(device, Change::User(None))).await));
    world.join(device, "tag:a").await;
    assert!(is_unchanged(&world.one(world.changing(device, Change::Join(key("tag:a")))).await));
    assert!(is_unchanged(&world.one(world.changing(device, Change::Leave(key("tag:b")))).await));
    assert_eq!(world.last().await, 5);
}

/// DESIGN rule 3.
pub async fn an_interval_ends_at_its_leaving_entry_and_begins_anew(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    let joined = world.join(device, "topic:x").await;
    let left = world.change(device, Change::Leave(key("topic:x"))).await.seq;
    let rejoined = world.join(device, "topic:x").await;
    let memberships = world.load(device).await.device.memberships;
    let of_topic: Vec<_> = memberships.into_iter().filter(|own| own.key == key("topic:x")).collect();
    let interval = |joined, left| Membership { key: key("topic:x"), joined, left };
    assert_eq!(of_topic, [interval(joined, Some(left)), interval(rejoined, None)]);
}

/// [`MEMBERSHIPS_MAX`] topics and tags are held, one more is refused; a user is not counted.
pub async fn memberships_are_bounded_at_the_limit(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    let join = |n: usize| {
        let kind = if n.is_multiple_of(2) { "tag" } else { "topic" };
        world.changing(device, Change::Join(key(&format!("{kind}:{n}"))))
    };
    let answers = world.commit((0..MEMBERSHIPS_MAX).map(join).collect()).await;
    assert_eq!(seqs_of(&answers).len(), MEMBERSHIPS_MAX);
    assert_eq!(refusal(&world.one(join(MEMBERSHIPS_MAX)).await), Some(Refusal::TooManyMemberships));
    assert!(is_unchanged(&world.one(join(0)).await));
    world.bind(device, Some("user:alice")).await;
    world.change(device, Change::Leave(key("tag:0"))).await;
    entry(world.one(join(MEMBERSHIPS_MAX)).await);
}

/// One entry leaves all; what was sent before still has a delivery for it.
pub async fn removing_a_device_leaves_everything_and_keeps_its_deliveries(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    world.bind(device, Some("user:alice")).await;
    let sent = world.push(&Draft::to(&["all"])).await;
    let account = async || {
        let rows = world.store.deliveries(&sent, None, 10).await.expect("deliveries");
        rows.into_iter().next().expect("a delivery").account
    };
    assert_eq!(account().await, Some(world.load(device).await.device.account));
    let remove = || Write::RemoveDevice { device, entry: world.entry_id(), at: at(70) };
    let removed = entry(world.one(remove()).await);
    let EntryKind::Membership(change) = &removed.kind else { unreachable!("{removed:?}") };
    let mut left = change.left.clone();
    left.sort();
    assert_eq!((left, change.joined.len()), (vec![key("all"), AudienceKey::device(device), key("user:alice")], 0));
    assert!(world.store.device(device).await.expect("an answer").is_none());
    assert_eq!(world.store.audience_size(APP, &[key("all")]).await.expect("a size"), 0);
    assert_eq!(account().await, None);
    let rows = world.store.deliveries(&sent, None, 10).await.expect("deliveries");
    let told: Vec<_> = rows.iter().map(|row| (row.device, row.left_at, row.last_seen)).collect();
    assert_eq!(told, [(device, Some(at(70)), None)]);
    assert_eq!(refusal(&world.one(remove()).await), Some(Refusal::UnknownDevice));
}

/// The device keeps its id, cursor and memberships.
pub async fn a_takeover_moves_the_device_unless_the_account_has_one(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (old, own) = (world.new_device("alice", "phone"), world.new_device("bob", "phone"));
    world.commit(vec![Write::Register(old.clone()), Write::Register(own.clone())]).await;
    let take_over = |account: &str, unless_disabled| {
        let account = account.to_owned();
        Write::TakeOver { device: old.id, account, unless_disabled }
    };
    let take = |account: &str| take_over(account, true);
    assert!(is_done(&world.one(take("carol")).await));
    assert_eq!(world.load(old.id).await.device.account, "carol");
    assert_eq!(world.store.find_device(APP, "carol", &old.kind).await.expect("an answer"), Some(old.id));
    assert_eq!(world.store.find_device(APP, "alice", &old.kind).await.expect("an answer"), None);
    assert!(is_done(&world.one(take("carol")).await));
    let refused = world.one(take("bob")).await;
    assert!(matches!(refused, Written::Exists(id) if id == own.id), "{refused:?}");
    assert_eq!(world.last().await, 2);
    let carol = Account { is_disabled: true, ..account("carol") };
    assert!(is_done(&world.one(Write::AddAccount(carol)).await));
    assert_eq!(refusal(&world.one(take("dave")).await), Some(Refusal::Disabled));
    assert_eq!(world.load(old.id).await.device.account, "carol");
    assert!(is_done(&world.one(take_over("", false)).await), "its account is about to go");
    assert!(is_done(&world.one(take("dave")).await), "nobody has it");
}

/// A device that holds several of the keys is one.
pub async fn audience_size_counts_a_device_once(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (first, second) = (world.device().await, world.device().await);
    world.join(first, "topic:x").await;
    world.join(first, "tag:y").await;
    world.join(second, "tag:y").await;
    world.join(second, "tag:z").await;
    world.change(second, Change::Leave(key("tag:z"))).await;
    let own = AudienceKey::device(first);
    for (keys, size) in [
        (vec![key("topic:x")], 1),
        (vec![key("tag:y")], 2),
        (vec![key("tag:z")], 0),
        (vec![key("user:nobody")], 0),
        (vec![key("topic:x"), key("tag:y")], 2),
        (vec![key("topic:x"), own, key("tag:z")], 1),
        (vec![key("topic:x"), key("all")], 2),
        (Vec::new(), 0),
    ] {
        assert_eq!(world.store.audience_size(APP, &keys).await.expect("a size"), size, "{keys:?}");
    }
}

/// In order of id, above the one given, at most so many.
pub async fn devices_are_listed_by_account_key_and_page(store: Arc<dyn Store>) {
    let world = World::new(store);
    let mut ids = Vec::new();
    for agent in ["a", "b", "c", "d"] {
        let new = world.new_device(if agent == "d" { "bob" } else { "alice" }, agent);
        ids.push(new.id);
        world.one(Write::Register(new)).await;
    }
    let [first, second, _, bobs] = ids[..] else { unreachable!("four devices") };
    for device in [first, bobs] {
        world.bind(device, Some("user:u")).await;
    }
    world.bind(second, Some("user:u")).await;
    world.bind(second, None).await;
    ids.sort();
    let all = DeviceQuery { app: APP, account: None, key: None, after: None, limit: 10 };
    let list = async |query: DeviceQuery| {
        let devices = world.store.devices(query).await.expect("devices");
        devices.into_iter().map(|device| (device.id, device.memberships.len())).collect::<Vec<_>>()
    };
    let listed = list(all.clone()).await;
    assert_eq!(listed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);
    assert_eq!(listed.iter().find(|(id, _)| *id == second), Some(&(second, 3)));
    let page = list(DeviceQuery { after: ids.first().copied(), limit: 2, ..all.clone() }).await;
    let expected: Vec<_> = ids.iter().copied().skip(1).take(2).collect();
    assert_eq!(page.iter().map(|(id, _)| *id).collect::<Vec<_>>(), expected);
    assert_eq!(list(DeviceQuery { account: Some("bob".to_owned()), ..all.clone() }).await, [(bobs, 3)]);
    let mut of_user = vec![(first, 3), (bobs, 3)];
    of_user.sort();
    assert_eq!(list(DeviceQuery { key: Some(key("user:u")), ..all.clone() }).await, of_user);
    let both = DeviceQuery { key: Some(key("user:u")), account: Some("alice".to_owned()), ..all };
    assert_eq!(list(both).await, [(first, 3)]);
}
