//! SASL: each message of each mechanism, from clients and from servers; a line break parts the first message of an exchange from the second.

use std::sync::OnceLock;

use longwire_protocol::sasl::scram::{
    Client, ClientBinding, ClientFirst, ITERATIONS_MAX, ITERATIONS_MIN, ServerBinding, Verifier,
};
use longwire_protocol::sasl::{Plain, base64, ht, prepare_password};

const EXPORTER: [u8; 32] = [9; 32];
/// Of the example of RFC 7677 §3.
const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const PASSWORD: &str = "pencil";

/// The target.
pub(crate) fn run(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (first, rest) = data.split_at(end);
    let second = rest.get(1..).unwrap_or_default();
    single(data);
    for binding in [ServerBinding::NotOffered, ServerBinding::Offered, ServerBinding::Exporter(EXPORTER)] {
        server(first, second, binding);
    }
    let bindings = [
        ClientBinding::Unsupported,
        ClientBinding::NotOffered,
        ClientBinding::NoneInCommon,
        ClientBinding::Exporter(EXPORTER),
    ];
    for binding in bindings {
        client(first, second, binding);
    }
}

/// Mechanisms of one message, and what stands in it.
fn single(data: &[u8]) {
    if let Ok(plain) = Plain::parse(data) {
        assert_eq!(Plain::parse(&plain.to_bytes()), Ok(plain), "PLAIN");
    }
    if let Ok(initiator) = ht::Initiator::parse(data) {
        assert!(!initiator.authcid.is_empty() && !initiator.authcid.contains('\0'), "a name");
        assert!(!initiator.proves(b"a token that nobody has", &EXPORTER), "a forged token");
    }
    if let Ok(text) = std::str::from_utf8(data) {
        if let Some(decoded) = base64::decode(text) {
            assert_eq!(base64::decode(&base64::encode(&decoded)), Some(decoded), "base64");
        }
        let is_empty = prepare_password(text).is_ok_and(|prepared| prepared.is_empty());
        assert!(!is_empty, "a password without characters");
    }
}

fn server(first: &[u8], second: &[u8], binding: ServerBinding) {
    static VERIFIER: OnceLock<Verifier> = OnceLock::new();
    let Ok(parsed) = ClientFirst::parse(first, binding) else { return };
    assert!(!parsed.username.is_empty() && !parsed.username.contains('\0'), "a name");
    let derive = || Verifier::derive(PASSWORD, b"salt of sixteen!", ITERATIONS_MIN).expect("a password");
    let verifier = VERIFIER.get_or_init(derive).clone();
    let (challenged, challenge) = parsed.challenge(verifier, SERVER_NONCE, None);
    assert!(challenge.starts_with(b"r=") && !challenge.contains(&0), "a challenge");
    if let Ok(proof) = challenged.finish(second) {
        assert!(proof.starts_with(b"v="), "the server's proof");
    }
}

fn client(first: &[u8], second: &[u8], binding: ClientBinding) {
    if asks_for_much(first) {
        return;
    }
    let (client, _) = Client::new("user", PASSWORD, CLIENT_NONCE, binding).expect("a password");
    let Ok((end, response)) = client.handle_challenge(first, None) else { return };
    assert!(response.starts_with(b"c=") && !response.contains(&0), "a final message");
    let _is_server = end.verify(second).is_ok();
}

/// Whether a challenge asks for many iterations within the bounds: right, and too slow to be tried often.
fn asks_for_much(challenge: &[u8]) -> bool {
    let fields = challenge.split(|byte| *byte == b',').filter_map(|field| std::str::from_utf8(field).ok());
    let mut asked = fields.filter_map(|field| field.strip_prefix("i=")?.parse::<u64>().ok());
    asked.any(|asked| (u64::from(ITERATIONS_MIN) + 1..=u64::from(ITERATIONS_MAX)).contains(&asked))
}
