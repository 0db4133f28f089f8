//! What users do, and what devices ask for, held against the log and against what the API says.

use longwire_model::delivery::{Delivery, State, UsedAction};
use longwire_model::{DeviceId, Entry, EntryId};
use longwire_protocol::push::{DeviceEvent, DeviceEventType};

use crate::calls::RETENTION_MS;
use crate::check::notifications;
use crate::phone::ACTION;
use crate::tally::{Tally, Traffic};
use crate::world::{World, unanswered};

pub(crate) fn check(world: &mut World, faults: &mut Vec<String>) {
    for own in world.phones.iter().filter(|own| !own.is_gone && own.is_online()) {
        faults.extend(unanswered(own));
    }
    let mut tally = std::mem::take(&mut world.tally);
    several_devices(world, &mut tally);
    dismissals(world, &mut tally, faults);
    for own in &world.phones {
        let times = |tally: &mut Tally, traffic, times| (0..times).for_each(|_| tally.traffic(traffic));
        times(&mut tally, Traffic::TokenLogin, own.watch.token_logins);
        times(&mut tally, Traffic::TokenRefused, own.watch.tokens_refused);
        let used = own.told.iter().filter(|(_, event)| event.kind == DeviceEventType::Action).count();
        times(&mut tally, Traffic::Action, used as u64);
    }
    world.tally = tally;
}

/// What went to several devices of one user.
fn several_devices(world: &World, tally: &mut Tally) {
    for (entry, content) in notifications(world) {
        for key in content.routing.audience.iter().filter(|key| key.as_str().starts_with("user:")) {
            let of = world.phones.iter().filter_map(|own| own.device());
            let mut devices: Vec<DeviceId> =
                of.filter(|device| world.book.is_for(*device, std::slice::from_ref(key), entry.seq)).collect();
            devices.sort_unstable();
            devices.dedup();
            if devices.len() > 1 {
                tally.traffic(Traffic::ManyDevices);
            }
        }
    }
}

/// What was opened or dismissed on one device of a user is on no screen of the user's others.
fn dismissals(world: &World, tally: &mut Tally, faults: &mut Vec<String>) {
    for (id, dismissals) in world.book.all_dismissals() {
        let Some(target) = world.book.find(id).map(|commit| &commit.entry) else { continue };
        let Some(routing) = target.kind.routing() else { continue };
        // What a sweep has taken with its dismissal is not taken away any more.
        if routing.expires_at <= world.walls(world.now_ms).1.plus_millis(-RETENTION_MS) || !world.ended.is_empty() {
            continue;
        }
        for own in world.phones.iter().filter(|own| !own.is_gone && !own.is_twin) {
            let Some(device) = own.device() else { continue };
            let is_for = dismissals.iter().any(|(_, key)| {
                let key = std::slice::from_ref(key);
                world.book.is_for(device, key, target.seq) && world.book.left(device, key, target.seq).is_none()
            });
            if is_for && own.times(&id.to_string()) > 0 {
                tally.traffic(Traffic::Dismissal);
            }
            if is_for && own.is_visible(&id.to_string()) {
                let seq = target.seq;
                faults.push(format!("{id} ({seq}) was dismissed elsewhere and is still visible on {}", own.name));
            }
        }
    }
}

/// What the user of a phone has done with a notification, the API tells; what of it is missing.
pub(crate) fn untold(
    world: &World,
    phone: usize,
    device: DeviceId,
    entry: &Entry,
    delivery: &Delivery,
    actions: &[UsedAction],
) -> Option<&'static str> {
    let own = &world.phones[phone];
    if !world.ended.is_empty() {
        return None;
    }
    let is_of = |event: &DeviceEvent| event.entry.parse::<EntryId>().is_ok_and(|id| id == entry.id);
    let done = own.told.iter().filter(|(of, event)| *of == device && is_of(event)).map(|(_, event)| event.kind);
    let is_told = |state: State| delivery.at.iter().any(|(told, _)| *told == state);
    done.into_iter().find_map(|kind| {
        if kind == DeviceEventType::Opened && !is_told(State::Opened) {
            Some("its user has opened it, and the API does not say so")
        } else if kind == DeviceEventType::Action && !actions.iter().any(|used| used.action == ACTION) {
            Some("its user has used an action, and the API does not say so")
        } else {
            None
        }
    })
}
