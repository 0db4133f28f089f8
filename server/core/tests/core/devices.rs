//! Devices: made, found, taken over, bound to users.

use longwire_core::auth_manager::{FastLogin, RemovedBy};
use longwire_core::devices::{Change, ChangeError};
use longwire_core::login::LoginError;
use longwire_core::session_manager::EndReason;
use longwire_model::limits::MEMBERSHIPS_MAX;
use longwire_model::{AudienceKey, DeviceId, SessionEnd, Timestamp};
use longwire_store::Store as _;

use crate::world::{World, notification};

#[tokio::test]
async fn a_device_is_account_and_agent_and_a_known_one_writes_nothing_to_the_log() {
    let world = World::new().await;
    let (_, device) = world.phone("a").await;
    let last = world.core.log.last();
    let (_, again) = world.log_in(world.push_login("a", "agent")).await.expect("a login");
    assert_eq!((again, world.core.log.last()), (device, last));
    let (_, other) = world.log_in(world.push_login("a", "tablet")).await.expect("a login");
    assert_ne!(other, device);
    assert_eq!(world.core.log.last(), last + 1, "its joining entry");
}

#[tokio::test]
async fn a_new_account_takes_a_device_over_only_by_its_secret() {
    let world = World::new().await;
    for account in ["a", "b", "c"] {
        world.account(account).await;
    }
    let with = |account: &str, installation| {
        let mut login = world.push_login(account, "agent");
        login.installation = Some(installation);
        world.log_in(login)
    };
    let (first, device) = with("a", [1; 16]).await.expect("a login");
    let (_, stranger) = with("b", [2; 16]).await.expect("a login");
    assert_ne!(stranger, device, "a wrong proof makes a new device");
    let (_, taken) = with("c", [1; 16]).await.expect("a login");
    assert_eq!(taken, device);
    assert_eq!(world.desk.ended.lock().expect("unpoisoned").as_slice(), [(first.session.key, EndReason::Conflict)]);
    let record = world.core.device(device).await.expect("readable").expect("known");
    assert_eq!(record.account, "c");
}

#[tokio::test]
async fn who_went_is_on_disk_before_it_is_told() {
    let world = World::new().await;
    let (session, device) = world.phone("a").await;
    world.hand.advance(1_000);
    let now = Some(world.core.env.now());
    world.core.log_out("a", session, SessionEnd::Closed, None);
    let told = world.core.device(device).await.expect("readable").expect("known");
    let stored = world.store.device(device).await.expect("readable").expect("known").device;
    assert_eq!((told.offline_since, stored.offline_since), (now, now));
    let ended = world.store.sessions(&[device], world.core.env.now()).await.expect("readable");
    assert_eq!(ended.get(&device).map(|own| own.iter().map(|it| it.end).collect()), Some(vec![SessionEnd::Closed]));
}

#[tokio::test]
async fn auth_22_the_device_of_a_disabled_account_does_not_come_back_with_a_new_one() {
    let world = World::new().await;
    let (_, device) = alices(&world).await;
    world.core.set_disabled("a", true).await.expect("disabled");
    world.account("b").await;
    let log_in = || {
        let mut login = world.push_login("b", "agent");
        login.installation = Some([1; 16]);
        world.log_in(login)
    };
    assert!(matches!(log_in().await, Err(LoginError::Disabled)));
    let record = world.core.device(device).await.expect("readable").expect("known");
    assert_eq!(record.account, "a");
    world.core.set_disabled("a", false).await.expect("enabled");
    assert_eq!(log_in().await.expect("a login").1, device);
    // Whoever removes a disabled account gives its device up.
    world.core.set_disabled("b", true).await.expect("disabled");
    assert!(world.core.remove_account("b", RemovedBy::Operator).await.expect("removed"));
    let record = world.core.device(device).await.expect("readable").expect("known");
    assert_eq!(record.account, "");
}

#[tokio::test]
async fn a_device_outlives_its_account_for_who_proves_its_secret() {
    let world = World::new().await;
    for account in ["a", "b", "c"] {
        world.account(account).await;
    }
    let with = |account: &str, agent: &str, installation| {
        let mut login = world.push_login(account, agent);
        login.installation = installation;
        world.log_in(login)
    };
    let (_, device) = with("a", "agent", Some([1; 16])).await.expect("a login");
    let (_, unproven) = with("a", "tablet", None).await.expect("a login");
    let alice = Change::User(Some(AudienceKey::user("alice").expect("a name")));
    world.core.change(device, alice).await.expect("bound");
    let kept = world.core.device(device).await.expect("readable").expect("known");
    assert!(world.core.remove_account("a", RemovedBy::Operator).await.expect("removed"));
    assert!(world.core.device(unproven).await.expect("readable").is_none(), "nobody could prove it");
    // Another account of the same name has no claim by its name.
    world.account("a").await;
    let (_, stranger) = with("a", "agent", Some([2; 16])).await.expect("a login");
    assert_ne!(stranger, device);
    let (_, nameless) = with("c", "agent", None).await.expect("a login");
    assert_ne!(nameless, device);
    let (_, back) = with("b", "agent", Some([1; 16])).await.expect("a login");
    assert_eq!(back, device);
    let record = world.core.device(device).await.expect("readable").expect("known");
    assert_eq!((record.account.as_str(), record.user(), record.recorded), ("b", Some("alice"), kept.recorded));
    // A second device of one user-agent id that nobody owns is one too many.
    for account in ["a", "b"] {
        assert!(world.core.remove_account(account, RemovedBy::Operator).await.expect("removed"));
    }
    let left = world.core.devices(None, None, 10).await.expect("readable");
    assert_eq!(left.iter().filter(|device| device.account.is_empty()).count(), 1);
}

/// A device of the account `a` with an installation secret, a FAST token, and the user alice.
async fn alices(world: &World) -> (longwire_router::SessionKey, DeviceId) {
    world.account("a").await;
    let mut login = world.push_login("a", "agent");
    login.installation = Some([1; 16]);
    login.fast = FastLogin { used: None, is_spent: false, wanted: Some("HT-SHA-256-EXPR") };
    let (ready, device) = world.log_in(login).await.expect("a login");
    let alice = Change::User(Some(AudienceKey::user("alice").expect("a name")));
    world.core.change(device, alice).await.expect("bound");
    (ready.session.key, device)
}

async fn is_gone(world: &World, device: DeviceId) -> bool {
    let alice = [AudienceKey::user("alice").expect("a name")];
    let counted = longwire_store::Store::audience_size(&*world.store, world.core.log.app(), &alice).await;
    let tokens = longwire_store::Store::fast_tokens(&*world.store, device).await.expect("readable");
    let record = world.core.device(device).await.expect("readable");
    (record.is_none(), counted.expect("readable") == 0, tokens.is_none()) == (true, true, true)
}

#[tokio::test]
async fn who_removes_the_own_account_leaves_no_device() {
    let world = World::new().await;
    let (_, device) = alices(&world).await;
    assert!(!is_gone(&world, device).await);
    assert!(world.core.remove_account("a", RemovedBy::Holder).await.expect("removed"));
    assert!(is_gone(&world, device).await);
    world.account("b").await;
    let mut login = world.push_login("b", "agent");
    login.installation = Some([1; 16]);
    assert_ne!(world.log_in(login).await.expect("a login").1, device, "nothing to take over");
}

#[tokio::test]
async fn a_removed_device_is_sent_nothing_and_comes_back_as_another() {
    let world = World::new().await;
    let (session, device) = alices(&world).await;
    assert!(world.core.remove_device(device).await.expect("removed"));
    assert!(is_gone(&world, device).await);
    assert!(!world.core.remove_device(device).await.expect("there is none"));
    let ended = world.desk.ended.lock().expect("unpoisoned").clone();
    assert_eq!(ended, [(session, EndReason::NotAuthorized)]);
    world.core.notifications.accept(notification(&["user:alice", "all"]), None).await.expect("accepted");
    assert!(world.desk.sent_to(session).is_empty());
    let mut login = world.push_login("a", "agent");
    login.installation = Some([1; 16]);
    let (_, other) = world.log_in(login).await.expect("the account is as it was");
    let record = world.core.device(other).await.expect("readable").expect("known");
    assert!(other != device && record.user().is_none());
}

#[tokio::test]
async fn a_device_without_an_account_stays_as_long_as_a_notification_can_wait() {
    const TTL_MS: i64 = 28 * 24 * 60 * 60 * 1_000;
    let world = World::new().await;
    let (session, device) = alices(&world).await;
    let (_, other) = world.phone("b").await;
    world.hand.advance(1_000);
    world.core.log_out("a", session, longwire_model::SessionEnd::Lost, None);
    world.core.remove_account("a", RemovedBy::Operator).await.expect("removed");
    world.hand.advance(TTL_MS);
    assert_eq!(world.core.remove_ownerless().await.expect("swept"), 0);
    world.hand.advance(1);
    assert_eq!(world.core.remove_ownerless().await.expect("swept"), 1);
    assert!(is_gone(&world, device).await);
    assert!(world.core.device(other).await.expect("readable").is_some(), "it has an account");
}

#[tokio::test]
async fn a_change_is_answered_when_every_worker_has_passed_it() {
    let world = World::new().await;
    let (session, device) = world.phone("a").await;
    let user = |name: Option<&str>| Change::User(name.map(|name| AudienceKey::user(name).expect("a name")));
    world.core.change(device, user(Some("alice"))).await.expect("bound");
    world.core.notifications.accept(notification(&["user:alice"]), None).await.expect("accepted");
    assert_eq!(world.desk.sent_to(session).len(), 1);
    world.core.change(device, user(Some("bob"))).await.expect("bound");
    world.core.notifications.accept(notification(&["user:alice"]), None).await.expect("accepted");
    assert_eq!(world.desk.sent_to(session).len(), 1, "bob's phone now");
    world.core.change(device, user(Some("bob"))).await.expect("it is so already");
    let record = world.core.device(device).await.expect("readable").expect("known");
    assert_eq!(record.user(), Some("bob"));
    let unknown = world.core.change(DeviceId::new([1; 16]), user(None)).await;
    assert!(matches!(unknown, Err(ChangeError::UnknownDevice)));
}

#[tokio::test]
async fn topics_and_tags_of_a_device_are_bounded() {
    let world = World::new().await;
    let (_, device) = world.phone("a").await;
    let tag = |n: usize| Change::Join(AudienceKey::tag(&n.to_string()).expect("a name"));
    for n in 0..MEMBERSHIPS_MAX {
        world.core.change(device, tag(n)).await.expect("within the limit");
    }
    let refused = world.core.change(device, tag(MEMBERSHIPS_MAX)).await;
    assert!(matches!(refused, Err(ChangeError::TooMany)));
}

#[tokio::test]
async fn a_device_stays_current_in_memory() {
    let world = World::new().await;
    let (session, device) = world.phone("a").await;
    let loaded = || async { world.core.directory.load(device).await.expect("readable").expect("known") };
    loaded().await;
    world.core.change(device, Change::Join(AudienceKey::topic("t").expect("a name"))).await.expect("joined");
    world.core.notifications.accept(notification(&["topic:t"]), None).await.expect("accepted");
    let seq = world.core.log.last();
    let topic = AudienceKey::topic("t").expect("a name");
    let record = loaded().await;
    assert_eq!(record.as_of, seq);
    let (_, head) = record.heads.iter().find(|(key, _)| *key == topic).expect("a head of the key");
    assert_eq!(head.newest.normal, seq);
    world.acknowledge(session, seq).await;
    assert_eq!(loaded().await.device.recorded.normal, seq);
    // And it says what the store says.
    let stored = longwire_store::Store::device(&*world.store, device).await.expect("readable").expect("known");
    let (mut known, mut stored) = (loaded().await, stored);
    for record in [&mut known, &mut stored] {
        record.heads.retain(|(_, head)| *head != longwire_model::KeyHead::default());
        record.heads.sort_by(|a, b| a.0.cmp(&b.0));
    }
    assert_eq!(known, stored);
}

#[tokio::test]
async fn when_a_device_was_seen_is_known_online_and_after() {
    let world = World::new().await;
    let (session, device) = world.phone("a").await;
    let record = || async { world.core.device(device).await.expect("readable").expect("known") };
    let online = record().await;
    assert_eq!(online.offline_since, None);
    assert_eq!(online.next_contact, Some(world.core.env.now().plus_millis(60_000)));
    world.hand.advance(1_000);
    let gone = world.core.env.now();
    world.core.log_out("a", session, longwire_model::SessionEnd::Lost, None);
    world.core.auth.revoke_key("none").await.expect("the write before is done");
    assert_eq!(record().await.offline_since, Some(gone));
    assert_eq!(
        (record().await.last_seen, record().await.next_contact),
        (online.last_seen, online.next_contact),
        "overdue"
    );
}

#[tokio::test]
async fn the_next_contact_follows_the_promise_and_is_on_disk_within_a_quarter_of_an_hour() {
    let world = World::new().await;
    let (session, device) = world.phone("a").await;
    let now = || world.core.env.now();
    let after = |from: Timestamp, ms| Some(from.plus_millis(ms));
    let told = || async { world.core.device(device).await.expect("readable").expect("known").next_contact };
    let stored = || async {
        world.core.auth.revoke_key("none").await.expect("the write before is done");
        longwire_store::Store::device(&*world.store, device).await.expect("readable").expect("known").device
    };
    let first = now();
    world.hand.advance(59_999);
    world.core.presence.promised(device, now(), 200);
    assert_eq!(told().await, after(now(), 200_000));
    assert_eq!(stored().await.next_contact, after(first, 60_000), "a device that changes its mind again and again");
    world.hand.advance(1);
    let changed = now();
    world.core.presence.promised(device, changed, 300);
    assert_eq!(told().await, after(changed, 300_000));
    assert_eq!(stored().await.next_contact, after(changed, 300_000), "a changed promise is written");
    world.hand.advance(899_999);
    world.core.presence.heard(device, now(), Some(300));
    assert_eq!(told().await, after(now(), 300_000));
    assert_eq!(stored().await.next_contact, after(changed, 300_000), "a heartbeat alone is not");
    world.hand.advance(1);
    world.core.presence.heard(device, now(), Some(300));
    assert_eq!((stored().await.last_seen, stored().await.next_contact), (Some(now()), after(now(), 300_000)));
    let last = now();
    world.hand.advance(3_600_000);
    world.core.log_out("a", session, longwire_model::SessionEnd::Lost, None);
    let gone = stored().await;
    assert_eq!(
        (gone.last_seen, gone.next_contact, gone.offline_since),
        (Some(last), after(last, 300_000), Some(now()))
    );
}
