//! Sessions of devices: what is told of them afterwards.

use std::sync::Arc;

use longwire_model::delivery::{Hold, Sent};
use longwire_model::limits::SESSIONS_MAX;
use longwire_model::{DeviceId, Held, Lane, Rest, Session, SessionEnd};

use super::world::{APP, Draft, World, at, is_done, refusal};
use crate::write::{Refusal, SessionStep};
use crate::{Store, Write};

const fn session(began: i64, ended: i64, end: SessionEnd) -> Session {
    Session { began_at: at(began), heard_at: at(began), ended_at: at(ended), end, resumed_at: None, rest: None }
}

const fn began(device: DeviceId, instant: i64) -> Write {
    Write::Session { device, step: SessionStep::Began(at(instant)) }
}

const fn ended(device: DeviceId, session: Session) -> Write {
    Write::Session { device, step: SessionStep::Ended(session) }
}

impl World {
    async fn sessions(&self, device: DeviceId, since: i64) -> Vec<Session> {
        let mut told = self.store.sessions(&[device, self.device_id()], at(since)).await.expect("sessions");
        let own = told.remove(&device).unwrap_or_default();
        assert!(told.is_empty(), "nobody else had one: {told:?}");
        own
    }
}

/// All that ended at the instant or later, and the last one before: how the device had gone.
pub async fn sessions_are_told_from_the_last_before_on(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (device, other) = (world.device().await, world.device().await);
    let [first, second, third] = [
        session(10, 20, SessionEnd::Closed),
        session(30, 40, SessionEnd::Silent),
        Session { heard_at: at(55), resumed_at: Some(at(99)), ..session(50, 60, SessionEnd::Restart) },
    ];
    world
        .commit(vec![began(device, 10), ended(device, first.clone()), began(device, 30), ended(device, second.clone())])
        .await;
    world.commit(vec![ended(device, third.clone()), began(device, 70)]).await;
    assert_eq!(
        world.sessions(device, 0).await,
        [first.clone(), second.clone(), third.clone()],
        "what is open is not among them"
    );
    assert_eq!(world.sessions(device, 40).await, [first.clone(), second.clone(), third.clone()]);
    assert_eq!(world.sessions(device, 41).await, [second.clone(), third.clone()]);
    assert_eq!(world.sessions(device, 61).await, [third]);
    assert_eq!(world.sessions(other, 0).await, []);
    let again = session(50, 61, SessionEnd::Lost);
    world.one(ended(device, again.clone())).await;
    assert_eq!(world.sessions(device, 61).await, [second, again], "said again, it is replaced");
    assert_eq!(refusal(&world.one(began(world.device_id(), 1)).await), Some(Refusal::UnknownDevice));
}

/// No session is lost with the write of its end, and none is said to go on.
pub async fn a_session_whose_end_was_not_written_ends_with_the_next(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    let answers = world.commit(vec![began(device, 10), began(device, 10), began(device, 30)]).await;
    assert!(answers.iter().all(is_done), "{answers:?}");
    assert_eq!(world.sessions(device, 0).await, [session(10, 30, SessionEnd::Unrecorded)]);
    world.one(ended(device, session(30, 40, SessionEnd::Lost))).await;
    world.one(began(device, 50)).await;
    assert_eq!(world.sessions(device, 40).await.last(), Some(&session(30, 40, SessionEnd::Lost)));
}

/// What it left behind, and that of one that ended with the server, as long as that could say it.
pub async fn sessions_keep_what_they_left_behind(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    let sent = vec![Sent { seq: 3, at: at(12), hold: None }, Sent { seq: 7, at: at(14), hold: Some(Hold::CatchUp) }];
    let held = vec![
        Held { lane: Lane::Normal, after: 8, hold: Hold::Window },
        Held { lane: Lane::Background, after: 4, hold: Hold::Background },
    ];
    let rests = [Some(Rest { sent, held }), Some(Rest::default()), None].map(|rest| rest.map(Arc::new));
    let mut sessions = Vec::new();
    for (number, rest) in (1..).zip(rests) {
        let own = Session { rest, ..session(10 * number, 10 * number + 5, SessionEnd::Lost) };
        world.commit(vec![began(device, 10 * number), ended(device, own.clone())]).await;
        sessions.push(own);
    }
    assert_eq!(world.sessions(device, 0).await, sessions);
    let rest = sessions.first().and_then(|own| own.rest.clone());
    let stopped = Session { rest, ..session(40, 60, SessionEnd::Restart) };
    world.commit(vec![began(device, 40), ended(device, stopped.clone())]).await;
    assert_eq!(world.sessions(device, 50).await.last(), Some(&stopped));
    world.one(Write::Resume { app: APP, at: at(90) }).await;
    let resumed = Session { resumed_at: Some(at(90)), ..stopped };
    assert_eq!(world.sessions(device, 50).await.last(), Some(&resumed));
}

/// A session that the server did not outlive ended when the server is known to have run last, and not before its own last sign.
pub async fn what_was_open_ends_with_the_life_of_the_server(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (early, late, closed) = (world.device().await, world.device().await, world.device().await);
    world.commit(vec![began(early, 10), began(closed, 10), Write::Alive { app: APP, at: at(50) }]).await;
    world.commit(vec![ended(closed, session(10, 20, SessionEnd::Closed)), began(late, 60)]).await;
    let contact = Write::Contact { device: late, last_seen: at(65), next_contact: None, offline_since: None };
    world.commit(vec![contact, Write::Resume { app: APP, at: at(90) }]).await;
    let restart = |began, heard, ended| Session {
        heard_at: at(heard),
        resumed_at: Some(at(90)),
        ..session(began, ended, SessionEnd::Restart)
    };
    assert_eq!(world.sessions(early, 0).await, [restart(10, 10, 50)]);
    assert_eq!(world.sessions(late, 0).await, [restart(60, 65, 65)]);
    assert_eq!(world.sessions(closed, 0).await, [session(10, 20, SessionEnd::Closed)]);
    world.commit(vec![Write::Resume { app: APP, at: at(95) }, began(early, 96)]).await;
    assert_eq!(world.sessions(early, 0).await, [restart(10, 10, 50)], "nothing was open any more");
    world.one(Write::Resume { app: APP, at: at(99) }).await;
    assert_eq!(world.sessions(early, 60).await.last().map(|own| own.ended_at), Some(at(96)));
}

/// The oldest go; also when a restart ends the one too many.
pub async fn sessions_are_bounded_at_the_limit(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (device, other) = (world.device().await, world.device().await);
    let most = i64::try_from(SESSIONS_MAX).expect("a small number");
    let all: Vec<Session> = (0..=most).map(|number| session(10 * number, 10 * number + 5, SessionEnd::Lost)).collect();
    world.one(ended(other, session(1, 2, SessionEnd::Lost))).await;
    let (last, before) = all.split_last().expect("sessions");
    world.commit(before.iter().map(|own| ended(device, own.clone())).collect()).await;
    assert_eq!(world.sessions(device, 0).await, before, "as many as may be");
    world.one(ended(device, last.clone())).await;
    assert_eq!(world.sessions(device, 0).await.first(), all.get(1), "one more");
    world.commit(vec![began(device, 20 * most), Write::Resume { app: APP, at: at(30 * most) }]).await;
    assert_eq!(world.sessions(device, 0).await.first(), all.get(2));
    assert_eq!(world.sessions(device, 0).await.len(), SESSIONS_MAX);
    assert_eq!(world.sessions(other, 0).await.len(), 1);
}

/// What may explain a retained notification stays, and of each device how it went.
pub async fn sessions_are_swept_but_for_the_last(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    let [first, second, third] =
        [(1, 4), (6, 30), (40, 45)].map(|(began, over)| session(began, over, SessionEnd::Lost));
    world.commit([first, second.clone(), third.clone()].map(|own| ended(device, own)).into()).await;
    world.push(&Draft::to(&["all"]).until(100)).await;
    world.store.sweep(APP, at(50), 100).await.expect("a sweep");
    assert_eq!(
        world.sessions(device, 0).await,
        [second, third.clone()],
        "accepted at 10, the notification is retained"
    );
    world.store.sweep(APP, at(101), 100).await.expect("a sweep");
    assert_eq!(world.sessions(device, 0).await, [third]);
    world.one(Write::RemoveDevice { device, entry: world.entry_id(), at: at(102) }).await;
    assert_eq!(world.sessions(device, 0).await, []);
}
