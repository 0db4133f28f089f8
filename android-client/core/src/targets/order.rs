//! The order in which targets are tried: by priority, and within one by weighted chance (RFC 2782).

use super::SrvRecord;
use crate::backoff::scale;
use crate::config::TlsMode;

/// Orders the records of all services as if they were of one (XEP-0368 §3).
pub(super) fn order(
    mut records: Vec<(SrvRecord, TlsMode)>,
    random: &mut dyn FnMut() -> u64,
) -> Vec<(SrvRecord, TlsMode)> {
    // Those without weight come first, so that they have a small chance beside the others.
    records.sort_by_key(|(record, _)| (record.priority, record.weight != 0));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some((first, _)) = records.first() {
        let priority = first.priority;
        let group = records.iter().take_while(|(record, _)| record.priority == priority);
        let sum: u64 = group.clone().map(|(record, _)| u64::from(record.weight)).sum();
        let chosen = scale(random(), sum);
        let mut running = 0;
        let index = group
            .map(|(record, _)| {
                running += u64::from(record.weight);
                running
            })
            .position(|running| running >= chosen);
        ordered.push(records.remove(index.expect("the last running sum is the whole sum")));
    }
    ordered
}
