//! In-band registration (XEP-0077), and the app key before it (XEP-0445).

use longwire_c2s::{AppKey, Event, KEY_FAILURES_MAX, Registration};

use crate::harness::{APP_KEY, Driver, HEADER, config, stream_error};

const TOKEN_FEATURE: &str = "<register xmlns='urn:xmpp:ibr-token:0'/>";
const REGISTER_FEATURE: &str = "<register xmlns='http://jabber.org/features/iq-register'/>";

fn ready(registration: Registration) -> (Driver, String) {
    let mut config = config();
    config.registration = registration;
    let mut driver = Driver::tls_with(config);
    let features = driver.send(HEADER);
    (driver, features)
}

fn preauth(id: &str, token: &str) -> String {
    format!("<iq type='set' to='example.com' id='{id}'><preauth xmlns='urn:xmpp:pars:0' token='{token}'/></iq>")
}

fn register(id: &str, name: &str, password: &str) -> String {
    format!(
        "<iq type='set' id='{id}'><query xmlns='jabber:iq:register'><username>{name}</username><password>{password}</password></query></iq>"
    )
}

fn registered(account: &str, app_key: Option<&str>, is_counted: bool) -> Event {
    let (account, password) = (account.to_owned(), "pw".to_owned());
    Event::Register { account, password, app_key: app_key.map(str::to_owned), is_counted }
}

fn error(id: &str, kind: &str, condition: &str, text: &str) -> String {
    format!(
        "<iq type='error' id='{id}' from='example.com'><error type='{kind}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>{text}</text></error></iq>"
    )
}

#[test]
fn registration_before_login() {
    let mut driver = Driver::ready();
    let form = driver.send("<iq type='get' id='r0' to='example.com'><query xmlns='jabber:iq:register'/></iq>");
    assert_eq!(
        form,
        "<iq type='result' id='r0' from='example.com'><query xmlns='jabber:iq:register'><instructions>Choose a user name and a password.</instructions><username/><password/></query></iq>"
    );
    assert_eq!(driver.send(&register("r1", "Bob", "pw")), "<iq type='result' id='r1'/>");
    assert!(driver.events.contains(&registered("bob", None, false)));
    assert!(driver.send(&register("r2", "alice", "pw")).contains("<error type='cancel'><conflict "));
    assert!(driver.send(&register("r3", "", "pw")).contains("<not-acceptable "));
    assert!(driver.send(&register("r4", "carol", "")).contains("<not-acceptable "));
    let wrong = driver.send(&register("r5", "a@b", "pw"));
    assert!(wrong.contains("<not-acceptable ") && wrong.contains("the name cannot be an account's"), "{wrong}");
    let limited = driver.send(&register("r6", "limited", "pw"));
    assert_eq!(
        limited,
        "<iq type='error' id='r6'><error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><retry xmlns='urn:longwire:push:1' after='60'/></error></iq>"
    );
    assert!(driver.send(&register("r7", "busy", "pw")).contains("after='5'"));
    // The same stream logs in afterwards.
    assert!(driver.scram("alice", "secret").starts_with("<success"));
}

#[test]
fn closed_registration_is_not_allowed() {
    let (mut driver, features) = ready(Registration::Closed);
    assert!(!features.contains(TOKEN_FEATURE) && !features.contains(REGISTER_FEATURE), "{features}");
    for kind in ["get", "set"] {
        let answer = driver.send(&format!("<iq type='{kind}' id='r'><query xmlns='jabber:iq:register'/></iq>"));
        assert!(answer.contains("<error type='cancel'><not-allowed "), "{answer}");
    }
    assert_eq!(driver.send(&preauth("p", APP_KEY)), error("p", "cancel", "not-allowed", "registration is closed"));
    assert!(driver.events.is_empty() && !driver.is_closed);
}

#[test]
fn an_app_key_admits_what_is_refused_without_it() {
    let (mut driver, features) = ready(Registration::AppKey);
    assert!(features.contains(TOKEN_FEATURE) && features.contains(REGISTER_FEATURE), "{features}");
    let refused = driver.send(&register("r1", "bob", "pw"));
    assert!(refused.starts_with("<iq type='error' id='r1'><error type='auth'><not-authorized "), "{refused}");
    assert!(refused.contains("app key"), "{refused}");
    let form = driver.send("<iq type='get' id='r0'><query xmlns='jabber:iq:register'/></iq>");
    assert!(form.contains("type='result'") && form.contains("app key"), "{form}");
    assert_eq!(driver.send(&preauth("p1", APP_KEY)), "<iq type='result' id='p1' from='example.com'/>");
    assert_eq!(driver.send(&register("r2", "alice", "pw")).matches("<conflict ").count(), 1);
    assert_eq!(driver.send(&register("r3", "bob", "pw")), "<iq type='result' id='r3'/>");
    let expected = [
        Event::CheckAppKey(AppKey(APP_KEY.to_owned())),
        registered("alice", Some("k1"), true),
        registered("bob", Some("k1"), false),
    ];
    assert_eq!(driver.events, expected, "the check of the key counts for one registration");
    assert!(driver.scram("alice", "secret").starts_with("<success"));
}

#[test]
fn key_registration_and_login_may_come_in_one_flight() {
    let (mut driver, _) = ready(Registration::AppKey);
    let answer = driver.send(&format!("{}{}", preauth("p", APP_KEY), register("r", "bob", "pw")));
    assert_eq!(answer, "<iq type='result' id='p' from='example.com'/><iq type='result' id='r'/>");
    let (mut driver, _) = ready(Registration::AppKey);
    let answer = driver.send(&format!("{}{}", preauth("p", "wrong"), register("r", "bob", "pw")));
    assert!(answer.contains("<item-not-found ") && answer.contains("<not-authorized "), "{answer}");
}

#[test]
fn a_refused_key_is_told_by_its_error_and_the_fifth_ends_the_stream() {
    for registration in [Registration::Open, Registration::AppKey] {
        let (mut driver, _) = ready(registration);
        let invalid = error("p", "cancel", "item-not-found", "The provided token is unknown or revoked");
        assert_eq!(driver.send(&preauth("p", "wrong")), invalid);
        let revoked = error("p", "cancel", "item-not-found", "The provided token was revoked");
        assert_eq!(driver.send(&preauth("p", "revoked")), revoked);
        assert_eq!(driver.send(&preauth("p", &"x".repeat(1_000))), invalid, "nobody is asked about so long a key");
        for _ in 3..KEY_FAILURES_MAX - 1 {
            assert_eq!(driver.send(&preauth("p", "wrong")), invalid);
        }
        assert_eq!(driver.send(&preauth("p", APP_KEY)), "<iq type='result' id='p' from='example.com'/>");
        let last = driver.send(&preauth("p", "wrong"));
        assert!(last.starts_with(&invalid) && last.contains("<stream:error><policy-violation "), "{last}");
        assert!(last.contains("too many refused app keys") && driver.is_closed, "{last}");
    }
}

#[test]
fn a_key_that_cannot_be_checked_for_now_is_no_refusal() {
    let (mut driver, _) = ready(Registration::AppKey);
    for _ in 0..10 {
        let limited = driver.send(&preauth("p", "limited"));
        assert!(limited.contains("<error type='wait'><resource-constraint ") && limited.contains("after='60'"));
        assert!(driver.send(&preauth("p", "busy")).contains("after='5'"));
    }
    assert!(!driver.is_closed);
}

#[test]
fn a_malformed_request_is_bad_and_asks_nobody() {
    let (mut driver, _) = ready(Registration::AppKey);
    for bad in [
        "<iq type='get' id='p'><preauth xmlns='urn:xmpp:pars:0' token='x'/></iq>",
        "<iq type='set' id='p'><preauth xmlns='urn:xmpp:pars:0'/></iq>",
        "<iq type='set' id='p'><preauth xmlns='urn:xmpp:pars:0' token=' '/></iq>",
        "<iq type='set'><preauth xmlns='urn:xmpp:pars:0' token='x'/></iq>",
    ] {
        let answer = driver.send(bad);
        assert!(answer.contains("<error type='modify'><bad-request "), "{bad}: {answer}");
    }
    assert!(driver.events.is_empty() && !driver.is_closed);
}

#[test]
fn with_open_registration_a_good_key_is_counted_and_none_is_needed() {
    let (mut driver, features) = ready(Registration::Open);
    assert!(features.contains(TOKEN_FEATURE) && features.contains(REGISTER_FEATURE), "{features}");
    assert!(driver.send(&preauth("p", "wrong")).contains("<item-not-found "));
    assert_eq!(driver.send(&register("r1", "bob", "pw")), "<iq type='result' id='r1'/>");
    assert_eq!(driver.send(&preauth("p", APP_KEY)), "<iq type='result' id='p' from='example.com'/>");
    assert_eq!(driver.send(&register("r2", "carol", "pw")), "<iq type='result' id='r2'/>");
    assert!(driver.events.ends_with(&[registered("carol", Some("k1"), true)]), "{:?}", driver.events);
}

#[test]
fn a_key_is_not_taken_without_tls_and_not_shown_by_a_debug_form() {
    let mut config = config();
    config.registration = Registration::AppKey;
    let mut driver = Driver::tcp(config);
    assert!(!driver.send(HEADER).contains("ibr-token"));
    assert_eq!(driver.send(&preauth("p", APP_KEY)), stream_error("not-authorized"));
    assert!(driver.events.iter().all(|event| !matches!(event, Event::CheckAppKey(_))));
    let shown = format!("{:?}", Event::CheckAppKey(AppKey(APP_KEY.to_owned())));
    assert!(!shown.contains("secret"), "{shown}");
}
