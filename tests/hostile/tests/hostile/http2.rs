//! HTTP-05: floods of HTTP/2, frame by frame.

use std::time::Duration;

use anyhow::ensure;
use longwire_test_support::SOON;
use longwire_test_support::wait::now;
use longwire_test_support::wire::Wire;

use crate::beside::beside;
use crate::figures::processor_ms;
use crate::world::{ATTACKER, World};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// So long a flood is repeated, on a new connection each time: an honest session must see something of it.
const FLOODED: Duration = Duration::from_secs(2);
/// Frames that cost next to nothing are sent by so many, and what one of them may cost in processor time.
const CHEAP: u32 = 50_000;
const CHEAP_MICROSECONDS_MAX: u64 = 100;
/// Error codes with which a flood may be ended (RFC 9113 §7): a protocol error, flow control, and that it is enough.
const CODES: &[u32] = &[1, 3, 11];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    [[a, b, c, kind, flags].as_slice(), &stream.to_be_bytes(), payload].concat()
}

/// `GET /v1/devices`, without a dynamic table (RFC 7541 §6.2.2).
fn request() -> Vec<u8> {
    let path = b"/v1/devices";
    [[0x82_u8, 0x86, 0x04, 11].as_slice(), path, &[0x01, 1, b'x']].concat()
}

/// The numbers of a client's streams.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| 2 * number + 1)
}

/// The code of the first GOAWAY among whole frames.
fn goaway(mut rest: &[u8]) -> Option<u32> {
    while let [a, b, c, kind, _, _, _, _, _, behind @ ..] = rest {
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).ok()?;
        let payload = behind.get(..length)?;
        if *kind == GOAWAY {
            return Some(u32::from_be_bytes(payload.get(4..8)?.try_into().ok()?));
        }
        rest = behind.get(length..)?;
    }
    None
}

/// Sends a flood; gives the code that ended it, and whether the connection was closed.
fn flood(world: &World, frames: &[u8]) -> anyhow::Result<(Option<u32>, bool)> {
    let mut wire = Wire::plain_from(ATTACKER, &world.server.ready.http)?;
    wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
    wire.send_bytes(&frame(SETTINGS, 0, 0, &[]))?;
    let mut answer = Vec::new();
    for piece in frames.chunks(16 * 1_024) {
        // Once it is refused, the rest is not taken any more.
        if wire.send_bytes(piece).is_err() {
            break;
        }
    }
    let deadline = now() + SOON;
    loop {
        let (bytes, is_closed) = wire.take();
        let is_quiet = bytes.is_empty();
        answer.extend(bytes);
        let code = goaway(&answer);
        if is_closed || code.is_some() || (is_quiet && !answer.is_empty() && now() + SOON / 2 > deadline) {
            return Ok((code, is_closed));
        }
        ensure!(now() < deadline, "no end after {} bytes", answer.len());
    }
}

fn is_ended(world: &World, what: &str, frames: &[u8]) -> anyhow::Result<()> {
    let (began, mut floods) = (now(), 0);
    while floods == 0 || began.elapsed() < FLOODED {
        let (code, is_closed) = flood(world, frames)?;
        floods += 1;
        match code {
            Some(code) => ensure!(CODES.contains(&code), "{what} was ended with {code}"),
            None => ensure!(is_closed, "{what} was not ended"),
        }
    }
    println!("http_05: {what}: {floods} floods, each ended");
    Ok(())
}

#[test]
fn http_05_a_rapid_reset_is_ended() -> anyhow::Result<()> {
    let world = World::new()?;
    let reset = |stream| {
        [frame(HEADERS, END_STREAM | END_HEADERS, stream, &request()), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])]
            .concat()
    };
    let frames: Vec<u8> = streams(10_000).flat_map(reset).collect();
    beside("http_05 rapid reset", &world, 1, || is_ended(&world, "rapid reset", &frames))
}

#[test]
fn http_05_resets_that_the_server_is_made_to_send_are_ended() -> anyhow::Result<()> {
    let world = World::new()?;
    // The window of a stream that grows beyond 2^31 - 1 is an error of that stream.
    let provoke = |stream| {
        [frame(HEADERS, END_HEADERS, stream, &request()), frame(WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff])]
            .concat()
    };
    let frames: Vec<u8> = streams(10_000).flat_map(provoke).collect();
    beside("http_05 provoked resets", &world, 1, || is_ended(&world, "provoked resets", &frames))
}

#[test]
fn http_05_a_head_that_never_ends_is_ended() -> anyhow::Result<()> {
    let world = World::new()?;
    let begin = frame(HEADERS, END_STREAM, 1, &request());
    let field = [[0x00, 1, b'a', 100].as_slice(), &[b'x'; 100]].concat();
    let more: Vec<u8> = (0..50_000).flat_map(|_| frame(CONTINUATION, 0, 1, &field)).collect();
    beside("http_05 continuation", &world, 1, || is_ended(&world, "continuation", &[begin, more].concat()))
}

#[test]
fn http_05_settings_and_pings_without_end_cost_nobody_anything() -> anyhow::Result<()> {
    let world = World::new()?;
    let settings: Vec<u8> = (0..CHEAP).flat_map(|_| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff])).collect();
    let pings: Vec<u8> = (0..CHEAP).flat_map(|_| frame(PING, 0, 0, &[0; 8])).collect();
    beside("http_05 settings, pings", &world, 2, || {
        for (what, frames) in [("settings", settings), ("pings", pings)] {
            let before = processor_ms(world.server.id())?;
            let (code, is_closed) = flood(&world, &frames)?;
            let each = (processor_ms(world.server.id())? - before) * 1_000 / u64::from(CHEAP);
            println!("http_05: {what}: GOAWAY {code:?}, closed {is_closed}, {each} µs of a processor for each");
            // None of them begins anything: they are ended, or answered at a cost below that of sending them.
            ensure!(code.is_none_or(|code| CODES.contains(&code)), "ended with {code:?}");
            ensure!(each <= CHEAP_MICROSECONDS_MAX, "{what}: {each} µs of a processor for each frame");
            ensure!(world.api.get("/v1/devices")?.status == 200, "another is served");
        }
        Ok(())
    })
}
