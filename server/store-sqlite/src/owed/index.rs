//! What is owed, in memory: the rows of the round that is being written, in the order of their keys, and fresh ones for the next. What is
//! fresh lies behind all of the round in the log, so that with each round the lowest position moves on.

use std::collections::{BTreeMap, HashMap, HashSet};

use longwire_model::{AppId, AudienceKey, KeyHead, Lane, Seq};
use longwire_store::{LoadedDevice, LogQuery};

use crate::sweep::Swept;

use super::rows::{Addressed, KeyOf, Part, Row, Rows, count, head};

type Heads = HashMap<KeyOf, KeyHead>;

/// Heads of what was written that are kept at most before older ones are forgotten: about a second's at full load.
const WRITTEN_MAX: usize = 16_384;

/// From when on rows are owed, and how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Rows that are owed at most behind a group.
    pub(crate) rows_max: usize,
    /// The first rows of a period, which are written with their group: so few share no pages.
    pub(crate) rows_at_once: usize,
}

/// What is to be written together.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) round: Part,
    pub(super) fresh: Part,
}

impl Due {
    pub(super) const fn is_empty(&self) -> bool {
        self.round.is_empty() && self.fresh.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        count(&self.round) + count(&self.fresh)
    }
}

/// Everything that is owed, and the heads of what was written last.
#[derive(Debug)]
pub(super) struct Index {
    bounds: Bounds,
    round: Rows,
    fresh: Rows,
    /// How often older heads were forgotten.
    turn: u64,
    /// Heads of the keys that were written in this turn, and in the one before: a snapshot from before that has them neither from the tables
    /// nor from the rows.
    written: Heads,
    written_before: Heads,
    /// Rows that were added in this period.
    of_period: usize,
    /// The period is over: all is to be written, and no more owed until then.
    is_over: bool,
}

impl Index {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            round: Rows::default(),
            fresh: Rows::default(),
            turn: 0,
            written: Heads::new(),
            written_before: Heads::new(),
            of_period: 0,
            is_over: false,
        }
    }

    /// Adds the rows of an entry. Tells whether a period begins with them.
    pub(super) fn add(&mut self, entry: &Addressed<'_>) -> bool {
        let is_first = self.of_period == 0;
        self.of_period += entry.audience.len();
        self.fresh.add(entry);
        is_first && self.of_period > 0
    }

    /// Adds those of an entry that was there before.
    pub(super) fn load(&mut self, entry: &Addressed<'_>) {
        self.fresh.add(entry);
    }

    pub(super) const fn end_period(&mut self) {
        self.is_over = true;
    }

    pub(super) fn begin_period(&mut self) {
        self.is_over = false;
        self.of_period = 0;
        self.end_turn();
    }

    fn end_turn(&mut self) {
        self.written_before = std::mem::take(&mut self.written);
        self.turn += 1;
    }

    pub(super) const fn count(&self) -> usize {
        self.round.count() + self.fresh.count()
    }

    /// What a group writes that has added so many rows: never more than if it wrote its own.
    pub(super) fn due(&self, added: usize) -> Due {
        let may_owe = !self.is_over && self.of_period > self.bounds.rows_at_once;
        let kept = if may_owe { self.bounds.rows_max } else { 0 };
        self.part(added.min(self.count().saturating_sub(kept)))
    }

    /// The next rows of the round, and of the next one when that is over.
    pub(super) fn part(&self, wanted: usize) -> Due {
        let round = self.round.part(wanted);
        let fresh = self.fresh.part(wanted - count(&round));
        Due { round, fresh }
    }

    /// Of each app, the position from which on rows are owed once `due` is written.
    pub(super) fn first_without(&self, due: &Due) -> BTreeMap<AppId, Seq> {
        let mut first = BTreeMap::new();
        if self.fresh.count() > count(&due.fresh) {
            first.clone_from(self.fresh.first());
        }
        if self.round.count() > count(&due.round) {
            first.extend(self.round.first());
        }
        first
    }

    /// Takes out what is in the tables. What was not owed before is in every snapshot that has its entry.
    pub(super) fn remove(&mut self, due: &Due, was_owed: bool) {
        if due.is_empty() && self.count() > 0 {
            return;
        }
        if was_owed {
            self.keep_heads(&due.round);
            self.keep_heads(&due.fresh);
        }
        self.round.remove(&due.round);
        self.fresh.remove(&due.fresh);
        if self.round.count() == 0 {
            self.round = std::mem::take(&mut self.fresh);
        }
        if self.written.len() > WRITTEN_MAX {
            self.end_turn();
        }
    }

    fn keep_heads(&mut self, part: &Part) {
        for (name, rows) in part {
            raise(self.written.entry(name.clone()).or_default(), &head(rows), Seq::MAX);
        }
    }

    /// The heads of the keys that entries were addressed to.
    pub(super) fn heads_of(&self, app: AppId, seqs: &HashSet<Seq>) -> Vec<(AudienceKey, KeyHead)> {
        let is_addressed = |rows: &[Row]| rows.iter().any(|row| seqs.contains(&row.seq));
        let found = self.of_app(app).filter(|(_, rows)| is_addressed(rows));
        found.map(|(key, rows)| (key.clone(), head(rows))).collect()
    }

    /// The keys that other entries were addressed to as well.
    pub(super) fn held(&self, app: AppId, seqs: &HashSet<Seq>) -> Vec<AudienceKey> {
        let is_held = |rows: &[Row]| rows.iter().any(|row| !seqs.contains(&row.seq));
        self.of_app(app).filter(|(_, rows)| is_held(rows)).map(|(key, _)| key.clone()).collect()
    }

    fn of_app(&self, app: AppId) -> impl Iterator<Item = (&AudienceKey, &[Row])> {
        let all = self.round.iter().chain(self.fresh.iter());
        all.filter(move |((of, _), _)| *of == app).map(|((_, key), rows)| (key, rows))
    }

    /// Takes out the rows of entries, whose heads are in the table: for snapshots from before they count as written, unless they are free.
    pub(super) fn forget(&mut self, app: AppId, swept: &Swept) {
        for (key, head) in self.heads_of(app, &swept.seqs) {
            raise(self.written.entry((app, key)).or_default(), &head, Seq::MAX);
        }
        for key in &swept.keys {
            let name = (app, key.clone());
            self.written.remove(&name);
            self.written_before.remove(&name);
        }
        self.round.retain(app, |row| !swept.seqs.contains(&row.seq));
        self.fresh.retain(app, |row| !swept.seqs.contains(&row.seq));
    }

    /// The apps that are owed something.
    pub(super) fn apps(&self) -> Vec<AppId> {
        let both: BTreeMap<_, _> = self.round.first().iter().chain(self.fresh.first()).collect();
        both.into_keys().copied().collect()
    }

    /// Takes out what lies behind the end of an app's log: it was not committed.
    pub(super) fn cut(&mut self, app: AppId, last: Seq) {
        self.round.retain(app, |row| row.seq <= last);
        self.fresh.retain(app, |row| row.seq <= last);
    }

    pub(super) const fn turn(&self) -> u64 {
        self.turn
    }

    /// Raises the heads of a device that was read in a snapshot begun in `turn`; to the snapshot's end when that is so long ago that nobody
    /// knows what was written since. A head that is too high costs its devices a look into the log at each login.
    pub(super) fn raise(&self, turn: u64, loaded: &mut LoadedDevice) {
        let (app, as_of) = (loaded.device.app, loaded.as_of);
        let mut heads: HashMap<AudienceKey, KeyHead> = std::mem::take(&mut loaded.heads).into_iter().collect();
        for membership in &loaded.device.memberships {
            let owed = if self.turn - turn > 1 { highest() } else { self.head(&(app, membership.key.clone())) };
            if owed != KeyHead::default() {
                raise(heads.entry(membership.key.clone()).or_default(), &owed, as_of);
            }
        }
        loaded.heads = heads.into_iter().collect();
    }

    fn head(&self, name: &KeyOf) -> KeyHead {
        let mut found = head(self.round.of(name));
        raise(&mut found, &head(self.fresh.of(name)), Seq::MAX);
        for written in [&self.written, &self.written_before] {
            raise(&mut found, written.get(name).unwrap_or(&KeyHead::default()), Seq::MAX);
        }
        found
    }

    pub(super) fn candidates(&self, query: &LogQuery) -> Vec<Seq> {
        let mut seqs = Vec::new();
        for own in &*query.memberships {
            let name = (query.app, own.key.clone());
            let rows = self.round.of(&name).iter().chain(self.fresh.of(&name));
            seqs.extend(rows.filter(|row| row.is_candidate(query, own)).map(|row| row.seq));
        }
        seqs
    }
}

/// Raises a head by another, but not above `end`: what lies behind the end of a snapshot is not committed there.
fn raise(head: &mut KeyHead, by: &KeyHead, end: Seq) {
    for lane in Lane::ALL {
        head.newest.raise(lane, by.newest.get(lane).min(end));
        head.newest_recall.raise(lane, by.newest_recall.get(lane).min(end));
    }
}

fn highest() -> KeyHead {
    let mut head = KeyHead::default();
    Lane::ALL.into_iter().for_each(|lane| head.raise(lane, Seq::MAX, true));
    head
}

#[cfg(test)]
mod tests {
    use longwire_model::{Device, DeviceId, DeviceKind, LaneSeqs, Membership, Timestamp};

    use super::*;

    const APP: AppId = AppId::DEFAULT;

    fn user(name: &str) -> AudienceKey {
        AudienceKey::user(name).expect("a name")
    }

    fn add(index: &mut Index, seq: Seq, name: &str) {
        let row = Row { lane: Lane::Normal, seq, audience_seq: seq, has_no_content: false };
        index.add(&Addressed { app: APP, audience: &[user(name)], row });
    }

    /// One entry for each of these users, from position 1 on.
    fn index(rows_max: usize, users: &[&str]) -> Index {
        let mut index = Index::new(Bounds { rows_max, rows_at_once: 0 });
        for (seq, name) in (1..).zip(users) {
            add(&mut index, seq, name);
        }
        index
    }

    fn names(due: &Due) -> Vec<&str> {
        due.round.iter().chain(&due.fresh).map(|((_, name), _)| name.as_str()).collect()
    }

    /// Writes what a group has to that has added so many rows; gives the keys, and from where on rows are owed then.
    fn write(index: &mut Index, added: usize) -> (Vec<String>, Option<Seq>) {
        let due = index.due(added);
        let first = index.first_without(&due).get(&APP).copied();
        index.remove(&due, true);
        (names(&due).into_iter().map(str::to_owned).collect(), first)
    }

    fn loaded(name: &str, as_of: Seq) -> LoadedDevice {
        let device = Device {
            id: DeviceId::from_bytes([1; 16]),
            app: APP,
            account: name.to_owned(),
            kind: DeviceKind::Shared,
            created_at: Timestamp::from_millis(0),
            recorded: LaneSeqs::default(),
            memberships: vec![Membership { key: user(name), joined: 0, left: None }],
            last_seen: None,
            offline_since: None,
            next_contact: None,
            attempts: None,
            installation_hash: None,
        };
        LoadedDevice { device, heads: Vec::new(), as_of }
    }

    /// The head of a user whom a snapshot up to `as_of` knows nothing of, begun in `turn`.
    fn head_behind(index: &Index, turn: u64, as_of: Seq, name: &str) -> Option<KeyHead> {
        let mut loaded = loaded(name, as_of);
        index.raise(turn, &mut loaded);
        loaded.heads.first().map(|(_, head)| *head)
    }

    fn newest(seq: Seq) -> KeyHead {
        KeyHead { newest: LaneSeqs { normal: seq, background: 0 }, newest_recall: LaneSeqs::default() }
    }

    #[test]
    fn above_the_bound_a_group_writes_as_many_rows_as_it_adds_and_no_more() {
        let mut index = index(4, &["d", "a", "c", "b"]);
        assert!(index.due(1).is_empty(), "the bound itself is kept");
        add(&mut index, 5, "a");
        assert_eq!(write(&mut index, 1).0, ["user:a"]);
        assert_eq!(index.count(), 4);
        add(&mut index, 6, "a");
        assert!(index.due(0).is_empty(), "who adds nothing writes nothing");
        assert_eq!(write(&mut index, 1).0, ["user:a"]);
    }

    #[test]
    fn the_lowest_position_moves_on_with_each_round_however_keys_rise_or_fall() {
        for number in [|seq: Seq| seq, |seq: Seq| 1_000 - seq] {
            let mut index = index(3, &["d", "e", "f"]);
            for seq in 4..100 {
                add(&mut index, seq, &format!("e{:04}", number(seq)));
                let (_, first) = write(&mut index, 1);
                assert_eq!(index.count(), 3);
                let first = first.expect("something is owed");
                assert!(seq - first < 2 * 3 + 1, "{first} is owed behind {seq}");
            }
        }
    }

    #[test]
    fn the_first_rows_of_a_period_are_written_and_so_is_everything_behind_it() {
        let mut index = Index::new(Bounds { rows_max: 9, rows_at_once: 2 });
        for (seq, expected) in [(1, 1), (2, 1), (3, 0), (4, 0)] {
            add(&mut index, seq, "a");
            assert_eq!(write(&mut index, 1).0.len(), expected, "{seq}");
        }
        index.end_period();
        add(&mut index, 5, "a");
        assert_eq!((index.due(1).count(), index.part(9).count()), (1, 3));
        index.begin_period();
        assert_eq!((index.due(1).count(), index.due(0).count()), (1, 0));
    }

    #[test]
    fn only_what_was_not_committed_is_cut() {
        let mut index = index(2, &["b", "a", "a"]);
        index.remove(&index.part(1), true);
        add(&mut index, 4, "a");
        add(&mut index, 5, "c");
        index.cut(APP, 3);
        assert_eq!(index.count(), 2);
        assert_eq!(index.apps(), [APP]);
        assert_eq!(head_behind(&index, index.turn(), 9, "a"), Some(newest(3)));
        assert_eq!(head_behind(&index, index.turn(), 9, "c"), None);
    }

    #[test]
    fn a_head_is_raised_up_to_the_snapshot_also_when_its_rows_were_written_meanwhile() {
        let mut index = index(9, &["b", "b", "a", "a"]);
        let turn = index.turn();
        assert_eq!(head_behind(&index, turn, 3, "a"), Some(newest(3)));
        index.remove(&index.part(4), true);
        assert_eq!((index.turn(), head_behind(&index, turn, 4, "a")), (turn, Some(newest(4))));
        index.begin_period();
        assert_eq!((index.turn(), head_behind(&index, turn, 4, "a")), (turn + 1, Some(newest(4))));
        assert_eq!(head_behind(&index, turn, 4, "c"), None);
    }

    #[test]
    fn what_is_swept_counts_as_written() {
        let mut index = index(9, &["a", "a", "b"]);
        let turn = index.turn();
        index.forget(APP, &Swept { seqs: [1, 2].into(), keys: Vec::new() });
        assert_eq!((index.turn(), index.count(), head_behind(&index, turn, 4, "a")), (turn, 1, Some(newest(2))));
        index.forget(APP, &Swept { seqs: [3].into(), keys: vec![user("a"), user("b")] });
        assert_eq!(
            (index.count(), head_behind(&index, turn, 4, "a"), head_behind(&index, turn, 4, "b")),
            (0, None, None)
        );
    }

    #[test]
    fn no_more_heads_are_kept_than_of_two_turns() {
        let mut index = index(0, &[]);
        for seq in 1..=4 * WRITTEN_MAX as Seq {
            add(&mut index, seq, &format!("{seq}"));
            index.remove(&index.due(1), true);
            assert!(index.written.len() + index.written_before.len() <= 2 * (WRITTEN_MAX + 1), "behind {seq}");
        }
        assert_eq!(index.turn(), 3);
    }

    #[test]
    fn a_snapshot_that_is_too_old_is_raised_to_its_end() {
        let mut index = index(9, &["a"]);
        let turn = index.turn();
        index.remove(&index.part(1), true);
        index.begin_period();
        index.begin_period();
        assert_eq!(index.turn(), turn + 2);
        let end = LaneSeqs { normal: 2, background: 2 };
        assert_eq!(head_behind(&index, turn, 2, "a"), Some(KeyHead { newest: end, newest_recall: end }));
        assert_eq!(head_behind(&index, turn + 1, 2, "c"), None);
    }
}
