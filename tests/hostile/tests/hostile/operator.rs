//! OPS-…: the operator's socket in the data directory, which needs no key.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_test_support::process::{longwire, printed};

use crate::beside::beside;
use crate::world::World;

/// The socket's name in the data directory.
const SOCKET: &str = "control.sock";
/// A user of every system who owns nothing.
const NOBODY: u32 = 65_534;

#[test]
fn ops_01_only_its_owner_may_open_the_socket() -> anyhow::Result<()> {
    let world = World::new()?;
    let data = world.server.data();
    let mode = |path: &std::path::Path| Ok::<_, std::io::Error>(std::fs::metadata(path)?.permissions().mode() & 0o777);
    ensure!(mode(&data.join(SOCKET))? == 0o600, "the socket is open to others");
    ensure!(mode(data)? == 0o700, "the data directory is open to others");
    beside("ops_01", &world, 1, || {
        let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self")?) == 0;
        if !is_root {
            println!("ops_01: skipped: only root can be another user");
            return Ok(());
        }
        // Opened to all on purpose, as an operator's mistake would: the server looks who it is all the same.
        for (path, mode) in
            [(world.place.path().to_owned(), 0o755), (data.to_owned(), 0o755), (data.join(SOCKET), 0o666)]
        {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()]);
        command.args(["curl", "-sS", "--max-time", "10", "http://localhost/v1/keys", "--unix-socket"]);
        let output = command.arg(data.join(SOCKET)).current_dir("/").output().context("failed to be somebody else")?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(!output.status.success() && told.is_empty(), "another user was answered {told}");
        world.server.logged("who tried", |line| line.contains("another user of this host"))?;
        Ok(())
    })
}

#[test]
fn ops_02_garbage_and_idle_connections_leave_the_operator_his_commands() -> anyhow::Result<()> {
    let world = World::new()?;
    let path = world.server.data().join(SOCKET);
    beside("ops_02", &world, 300, || {
        let mut held = Vec::new();
        for number in 0..300 {
            let mut stream = UnixStream::connect(&path)?;
            let said: &[u8] = match number % 4 {
                0 => b"",
                1 => b"\0\xff\x16\x03\x01",
                2 => b"GET /v1/keys HTTP/1.1\r\nhost: x\r\nx: ",
                _ => b"POST /v1/accounts HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999\r\n\r\n{",
            };
            stream.write_all(said)?;
            held.push(stream);
        }
        let key = printed(&longwire(world.server.data(), &["key", "create", "--scope", "read"])?)?;
        ensure!(world.server.client(Some(&key)).get("/v1/devices")?.status == 200, "the key is good");
        for mut stream in held {
            stream.set_read_timeout(Some(Duration::from_secs(40)))?;
            let mut rest = Vec::new();
            if let Err(error) = stream.read_to_end(&mut rest) {
                ensure!(error.kind() == std::io::ErrorKind::ConnectionReset, "a connection stays open: {error}");
            }
        }
        Ok(())
    })
}

#[test]
fn ops_03_nobody_becomes_the_operator_over_tcp() -> anyhow::Result<()> {
    let world = World::new()?;
    let anybody = world.server.client(None);
    beside("ops_03", &world, 10, || {
        for header in [
            ("x-operator", "1"),
            ("x-forwarded-for", "unix:"),
            ("forwarded", "for=unix"),
            ("x-real-ip", "0"),
            ("authorization", "Bearer operator"),
            ("authorization", "Basic b3BlcmF0b3I6"),
            ("host", "control.sock"),
        ] {
            let answer = anybody.send("GET", "/v1/accounts", &[header], b"")?;
            ensure!(matches!(answer.status, 400 | 401), "{header:?} was answered {}", answer.status);
        }
        Ok(())
    })
}
