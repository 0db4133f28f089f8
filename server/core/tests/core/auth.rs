//! API keys and accounts.

use longwire_core::Registration;
use longwire_core::auth_manager::{AccountError, AppKeyError, AuthError, NewKey, PasswordCheck, RemovedBy};
use longwire_core::login::LoginError;
use longwire_core::session_manager::EndReason;
use longwire_model::{Scope, Timestamp};

use crate::world::World;

fn new_key(scopes: &[Scope], expires_at: Option<Timestamp>) -> NewKey {
    NewKey { scopes: scopes.to_vec(), label: None, expires_at }
}

#[tokio::test]
async fn a_key_opens_what_its_scopes_say_until_it_ends() {
    let world = World::new().await;
    let auth = &world.core.auth;
    let (key, text) = auth.create_key(new_key(&[Scope::Send], None)).await.expect("made");
    assert!(text.starts_with(&format!("lw_{}_", key.id)));
    assert!(auth.authorize(&text, Scope::Send).await.is_ok());
    assert!(matches!(auth.authorize(&text, Scope::Read).await, Err(AuthError::Forbidden(Scope::Read))));
    for wrong in ["", "lw_", "lw__", &format!("lw_{}_x", key.id), &text[..text.len() - 1], "lw_000000000000_x"] {
        assert!(matches!(auth.authorize(wrong, Scope::Send).await, Err(AuthError::Invalid)), "{wrong:?}");
    }
    let (_, admin) = auth.create_key(new_key(&[Scope::Admin], None)).await.expect("made");
    for scope in Scope::ALL {
        assert!(auth.authorize(&admin, scope).await.is_ok());
    }
    assert!(auth.revoke_key(&key.id).await.expect("written"));
    assert!(!auth.revoke_key(&key.id).await.expect("written"));
    assert!(matches!(auth.authorize(&text, Scope::Send).await, Err(AuthError::Revoked)));
    let end = world.core.env.now().plus_millis(10);
    let (_, short) = auth.create_key(new_key(&[Scope::Send], Some(end))).await.expect("made");
    assert!(auth.authorize(&short, Scope::Send).await.is_ok());
    world.hand.advance(10);
    assert!(matches!(auth.authorize(&short, Scope::Send).await, Err(AuthError::Expired(at)) if at == end));
}

#[tokio::test]
async fn an_app_key_admits_registrations_until_it_is_revoked() {
    let world = World::registering(Registration::AppKey).await;
    let auth = &world.core.auth;
    let register = async |name: &str, key: Option<&str>| {
        auth.register(name, "secret-word".to_owned(), key.map(str::to_owned)).await
    };
    assert!(matches!(register("bob", None).await, Err(AccountError::KeyNeeded)));
    let (key, text) = auth.create_app_key(Some("android".to_owned())).await.expect("made");
    assert!(text.starts_with(&format!("lwa_{}_", key.id)));
    assert!(matches!(auth.authorize(&text, Scope::Read).await, Err(AuthError::Invalid)), "it admits and nothing else");
    for good in [text.clone(), format!("{text}\n")] {
        assert_eq!(auth.check_app_key(&good).await.expect("good"), key.id);
    }
    let (_, api_key) = auth.create_key(new_key(&[Scope::Admin], None)).await.expect("made");
    let cut = &text[..text.len() - 1];
    for wrong in ["", "lwa_", "lwa__", &format!("lwa_{}_x", key.id), cut, "lwa_000000000000_x", &text[4..], &api_key] {
        assert!(matches!(auth.check_app_key(wrong).await, Err(AppKeyError::Invalid)), "{wrong:?}");
    }
    world.hand.advance(5);
    register("bob", Some(&key.id)).await.expect("admitted");
    assert!(matches!(register("bob", Some(&key.id)).await, Err(AccountError::Exists)));
    let keys = auth.app_keys().await.expect("keys");
    assert_eq!(
        keys.iter().map(|key| (key.registrations, key.last_used_at)).collect::<Vec<_>>(),
        [(1, Some(world.core.env.now()))]
    );
    auth.change_password("bob", "other-word".into()).await.expect("changed");
    let bob = auth.account("bob").await.expect("read").expect("there");
    assert_eq!((bob.app_key, bob.created_at), (Some(key.id.clone()), world.core.env.now()));
    assert!(auth.revoke_app_key(&key.id).await.expect("written"));
    assert!(!auth.revoke_app_key(&key.id).await.expect("written"));
    assert!(matches!(auth.check_app_key(&text).await, Err(AppKeyError::Revoked)));
    assert!(matches!(auth.check_app_key(cut).await, Err(AppKeyError::Invalid)), "only who has it learns of its end");
    assert!(matches!(register("carol", Some(&key.id)).await, Err(AccountError::KeyRevoked)), "shown before its end");
    assert_eq!(auth.check_password("bob", "other-word".to_owned()).await.expect("read"), PasswordCheck::Right);
}

#[tokio::test]
async fn the_policy_decides_who_registers() {
    for (policy, without, with) in
        [(Registration::Open, true, true), (Registration::AppKey, false, true), (Registration::Closed, false, false)]
    {
        let world = World::registering(policy).await;
        let auth = &world.core.auth;
        let (key, text) = auth.create_app_key(None).await.expect("made");
        assert_eq!(auth.check_app_key(&text).await.is_ok(), with, "{policy:?}");
        assert_eq!(auth.register("bob", "secret-word".to_owned(), None).await.is_ok(), without, "{policy:?}");
        assert_eq!(auth.register("carol", "secret-word".to_owned(), Some(key.id)).await.is_ok(), with, "{policy:?}");
        auth.add_account("dave", None).await.expect("an operator may always");
    }
}

#[tokio::test]
async fn accounts_are_made_checked_changed_and_removed() {
    let world = World::new().await;
    let auth = &world.core.auth;
    let check = |password: &'static str| async move {
        auth.check_password("bob", password.to_owned()).await.expect("readable")
    };
    assert_eq!(check("secret-word").await, PasswordCheck::Wrong, "no such account");
    auth.register("bob", "secret-word".into(), None).await.expect("made");
    assert_eq!(check("secret-word").await, PasswordCheck::Right);
    assert_eq!(check("Secret-word").await, PasswordCheck::Wrong);
    assert!(matches!(auth.register("bob", "other-word".into(), None).await, Err(AccountError::Exists)));
    assert!(matches!(auth.add_account("BOB", None).await, Err(AccountError::Exists)), "names are folded");
    assert!(matches!(auth.add_account("a@b", None).await, Err(AccountError::Name(_))));
    for wrong in [String::new(), "long".repeat(300)] {
        assert!(matches!(auth.register("eve", wrong, None).await, Err(AccountError::Password)));
    }
    auth.change_password("bob", "new-word".into()).await.expect("changed");
    assert_eq!(check("new-word").await, PasswordCheck::Right);
    assert!(world.core.remove_account("bob", RemovedBy::Operator).await.expect("removed"));
    assert!(!world.core.remove_account("bob", RemovedBy::Operator).await.expect("nothing to remove"));
    assert_eq!(check("new-word").await, PasswordCheck::Wrong);
}

#[tokio::test]
async fn auth_22_another_password_or_a_disabled_account_ends_sessions_also_those_under_way() {
    let world = World::new().await;
    world.account("a").await;
    let ended = || std::mem::take(&mut *world.desk.ended.lock().expect("unpoisoned"));
    let (live, _) = world.log_in(world.push_login("a", "agent")).await.expect("a login");
    let (kept, _) = world.log_in(world.push_login("a", "other")).await.expect("a login");
    let late = world.push_login("a", "late");
    world.core.set_password("a", Some("new-word"), Some(kept.session.key)).await.expect("changed");
    assert_eq!(ended(), [(live.session.key, EndReason::NotAuthorized)], "who asked for it stays");
    let refused = world.log_in(late).await;
    assert!(matches!(refused, Err(LoginError::Core(_))), "the password was looked at before it was changed");
    world.log_in(world.push_login("a", "late")).await.expect("proven anew");
    assert_eq!(world.core.auth.check_password("a", "new-word".to_owned()).await.expect("read"), PasswordCheck::Right);
    world.core.set_disabled("a", true).await.expect("disabled");
    assert_eq!(ended().len(), 3);
    assert!(matches!(world.log_in(world.push_login("a", "agent")).await, Err(LoginError::Disabled)));
    world.core.set_password("a", Some("newer-word"), None).await.expect("changed");
    let check = world.core.auth.check_password("a", "newer-word".to_owned()).await.expect("read");
    assert_eq!(check, PasswordCheck::Disabled, "another password does not enable it");
    world.core.set_disabled("a", false).await.expect("enabled");
    world.log_in(world.push_login("a", "agent")).await.expect("a login");
    assert!(matches!(world.core.set_disabled("nobody", true).await, Err(AccountError::Unknown)));
    assert!(matches!(world.core.set_password("nobody", None, None).await, Err(AccountError::Unknown)));
    assert!(world.core.auth.account("nobody").await.expect("read").is_none(), "no account comes of it");
}
