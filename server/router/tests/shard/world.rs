//! A log, one shard and its devices in memory: what the shard's tests drive.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use longwire_model::delivery::{Acknowledgement, Ending};
use longwire_model::device::Generation;
use longwire_model::entry::{Content, MembershipChange, Routing};
use longwire_model::{
    AppId, AudienceKey, Cursor, Device, DeviceId, DeviceKind, Entry, EntryId, EntryKind, GenerationId, KeyHead, Lane,
    LaneSeqs, Membership, Seq, Seqs, Target, Timestamp,
};
use longwire_router::{Batch, Bind, Now, Output, SessionKey, SessionKind, Shard, Stated, Violation};
use longwire_store::{LoadedDevice, LogPage, LogQuery, LogRow, Successor};

pub(crate) const GENERATION: GenerationId = GenerationId(7);
pub(crate) const TTL: i64 = 1_000_000;

/// A phone: what it durably has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phone {
    /// Notifications that came with the content of an update, and which.
    pub(crate) renewed: Vec<(Seq, Seq)>,
    pub(crate) cursor: Option<LaneSeqs>,
    pub(crate) seqs: Vec<Seq>,
    pub(crate) shown: Vec<EntryId>,
    pub(crate) removed: Vec<EntryId>,
    pub(crate) got: Vec<(Lane, Seq)>,
    pub(crate) ack_due: bool,
    pub(crate) stored: Option<Seqs>,
}

pub(crate) struct World {
    pub(crate) shard: Shard,
    pub(crate) log: Vec<Arc<Entry>>,
    pub(crate) devices: BTreeMap<DeviceId, Device>,
    pub(crate) rows: Vec<(DeviceId, Acknowledgement)>,
    pub(crate) phones: BTreeMap<DeviceId, Phone>,
    pub(crate) sessions: BTreeMap<SessionKey, DeviceId>,
    pub(crate) reads: VecDeque<(SessionKey, LogQuery)>,
    pub(crate) log_reads: usize,
    pub(crate) probes: Vec<(SessionKey, LaneSeqs)>,
    pub(crate) closed: Vec<(SessionKey, longwire_router::CloseReason)>,
    pub(crate) deadlines: Vec<SessionKey>,
    pub(crate) now: Now,
    pub(crate) announced: Seq,
    ids: u64,
}

pub(crate) fn key(text: &str) -> AudienceKey {
    text.parse().expect("an audience key")
}

pub(crate) fn device(n: u8) -> DeviceId {
    DeviceId::new([n; 16])
}

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self {
            shard: Shard::new(AppId::DEFAULT, GENERATION, 0),
            log: Vec::new(),
            devices: BTreeMap::new(),
            rows: Vec::new(),
            phones: BTreeMap::new(),
            sessions: BTreeMap::new(),
            reads: VecDeque::new(),
            log_reads: 0,
            probes: Vec::new(),
            closed: Vec::new(),
            deadlines: Vec::new(),
            now: Now { mono_ms: 0, wall: Timestamp::from_millis(0) },
            announced: 0,
            ids: 0,
        };
        world.append(EntryKind::Generation(GENERATION));
        world.announce();
        world
    }

    pub(crate) fn last(&self) -> Seq {
        self.log.len() as Seq
    }

    pub(crate) fn append(&mut self, kind: EntryKind) -> Arc<Entry> {
        self.ids += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.ids.to_be_bytes());
        let entry = Arc::new(Entry {
            app: AppId::DEFAULT,
            seq: self.last() + 1,
            id: EntryId::new(self.now.wall, random),
            created_at: self.now.wall,
            kind,
        });
        if let EntryKind::Membership(change) = &entry.kind
            && let Some(device) = self.devices.get_mut(&change.device)
        {
            for own in &mut device.memberships {
                if own.left.is_none() && change.left.contains(&own.key) {
                    own.left = Some(entry.seq);
                }
            }
            let joined = change.joined.iter().map(|key| Membership { key: key.clone(), joined: entry.seq, left: None });
            device.memberships.extend(joined);
        }
        self.log.push(Arc::clone(&entry));
        entry
    }

    pub(crate) fn register(&mut self, n: u8) -> DeviceId {
        let id = device(n);
        let record = Device {
            id,
            app: AppId::DEFAULT,
            account: format!("account{n}"),
            kind: DeviceKind::Push(format!("agent{n}")),
            created_at: self.now.wall,
            recorded: LaneSeqs::both(self.last() + 1),
            memberships: Vec::new(),
            last_seen: None,
            offline_since: None,
            next_contact: None,
            attempts: None,
            installation_hash: None,
        };
        self.devices.insert(id, record);
        self.phones.insert(id, Phone::default());
        self.change(id, &[&format!("device:{id}"), "all"], &[]);
        id
    }

    pub(crate) fn change(&mut self, device: DeviceId, join: &[&str], leave: &[&str]) -> Arc<Entry> {
        let joined = join.iter().map(|text| key(text)).collect();
        let left = leave.iter().map(|text| key(text)).collect();
        self.append(EntryKind::Membership(MembershipChange { device, joined, left }))
    }

    pub(crate) fn routing(&self, to: &[&str], lane: Lane) -> Routing {
        let audience = to.iter().map(|text| key(text)).collect();
        Routing { audience, lane, expires_at: self.now.wall.plus_millis(TTL) }
    }

    pub(crate) fn push(&mut self, to: &[&str]) -> Arc<Entry> {
        self.push_with(to, |_| {})
    }

    pub(crate) fn push_with(&mut self, to: &[&str], change: impl FnOnce(&mut Content)) -> Arc<Entry> {
        let routing = self.routing(to, Lane::Normal);
        let mut content = Content { routing, filter: None, collapse_key: None, payload: "{}".into() };
        change(&mut content);
        self.append(EntryKind::Notification(content))
    }

    pub(crate) fn recall(&mut self, entry: &Entry) -> Arc<Entry> {
        let routing = entry.kind.routing().expect("a routed entry").clone();
        self.append(EntryKind::Recall(Target { id: entry.id, seq: entry.seq }, routing))
    }

    pub(crate) fn update(&mut self, entry: &Entry) -> Arc<Entry> {
        let content = Content { collapse_key: None, ..entry.kind.content().expect("a text").clone() };
        self.append(EntryKind::Update(Target { id: entry.id, seq: entry.seq }, content))
    }

    /// Announces what was appended, and carries out everything that follows.
    pub(crate) fn announce(&mut self) {
        self.announce_only();
        self.settle();
    }

    pub(crate) fn announce_only(&mut self) {
        let from = self.announced;
        let entries: Arc<[Arc<Entry>]> = self.log[from as usize..].into();
        self.announced = self.last();
        let mut out = Vec::new();
        let batch = Batch { generation: GENERATION, from, entries };
        self.shard.apply(&batch, self.now, &mut out).expect("batches are dense");
        self.carry_out(out);
    }

    pub(crate) fn load(&self, id: DeviceId) -> LoadedDevice {
        let device = self.devices[&id].clone();
        let mut heads: Vec<(AudienceKey, KeyHead)> = Vec::new();
        for own in &device.memberships {
            let mut head = KeyHead::default();
            for entry in &self.log {
                let Some(routing) = entry.kind.routing() else { continue };
                if routing.audience.contains(&own.key) {
                    head.newest.raise(routing.lane, entry.seq);
                    if matches!(entry.kind, EntryKind::Recall(..)) {
                        head.newest_recall.raise(routing.lane, entry.seq);
                    }
                }
            }
            heads.push((own.key.clone(), head));
        }
        LoadedDevice { device, heads, as_of: self.last() }
    }

    pub(crate) fn bind_request(&mut self, id: DeviceId, session: u64, kind: SessionKind) -> Bind {
        let stated = self.phones[&id].cursor.map(|seqs| Cursor { generation: GENERATION, seqs });
        Bind {
            session: SessionKey(session),
            kind,
            loaded: self.load(id),
            stated: if kind == SessionKind::Push { stated } else { None },
            generations: [Generation { id: GENERATION, seq: 1 }].into(),
            floor: 0,
            end: self.last(),
        }
    }

    pub(crate) fn login(&mut self, id: DeviceId, session: u64) -> SessionKey {
        self.login_as(id, session, SessionKind::Push)
    }

    pub(crate) fn login_as(&mut self, id: DeviceId, session: u64, kind: SessionKind) -> SessionKey {
        let bind = self.bind_request(id, session, kind);
        self.sessions.insert(SessionKey(session), id);
        let mut out = Vec::new();
        self.shard.bind(bind, self.now, &mut out).expect("read just now");
        self.carry_out(out);
        SessionKey(session)
    }

    pub(crate) fn carry_out(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Bound(session, bound) => {
                    let phone = self.phone(session);
                    phone.cursor = Some(bound.effective);
                    phone.seqs.retain(|seq| *seq <= bound.effective.normal.max(bound.effective.background));
                    let above = bound.effective.normal > bound.recorded.normal
                        || bound.effective.background > bound.recorded.background;
                    if above {
                        let mut stored = Seqs::default();
                        phone.seqs.sort_unstable();
                        for seq in &phone.seqs {
                            stored.push(*seq, *seq);
                        }
                        phone.stored = Some(stored);
                        phone.ack_due = true;
                    }
                }
                Output::Send { session, entry, update, .. } => {
                    self.receive(session, &entry);
                    let renewed = update.map(|update| (entry.seq, update.seq));
                    self.phone(session).renewed.extend(renewed);
                }
                Output::Cursor { session, lane, seq } => {
                    let phone = self.phone(session);
                    phone.cursor.get_or_insert_default().raise(lane, seq);
                    phone.ack_due = true;
                }
                Output::User { .. } => {}
                Output::Probe { session, upto } => self.probes.push((session, upto)),
                Output::Deadline(session) => self.deadlines.push(session),
                Output::Read { session, query } => {
                    self.log_reads += 1;
                    self.reads.push_back((session, query));
                }
                Output::Acknowledge { device, row, .. } => {
                    let record = &mut self.devices.get_mut(&device).expect("a known device").recorded;
                    assert_eq!(record.get(row.lane), row.from, "a row names the record that it extends");
                    record.raise(row.lane, row.to);
                    self.rows.push((device, row));
                }
                Output::Close(session, reason) => {
                    self.shard.unbind(session);
                    self.sessions.remove(&session);
                    self.closed.push((session, reason));
                }
            }
        }
    }

    /// Lets time pass, and does what is due for a session then.
    pub(crate) fn wait(&mut self, session: SessionKey, ms: u64) {
        self.now.mono_ms += ms;
        let mut out = Vec::new();
        if self.shard.poll_timeout(session, self.now).is_some_and(|due_ms| due_ms <= self.now.mono_ms) {
            self.shard.timeout(session, self.now, &mut out);
        }
        self.carry_out(out);
    }

    fn phone(&mut self, session: SessionKey) -> &mut Phone {
        let device = self.sessions[&session];
        self.phones.get_mut(&device).expect("a known phone")
    }

    fn receive(&mut self, session: SessionKey, entry: &Entry) {
        let phone = self.phone(session);
        if entry.seq > 0 {
            let lane = entry.kind.routing().expect("a routed entry").lane;
            let before = phone.cursor.get_or_insert_default().get(lane);
            assert!(entry.seq > before, "order: {} after {before} in {lane}", entry.seq);
            phone.cursor.get_or_insert_default().raise(lane, entry.seq);
            phone.seqs.push(entry.seq);
            phone.got.push((lane, entry.seq));
            phone.ack_due = true;
        }
        match &entry.kind {
            EntryKind::Notification(_) if !phone.shown.contains(&entry.id) && !phone.removed.contains(&entry.id) => {
                phone.shown.push(entry.id);
            }
            EntryKind::Recall(target, _) => phone.removed.push(target.id),
            _ => {}
        }
    }

    /// Answers one read of the log, as it is now, up to what was asked.
    pub(crate) fn answer_read(&mut self) -> bool {
        let Some((session, query)) = self.reads.pop_front() else { return false };
        let page = self.page(&query);
        let mut out = Vec::new();
        self.shard.page(session, query.lane, &page, query.upto, self.now, &mut out);
        self.carry_out(out);
        true
    }

    pub(crate) fn page(&self, query: &LogQuery) -> LogPage {
        let within = |entry: &&Arc<Entry>| entry.seq > query.after && entry.seq <= query.upto;
        let wanted = |entry: &&Arc<Entry>| {
            entry.kind.routing().is_some_and(|routing| {
                routing.lane == query.lane && query.memberships.iter().any(|own| routing.audience.contains(&own.key))
            })
        };
        let mut rows: Vec<LogRow> = Vec::new();
        for entry in self.log.iter().filter(within).filter(wanted) {
            if rows.len() as u32 == query.limit {
                let complete_to = rows.last().expect("a full page").entry.seq;
                return LogPage { rows, complete_to };
            }
            rows.push(LogRow {
                entry: Arc::clone(entry),
                recalled: self.recalled(entry, query.upto),
                update: self.update_of(entry, query.upto),
                successors: self.successors(entry, query.upto),
            });
        }
        LogPage { rows, complete_to: query.upto }
    }

    fn update_of(&self, entry: &Entry, upto: Seq) -> Option<Arc<Entry>> {
        let id = entry.kind.target().map_or(entry.id, |target| target.id);
        let is_it = |newer: &&Arc<Entry>| matches!(&newer.kind, EntryKind::Update(target, _) if target.id == id);
        self.log.iter().filter(|newer| newer.seq > entry.seq && newer.seq <= upto).rfind(is_it).cloned()
    }

    fn recalled(&self, entry: &Entry, upto: Seq) -> Option<Seq> {
        let id = entry.kind.target().map_or(entry.id, |target| target.id);
        let recall = |newer: &&Arc<Entry>| matches!(&newer.kind, EntryKind::Recall(target, _) if target.id == id);
        self.log.iter().filter(|newer| newer.seq <= upto).find(recall).map(|newer| newer.seq)
    }

    fn successors(&self, entry: &Entry, upto: Seq) -> Vec<Successor> {
        let (EntryKind::Notification(old), true) =
            (&entry.kind, entry.kind.content().is_some_and(|c| c.collapse_key.is_some()))
        else {
            return Vec::new();
        };
        let mut successors = Vec::new();
        for newer in self.log.iter().filter(|newer| newer.seq > entry.seq && newer.seq <= upto) {
            if let EntryKind::Notification(new) = &newer.kind
                && (&new.routing.audience, new.routing.lane, &new.collapse_key)
                    == (&old.routing.audience, old.routing.lane, &old.collapse_key)
            {
                successors.push(Successor {
                    seq: newer.seq,
                    id: newer.id,
                    at: newer.created_at,
                    filter: new.filter.clone(),
                });
            }
        }
        successors
    }

    /// The device acknowledges everything it has.
    pub(crate) fn ack(&mut self, session: SessionKey) -> Result<(), Violation> {
        let Some(&device) = self.sessions.get(&session) else { return Ok(()) };
        let phone = self.phones.get_mut(&device).expect("a known phone");
        phone.ack_due = false;
        let cursor = phone.cursor.unwrap_or_default();
        let stated =
            Stated { normal: Some(cursor.normal), background: Some(cursor.background), stored: phone.stored.take() };
        let mut out = Vec::new();
        let result = self.shard.acknowledge(session, &stated, self.now, &mut out);
        self.carry_out(out);
        result
    }

    pub(crate) fn beat(&mut self, session: SessionKey) {
        let mut out = Vec::new();
        self.shard.heartbeat(session, self.now, &mut out);
        self.carry_out(out);
        self.settle();
    }

    /// Reads and acknowledgements until nothing is under way.
    pub(crate) fn settle(&mut self) {
        loop {
            while self.answer_read() {}
            let due: Vec<SessionKey> =
                self.sessions.iter().filter(|(_, device)| self.phones[device].ack_due).map(|(key, _)| *key).collect();
            let push: Vec<_> = due.into_iter().filter(|key| self.is_push(*key)).collect();
            if push.is_empty() && self.reads.is_empty() {
                return;
            }
            for key in push {
                self.ack(key).expect("an honest device");
            }
        }
    }

    fn is_push(&self, session: SessionKey) -> bool {
        !self.probes.iter().any(|(probed, _)| *probed == session)
    }

    pub(crate) fn drop_session(&mut self, session: SessionKey) -> Option<longwire_router::shard::Unbound> {
        self.sessions.remove(&session);
        self.reads.retain(|(reader, _)| *reader != session);
        self.shard.unbind(session)
    }

    /// How the acknowledgement rows end an entry on a device: none = not covered, Some(None) = stored.
    pub(crate) fn ending(&self, device: DeviceId, entry: &Entry) -> Option<Option<Ending>> {
        let lane = entry.kind.routing().expect("a routed entry").lane;
        let covers = |row: &&Acknowledgement| row.lane == lane && row.from < entry.seq && entry.seq <= row.to;
        let row = self.rows.iter().filter(|(own, _)| *own == device).map(|(_, row)| row).find(covers)?;
        Some(
            row.exceptions
                .iter()
                .find(|exception| exception.seqs.contains(entry.seq))
                .map(|exception| exception.ending),
        )
    }

    pub(crate) fn has(&self, device: DeviceId, entry: &Entry) -> bool {
        let phone = &self.phones[&device];
        phone.shown.contains(&entry.id) && !phone.removed.contains(&entry.id)
    }
}
