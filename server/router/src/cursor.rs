//! From what a device states to where its session starts (DESIGN rule 6).

use longwire_model::device::Generation;
use longwire_model::{Cursor, LaneSeqs, Seq};

/// The effective cursors of a login: what the device states, but never beyond the end of the generation it speaks of; the retention
/// floor for an unknown generation; the record when it states nothing.
///
/// `end` is the log's end in the store, and so the end of the newest generation.
#[must_use]
pub fn effective(
    stated: Option<Cursor>,
    recorded: LaneSeqs,
    generations: &[Generation],
    floor: Seq,
    end: Seq,
) -> LaneSeqs {
    let Some(cursor) = stated else {
        return recorded;
    };
    let Some(index) = generations.iter().position(|generation| generation.id == cursor.generation) else {
        return LaneSeqs::both(floor);
    };
    let generation_end = generations.get(index + 1).map_or(end, |next| next.seq.saturating_sub(1));
    cursor.seqs.min(LaneSeqs::both(generation_end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use longwire_model::GenerationId;

    fn cursor(generation: u64, seq: Seq) -> Option<Cursor> {
        Some(Cursor { generation: GenerationId(generation), seqs: LaneSeqs::both(seq) })
    }

    #[test]
    fn a_cursor_counts_up_to_the_end_of_its_generation() {
        let generations = [1, 2].map(|id| Generation { id: GenerationId(id), seq: id * 10 });
        let at = |stated| effective(stated, LaneSeqs::both(7), &generations, 3, 25).normal;
        assert_eq!(at(None), 7, "no cursor: the record");
        assert_eq!(at(cursor(1, 15)), 15, "within its generation");
        assert_eq!(at(cursor(1, 99)), 19, "restored: what came after is another timeline's");
        assert_eq!(at(cursor(2, 99)), 25, "the newest ends at the log's end");
        assert_eq!(at(cursor(9, 99)), 3, "unknown: the retention floor");
    }
}
