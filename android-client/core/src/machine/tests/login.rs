//! Connecting, registering, logging in.

use longwire_protocol::push;
use longwire_protocol::sasl::{Failure, SaslCondition, ht};
use longwire_protocol::stanza::{Condition, Iq, StanzaError};
use longwire_protocol::xep::bind2;
use longwire_protocol::xep::sasl2::Authenticate;

use super::harness::{EXPORTER, FEATURES, HEADER, Phone, authenticate, bound, notification, success};
use crate::inbox::Store as _;
use crate::{Block, Event, State, TlsMode, Why};

fn push_login(request: &Authenticate) -> push::Login {
    let bind: bind2::Bind = request.bind().expect("a bind request");
    assert_eq!(bind.tag.as_deref(), Some("longwire"));
    bind.push().expect("readable").expect("a push login")
}

fn refuse_password(phone: &mut Phone, condition: SaslCondition) {
    phone.secure();
    let mut elements = phone.take_elements();
    if elements.first().is_some_and(|element| element.name() == "iq") {
        phone.receive(b"<iq type='result' id='register'/>");
        elements = phone.take_elements();
    }
    let request = authenticate(elements.first().expect("a login"));
    let challenged = phone.challenge(&request);
    drop(challenged);
    phone.take_written();
    phone.element(&Failure::new(condition).to_sasl2());
}

#[test]
fn a_first_start_registers_logs_in_and_states_no_cursor() {
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    let request = phone.log_in(&bound(100, 100));
    let login = push_login(&request);
    assert_eq!(login.cursor, None);
    assert_eq!(login.heartbeat_s, Some(240));
    let record = phone.store.load().expect("loads").record;
    let installation = record.installation.expect("an installation");
    assert_eq!(login.installation, Some(installation.secret));
    assert_eq!(request.user_agent.and_then(|agent| agent.id), Some(installation.user_agent));
    assert!(record.account.expect("an account").is_registered);
    assert_eq!(record.device.as_deref(), Some("device-1"));
    assert_eq!(record.cursor, Some(bound(100, 100).cursor));
    assert_eq!(record.token.map(|token| token.token).as_deref(), Some("token-1"));
    let names: Vec<_> = phone.states.iter().map(State::name).collect();
    assert_eq!(names, ["connecting", "registering", "logging-in", "online"]);
    assert!(phone.acks.is_empty(), "effective and recorded are equal");
}

#[test]
fn name_and_password_are_on_disk_before_the_server_hears_of_them() {
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    phone.is_store_slow = true;
    phone.secure();
    assert!(phone.take_elements().is_empty(), "the account is not stored yet");
    phone.answer_store();
    assert_eq!(phone.take_elements().first().map(|iq| iq.name().to_owned()).as_deref(), Some("iq"));
    assert!(phone.store.load().expect("loads").record.account.is_some());
}

#[test]
fn an_account_under_way_to_the_disk_is_not_registered_on_the_next_connection_either() {
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    phone.is_store_slow = true;
    phone.secure();
    phone.event(Event::Closed);
    phone.take_written();
    phone.wait();
    phone.secure();
    assert!(phone.take_elements().is_empty(), "the account is not stored yet");
    phone.answer_store();
    assert_eq!(phone.take_elements().len(), 1, "one registration");
}

#[test]
fn a_conflict_at_registration_is_a_lost_answer_and_logs_in() {
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    phone.secure();
    phone.take_written();
    let account = phone.store.load().expect("loads").record.account;
    // The answer is lost with the process.
    let mut phone = phone.reborn();
    phone.start();
    phone.secure();
    let register = phone.take_elements().remove(0);
    let iq = Iq::from_element(register).expect("an IQ");
    phone.element(&iq.error_for(StanzaError::new(Condition::Conflict)).to_element());
    let request = authenticate(phone.take_elements().first().expect("a login"));
    phone.challenge(&request);
    assert_eq!(phone.store.load().expect("loads").record.account, account, "the same account");
}

#[test]
fn with_a_token_header_and_login_travel_in_one_flight() {
    let mut phone = Phone::online();
    phone.event(Event::Closed);
    phone.wait();
    phone.event(Event::Secured { exporter: Some(EXPORTER) });
    let elements = phone.take_elements();
    let request = authenticate(elements.first().expect("a login before a byte from the server"));
    assert_eq!(request.mechanism, "HT-SHA-256-EXPR");
    assert!(request.fast().expect("readable").is_some());
    let proof = ht::Initiator::parse(request.initial_response.as_deref().expect("data")).expect("HT");
    assert!(proof.proves(b"token-1", &EXPORTER));
    assert_eq!(push_login(&request).cursor, Some(bound(100, 100).cursor));
    phone.receive(HEADER.as_bytes());
    phone.receive(FEATURES.as_bytes());
    let data = ht::responder(b"token-1", &EXPORTER).to_vec();
    phone.element(&success(data, &bound(100, 100), Some("token-2")));
    assert_eq!(phone.machine.state().name(), "online");
    let token = phone.store.load().expect("loads").record.token;
    assert_eq!(token.map(|token| token.token).as_deref(), Some("token-2"), "a rotated token is stored");
}

#[test]
fn without_channel_binding_the_password_is_used() {
    let mut phone = Phone::online();
    phone.event(Event::Closed);
    phone.wait();
    phone.event(Event::Secured { exporter: None });
    assert!(phone.take_elements().is_empty(), "nothing before the features");
    phone.receive(HEADER.as_bytes());
    phone.receive(FEATURES.as_bytes());
    let request = authenticate(phone.take_elements().first().expect("a login"));
    assert_eq!(request.mechanism, "SCRAM-SHA-256");
    assert_eq!(request.request_token().expect("readable"), None, "a token would be of no use");
}

#[test]
fn a_refused_token_is_discarded_and_the_password_tried_on_the_same_stream() {
    let mut phone = Phone::online();
    let account = phone.store.load().expect("loads").record.account;
    phone.event(Event::Closed);
    phone.wait();
    phone.secure();
    phone.take_written();
    phone.element(&Failure::new(SaslCondition::NotAuthorized).to_sasl2());
    let request = authenticate(phone.take_elements().first().expect("a second login"));
    assert_eq!(request.mechanism, "SCRAM-SHA-256-PLUS");
    let record = phone.store.load().expect("loads").record;
    assert_eq!((record.token, record.account), (None, account), "the token is gone, the account is not");
}

#[test]
fn a_temporary_failure_costs_neither_token_nor_account() {
    let mut phone = Phone::online();
    phone.event(Event::Closed);
    phone.wait();
    phone.secure();
    phone.element(&Failure::new(SaslCondition::TemporaryAuthFailure).with_retry(20).to_sasl2());
    let record = phone.store.load().expect("loads").record;
    assert!(record.token.is_some() && record.account.is_some());
    let State::Waiting { until_ms: Some(until_ms), .. } = phone.machine.state() else { panic!("it waits") };
    assert!((20_000..=22_000).contains(&(until_ms - phone.now_ms)), "as long as the server asked");
}

#[test]
fn a_refused_password_clears_the_account_and_keeps_the_installation() {
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    let installation = phone.store.load().expect("loads").record.installation;
    refuse_password(&mut phone, SaslCondition::NotAuthorized);
    let record = phone.store.load().expect("loads").record;
    assert_eq!((record.account, record.installation), (None, installation.clone()));
    assert!(matches!(phone.machine.state(), State::Waiting { why: Why::Unauthorized, .. }));
    phone.wait();
    let request = phone.log_in(&bound(100, 100));
    assert_eq!(push_login(&request).installation, installation.map(|installation| installation.secret));
    assert_eq!(phone.machine.state().name(), "online");
}

#[test]
fn three_refused_passwords_in_a_row_block_the_device() {
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    for refusal in 1..=3 {
        refuse_password(&mut phone, SaslCondition::NotAuthorized);
        if refusal < 3 {
            phone.wait();
        }
    }
    assert_eq!(phone.machine.state(), &State::Blocked(Block::Unauthorized));
    assert_eq!(phone.machine.poll_timeout(), None, "no attempt follows");
    phone.event(Event::Start);
    assert_eq!(phone.machine.state().name(), "connecting", "somebody asked for another try");
}

#[test]
fn a_password_that_was_right_parts_what_was_refused_before_from_what_is_refused_behind() {
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    let passes = SaslCondition::AccountDisabled;
    let refused = SaslCondition::NotAuthorized;
    for condition in [refused, refused, passes, refused, refused] {
        refuse_password(&mut phone, condition);
        assert!(matches!(phone.machine.state(), State::Waiting { .. }), "{:?}", phone.machine.state());
        phone.wait();
    }
    refuse_password(&mut phone, refused);
    assert_eq!(phone.machine.state(), &State::Blocked(Block::Unauthorized));
}

#[test]
fn a_disabled_account_is_not_a_refused_password() {
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    refuse_password(&mut phone, SaslCondition::AccountDisabled);
    assert!(phone.store.load().expect("loads").record.account.is_some());
    assert_eq!(phone.machine.state().name(), "waiting");
}

#[test]
fn a_closed_registration_blocks_and_a_busy_one_waits() {
    for (error, expected) in [
        (StanzaError::new(Condition::NotAllowed), "blocked"),
        (StanzaError::new(Condition::ServiceUnavailable), "blocked"),
        (StanzaError::new(Condition::ResourceConstraint).with_retry(30), "waiting"),
        (StanzaError::new(Condition::InternalServerError), "waiting"),
    ] {
        let mut phone = Phone::new(TlsMode::Direct);
        phone.start();
        phone.secure();
        let iq = Iq::from_element(phone.take_elements().remove(0)).expect("an IQ");
        phone.element(&iq.error_for(error.clone()).to_element());
        assert_eq!(phone.machine.state().name(), expected, "{error:?}");
        assert_eq!(phone.closes, 1);
    }
}

#[test]
fn a_server_that_cannot_prove_itself_is_left() {
    let mut phone = Phone::online();
    phone.event(Event::Closed);
    phone.wait();
    phone.secure();
    phone.element(&success(vec![0; 32], &bound(100, 100), None));
    assert!(matches!(phone.machine.state(), State::Waiting { why: Why::Security(_), .. }));
    assert!(phone.store.load().expect("loads").record.account.is_some());
}

#[test]
fn tls_08_a_server_without_starttls_learns_nothing() {
    let mut phone = Phone::new(TlsMode::StartTls);
    phone.start();
    phone.event(Event::Connected);
    phone.receive(HEADER.as_bytes());
    phone.receive(FEATURES.as_bytes());
    assert_eq!(phone.take_elements(), [], "a stream header and nothing else");
    assert!(matches!(phone.machine.state(), State::Waiting { why: Why::NoTls, .. }));
    assert_eq!(phone.closes, 1);
}

const STARTTLS: &str =
    "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

#[test]
fn starttls_comes_before_everything() {
    let mut phone = Phone::new(TlsMode::StartTls);
    phone.start();
    phone.event(Event::Connected);
    phone.receive(HEADER.as_bytes());
    phone.receive(STARTTLS.as_bytes());
    let names: Vec<_> = phone.take_elements().iter().map(|element| element.name().to_owned()).collect();
    assert_eq!(names, ["starttls"]);
    phone.receive(PROCEED.as_bytes());
    assert_eq!(phone.starttls, 1);
    phone.log_in(&bound(100, 100));
    assert_eq!(phone.machine.state().name(), "online");
}

#[test]
fn bytes_injected_behind_proceed_end_the_connection() {
    let mut phone = Phone::new(TlsMode::StartTls);
    phone.start();
    phone.event(Event::Connected);
    phone.receive(HEADER.as_bytes());
    phone.receive(STARTTLS.as_bytes());
    phone.receive(format!("{PROCEED}<message/>").as_bytes());
    assert_eq!((phone.machine.state().name(), phone.closes), ("waiting", 1));
}

#[test]
fn a_login_cut_at_every_byte_is_the_same_login() {
    let mut phone = Phone::online();
    phone.event(Event::Closed);
    phone.wait();
    phone.event(Event::Secured { exporter: Some(EXPORTER) });
    let data = ht::responder(b"token-1", &EXPORTER).to_vec();
    let mut bytes = [HEADER, FEATURES].concat().into_bytes();
    bytes.extend(success(data, &bound(100, 100), None).to_stream_bytes());
    bytes.extend(notification(101, "a").to_shared_bytes("example.com"));
    for byte in bytes {
        phone.receive(&[byte]);
    }
    assert_eq!(phone.handed_ids(), ["a"]);
    assert_eq!(phone.acks, ["<ack xmlns='urn:longwire:push:1' normal='101'/>"]);
}

#[test]
fn a_login_that_takes_too_long_is_given_up() {
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    assert_eq!(phone.wait(), 30_000);
    assert!(matches!(phone.machine.state(), State::Waiting { why: Why::TimedOut, .. }));
    assert_eq!(phone.closes, 1);
}
