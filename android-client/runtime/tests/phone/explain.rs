//! `--explain`: beside a running process, after SIGKILL, and for what nobody knows.

use std::path::Path;
use std::process::{Command, Output};

use longwire_protocol::push::EntryContent;
use serde_json::Value;
use tempfile::TempDir;

use crate::fake::{Fake, Mode};
use crate::phone::{PATIENCE, Phone};

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
    let seq = server.push("a", r#"{"title":"first"}"#);
    phone.wait_for(|line| line["notification"]["id"] == "a");
    phone.say("0 open a");
    let opened = wait_for(data, "a", |explained| {
        let reports = explained["reports"].as_array().expect("reports");
        reports.len() == 2 && reports.iter().all(|report| report["answered_at"].is_string())
    });
    assert_eq!((opened["state"].as_str(), opened["seq"].as_u64()), (Some("opened"), Some(seq)));
    assert_eq!(history(&opened), ["stored", "handed", "shown", "displayed", "opened"], "{opened}");
    phone.kill();
    let (killed, code) = explain(data, "a");
    assert_eq!((killed, code), (opened, Some(0)), "the process makes no difference");
    let words = in_words(data, "a");
    for part in ["was opened by the person", "State: opened", "Reported to the server: displayed at 20"] {
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
    for id in ["recalled", "updated"] {
        server.push(id, r#"{"title":"first"}"#);
        phone.wait_for(|line| line["notification"]["id"] == id);
    }
    phone.kill();
    server.append("recall", EntryContent::Recall { target: "recalled".into() });
    server.append("update", EntryContent::Update { target: "updated".into(), json: r#"{"title":"second"}"#.into() });
    server.push("odd", r#"{"title":[]}"#);
    let mut phone = Phone::start(&server, data, &arguments);
    phone.wait_for(|line| line["notification"]["update"] == true);
    let recalled = wait_for(data, "recalled", |explained| history(explained).contains(&"removed"));
    assert_eq!((recalled["state"].as_str(), recalled.get("owed")), (Some("recalled"), None));
    let updated = wait_for(data, "updated", |explained| history(explained).contains(&"updated"));
    assert_eq!((updated["state"].as_str(), updated.get("owed")), (Some("shown"), None));
    let odd = wait_for(data, "odd", |explained| explained["reports"][0]["answered_at"].is_string());
    assert_eq!((odd["state"].as_str(), odd["reports"][0]["type"].as_str()), (Some("unusable"), Some("rejected")));
    assert!(odd["reason"].as_str().is_some_and(|reason| reason.starts_with("unreadable payload")), "{odd}");
    let (update, _) = explain(data, "update");
    assert_eq!((update["state"].as_str(), update["target"].as_str()), (Some("update"), Some("updated")));
    phone.kill();
}

#[test]
fn what_the_device_does_not_know_it_says_and_whom_to_ask() {
    let (server, data) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let (ca, data) = (server.ca(), data.path());
    let mut phone = Phone::start(&server, data, &["--ca", ca.to_str().expect("UTF-8"), "--count", "2"]);
    let seq = server.push("a", r#"{"title":"first"}"#);
    server.wait_until(|state| state.recorded.len() == 2 && state.recorded.values().all(|recorded| *recorded == seq));
    phone.wait_for(|line| line["state"] == "online");
    let (unknown, code) = explain(data, "never");
    assert_eq!((unknown["known"].as_bool(), code), (Some(false), Some(1)));
    assert_eq!(unknown["position"]["normal"].as_u64(), Some(seq));
    assert_eq!(unknown["ask"], "GET /v1/notifications/never/deliveries");
    let words = in_words(data, "never");
    assert!(words.contains("does not know never") && words.contains(&format!("up to position {seq} ")), "{words}");
    let second = ask(data, &["--explain", "a", "--device", "1", "--json"]);
    assert_eq!(second.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&second.stdout).starts_with(r#"{"device":"1","#));
    phone.kill();
    let elsewhere = data.join("elsewhere");
    let wrong: [(&Path, &[&str]); 4] = [
        (data, &["--explain", "a", "--device", "2"]),
        (data, &["--json"]),
        (data, &["--explain"]),
        (&elsewhere, &["--explain", "a"]),
    ];
    for (data, arguments) in wrong {
        let output = ask(data, arguments);
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(2), true), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}
