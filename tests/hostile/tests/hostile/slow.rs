//! SLOW-…: connections by the thousand that say nothing, or half of something.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_test_support::wait::now;
use longwire_test_support::wire::connect_from;
use longwire_test_support::{SOON, until};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::beside::beside;
use crate::figures::{memory_kib, open_files};
use crate::hello::Hello;
use crate::session::Session;
use crate::world::World;

const VISITOR: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 3, 3, 3));
/// Below the cap of one address, which is 256.
const OF_ONE_ADDRESS: usize = 250;
/// What one of them may cost.
const SOCKET_BYTES_MAX: u64 = 8 * 1_024;
/// How long a connection that says nothing is borne (10 s), with room for a busy machine.
const CLOSED_AFTER_MAX: Duration = Duration::from_secs(40);

/// Each connection is a file of this process, too.
fn raise_limit_of_files() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}

/// That many connections from as many addresses of a network as they need, which have said `first`.
fn many(network: u8, address: &str, count: usize, first: &[u8]) -> anyhow::Result<Vec<TcpStream>> {
    let mut sockets = Vec::with_capacity(count);
    for number in 0..count {
        let of_address = u8::try_from(number / OF_ONE_ADDRESS).context("an address")?;
        let mut socket = connect_from(IpAddr::V4(Ipv4Addr::new(127, network, of_address, 1)), address)?;
        socket.write_all(first)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

/// Reads each connection to its end, which must come.
fn closed(sockets: Vec<TcpStream>) -> anyhow::Result<()> {
    let deadline = now() + CLOSED_AFTER_MAX;
    for mut socket in sockets {
        let left = deadline.saturating_duration_since(now()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left))?;
        let mut rest = Vec::new();
        // A reset is an end as well.
        if let Err(error) = socket.read_to_end(&mut rest) {
            ensure!(error.kind() == std::io::ErrorKind::ConnectionReset, "a connection stays open: {error}");
        }
    }
    Ok(())
}

#[test]
fn slow_03_five_thousand_silent_sockets_are_closed_and_cost_little() -> anyhow::Result<()> {
    raise_limit_of_files()?;
    const SOCKETS: usize = 5_000;
    let world = World::new()?;
    let server = world.server.id();
    beside("slow_03", &world, SOCKETS.try_into()?, || {
        let before = memory_kib(server, "VmRSS")?;
        let began = now();
        let sockets = many(20, &world.server.ready.c2s, SOCKETS, b"")?;
        until("all of them to be accepted", SOON, || {
            let accepted = usize::try_from(world.metric("longwire_connections").ok()??).ok()?;
            (accepted >= SOCKETS).then_some(())
        })?;
        let each = (memory_kib(server, "VmRSS")?.saturating_sub(before)) * 1_024 / u64::try_from(SOCKETS)?;
        drop(Session::registered(world.ready(), VISITOR, "visitor", "the password of visitor")?);
        closed(sockets)?;
        println!("slow_03: {each} bytes of memory for each socket; all closed {:?} after the first", began.elapsed());
        ensure!(each <= SOCKET_BYTES_MAX, "{each} bytes for each socket");
        Ok(())
    })
}

#[test]
fn slow_04_two_thousand_half_handshakes_are_closed() -> anyhow::Result<()> {
    raise_limit_of_files()?;
    const SOCKETS: usize = 2_000;
    let world = World::new()?;
    beside("slow_04", &world, SOCKETS.try_into()?, || {
        let hello = Hello::good().record();
        let half = hello.get(..hello.len() / 2).context("half of it")?;
        let mut sockets = many(20, &world.server.ready.c2s_tls, SOCKETS / 2, half)?;
        // The others are answered, and never go on.
        sockets.extend(many(21, &world.server.ready.c2s_tls, SOCKETS / 2, &hello)?);
        drop(Session::registered(world.ready(), VISITOR, "visitor", "the password of visitor")?);
        closed(sockets)
    })
}

#[test]
fn slow_07_an_address_that_takes_all_its_places_locks_out_no_other() -> anyhow::Result<()> {
    let world = World::new()?;
    beside("slow_07", &world, 1_000, || {
        let source = IpAddr::V4(Ipv4Addr::new(127, 30, 0, 1));
        let mut sockets = Vec::new();
        for _ in 0..1_000 {
            sockets.push(connect_from(source, &world.server.ready.c2s)?);
        }
        // Another one of that address is told to come back, or dropped.
        let refused = Session::registered(world.ready(), source, "late", "the password of late").err();
        ensure!(refused.is_some(), "an address had more places than there are");
        drop(Session::registered(world.ready(), VISITOR, "visitor", "the password of visitor")?);
        drop(sockets);
        until("room for the address again", SOON, || {
            Session::registered(world.ready(), source, "late", "the password of late").ok()
        })?;
        Ok(())
    })
}

#[test]
fn slow_08_connections_that_come_and_go_leave_no_file_open() -> anyhow::Result<()> {
    let world = World::new()?;
    let server = world.server.id();
    let mut before = 0;
    beside("slow_08", &world, 4_000, || {
        before = open_files(server)?;
        for number in 0..4_000_u32 {
            let ready = &world.server.ready;
            let [address, first] = match number % 4 {
                0 => [ready.c2s.as_str(), ""],
                1 => [ready.c2s_tls.as_str(), "\u{16}\u{3}"],
                2 => [ready.http.as_str(), "GET / HT"],
                _ => [ready.c2s.as_str(), "<stream:stream xmlns='jabber:cl"],
            };
            let mut socket = connect_from(crate::world::ATTACKER, address)?;
            // It may be told to go before it has said anything.
            drop(socket.write_all(first.as_bytes()));
        }
        Ok(())
    })?;
    let allowed = before + 16;
    until("the files of the connections to be closed", SOON, || {
        open_files(server).ok().filter(|open| *open <= allowed)
    })?;
    Ok(())
}
