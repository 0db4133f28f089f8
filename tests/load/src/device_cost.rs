//! `device-cost`: the device core takes pushes from a server that is played, and what that costs the core alone is counted. Printed as
//! JSON; beneath callgrind, which counts instructions inside `Machine::handle_*`, the allocations are the same.

#![forbid(unsafe_code)]

use std::alloc::System;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use longwire_client::Machine;
use longwire_fuzz::device::{DOMAIN, Meter, Phone};
use longwire_protocol::DateTime;
use longwire_protocol::push::{Entry, EntryContent, Lane};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Pushes before any is counted: maps and buffers have grown then.
const WARM: u64 = 64;
/// What the phone has of the log when it logs in.
const KNOWN: u64 = 100;
/// Bytes of a push's text, as in the other rows.
const TEXT_BYTES: usize = 100;

static COUNT: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

fn main() -> anyhow::Result<()> {
    let pushes: u64 = std::env::args().nth(1).context("how many pushes?")?.parse()?;
    let mut phone = Phone::online();
    let state = state_bytes(Phone::online());
    push(&mut phone, 0..WARM);
    phone.set_meter(Meter { begin, end });
    push(&mut phone, WARM..WARM + pushes);
    ensure!(phone.shown() as u64 == WARM + pushes, "{} of {} pushes were shown", phone.shown(), WARM + pushes);
    let each = |total: &AtomicUsize| total.load(Ordering::Relaxed) as f64 / pushes.max(1) as f64;
    let cost = serde_json::json!({
        "allocations": each(&COUNT),
        "bytes": each(&BYTES),
        "state": state,
    });
    writeln!(std::io::stdout(), "{cost}").context("failed to print")
}

/// Bytes of a core that is online: its own, and those on the heap that end with it.
fn state_bytes(phone: Phone) -> usize {
    let machine = phone.into_machine();
    let region = Region::new(ALLOCATOR);
    drop(machine);
    size_of::<Machine>() + region.change().bytes_deallocated
}

/// Each is stored, shown and finished before the next comes.
fn push(phone: &mut Phone, numbers: std::ops::Range<u64>) {
    for number in numbers {
        phone.hear(&stanza(number));
    }
}

fn stanza(number: u64) -> Vec<u8> {
    let json = serde_json::json!({ "title": "a title", "body": "x".repeat(TEXT_BYTES) }).to_string();
    let entry = Entry {
        id: format!("e{number}"),
        seq: KNOWN + 1 + number,
        lane: Lane::Normal,
        expires: DateTime(4_000_000_000_000),
        user: None,
        update: None,
        content: EntryContent::Notification { json },
    };
    entry.to_shared_bytes(DOMAIN)
}

thread_local! {
    static BEGAN: std::cell::Cell<Stats> = std::cell::Cell::default();
}

fn begin() {
    BEGAN.set(ALLOCATOR.stats());
}

fn end() {
    let (now, began) = (ALLOCATOR.stats(), BEGAN.take());
    let count = now.allocations + now.reallocations - began.allocations - began.reallocations;
    COUNT.fetch_add(count, Ordering::Relaxed);
    BYTES.fetch_add(now.bytes_allocated - began.bytes_allocated, Ordering::Relaxed);
}
