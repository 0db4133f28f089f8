//! API keys, accounts and FAST tokens.

use longwire_core::auth_manager::{AccountError, AuthError, FastLogin, NewKey, PasswordCheck};
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
async fn accounts_are_made_checked_changed_and_removed() {
    let world = World::new().await;
    let auth = &world.core.auth;
    let check = |password: &'static str| async move {
        auth.check_password("bob", password.to_owned()).await.expect("readable")
    };
    assert_eq!(check("secret").await, PasswordCheck::Wrong, "no such account");
    auth.register("bob", "secret".into()).await.expect("made");
    assert_eq!(check("secret").await, PasswordCheck::Right);
    assert_eq!(check("Secret").await, PasswordCheck::Wrong);
    assert!(matches!(auth.register("bob", "other".into()).await, Err(AccountError::Exists)));
    assert!(matches!(auth.add_account("BOB", None).await, Err(AccountError::Exists)), "names are folded");
    assert!(matches!(auth.add_account("a@b", None).await, Err(AccountError::Name(_))));
    assert!(matches!(auth.register("eve", String::new()).await, Err(AccountError::Password)));
    auth.change_password("bob", "new".into()).await.expect("changed");
    assert_eq!(check("new").await, PasswordCheck::Right);
    assert!(world.core.remove_account("bob").await.expect("removed"));
    assert!(!world.core.remove_account("bob").await.expect("nothing to remove"));
    assert_eq!(check("new").await, PasswordCheck::Wrong);
}

#[tokio::test]
async fn fast_tokens_are_issued_used_renewed_and_expire() {
    const MECHANISM: &str = "HT-SHA-256-EXPR";
    let world = World::new().await;
    world.account("a").await;
    let wanted = FastLogin { wanted: Some(MECHANISM), ..FastLogin::default() };
    let login = |fast| {
        let mut login = world.push_login("a", "agent");
        login.fast = fast;
        login.mechanism = MECHANISM;
        world.log_in(login)
    };
    let known = || async { world.core.auth.fast_tokens("a", "agent", MECHANISM).await.expect("readable") };
    let (ready, _) = login(wanted).await.expect("a login");
    let first = ready.token.expect("a token was asked for");
    world.core.auth.revoke_key("none").await.expect("the write before is done");
    assert_eq!(known().await, [(1, first.secret.clone())]);
    assert!(world.core.auth.fast_tokens("a", "other", MECHANISM).await.expect("readable").is_empty());

    let used = FastLogin { used: Some(1), ..FastLogin::default() };
    let (ready, _) = login(used).await.expect("a login");
    assert!(ready.token.is_none(), "still young");
    world.hand.advance(600_000);
    let (ready, _) = login(used).await.expect("a login");
    let second = ready.token.expect("past half its life");
    assert_ne!(second.secret, first.secret);
    world.core.auth.revoke_key("none").await.expect("the write before is done");
    assert_eq!(known().await, [(2, second.secret.clone()), (1, first.secret)], "the old one until the new one is used");
    let (_, _) = login(FastLogin { used: Some(2), ..FastLogin::default() }).await.expect("a login");
    world.core.auth.revoke_key("none").await.expect("the write before is done");
    assert_eq!(known().await, [(2, second.secret)]);
    world.hand.advance(1_000_000);
    assert!(known().await.is_empty(), "expired");
}
