//! What devices ask for, and how often they may.

use longwire_core::session_manager::Session;
use longwire_protocol::push::Request;
use longwire_protocol::stanza::{Condition, ErrorType, Iq, IqType, StanzaError};

use crate::world::World;

/// What a device may ask for at once, and how long it waits for one more.
const BURST: u64 = 64;
const EVERY_MS: i64 = 10_000;

async fn ask(world: &World, session: &Session, request: Request) -> Result<(), StanzaError> {
    let answer = world.core.iq.answer(&world.core, session, &request.to_iq("r")).await;
    match answer.map(|iq: Iq| iq.kind) {
        Some(IqType::Result(_)) => Ok(()),
        Some(IqType::Error(error)) => Err(error),
        other => panic!("no answer: {other:?}"),
    }
}

async fn log_in(world: &World, agent: &str) -> Session {
    let (ready, _) = world.log_in(world.push_login("a", agent)).await.expect("a login");
    ready.session
}

#[tokio::test]
async fn a_device_fills_no_log_with_joins_and_leaves() {
    let world = World::new().await;
    world.account("a").await;
    let phone = log_in(&world, "phone").await;
    let before = world.core.log.last();
    let (join, leave) = (Request::Join("topic:t/a".into()), Request::Leave("topic:t/a".into()));
    for _ in 0..BURST / 2 {
        ask(&world, &phone, join.clone()).await.expect("within what it may");
        ask(&world, &phone, leave.clone()).await.expect("within what it may");
    }
    assert_eq!(world.core.log.last(), before + BURST);
    for request in [join.clone(), leave, Request::Logout, Request::Memberships] {
        let refused = ask(&world, &phone, request).await.expect_err("one more");
        assert_eq!((refused.condition, refused.error_type), (Condition::ResourceConstraint, ErrorType::Wait));
        assert_eq!(refused.retry_after, Some(10));
    }
    assert_eq!((world.core.log.last(), world.core.metrics.requests_limited.get()), (before + BURST, 4));
    // Another device has its own; a new session of the same has not.
    ask(&world, &log_in(&world, "tablet").await, Request::Memberships).await.expect("another device");
    let again = log_in(&world, "phone").await;
    assert_eq!(again.device, phone.device);
    ask(&world, &again, join.clone()).await.expect_err("a new session is no way out");
    world.hand.advance(EVERY_MS - 1);
    let refused = ask(&world, &again, join.clone()).await.expect_err("too early");
    assert_eq!(refused.retry_after, Some(1));
    world.hand.advance(1);
    ask(&world, &again, join.clone()).await.expect("as it was told");
    ask(&world, &again, join).await.expect_err("one, and no more");
}
