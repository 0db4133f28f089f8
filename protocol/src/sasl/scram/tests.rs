//! SCRAM against RFC 7677 §3, its grammar, and hostile partners.

use super::{Client, ClientBinding, ClientError, ClientFirst, ServerBinding, Verifier, offer_hash};
use crate::sasl::{Failure, SaslCondition, base64};

const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const CHALLENGE: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const RESPONSE: &str =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SUCCESS: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn verifier() -> Verifier {
    let salt = base64::decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("Base64");
    Verifier::derive("pencil", &salt, 4096).expect("a password")
}

fn client(binding: ClientBinding) -> (Client, Vec<u8>) {
    Client::new("user", "pencil", CLIENT_NONCE, binding).expect("a password")
}

/// Runs the exchange to the server's verdict.
fn exchange(client_binding: ClientBinding, server_binding: ServerBinding) -> Result<(), Failure> {
    let (client, first) = client(client_binding);
    let (server, challenge) = ClientFirst::parse(&first, server_binding)?.challenge(verifier(), SERVER_NONCE, None);
    let (client, response) = client.handle_challenge(&challenge, None).expect("a challenge");
    let success = server.finish(&response)?;
    client.verify(&success).expect("the server's proof");
    Ok(())
}

#[test]
fn client_speaks_the_example_of_rfc_7677() {
    let (client, first) = client(ClientBinding::Unsupported);
    assert_eq!(first, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let (client, response) = client.handle_challenge(CHALLENGE.as_bytes(), None).expect("a challenge");
    assert_eq!(String::from_utf8_lossy(&response), RESPONSE);
    assert_eq!(client.verify(SUCCESS.as_bytes()), Ok(()));
}

#[test]
fn server_speaks_the_example_of_rfc_7677() {
    let first = ClientFirst::parse(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", ServerBinding::NotOffered).expect("a message");
    assert_eq!((first.username.as_str(), &first.authzid), ("user", &None));
    let (server, challenge) = first.challenge(verifier(), SERVER_NONCE, None);
    assert_eq!(String::from_utf8_lossy(&challenge), CHALLENGE);
    assert_eq!(server.finish(RESPONSE.as_bytes()).as_deref(), Ok(SUCCESS.as_bytes()));
}

#[test]
fn verifiers_verify_passwords() {
    let verifier = verifier();
    assert!(verifier.verify_password("pencil"));
    assert!(verifier.verify_password("pen\u{ad}cil"), "SASLprep maps the soft hyphen to nothing");
    for wrong in ["Pencil", "pencil ", "", "\u{7}"] {
        assert!(!verifier.verify_password(wrong), "{wrong:?}");
    }
}

#[test]
fn auth_17_a_fake_verifier_is_stable_per_name_and_fits_nothing() {
    let fake = Verifier::fake(b"secret", "nobody", 4096);
    assert_eq!(fake, Verifier::fake(b"secret", "nobody", 4096));
    assert_ne!(fake.salt, Verifier::fake(b"secret", "somebody", 4096).salt);
    assert_eq!(fake.salt.len(), 16);
    assert!(!fake.verify_password("pencil"));
    let (client, first) = client(ClientBinding::Unsupported);
    let first = ClientFirst::parse(&first, ServerBinding::NotOffered).expect("a message");
    let (server, challenge) = first.challenge(fake, SERVER_NONCE, None);
    let (_, response) = client.handle_challenge(&challenge, None).expect("a challenge");
    assert_eq!(server.finish(&response), Err(SaslCondition::NotAuthorized.into()));
}

#[test]
fn names_with_commas_and_equals_signs_survive() {
    let (_, first) = Client::new("a,b=c=2C", "pencil", "nonce", ClientBinding::Unsupported).expect("a password");
    assert_eq!(String::from_utf8_lossy(&first), "n,,n=a=2Cb=3Dc=3D2C,r=nonce");
    let read = ClientFirst::parse(&first, ServerBinding::NotOffered).expect("a message");
    assert_eq!(read.username, "a,b=c=2C");
    let read = ClientFirst::parse(b"n,a=x=2Cy,n=u,r=n,t=ext", ServerBinding::NotOffered).expect("a message");
    assert_eq!(read.authzid.as_deref(), Some("x,y"));
}

#[test]
fn first_messages_against_the_grammar_are_malformed() {
    let wrong = [
        "",
        "n",
        "n,",
        "n,,",
        "n,,n=user",
        "n,,n=,r=x",
        "n,,n=user,r=",
        "n,,r=x,n=user",
        "x,,n=user,r=x",
        "p,,n=user,r=x",
        "n,b=x,n=user,r=x",
        "n,a=,n=user,r=x",
        "n,,n=us=er,r=x",
        "n,,n=us=2c,r=x",
        "n,,m=ext,n=user,r=x",
        "n,,n=user,r=x,m=ext",
        "n,,n=user,r=x,",
        "n,,n=user,r=a b",
        "n,,n=user,r=é",
    ];
    for text in wrong {
        let read = ClientFirst::parse(text.as_bytes(), ServerBinding::NotOffered);
        assert_eq!(read, Err(SaslCondition::MalformedRequest.into()), "{text:?}");
    }
    assert!(ClientFirst::parse(b"n,,n=\xff,r=x", ServerBinding::NotOffered).is_err());
}

#[test]
fn auth_14_a_changed_nonce_or_proof_is_not_authorized() {
    let changed = [
        (RESPONSE.replace("%hv", "%hw"), SaslCondition::NotAuthorized),
        // A proof over other data does not prove anything, whatever the binding says.
        (RESPONSE.replace("c=biws", "c=eSws"), SaslCondition::NotAuthorized),
        (RESPONSE.replace("c=biws", "c=?"), SaslCondition::NotAuthorized),
        (RESPONSE.replace("c=biws", "c="), SaslCondition::NotAuthorized),
        (RESPONSE.replace("c=biws", "C=biws"), SaslCondition::MalformedRequest),
        (RESPONSE.replace("c=biws", " c=biws"), SaslCondition::MalformedRequest),
        (RESPONSE.replace(",r=", ", r="), SaslCondition::MalformedRequest),
        (RESPONSE.replace(",p=", ",P="), SaslCondition::MalformedRequest),
        (format!("{RESPONSE}\n"), SaslCondition::MalformedRequest),
        (RESPONSE.split_once(",p=").expect("a proof").0.to_owned(), SaslCondition::MalformedRequest),
        (RESPONSE.replace("p=dH", "p=dI"), SaslCondition::NotAuthorized),
        (RESPONSE.replace(",p=", ",m=x,p="), SaslCondition::MalformedRequest),
        (RESPONSE.replace(",p=", ",q="), SaslCondition::MalformedRequest),
        (RESPONSE.replace("VQ=", ""), SaslCondition::MalformedRequest),
        (String::new(), SaslCondition::MalformedRequest),
    ];
    for (response, expected) in changed {
        let first = ClientFirst::parse(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", ServerBinding::NotOffered);
        let (server, _) = first.expect("a message").challenge(verifier(), SERVER_NONCE, None);
        assert_eq!(server.finish(response.as_bytes()), Err(expected.into()), "{response:?}");
    }
}

#[test]
fn channel_binding_must_agree() {
    use {ClientBinding as C, ServerBinding as S};
    let refused = |why: &str| Err(Failure::of_binding(why));
    let others = || refused("channel-bindings-dont-match");
    let cases = [
        (C::Unsupported, S::NotOffered, Ok(())),
        (C::Unsupported, S::Offered, Ok(())),
        (C::NotOffered, S::NotOffered, Ok(())),
        // TLS-07: somebody took -PLUS out of the list.
        (C::NotOffered, S::Offered, refused("server-does-support-channel-binding")),
        (C::Exporter([1; 32]), S::Exporter([1; 32]), Ok(())),
        // TLS-06: another channel's data.
        (C::Exporter([1; 32]), S::Exporter([2; 32]), others()),
        (C::Exporter([1; 32]), S::Offered, others()),
        (C::Exporter([1; 32]), S::NotOffered, refused("channel-binding-not-supported")),
        (C::Unsupported, S::Exporter([1; 32]), others()),
        (C::NotOffered, S::Exporter([1; 32]), others()),
    ];
    for (client, server, expected) in cases {
        assert_eq!(exchange(client, server), expected, "{client:?} {server:?}");
    }
    let other_type = ClientFirst::parse(b"p=tls-unique,,n=user,r=x", ServerBinding::Exporter([1; 32]));
    assert_eq!(other_type, Err(Failure::of_binding("unsupported-channel-binding-type")));
}

#[test]
fn a_wrong_password_is_told_from_a_wrong_binding() {
    let (client, first) =
        Client::new("user", "pencils", CLIENT_NONCE, ClientBinding::Exporter([2; 32])).expect("a password");
    let first = ClientFirst::parse(&first, ServerBinding::Exporter([1; 32])).expect("a message");
    let (server, challenge) = first.challenge(verifier(), SERVER_NONCE, None);
    let (_, response) = client.handle_challenge(&challenge, None).expect("a challenge");
    assert_eq!(server.finish(&response), Err(SaslCondition::NotAuthorized.into()));
}

#[test]
fn binding_data_that_is_cut_or_padded_is_another_binding() {
    let first = b"p=tls-exporter,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    for data in [[1; 31].as_slice(), &[1; 33], &[], &[0; 32]] {
        let parsed = ClientFirst::parse(first, ServerBinding::Exporter([1; 32])).expect("a message");
        let (server, challenge) = parsed.challenge(verifier(), SERVER_NONCE, None);
        let challenge = String::from_utf8(challenge).expect("text");
        let binding = super::message::binding_input("p=tls-exporter,,", data);
        let without_proof = format!("c={binding},r={CLIENT_NONCE}{SERVER_NONCE}");
        let signed = format!("n=user,r={CLIENT_NONCE},{challenge},{without_proof}");
        let salt = base64::decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("Base64");
        let keys = super::verifier::Keys::derive(b"pencil", &salt, 4096);
        let signature = super::verifier::hmac(&keys.stored_key, signed.as_bytes());
        let proof = base64::encode(&super::verifier::xor(keys.client_key, signature));
        let refused = server.finish(format!("{without_proof},p={proof}").as_bytes());
        assert_eq!(refused, Err(Failure::of_binding("channel-bindings-dont-match")), "{} bytes", data.len());
    }
}

/// XEP-0474: the server signs what it offers, the client holds that against what it received.
#[test]
fn a_signed_offer_must_be_the_one_that_was_received() {
    let whole = offer_hash(&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"], Some(&["tls-exporter"]));
    let less = offer_hash(&["SCRAM-SHA-256"], None::<&[&str]>);
    let challenge = |offer: Option<&str>| {
        let first = ClientFirst::parse(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", ServerBinding::Offered);
        first.expect("a message").challenge(verifier(), SERVER_NONCE, offer)
    };
    let handle = |binding, signed: Option<&str>, received: &str| {
        client(binding).0.handle_challenge(&challenge(signed).1, Some(received)).map(|_| ())
    };
    use ClientBinding as C;
    assert_eq!(handle(C::Unsupported, Some(&whole), &whole), Ok(()));
    assert_eq!(handle(C::Unsupported, Some(&whole), &less), Err(ClientError::Downgraded));
    assert_eq!(handle(C::Unsupported, Some(&whole), &whole.to_lowercase()), Err(ClientError::Downgraded));
    assert_eq!(handle(C::Unsupported, None, &less), Ok(()), "a server without XEP-0474");
    assert_eq!(handle(C::NoneInCommon, Some(&whole), &whole), Ok(()));
    assert_eq!(handle(C::NoneInCommon, None, &whole), Err(ClientError::Downgraded), "nothing vouches for the list");

    // Who takes the attribute away, or puts another in its place, breaks the proof.
    for swapped in [String::new(), format!(",h={less}")] {
        let (server, sent) = challenge(Some(&whole));
        let sent = String::from_utf8(sent).expect("text").replace(&format!(",h={whole}"), &swapped);
        let (_, response) = client(C::Unsupported).0.handle_challenge(sent.as_bytes(), Some(&less)).expect("fits");
        assert_eq!(server.finish(&response), Err(SaslCondition::NotAuthorized.into()), "{swapped:?}");
    }
    let twice = format!("{CHALLENGE},h={whole},h={less}");
    let refused = client(C::Unsupported).0.handle_challenge(twice.as_bytes(), Some(&whole)).err();
    assert_eq!(refused, Some(ClientError::Downgraded));
}

#[test]
fn auth_15_the_client_refuses_hostile_challenges() {
    let cases = [
        (CHALLENGE.replace("i=4096", "i=10000000"), ClientError::Iterations(10_000_000)),
        (CHALLENGE.replace("i=4096", "i=1000001"), ClientError::Iterations(1_000_001)),
        (CHALLENGE.replace("i=4096", "i=4095"), ClientError::Iterations(4095)),
        (CHALLENGE.replace("i=4096", "i=4294971392"), ClientError::Iterations(4_294_971_392)),
        (CHALLENGE.replace("i=4096", "i=x"), ClientError::Malformed),
        (CHALLENGE.replace("r=rOp", "r=sOp"), ClientError::Nonce),
        (format!("r={CLIENT_NONCE},s=AAAA,i=4096"), ClientError::Nonce),
        (format!("m=x,{CHALLENGE}"), ClientError::Malformed),
        (format!("{CHALLENGE},m=x"), ClientError::Malformed),
        (CHALLENGE.replace("s=W22ZaJ0SNY7soEsUEjb6gQ==", "s="), ClientError::Malformed),
        (CHALLENGE.replace("i=4096", "i=0"), ClientError::Iterations(0)),
        (CHALLENGE.replace("i=4096", "i=-1"), ClientError::Malformed),
        (CHALLENGE.replace("i=4096", "i=99999999999999999999"), ClientError::Malformed),
        (CHALLENGE.replace("i=4096", "i= 4096"), ClientError::Malformed),
        (CHALLENGE.replace("r=rOp", "r=ROp"), ClientError::Nonce),
        (CHALLENGE.replace("r=rOp", "R=rOp"), ClientError::Malformed),
        (CHALLENGE.replace(",s=", ", s="), ClientError::Malformed),
        (CHALLENGE.replace("gQ==", "gQ"), ClientError::Malformed),
        (CHALLENGE.replace("%hv", "%h\u{e9}"), ClientError::Nonce),
        (format!("{CHALLENGE},h"), ClientError::Malformed),
        (format!("{CHALLENGE},h="), ClientError::Malformed),
        (CHALLENGE.split_once(",i=").expect("a count").0.to_owned(), ClientError::Malformed),
        (CHALLENGE.split_once(",s=").expect("a salt").0.to_owned(), ClientError::Malformed),
        ("e=other-error".to_owned(), ClientError::Malformed),
        (String::new(), ClientError::Malformed),
    ];
    for (challenge, expected) in cases {
        let (client, _) = client(ClientBinding::Unsupported);
        let refused = client.handle_challenge(challenge.as_bytes(), None).err();
        assert_eq!(refused, Some(expected), "{challenge:?}");
    }
}

#[test]
fn the_client_takes_no_success_without_the_servers_proof() {
    let cases = [
        (SUCCESS.replace("v=6", "v=7"), ClientError::Impostor),
        ("v=".to_owned(), ClientError::Impostor),
        (SUCCESS.replace("v=6", "v=6A"), ClientError::Malformed),
        (SUCCESS.replace("95G4=", "95G"), ClientError::Malformed),
        (SUCCESS.replace("v=", "V="), ClientError::Malformed),
        (format!(" {SUCCESS}"), ClientError::Malformed),
        ("e=invalid-proof".to_owned(), ClientError::Refused),
        (String::new(), ClientError::Malformed),
    ];
    for (success, expected) in cases {
        let (client, _) = client(ClientBinding::Unsupported);
        let (client, _) = client.handle_challenge(CHALLENGE.as_bytes(), None).expect("a challenge");
        assert_eq!(client.verify(success.as_bytes()), Err(expected), "{success:?}");
    }
}

#[test]
fn secrets_stay_out_of_debug_forms() {
    let (client, _) = client(ClientBinding::Unsupported);
    assert!(!format!("{client:?} {:?}", verifier()).contains("pencil"));
    assert_eq!(format!("{:?}", verifier()), "Verifier { iterations: 4096, .. }");
}
