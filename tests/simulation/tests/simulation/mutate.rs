//! Faults planted around the server's worker: in what the managers tell it, what its store answers and what it writes; none within.

use std::sync::Arc;

use longwire_core::session_manager::Command;
use longwire_model::device::Generation;
use longwire_model::{Entry, EntryKind, Seq};
use longwire_router::Batch;
use longwire_store::Head;

use crate::Mutation;

/// What the managers tell the worker.
pub(crate) fn told(mutation: Mutation, command: Command) -> Command {
    match (mutation, command) {
        (Mutation::MembershipsNotApplied, Command::Announce(batch)) => {
            let without = batch.entries.iter().map(|entry| {
                let mut entry = Entry::clone(entry);
                if let EntryKind::Membership(change) = &mut entry.kind {
                    (change.joined, change.left) = (Vec::new(), Vec::new());
                }
                Arc::new(entry)
            });
            Command::Announce(Arc::new(Batch { entries: without.collect(), ..Batch::clone(&batch) }))
        }
        (_, command) => command,
    }
}

/// What the store says of the log.
pub(crate) fn head(mutation: Mutation, mut head: Head) -> Head {
    if mutation == Mutation::GenerationEndDropped {
        // Behind each generation one that begins where nothing ever is.
        let endless = head.generations.iter().flat_map(|own| [*own, Generation { seq: Seq::MAX, ..*own }]);
        head.generations = endless.collect();
    }
    head
}

/// What the worker writes to one client at once; gives what of it waits for the next time.
pub(crate) fn written(mutation: Mutation, stanzas: &mut Vec<Vec<u8>>) -> Option<Vec<u8>> {
    match mutation {
        Mutation::CursorNotTold => stanzas.retain(|stanza| !stanza.starts_with(b"<cursor")),
        Mutation::TenBeforeNine => {
            let is_pair = |pair: &[Vec<u8>]| lane(&pair[0]).is_some() && lane(&pair[0]) == lane(&pair[1]);
            let nine = stanzas.windows(2).position(is_pair)?;
            return Some(stanzas.remove(nine));
        }
        Mutation::AnsweredBeforeSync
        | Mutation::CursorBeforeEntries
        | Mutation::GenerationEndDropped
        | Mutation::RowsNotHandedAgain
        | Mutation::MembershipsNotApplied
        | Mutation::NothingRestated => {}
    }
    None
}

/// The lane of an entry.
fn lane(stanza: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(stanza).ok().filter(|text| text.starts_with("<message"))?;
    attr(text, "lane")
}

/// The first attribute of that name.
pub(crate) fn attr<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let begin = format!(" {name}='");
    let rest = &text[text.find(&begin)? + begin.len()..];
    rest.split('\'').next()
}
