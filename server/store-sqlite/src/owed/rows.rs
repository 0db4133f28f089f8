//! Rows of `entry_key` in memory, in the order of the table.

use std::collections::BTreeMap;

use longwire_model::{AppId, AudienceKey, KeyHead, Lane, Membership, Seq};
use longwire_store::LogQuery;

pub(super) type KeyOf = (AppId, AudienceKey);
/// Rows that are written together, by key.
pub(super) type Part = Vec<(KeyOf, Vec<Row>)>;

/// An entry with an audience.
pub(super) struct Addressed<'a> {
    pub(super) app: AppId,
    pub(super) audience: &'a [AudienceKey],
    pub(super) row: Row,
}

/// A row, but for its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) lane: Lane,
    pub(super) seq: Seq,
    pub(super) audience_seq: Seq,
    /// It is that of a recall or dismissal.
    pub(super) has_no_content: bool,
}

impl Row {
    /// Whether it is among what a page of `query` may have of a membership.
    pub(super) fn is_candidate(&self, query: &LogQuery, own: &Membership) -> bool {
        let is_of_page = self.lane == query.lane && self.seq > query.after && self.seq <= query.upto;
        let last = own.left.unwrap_or(query.upto);
        is_of_page && self.seq > own.joined && self.audience_seq > own.joined && self.audience_seq <= last
    }
}

/// The newest positions among the rows of a key.
pub(super) fn head(rows: &[Row]) -> KeyHead {
    let mut head = KeyHead::default();
    rows.iter().for_each(|row| head.raise(row.lane, row.seq, row.has_no_content));
    head
}

/// How many rows a part has.
pub(super) fn count(part: &Part) -> usize {
    part.iter().map(|(_, rows)| rows.len()).sum()
}

/// Rows by key.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Those of a key ascend; no key is without any.
    keys: BTreeMap<KeyOf, Vec<Row>>,
    count: usize,
    /// Of each app, a position that is not above the lowest.
    first: BTreeMap<AppId, Seq>,
}

impl Rows {
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    pub(super) const fn first(&self) -> &BTreeMap<AppId, Seq> {
        &self.first
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&KeyOf, &[Row])> {
        self.keys.iter().map(|(name, rows)| (name, rows.as_slice()))
    }

    pub(super) fn of(&self, name: &KeyOf) -> &[Row] {
        self.keys.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn add(&mut self, entry: &Addressed<'_>) {
        let &Addressed { app, audience, row } = entry;
        self.first.entry(app).or_insert(row.seq);
        for key in audience {
            self.keys.entry((app, key.clone())).or_default().push(row);
        }
        self.count += audience.len();
    }

    /// The first `count` rows, or as many as there are.
    pub(super) fn part(&self, count: usize) -> Part {
        let mut left = count;
        let mut part = Part::new();
        for (name, rows) in &self.keys {
            if left == 0 {
                break;
            }
            let rows: Vec<Row> = rows.iter().take(left).copied().collect();
            left -= rows.len();
            part.push((name.clone(), rows));
        }
        part
    }

    /// Takes out what [`Self::part`] gave.
    pub(super) fn remove(&mut self, part: &Part) {
        for (name, taken) in part {
            if let Some(rows) = self.keys.get_mut(name) {
                let taken = taken.len().min(rows.len());
                rows.drain(..taken);
                self.count -= taken;
            }
            if self.of(name).is_empty() {
                self.keys.remove(name);
            }
        }
        self.forget_first();
    }

    /// Takes out the rows of an app that are not to be kept.
    pub(super) fn retain(&mut self, app: AppId, is_kept: impl Fn(&Row) -> bool) {
        for (_, rows) in self.keys.iter_mut().filter(|((of, _), _)| *of == app) {
            rows.retain(&is_kept);
        }
        self.keys.retain(|_, rows| !rows.is_empty());
        self.count = self.keys.values().map(Vec::len).sum();
        self.forget_first();
    }

    fn forget_first(&mut self) {
        if self.keys.is_empty() {
            self.first.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: AppId = AppId::DEFAULT;

    fn rows(keys: &[&str]) -> Rows {
        let mut rows = Rows::default();
        for (seq, name) in (1..).zip(keys) {
            let audience = &[AudienceKey::user(name).expect("a name")];
            let row = Row { lane: Lane::Normal, seq, audience_seq: seq, has_no_content: false };
            rows.add(&Addressed { app: APP, audience, row });
        }
        rows
    }

    fn shown(part: &Part) -> Vec<(&str, Vec<Seq>)> {
        part.iter().map(|((_, name), rows)| (name.as_str(), rows.iter().map(|row| row.seq).collect())).collect()
    }

    #[test]
    fn a_part_has_no_more_rows_than_asked_for_however_many_a_key_has() {
        let mut rows = rows(&["b", "a", "b", "b", "c"]);
        let part = rows.part(3);
        assert_eq!(shown(&part), [("user:a", vec![2]), ("user:b", vec![1, 3])]);
        rows.remove(&part);
        assert_eq!((rows.count(), shown(&rows.part(9))), (2, vec![("user:b", vec![4]), ("user:c", vec![5])]));
        assert!(rows.part(0).is_empty());
        rows.remove(&rows.part(2));
        assert_eq!((rows.count(), rows.first().len()), (0, 0));
    }
}
