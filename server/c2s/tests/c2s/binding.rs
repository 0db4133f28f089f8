//! SCRAM-SHA-256-PLUS in both profiles: what is offered (XEP-0440), what is signed (XEP-0474), what is refused.

use longwire_protocol::sasl::base64;
use longwire_protocol::sasl::scram::{Client, ClientBinding, offer_hash};

use crate::harness::{Driver, EXPORTER, HEADER, between, config};

const PLUS: &str = "SCRAM-SHA-256-PLUS";
const SCRAM: &str = "SCRAM-SHA-256";

/// How SASL is put in XML.
#[derive(Clone, Copy, Debug)]
enum Profile {
    Classic,
    Sasl2,
}

use Profile::{Classic, Sasl2};

impl Profile {
    const fn ns(self) -> &'static str {
        match self {
            Classic => "urn:ietf:params:xml:ns:xmpp-sasl",
            Sasl2 => "urn:xmpp:sasl:2",
        }
    }

    fn begin(self, mechanism: &str, data: &[u8]) -> String {
        let (ns, data) = (self.ns(), base64::encode(data));
        match self {
            Classic => format!("<auth xmlns='{ns}' mechanism='{mechanism}'>{data}</auth>"),
            Sasl2 => format!(
                "<authenticate xmlns='{ns}' mechanism='{mechanism}'><initial-response>{data}</initial-response></authenticate>"
            ),
        }
    }

    fn challenge(self, answer: &str) -> Vec<u8> {
        let start = format!("<challenge xmlns='{}'>", self.ns());
        base64::decode(&between(answer, &start, "<")).expect("data")
    }

    fn respond(self, data: &[u8]) -> String {
        format!("<response xmlns='{}'>{}</response>", self.ns(), base64::encode(data))
    }

    fn success(self, answer: &str) -> Vec<u8> {
        let start = match self {
            Classic => format!("<success xmlns='{}'>", self.ns()),
            Sasl2 => "<additional-data>".to_owned(),
        };
        base64::decode(&between(answer, &start, "<")).expect("data")
    }
}

/// TLS 1.2: nothing to bind to.
fn unbound() -> Driver {
    let mut driver = Driver::tcp(config());
    driver.stream.handle_tls(None, 0);
    driver.send(HEADER);
    driver
}

/// Runs an exchange to the end; the last answer, and what the server signed of its offer.
fn log_in(driver: &mut Driver, profile: Profile, mechanism: &str, binding: ClientBinding) -> (String, Option<String>) {
    let (client, first) = Client::new("alice", "secret", "client-nonce-0123456789", binding).expect("a password");
    let answer = driver.send(&profile.begin(mechanism, &first));
    if answer.starts_with("<failure") {
        return (answer, None);
    }
    let challenge = profile.challenge(&answer);
    let signed = String::from_utf8_lossy(&challenge).split_once(",h=").map(|(_, hash)| hash.to_owned());
    let (end, last) = client.handle_challenge(&challenge, None).expect("a challenge");
    let answer = driver.send(&profile.respond(&last));
    if answer.starts_with("<success") {
        end.verify(&profile.success(&answer)).expect("the server's proof");
    }
    (answer, signed)
}

fn mismatch(profile: Profile, text: &str) -> String {
    let condition = match profile {
        Classic => "<not-authorized/>",
        Sasl2 => "<not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    };
    format!(
        "<failure xmlns='{}'>{condition}<text xml:lang='en'>{text}</text><channel-binding-mismatch xmlns='urn:longwire:push:1'/></failure>",
        profile.ns()
    )
}

#[test]
fn plus_binds_the_login_to_its_channel_and_signs_the_offer() {
    for profile in [Classic, Sasl2] {
        for (mechanism, binding) in [(PLUS, ClientBinding::Exporter(EXPORTER)), (SCRAM, ClientBinding::Unsupported)] {
            let (answer, signed) = log_in(&mut Driver::ready(), profile, mechanism, binding);
            assert!(answer.starts_with("<success"), "{profile:?} {mechanism}: {answer}");
            assert_eq!(signed, Some(offer_hash(&[PLUS, SCRAM, "PLAIN"], Some(&["tls-exporter"]))));
        }
    }
}

#[test]
fn tls_06_a_login_on_another_channel_is_refused_and_not_for_its_password() {
    for profile in [Classic, Sasl2] {
        let (answer, _) = log_in(&mut Driver::ready(), profile, PLUS, ClientBinding::Exporter([8; 32]));
        assert_eq!(answer, mismatch(profile, "channel-bindings-dont-match"));
    }
}

#[test]
fn tls_07_a_client_that_was_not_shown_plus_is_told_that_there_is() {
    for profile in [Classic, Sasl2] {
        let mut driver = Driver::ready();
        let (answer, _) = log_in(&mut driver, profile, SCRAM, ClientBinding::NotOffered);
        assert_eq!(answer, mismatch(profile, "server-does-support-channel-binding"));
        assert!(!driver.is_closed);
    }
}

#[test]
fn a_flag_that_contradicts_the_mechanism_is_refused() {
    for profile in [Classic, Sasl2] {
        for (mechanism, binding) in [
            (SCRAM, ClientBinding::Exporter(EXPORTER)),
            (PLUS, ClientBinding::Unsupported),
            (PLUS, ClientBinding::NotOffered),
        ] {
            let (answer, _) = log_in(&mut Driver::ready(), profile, mechanism, binding);
            assert_eq!(answer, mismatch(profile, "channel-bindings-dont-match"), "{mechanism} {binding:?}");
        }
        let answer = Driver::ready().send(&profile.begin(PLUS, b"p=tls-unique,,n=alice,r=client-nonce-0123456789"));
        assert_eq!(answer, mismatch(profile, "unsupported-channel-binding-type"));
    }
}

#[test]
fn without_an_exporter_there_is_no_plus_and_nothing_is_said_of_bindings() {
    let mut driver = Driver::tcp(config());
    driver.stream.handle_tls(None, 0);
    let features = driver.send(HEADER);
    for absent in ["PLUS", "sasl-channel-binding", "tls-", "fast"] {
        assert!(!features.contains(absent), "{absent}: {features}");
    }
    for profile in [Classic, Sasl2] {
        for binding in [ClientBinding::Unsupported, ClientBinding::NotOffered] {
            let (answer, signed) = log_in(&mut unbound(), profile, SCRAM, binding);
            assert!(answer.starts_with("<success"), "{profile:?} {binding:?}: {answer}");
            assert_eq!(signed, Some(offer_hash(&[SCRAM, "PLAIN"], None::<&[&str]>)));
        }
        let (answer, _) = log_in(&mut unbound(), profile, PLUS, ClientBinding::Exporter(EXPORTER));
        assert!(answer.contains("<invalid-mechanism"), "{answer}");
        let (answer, _) = log_in(&mut unbound(), profile, SCRAM, ClientBinding::Exporter(EXPORTER));
        assert_eq!(answer, mismatch(profile, "channel-binding-not-supported"));
    }
}

#[test]
fn without_tls_the_offer_is_signed_too() {
    let mut config = config();
    config.plaintext = true;
    let mut driver = Driver::tcp(config.clone());
    driver.send(HEADER);
    let (answer, signed) = log_in(&mut driver, Classic, SCRAM, ClientBinding::NotOffered);
    assert!(answer.starts_with("<success"), "{answer}");
    assert_eq!(signed, Some(offer_hash(&[SCRAM], None::<&[&str]>)));
    let mut driver = Driver::tcp(config);
    driver.send(HEADER);
    let (answer, _) = log_in(&mut driver, Classic, PLUS, ClientBinding::Exporter(EXPORTER));
    assert!(answer.contains("<encryption-required/>"), "{answer}");
}

#[test]
fn a_message_cut_anywhere_is_refused_and_leaves_the_stream() {
    for profile in [Classic, Sasl2] {
        let first = b"p=tls-exporter,,n=alice,r=client-nonce-0123456789";
        for length in 1..first.len() {
            let mut driver = Driver::ready();
            let answer = driver.send(&profile.begin(PLUS, first.get(..length).expect("a prefix")));
            let is_refused = answer.starts_with("<failure") || answer.starts_with("<challenge");
            assert!(is_refused && !driver.is_closed && !driver.stream.is_bound(), "{length}: {answer}");
            if length < b"p=tls-exporter,,n=alice,r=c".len() {
                assert!(answer.starts_with("<failure"), "{length}: {answer}");
            }
        }
        let (client, first) =
            Client::new("alice", "secret", "client-nonce-0123456789", ClientBinding::Exporter(EXPORTER))
                .expect("a password");
        let mut driver = Driver::ready();
        let challenge = profile.challenge(&driver.send(&profile.begin(PLUS, &first)));
        let (_, last) = client.handle_challenge(&challenge, None).expect("a challenge");
        for length in (0..last.len()).step_by(3) {
            let mut driver = Driver::ready();
            driver.send(&profile.begin(PLUS, &first));
            let answer = driver.send(&profile.respond(last.get(..length).expect("a prefix")));
            assert!(answer.starts_with("<failure"), "{length}: {answer}");
        }
    }
}

#[test]
fn names_of_mechanisms_are_compared_as_they_are_written() {
    for name in ["scram-sha-256-plus", "SCRAM-SHA-256-PLUS ", " SCRAM-SHA-256", "SCRAM-SHA-1", ""] {
        for profile in [Classic, Sasl2] {
            let answer = Driver::ready().send(&profile.begin(name, b"n,,n=alice,r=client-nonce-0123456789"));
            assert!(answer.contains("<invalid-mechanism"), "{name:?}: {answer}");
        }
    }
}
