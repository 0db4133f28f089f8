//! The real binary against a scripted server: screens, restarts, TLS, misbehaviour.

mod explain;
mod fake;
mod phone;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use fake::{Fake, Mode};
use phone::{Phone, screen};
use tempfile::TempDir;

/// Each notification's lines on a screen, in order.
fn story(directory: &TempDir, device: u32) -> BTreeMap<String, Vec<String>> {
    let mut story: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in screen(directory.path(), device) {
        story.entry(line.id).or_default().push(line.what);
    }
    story
}

fn handed_and_done(ids: impl IntoIterator<Item = String>) -> BTreeMap<String, Vec<String>> {
    ids.into_iter().map(|id| (id, vec!["handed".to_owned(), "done".to_owned()])).collect()
}

#[test]
fn a_phone_registers_shows_and_acknowledges_over_direct_tls_and_starttls() {
    for mode in [Mode::Direct, Mode::StartTls] {
        let (server, data) = (Fake::start(mode), TempDir::new().expect("a directory"));
        let ca = server.ca();
        let mut phone = Phone::start(&server, data.path(), &["--ca", ca.to_str().expect("UTF-8")]);
        let online = phone.wait_for(|line| line["state"] == "online");
        assert_eq!((online["device"].as_str(), online["id"].is_string()), (Some("0"), true));
        let seq = server.push("a", r#"{"title":"Door","body":"Bell","data":{"k":"v"}}"#);
        let shown = phone.wait_for(|line| line["notification"].is_object());
        let expected = serde_json::json!({"id": "a", "seq": seq, "title": "Door", "body": "Bell", "data": {"k": "v"}});
        for (key, value) in expected.as_object().expect("an object") {
            assert_eq!(&shown["notification"][key], value, "{key}");
        }
        server.wait_until(|state| state.recorded.values().any(|recorded| *recorded == seq));
        phone.terminate();
        assert_eq!(story(&data, 0), handed_and_done(["a".to_owned()]));
        for file in fs::read_dir(data.path()).expect("readable") {
            let file = file.expect("readable");
            let mode = file.metadata().expect("there").permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} holds secrets", file.path().display());
        }
    }
}

#[test]
fn one_device_finds_out_for_all_what_the_port_speaks_and_none_waits_for_it() {
    for (mode, strays) in [(Mode::Direct, 0), (Mode::StartTls, 1)] {
        let (server, data) = (Fake::start(mode), TempDir::new().expect("a directory"));
        let ca = server.ca();
        let arguments = ["--ca", ca.to_str().expect("UTF-8"), "--count", "20", "--register-rate", "1000"];
        let mut phone = Phone::start(&server, data.path(), &arguments);
        for _ in 0..20 {
            let line = phone.wait_for(|line| line["state"] == "online" || line["state"] == "waiting");
            assert_eq!(line["state"], "online", "{line}");
        }
        assert_eq!(phone.kill(), "");
        assert_eq!(server.read(|state| state.strays), strays);
    }
}

#[test]
fn a_pinned_key_is_trusted_and_another_is_not() {
    let (server, data) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let pin = server.pin();
    let mut phone = Phone::start(&server, data.path(), &["--pin", &pin]);
    phone.wait_for(|line| line["state"] == "online");
    phone.terminate();
    let other = "00".repeat(32);
    let mut phone = Phone::start(&server, data.path(), &["--pin", &other]);
    let waiting = phone.wait_for(|line| line["state"] == "waiting");
    assert_eq!(waiting["why"], "certificate");
    assert!(phone.kill().contains("--pin"));
}

#[test]
fn a_wrong_authority_name_or_port_is_one_clear_line() {
    let (server, other, data) =
        (Fake::start(Mode::Direct), Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let (ca, other_ca) = (server.ca(), other.ca());
    let (ca, other_ca) = (ca.to_str().expect("UTF-8"), other_ca.to_str().expect("UTF-8"));
    let cases: [(&[&str], &str, &str); 2] = [
        (&["--ca", other_ca], "certificate", "--ca"),
        (&["--ca", ca, "--domain", "elsewhere.example"], "certificate", "is not for elsewhere.example"),
    ];
    for (arguments, why, words) in cases {
        let mut phone = Phone::start(&server, data.path(), arguments);
        assert_eq!(phone.wait_for(|line| line["state"] == "waiting")["why"], why, "{arguments:?}");
        let complaint = phone.kill();
        assert!(complaint.contains(words), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[test]
fn two_processes_do_not_share_a_data_directory() {
    let (server, data) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let ca = server.ca();
    let arguments = ["--ca", ca.to_str().expect("UTF-8")];
    let mut first = Phone::start(&server, data.path(), &arguments);
    first.wait_for(|line| line["state"] == "online");
    let second = Phone::start(&server, data.path(), &arguments);
    assert!(second.ended().contains("another longwire-device uses the data directory"));
    first.terminate();
}

#[test]
fn what_was_shown_is_not_shown_again_by_the_next_process() {
    let (server, data) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let ca = server.ca();
    let arguments = ["--ca", ca.to_str().expect("UTF-8")];
    let mut ids = Vec::new();
    for life in 0..3 {
        let mut phone = Phone::start(&server, data.path(), &arguments);
        phone.wait_for(|line| line["state"] == "online");
        for number in 0..5 {
            let id = format!("{life}-{number}");
            server.push(&id, r#"{"title":"x"}"#);
            ids.push(id.clone());
            phone.wait_for(|line| line["notification"]["id"] == id.as_str());
        }
        phone.kill();
        server.push(&format!("{life}-away"), r#"{"title":"x"}"#);
        ids.push(format!("{life}-away"));
    }
    let mut phone = Phone::start(&server, data.path(), &arguments);
    phone.wait_for(|line| line["notification"]["id"] == "2-away");
    phone.terminate();
    let lines = screen(data.path(), 0);
    for id in &ids {
        let of_id: Vec<_> = lines.iter().filter(|line| line.id == *id).map(|line| line.what.as_str()).collect();
        assert_eq!(of_id, ["handed", "done"], "{id}");
    }
    let logins = server.read(|state| state.mechanisms.clone());
    assert_eq!(logins, ["SCRAM-SHA-256", "HT-SHA-256-EXPR", "HT-SHA-256-EXPR", "HT-SHA-256-EXPR"]);
}

#[test]
fn many_devices_share_a_process_and_each_shows_everything_once() {
    let (server, data) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let ca = server.ca();
    let arguments = ["--ca", ca.to_str().expect("UTF-8"), "--count", "40", "--drop-after", "0.5"];
    let mut phone = Phone::start(&server, data.path(), &arguments);
    server.wait_until(|state| state.recorded.len() == 40);
    let ids: Vec<_> = (0..50).map(|number| format!("n{number}")).collect();
    let mut last = 0;
    for id in &ids {
        last = server.push(id, r#"{"title":"x"}"#);
    }
    server.wait_until(|state| state.recorded.values().all(|recorded| *recorded == last));
    for _ in 0..40 {
        phone.wait_for(|line| line["notification"]["id"] == "n49");
    }
    phone.terminate();
    for device in 0..40 {
        assert_eq!(story(&data, device), handed_and_done(ids.iter().cloned()), "device {device}");
    }
}

#[test]
fn no_ack_never_acknowledges_and_lag_does_so_later() {
    let (server, data) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let ca = server.ca();
    let ca = ca.to_str().expect("UTF-8");
    let mut phone = Phone::start(&server, data.path(), &["--ca", ca, "--no-ack"]);
    phone.wait_for(|line| line["state"] == "online");
    let seq = server.push("a", r#"{"title":"x"}"#);
    phone.wait_for(|line| line["notification"]["id"] == "a");
    phone.terminate();
    assert!(server.read(|state| state.acks.is_empty()));
    let mut phone = Phone::start(&server, data.path(), &["--ca", ca, "--lag", "300"]);
    phone.wait_for(|line| line["state"] == "online");
    let waited = server.wait_until(|state| !state.acks.is_empty());
    assert!(waited >= Duration::from_millis(200), "{waited:?}");
    let stored = server.read(|state| state.acks.first().and_then(|ack| ack.stored.clone()).expect("a list"));
    assert_eq!(stored.to_string(), seq.to_string(), "the first acknowledgement names what the server does not know of");
    phone.terminate();
}

#[test]
fn what_the_user_opens_is_reported() {
    let (server, data) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let ca = server.ca();
    let mut phone = Phone::start(&server, data.path(), &["--ca", ca.to_str().expect("UTF-8"), "--report-displayed"]);
    phone.wait_for(|line| line["state"] == "online");
    server.push("a", r#"{"title":"x"}"#);
    phone.wait_for(|line| line["notification"]["id"] == "a");
    phone.say("0 open a");
    server.wait_until(|state| state.events == [("a".into(), "displayed".into()), ("a".into(), "opened".into())]);
    phone.terminate();
}

#[test]
fn a_command_for_nobody_or_about_nothing_is_one_clear_line() {
    let (server, data) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let ca = server.ca();
    let mut phone = Phone::start(&server, data.path(), &["--ca", ca.to_str().expect("UTF-8")]);
    phone.wait_for(|line| line["state"] == "online");
    phone.say("7 open a");
    phone.say("0 open unknown");
    server.push("a", r#"{"title":"x"}"#);
    phone.wait_for(|line| line["notification"]["id"] == "a");
    phone.say("0 dismiss a");
    server.wait_until(|state| state.events == [("a".into(), "dismissed".into())]);
    let complaints = phone.kill();
    let expected = [
        "longwire-device: device 7: there is none; --count is 1, numbered from 0",
        "longwire-device: device 0: there is no notification unknown on this device",
    ];
    assert_eq!(complaints.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn starttls_at_a_port_of_tls_names_the_option_to_change() {
    let (server, data) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let ca = server.ca();
    let mut phone = Phone::start(&server, data.path(), &["--ca", ca.to_str().expect("UTF-8"), "--starttls"]);
    let line = phone.wait_for(|line| line["state"] == "waiting");
    assert!(line["text"].as_str().is_some_and(|text| text.contains("Try --direct-tls")), "{line}");
    assert!(phone.kill().contains("Try --direct-tls"));
}
