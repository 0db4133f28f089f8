//! Short ways to write to a store and to ask it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use longwire_model::delivery::{Acknowledgement, Exception, Hold, Sent};
use longwire_model::entry::{Content, Routing, Target};
use longwire_model::{AppId, AudienceKey, DeviceId, DeviceKind, Entry, EntryId, EntryKind, Lane, Seq, Timestamp};

use crate::write::{Change, Idempotency, NewDevice};
use crate::{LoadedDevice, LogPage, LogQuery, Store, Write, Written};

pub(super) const APP: AppId = AppId::DEFAULT;

/// A store, and numbers for ids.
pub(super) struct World {
    pub(super) store: Arc<dyn Store>,
    next: AtomicU64,
}

/// A notification to be written, with the parts that matter to a case.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) to: Vec<AudienceKey>,
    pub(super) lane: Lane,
    pub(super) expires: i64,
    pub(super) collapse: Option<&'static str>,
    pub(super) filter: Option<&'static str>,
}

impl Draft {
    pub(super) fn to(keys: &[&str]) -> Self {
        let to = keys.iter().map(|text| key(text)).collect();
        Self { to, lane: Lane::Normal, expires: 1_000_000, collapse: None, filter: None }
    }

    pub(super) fn background(self) -> Self {
        Self { lane: Lane::Background, ..self }
    }

    pub(super) fn until(self, expires: i64) -> Self {
        Self { expires, ..self }
    }

    pub(super) fn collapse(self, collapse: &'static str) -> Self {
        Self { collapse: Some(collapse), ..self }
    }

    pub(super) fn filter(self, filter: &'static str) -> Self {
        Self { filter: Some(filter), ..self }
    }

    pub(super) fn routing(&self) -> Routing {
        Routing { audience: self.to.clone().into(), lane: self.lane, expires_at: at(self.expires) }
    }

    pub(super) fn content(&self) -> Content {
        Content {
            routing: self.routing(),
            filter: self.filter.map(|text| text.parse().expect("a filter")),
            collapse_key: self.collapse.map(Into::into),
            payload: r#"{"title":"Door – \"bell\""}"#.into(),
        }
    }
}

impl World {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, next: AtomicU64::new(1) }
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn entry_id(&self) -> EntryId {
        EntryId::from_bytes((u128::from(self.number()) | 0x0199 << 112).to_be_bytes())
    }

    pub(super) fn device_id(&self) -> DeviceId {
        // Spread over the space of ids, as random ones are.
        let number = u128::from(self.number()).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        DeviceId::new(number.to_be_bytes())
    }

    pub(super) async fn commit(&self, writes: Vec<Write>) -> Vec<Written> {
        let count = writes.len();
        let answers = self.store.commit(writes).await.expect("the commit");
        assert_eq!(answers.len(), count, "one answer per write");
        answers
    }

    pub(super) async fn one(&self, write: Write) -> Written {
        self.commit(vec![write]).await.pop().expect("one answer")
    }

    pub(super) fn append(&self, kind: EntryKind) -> Write {
        Write::Append { app: APP, id: self.entry_id(), at: at(10), kind, idempotency: None }
    }

    pub(super) fn notification(&self, draft: &Draft) -> Write {
        self.append(EntryKind::Notification(draft.content()))
    }

    pub(super) fn request(&self, key: &str, body: u8, instant: i64) -> Write {
        let idempotency = Idempotency {
            key: key.to_owned(),
            body_hash: [body; 32],
            status: 202,
            answer: format!("{{\"body\":{body}}}"),
        };
        Write::Append {
            app: APP,
            id: self.entry_id(),
            at: at(instant),
            kind: EntryKind::Notification(Draft::to(&["all"]).content()),
            idempotency: Some(idempotency),
        }
    }

    pub(super) async fn push(&self, draft: &Draft) -> Arc<Entry> {
        entry(self.one(self.notification(draft)).await)
    }

    pub(super) async fn recall(&self, target: &Entry, draft: &Draft) -> Arc<Entry> {
        entry(self.one(self.append(EntryKind::Recall(target_of(target), draft.routing()))).await)
    }

    pub(super) fn new_device(&self, account: &str, agent: &str) -> NewDevice {
        NewDevice {
            id: self.device_id(),
            app: APP,
            account: account.to_owned(),
            kind: DeviceKind::Push(agent.to_owned()),
            installation_hash: Some([9; 32]),
            entry: self.entry_id(),
            at: at(5),
        }
    }

    /// Registers a device with an account and an agent of its own.
    pub(super) async fn device(&self) -> DeviceId {
        let new = self.new_device(&format!("account-{}", self.number()), "agent");
        let id = new.id;
        entry(self.one(Write::Register(new)).await);
        id
    }

    pub(super) fn changing(&self, device: DeviceId, change: Change) -> Write {
        Write::Membership { device, change, entry: self.entry_id(), at: at(20) }
    }

    pub(super) async fn change(&self, device: DeviceId, change: Change) -> Arc<Entry> {
        entry(self.one(self.changing(device, change)).await)
    }

    pub(super) async fn join(&self, device: DeviceId, text: &str) -> Seq {
        self.change(device, Change::Join(key(text))).await.seq
    }

    pub(super) async fn bind(&self, device: DeviceId, user: Option<&str>) -> Seq {
        self.change(device, Change::User(user.map(key))).await.seq
    }

    pub(super) async fn load(&self, device: DeviceId) -> LoadedDevice {
        self.store.device(device).await.expect("the device's record").expect("a device")
    }

    pub(super) async fn last(&self) -> Seq {
        self.store.head(APP).await.expect("the head").last
    }

    pub(super) async fn page(&self, device: DeviceId, lane: Lane, after: Seq, upto: Seq, limit: u32) -> LogPage {
        let memberships = self.load(device).await.device.memberships.into();
        let query = LogQuery { app: APP, memberships, lane, after, upto, limit };
        self.store.read_log(query).await.expect("a page")
    }

    /// The positions of everything in a lane that may concern a device.
    pub(super) async fn waiting(&self, device: DeviceId, lane: Lane) -> Vec<Seq> {
        let page = self.page(device, lane, 0, self.last().await, 1_000).await;
        page.rows.iter().map(|row| row.entry.seq).collect()
    }
}

pub(super) fn acknowledgement(lane: Lane, from: Seq, to: Seq, exceptions: Vec<Exception>) -> Acknowledgement {
    Acknowledgement {
        lane,
        from,
        to,
        exceptions,
        sent: vec![Sent { seq: to, at: at(40), hold: Some(Hold::Window) }],
        at: at(50),
    }
}

pub(super) fn key(text: &str) -> AudienceKey {
    text.parse().expect("a key")
}

pub(super) const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn target_of(entry: &Entry) -> Target {
    Target { id: entry.id, seq: entry.seq }
}

/// The entry that a write appended.
pub(super) fn entry(written: Written) -> Arc<Entry> {
    let Written::Appended(entry) = written else {
        unreachable!("nothing was appended: {written:?}");
    };
    entry
}

pub(super) fn seqs_of(answers: &[Written]) -> Vec<Seq> {
    let seq = |written: &Written| if let Written::Appended(entry) = written { Some(entry.seq) } else { None };
    answers.iter().filter_map(seq).collect()
}

pub(super) fn is_done(written: &Written) -> bool {
    matches!(written, Written::Done)
}

pub(super) fn is_unchanged(written: &Written) -> bool {
    matches!(written, Written::Unchanged)
}

pub(super) fn refusal(written: &Written) -> Option<crate::write::Refusal> {
    if let Written::Refused(refusal) = written { Some(*refusal) } else { None }
}
