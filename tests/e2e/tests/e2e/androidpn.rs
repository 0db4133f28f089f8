//! Original androidpn clients against the real server: what they send, byte by byte as recorded, and what they have to be answered.

mod accounts;
mod client;
mod login;
mod pushes;
mod streams;

use client::Old;

use crate::world::World;

/// A server that serves clients which never start TLS as well.
fn world() -> anyhow::Result<World> {
    World::with(&["--androidpn", "--plaintext"])
}

/// The same, for tests of one account.
fn online(name: &str) -> anyhow::Result<(World, Old)> {
    let world = world()?;
    let mut old = Old::registered(&world.server, name)?;
    old.log_in(name)?;
    old.is_available()?;
    Ok((world, old))
}
