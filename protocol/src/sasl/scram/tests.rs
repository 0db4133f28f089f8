//! SCRAM against RFC 7677 §3, its grammar, and hostile partners.

use super::{Client, ClientBinding, ClientError, ClientFirst, ServerBinding, Verifier};
use crate::sasl::{SaslCondition, base64};

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
fn exchange(client_binding: ClientBinding, server_binding: ServerBinding) -> Result<(), SaslCondition> {
    let (client, first) = client(client_binding);
    let (server, challenge) = ClientFirst::parse(&first, server_binding)?.challenge(verifier(), SERVER_NONCE);
    let (client, response) = client.handle_challenge(&challenge).expect("a challenge");
    let success = server.finish(&response)?;
    client.verify(&success).expect("the server's proof");
    Ok(())
}

#[test]
fn client_speaks_the_example_of_rfc_7677() {
    let (client, first) = client(ClientBinding::Unsupported);
    assert_eq!(first, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let (client, response) = client.handle_challenge(CHALLENGE.as_bytes()).expect("a challenge");
    assert_eq!(String::from_utf8_lossy(&response), RESPONSE);
    assert_eq!(client.verify(SUCCESS.as_bytes()), Ok(()));
}

#[test]
fn server_speaks_the_example_of_rfc_7677() {
    let first = ClientFirst::parse(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", ServerBinding::NotOffered).expect("a message");
    assert_eq!((first.username.as_str(), &first.authzid), ("user", &None));
    let (server, challenge) = first.challenge(verifier(), SERVER_NONCE);
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
    let (server, challenge) = first.challenge(fake, SERVER_NONCE);
    let (_, response) = client.handle_challenge(&challenge).expect("a challenge");
    assert_eq!(server.finish(&response), Err(SaslCondition::NotAuthorized));
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
        assert_eq!(read, Err(SaslCondition::MalformedRequest), "{text:?}");
    }
    assert!(ClientFirst::parse(b"n,,n=\xff,r=x", ServerBinding::NotOffered).is_err());
}

#[test]
fn auth_14_a_changed_nonce_or_binding_is_not_authorized() {
    let changed = [
        (RESPONSE.replace("%hv", "%hw"), SaslCondition::NotAuthorized),
        (RESPONSE.replace("c=biws", "c=eSws"), SaslCondition::NotAuthorized),
        (RESPONSE.replace("p=dH", "p=dI"), SaslCondition::NotAuthorized),
        (RESPONSE.replace(",p=", ",m=x,p="), SaslCondition::MalformedRequest),
        (RESPONSE.replace(",p=", ",q="), SaslCondition::MalformedRequest),
        (RESPONSE.replace("VQ=", ""), SaslCondition::MalformedRequest),
        (String::new(), SaslCondition::MalformedRequest),
    ];
    for (response, expected) in changed {
        let first = ClientFirst::parse(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", ServerBinding::NotOffered);
        let (server, _) = first.expect("a message").challenge(verifier(), SERVER_NONCE);
        assert_eq!(server.finish(response.as_bytes()), Err(expected), "{response:?}");
    }
}

#[test]
fn channel_binding_must_agree() {
    use {ClientBinding as C, ServerBinding as S};
    let refused = Err(SaslCondition::NotAuthorized);
    let cases = [
        (C::Unsupported, S::NotOffered, Ok(())),
        (C::Unsupported, S::Offered, Ok(())),
        (C::NotOffered, S::NotOffered, Ok(())),
        // TLS-07: somebody took -PLUS out of the list.
        (C::NotOffered, S::Offered, refused),
        (C::Exporter([1; 32]), S::Exporter([1; 32]), Ok(())),
        // TLS-06: another channel's data.
        (C::Exporter([1; 32]), S::Exporter([2; 32]), refused),
        (C::Exporter([1; 32]), S::Offered, refused),
        (C::Exporter([1; 32]), S::NotOffered, refused),
        (C::Unsupported, S::Exporter([1; 32]), refused),
        (C::NotOffered, S::Exporter([1; 32]), refused),
    ];
    for (client, server, expected) in cases {
        assert_eq!(exchange(client, server), expected, "{client:?} {server:?}");
    }
    let other_type = ClientFirst::parse(b"p=tls-unique,,n=user,r=x", ServerBinding::Exporter([1; 32]));
    assert_eq!(other_type, Err(SaslCondition::NotAuthorized));
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
        ("e=other-error".to_owned(), ClientError::Malformed),
        (String::new(), ClientError::Malformed),
    ];
    for (challenge, expected) in cases {
        let (client, _) = client(ClientBinding::Unsupported);
        let refused = client.handle_challenge(challenge.as_bytes()).err();
        assert_eq!(refused, Some(expected), "{challenge:?}");
    }
}

#[test]
fn the_client_takes_no_success_without_the_servers_proof() {
    let cases = [
        (SUCCESS.replace("v=6", "v=7"), ClientError::Impostor),
        ("v=".to_owned(), ClientError::Impostor),
        ("e=invalid-proof".to_owned(), ClientError::Refused),
        (String::new(), ClientError::Malformed),
    ];
    for (success, expected) in cases {
        let (client, _) = client(ClientBinding::Unsupported);
        let (client, _) = client.handle_challenge(CHALLENGE.as_bytes()).expect("a challenge");
        assert_eq!(client.verify(success.as_bytes()), Err(expected), "{success:?}");
    }
}

#[test]
fn secrets_stay_out_of_debug_forms() {
    let (client, _) = client(ClientBinding::Unsupported);
    assert!(!format!("{client:?} {:?}", verifier()).contains("pencil"));
    assert_eq!(format!("{:?}", verifier()), "Verifier { iterations: 4096, .. }");
}
