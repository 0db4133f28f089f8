//! Locked stores, directories and ports that are taken, and ends in the middle of work.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_test_support::process::{kill, longwire};
use longwire_test_support::{PhoneOptions, SOON, Server, ServerOptions, folder, until};
use serde_json::json;

use crate::raw::Raw;
use crate::world::{World, assert_problem, id_of};

/// A python process that runs a few lines of sqlite3 on the server's database and waits for its input to end.
fn python(database: &Path, statements: &str) -> anyhow::Result<Child> {
    let script = format!(
        "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)\n{statements}\n\
         print('done', flush=True)\nsys.stdin.read()\n"
    );
    let mut command = Command::new("python3");
    command.arg("-c").arg(script).arg(database).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().context("failed to start python3")?;
    let mut line = String::new();
    let stdout = child.stdout.take().context("python3 has a standard output")?;
    BufReader::new(stdout).read_line(&mut line)?;
    ensure!(line.trim() == "done", "python3 could not change the database");
    Ok(child)
}

/// A process that lets nobody else write to the database while it lives.
pub(crate) fn locked(database: &Path) -> anyhow::Result<Child> {
    python(database, "c.execute('BEGIN EXCLUSIVE')")
}

#[test]
fn a_locked_store_is_503_with_retry_after_and_nothing_is_lost() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let before = id_of(&world.notify("all", "before")?);
    phone.shown(&before)?;
    let mut locker = locked(&world.server.data().join("longwire.db"))?;
    let answer = world.api.notify_once("locked", &json!({ "to": "all", "title": "locked" }));
    kill(&mut locker);
    let answer = answer?;
    assert_problem(&answer, 503, "unavailable");
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{:?}", answer.headers);
    // The same request again, once the lock is gone: accepted once, shown once.
    let again = until("the lock to be noticed as gone", SOON, || {
        let answer = world.api.notify_once("locked", &json!({ "to": "all", "title": "locked" })).ok()?;
        (answer.status != 503).then_some(answer)
    })?;
    assert_eq!(again.status, 202, "{}", again.text());
    phone.shown(&again.field("id"))?;
    assert_eq!(phone.all_shown(), [before, again.field("id")]);
    Ok(())
}

#[test]
fn a_second_server_on_the_directory_is_refused_and_told_by_which_process() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let (status, said) = ServerOptions::new(world.server.data()).refusal()?;
    assert!(!status.success());
    assert!(said.contains(&format!("process {}", world.server.id())), "{said}");
    world.still_serves(&phone)
}

#[test]
fn a_port_that_is_taken_is_named() -> anyhow::Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let place = folder();
    let data = place.path().join("server");
    for options in [ServerOptions::new(&data).with_http(&address), ServerOptions::new(&data).with_c2s(&address)] {
        let (status, said) = options.refusal()?;
        assert!(!status.success());
        assert!(said.contains(&address), "{said}");
    }
    // The directory is as good as before, and the API key is still to be shown.
    let server = Server::start(&data)?;
    assert!(server.is_key_shown(), "the refused starts used up the key that is shown once");
    Ok(())
}

#[test]
fn a_directory_of_a_newer_version_is_refused_and_left_alone() -> anyhow::Result<()> {
    let place = folder();
    let data = place.path().join("server");
    let mut server = Server::start(&data)?;
    server.terminate(SOON)?;
    let newer = "c.execute(\"INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'newer', 1, x'00', 0)\")\nc.execute('PRAGMA wal_checkpoint(TRUNCATE)')";
    let database = data.join("longwire.db");
    kill(&mut python(&database, newer)?);
    let before = std::fs::read(&database)?;
    let (status, said) = ServerOptions::new(&data).refusal()?;
    assert!(!status.success());
    assert!(said.contains("newer") && said.contains("9999"), "{said}");
    assert!(std::fs::read(&database)? == before, "the database of a newer version was written to");
    let command = longwire(&data, &["device", "list"])?;
    assert!(!command.status.success());
    assert!(String::from_utf8_lossy(&command.stderr).contains("newer"));
    Ok(())
}

#[test]
fn sigterm_drains_with_a_spread_retry_and_keeps_accepted_work() -> anyhow::Result<()> {
    let place = folder();
    let mut server = ServerOptions::new(&place.path().join("server")).for_crowds().start()?;
    let api = server.admin()?;
    let mut phone = PhoneOptions::new(&server, &place.path().join("phone")).start()?;
    phone.online()?;
    let mut others = Vec::new();
    for number in 0..16 {
        others.push(Raw::register(&server, &format!("other{number}"), "secret-word")?.bound("a")?);
    }
    phone.kill();
    let waiting = api.post("/v1/notifications", &json!({ "to": "all", "title": "waits" }))?;
    assert_eq!(waiting.status, 202);
    server.ask_to_end()?;
    let mut pauses = Vec::new();
    for other in &mut others {
        let end = other.wire.expect_close(SOON)?;
        assert!(end.contains("<system-shutdown"), "{end}");
        let retry = end.split("<retry").nth(1).and_then(|rest| rest.split("after=").nth(1)).context("no <retry/>")?;
        let digits: String = retry.chars().skip(1).take_while(char::is_ascii_digit).collect();
        pauses.push(digits.parse::<u32>().context("the pause is a number")?);
    }
    let status = server.ended(Duration::from_secs(10))?;
    assert!(status.success(), "{status}");
    pauses.sort_unstable();
    pauses.dedup();
    assert!(pauses.len() > 1, "everybody is asked to come back at the same time: {pauses:?}");
    server.start_again()?;
    phone.start_again()?;
    phone.shown(&waiting.field("id"))?;
    Ok(())
}

#[test]
fn a_copy_of_the_data_put_back_loses_and_repeats_nothing() -> anyhow::Result<()> {
    let mut world = World::new()?;
    let phone = world.phone("phone")?;
    let first = id_of(&world.notify("all", "first")?);
    phone.shown(&first)?;
    world.delivered(&first, &phone.id()?)?;
    world.server.kill();
    let copy = world.place.path().join("copy");
    let data = world.server.data().to_owned();
    ensure!(Command::new("cp").arg("-a").arg(&data).arg(&copy).status()?.success(), "the copy failed");
    world.server.start_again()?;
    let second = id_of(&world.notify("all", "second")?);
    phone.shown(&second)?;
    world.server.kill();
    // The operator puts the old copy back: `second` is forgotten by the server, and numbers run a second time.
    std::fs::remove_dir_all(&data)?;
    std::fs::rename(&copy, &data)?;
    world.server.start_again()?;
    let third = id_of(&world.notify("all", "third")?);
    phone.shown(&third)?;
    assert_eq!(phone.all_shown(), [first, second, third]);
    Ok(())
}
