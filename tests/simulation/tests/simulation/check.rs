//! The promise, held against the screens: rule by rule, from the log alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use longwire_client::inbox::RowState;
use longwire_model::delivery::State;
use longwire_model::entry::Content;
use longwire_model::membership::{Standing, standing};
use longwire_model::{DeviceId, Entry, EntryId, EntryKind, Filter, Membership, Seq};

use crate::disk::memberships;
use crate::phone::What;
use crate::world::World;

/// What a healed world must look like; everything that is wrong with it.
pub(crate) fn check(world: &mut World) -> Vec<String> {
    let mut faults = std::mem::take(&mut world.faults);
    let ledger = world.disk.ledger();
    lost_entries(world, &ledger, &mut faults);
    for phone in 0..world.phones.len() {
        screen(world, phone, &ledger, &mut faults);
    }
    states(world, &ledger, &mut faults);
    faults
}

/// Whatever was answered with a 2xx is in the log, but for what a restored copy has ended.
fn lost_entries(world: &World, ledger: &[Arc<Entry>], faults: &mut Vec<String>) {
    for id in &world.accepted {
        if !ledger.iter().chain(&world.lost).any(|entry| entry.id == *id) {
            faults.push(format!("{id} was accepted and is not in the log"));
        }
    }
}

fn screen(world: &mut World, phone: usize, ledger: &[Arc<Entry>], faults: &mut Vec<String>) {
    let own = &world.phones[phone];
    for (id, times) in own.shown_ids() {
        if times > 1 {
            faults.push(format!("{id} was shown {times} times on {}", own.name));
        }
    }
    let devices: Vec<DeviceId> = {
        let lines = own.screen.iter().filter_map(|line| line.device.as_ref()?.parse().ok());
        let mut devices: Vec<DeviceId> = lines.chain(world.device(phone)).collect();
        devices.sort_unstable();
        devices.dedup();
        devices
    };
    outsiders(world, phone, &devices, ledger, faults);
    if own.is_gone {
        return;
    }
    if !own.is_online() {
        let state = own.machine.as_ref().map(|machine| machine.state().clone());
        faults.push(format!("{} is not online: {state:?}", own.name));
        return;
    }
    let Some(device) = world.device(phone) else { return faults.push(format!("{} has no device", own.name)) };
    let held = memberships(ledger, device);
    let mut shown = 0;
    for entry in ledger {
        let EntryKind::Notification(content) = &entry.kind else { continue };
        let id = entry.id.to_string();
        let is_shown = own.shown_ids().contains_key(id.as_str());
        shown += u64::from(is_shown);
        match expected(world, ledger, &held, entry, content, device) {
            Expected::Shown if !is_shown => {
                faults.push(format!("{id} ({}) was lost on {} (row {:?})", entry.seq, own.name, own.store.state(&id)));
            }
            Expected::Never if is_shown && devices.len() == 1 => {
                faults.push(format!("{id} ({}) is shown on {}", entry.seq, own.name));
            }
            Expected::Shown | Expected::Never | Expected::Either => {}
        }
        let is_recalled = recall_of(ledger, entry.id).is_some();
        let addressed = standing(&held, &content.routing.audience, entry.seq, Seq::MAX - 1).is_some();
        if is_recalled
            && addressed
            && own.is_visible(&id)
            && own.store.state(&id) != Some(RowState::Closed)
            && world.lost.is_empty()
            && !own.is_twin
        {
            faults.push(format!(
                "{id} ({}) was recalled and is still visible on {} (row {:?}) {:?}",
                entry.seq,
                own.name,
                own.store.state(&id),
                own.screen.iter().filter(|line| line.id == id).collect::<Vec<_>>()
            ));
        }
    }
    world.tally.shown += shown;
}

/// Nothing is on a screen that was for none of the devices that the phone has been, in no timeline.
fn outsiders(world: &World, phone: usize, devices: &[DeviceId], ledger: &[Arc<Entry>], faults: &mut Vec<String>) {
    let own = &world.phones[phone];
    let timelines: Vec<&[Arc<Entry>]> = world.timelines.iter().map(Vec::as_slice).chain([ledger]).collect();
    for line in own.screen.iter().filter(|line| line.what == What::Shown) {
        let is_addressed = |timeline: &&[Arc<Entry>]| {
            let entry = timeline.iter().find(|entry| entry.id.to_string() == line.id);
            let routing = entry.and_then(|entry| Some((entry.seq, &entry.kind.routing()?.audience)));
            routing.is_some_and(|(seq, audience)| {
                devices.iter().any(|id| standing(&memberships(timeline, *id), audience, seq, Seq::MAX - 1).is_some())
            })
        };
        if !timelines.iter().any(is_addressed) {
            faults.push(format!("{} is not for {}", line.id, own.name));
        }
    }
}

enum Expected {
    Shown,
    Never,
    Either,
}

fn recall_of(ledger: &[Arc<Entry>], id: EntryId) -> Option<Seq> {
    let recall = |entry: &&Arc<Entry>| matches!(&entry.kind, EntryKind::Recall(target, _) if target.id == id);
    ledger.iter().find(recall).map(|entry| entry.seq)
}

/// Whether it was opened or dismissed on one of the user's devices.
fn is_dismissed(ledger: &[Arc<Entry>], id: EntryId) -> bool {
    ledger.iter().any(|entry| matches!(&entry.kind, EntryKind::Dismissal(target, _) if target.id == id))
}

/// What the rules say of one notification on one device that was online at the end.
fn expected(
    world: &World,
    ledger: &[Arc<Entry>],
    held: &[Membership],
    entry: &Entry,
    content: &Content,
    device: DeviceId,
) -> Expected {
    let last = ledger.last().map_or(0, |entry| entry.seq);
    match standing(held, &content.routing.audience, entry.seq, last) {
        None if world.lost.is_empty() => return Expected::Never,
        None | Some(Standing::Left) => return Expected::Either,
        Some(Standing::Open) => {}
    }
    match filter_over_time(content.filter.as_ref(), held, ledger, entry.seq) {
        (_, false) if world.lost.is_empty() => return Expected::Never,
        (true, true) => {}
        (_, _) => return Expected::Either,
    }
    let is_superseded = content.collapse_key.is_some()
        && ledger.iter().filter(|newer| newer.seq > entry.seq).any(|newer| {
            let EntryKind::Notification(new) = &newer.kind else { return false };
            new.collapse_key == content.collapse_key
                && new.routing.lane == content.routing.lane
                && new.routing.audience == content.routing.audience
                && standing(held, &new.routing.audience, newer.seq, last).is_some()
                && filter_over_time(new.filter.as_ref(), held, ledger, newer.seq).1
        });
    let is_over = is_superseded
        || content.routing.expires_at <= world.latest
        || recall_of(ledger, entry.id).is_some()
        || is_dismissed(ledger, entry.id)
        || was_ended_in_a_lost_timeline(world, entry, content, device);
    if is_over { Expected::Either } else { Expected::Shown }
}

/// What a timeline had ended that is gone stays ended on a device whose cursor has passed it (exempt by decision).
fn was_ended_in_a_lost_timeline(world: &World, entry: &Entry, content: &Content, device: DeviceId) -> bool {
    world.lost.iter().any(|gone| match &gone.kind {
        EntryKind::Membership(change) => change.device == device,
        EntryKind::Recall(target, _) | EntryKind::Dismissal(target, _) => target.id == entry.id,
        EntryKind::Notification(new) => content.collapse_key.is_some() && new.collapse_key == content.collapse_key,
        EntryKind::Update(..) | EntryKind::Generation(_) => false,
    })
}

/// Whether a device passes a filter always, and whether it ever does, from `seq` on.
fn filter_over_time(filter: Option<&Filter>, held: &[Membership], ledger: &[Arc<Entry>], seq: Seq) -> (bool, bool) {
    let Some(filter) = filter else { return (true, true) };
    let (mut always, mut ever) = (true, false);
    let changes = ledger.iter().filter(|entry| matches!(entry.kind, EntryKind::Membership(_))).map(|entry| entry.seq);
    for at in changes.filter(|at| *at > seq).chain([seq]) {
        let passes = filter.passes(|tag| held.iter().any(|own| own.key == *tag && own.is_open_at(at)));
        always &= passes;
        ever |= passes;
    }
    (always, ever)
}

/// The API says `delivered` of what a phone has stored, and of nothing else.
fn states(world: &mut World, ledger: &[Arc<Entry>], faults: &mut Vec<String>) {
    let mut phones: BTreeMap<DeviceId, usize> = BTreeMap::new();
    for phone in 0..world.phones.len() {
        if let Some(device) =
            world.device(phone).filter(|_| !world.phones[phone].is_gone && !world.phones[phone].is_twin)
        {
            phones.insert(device, phone);
        }
    }
    let Some(mut server) = world.server.take() else { return };
    for entry in ledger.iter().filter(|entry| matches!(entry.kind, EntryKind::Notification(_))) {
        for (device, delivery) in server.deliveries(entry.id) {
            let Some(phone) = phones.get(&device) else { continue };
            let own = &world.phones[*phone];
            let row = own.store.state(&entry.id.to_string());
            let has = row.is_some_and(|row| row != RowState::Recalled);
            let is_delivered = delivery.state >= State::Delivered && delivery.state <= State::Dismissed;
            let is_pending = delivery.state < State::Delivered;
            // A tombstone may stand for what never came, and what was dropped with its user was stored and ended all the same.
            let is_either = matches!(row, Some(RowState::Recalled | RowState::Closed | RowState::Expired))
                || recall_of(ledger, entry.id).is_some()
                || (delivery.state == State::Left && !own.shown_ids().contains_key(entry.id.to_string().as_str()));
            if is_pending || (has != is_delivered && !is_either && world.lost.is_empty()) {
                let text = format!("{} ({}) is {} on {}", entry.id, entry.seq, delivery.state, own.name);
                faults.push(format!("{text}, whose row is {row:?}, cause {:?}", delivery.cause));
            }
        }
    }
    world.server = Some(server);
}
