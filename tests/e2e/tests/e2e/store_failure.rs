//! A store that fails for good: everybody is told, the process ends by itself, and the next one has what was accepted.

use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_test_support::{PhoneOptions, SOON, Tracer};
use serde_json::json;

use crate::raw::Raw;
use crate::world::{World, assert_problem, id_of};

/// The exit status of a server whose store has failed.
pub(crate) const FAILED: i32 = 74;
/// How long it may take to end.
pub(crate) const A_FEW_SECONDS: Duration = Duration::from_secs(10);

#[test]
fn f06_a_failed_sync_is_never_a_2xx_and_ends_the_process() -> anyhow::Result<()> {
    let mut world = World::new()?;
    let mut phone = PhoneOptions::new(&world.server, &world.place.path().join("phone")).start()?;
    phone.online()?;
    let first = id_of(&world.notify("all", "first")?);
    phone.shown(&first)?;
    phone.kill();
    let mut other = Raw::register(&world.server, "other", "secret-word")?.bound("a")?;
    let log = world.server.data().join("longwire.db-wal");
    let broken = Tracer::inject(world.server.id(), "fdatasync,fsync:error=EIO:when=1", &[log])?;
    let body = json!({ "to": "all", "title": "second" });
    let refused = world.api.notify_once("second", &body)?;
    assert_problem(&refused, 503, "unavailable");
    assert!(refused.header("retry-after").is_some());
    let end = other.wire.expect_close(SOON)?;
    assert!(end.contains("<system-shutdown") && end.contains("<retry"), "{end}");
    let status = world.server.ended(A_FEW_SECONDS)?;
    broken.detach()?;
    assert_eq!(status.code(), Some(FAILED), "{status}");
    let told =
        world.server.log().lines().filter(|line| line.contains("the store has failed and the server ends")).count();
    assert_eq!(told, 1, "{}", world.server.log());
    world.server.start_again()?;
    world.server.logged("the check of the database", |line| line.contains("was checked and is whole"))?;
    // Whether it had been written was not known: with its key it is accepted once.
    let again = world.api.notify_once("second", &body)?;
    ensure!(again.status == 202, "{}", again.text());
    phone.start_again()?;
    phone.shown(&again.field("id"))?;
    let third = id_of(&world.notify("all", "third")?);
    phone.shown(&third)?;
    assert_eq!(phone.all_shown(), [again.field("id"), third], "what was shown before is not shown again");
    Ok(())
}

#[test]
fn f06_a_read_that_fails_ends_the_process_too() -> anyhow::Result<()> {
    let mut world = World::new()?;
    let before = id_of(&world.notify("all", "before")?);
    let files = ["longwire.db", "longwire.db-wal"].map(|name| world.server.data().join(name));
    let broken = Tracer::inject(world.server.id(), "pread64:error=EIO", &files)?;
    // A commit makes what any connection has in memory stale: what is asked next is read from the disk.
    drop(world.api.post("/v1/notifications", &json!({ "to": "all", "title": "refused" })));
    drop(world.api.get("/v1/accounts"));
    let status = world.server.ended(A_FEW_SECONDS).context("the server goes on with a disk that cannot be read")?;
    broken.detach()?;
    assert_eq!(status.code(), Some(FAILED), "{status}");
    world.server.start_again()?;
    assert_eq!(world.api.get(&format!("/v1/notifications/{before}"))?.status, 200);
    Ok(())
}
