//! Which of the waiting requests make the next group: what nobody waits for lets notifications pass, for a moment.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use longwire_model::EntryKind;
use longwire_store::Write;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Sleep, sleep};

use super::kept::{KEPT_WRITES_MAX, Kept};
use super::{Reply, Request};

/// Writes that one transaction carries at most, but for what was kept.
const GROUP_WRITES_MAX: usize = 512;
/// For how long a write is kept at most: what devices acknowledge meanwhile is written together, to pages that it shares.
pub(super) const KEPT: Duration = Duration::from_millis(50);

/// Makes groups of what is received, in its order. What nobody waits for is kept, and goes before whatever comes next; but a group of nothing
/// but notifications passes what is kept when that is acknowledgements alone. The next login of a device settles what a crash takes of
/// these; how its session ended nobody would tell again, so that what is accepted later finds it on disk.
pub(super) struct Groups {
    receiver: Receiver<Request>,
    /// How long writes are kept; none where nothing is to depend on timers: until the next group.
    delay: Option<Duration>,
    kept: Arc<Kept>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// What a group is made for.
enum Turn {
    Received(Request),
    /// What is kept is kept no longer.
    Due,
    /// Nothing more will be received.
    Closed,
}

impl Groups {
    /// What is put into `kept` while that is open need not be sent.
    pub(super) const fn new(receiver: Receiver<Request>, delay: Option<Duration>, kept: Arc<Kept>) -> Self {
        Self { receiver, delay, kept, timer: None }
    }

    /// Takes no more requests than those that wait.
    pub(super) fn close(&mut self) {
        self.receiver.close();
    }

    /// Waits for the next group; none when there will be no more.
    pub(super) async fn next(&mut self) -> Option<Vec<Request>> {
        loop {
            let mut waiting = match self.turn().await {
                Turn::Received(first) => vec![first],
                // What waits shares its transaction.
                Turn::Due => return Some(self.take_kept_with_waiting()),
                Turn::Closed if self.kept.is_empty() => return None,
                Turn::Closed => return Some(self.take_kept()),
            };
            self.add_waiting(&mut waiting);
            if waiting.iter().all(Request::may_be_kept) {
                self.keep(waiting);
                continue;
            }
            let may_pass = waiting.iter().all(|request| request.may_be_passed() || request.may_pass());
            if !may_pass || !self.kept.may_be_passed() {
                let mut group = self.take_kept();
                group.extend(waiting);
                return Some(group);
            }
            let (kept, passing) = waiting.into_iter().partition(Request::may_be_passed);
            self.keep(kept);
            return Some(passing);
        }
    }

    async fn turn(&mut self) -> Turn {
        if self.kept.writes() >= KEPT_WRITES_MAX || (self.delay.is_none() && !self.kept.is_empty()) {
            return Turn::Due;
        }
        poll_fn(|context| {
            if self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(context).is_ready()) {
                return Poll::Ready(Turn::Due);
            }
            self.receiver.poll_recv(context).map(|received| received.map_or(Turn::Closed, Turn::Received))
        })
        .await
    }

    /// Adds what waits now, up to the size of a group.
    fn add_waiting(&mut self, group: &mut Vec<Request>) {
        let mut count = 0;
        while count < GROUP_WRITES_MAX
            && let Ok(next) = self.receiver.try_recv()
        {
            count += next.writes.len();
            group.push(next);
        }
    }

    fn take_kept_with_waiting(&mut self) -> Vec<Request> {
        let mut group = self.take_kept();
        self.add_waiting(&mut group);
        group
    }

    fn keep(&mut self, requests: Vec<Request>) {
        if requests.is_empty() {
            return;
        }
        if self.timer.is_none() {
            self.timer = self.delay.map(sleep).map(Box::pin);
        }
        let Self { receiver, delay, kept, .. } = self;
        kept.keep(requests, || delay.is_some() && receiver.is_empty());
    }

    fn take_kept(&mut self) -> Vec<Request> {
        self.timer = None;
        self.kept.take()
    }
}

impl Request {
    /// Whether nobody waits for it, and who reads what it writes knows to ask for it: acknowledgements, comings and goings, tokens.
    pub(super) fn may_be_kept(&self) -> bool {
        self.is_posted(|write| {
            let beside = matches!(write, Write::Session { .. } | Write::Contact { .. } | Write::FastTokens { .. });
            beside || matches!(write, Write::Acknowledge { .. })
        })
    }

    /// Whether nobody waits for it, and it says nothing but what devices have acknowledged.
    pub(super) fn may_be_passed(&self) -> bool {
        self.is_posted(|write| matches!(write, Write::Acknowledge { .. }))
    }

    fn is_posted(&self, kind: impl Fn(&Write) -> bool) -> bool {
        matches!(self.reply, Reply::Callback(_)) && self.writes.iter().all(kind)
    }

    /// Whether it appends notifications and does nothing else: they depend on nothing that is kept.
    fn may_pass(&self) -> bool {
        let is_notification = |write: &Write| matches!(write, Write::Append { kind: EntryKind::Notification(_), .. });
        !self.writes.is_empty() && self.writes.iter().all(is_notification)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use longwire_model::delivery::Acknowledgement;
    use longwire_model::entry::{Content, Routing};
    use longwire_model::{AppId, AudienceKey, DeviceId, EntryId, Lane, Timestamp};
    use tokio::sync::{mpsc, oneshot};

    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1);
    /// Longer than any test.
    const LONG: Duration = Duration::from_secs(3_600);

    fn posted(device: u8) -> Request {
        let row =
            Acknowledgement { lane: Lane::Normal, from: 1, to: 2, exceptions: Vec::new(), sent: Vec::new(), at: AT };
        callback(Write::Acknowledge { device: DeviceId::new([device; 16]), row })
    }

    fn callback(write: Write) -> Request {
        Request { writes: vec![write], reply: Reply::Callback(Box::new(drop)) }
    }

    fn awaited(writes: Vec<Write>) -> Request {
        Request { writes, reply: Reply::Waiter(oneshot::channel().0) }
    }

    fn notification() -> Request {
        let routing = Routing { audience: [AudienceKey::all()].into(), lane: Lane::Normal, expires_at: AT };
        let kind = EntryKind::Notification(Content { routing, filter: None, collapse_key: None, payload: "{}".into() });
        let (app, id) = (AppId::DEFAULT, EntryId::from_bytes([1; 16]));
        awaited(vec![Write::Append { app, id, at: AT, kind, idempotency: None }])
    }

    fn went() -> Request {
        let write = Write::Contact {
            device: DeviceId::new([8; 16]),
            last_seen: AT,
            next_contact: None,
            offline_since: Some(AT),
        };
        callback(write)
    }

    fn alive() -> Request {
        awaited(vec![Write::Alive { app: AppId::DEFAULT, at: AT }])
    }

    fn groups(delay: Option<Duration>, requests: impl IntoIterator<Item = Request>) -> (mpsc::Sender<Request>, Groups) {
        let (sender, receiver) = mpsc::channel(1_024);
        requests.into_iter().for_each(|request| sender.try_send(request).expect("room"));
        (sender, Groups::new(receiver, delay, Arc::default()))
    }

    /// Devices of what was posted, `n` for a notification, `w` for a device that went, `a` for another write, `-` for a request without any.
    fn shown(group: Option<Vec<Request>>) -> String {
        let show = |request: &Request| match request.writes.first() {
            Some(Write::Acknowledge { device, .. }) => device.as_bytes()[0].to_string(),
            Some(Write::Append { .. }) => "n".to_owned(),
            Some(Write::Contact { .. }) => "w".to_owned(),
            Some(_) => "a".to_owned(),
            None => "-".to_owned(),
        };
        group.expect("a group").iter().map(show).collect()
    }

    async fn next(groups: &mut Groups) -> String {
        shown(groups.next().await)
    }

    #[tokio::test]
    async fn notifications_pass_what_nobody_waits_for() {
        for delay in [None, Some(KEPT)] {
            let (_sender, mut groups) = groups(delay, [posted(1), notification(), posted(2), notification()]);
            assert_eq!([next(&mut groups).await, next(&mut groups).await], ["nn", "12"], "{delay:?}");
        }
    }

    #[tokio::test]
    async fn any_other_write_and_a_settle_come_behind_what_was_posted_before() {
        let attempts = Write::Attempts { device: DeviceId::new([3; 16]), attempts: None };
        for (last, expected) in [(alive(), "12na"), (callback(attempts), "12na"), (awaited(Vec::new()), "12n-")] {
            let (sender, mut groups) = groups(Some(LONG), [posted(1), notification()]);
            assert_eq!(next(&mut groups).await, "n");
            for request in [posted(2), notification(), last] {
                sender.try_send(request).expect("room");
            }
            assert_eq!(next(&mut groups).await, expected);
        }
    }

    #[tokio::test]
    async fn who_came_and_went_is_written_with_the_next_request_and_before_it() {
        for (last, expected) in [(notification(), "1w2n"), (alive(), "1w2a"), (awaited(Vec::new()), "1w2-")] {
            let (sender, mut groups) = groups(Some(LONG), [posted(1), went(), posted(2)]);
            {
                let mut waiting = pin!(groups.next());
                assert!(poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await);
            }
            sender.try_send(last).expect("room");
            assert_eq!(next(&mut groups).await, expected);
            sender.try_send(posted(3)).expect("room");
            sender.try_send(notification()).expect("room");
            assert_eq!(next(&mut groups).await, "n", "acknowledgements alone are passed as before");
        }
        let (_sender, mut groups) = groups(None, [went()]);
        assert_eq!(next(&mut groups).await, "w", "without timers nothing waits for another request");
    }

    #[tokio::test]
    async fn what_is_put_beside_what_is_kept_keeps_its_order() {
        let (sender, mut groups) = groups(Some(LONG), [posted(1)]);
        let kept = Arc::clone(&groups.kept);
        let put = |request: Request| kept.put(request, |request| sender.try_send(request)).expect("room");
        put(posted(2));
        {
            let mut waiting = pin!(groups.next());
            assert!(poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await);
            put(posted(3));
            assert_eq!(sender.capacity(), sender.max_capacity(), "nothing is sent while it is open");
            put(went());
        }
        sender.try_send(notification()).expect("room");
        put(posted(4));
        assert_eq!(next(&mut groups).await, "123w4n", "who went is not passed");
        put(posted(5));
        assert!(sender.capacity() < sender.max_capacity(), "sent again behind a group");
        drop(sender);
        assert_eq!(next(&mut groups).await, "5");
    }

    #[tokio::test]
    async fn what_waits_goes_with_what_is_due() {
        let (sender, mut groups) = groups(None, [posted(1), notification()]);
        assert_eq!(next(&mut groups).await, "n");
        for request in [notification(), posted(2)] {
            sender.try_send(request).expect("room");
        }
        assert_eq!(next(&mut groups).await, "1n2");
    }

    #[tokio::test]
    async fn however_much_is_due_takes_what_waits() {
        let (sender, mut groups) = groups(Some(LONG), (1..KEPT_WRITES_MAX).map(|_| posted(1)));
        {
            let mut waiting = pin!(groups.next());
            assert!(poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await);
        }
        groups.kept.put(posted(2), |request| sender.try_send(request)).expect("room");
        sender.try_send(notification()).expect("room");
        assert!(next(&mut groups).await.ends_with("12n"));
    }

    #[tokio::test]
    async fn enough_of_it_waits_no_longer() {
        let (sender, mut groups) = groups(Some(LONG), (1..KEPT_WRITES_MAX).map(|_| posted(1)));
        {
            let mut waiting = pin!(groups.next());
            let first = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await;
            assert!(first, "one less is kept");
            sender.try_send(posted(2)).expect("room");
            assert!(shown(waiting.await).ends_with("12"));
        }
        drop(sender);
        assert!(groups.next().await.is_none());
    }

    #[tokio::test]
    async fn what_is_kept_at_the_end_is_a_group() {
        let (sender, mut groups) = groups(Some(LONG), [posted(1)]);
        drop(sender);
        assert_eq!(next(&mut groups).await, "1");
        assert!(groups.next().await.is_none());
    }
}
