//! Many clients at once.

use std::ops::Range;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::arrivals::Arrivals;
use super::door::{Carriage, Door};
use super::login::{Proof, Wants, log_in};
use super::session::Session;
use crate::together::together;

/// Logins at once.
const LOGINS: usize = 32;

/// Brings clients online, available to others; in the order of their numbers.
///
/// # Errors
/// One of them is refused.
pub(crate) async fn online(
    door: &Arc<Door>,
    carriage: Carriage,
    proof: &Proof,
    numbers: Range<usize>,
) -> anyhow::Result<Vec<Session>> {
    let enter = |number| {
        let (door, proof) = (Arc::clone(door), proof.clone());
        async move {
            let mut session = log_in(&door, carriage, &proof, &Wants::default(), number).await?;
            session.make_available().await?;
            Ok(session)
        }
    };
    together(LOGINS, numbers, enter).await
}

/// Devices that read what comes, each in a task; they are gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    _tasks: JoinSet<()>,
}

/// Reads for all of them from now on, notes what arrives, and answers what is owed.
pub(crate) fn listen(sessions: Vec<Session>, arrivals: &Arc<Arrivals>) -> Listening {
    let mut tasks = JoinSet::new();
    for session in sessions {
        tasks.spawn(read(session, Arc::clone(arrivals)));
    }
    Listening { _tasks: tasks }
}

async fn read(mut session: Session, arrivals: Arc<Arrivals>) {
    let (mut buffer, mut numbers, mut reply) = (Vec::new(), Vec::new(), Vec::new());
    while matches!(session.link.read(&mut buffer).await, Ok(length) if length > 0) {
        session.inbox.take(&mut buffer, |number| numbers.push(number), &mut reply);
        if !numbers.is_empty() {
            arrivals.note(&numbers);
            numbers.clear();
        }
        if !reply.is_empty() {
            if session.link.send(&reply).await.is_err() {
                return;
            }
            reply.clear();
        }
    }
}
