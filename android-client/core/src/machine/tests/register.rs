//! Registering with the app's key (XEP-0445).

use longwire_protocol::Element;
use longwire_protocol::sasl::{Failure, SaslCondition};
use longwire_protocol::stanza::{Condition, Iq, StanzaError};

use super::harness::{EXPORTER, FEATURES, HEADER, Phone, authenticate};
use crate::backoff::REFUSED_MS_MAX;
use crate::inbox::{MemoryStore, Store as _};
use crate::{AppKey, Block, Config, Event, Network, State, TlsMode};

const KEY: &str = "lwa_k1_secret";

fn phone(key: Option<&str>) -> Phone {
    let app_key = key.map(|key| AppKey(key.to_owned()));
    let config = Config { app_key, ..Phone::config(TlsMode::Direct) };
    Phone::with_config(config, MemoryStore::new())
}

/// TLS stands and the server takes app keys; gives what the client then says.
fn secure(phone: &mut Phone) -> Vec<Element> {
    phone.event(Event::Secured { exporter: Some(EXPORTER) });
    phone.receive(HEADER.as_bytes());
    let offer = "<stream:features><register xmlns='urn:xmpp:ibr-token:0'/>";
    phone.receive(FEATURES.replace("<stream:features>", offer).as_bytes());
    phone.take_elements()
}

fn refuse(phone: &mut Phone, id: &str, error: StanzaError) {
    phone.element(&Iq::set(id, Element::new("x", "x")).error_for(error).to_element());
}

fn invalid() -> StanzaError {
    StanzaError::new(Condition::ItemNotFound).with_text("The provided token is invalid or expired")
}

fn accept(phone: &mut Phone, id: &str) {
    phone.element(&Iq::set(id, Element::new("x", "x")).result_for(None).to_element());
}

fn block(phone: &Phone) -> &Block {
    let State::Blocked(block) = phone.machine.state() else { panic!("{:?}", phone.machine.state()) };
    block
}

fn texts(elements: &[Element]) -> Vec<String> {
    elements.iter().map(ToString::to_string).collect()
}

#[test]
fn the_key_goes_before_the_registration_in_the_same_flight() {
    let mut phone = phone(Some(KEY));
    phone.start();
    let asked = secure(&mut phone);
    let texts = texts(&asked);
    assert_eq!(texts.len(), 2, "{texts:?}");
    let shown = format!("<preauth xmlns='urn:xmpp:pars:0' token='{KEY}'/>");
    assert!(texts[0].contains("to='example.com'") && texts[0].contains(&shown), "{}", texts[0]);
    assert!(texts[1].contains("jabber:iq:register"), "{}", texts[1]);
    accept(&mut phone, "app-key");
    assert_eq!(phone.machine.state().name(), "registering");
    accept(&mut phone, "register");
    assert_eq!(authenticate(&phone.take_elements()[0]).mechanism, "SCRAM-SHA-256-PLUS");
}

#[test]
fn a_server_that_takes_no_keys_is_shown_none() {
    let mut phone = phone(Some(KEY));
    phone.start();
    phone.secure();
    let asked = phone.take_elements();
    assert!(asked.len() == 1 && !asked[0].to_string().contains(KEY), "{asked:?}");
}

#[test]
fn a_refused_key_blocks_seldom_tries_again_and_a_new_one_at_once() {
    let mut phone = phone(Some("lwa_wrong_secret"));
    phone.start();
    secure(&mut phone);
    refuse(&mut phone, "app-key", invalid());
    assert_eq!(block(&phone).name(), "app-key-refused");
    let words = block(&phone).to_string();
    assert!(words.contains("longwire app key create") && !words.contains("wrong"), "{words}");
    // Behind a refused key nothing counts, and no network wakes the phone before its time.
    accept(&mut phone, "register");
    phone.event(Event::Network(Network::Usable));
    assert_eq!((phone.machine.state().name(), phone.connects, phone.closes), ("blocked", 1, 1));
    for attempt in 2..5 {
        let before_ms = phone.now_ms;
        phone.wait();
        let waited_ms = phone.now_ms - before_ms;
        assert!((REFUSED_MS_MAX / 2..=REFUSED_MS_MAX).contains(&waited_ms), "{waited_ms}");
        assert_eq!(phone.connects, attempt);
        secure(&mut phone);
        refuse(&mut phone, "app-key", invalid());
        assert_eq!(block(&phone).name(), "app-key-refused");
    }
    phone.event(Event::AppKey(Some(AppKey(KEY.to_owned()))));
    assert_eq!((phone.machine.state().name(), phone.connects), ("connecting", 5));
    assert!(secure(&mut phone)[0].to_string().contains(KEY));
    let states = format!("{:?}", phone.states);
    assert!(!states.contains(KEY), "{states}");
}

#[test]
fn a_server_that_asks_for_a_key_blocks_a_phone_without_one() {
    let mut phone = phone(None);
    phone.start();
    assert_eq!(secure(&mut phone).len(), 1);
    refuse(&mut phone, "register", StanzaError::new(Condition::NotAuthorized).with_text("show an app key"));
    assert_eq!(block(&phone), &Block::AppKeyNeeded("show an app key".to_owned()));
    assert!(block(&phone).to_string().contains("has none"));
    assert!(phone.machine.poll_timeout().is_some(), "it tries again, seldom");
}

#[test]
fn a_key_revoked_behind_its_check_and_a_closed_server_are_told_apart() {
    let mut revoked = phone(Some(KEY));
    revoked.start();
    secure(&mut revoked);
    accept(&mut revoked, "app-key");
    refuse(&mut revoked, "register", invalid());
    assert_eq!(block(&revoked).name(), "app-key-refused");
    let mut closed = phone(Some(KEY));
    closed.start();
    closed.secure();
    closed.take_elements();
    refuse(&mut closed, "register", StanzaError::new(Condition::NotAllowed));
    assert_eq!(block(&closed), &Block::RegistrationRefused("not-allowed".to_owned()));
}

#[test]
fn a_server_that_has_no_time_for_the_key_is_waited_for() {
    let mut phone = phone(Some(KEY));
    phone.start();
    secure(&mut phone);
    refuse(&mut phone, "app-key", StanzaError::new(Condition::ResourceConstraint).with_retry(30));
    let State::Waiting { until_ms: Some(until_ms), .. } = phone.machine.state() else { panic!("it waits") };
    assert!((30_000..=33_000).contains(until_ms));
}

#[test]
fn a_refused_password_registers_anew_with_the_key_and_the_same_installation() {
    let mut phone = phone(Some(KEY));
    phone.start();
    secure(&mut phone);
    accept(&mut phone, "app-key");
    accept(&mut phone, "register");
    let login = authenticate(&phone.take_elements()[0]);
    drop(phone.challenge(&login));
    phone.take_written();
    let before = phone.store.load().expect("loads").record;
    phone.element(&Failure::new(SaslCondition::NotAuthorized).to_sasl2());
    phone.wait();
    let again = secure(&mut phone);
    assert!(again.len() == 2 && again[0].to_string().contains(KEY), "{again:?}");
    let after = phone.store.load().expect("loads").record;
    assert_eq!(after.installation, before.installation);
    let name = |record: crate::account::Record| record.account.map(|account| account.name);
    assert_ne!(name(after), name(before));
}
