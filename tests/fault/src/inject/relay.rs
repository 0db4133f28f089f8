//! A slow road in user space, since the kernel of a build machine may have no netem: every byte comes so much later, in order, and no
//! more of them per second than said.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use longwire_test_support::wait::{now, pause};

/// Pieces on their way in one direction; a full road makes the sender wait.
const PIECES_MAX: usize = 1_024;

/// How slow a road is.
#[derive(Clone, Copy, Debug)]
pub struct Slowness {
    /// One way.
    pub latency: Duration,
    /// The latency varies by up to this, without reordering.
    pub jitter: Duration,
    /// Bytes a second in each direction; zero for as many as there are.
    pub bytes_per_second: u64,
}

/// A proxy on a port of its own; it ends with the process.
///
/// # Errors
/// No port is free.
pub fn relay(server: &str, slowness: Slowness) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("failed to listen")?;
    let address = listener.local_addr()?.to_string();
    let server = server.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Where the server is not there, neither is the road.
            if let Ok(upstream) = TcpStream::connect(&server) {
                drop(carry(client, upstream, slowness));
            }
        }
    });
    Ok(address)
}

fn carry(client: TcpStream, upstream: TcpStream, slowness: Slowness) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    for (from, to) in [(client.try_clone()?, upstream.try_clone()?), (upstream, client)] {
        let (sender, pieces) = sync_channel(PIECES_MAX);
        std::thread::spawn(move || take(from, &sender, slowness));
        std::thread::spawn(move || give(to, &pieces));
    }
    Ok(())
}

/// Reads, and says of each piece when it is due.
fn take(mut from: TcpStream, sender: &SyncSender<(Instant, Vec<u8>)>, slowness: Slowness) {
    let mut buffer = [0; 1_400];
    let mut free = now();
    let mut turn = 0_u32;
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let piece = buffer.get(..length).unwrap_or_default().to_vec();
        if let Some(nanos) = (length as u64 * 1_000_000_000).checked_div(slowness.bytes_per_second) {
            free = free.max(now()) + Duration::from_nanos(nanos);
        }
        turn = turn.wrapping_add(7);
        let due = free.max(now()) + slowness.latency + slowness.jitter * (turn % 10) / 10;
        if sender.send((due, piece)).is_err() {
            return;
        }
    }
}

fn give(mut to: TcpStream, pieces: &Receiver<(Instant, Vec<u8>)>) {
    while let Ok((due, piece)) = pieces.recv() {
        pause(due.saturating_duration_since(now()));
        if to.write_all(&piece).is_err() {
            return;
        }
    }
    // The other end may have gone.
    drop(to.shutdown(Shutdown::Write));
}
