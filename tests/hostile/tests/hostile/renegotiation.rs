//! TLS-02: fifty connections that ask for another handshake inside TLS 1.2, by a client that can.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::Context;
use longwire_test_support::SOON;
use longwire_test_support::process::ended;

use crate::beside::beside;
use crate::figures::processor_ms;
use crate::world::World;

const CONNECTIONS: u64 = 50;

/// Asks once; gives what the client says of it.
fn renegotiate(address: &str) -> anyhow::Result<String> {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", address, "-tls1_2"]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("failed to start openssl")?;
    // A line with an R asks for another handshake; the input stays open until the client has heard the answer.
    let mut input = child.stdin.take().context("a standard input")?;
    input.write_all(b"R\n")?;
    input.flush()?;
    let status = ended(&mut child, SOON)?;
    drop(input);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().context("a standard error")?, &mut said)?;
    anyhow::ensure!(!status.success(), "another handshake was granted: {said}");
    Ok(said)
}

#[test]
fn tls_02_another_handshake_is_refused() -> anyhow::Result<()> {
    let world = World::new()?;
    let before = processor_ms(world.server.id())?;
    beside("tls_02", &world, CONNECTIONS, || {
        for _ in 0..CONNECTIONS {
            let said = renegotiate(&world.server.ready.c2s_tls)?;
            assert!(said.contains("no renegotiation"), "{said}");
        }
        Ok(())
    })?;
    let used = processor_ms(world.server.id())? - before;
    println!("tls_02: {used} ms of a processor for {CONNECTIONS} connections and the honest session");
    assert!(used < 5_000, "{used} ms");
    Ok(())
}
