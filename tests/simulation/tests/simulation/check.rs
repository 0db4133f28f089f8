//! The promise, held against the screens and against what the API says: rule by rule.

use std::collections::BTreeMap;

use longwire_client::inbox::RowState;
use longwire_core::notification_manager::DeviceDelivery;
use longwire_model::delivery::{Delivery, State};
use longwire_model::entry::Content;
use longwire_model::{DeviceId, Entry, EntryId, EntryKind};

use crate::calls::RETENTION_MS;
use crate::oracle::{Oracle, Verdict, is_usable};
use crate::phone::{Phone, What};
use crate::plan::{ACCEPTED, PHONES, WORLD_MS};
use crate::tally::Reason;
use crate::world::World;

/// How often a phone may connect within a minute: seven waits of the backoff, and as many after each network that came anew.
const CONNECTS_MAX: usize = 20;
const STORM_MS: u64 = 60_000;
/// At its end a healed world has been quiet for so long.
const QUIET_MS: u64 = 15 * 60_000;

/// What a healed world must look like; everything that is wrong with it.
pub(crate) fn check(world: &mut World, is_whole: bool) -> Vec<String> {
    world.book.follow(&world.disk);
    let mut faults = std::mem::take(&mut world.faults);
    if is_whole && (world.now_ms < WORLD_MS || world.phones.len() < PHONES || world.tally.accepted < ACCEPTED) {
        faults.push(format!("a small world: {} ms, {} accepted", world.now_ms, world.tally.accepted));
    }
    lost_entries(world, &mut faults);
    for phone in 0..world.phones.len() {
        screen(world, phone, &mut faults);
        flashes(world, phone, &mut faults);
        storms(world, phone, &mut faults);
    }
    updates(world, &mut faults);
    crate::users::check(world, &mut faults);
    states(world, &mut faults);
    crate::watch::watch(world, &mut faults);
    faults
}

/// Whatever was answered with a 2xx is in the log, but for what a restored copy has ended.
fn lost_entries(world: &World, faults: &mut Vec<String>) {
    for id in world.accepted.iter().filter(|id| !world.lost.contains(id) && world.book.find(**id).is_none()) {
        faults.push(format!("{id} was accepted and is not in the log"));
    }
}

fn screen(world: &mut World, phone: usize, faults: &mut Vec<String>) {
    let own = &world.phones[phone];
    for (id, seen) in own.seen.iter().filter(|(_, seen)| seen.times > 1) {
        faults.push(format!("{id} was shown {} times on {}", seen.times, own.name));
    }
    outsiders(world, phone, faults);
    if own.is_gone {
        return;
    }
    if !own.is_online() {
        let state = own.machine.as_ref().map(|machine| machine.state().clone());
        return faults.push(format!("{} is not online: {state:?}", own.name));
    }
    let Some(device) = own.device() else { return faults.push(format!("{} has no device", own.name)) };
    let (mut shown, mut once, mut never, mut either) = (0, 0, 0, BTreeMap::<Reason, u64>::new());
    for (entry, content) in notifications(world) {
        let id = entry.id.to_string();
        let is_shown = own.times(&id) > 0;
        shown += u64::from(is_shown);
        match verdict(world, phone, device, entry, content) {
            Verdict::Once => {
                once += 1;
                if !is_shown {
                    let row = own.store.state(&id);
                    faults.push(format!("{id} ({}) was lost on {} (row {row:?})", entry.seq, own.name));
                }
            }
            Verdict::Never(reason) => {
                never += 1;
                if is_shown {
                    faults.push(format!("{id} ({}) is shown on {}: {reason:?}", entry.seq, own.name));
                }
            }
            Verdict::Either(reason) => *either.entry(reason).or_default() += 1,
        }
        still_there(world, own, device, entry, content, faults);
        newest_content(world, own, device, entry, content, faults);
        unusable_row(own, entry, content, faults);
    }
    let tally = &mut world.tally;
    (tally.shown, tally.once, tally.never) = (tally.shown + shown, tally.once + once, tally.never + never);
    for (reason, times) in either {
        *tally.either.entry(reason).or_default() += times;
    }
}

pub(crate) fn notifications(world: &World) -> impl Iterator<Item = (&Entry, &Content)> {
    let entries = world.book.notifications.iter().filter_map(|seq| world.book.at(*seq));
    entries.filter_map(|commit| {
        let EntryKind::Notification(content) = &commit.entry.kind else { return None };
        Some((&*commit.entry, content))
    })
}

/// What the phone's present device must show, and its former ones may have shown.
fn verdict(world: &World, phone: usize, device: DeviceId, entry: &Entry, content: &Content) -> Verdict {
    let of = |device| Oracle { world, phone, device }.verdict(entry, content);
    let present = of(device);
    let mut former = world.phones[phone].devices.iter().filter(|own| **own != device);
    let is_never = |verdict| matches!(verdict, Verdict::Never(_));
    if is_never(present) && former.any(|device| !is_never(of(*device))) {
        return Verdict::Either(Reason::OtherDevice);
    }
    present
}

/// A recall takes away what is shown.
fn still_there(
    world: &World,
    own: &Phone,
    device: DeviceId,
    entry: &Entry,
    content: &Content,
    faults: &mut Vec<String>,
) {
    let id = entry.id.to_string();
    let is_recalled = world.book.recall(entry.id).is_some();
    // What a sweep has taken with its recall is not taken away any more.
    let is_retained = content.routing.expires_at > world.walls(world.now_ms).1.plus_millis(-RETENTION_MS);
    if is_recalled
        && is_retained
        && own.is_visible(&id)
        && world.book.is_for(device, &content.routing.audience, entry.seq)
    {
        let lines: Vec<_> = own.screen.iter().filter(|line| line.id == id).collect();
        let row = own.store.state(&id);
        faults.push(format!(
            "{id} ({}) was recalled and is still visible on {} (row {row:?}) {lines:?}",
            entry.seq, own.name
        ));
    }
}

/// What is on a screen has the content of the latest update.
fn newest_content(
    world: &World,
    own: &Phone,
    device: DeviceId,
    entry: &Entry,
    content: &Content,
    faults: &mut Vec<String>,
) {
    let Some(update) = world.book.update(entry.id) else { return };
    let Some(new) = update.entry.kind.content() else { return };
    let Some(seen) = own.seen.get(&entry.id.to_string()).filter(|seen| seen.is_visible) else { return };
    let audience = &content.routing.audience;
    let is_for =
        world.book.is_for(device, audience, entry.seq) && world.book.left(device, audience, entry.seq).is_none();
    let is_in_time = content.routing.expires_at > world.walls(world.now_ms).1;
    if is_for
        && is_in_time
        && world.ended.is_empty()
        && !seen.body.as_ref().is_some_and(|body| new.payload.contains(body.as_str()))
    {
        faults.push(format!(
            "{} ({}) has the content {:?} on {}, not that of its update {}",
            entry.id, entry.seq, seen.body, own.name, update.entry.seq
        ));
    }
}

/// An update is sent to nobody whom the filter kept out of its target: who has passed it at no position from the target's on. A
/// restored copy may have forgotten the tags with which a device passed.
fn updates(world: &World, faults: &mut Vec<String>) {
    if !world.ended.is_empty() {
        return;
    }
    for (device, id, at_ms) in &world.sent {
        let Some(entry) = world.book.find(*id).map(|commit| &commit.entry) else { continue };
        let EntryKind::Update(target, content) = &entry.kind else { continue };
        let Some(filter) = &content.filter else { continue };
        let oracle = Oracle { world, phone: 0, device: *device };
        if !oracle.passes(&world.book, filter, (target.seq, world.book.position(*at_ms))).1 {
            let seq = entry.seq;
            faults.push(format!("update {seq} was sent to {device}, which the filter kept out of {}", target.seq));
        }
    }
}

/// Only what cannot be parsed, or killed three processes, is rejected.
fn unusable_row(own: &Phone, entry: &Entry, content: &Content, faults: &mut Vec<String>) {
    let id = entry.id.to_string();
    let deaths = own.deaths.get(&id).copied().unwrap_or(0);
    if own.store.state(&id) == Some(RowState::Unusable) && is_usable(content) && deaths < 3 {
        faults.push(format!("{id} ({}) was rejected on {} after {deaths} deaths", entry.seq, own.name));
    }
}

/// Nothing is on a screen that was for none of the devices that the phone has been, in no timeline.
fn outsiders(world: &World, phone: usize, faults: &mut Vec<String>) {
    let own = &world.phones[phone];
    for line in own.screen.iter().filter(|line| line.what == What::Shown) {
        let Ok(id) = line.id.parse::<EntryId>() else { continue };
        if let Some(flash) = world.flashes.get(&id) {
            let last = world.book.last();
            let is_for = |seq| own.devices.iter().any(|device| world.book.is_for(*device, &flash.audience, seq));
            let is_for = world.ended.is_empty().then(|| (flash.as_of + 1..=last + 1).any(is_for));
            if is_for == Some(false) {
                faults.push(format!("{id} (ttl 0) is not for {}", own.name));
            }
            continue;
        }
        let mut timelines = world.ended.iter().chain([&world.book]);
        let is_addressed = timelines.any(|book| {
            let commit = book.find(id);
            let routing = commit.and_then(|commit| Some((commit.entry.seq, &commit.entry.kind.routing()?.audience)));
            routing.is_some_and(|(seq, audience)| own.devices.iter().any(|device| book.is_for(*device, audience, seq)))
        });
        // Not stored, and not answered, because the server died meanwhile: now or never all the same.
        let is_unknown = world.book.find(id).is_none() && world.ended.iter().all(|book| book.find(id).is_none());
        if !is_addressed && !is_unknown {
            faults.push(format!("{id} is not for {}", own.name));
        }
    }
}

/// Now or never: at most once, by as many as the answer says.
fn flashes(world: &World, phone: usize, faults: &mut Vec<String>) {
    for (id, flash) in &world.flashes {
        let text = id.to_string();
        let showing = world.phones.iter().filter(|own| own.times(&text) > 0 && !own.is_twin).count();
        if phone == 0 && showing > flash.taken {
            faults.push(format!("{id} (ttl 0) was taken by {} and is on {showing} screens", flash.taken));
        }
        if world.phones[phone].times(&text) > 1 {
            faults.push(format!("{id} (ttl 0) was shown twice on phone {phone}"));
        }
    }
}

/// Nobody connects again and again, and in a healed world nobody connects at all.
fn storms(world: &World, phone: usize, faults: &mut Vec<String>) {
    let own = &world.phones[phone];
    let most = own
        .connects
        .iter()
        .enumerate()
        .map(|(index, from)| own.connects[index..].iter().take_while(|at| **at < from + STORM_MS).count());
    let most = most.max().unwrap_or(0);
    if most > CONNECTS_MAX {
        faults.push(format!("{} connected {most} times within {} s", own.name, STORM_MS / 1_000));
    }
    let late = own.connects.iter().filter(|at| **at + QUIET_MS > world.now_ms).count();
    if late > 0 && world.now_ms > WORLD_MS && !own.is_gone && !own.is_twin {
        faults.push(format!("{} still connected {late} times in a healed world", own.name));
    }
}

/// The API says `delivered` of what a phone has stored, and of nothing else; and what it says of an end is so.
fn states(world: &mut World, faults: &mut Vec<String>) {
    let mut phones: BTreeMap<DeviceId, usize> = BTreeMap::new();
    for phone in 0..world.phones.len() {
        let own = &world.phones[phone];
        if let Some(device) = own.device().filter(|_| !own.is_gone && !own.is_twin) {
            phones.insert(device, phone);
        }
    }
    let Some(mut server) = world.server.take() else { return };
    for (entry, content) in notifications(world) {
        let Some(listed) = server.deliveries(entry.id) else {
            if content.routing.expires_at > world.walls(world.now_ms).1 {
                faults.push(format!("{} ({}) was swept before it expired", entry.id, entry.seq));
            }
            continue;
        };
        for DeviceDelivery { device, delivery, actions, .. } in listed {
            let Some(phone) = phones.get(&device) else { continue };
            if let Some(wrong) = crate::users::untold(world, *phone, device, entry, &delivery, &actions) {
                faults.push(format!("{} ({}) on {}: {wrong}", entry.id, entry.seq, world.phones[*phone].name));
            }
            if let Some(wrong) = wrong_state(world, *phone, device, entry, content, &delivery) {
                let own = &world.phones[*phone];
                let row = own.store.state(&entry.id.to_string());
                let (id, seq, state, cause) = (entry.id, entry.seq, delivery.state, &delivery.cause);
                faults.push(format!("{id} ({seq}) is {state} on {}, row {row:?}, {cause:?}: {wrong}", own.name));
            }
        }
    }
    world.server = Some(server);
}

fn wrong_state(
    world: &World,
    phone: usize,
    device: DeviceId,
    entry: &Entry,
    content: &Content,
    delivery: &Delivery,
) -> Option<&'static str> {
    let (own, book, id) = (&world.phones[phone], &world.book, entry.id.to_string());
    let row = own.store.state(&id);
    let has = row.is_some_and(|row| row != RowState::Recalled);
    let is_recalled = book.recall(entry.id).is_some();
    // A tombstone may stand for what never came, and what was dropped with its user was stored and ended all the same.
    let is_either = is_recalled
        || matches!(row, Some(RowState::Recalled | RowState::Closed | RowState::Unusable | RowState::Update));
    let is_plain = world.ended.is_empty();
    let (_, latest) = world.walls(world.now_ms);
    let is_shown = own.times(&id) > 0;
    let is_stored = has && !is_either && is_plain;
    match delivery.state {
        State::Scheduled | State::Accepted | State::Sent => Some("it waits in a healed world"),
        State::Delivered | State::Displayed | State::Opened | State::Dismissed => {
            if !has && !is_either && is_plain {
                Some("the phone has no row")
            } else if matches!(row, Some(RowState::Expired | RowState::Left)) && !is_shown && is_plain {
                Some("the phone has dropped it")
            } else if delivery.state > State::Delivered && !is_shown {
                Some("no screen has shown it")
            } else if delivery.state == State::Delivered && is_shown && is_plain && own.tells_displayed && !is_either {
                Some("a screen has shown it")
            } else {
                (row == Some(RowState::Unusable) && is_plain).then_some("the phone could not use it")
            }
        }
        State::Expired if content.routing.expires_at > latest => Some("its time is not over"),
        State::Expired => (is_stored && is_shown && own.tells_displayed).then_some("the phone has shown it"),
        State::Superseded if book.successors(entry, content).next().is_none() => Some("nothing took its place"),
        // A login may overtake the store (ARCHITECTURE, known holes): then only the report of the screen tells.
        State::Superseded => (is_stored && own.tells_displayed).then_some("the phone has stored it"),
        State::Recalled => (!is_recalled).then_some("nobody recalled it"),
        State::Filtered if content.filter.is_none() => Some("it has no filter"),
        State::Filtered => is_stored.then_some("the phone has stored it"),
        State::Left if is_shown => is_stored.then_some("the phone has shown it"),
        State::Left if row == Some(RowState::Left) => None,
        State::Left => {
            let has_left = book.left(device, &content.routing.audience, entry.seq).is_some();
            (!has_left && is_plain).then_some("the device has not left")
        }
        // A wall clock that was set back hides that its time was over when it was passed.
        State::Rejected if world.skews_ms != (0, 0) && content.routing.expires_at <= latest => None,
        State::Rejected => (is_plain && row != Some(RowState::Unusable)).then_some("the phone could use it"),
    }
}
