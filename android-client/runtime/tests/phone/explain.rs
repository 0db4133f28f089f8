//! `--explain`: beside a running process, after SIGKILL, and for what nobody knows.

use std::path::Path;
use std::process::{Command, Output};

use longwire_protocol::push::EntryContent;
use serde_json::Value;
use tempfile::TempDir;

use crate::fake::{Fake, Mode};
use crate::phone::{PATIENCE, Phone};

const A: &str = "01980f5e-6c1a-7cc3-9d0e-00000000000a";
const NEVER: &str = "01980f5e-6c1a-7cc3-9d0e-00000000000b";
const RECALLED: &str = "01980f5e-6c1a-7cc3-9d0e-00000000000c";
const UPDATED: &str = "01980f5e-6c1a-7cc3-9d0e-00000000000d";
const UPDATE: &str = "01980f5e-6c1a-7cc3-9d0e-00000000000e";
const ODD: &str = "01980f5e-6c1a-7cc3-9d0e-00000000000f";

fn ask(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longwire-device"));
    command.arg("--data-dir").arg(data).args(arguments).output().expect("the binary runs")
}

/// The one JSON object, and the exit code.
fn explain(data: &Path, id: &str) -> (Value, Option<i32>) {
    let output = ask(data, &["--explain", id, "--json"]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(text.lines().count(), 1, "{text}");
    (serde_json::from_str(&text).expect("JSON"), output.status.code())
}

fn in_words(data: &Path, id: &str) -> String {
    String::from_utf8(ask(data, &["--explain", id]).stdout).expect("UTF-8")
}

fn history(explained: &Value) -> Vec<&str> {
    let moments = explained["history"].as_array().expect("a history");
    moments.iter().map(|moment| moment["state"].as_str().expect("a state")).collect()
}

/// Asks until the answer is so.
#[expect(clippy::disallowed_methods, reason = "a test waits for a condition, and not for ever")]
fn wait_for(data: &Path, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let since = std::time::Instant::now();
    loop {
        let (explained, _) = explain(data, id);
        if is_so(&explained) {
            return explained;
        }
        assert!(since.elapsed() < PATIENCE, "{explained}");
    }
}

#[test]
fn a_life_is_told_beside_the_process_and_after_it_was_killed() {
    let (server, data) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let (ca, data) = (server.ca(), data.path());
    let arguments = ["--ca", ca.to_str().expect("UTF-8"), "--report-displayed"];
    let mut phone = Phone::start(&server, data, &arguments);
    phone.wait_for(|line| line["state"] == "online");
    let seq = server.push(A, r#"{"title":"first"}"#);
    phone.wait_for(|line| line["notification"]["id"] == A);
    phone.say(&format!("0 open {A}"));
    let opened = wait_for(data, A, |explained| {
        let reports = explained["reports"].as_array().expect("reports");
        reports.len() == 2 && reports.iter().all(|report| report["answered_at"].is_string())
    });
    assert_eq!((opened["state"].as_str(), opened["seq"].as_u64()), (Some("opened"), Some(seq)));
    assert_eq!(history(&opened), ["stored", "handed", "shown", "displayed", "opened"], "{opened}");
    phone.kill();
    let (killed, code) = explain(data, A);
    assert_eq!((killed, code), (opened, Some(0)), "the process makes no difference");
    let words = in_words(data, A);
    for part in [
        "handed over once",
        "was put on the screen",
        "was opened by the person",
        "State: opened",
        "Reported to the server: displayed at 20",
    ] {
        assert!(words.contains(part), "{part} in {words}");
    }
}

#[test]
fn recalls_updates_and_what_cannot_be_used_are_told() {
    let (server, data) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let (ca, data) = (server.ca(), data.path());
    let arguments = ["--ca", ca.to_str().expect("UTF-8")];
    let mut phone = Phone::start(&server, data, &arguments);
    phone.wait_for(|line| line["state"] == "online");
    for id in [RECALLED, UPDATED] {
        server.push(id, r#"{"title":"first"}"#);
        phone.wait_for(|line| line["notification"]["id"] == id);
    }
    phone.kill();
    server.append("recall", EntryContent::Recall { target: RECALLED.into() });
    server.append(UPDATE, EntryContent::Update { target: UPDATED.into(), json: r#"{"title":"second"}"#.into() });
    server.push(ODD, r#"{"title":[]}"#);
    let mut phone = Phone::start(&server, data, &arguments);
    phone.wait_for(|line| line["notification"]["update"] == true);
    let recalled = wait_for(data, RECALLED, |explained| history(explained).contains(&"removed"));
    assert_eq!((recalled["state"].as_str(), recalled.get("owed")), (Some("recalled"), None));
    let updated = wait_for(data, UPDATED, |explained| history(explained).contains(&"updated"));
    assert_eq!((updated["state"].as_str(), updated.get("owed")), (Some("shown"), None));
    let odd = wait_for(data, ODD, |explained| explained["reports"][0]["answered_at"].is_string());
    assert_eq!((odd["state"].as_str(), odd["reports"][0]["type"].as_str()), (Some("unusable"), Some("rejected")));
    assert!(odd["reason"].as_str().is_some_and(|reason| reason.starts_with("unreadable payload")), "{odd}");
    let (update, _) = explain(data, UPDATE);
    assert_eq!((update["state"].as_str(), update["target"].as_str()), (Some("update"), Some(UPDATED)));
    phone.kill();
}

#[test]
fn what_the_device_does_not_know_it_says_and_whom_to_ask() {
    let (server, data) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let (ca, data) = (server.ca(), data.path());
    let mut phone = Phone::start(&server, data, &["--ca", ca.to_str().expect("UTF-8"), "--count", "2"]);
    let seq = server.push(A, r#"{"title":"first"}"#);
    server.wait_until(|state| state.recorded.len() == 2 && state.recorded.values().all(|recorded| *recorded == seq));
    phone.wait_for(|line| line["state"] == "online");
    let (unknown, code) = explain(data, NEVER);
    assert_eq!((unknown["known"].as_bool(), code), (Some(false), Some(1)));
    assert_eq!(unknown["position"]["normal"].as_u64(), Some(seq));
    assert_eq!(unknown["ask"], format!("GET /v1/notifications/{NEVER}/deliveries"));
    let words = in_words(data, NEVER);
    assert!(
        words.contains(&format!("does not know {NEVER}")) && words.contains(&format!("up to position {seq} ")),
        "{words}"
    );
    let second = ask(data, &["--explain", A, "--device", "1", "--json"]);
    assert_eq!(second.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&second.stdout).starts_with(r#"{"device":"1","#));
    phone.kill();
    let elsewhere = data.join("elsewhere");
    let wrong: [(&Path, &[&str]); 5] = [
        (data, &["--explain", A, "--device", "2"]),
        (data, &["--json"]),
        (data, &["--explain"]),
        (data, &["--explain", "zzz"]),
        (&elsewhere, &["--explain", A]),
    ];
    for (data, arguments) in wrong {
        let output = ask(data, arguments);
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(2), true), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}
