//! The table of an original server, in each form, imported twice: its phones log in with what they have, and get what waited.

use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, ensure};
use longwire_test_support::process::longwire;
use longwire_test_support::{SOON, Server};
use serde_json::{Value, json};

use crate::phone::Phone;
use crate::world::World;

const NAME: &str = "82e4c4dffc394761b1af1230803969ed";
const PASSWORD: &str = "d9fdfe931f104e61887656a49ca9b0e4";
const CSV: &str = "id,created_date,email,name,password,updated_date,username\n\
                   1,2012-04-13 16:28:36,,,d9fdfe931f104e61887656a49ca9b0e4,,82e4c4dffc394761b1af1230803969ed\n\
                   2,,,,,,nobody\n3,,,,\"a \"\"b\"\"\",,bob\n";

/// The tables that the parsers are tested with.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../server/daemon/tests/androidpn").join(name)
}

fn import(data: &Path, file: &Path, more: &[&str]) -> anyhow::Result<Output> {
    let file = file.to_str().context("a path")?;
    let mut arguments = vec!["import-androidpn", file];
    arguments.extend(more);
    longwire(data, &arguments)
}

fn report(data: &Path, file: &Path, more: &[&str]) -> anyhow::Result<Value> {
    let mut arguments = vec!["--json"];
    arguments.extend(more);
    let output = import(data, file, &arguments)?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{said}");
    ensure!(!said.contains(PASSWORD), "a report shows a password: {said}");
    serde_json::from_slice(&output.stdout).context("a report in JSON")
}

/// How many were added, were there, differ, and were refused.
fn counts(report: &Value) -> [u64; 4] {
    let listed = |name: &str| report[name].as_array().map_or(0, |list| list.len() as u64);
    [
        report["added"].as_u64().unwrap_or(99),
        report["unchanged"].as_u64().unwrap_or(99),
        listed("differs"),
        listed("refused"),
    ]
}

fn is_imported_twice(file: &Path, added: u64, refused: u64) -> anyhow::Result<()> {
    let world = World::new()?;
    let data = world.server.data();
    for dry in [vec![], vec!["--dry-run"]] {
        let told = report(data, file, &dry)?;
        assert_eq!((counts(&told), &told["dry_run"]), ([added, 0, 0, refused], &json!(true)), "{told}");
    }
    assert_eq!(world.get("/user_api.do")?.text(), r#"{"data":[]}"#, "a dry run changes nothing");
    assert_eq!(counts(&report(data, file, &["--apply"])?), [added, 0, 0, refused]);
    assert_eq!(counts(&report(data, file, &["--apply"])?), [0, added, 0, refused]);
    let sent =
        world.post("/notification.do", &format!("action=send&broadcast=N&username={NAME}&title=t&message=m&uri="))?;
    let id = world.sent(&sent, 1)?;
    let mut phone = Phone::logged_in(&world.server, NAME, PASSWORD)?;
    assert_eq!(phone.push()?["id"], id, "what was sent before the phone came to this server");
    Ok(())
}

#[test]
fn a_dump_of_mysql_is_imported() -> anyhow::Result<()> {
    is_imported_twice(&fixture("apn_user.sql"), 3, 0)
}

#[test]
fn a_script_of_hsqldb_is_imported() -> anyhow::Result<()> {
    is_imported_twice(&fixture("androidpn.script"), 2, 1)
}

#[test]
fn csv_is_imported() -> anyhow::Result<()> {
    let place = longwire_test_support::folder();
    let file = place.path().join("users.csv");
    std::fs::write(&file, CSV)?;
    is_imported_twice(&file, 2, 1)
}

#[test]
fn a_name_with_capitals_and_another_password_are_told() -> anyhow::Result<()> {
    let world = World::new()?;
    let (data, file) = (world.server.data(), world.place.path().join("users.csv"));
    std::fs::write(&file, "username,password\nBob,one\n\"a b\",two\n")?;
    let told = report(data, &file, &["--apply"])?;
    assert_eq!(counts(&told), [1, 0, 0, 1]);
    assert_eq!(told["refused"][0]["line"], json!(3));
    drop(Phone::logged_in(&world.server, "bob", "one")?);
    std::fs::write(&file, "username,password\nbob,three\n")?;
    assert_eq!(counts(&report(data, &file, &["--apply"])?), [0, 0, 1, 0]);
    drop(Phone::logged_in(&world.server, "bob", "one").context("the password stays")?);
    let text = import(data, &file, &[])?;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(
        text.contains("another password: line 2, bob") && text.contains("--apply") && !text.contains("three"),
        "{text}"
    );
    Ok(())
}

#[test]
fn an_import_needs_no_server_and_a_server_needs_the_flag() -> anyhow::Result<()> {
    let place = longwire_test_support::folder();
    let data = place.path().join("server");
    let file = fixture("apn_user.sql");
    let mut server = Server::start(&data)?;
    let refused = import(&data, &file, &["--apply"])?;
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("--androidpn"));
    assert!(server.terminate(SOON)?.success());
    assert_eq!(counts(&report(&data, &file, &["--apply"])?), [3, 0, 0, 0]);
    assert_eq!(counts(&report(&data, &file, &[])?), [0, 3, 0, 0]);
    let options = longwire_test_support::ServerOptions::new(&data).with(&["--androidpn", "--plaintext"]);
    let server = options.start()?;
    drop(Phone::logged_in(&server, NAME, PASSWORD)?);
    Ok(())
}

#[test]
fn a_file_that_is_cut_off_is_refused_whole() -> anyhow::Result<()> {
    let world = World::new()?;
    let file = world.place.path().join("apn_user.sql");
    let whole = std::fs::read_to_string(fixture("apn_user.sql"))?;
    let end = whole.find("'bob'").context("a row")?;
    std::fs::write(&file, &whole[..end])?;
    let refused = import(world.server.data(), &file, &["--apply"])?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("line 32") && !said.contains(PASSWORD), "{said}");
    assert_eq!(world.get("/user_api.do")?.text(), r#"{"data":[]}"#);
    Ok(())
}

#[test]
fn nobody_but_the_operator_imports() -> anyhow::Result<()> {
    let world = World::new()?;
    for path in ["/operator/androidpn-accounts", "/operator/androidpn-accounts/dry-run"] {
        assert_eq!(world.api.post(path, &json!({ "accounts": [] }))?.status, 404, "{path}");
    }
    Ok(())
}
