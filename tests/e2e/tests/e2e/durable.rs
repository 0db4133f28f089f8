//! A 202 leaves the server only behind a completed fsync of what it accepted: seen from outside, by the system calls of the release
//! binary. A killed process cannot show this: the kernel keeps what it wrote.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;

use anyhow::{Context, ensure};
use longwire_test_support::Tracer;

use crate::world::World;

const SENT: usize = 20;
const CALLS: &str = "trace=fdatasync,fsync,read,recvfrom,write,writev,sendto,sendmsg";

/// What bears on the promise, in the order in which it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Request,
    SyncBegun,
    SyncDone,
    Answer,
}

/// Reads a line of the trace; `syncing` holds the threads that are in a sync of the database's log.
fn read(line: &str, syncing: &mut BTreeSet<String>) -> Vec<Seen> {
    let Some((thread, call)) = line.split_once(' ') else { return Vec::new() };
    let is_sync = call.contains("fdatasync") || call.contains("fsync");
    if is_sync && call.contains("-wal>") {
        if call.contains("unfinished") {
            syncing.insert(thread.to_owned());
            return vec![Seen::SyncBegun];
        }
        return if call.ends_with("= 0") { vec![Seen::SyncBegun, Seen::SyncDone] } else { vec![Seen::SyncBegun] };
    }
    if is_sync && call.contains("resumed") && syncing.remove(thread) && call.ends_with("= 0") {
        return vec![Seen::SyncDone];
    }
    if call.contains("POST /v1/notifications") {
        return vec![Seen::Request];
    }
    if call.contains("HTTP/1.1 202") { vec![Seen::Answer] } else { Vec::new() }
}

#[test]
fn a_202_leaves_only_behind_an_fsync_of_what_it_accepted() -> anyhow::Result<()> {
    let world = World::new()?;
    world.notify("all", "before")?;
    let output = world.place.path().join("calls");
    let options = ["-y", "-s", "64", "-e", CALLS, "-o"].map(OsStr::new);
    let tracer = Tracer::attach(world.server.id(), &[&options[..], &[output.as_os_str()]].concat())?;
    for number in 0..SENT {
        world.notify("all", &format!("number {number}"))?;
    }
    tracer.detach()?;
    let mut syncing = BTreeSet::new();
    let trace = fs::read_to_string(&output)?;
    let seen: Vec<Seen> = trace.lines().flat_map(|line| read(line, &mut syncing)).collect();
    let answers = seen.iter().filter(|seen| **seen == Seen::Answer).count();
    ensure!(answers == SENT, "{answers} answers in the trace: {seen:?}");
    for answered in seen.split_inclusive(|seen| *seen == Seen::Answer).take(SENT) {
        let since = answered.iter().rposition(|seen| *seen == Seen::Request).context("an answer without a request")?;
        let behind = answered.get(since..).unwrap_or_default();
        let begun = behind.iter().position(|seen| *seen == Seen::SyncBegun);
        let is_synced = begun.is_some_and(|begun| behind.iter().skip(begun).any(|seen| *seen == Seen::SyncDone));
        ensure!(is_synced, "an answer left without an fsync of its own: {behind:?}");
    }
    Ok(())
}
