//! What an operator reads in the log of clients that misbehave, and what nobody does.

use std::fmt::{self, Write as _};
use std::sync::{Mutex, OnceLock};

use longwire_net::NetConfig;
use longwire_protocol::sasl::base64;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::harness::{HEADER, Server, until};

/// The lines of this process at the level that operators run with.
#[derive(Debug)]
struct Lines(&'static Mutex<Vec<String>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").expect("a string takes everything");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().expect("unpoisoned").push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn lines() -> &'static Mutex<Vec<String>> {
    static LINES: OnceLock<Mutex<Vec<String>>> = OnceLock::new();
    LINES.get_or_init(Mutex::default)
}

fn found(texts: &[&str]) -> Option<String> {
    let lines = lines().lock().expect("unpoisoned");
    lines.iter().find(|line| texts.iter().all(|text| line.contains(text))).cloned()
}

#[test]
fn failed_logins_are_told_with_address_and_account_and_violations_are_counted() {
    tracing::subscriber::set_global_default(Lines(lines())).expect("the only one");
    let server = Server::start(|_: &mut NetConfig| {});
    let mut client = server.tls();
    client.send(HEADER);
    client.expect("</stream:features>");
    // With a mechanism that nobody else fails with, and then a name that nobody else uses.
    let first = base64::encode(b"n,a=trudy,n=mallory,r=nonce");
    let auth = format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>{first}</auth>");
    for _ in 0..3 {
        client.send(&auth);
        client.expect("</failure>");
    }
    assert!(client.end().contains("<policy-violation "));
    until("each failure is a line", || found(&["a login failed", "SCRAM-SHA-256", "count=3"]).is_some());
    let line = found(&["a login failed", "SCRAM-SHA-256", "count=1"]).expect("a line");
    let told = ["condition=", "worker=", "peer=127.0.0.1 ", "account=\"-\" "];
    assert!(told.iter().all(|told| line.contains(told)), "no name was taken: {line}");
    let mut client = server.tls();
    client.send(HEADER);
    client.expect("</stream:features>");
    let login = base64::encode(b"\0mallory\0not-her-password");
    client.send(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{login}</auth>"));
    client.expect("</failure>");
    until("the name is told", || found(&["a login failed", "peer=127.0.0.1 ", "account=\"mallory\" "]).is_some());
    assert_eq!(found(&["not-her-password"]), None);
    until("a violation is a line", || found(&["a stream was ended", "policy-violation", "count=1"]).is_some());
    for name in ["mallory", "127.0.0.1"] {
        assert_eq!(found(&["a stream was ended", name]), None);
    }
}
