//! What was read of the store lately, by name, under a bound, and kept current by what is committed. Names that the store does not know are
//! not kept: nobody fills it by guessing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The values that were read or committed last.
#[derive(Debug)]
pub(crate) struct Known<V> {
    max: usize,
    /// Commits that changed a value: what was read before one of them may be older.
    changes: u64,
    values: HashMap<Arc<str>, V>,
    order: VecDeque<Arc<str>>,
}

impl<V: Clone> Known<V> {
    /// Nothing; `max` values are kept, above it the oldest go.
    pub(crate) fn new(max: usize) -> Self {
        Self { max, changes: 0, values: HashMap::new(), order: VecDeque::new() }
    }

    /// The value of this name.
    ///
    /// # Errors
    /// It is not known; the count of changes, to be noted before it is read.
    pub(crate) fn find(&self, name: &str) -> Result<V, u64> {
        self.values.get(name).cloned().ok_or(self.changes)
    }

    /// A name, in the memory of the one that is known if it is.
    pub(crate) fn name(&self, name: &str) -> Arc<str> {
        self.values.get_key_value(name).map_or_else(|| name.into(), |(name, _)| Arc::clone(name))
    }

    /// Whether `more` values may be kept without another going.
    pub(crate) fn has_room(&self, more: u32) -> bool {
        let more = usize::try_from(more).unwrap_or(usize::MAX);
        self.values.len().saturating_add(more) <= self.max
    }

    /// Keeps what was read after the count of changes was `changes`, unless it may have changed since.
    pub(crate) fn keep(&mut self, name: &str, value: V, changes: u64) {
        if changes == self.changes {
            self.insert(name, value);
        }
    }

    /// A value is committed.
    pub(crate) fn put(&mut self, name: &str, value: V) {
        self.changes += 1;
        self.insert(name, value);
    }

    /// A value is another now, or gone: whoever asks reads it.
    pub(crate) fn forget(&mut self, name: &str) {
        self.changes += 1;
        if self.values.remove(name).is_some() {
            self.order.retain(|known| **known != *name);
        }
    }

    fn insert(&mut self, name: &str, value: V) {
        let name = self.name(name);
        if self.values.insert(Arc::clone(&name), value).is_none() {
            self.order.push_back(name);
        }
        while self.values.len() > self.max {
            let Some(oldest) = self.order.pop_front() else { break };
            self.values.remove(&oldest);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept_behind_it() {
        let mut known = Known::new(8);
        let Err(before) = known.find("a") else { panic!("nothing is known") };
        known.forget("a");
        known.keep("a", 1, before);
        let Err(behind) = known.find("a") else { panic!("it was older than the change") };
        known.keep("a", 1, behind);
        assert_eq!(known.find("a"), Ok(1));
        known.forget("a");
        assert!(known.find("a").is_err());
    }

    #[test]
    fn the_oldest_goes_above_the_bound() {
        const MAX: usize = 4_096;
        let mut known = Known::new(MAX);
        for number in 0..=MAX {
            known.put(&number.to_string(), number);
        }
        assert!(known.find("0").is_err() && known.find("1").is_ok());
        assert!(!known.has_room(1) && Known::<()>::new(1).has_room(1));
        assert_eq!((known.len(), known.order.len()), (MAX, MAX));
    }
}
