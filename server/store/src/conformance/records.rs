//! Accounts, API keys, app keys, FAST tokens.

use std::sync::Arc;

use longwire_model::account::{FastToken, FastTokens};
use longwire_model::{Account, AndroidpnAccount, ApiKey, AppKey, DeviceKind, Scope, TokenAlgorithm, UserKey};

use super::world::{APP, Draft, World, acknowledgement, at, is_done, is_unchanged, key, refusal, seqs_of};
use crate::write::{AccountChange, AndroidpnChange, NewDevice, Refusal};
use crate::{Store, Write};

pub(super) fn account(name: &str) -> Account {
    Account {
        name: name.to_owned(),
        salt: vec![0, 1, 255],
        iterations: 10_000,
        stored_key: [3; 32],
        server_key: [4; 32],
        created_at: at(5),
        is_disabled: name == "mallory",
        app_key: (name == "alice").then(|| "k1".to_owned()),
    }
}

/// A taken name is left alone.
pub async fn accounts_are_added_once_and_listed_by_name(store: Arc<dyn Store>) {
    let world = World::new(store);
    let other = Account { stored_key: [8; 32], ..account("bob") };
    let group = [account("mallory"), account("bob"), other, account("alice")].map(Write::AddAccount);
    let answers = world.commit(group.to_vec()).await;
    assert_eq!(answers.iter().map(is_done).collect::<Vec<_>>(), [true, true, false, true]);
    assert_eq!(world.store.account("bob").await.expect("an answer"), Some(account("bob")));
    assert_eq!(world.store.account("alice").await.expect("an answer"), Some(account("alice")));
    assert_eq!(world.store.account("mallory").await.expect("an answer"), Some(account("mallory")));
    let names = async |after, limit| {
        let page = world.store.accounts(after, limit).await.expect("accounts");
        page.into_iter().map(|account| account.name).collect::<Vec<_>>()
    };
    assert_eq!(names(None, 9).await, ["alice", "bob", "mallory"]);
    assert_eq!(names(Some("alice"), 1).await, ["bob"]);
    let change = |name: &str, change| Write::ChangeAccount { name: name.to_owned(), change };
    let password =
        AccountChange::Password { salt: vec![7], iterations: 4_096, stored_key: [5; 32], server_key: [6; 32] };
    let group = vec![change("bob", AccountChange::Disabled(true)), change("bob", password.clone())];
    assert!(world.commit(group).await.iter().all(is_done));
    let mut changed = account("bob");
    AccountChange::Disabled(true).apply(&mut changed);
    password.apply(&mut changed);
    assert_eq!(world.store.account("bob").await.expect("an answer"), Some(changed), "each changes its own");
    assert!(is_unchanged(&world.one(change("nobody", AccountChange::Disabled(true))).await));
    assert!(is_done(&world.one(Write::RemoveAccount("bob".to_owned())).await));
    assert!(is_unchanged(&world.one(Write::RemoveAccount("bob".to_owned())).await));
    assert_eq!(world.store.account("bob").await.expect("an answer"), None);
}

/// A name is one account of one kind; the device comes with it, and pushes wait for it from then on.
pub async fn accounts_of_original_clients_are_apart_and_have_one_device(store: Arc<dyn Store>) {
    let world = World::new(store);
    let original = |name: &str, byte: u8| AndroidpnAccount {
        name: name.to_owned(),
        sealed_password: vec![byte, 0, 255],
        email: (name == "ann").then(|| "ann@example.com".to_owned()),
        full_name: None,
        created_at: at(5),
        claimed: if name == "cid" { vec![key("tag:a"), key("tag:alias:C")] } else { Vec::new() },
        is_disabled: name == "cid",
    };
    let add = |name: &str, byte| {
        let (id, entry) = (world.device_id(), world.entry_id());
        let (account, kind) = (name.to_owned(), DeviceKind::Androidpn);
        let device = NewDevice { id, app: APP, account, kind, installation_hash: None, entry, at: at(6) };
        Write::AddAndroidpn { account: original(name, byte), device }
    };
    let group = vec![
        Write::AddAccount(account("bob")),
        add("bob", 1),
        add("ann", 2),
        add("ann", 3),
        add("cid", 4),
        Write::AddAccount(account("ann")),
        Write::Admit(account("ann")),
    ];
    let answers = world.commit(group).await;
    assert_eq!(seqs_of(&answers), [1, 2], "the devices of ann and cid");
    let unchanged = answers.iter().map(is_unchanged).collect::<Vec<_>>();
    assert_eq!(unchanged, [false, true, false, true, false, true, true]);
    assert_eq!(world.store.androidpn_account("ann").await.expect("an answer"), Some(original("ann", 2)));
    assert_eq!(world.store.androidpn_account("bob").await.expect("an answer"), None);
    assert_eq!(world.store.account("ann").await.expect("an answer"), None);
    let page = world.store.androidpn_accounts(Some("ann"), 9).await.expect("accounts");
    assert_eq!(page, [original("cid", 4)]);
    let asked = ["ann", "bob", "nobody", "cid"].map(str::to_owned);
    let mut found = world.store.androidpn_accounts_named(&asked).await.expect("accounts");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(found, [original("ann", 2), original("cid", 4)]);
    let found = world.store.accounts_named(&asked).await.expect("accounts");
    assert_eq!(found.iter().map(|account| account.name.as_str()).collect::<Vec<_>>(), ["bob"]);
    assert!(world.store.accounts_named(&[]).await.expect("accounts").is_empty());
    let find = async |name| world.store.find_device(APP, name, &DeviceKind::Androidpn).await.expect("an answer");
    let device = find("ann").await.expect("a device");
    let loaded = world.store.device(device).await.expect("an answer").expect("a device").device;
    assert_eq!((loaded.kind, loaded.account.as_str()), (DeviceKind::Androidpn, "ann"));
    assert_eq!(find("bob").await, None);
    let change = |name: &str, change| Write::ChangeAndroidpn { name: name.to_owned(), change };
    let (disabled, password) = (AndroidpnChange::Disabled(true), AndroidpnChange::Password(vec![9]));
    let group =
        vec![change("ann", disabled.clone()), change("ann", password), change("cid", AndroidpnChange::Disabled(false))];
    assert!(world.commit(group).await.iter().all(is_done));
    let changed = AndroidpnAccount { sealed_password: vec![9], is_disabled: true, ..original("ann", 2) };
    assert_eq!(world.store.androidpn_account("ann").await.expect("an answer"), Some(changed), "each changes its own");
    let enabled = AndroidpnAccount { is_disabled: false, ..original("cid", 4) };
    assert_eq!(world.store.androidpn_account("cid").await.expect("an answer"), Some(enabled));
    assert!(is_unchanged(&world.one(change("bob", disabled)).await), "an account of the other kind");
    assert!(is_done(&world.one(Write::RemoveAndroidpn("ann".to_owned())).await));
    assert!(is_unchanged(&world.one(Write::RemoveAndroidpn("ann".to_owned())).await));
    assert!(is_done(&world.one(Write::AddAccount(account("ann"))).await), "the name is free");
}

/// Revoked keys are still found; the first revocation's time stays.
pub async fn api_keys_are_revoked_once(store: Arc<dyn Store>) {
    let world = World::new(store);
    let newer = ApiKey {
        id: "a1".to_owned(),
        app: APP,
        secret_hash: [5; 32],
        scopes: vec![Scope::Send, Scope::Admin],
        label: Some("back-end".to_owned()),
        created_at: at(8),
        expires_at: Some(at(9_000)),
        revoked_at: None,
    };
    let older = ApiKey {
        id: "b2".to_owned(),
        label: None,
        expires_at: None,
        created_at: at(7),
        scopes: Vec::new(),
        ..newer.clone()
    };
    world.commit(vec![Write::AddApiKey(newer.clone()), Write::AddApiKey(older.clone())]).await;
    assert_eq!(world.store.api_keys(APP).await.expect("keys"), [older.clone(), newer.clone()]);
    assert_eq!(world.store.api_key("a1").await.expect("an answer"), Some(newer.clone()));
    assert_eq!(world.store.api_key("c3").await.expect("an answer"), None);
    let revoke = |id: &str, millis| Write::RevokeApiKey { app: APP, id: id.to_owned(), at: at(millis) };
    let answers = world.commit(vec![revoke("a1", 20), revoke("a1", 21), revoke("c3", 20)]).await;
    assert_eq!(answers.iter().map(is_done).collect::<Vec<_>>(), [true, false, false]);
    let revoked = ApiKey { revoked_at: Some(at(20)), ..newer };
    assert_eq!(world.store.api_key("a1").await.expect("an answer"), Some(revoked));
}

/// As API keys are.
pub async fn user_keys_are_revoked_once(store: Arc<dyn Store>) {
    let world = World::new(store);
    let newer = UserKey {
        id: "u2".to_owned(),
        app: APP,
        algorithm: TokenAlgorithm::EdDsa,
        public_key: vec![0x30, 0, 255],
        label: Some("back-end".to_owned()),
        created_at: at(8),
        revoked_at: None,
    };
    let older = UserKey {
        id: "u1".to_owned(),
        algorithm: TokenAlgorithm::Rs256,
        label: None,
        created_at: at(7),
        ..newer.clone()
    };
    let add = |key: &UserKey| Write::AddUserKey(key.clone());
    let answers = world.commit(vec![add(&newer), add(&older), add(&newer)]).await;
    assert_eq!(answers.iter().map(is_done).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(world.store.user_keys(APP).await.expect("keys"), [older, newer.clone()]);
    assert_eq!(world.store.user_key("u3").await.expect("an answer"), None);
    let revoke = |id: &str, millis| Write::RevokeUserKey { app: APP, id: id.to_owned(), at: at(millis) };
    let answers = world.commit(vec![revoke("u2", 20), revoke("u2", 21), revoke("u3", 20)]).await;
    assert_eq!(answers.iter().map(is_done).collect::<Vec<_>>(), [true, false, false]);
    let revoked = UserKey { revoked_at: Some(at(20)), ..newer };
    assert_eq!(world.store.user_key("u2").await.expect("an answer"), Some(revoked));
}

/// Whom it admitted stays; who has the name keeps it; a refused account is not made and not counted.
pub async fn an_app_key_admits_accounts_until_it_is_revoked(store: Arc<dyn Store>) {
    let world = World::new(store);
    let newer = AppKey {
        id: "k2".to_owned(),
        app: APP,
        secret_hash: [6; 32],
        label: Some("the app".to_owned()),
        created_at: at(8),
        revoked_at: None,
        registrations: 0,
        last_used_at: None,
    };
    let older = AppKey { id: "k1".to_owned(), label: None, created_at: at(7), ..newer.clone() };
    let add = |key: &AppKey| Write::AddAppKey(key.clone());
    let answers = world.commit(vec![add(&newer), add(&older), add(&newer)]).await;
    assert_eq!(answers.iter().map(is_done).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(world.store.app_keys(APP).await.expect("keys"), [older.clone(), newer.clone()]);
    assert_eq!(world.store.app_key("k3").await.expect("an answer"), None);
    let by = |name: &str, key: Option<&str>, millis| {
        let app_key = key.map(str::to_owned);
        Write::Admit(Account { app_key, created_at: at(millis), ..account(name) })
    };
    let admitted = [by("bob", Some("k2"), 20), by("carol", Some("k2"), 21), by("bob", Some("k2"), 22)];
    let answers = world.commit(admitted.to_vec()).await;
    assert_eq!(answers.iter().map(is_done).collect::<Vec<_>>(), [true, true, false]);
    assert!(is_unchanged(&world.one(by("bob", Some("k3"), 22)).await), "the name is taken, whatever the key");
    let counted = AppKey { registrations: 2, last_used_at: Some(at(21)), ..newer };
    assert_eq!(world.store.app_key("k2").await.expect("an answer"), Some(counted.clone()));
    let bob = world.store.account("bob").await.expect("an answer").expect("bob");
    assert_eq!((bob.app_key.as_deref(), bob.created_at), (Some("k2"), at(20)));
    let revoke = |id: &str, millis| Write::RevokeAppKey { app: APP, id: id.to_owned(), at: at(millis) };
    let answers = world.commit(vec![revoke("k2", 30), revoke("k2", 31), revoke("k3", 30)]).await;
    assert_eq!(answers.iter().map(is_done).collect::<Vec<_>>(), [true, false, false]);
    for key in [Some("k2"), Some("k3"), None] {
        let refused = world.one(by("dave", key, 40)).await;
        assert_eq!(refusal(&refused), Some(Refusal::UnknownAppKey), "{key:?}");
    }
    assert_eq!(world.store.account("dave").await.expect("an answer"), None);
    assert_eq!(world.store.app_keys(APP).await.expect("keys"), [older, AppKey { revoked_at: Some(at(30)), ..counted }]);
}

/// Tokens are the device's: without a device there are none.
pub async fn fast_tokens_are_replaced_and_go_with_the_device(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    assert_eq!(world.store.fast_tokens(device).await.expect("an answer"), None);
    let token = |issue, expires| Some(FastToken { issue, expires_at: at(expires) });
    let mechanism = "HT-SHA-256-EXPR".to_owned();
    let first = FastTokens { mechanism: mechanism.clone(), current: None, newest: token(1, 100) };
    let second = FastTokens { mechanism, current: token(1, 100), newest: token(u64::MAX, 200) };
    let set = |tokens: Option<&FastTokens>| Write::FastTokens { device, tokens: tokens.cloned() };
    for tokens in [Some(&first), Some(&second), None, Some(&first)] {
        assert!(is_done(&world.one(set(tokens)).await));
        assert_eq!(world.store.fast_tokens(device).await.expect("an answer").as_ref(), tokens);
    }
    world.one(Write::RemoveDevice { device, entry: world.entry_id(), at: at(9) }).await;
    assert_eq!(world.store.fast_tokens(device).await.expect("an answer"), None);
    assert_eq!(refusal(&world.one(set(Some(&first))).await), Some(Refusal::UnknownDevice));
}

/// A refusal is an answer; the rest of the group is written.
pub async fn unknown_devices_are_refused_and_disturb_nobody(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device_id();
    let row = acknowledgement(longwire_model::Lane::Normal, 0, 1, Vec::new());
    let answers = world
        .commit(vec![
            world.notification(&Draft::to(&["all"])),
            Write::Acknowledge { device, row },
            Write::Contact { device, last_seen: at(1), next_contact: None, offline_since: None },
            Write::Attempts { device, attempts: None },
            Write::TakeOver { device, account: "alice".to_owned(), unless_disabled: true },
            Write::RemoveDevice { device, entry: world.entry_id(), at: at(1) },
            world.notification(&Draft::to(&["all"])),
        ])
        .await;
    assert_eq!(seqs_of(&answers), [1, 2]);
    let refused = answers.iter().filter(|written| refusal(written) == Some(Refusal::UnknownDevice));
    assert_eq!(refused.count(), 5);
}
