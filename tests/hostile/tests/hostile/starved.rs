//! SLOW-05, SLOW-06: a server without files to open, and one without room for its log.

use std::time::Duration;

use anyhow::ensure;
use longwire_test_support::SOON;
use longwire_test_support::wait::pause;
use longwire_test_support::wire::connect_from;

use crate::beside::beside;
use crate::figures::{open_files, processor_ms};
use crate::session::Session;
use crate::world::{ATTACKER, World};

/// Files that the server may have open.
const FILES: usize = 256;
/// How long the server is watched while it can accept nothing.
const WATCHED: Duration = Duration::from_secs(3);

#[test]
fn slow_05_without_files_it_waits_without_work_and_recovers_by_itself() -> anyhow::Result<()> {
    let world = World::with(|options| options.through_shell("ulimit -n 256 && exec \"$0\" \"$@\""))?;
    let server = world.server.id();
    let visitor = std::net::IpAddr::V4(std::net::Ipv4Addr::new(127, 3, 3, 3));
    beside("slow_05", &world, 450, || {
        let mut sockets = Vec::new();
        for source in [ATTACKER, visitor] {
            for _ in 0..225 {
                sockets.push(connect_from(source, &world.server.ready.c2s)?);
            }
        }
        world.server.logged("files that have run out", |line| line.contains("nothing more can be accepted"))?;
        ensure!(open_files(server)? >= FILES - 8, "it has files left: {}", open_files(server)?);
        let before = processor_ms(server)?;
        pause(WATCHED);
        let used = processor_ms(server)? - before;
        println!("slow_05: {used} ms of a processor in {} ms without files", WATCHED.as_millis());
        ensure!(used < 1_500, "{used} ms of a processor while there is nothing to do");
        drop(sockets);
        drop(Session::registered(world.ready(), visitor, "visitor", "the password of visitor")?);
        Ok(())
    })
}

/// Everything that a server does, once.
fn serves(world: &World) -> anyhow::Result<()> {
    let mut session = Session::registered(world.ready(), ATTACKER, "reader", "the password of reader")?;
    session.is_available()?;
    let id = world.notify("all", "Door")?;
    session.wire.expect(&id)?;
    Ok(())
}

#[test]
fn slow_06_a_log_without_room_stops_nothing() -> anyhow::Result<()> {
    let mut world = World::with(|options| {
        options.with_variable("LONGWIRE_LOG_FILTER", "trace").through_shell("exec \"$0\" \"$@\" 2>/dev/full")
    })?;
    beside("slow_06", &world, 1, || serves(&world))?;
    ensure!(world.server.log().is_empty(), "the log has gone somewhere: {}", world.server.log());
    ensure!(world.server.terminate(SOON)?.success(), "it did not end in order");
    Ok(())
}
