//! What each refusal costs: the table of condition × mechanism → next state (DESIGN §6).

use longwire_protocol::sasl::{Failure, SaslCondition};
use longwire_protocol::stream::{StreamCondition, StreamError};
use longwire_protocol::{Element, ns};

use super::harness::{Phone, bound};
use crate::backoff::CEILING_MS;
use crate::inbox::Store as _;
use crate::{Block, Event, State, TlsMode, Why};

/// By what the phone was logging in when it was refused.
#[derive(Clone, Copy, Debug)]
enum By {
    Token,
    /// The server has seen the name only.
    Name,
    /// The server has seen the proof.
    Password,
}

/// What becomes of the phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// Token gone, the password is tried on the same stream.
    PasswordAtOnce,
    /// A wait of its own; token and account stay.
    Waits,
    /// A wait that the server asked for; token and account stay.
    Pauses,
    /// The account is gone: the next attempt registers.
    Unauthorized,
    /// A wait; token and account stay, the login is called unsafe.
    Unsafe,
}

use Then::{PasswordAtOnce, Pauses, Unauthorized, Unsafe, Waits};

/// A phone that has just sent what `by` says, over its `n`th connection.
fn logging_in(by: By) -> Phone {
    let mut phone = match by {
        By::Token => {
            let mut phone = Phone::online();
            phone.event(Event::Closed);
            phone.wait();
            phone
        }
        By::Name | By::Password => {
            let mut phone = Phone::new(TlsMode::Direct);
            phone.start();
            phone
        }
    };
    phone.secure();
    let request = phone.take_login();
    if matches!(by, By::Password) {
        drop(phone.challenge(&request));
        phone.take_written();
    }
    phone
}

fn outcome(by: By, failure: &Element) -> Then {
    let mut phone = logging_in(by);
    let before = phone.store.load().expect("loads").record;
    phone.element(failure);
    let after = phone.store.load().expect("loads").record;
    assert_eq!(after.installation, before.installation, "nothing that SASL says costs the installation");
    let state = phone.machine.state().clone();
    if state == State::LoggingIn {
        assert_eq!((&after.token, &after.account), (&None, &before.account));
        assert_eq!(phone.take_login().mechanism, "SCRAM-SHA-256-PLUS");
        return PasswordAtOnce;
    }
    let State::Waiting { why, until_ms: Some(until_ms) } = state else { panic!("{by:?}: {state:?}") };
    assert_eq!(phone.closes, if matches!(by, By::Token) { 2 } else { 1 });
    if why == Why::Unauthorized {
        assert!(after.account.is_none());
        return Unauthorized;
    }
    assert_eq!((&after.token, &after.account), (&before.token, &before.account));
    if matches!(why, Why::Security(_)) {
        return Unsafe;
    }
    assert!(matches!(why, Why::Server { .. }), "{by:?}: {why:?}");
    if until_ms - phone.now_ms >= 20_000 { Pauses } else { Waits }
}

#[test]
fn every_condition_has_its_outcome_for_every_mechanism() {
    use SaslCondition as C;
    // Condition, with a token, before the proof of a password, behind it.
    let table = [
        (C::Aborted, PasswordAtOnce, Waits, Waits),
        (C::AccountDisabled, Waits, Waits, Waits),
        (C::CredentialsExpired, PasswordAtOnce, Unauthorized, Unauthorized),
        (C::EncryptionRequired, PasswordAtOnce, Waits, Waits),
        (C::IncorrectEncoding, PasswordAtOnce, Waits, Waits),
        (C::InvalidAuthzid, PasswordAtOnce, Waits, Waits),
        (C::InvalidMechanism, PasswordAtOnce, Waits, Waits),
        (C::MalformedRequest, PasswordAtOnce, Waits, Waits),
        (C::MechanismTooWeak, PasswordAtOnce, Waits, Waits),
        (C::NotAuthorized, PasswordAtOnce, Unauthorized, Unauthorized),
        (C::TemporaryAuthFailure, Waits, Waits, Waits),
    ];
    assert_eq!(table.map(|(condition, ..)| condition), C::ALL);
    for (condition, token, name, password) in table {
        for (by, expected) in [(By::Token, token), (By::Name, name), (By::Password, password)] {
            let failure = Failure::new(condition);
            assert_eq!(outcome(by, &failure.to_sasl2()), expected, "{condition:?} {by:?}");
            // Who asks for a pause does not refuse for good, whatever the name of it.
            assert_eq!(outcome(by, &failure.with_retry(20).to_sasl2()), Pauses, "{condition:?} {by:?}");
        }
    }
    for by in [By::Token, By::Name, By::Password] {
        let unknown = Element::new(ns::SASL2, "failure").with_child(Element::new(ns::SASL, "payment-required"));
        assert_eq!(outcome(by, &unknown), Waits, "{by:?}");
        assert_eq!(outcome(by, &Element::new(ns::SASL2, "failure")), Waits, "{by:?}");
        assert_eq!(outcome(by, &Failure::of_binding("channel-bindings-dont-match").to_sasl2()), Unsafe, "{by:?}");
    }
}

/// Whatever the server says for ever, attempts become rare.
#[test]
fn no_refusal_is_met_by_a_fast_loop() {
    let endless = SaslCondition::ALL.map(Failure::new).into_iter().chain([Failure::of_binding("other")]);
    for failure in endless.filter(|failure| failure.condition != SaslCondition::NotAuthorized || failure.is_of_binding)
    {
        let mut phone = Phone::new(TlsMode::Direct);
        phone.start();
        for _ in 0..100 {
            phone.secure();
            phone.take_login();
            phone.element(&failure.to_sasl2());
            phone.take_written();
            if phone.machine.state() == &State::Blocked(Block::Unauthorized) {
                break;
            }
            phone.wait();
        }
        let is_blocked = phone.machine.poll_timeout().is_none();
        assert!(is_blocked || phone.now_ms > 100 * CEILING_MS / 4, "{failure:?}: {} ms", phone.now_ms);
    }
}

#[test]
fn a_session_that_the_server_ends_in_anger_does_not_settle_the_waits() {
    for (condition, grows) in [
        (StreamCondition::PolicyViolation, true),
        (StreamCondition::UndefinedCondition, true),
        (StreamCondition::NotAuthorized, true),
        (StreamCondition::InternalServerError, true),
        (StreamCondition::SystemShutdown, false),
        (StreamCondition::ConnectionTimeout, false),
    ] {
        let mut phone = Phone::online();
        let began_ms = phone.now_ms;
        for _ in 0..60 {
            phone.now_ms += 6_000;
            phone.element(&StreamError::new(condition).to_element());
            assert!(matches!(phone.machine.state(), State::Waiting { why: Why::Server { .. }, .. }));
            let record = phone.store.load().expect("loads").record;
            assert!(record.account.is_some() && record.token.is_some(), "{condition:?}");
            phone.take_written();
            phone.wait();
            phone.log_in(&bound(100, 100));
        }
        let waited_ms = phone.now_ms - began_ms - 60 * 6_000;
        assert_eq!(waited_ms > 60 * CEILING_MS / 4, grows, "{condition:?}: {waited_ms} ms");
    }
}

#[test]
fn a_stream_error_with_a_pause_is_obeyed_whatever_its_condition() {
    for condition in StreamCondition::ALL {
        let mut phone = Phone::online();
        phone.element(&StreamError::new(condition).with_retry(90).to_element());
        let State::Waiting { until_ms: Some(until_ms), why } = phone.machine.state() else { panic!("it waits") };
        let wait_ms = until_ms - phone.now_ms;
        if condition == StreamCondition::Conflict {
            assert_eq!((why, wait_ms), (&Why::Conflict { is_clone: false }, 60_000), "a conflict has its own rule");
        } else {
            assert!((90_000..=99_000).contains(&wait_ms), "{condition:?}: {wait_ms} ms");
        }
    }
}

#[test]
fn a_conflict_at_login_counts_as_one_in_a_session() {
    let mut phone = logging_in(By::Password);
    let first = phone.store.load().expect("loads").record;
    phone.element(&StreamError::new(StreamCondition::Conflict).to_element());
    assert!(matches!(phone.machine.state(), State::Waiting { why: Why::Conflict { .. }, .. }));
    let due_ms = phone.wait();
    assert_eq!(due_ms, 60_000);
    assert_eq!(phone.store.load().expect("loads").record.account, first.account);
}
