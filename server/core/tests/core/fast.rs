//! FAST tokens (XEP-0484, DESIGN §3): issued, used, renewed, spent, ended.

use longwire_core::auth_manager::{FastLogin, Issued, RemovedBy};
use longwire_core::login::LoginError;
use longwire_store::Store as _;

use crate::world::World;

const MECHANISM: &str = "HT-SHA-256-EXPR";
const WANTED: FastLogin = FastLogin { used: None, is_spent: false, wanted: Some(MECHANISM) };

const fn used(issue: u64) -> FastLogin {
    FastLogin { used: Some(issue), is_spent: false, wanted: None }
}

/// Logs in the device `agent` of the account `a`, and waits until what follows the login is written.
async fn log_in(world: &World, fast: FastLogin) -> Option<Issued> {
    let mut login = world.push_login("a", "agent");
    (login.fast, login.mechanism) = (fast, MECHANISM);
    let (ready, _) = world.log_in(login).await.expect("a login");
    world.core.auth.revoke_key("none").await.expect("the writes before are done");
    ready.token
}

/// Issue number and text of what the device may use.
async fn good(world: &World) -> Vec<(u64, String)> {
    let held = world.core.auth.fast_tokens("a", "agent", MECHANISM).await.expect("readable");
    held.tokens.into_iter().filter(|token| !token.is_expired).map(|token| (token.issue, token.secret)).collect()
}

#[tokio::test]
async fn a_token_is_renewed_at_half_its_life_and_replaced_when_the_new_one_is_used() {
    let world = World::new().await;
    world.account("a").await;
    let first = log_in(&world, WANTED).await.expect("a token was asked for");
    assert_eq!(first.expires_at, world.core.env.now().plus_millis(1_000_000));
    assert_eq!(good(&world).await, [(1, first.secret.clone())]);
    assert!(world.core.auth.fast_tokens("a", "other", MECHANISM).await.expect("readable").tokens.is_empty());
    assert!(world.core.auth.fast_tokens("a", "agent", "HT-SHA-256-NONE").await.expect("readable").tokens.is_empty());

    world.hand.advance(500_000);
    assert!(log_in(&world, used(1)).await.is_none(), "at half its life, not past it");
    world.hand.advance(1);
    let second = log_in(&world, used(1)).await.expect("past half its life");
    assert_ne!(second.secret, first.secret);
    assert_eq!(
        good(&world).await,
        [(2, second.secret.clone()), (1, first.secret)],
        "the old one until the new one is used"
    );
    assert!(log_in(&world, used(2)).await.is_none());
    assert_eq!(good(&world).await, [(2, second.secret)], "the old one is refused from now on");
    world.hand.advance(1_000_000);
    assert!(good(&world).await.is_empty());
    let held = world.core.auth.fast_tokens("a", "agent", MECHANISM).await.expect("readable").tokens;
    assert!(held.iter().all(|token| token.is_expired) && held.len() == 1, "told as expired, not as unknown");
}

#[tokio::test]
async fn a_token_is_good_before_it_is_written() {
    let world = World::new().await;
    world.account("a").await;
    let mut login = world.push_login("a", "agent");
    (login.fast, login.mechanism) = (WANTED, MECHANISM);
    let (ready, device) = world.log_in(login).await.expect("a login");
    let token = ready.token.expect("a token was asked for").secret;
    assert_eq!(world.store.fast_tokens(device).await.expect("readable"), None, "nothing has waited for it");
    assert_eq!(good(&world).await, [(1, token.clone())]);
    world.core.auth.revoke_key("none").await.expect("the writes before are done");
    assert!(world.store.fast_tokens(device).await.expect("readable").is_some());
    assert_eq!(good(&world).await, [(1, token)]);
}

#[tokio::test]
async fn a_token_that_never_arrived_is_replaced_by_the_next() {
    let world = World::new().await;
    world.account("a").await;
    let first = log_in(&world, WANTED).await.expect("asked for");
    world.hand.advance(600_000);
    let lost = log_in(&world, used(1)).await.expect("renewed");
    let second = log_in(&world, used(1)).await.expect("renewed again: the answer was lost");
    assert_ne!(lost.secret, second.secret);
    assert_eq!(good(&world).await, [(3, second.secret), (1, first.secret)], "two at most");
}

#[tokio::test]
async fn a_spent_token_ends_at_once_and_has_no_successor_unless_asked_for() {
    let world = World::new().await;
    world.account("a").await;
    log_in(&world, WANTED).await.expect("asked for");
    world.hand.advance(600_000);
    let spent = FastLogin { is_spent: true, ..used(1) };
    let mut login = world.push_login("a", "agent");
    (login.fast, login.mechanism) = (spent, MECHANISM);
    let (ready, _) = world.log_in(login).await.expect("a login");
    assert!(ready.token.is_none(), "though it was past half its life");
    assert!(good(&world).await.is_empty(), "before anything else is written");
    log_in(&world, WANTED).await.expect("asked for");
    let issue = good(&world).await.first().expect("a token").0;
    let next = log_in(&world, FastLogin { wanted: Some(MECHANISM), is_spent: true, ..used(issue) }).await;
    assert_eq!(good(&world).await, [(issue + 1, next.expect("asked for").secret)]);
}

#[tokio::test]
async fn a_login_without_a_push_session_is_followed_too() {
    let world = World::new().await;
    world.account("a").await;
    let follow = async |agent, fast| {
        let token = world.core.follow_login("a", agent, MECHANISM, fast).await.expect("followed");
        world.core.auth.revoke_key("none").await.expect("the writes before are done");
        token
    };
    assert!(follow(Some("agent"), WANTED).await.is_none(), "there is no such device");
    log_in(&world, WANTED).await.expect("asked for");
    let second = follow(Some("agent"), FastLogin { used: Some(1), ..WANTED }).await.expect("asked for");
    assert!(follow(None, WANTED).await.is_none());
    assert_eq!(good(&world).await.len(), 2);
    follow(Some("agent"), used(2)).await;
    assert_eq!(good(&world).await, [(2, second.secret)], "the older one is retired");
    follow(Some("agent"), FastLogin { is_spent: true, ..used(2) }).await;
    assert!(good(&world).await.is_empty());
}

#[tokio::test]
async fn another_password_ends_all_tokens() {
    let world = World::new().await;
    world.account("a").await;
    let first = log_in(&world, WANTED).await.expect("asked for");
    world.core.auth.change_password("a", "another-word".into()).await.expect("changed");
    assert!(
        good(&world).await.iter().all(|(_, secret)| *secret != first.secret),
        "the device is asked for its password"
    );
    let second = log_in(&world, WANTED).await.expect("asked for");
    assert!(good(&world).await.contains(&(2, second.secret)));
}

#[tokio::test]
async fn a_new_account_of_the_same_name_inherits_nothing() {
    let world = World::new().await;
    world.account("a").await;
    let first = log_in(&world, WANTED).await.expect("asked for");
    assert!(world.core.remove_account("a", RemovedBy::Operator).await.expect("removed"));
    assert!(good(&world).await.is_empty());
    world.account("a").await;
    assert!(good(&world).await.is_empty());
    let second = log_in(&world, WANTED).await.expect("asked for");
    assert_ne!(second.secret, first.secret);
}

#[tokio::test]
async fn an_account_that_is_gone_is_not_authorized() {
    let world = World::new().await;
    world.account("a").await;
    log_in(&world, WANTED).await.expect("asked for");
    world.core.remove_account("a", RemovedBy::Operator).await.expect("removed");
    let refused = world.log_in(world.push_login("a", "agent")).await;
    assert!(matches!(refused, Err(LoginError::NotAuthorized)));
}
