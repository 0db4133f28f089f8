//! Original androidpn clients: their accounts, an import, their sessions, and what they may say.

use longwire_core::androidpn::{Imported, NewAccount, Proof, import_into_nothing};
use longwire_core::auth_manager::{AccountError, AccountKind, PasswordCheck, RemovedBy};
use longwire_core::devices::Change;
use longwire_core::login::LoginError;
use longwire_core::session_manager::{EndReason, Session};
use longwire_model::{DeviceId, DeviceKind, Timestamp};
use longwire_protocol::stanza::{Presence, PresenceType};
use longwire_protocol::{Element, ns};
use longwire_router::SessionKind;
use longwire_store::Store as _;

use crate::world::World;

fn new(name: &str, password: &str) -> NewAccount {
    NewAccount { name: name.into(), password: password.into(), ..NewAccount::default() }
}

async fn logged_in(world: &World, name: &str) -> Session {
    let key = world.core.sessions.new_key();
    let proven = world.core.sessions.ends();
    let ready = world.core.log_in_androidpn(key, 0, name.into(), "AndroidpnClient".into(), proven).await;
    let ready = ready.expect("a login");
    assert!(ready.bind.is_none(), "nothing before presence");
    ready.session
}

fn iq(kind: &str, payload: Element) -> Element {
    Element::new(ns::CLIENT, "iq").with_attr("type", kind).with_attr("id", "i").with_child(payload)
}

#[tokio::test]
async fn an_account_is_proven_by_digest_and_password_and_by_nothing_else() {
    let world = World::new().await;
    let device = world.core.register_androidpn(new("Bob", "päss")).await.expect("a new account");
    assert!(matches!(world.core.register_androidpn(new("bob", "x")).await, Err(AccountError::Exists)));
    assert_eq!(world.core.androidpn_devices(" BOB ").await.expect("devices"), [device]);
    let check = async |name: &str, proof: Proof<'_>| world.core.check_androidpn(name, proof).await.expect("an answer");
    assert_eq!(check("bob", Proof::Password("päss")).await, PasswordCheck::Right);
    assert_eq!(check("bob", Proof::Password("pass")).await, PasswordCheck::Wrong);
    assert_eq!(check("nobody", Proof::Password("päss")).await, PasswordCheck::Wrong);
    // printf 's1päss' | sha1sum
    let digest = "6c5350765a933c12541679053a1b0f3c9045897c";
    assert_eq!(check("bob", Proof::Digest { stream_id: "s1", digest }).await, PasswordCheck::Right);
    assert_eq!(
        check("bob", Proof::Digest { stream_id: "s1", digest: &digest.to_uppercase() }).await,
        PasswordCheck::Right
    );
    assert_eq!(check("bob", Proof::Digest { stream_id: "s2", digest }).await, PasswordCheck::Wrong);
    assert_eq!(world.core.auth.account("bob").await.expect("an answer"), None, "nothing for SASL to find");
    let made = world.core.auth.add_account("bob", Some("secret-word")).await;
    assert!(matches!(made, Err(AccountError::Exists)), "a name is one account");
    assert!(world.core.remove_account("bob", RemovedBy::Operator).await.expect("removed"));
    assert!(world.core.androidpn_devices("bob").await.expect("devices").is_empty());
    assert_eq!(world.store.androidpn_account("bob").await.expect("an answer"), None);
}

#[tokio::test]
async fn auth_22_an_account_that_is_disabled_or_has_another_password_is_out() {
    let world = World::new().await;
    world.core.register_androidpn(new("bob", "päss")).await.expect("a new account");
    let check =
        async |password: &str| world.core.check_androidpn("bob", Proof::Password(password)).await.expect("an answer");
    let log_in = async |proven| {
        let key = world.core.sessions.new_key();
        world.core.log_in_androidpn(key, 0, "bob".into(), "AndroidpnClient".into(), proven).await
    };
    world.core.set_disabled("bob", true).await.expect("disabled");
    assert_eq!(check("päss").await, PasswordCheck::Disabled);
    assert_eq!(check("x").await, PasswordCheck::Wrong);
    assert!(matches!(log_in(world.core.sessions.ends()).await, Err(LoginError::Disabled)));
    let listed = world.core.auth.accounts(None, 9).await.expect("accounts");
    assert_eq!(listed.iter().map(|account| account.is_disabled).collect::<Vec<_>>(), [true]);
    world.core.set_disabled("bob", false).await.expect("enabled");
    assert_eq!(check("päss").await, PasswordCheck::Right);
    // Proven with the former password, and not listed yet.
    let proven = world.core.sessions.ends();
    let made = world.core.set_password("bob", None, None).await.expect("changed");
    assert!(
        matches!(log_in(proven).await, Err(LoginError::Core(_))),
        "it is to try again, and not to give its account up"
    );
    assert_eq!(check("päss").await, PasswordCheck::Wrong);
    assert_eq!(check(&made).await, PasswordCheck::Right);
}

#[tokio::test]
async fn an_import_is_tried_first_and_can_be_repeated() {
    let world = World::new().await;
    world.account("modern").await;
    let at = Timestamp::from_millis(1_334_000_000_000);
    let users = || {
        vec![
            NewAccount { email: Some("a@b".into()), created_at: Some(at), ..new("Ann", "one") },
            new("ann", "one"),
            new("ANN", "two"),
            new("modern", "x"),
            new("a b", "x"),
            new("cid", ""),
            new("dan", "four"),
        ]
    };
    use Imported::{Added, BadName, Differs, NoPassword, Taken, Unchanged};
    let told = [Added, Unchanged, Differs, Taken, BadName, NoPassword, Added];
    assert_eq!(world.core.import_androidpn(users(), true).await.expect("answers"), told);
    assert!(world.core.androidpn_users(None, 9).await.expect("users").is_empty(), "a dry run");
    assert_eq!(world.core.import_androidpn(users(), false).await.expect("answers"), told);
    let again = [Unchanged, Unchanged, Differs, Taken, BadName, NoPassword, Unchanged];
    assert_eq!(world.core.import_androidpn(users(), false).await.expect("answers"), again);
    let users = world.core.androidpn_users(None, 9).await.expect("users");
    let names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["ann", "dan"]);
    assert_eq!((users[0].created_at, users[0].email.as_deref(), users[0].is_online), (at, Some("a@b"), false));
    assert_eq!(world.core.androidpn_devices("ann").await.expect("devices").len(), 1, "pushes wait for it");
}

#[tokio::test]
async fn an_import_of_many_is_one_answer_each_and_the_same_into_nothing() {
    let world = World::new().await;
    let users = || (0..3_000).map(|number| new(&format!("user{}", number % 2_500), "x")).collect::<Vec<_>>();
    let told = world.core.import_androidpn(users(), false).await.expect("answers");
    let added = |told: &[Imported]| told.iter().filter(|one| **one == Imported::Added).count();
    assert_eq!((told.len(), added(&told), added(&told[..2_500])), (3_000, 2_500, 2_500));
    assert_eq!(told, import_into_nothing(users()));
    assert_eq!(world.core.androidpn_users(None, 5_000).await.expect("users").len(), 2_500);
    assert_eq!(world.core.androidpn_devices("user2499").await.expect("devices").len(), 1);
}

#[tokio::test]
async fn accounts_of_both_kinds_are_listed_in_order_page_by_page() {
    let world = World::new().await;
    for name in ["bob", "dan"] {
        world.account(name).await;
    }
    for name in ["ann", "cid"] {
        world.core.register_androidpn(new(name, "x")).await.expect("a new account");
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = world.core.auth.accounts(after.as_deref(), 1).await.expect("accounts");
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        seen.extend(page.into_iter().map(|account| (account.name, account.kind)));
    }
    let expected = [
        ("ann", AccountKind::Androidpn),
        ("bob", AccountKind::Xmpp),
        ("cid", AccountKind::Androidpn),
        ("dan", AccountKind::Xmpp),
    ];
    assert_eq!(seen, expected.map(|(name, kind)| (name.to_owned(), kind)));
}

#[tokio::test]
async fn a_login_ends_the_one_before_and_pushes_begin_with_presence() {
    let world = World::new().await;
    let device = world.core.register_androidpn(new("bob", "x")).await.expect("a new account");
    let older = logged_in(&world, "bob").await;
    let newer = logged_in(&world, "bob").await;
    assert_eq!(world.desk.ended.lock().expect("unpoisoned").as_slice(), [(older.key, EndReason::Conflict)]);
    world.core.log_out("bob", older.key, longwire_model::SessionEnd::Lost, None);
    assert!(world.core.sessions.is_online(device), "the older one's end does not end the newer");
    let presence = |kind| Presence::new(kind).to_element().with_attr("from", "bob@example.com/AndroidpnClient");
    let outcome = world.core.handle_stanza(&newer, presence(PresenceType::Available)).await;
    assert!(outcome.came_online && outcome.reply.is_none());
    let bind = world.core.come_online(&newer).await.expect("a bind");
    assert_eq!((bind.kind, bind.loaded.device.id), (SessionKind::Androidpn, device));
    assert_eq!(bind.loaded.device.kind, DeviceKind::Androidpn);
    assert!(world.core.androidpn_users(None, 1).await.expect("users")[0].is_online);
    let outcome = world.core.handle_stanza(&newer, presence(PresenceType::Unavailable)).await;
    assert!(outcome.went_offline && outcome.reply.is_none());
    let proven = world.core.sessions.ends();
    let gone = world.core.log_in_androidpn(newer.key, 0, "nobody".into(), "r".into(), proven).await;
    assert!(matches!(gone, Err(LoginError::NotAuthorized)));
}

#[tokio::test]
async fn answers_and_silences() {
    let world = World::new().await;
    world.core.register_androidpn(new("bob", "x")).await.expect("a new account");
    let session = logged_in(&world, "bob").await;
    let said = async |stanza: Element| {
        let outcome =
            world.core.handle_stanza(&session, stanza.with_attr("from", "bob@example.com/AndroidpnClient")).await;
        outcome.reply.map(|reply| reply.to_string())
    };
    let query = |namespace: &'static str| Element::new(namespace, "query");
    let ping = said(iq("get", Element::new(ns::PING, "ping"))).await.expect("an answer");
    assert!(ping.contains("type='result'"), "{ping}");
    let unknown = said(iq("get", query("jabber:iq:private"))).await.expect("an answer");
    assert!(unknown.contains("<query xmlns='jabber:iq:private'/><error type='cancel' code='503'>"), "{unknown}");
    let secret = query(ns::REGISTER).with_text_child("password", "secret-word");
    let refused = said(iq("set", secret)).await.expect("an answer");
    assert!(refused.contains("code='406'") && !refused.contains("secret-word"), "{refused}");
    let bare = |kind| Element::new(ns::CLIENT, "iq").with_attr("type", kind).with_attr("id", "i");
    for silent in [
        bare("get"),
        bare("result"),
        iq("error", query("x")),
        Presence::new(PresenceType::Subscribe).to_element(),
        iq("set", Element::new("androidpn:iq:setalias", "setalias")),
        iq("set", Element::new("androidpn:iq:deliverconfirm", "deliverconfirm").with_text_child("uuid", "31e1a22e")),
    ] {
        assert_eq!(said(silent.clone()).await, None, "{silent}");
    }
}

fn settags(username: &str, tags: &str) -> Element {
    let payload = Element::new("androidpn:iq:settags", "settags").with_text_child("username", username);
    iq("set", payload.with_text_child("tags", tags))
}

fn setalias(username: &str, alias: &str) -> Element {
    let payload = Element::new("androidpn:iq:setalias", "setalias").with_text_child("username", username);
    iq("set", payload.with_text_child("alias", alias))
}

/// The tags of a device, in order of name.
async fn held(world: &World, device: DeviceId) -> Vec<String> {
    let device = world.core.device(device).await.expect("an answer").expect("a device");
    let mut tags: Vec<String> = device.open("tag").map(str::to_owned).collect();
    tags.sort();
    tags
}

#[tokio::test]
async fn alias_and_tags_replace_what_the_client_said_before_and_nothing_of_the_operators() {
    let world = World::new().await;
    let device = world.core.register_androidpn(new("bob", "x")).await.expect("a new account");
    let other = world.core.register_androidpn(new("ann", "x")).await.expect("a new account");
    let session = logged_in(&world, "bob").await;
    let says = async |report| assert_eq!(world.core.handle_stanza(&session, report).await.reply, None);
    world.core.change(device, Change::Join("tag:staff".parse().expect("a key"))).await.expect("a change");
    let before = world.core.log.last();
    says(settags(" BOB ", "b,a,staff,b")).await;
    assert_eq!(held(&world, device).await, ["a", "b", "staff"]);
    assert_eq!(world.core.log.last(), before + 1, "one report is one entry");
    says(settags("bob", "a,b,staff")).await;
    assert_eq!(world.core.log.last(), before + 1, "what is so already is none");
    says(setalias("bob", "Bob")).await;
    says(settags("bob", "c")).await;
    assert_eq!(held(&world, device).await, ["alias:Bob", "c", "staff"]);
    says(setalias("ann", "Ann")).await;
    says(settags("ann", "")).await;
    says(settags("a b@", "x")).await;
    assert_eq!(held(&world, device).await, ["alias:Bob", "c", "staff"], "of another account: ignored");
    assert!(held(&world, other).await.is_empty());
    says(setalias("bob", "Robert")).await;
    says(settags("bob", "")).await;
    assert_eq!(held(&world, device).await, ["alias:Robert", "staff"]);
    says(setalias("bob", "")).await;
    assert_eq!(held(&world, device).await, ["staff"]);
    // Of another session: the account remembers.
    says(settags("bob", "d")).await;
    let session = logged_in(&world, "bob").await;
    world.core.handle_stanza(&session, settags("bob", "e")).await;
    assert_eq!(held(&world, device).await, ["e", "staff"]);
}

#[tokio::test]
async fn tags_are_bounded_by_the_patterns_where_there_are_any() {
    let world = World::with_tags(&["news/*", "beta"]).await;
    let device = world.core.register_androidpn(new("bob", "x")).await.expect("a new account");
    let session = logged_in(&world, "bob").await;
    world.core.handle_stanza(&session, settags("bob", "staff,news/a,beta,beta2")).await;
    world.core.handle_stanza(&session, setalias("bob", "boss")).await;
    assert_eq!(held(&world, device).await, ["alias:boss", "beta", "news/a"]);
    world.core.handle_stanza(&session, settags("bob", "staff")).await;
    assert_eq!(held(&world, device).await, ["alias:boss"]);
}

#[tokio::test]
async fn a_hundred_reports_are_so_many_changes_as_a_device_may_ask_for_and_the_last_one_holds() {
    let world = World::new().await;
    let device = world.core.register_androidpn(new("bob", "x")).await.expect("a new account");
    let session = logged_in(&world, "bob").await;
    let before = world.core.log.last();
    for number in 0..100 {
        world.core.handle_stanza(&session, settags("bob", &format!("t{number},u{number}"))).await;
    }
    world.core.handle_stanza(&session, setalias("bob", "Bob")).await;
    assert_eq!((world.core.log.last() - before, held(&world, device).await), (64, vec!["t63".into(), "u63".into()]));
    world.core.settle_claims().await;
    assert_eq!(held(&world, device).await, ["t63", "u63"], "not sooner than it may");
    // Its session is over; each of the two takes a turn.
    world.core.log_out("bob", session.key, longwire_model::SessionEnd::Lost, None);
    world.hand.advance(10_000);
    world.core.settle_claims().await;
    world.hand.advance(10_000);
    world.core.settle_claims().await;
    assert_eq!(held(&world, device).await, ["alias:Bob", "t99", "u99"]);
    // What would wait when the server ends is written.
    let session = logged_in(&world, "bob").await;
    world.core.handle_stanza(&session, settags("bob", "last")).await;
    assert_eq!(held(&world, device).await, ["alias:Bob", "t99", "u99"]);
    world.core.close().await;
    assert_eq!(held(&world, device).await, ["alias:Bob", "last"]);
}
