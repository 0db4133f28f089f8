//! What original androidpn clients say of themselves.

use std::sync::Arc;

use longwire_model::entry::MembershipChange;
use longwire_model::limits::MEMBERSHIPS_MAX;
use longwire_model::{AndroidpnAccount, AudienceKey, DeviceId, DeviceKind, EntryKind};

use super::world::{World, at, entry, is_done, is_unchanged, key, refusal};
use crate::write::{Change, NewDevice, Refusal};
use crate::{Claim, Store, Write, Written};

fn keys(names: &[&str]) -> Vec<AudienceKey> {
    names.iter().map(|name| key(name)).collect()
}

/// The device of an original client's account.
async fn original(world: &World, name: &str) -> DeviceId {
    let account = AndroidpnAccount {
        name: name.to_owned(),
        sealed_password: vec![1],
        email: None,
        full_name: None,
        created_at: at(5),
        claimed: Vec::new(),
        is_disabled: false,
    };
    let device = NewDevice { kind: DeviceKind::Androidpn, installation_hash: None, ..world.new_device(name, "") };
    let id = device.id;
    entry(world.one(Write::AddAndroidpn { account, device }).await);
    id
}

/// Removes the device of an account and makes it another.
async fn anew(world: &World, account: &str, device: DeviceId) -> DeviceId {
    entry(world.one(Write::RemoveDevice { device, entry: world.entry_id(), at: at(30) }).await);
    let new = NewDevice { kind: DeviceKind::Androidpn, installation_hash: None, ..world.new_device(account, "") };
    let id = new.id;
    entry(world.one(Write::Register(new)).await);
    id
}

async fn claim(world: &World, device: DeviceId, claim: Claim) -> Written {
    world.one(Write::Claim { device, claim, entry: world.entry_id(), at: at(20) }).await
}

async fn claimed(world: &World, name: &str) -> Vec<AudienceKey> {
    world.store.androidpn_account(name).await.expect("an answer").expect("an account").claimed
}

/// Aliases and tags apart; what somebody else set stays.
pub async fn claims_replace_claims_alone_each_in_one_entry(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = original(&world, "ann").await;
    world.join(device, "tag:staff").await;
    let tags = async |names: &[&str]| claim(&world, device, Claim::Tags(keys(names))).await;
    let alias = async |name: Option<&str>| claim(&world, device, Claim::Alias(name.map(key))).await;
    let moved = |joined: &[&str], left: &[&str]| {
        EntryKind::Membership(MembershipChange { device, joined: keys(joined), left: keys(left) })
    };
    assert_eq!(entry(tags(&["tag:b", "tag:a", "tag:staff"]).await).kind, moved(&["tag:b", "tag:a"], &[]));
    assert_eq!(claimed(&world, "ann").await, keys(&["tag:a", "tag:b"]));
    assert!(is_unchanged(&tags(&["tag:a", "tag:b"]).await));
    assert_eq!(entry(alias(Some("tag:alias:A")).await).kind, moved(&["tag:alias:A"], &[]));
    assert_eq!(entry(alias(Some("tag:alias:B")).await).kind, moved(&["tag:alias:B"], &["tag:alias:A"]));
    assert_eq!(entry(tags(&["tag:b", "tag:c"]).await).kind, moved(&["tag:c"], &["tag:a"]));
    assert_eq!(claimed(&world, "ann").await, keys(&["tag:alias:B", "tag:b", "tag:c"]));
    assert_eq!(entry(tags(&[]).await).kind, moved(&[], &["tag:b", "tag:c"]));
    assert_eq!(entry(alias(None).await).kind, moved(&[], &["tag:alias:B"]));
    assert_eq!(claimed(&world, "ann").await, []);
    let open: Vec<String> = world.load(device).await.device.open("tag").map(str::to_owned).collect();
    assert_eq!(open, ["staff"]);
    let other = world.device().await;
    assert_eq!(refusal(&claim(&world, other, Claim::Tags(Vec::new())).await), Some(Refusal::UnknownDevice));
    let unknown = world.device_id();
    assert_eq!(refusal(&claim(&world, unknown, Claim::Alias(None)).await), Some(Refusal::UnknownDevice));
}

/// Claimed tags become the operator's when the operator sets them, and are forgotten when the operator takes them; a refused claim changes
/// nothing, and what a device lost when it was removed is claimed anew.
pub async fn what_an_operator_sets_or_takes_is_no_claim_any_more(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = original(&world, "ann").await;
    entry(claim(&world, device, Claim::Tags(keys(&["tag:a", "tag:b", "tag:c"]))).await);
    assert!(is_unchanged(&world.one(world.changing(device, Change::Join(key("tag:a")))).await), "it holds it");
    entry(world.one(world.changing(device, Change::Leave(key("tag:b")))).await);
    assert_eq!(claimed(&world, "ann").await, keys(&["tag:c"]));
    let group =
        (0..MEMBERSHIPS_MAX - 2).map(|index| world.changing(device, Change::Join(key(&format!("tag:t{index}")))));
    world.commit(group.collect()).await;
    let refused = claim(&world, device, Claim::Tags(keys(&["tag:c", "tag:d"]))).await;
    assert_eq!(refusal(&refused), Some(Refusal::TooManyMemberships));
    assert_eq!(claimed(&world, "ann").await, keys(&["tag:c"]));
    let change = MembershipChange { device, joined: keys(&["tag:d"]), left: keys(&["tag:c"]) };
    let moved = entry(claim(&world, device, Claim::Tags(keys(&["tag:d"]))).await);
    assert_eq!(moved.kind, EntryKind::Membership(change), "within the bound again");
    let device = anew(&world, "ann", device).await;
    world.join(device, "tag:d").await;
    assert!(is_unchanged(&claim(&world, device, Claim::Tags(keys(&["tag:d"]))).await));
    let moved = entry(claim(&world, device, Claim::Tags(keys(&["tag:e"]))).await);
    let change = MembershipChange { device, joined: keys(&["tag:e"]), left: Vec::new() };
    assert_eq!(moved.kind, EntryKind::Membership(change), "the operator's stays");
    let device = anew(&world, "ann", device).await;
    assert!(is_done(&claim(&world, device, Claim::Tags(Vec::new())).await), "nothing for the log");
    assert_eq!(claimed(&world, "ann").await, []);
}
