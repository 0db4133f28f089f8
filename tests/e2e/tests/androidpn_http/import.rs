//! The table of an original server, in each form, imported twice: its phones log in with what they have, and get what waited.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, ensure};
use longwire_test_support::process::{binary, longwire, printed};
use longwire_test_support::{SOON, Server};
use serde_json::{Value, json};

use crate::phone::Phone;
use crate::world::World;

const NAME: &str = "82e4c4dffc394761b1af1230803969ed";
const PASSWORD: &str = "d9fdfe931f104e61887656a49ca9b0e4";
const CSV: &str = "id,created_date,email,name,password,updated_date,username\n\
                   1,2012-04-13 16:28:36,,,d9fdfe931f104e61887656a49ca9b0e4,,82e4c4dffc394761b1af1230803969ed\n\
                   2,,,,,,nobody\n3,,,,\"a \"\"b\"\"\",,bob\n";

/// The exit status when some rows were not taken over.
const INCOMPLETE: i32 = 3;

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
    ensure!(output.status.success() || output.status.code() == Some(INCOMPLETE), "{said}");
    ensure!(!said.contains(PASSWORD), "a report shows a password: {said}");
    let told: Value = serde_json::from_slice(&output.stdout).context("a report in JSON")?;
    let [_, _, differs, refused] = counts(&told);
    let expected = if differs + refused == 0 { 0 } else { INCOMPLETE };
    ensure!(output.status.code() == Some(expected), "{:?} for {told}", output.status);
    Ok(told)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
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
        text.contains("another password: line 2, row 1, bob") && text.contains("--apply") && !text.contains("three"),
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
    assert!(!refused.status.success() && said.contains("cut off") && !said.contains(PASSWORD), "{said}");
    assert_eq!(world.get("/user_api.do")?.text(), r#"{"data":[]}"#);
    Ok(())
}

#[test]
fn the_guides_order_works_on_a_new_host() -> anyhow::Result<()> {
    let place = longwire_test_support::folder();
    let (data, file) = (place.path().join("var").join("server"), fixture("apn_user.sql"));
    assert_eq!(counts(&report(&data, &file, &[])?), [3, 0, 0, 0]);
    assert!(!place.path().join("var").exists(), "a dry run leaves nothing behind");
    assert_eq!(counts(&report(&data, &file, &["--apply"])?), [3, 0, 0, 0]);
    assert_eq!(std::fs::metadata(&data)?.permissions().mode() & 0o777, 0o700);
    let options = longwire_test_support::ServerOptions::new(&data).with(&["--androidpn", "--plaintext"]);
    let server = options.start()?;
    assert!(server.api_key.is_some(), "the first start of the server is still its first");
    drop(Phone::logged_in(&server, NAME, PASSWORD)?);
    Ok(())
}

#[test]
fn a_dry_run_leaves_a_store_without_such_accounts_as_it_is() -> anyhow::Result<()> {
    let place = longwire_test_support::folder();
    let data = place.path().join("server");
    let mut server = Server::start(&data)?;
    assert!(server.terminate(SOON)?.success());
    assert_eq!(counts(&report(&data, &fixture("apn_user.sql"), &[])?), [3, 0, 0, 0]);
    assert!(!data.join("androidpn.key").exists(), "a key is made by --apply alone");
    Ok(())
}

#[test]
fn a_file_without_accounts_is_an_error_that_says_what_is_in_it() -> anyhow::Result<()> {
    let place = longwire_test_support::folder();
    let (data, file) = (place.path().join("server"), place.path().join("table"));
    for (text, parts) in [
        (
            "CREATE TABLE `user` (`username` int, `password` int);\nINSERT INTO `user` VALUES (1,2);\nINSERT INTO a VALUES (1);",
            ["no table apn_user", "a, user", "--table user"].as_slice(),
        ),
        ("CREATE TABLE `apn_user` (`username` int, `password` int);", &["structure"]),
        ("CREATE SCHEMA PUBLIC AUTHORIZATION DBA\nCREATE CACHED TABLE APN_USER(ID BIGINT)\n", &["CACHED", "SCRIPT"]),
        ("username,password\n", &["no row"]),
        ("", &["is empty"]),
    ] {
        std::fs::write(&file, text)?;
        for more in [["--dry-run"].as_slice(), &["--apply"], &["--apply", "--json"]] {
            let output = import(&data, &file, more)?;
            let told = said(&output);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{told}");
            assert!(parts.iter().all(|part| told.contains(part)), "{told}");
        }
    }
    assert!(!data.exists(), "what imports nothing makes nothing");
    std::fs::write(&file, "INSERT INTO `user` (username,password) VALUES ('a','b');")?;
    assert_eq!(counts(&report(&data, &file, &["--table", "user"])?), [1, 0, 0, 0]);
    Ok(())
}

#[test]
fn what_is_no_text_is_named_with_what_to_do() -> anyhow::Result<()> {
    let place = longwire_test_support::folder();
    let file = place.path().join("apn_user.sql.gz");
    std::fs::write(&file, b"\x1f\x8b\x08\x00\xff\xff")?;
    let refused = import(&place.path().join("server"), &file, &[])?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("gzip") && said(&refused).contains("zcat"), "{}", said(&refused));
    Ok(())
}

#[test]
fn a_script_and_its_log_are_one_import_and_a_script_alone_is_warned_of() -> anyhow::Result<()> {
    let place = longwire_test_support::folder();
    let (data, script) = (place.path().join("server"), place.path().join("androidpn.script"));
    let log = script.with_extension("log");
    std::fs::copy(fixture("androidpn.script"), &script)?;
    std::fs::write(
        &log,
        "/*C2*/INSERT INTO APN_USER VALUES(4,NULL,NULL,NULL,'p4',NULL,'dan')\nDELETE FROM APN_USER WHERE ID=3\n",
    )?;
    let alone = import(&data, &script, &[])?;
    assert!(said(&alone).contains("warning: ") && said(&alone).contains("androidpn.log"), "{}", said(&alone));
    let log_path = log.to_str().context("a path")?;
    let both = import(&data, &script, &[log_path])?;
    let told = said(&both);
    assert!(told.contains("warning: ") && told.contains("1 statement changes") && told.contains("(line 2)"), "{told}");
    let told = report(&data, &script, &[log_path, "--apply"])?;
    assert_eq!(counts(&told), [3, 0, 0, 1]);
    assert!(told["refused"][0]["file"].as_str().is_some_and(|file| file.ends_with(".script")), "{told}");
    Ok(())
}

#[test]
fn standard_input_is_a_file_and_old_rows_can_be_left_out() -> anyhow::Result<()> {
    let place = longwire_test_support::folder();
    let arguments = ["import-androidpn", "-", "--json", "--created-since", "2013-01-01", "--data-dir"];
    let mut command = Command::new(binary("longwire")?);
    command.args(arguments).arg(place.path().join("server"));
    let output = command.stdin(std::fs::File::open(fixture("apn_user.sql"))?).output()?;
    let told: Value = serde_json::from_slice(&output.stdout).context(said(&output))?;
    assert_eq!((counts(&told), &told["older"]), ([2, 0, 0, 0], &json!(1)), "{told}");
    Ok(())
}

#[test]
fn another_users_data_directory_is_said_to_be_one() -> anyhow::Result<()> {
    let place = longwire_test_support::folder();
    let data = place.path().join("server");
    std::fs::create_dir(&data)?;
    std::fs::write(data.join("longwire.db"), "")?;
    // A copy in a place that every user can reach, and a directory that nobody but root can look into.
    let (program, file) = (place.path().join("longwire"), place.path().join("users.csv"));
    std::fs::copy(binary("longwire")?, &program)?;
    std::fs::write(&file, "username,password\na,b\n")?;
    std::fs::set_permissions(place.path(), Permissions::from_mode(0o755))?;
    std::fs::set_permissions(&data, Permissions::from_mode(0o000))?;
    let mut command = Command::new(&program);
    command.arg("import-androidpn").arg(&file).arg("--data-dir").arg(&data).current_dir(place.path());
    if std::fs::metadata(&data)?.uid() == 0 {
        command.uid(65_534);
    }
    let output = command.output()?;
    std::fs::set_permissions(&data, Permissions::from_mode(0o700))?;
    let told = said(&output);
    assert!(output.status.code() == Some(1) && told.contains("may not use the data directory"), "{told}");
    Ok(())
}

#[test]
fn imported_accounts_are_listed_with_their_kind_found_when_nobody_came_and_removed() -> anyhow::Result<()> {
    let world = World::new()?;
    let data = world.server.data();
    report(data, &fixture("apn_user.sql"), &["--apply"])?;
    drop(Phone::logged_in(&world.server, NAME, PASSWORD)?);
    printed(&longwire(data, &["account", "add", "zoe"])?)?;
    let list = printed(&longwire(data, &["account", "list"])?)?;
    let kinds: Vec<&str> = list.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(kinds, ["androidpn", "androidpn", "androidpn", "xmpp"], "{list}");
    let strangers = || -> anyhow::Result<Vec<String>> {
        let list = printed(&longwire(data, &["account", "list", "--never-came", "--json"])?)?;
        let items: Vec<Value> = serde_json::from_str(&list)?;
        Ok(items.iter().filter_map(|item| item["name"].as_str().map(str::to_owned)).collect())
    };
    assert_eq!(strangers()?, ["bob", "carol", "zoe"]);
    printed(&longwire(data, &["account", "remove", "bob", "carol"])?)?;
    assert_eq!(strangers()?, ["zoe"]);
    let refused = longwire(data, &["account", "remove", "bob", "zoe"])?;
    assert!(!refused.status.success() && said(&refused).contains("bob could not be removed"), "{}", said(&refused));
    assert!(strangers()?.is_empty(), "the other is removed all the same");
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
