//! The ways from a connection to a session.

use longwire_c2s::{Action, Event, ResourceRequest};
use longwire_protocol::sasl::base64;
use longwire_protocol::sasl::ht::{Initiator, is_responder};
use longwire_protocol::sasl::scram::{Client, ClientBinding};

use crate::harness::{Driver, EXPORTER, HEADER, OLD_TOKEN, PUSH_BIND, TOKEN, between, config, plain, sasl2_plain};

const STREAM: &str =
    " version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

#[test]
fn starttls_is_required_and_proceeds() {
    let mut driver = Driver::tcp(config());
    let answer = driver.send(HEADER);
    assert!(answer.starts_with("<?xml version='1.0'?><stream:stream from='example.com' id='"), "{answer}");
    let features =
        "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";
    assert!(answer.ends_with(&format!("{STREAM}{features}")), "{answer}");
    let proceed = driver.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert_eq!(proceed, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert_eq!(driver.action, Some(Action::StartTls));
    driver.stream.handle_tls(Some(EXPORTER), 0);
    assert!(driver.send(HEADER).contains("<mechanism>PLAIN</mechanism>"));
}

#[test]
fn features_inside_tls() {
    let answer = Driver::tls().send(HEADER);
    let features = concat!(
        "<stream:features>",
        "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-256-PLUS</mechanism><mechanism>SCRAM-SHA-256</mechanism><mechanism>PLAIN</mechanism></mechanisms>",
        "<authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256-PLUS</mechanism><mechanism>SCRAM-SHA-256</mechanism><mechanism>PLAIN</mechanism>",
        "<inline><bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:longwire:push:1'/></inline></bind>",
        "<fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-EXPR</mechanism></fast></inline></authentication>",
        "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>",
        "<register xmlns='urn:xmpp:ibr-token:0'/><register xmlns='http://jabber.org/features/iq-register'/>",
        "</stream:features>"
    );
    assert!(answer.ends_with(features), "{answer}");
    let mut without = Driver::tcp(config());
    without.stream.handle_tls(None, 0);
    let answer = without.send(HEADER);
    assert!(!answer.contains("fast") && !answer.contains("tls-exporter"), "{answer}");
}

#[test]
fn classic_scram_then_bind_then_session() {
    let mut driver = Driver::ready();
    assert!(driver.scram("alice", "secret").starts_with("<success"));
    let answer = driver.send(HEADER);
    let features = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session></stream:features>";
    assert!(answer.starts_with("<?xml version='1.0'?><stream:stream ") && answer.ends_with(features), "{answer}");
    let answer = driver.send("<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    assert_eq!(
        answer,
        "<iq type='result' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@example.com/chosen</jid></bind></iq>"
    );
    assert!(driver.stream.is_bound());
}

#[test]
fn classic_plain_with_a_resource_in_one_flight() {
    let mut driver = Driver::tls();
    let bind =
        "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>";
    let answer = driver.send(&format!("{HEADER}{}{HEADER}{bind}<presence/>", plain("alice", "secret")));
    assert!(answer.contains("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"), "{answer}");
    assert!(answer.ends_with("<jid>alice@example.com/desk</jid></bind></iq>"), "{answer}");
    let Some(Event::Stanza(presence)) = driver.events.last() else { panic!("{:?}", driver.events) };
    assert_eq!((presence.name(), presence.attr("from")), ("presence", Some("alice@example.com/desk")));
}

#[test]
fn plain_without_initial_response() {
    let mut driver = Driver::ready();
    let answer = driver.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>");
    assert_eq!(answer, "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    let data = base64::encode(b"\0alice\0secret");
    let answer = driver.send(&format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{data}</response>"));
    assert_eq!(answer, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
}

#[test]
fn sasl2_with_bind_and_push_in_the_first_flight() {
    let mut driver = Driver::tls();
    let token = "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-EXPR'/>";
    let answer = driver.send(&format!("{HEADER}{}", sasl2_plain("alice", "secret", &format!("{PUSH_BIND}{token}"))));
    let success = concat!(
        "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>alice@example.com/longwire~1</authorization-identifier>",
        "<bound xmlns='urn:xmpp:bind:0'><push xmlns='urn:longwire:push:1' device='d1' generation='00000000000005f3' normal='4711' background='4650' ",
        "recorded-normal='4709' recorded-background='4650' time='2026-11-21T11:42:00.123Z' heartbeat-max='600'/></bound>",
        "<token xmlns='urn:xmpp:fast:0' expiry='2026-11-21T11:42:00.123Z' token='new-token'/></success><stream:features/>"
    );
    assert!(answer.ends_with(success), "{answer}");
    let Some(Event::Bind(request)) = driver.events.last() else { panic!("{:?}", driver.events) };
    assert_eq!((request.account.as_str(), request.mechanism), ("alice", "PLAIN"));
    assert_eq!(request.agent.as_deref(), Some("d4565fa7-4d72-4749-b3d3-740edbf87770"));
    assert_eq!(request.resource, ResourceRequest::Tag("longwire".to_owned()));
    assert_eq!(request.token_wanted, Some("HT-SHA-256-EXPR"));
    let push = request.push.as_ref().expect("a push login");
    assert_eq!((push.cursor.map(|cursor| cursor.normal), push.heartbeat_s), (Some(4711), Some(240)));
}

#[test]
fn sasl2_by_fast_token() {
    let mut driver = Driver::tls();
    let data = base64::encode(&Initiator::new("alice", TOKEN.as_bytes(), &EXPORTER).to_bytes());
    let login = format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-EXPR'><initial-response>{data}</initial-response>{PUSH_BIND}<fast xmlns='urn:xmpp:fast:0' invalidate='true'/></authenticate>"
    );
    let answer = driver.send(&format!("{HEADER}{login}"));
    let proof = base64::decode(&between(&answer, "<additional-data>", "<")).expect("data");
    assert!(is_responder(&proof, TOKEN.as_bytes(), &EXPORTER));
    let Some(Event::Bind(request)) = driver.events.last() else { panic!("{:?}", driver.events) };
    assert_eq!((request.token_used, request.token_is_spent), (Some(7), true));
    assert!(driver.stream.is_bound());
}

/// A login by `TOKEN` with `inside`.
fn by_token(inside: &str) -> String {
    let data = base64::encode(&Initiator::new("alice", TOKEN.as_bytes(), &EXPORTER).to_bytes());
    format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-EXPR'><initial-response>{data}</initial-response>{inside}</authenticate>"
    )
}

const AGENT: &str = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/>";

#[test]
fn a_fast_login_without_bind_is_followed_before_it_succeeds() {
    let mut driver = Driver::ready();
    let answer = driver.send(&by_token(&format!("{AGENT}<fast xmlns='urn:xmpp:fast:0' invalidate='true'/>")));
    let Some(Event::FollowLogin(request)) = driver.events.last() else { panic!("{:?}", driver.events) };
    assert_eq!((request.account.as_str(), request.mechanism), ("alice", "HT-SHA-256-EXPR"));
    assert_eq!((request.token_used, request.token_is_spent, request.token_wanted), (Some(7), true, None));
    assert!(answer.contains("</authorization-identifier></success><stream:features><bind "), "{answer}");
    assert!(!driver.stream.is_bound());

    let wanted = "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-EXPR'/>";
    let mut driver = Driver::ready();
    let answer = driver.send(&sasl2_plain("alice", "secret", &format!("{AGENT}{wanted}")));
    assert!(answer.contains(" token='new-token'/></success><stream:features><bind "), "{answer}");
    let mut driver = Driver::ready();
    let answer = driver.send(&sasl2_plain("alice", "secret", wanted));
    assert!(answer.starts_with("<success ") && !answer.contains("<token "), "tokens are of devices: {answer}");
}

#[test]
fn a_token_without_fast_is_refused() {
    let mut driver = Driver::ready();
    let answer = driver.send(&by_token(PUSH_BIND));
    assert!(answer.contains("<malformed-request ") && answer.contains("carries &lt;fast/"), "{answer}");
    let fast = "<fast xmlns='urn:xmpp:fast:0'/>";
    assert!(driver.send(&by_token(&format!("{PUSH_BIND}{fast}"))).starts_with("<success "));
}

#[test]
fn fast_token_of_another_channel_or_device_or_time_is_refused() {
    for (name, token, binding, condition) in [
        ("alice", TOKEN, [8; 32], "not-authorized"),
        ("alice", "other", EXPORTER, "not-authorized"),
        ("nobody", TOKEN, EXPORTER, "not-authorized"),
        ("alice", OLD_TOKEN, EXPORTER, "credentials-expired"),
        ("alice", OLD_TOKEN, [8; 32], "not-authorized"),
        ("disabled", TOKEN, EXPORTER, "account-disabled"),
    ] {
        let mut driver = Driver::ready();
        let data = base64::encode(&Initiator::new(name, token.as_bytes(), &binding).to_bytes());
        let login = format!(
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-EXPR'><initial-response>{data}</initial-response>{PUSH_BIND}<fast xmlns='urn:xmpp:fast:0'/></authenticate>"
        );
        let answer = driver.send(&login);
        assert_eq!(
            answer,
            format!(
                "<failure xmlns='urn:xmpp:sasl:2'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>"
            )
        );
        // The password is tried next, on the same stream.
        assert!(driver.send(&sasl2_plain("alice", "secret", PUSH_BIND)).starts_with("<success"));
    }
}

#[test]
fn sasl2_by_scram_without_bind_leaves_classic_bind() {
    let mut driver = Driver::ready();
    let (client, first) =
        Client::new("alice", "secret", "client-nonce-0123456789", ClientBinding::Unsupported).expect("a password");
    let answer = driver.send(&format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-256'><initial-response>{}</initial-response></authenticate>",
        base64::encode(&first)
    ));
    let challenge = base64::decode(&between(&answer, "<challenge xmlns='urn:xmpp:sasl:2'>", "<")).expect("data");
    let (end, last) = client.handle_challenge(&challenge, None).expect("a challenge");
    let answer = driver.send(&format!("<response xmlns='urn:xmpp:sasl:2'>{}</response>", base64::encode(&last)));
    end.verify(&base64::decode(&between(&answer, "<additional-data>", "<")).expect("data"))
        .expect("the server's proof");
    assert!(
        answer.contains(
            "<authorization-identifier>alice@example.com</authorization-identifier></success><stream:features><bind "
        ),
        "{answer}"
    );
    let answer = driver.send(
        "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>",
    );
    assert!(answer.contains("<jid>alice@example.com/desk</jid>"), "{answer}");
}

#[test]
fn plaintext_policy_admits_scram_and_registration() {
    let mut config = config();
    config.plaintext = true;
    let mut driver = Driver::tcp(config);
    let answer = driver.send(HEADER);
    let features = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-256</mechanism></mechanisms><register xmlns='urn:xmpp:ibr-token:0'/><register xmlns='http://jabber.org/features/iq-register'/></stream:features>";
    assert!(answer.ends_with(features), "{answer}");
    let refused = driver.send(&plain("alice", "secret"));
    assert_eq!(refused, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><encryption-required/></failure>");
    let refused = driver.send(&sasl2_plain("alice", "secret", PUSH_BIND));
    assert!(refused.contains("<encryption-required "), "{refused}");
    assert!(driver.scram("alice", "secret").starts_with("<success"));
}

#[test]
fn a_full_account_is_refused_its_session() {
    let mut driver = Driver::ready();
    driver.send(&plain("alice", "secret"));
    driver.send(HEADER);
    let bind = |name: &str| {
        format!(
            "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{name}</resource></bind></iq>"
        )
    };
    let refused = driver.send(&bind("full"));
    assert!(refused.contains("<resource-constraint ") && refused.contains(" after='60'/>"), "{refused}");
    assert!(driver.send(&bind("desk")).contains("<jid>alice@example.com/desk</jid>"));
}

#[test]
fn the_closing_tag_is_answered() {
    let mut driver = Driver::ready();
    assert_eq!(driver.send("</stream:stream>"), "</stream:stream>");
    assert!(driver.is_closed);
    assert_eq!(driver.events, [Event::Closed(None)]);
    let mut driver = Driver::bound();
    assert_eq!(driver.send("</stream:stream>"), "</stream:stream>");
    assert!(driver.is_closed && driver.stream.is_closed());
}
