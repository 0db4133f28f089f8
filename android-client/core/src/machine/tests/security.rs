//! Somebody between phone and server: channel binding (RFC 5802 §6, XEP-0440) and the signed offer (XEP-0474).

use longwire_protocol::sasl::scram::{ClientFirst, ServerBinding, Verifier, offer_hash};
use longwire_protocol::sasl::{Failure, SaslCondition};
use longwire_protocol::xep::sasl2::{Authenticate, ServerElement};

use super::harness::{EXPORTER, FEATURES, HEADER, Phone, bound, success};
use crate::inbox::Store as _;
use crate::{Event, State, TlsMode, Why};

const PLUS: &str = "<mechanism>SCRAM-SHA-256-PLUS</mechanism>";
const TYPES: &str =
    "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>";

/// A registered phone in front of `features`, its stream just secured.
fn phone_before(features: &str, exporter: Option<[u8; 32]>) -> Phone {
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    phone.event(Event::Secured { exporter });
    phone.receive(HEADER.as_bytes());
    phone.receive(features.as_bytes());
    if phone.take_elements().first().is_some_and(|element| element.name() == "iq") {
        phone.receive(b"<iq type='result' id='register'/>");
    }
    phone
}

fn flag(request: &Authenticate) -> String {
    let first = request.initial_response.clone().expect("data");
    String::from_utf8(first).expect("text").split(',').next().expect("a flag").to_owned()
}

/// The phone waits because the login was not safe, and has what it had.
fn assert_unsafe(phone: &Phone, reason: &str) {
    let State::Waiting { why: why @ Why::Security(words), until_ms: Some(_) } = phone.machine.state() else {
        panic!("{reason}: {:?}", phone.machine.state());
    };
    assert!(words.contains(reason), "{words}");
    assert_eq!(why.name(), "security");
    assert!(phone.store.load().expect("loads").record.account.is_some_and(|account| account.is_registered));
    assert_eq!(phone.closes, 1);
}

#[test]
fn the_binding_follows_what_both_have() {
    let none = FEATURES.replace(PLUS, "").replace(TYPES, "");
    let other = FEATURES.replace("type='tls-exporter'", "type='tls-server-end-point'");
    for (features, exporter, mechanism, expected) in [
        (FEATURES, Some(EXPORTER), "SCRAM-SHA-256-PLUS", "p=tls-exporter"),
        (FEATURES, None, "SCRAM-SHA-256", "n"),
        (none.as_str(), Some(EXPORTER), "SCRAM-SHA-256", "y"),
        (none.as_str(), None, "SCRAM-SHA-256", "n"),
        (other.as_str(), Some(EXPORTER), "SCRAM-SHA-256", "n"),
    ] {
        let request = phone_before(features, exporter).take_login();
        assert_eq!((request.mechanism.as_str(), flag(&request).as_str()), (mechanism, expected));
    }
}

#[test]
fn an_offer_that_contradicts_itself_learns_nothing() {
    for (features, reason) in [
        (FEATURES.replace(PLUS, ""), "no mechanism for them"),
        (FEATURES.replace(TYPES, ""), "no type of it"),
        (FEATURES.replace("<channel-binding type='tls-exporter'/>", ""), "no type of it"),
    ] {
        for exporter in [Some(EXPORTER), None] {
            let mut phone = phone_before(&features, exporter);
            assert_eq!(phone.take_elements(), [], "not even a name");
            assert_unsafe(&phone, reason);
        }
    }
}

/// The server that stands behind the one in the middle signs what it offered; `received` is what was left of that.
fn challenge_behind(phone: &mut Phone, request: &Authenticate, signed: Option<&str>) {
    let password = phone.store.load().expect("loads").record.account.expect("an account").password;
    let verifier = Verifier::derive(&password, b"salt of sixteen!", 4096).expect("a password");
    let first = request.initial_response.as_deref().expect("data");
    let first = ClientFirst::parse(first, ServerBinding::NotOffered).expect("SCRAM without binding");
    let (_, challenge) = first.challenge(verifier, "server-nonce-of-the-test", signed);
    phone.element(&ServerElement::Challenge(challenge).to_element());
}

#[test]
fn a_man_in_the_middle_who_strips_plus_is_found_out() {
    let offered = offer_hash(&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"], Some(&["tls-exporter"]));
    let stripped = FEATURES.replace(PLUS, "").replace(TYPES, "");
    let renamed = FEATURES.replace("type='tls-exporter'", "type='tls-made-up'");
    // With and without something to bind to: the second phone would say `n`, and no server would mind.
    for (features, exporter) in [(&stripped, Some(EXPORTER)), (&stripped, None), (&renamed, Some(EXPORTER))] {
        let mut phone = phone_before(features, exporter);
        let request = phone.take_login();
        assert_eq!(request.mechanism, "SCRAM-SHA-256");
        challenge_behind(&mut phone, &request, Some(&offered));
        let told = phone.take_elements();
        assert_eq!(told.iter().map(|element| element.name().to_owned()).collect::<Vec<_>>(), ["abort"], "no proof");
        assert_unsafe(&phone, "not the ones that the server signed");
    }
    // A list of bindings that nobody signs and that holds none of ours is not believed.
    let mut phone = phone_before(&renamed, Some(EXPORTER));
    let request = phone.take_login();
    challenge_behind(&mut phone, &request, None);
    assert_unsafe(&phone, "not the ones that the server signed");
}

#[test]
fn a_man_in_the_middle_who_strips_everything_is_refused_by_the_server() {
    let mut phone = phone_before(&FEATURES.replace(PLUS, "").replace(TYPES, ""), Some(EXPORTER));
    let request = phone.take_login();
    let first = request.initial_response.as_deref().expect("data");
    let refusal = ClientFirst::parse(first, ServerBinding::Offered).expect_err("`y` is refused");
    assert_eq!(refusal.condition, SaslCondition::NotAuthorized);
    phone.element(&refusal.to_sasl2());
    assert_unsafe(&phone, "server-does-support-channel-binding");
}

#[test]
fn a_proxy_that_speaks_tls_on_both_sides_costs_no_account() {
    let mut phone = Phone::online();
    phone.event(Event::Closed);
    phone.wait();
    phone.event(Event::Secured { exporter: Some([8; 32]) });
    phone.receive(HEADER.as_bytes());
    phone.receive(FEATURES.as_bytes());
    phone.take_written();
    // The token was proved for another channel, which nobody can tell from another token.
    phone.element(&Failure::new(SaslCondition::NotAuthorized).to_sasl2());
    let request = phone.take_login();
    assert_eq!(request.mechanism, "SCRAM-SHA-256-PLUS");
    let challenged = phone.challenge(&request);
    let response = phone.take_elements().remove(0);
    let data = longwire_protocol::sasl::base64::decode(&response.text()).expect("data");
    let refusal = challenged.finish(&data).expect_err("another channel");
    phone.element(&refusal.to_sasl2());
    let state = phone.machine.state();
    assert!(matches!(state, State::Waiting { why: Why::Security(_), .. }), "{state:?}");
    assert!(phone.store.load().expect("loads").record.account.is_some());
    // The proxy goes away, and everything is as before.
    phone.wait();
    assert_eq!(phone.log_in(&bound(100, 100)).mechanism, "SCRAM-SHA-256-PLUS");
    assert_eq!(phone.machine.state().name(), "online");
}

#[test]
fn a_hostile_server_gets_no_proof_and_costs_no_account() {
    let nonce = |request: &Authenticate| {
        let first = String::from_utf8(request.initial_response.clone().expect("data")).expect("text");
        first.rsplit_once("r=").expect("a nonce").1.to_owned()
    };
    type Challenge = fn(&str) -> String;
    let hostile: [(Challenge, &str); 5] = [
        (|nonce| format!("r={nonce},s=c2FsdA==,i=4096"), "does not extend"),
        (|_| "r=another-nonce-altogether,s=c2FsdA==,i=4096".to_owned(), "does not extend"),
        (|nonce| format!("r={nonce}x,s=c2FsdA==,i=4095"), "4095 iterations"),
        (|nonce| format!("r={nonce}x,s=c2FsdA==,i=1000001"), "1000001 iterations"),
        (|nonce| format!("r={nonce}x,s=c2FsdA==,i=4096,h=AAAA"), "not the ones that the server signed"),
    ];
    for (challenge, reason) in hostile {
        let mut phone = phone_before(FEATURES, Some(EXPORTER));
        let request = phone.take_login();
        let data = challenge(&nonce(&request)).into_bytes();
        phone.element(&ServerElement::Challenge(data).to_element());
        assert!(!phone.take_written().contains("<response"), "{reason}");
        assert_unsafe(&phone, reason);
    }
}

#[test]
fn a_success_without_the_servers_signature_is_no_success() {
    for data in [b"v=AAAA".to_vec(), b"v=".to_vec(), b"e=other-error".to_vec(), Vec::new()] {
        let mut phone = phone_before(FEATURES, Some(EXPORTER));
        let request = phone.take_login();
        drop(phone.challenge(&request));
        phone.element(&success(data, &bound(100, 100), Some("token-of-an-impostor")));
        assert_unsafe(&phone, "could not prove");
        let record = phone.store.load().expect("loads").record;
        assert_eq!((record.token, record.cursor), (None, None));
    }
    // Before the proof was asked for, too.
    let mut phone = phone_before(FEATURES, Some(EXPORTER));
    phone.take_login();
    phone.element(&success(Vec::new(), &bound(100, 100), None));
    assert_unsafe(&phone, "could not prove");
}
