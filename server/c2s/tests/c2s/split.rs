//! However the bytes are cut, the same things happen.

use longwire_c2s::Event;
use longwire_protocol::sasl::base64;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

use crate::harness::{Driver, HEADER, PUSH_BIND, plain, sasl2_plain};

/// Two whole lives of a stream: classic and SASL2.
fn transcripts() -> [String; 2] {
    let failed = format!(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>",
        base64::encode(b"\0alice\0wrong")
    );
    let register = "<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>bob</username><password>p</password></query></iq>";
    let bind =
        "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>";
    let stanzas = "<presence/><message to='bob@example.com' id='ü'><body>a &lt; b &amp;&#x20AC; ]]&gt;</body></message><iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq></stream:stream>";
    let classic = format!("{HEADER}{register}{failed}{}{HEADER}{bind}{stanzas}", plain("alice", "secret"));
    let ack = "<ack xmlns='urn:longwire:push:1' normal='4712' stored='4710 4712'/>";
    let sasl2 = format!("{HEADER}{}{ack}{ack}{stanzas}", sasl2_plain("alice", "secret", PUSH_BIND));
    [classic, sasl2]
}

fn run(pieces: &[&[u8]]) -> (String, Vec<Event>) {
    let mut driver = Driver::tls();
    let written = pieces.iter().map(|piece| driver.send_bytes(piece)).collect();
    assert!(driver.is_closed);
    (written, driver.events)
}

#[test]
fn every_cut_gives_the_same_events() {
    for text in transcripts() {
        let bytes = text.as_bytes();
        let whole = run(&[bytes]);
        assert!(whole.1.len() > 4, "{:?}", whole.1);
        for at in 1..bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(run(&[head, tail]), whole, "cut at {at}");
        }
        for size in [1, 2, 3, 7] {
            assert_eq!(run(&bytes.chunks(size).collect::<Vec<_>>()), whole, "pieces of {size}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_end_in_order_and_never_panic(bytes in vec(any::<u8>(), 0..200), phase in 0..4_u8) {
        let mut driver = match phase {
            0 => Driver::tls(),
            1 => Driver::ready(),
            2 => Driver::bound(),
            _ => Driver::push(),
        };
        driver.send_bytes(&bytes);
        let closed = driver.events.iter().filter(|event| matches!(event, Event::Closed(_))).count();
        prop_assert_eq!(closed, usize::from(driver.is_closed));
    }
}
