//! Extensions on the wire: the login of a push client, and the small ones.

use super::{bind, bind2, disco, fast, ping, preauth, sasl_cb, sasl2, session, starttls, version};
use crate::jid::FullJid;
use crate::sasl::{Failure, HT_SHA_256_EXPR, SCRAM_SHA_256, SaslCondition};
use crate::{DateTime, Element, FieldError, Jid, ns, push, stream};

const AT: DateTime = DateTime(1_795_261_320_123);

#[test]
fn a_servers_offer_has_known_bytes_and_reads_back() {
    let offer = sasl2::Authentication {
        mechanisms: vec![SCRAM_SHA_256.to_owned()],
        inline: vec![
            bind2::Feature { inline: vec![ns::PUSH.to_owned()] }.to_element(),
            fast::Feature { mechanisms: vec![HT_SHA_256_EXPR.to_owned()] }.to_element(),
        ],
    };
    let features = stream::features([offer.to_element(), sasl_cb::feature(&["tls-exporter"])]);
    insta::assert_snapshot!(String::from_utf8_lossy(&features.to_stream_bytes()), @"<stream:features><authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256</mechanism><inline><bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:longwire:push:1'/></inline></bind><fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-EXPR</mechanism></fast></inline></authentication><sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding></stream:features>");
    let read = sasl2::Authentication::find_in(&features).expect("an offer");
    assert_eq!(read, offer);
    assert!(read.bind().is_some_and(|bind| bind.has_push()));
    assert_eq!(read.fast().map(|fast| fast.mechanisms), Some(vec![HT_SHA_256_EXPR.to_owned()]));
    assert_eq!(sasl_cb::types(&features), Some(vec!["tls-exporter".to_owned()]));
    assert_eq!(sasl_cb::types(&stream::features([offer.to_element()])), None);
    assert!(stream::is_features(&features));
    assert_eq!(sasl2::Authentication::find_in(&stream::features([])), None);
}

fn authenticate(inline: Vec<Element>) -> sasl2::Authenticate {
    sasl2::Authenticate {
        mechanism: HT_SHA_256_EXPR.to_owned(),
        initial_response: Some(b"alice\0...".to_vec()),
        user_agent: Some(sasl2::UserAgent {
            id: Some("d4565fa7-4d72-4749-b3d3-740edbf87770".to_owned()),
            software: Some("longwire".to_owned()),
            device: None,
        }),
        inline,
    }
}

#[test]
fn a_fast_login_has_known_bytes_and_reads_back() {
    let cursor = push::Cursor { generation: push::Generation(1), normal: 4711, background: 4650 };
    let login = push::Login { cursor: Some(cursor), heartbeat_s: Some(240), installation: None };
    let request =
        authenticate(vec![fast::Fast::default().to_element(), bind2::Bind::with_push("longwire", &login).to_element()]);
    let element = sasl2::ClientElement::Authenticate(request.clone()).to_element();
    insta::assert_snapshot!(element, @"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-EXPR'><initial-response>YWxpY2UALi4u</initial-response><user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>longwire</software></user-agent><fast xmlns='urn:xmpp:fast:0'/><bind xmlns='urn:xmpp:bind:0'><tag>longwire</tag><push xmlns='urn:longwire:push:1' generation='0000000000000001' normal='4711' background='4650' heartbeat='240'/></bind></authenticate>");
    assert_eq!(sasl2::ClientElement::from_element(&element), Ok(sasl2::ClientElement::Authenticate(request.clone())));
    assert_eq!(request.fast(), Ok(Some(fast::Fast::default())));
    assert_eq!(request.request_token(), Ok(None));
    let bind = request.bind().expect("a bind request");
    assert_eq!((bind.tag.as_deref(), bind.push()), (Some("longwire"), Ok(Some(login))));
}

#[test]
fn the_first_login_asks_for_a_token() {
    let wish = fast::RequestToken { mechanism: HT_SHA_256_EXPR.to_owned() };
    let counted = fast::Fast { count: Some(123), is_invalidating: true };
    let request = authenticate(vec![wish.to_element(), counted.to_element()]);
    insta::assert_snapshot!(wish.to_element(), @"<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-EXPR'/>");
    insta::assert_snapshot!(counted.to_element(), @"<fast xmlns='urn:xmpp:fast:0' count='123' invalidate='true'/>");
    assert_eq!(request.request_token(), Ok(Some(wish)));
    assert_eq!(request.fast(), Ok(Some(counted)));
    let bad = authenticate(vec![Element::new(ns::FAST, "request-token"), counted.to_element().with_attr("count", "x")]);
    assert_eq!(bad.request_token(), Err(SaslCondition::MalformedRequest));
    assert_eq!(bad.fast(), Err(SaslCondition::MalformedRequest));
}

#[test]
fn success_has_known_bytes_and_reads_back() {
    let bound = push::Bound {
        device: "d1".to_owned(),
        cursor: push::Cursor { generation: push::Generation(1), normal: 1, background: 2 },
        recorded_normal: 1,
        recorded_background: 2,
        time: AT,
        heartbeat_min_s: None,
        heartbeat_max_s: 600,
        user: None,
    };
    let token = fast::Token { token: "secret-token".to_owned(), expiry: AT };
    let success = sasl2::Success {
        additional_data: Some(b"v=...".to_vec()),
        authorization_identifier: Jid::new("alice@example.com/longwire~1").expect("a JID"),
        inline: vec![bind2::Bound::with_push(&bound).to_element(), token.to_element()],
    };
    let element = sasl2::ServerElement::Success(success.clone()).to_element();
    insta::assert_snapshot!(element, @"<success xmlns='urn:xmpp:sasl:2'><additional-data>dj0uLi4=</additional-data><authorization-identifier>alice@example.com/longwire~1</authorization-identifier><bound xmlns='urn:xmpp:bind:0'><push xmlns='urn:longwire:push:1' device='d1' generation='0000000000000001' normal='1' background='2' recorded-normal='1' recorded-background='2' time='2026-11-21T11:42:00.123Z' heartbeat-max='600'/></bound><token xmlns='urn:xmpp:fast:0' expiry='2026-11-21T11:42:00.123Z' token='secret-token'/></success>");
    assert_eq!(sasl2::ServerElement::from_element(&element), Ok(sasl2::ServerElement::Success(success.clone())));
    assert_eq!(success.bound().map(|answer| answer.push()), Some(Ok(Some(bound))));
    assert_eq!(success.token().as_ref(), Some(&token));
    assert!(!format!("{token:?}").contains("secret-token"));
}

#[test]
fn the_rest_of_sasl2_has_known_bytes_and_reads_back() {
    use sasl2::{ClientElement, ServerElement};
    let client = [
        (ClientElement::Response(b"c=biws".to_vec()), "<response xmlns='urn:xmpp:sasl:2'>Yz1iaXdz</response>"),
        (ClientElement::Abort, "<abort xmlns='urn:xmpp:sasl:2'/>"),
    ];
    for (value, bytes) in client {
        assert_eq!(value.to_element().to_string(), bytes);
        assert_eq!(ClientElement::from_element(&value.to_element()), Ok(value));
    }
    let server = [
        (ServerElement::Challenge(b"r=1".to_vec()), "<challenge xmlns='urn:xmpp:sasl:2'>cj0x</challenge>"),
        (
            ServerElement::Failure(Failure::new(SaslCondition::CredentialsExpired)),
            "<failure xmlns='urn:xmpp:sasl:2'><credentials-expired xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>",
        ),
    ];
    for (value, bytes) in server {
        assert_eq!(value.to_element().to_string(), bytes);
        assert_eq!(ServerElement::from_element(&value.to_element()), Ok(value));
    }
    let spaced = Element::new(ns::SASL2, "response").with_text("\n  AQ==\n");
    assert_eq!(ClientElement::from_element(&spaced), Ok(ClientElement::Response(vec![1])));
}

#[test]
fn wrong_sasl2_names_its_failure() {
    let authenticate = || Element::new(ns::SASL2, "authenticate");
    let named = || authenticate().with_attr("mechanism", "PLAIN");
    let cases = [
        (authenticate(), SaslCondition::InvalidMechanism),
        (named().with_text_child("initial-response", "A"), SaslCondition::IncorrectEncoding),
        (named().with_text_child("initial-response", "="), SaslCondition::IncorrectEncoding),
        (
            named().with_child(Element::new(ns::SASL2, "user-agent").with_attr("id", "")),
            SaslCondition::MalformedRequest,
        ),
        (
            named().with_child(Element::new(ns::SASL2, "user-agent").with_attr("id", "x".repeat(65))),
            SaslCondition::MalformedRequest,
        ),
        (Element::new(ns::SASL2, "next"), SaslCondition::MalformedRequest),
    ];
    for (element, condition) in cases {
        assert_eq!(sasl2::ClientElement::from_element(&element), Err(condition), "{element}");
    }
    let nobody = Element::new(ns::SASL2, "success");
    let missing = FieldError::Missing { element: "success", field: "authorization-identifier" };
    assert_eq!(sasl2::ServerElement::from_element(&nobody), Err(missing));
    assert!(sasl2::ServerElement::from_element(&Element::new(ns::SASL2, "continue")).is_err());
}

#[test]
fn binding_and_starttls_have_known_bytes() {
    insta::assert_snapshot!(starttls::feature(true), @"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>");
    insta::assert_snapshot!(starttls::proceed(), @"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    insta::assert_snapshot!(starttls::failure(), @"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert!(starttls::is_request(&starttls::request()) && starttls::is_proceed(&starttls::proceed()));
    assert!(starttls::is_offered(&stream::features([starttls::feature(false)])));
    insta::assert_snapshot!(session::feature(), @"<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>");
    assert!(session::is_request(&session::request()));
    insta::assert_snapshot!(bind::request(Some("phone")), @"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>phone</resource></bind>");
    assert_eq!(bind::read_request(&bind::request(Some("phone"))), Ok(Some("phone".to_owned())));
    assert_eq!(bind::read_request(&bind::request(None)), Ok(None));
    let jid = FullJid::new("alice@example.com/phone").expect("a full JID");
    insta::assert_snapshot!(bind::result(&jid), @"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@example.com/phone</jid></bind>");
    assert_eq!(bind::read_result(&bind::result(&jid)), Ok(jid));
    assert!(bind::read_result(&bind::feature()).is_err());
}

#[test]
fn preauth_has_known_bytes_and_reads_back() {
    insta::assert_snapshot!(preauth::feature(), @"<register xmlns='urn:xmpp:ibr-token:0'/>");
    insta::assert_snapshot!(preauth::request("key"), @"<preauth xmlns='urn:xmpp:pars:0' token='key'/>");
    assert_eq!(preauth::read_request(&preauth::request("key")).as_deref(), Ok("key"));
    assert!(preauth::is_offered(&stream::features([preauth::feature()])));
}

#[test]
fn discovery_and_version_have_known_bytes_and_read_back() {
    let info = disco::Info {
        node: None,
        identities: vec![disco::Identity {
            category: "server".to_owned(),
            kind: "im".to_owned(),
            name: Some("Longwire".to_owned()),
        }],
        features: vec![ns::PING.to_owned()],
    };
    insta::assert_snapshot!(info.to_element(), @"<query xmlns='http://jabber.org/protocol/disco#info'><identity category='server' type='im' name='Longwire'/><feature var='urn:xmpp:ping'/></query>");
    assert_eq!(disco::Info::from_element(&info.to_element()), Ok(info));
    let item = disco::Item { jid: Jid::new("example.com").expect("a JID"), node: Some("n".to_owned()), name: None };
    let items = disco::Items { node: Some("x".to_owned()), items: vec![item] };
    insta::assert_snapshot!(items.to_element(), @"<query xmlns='http://jabber.org/protocol/disco#items' node='x'><item jid='example.com' node='n'/></query>");
    assert_eq!(disco::Items::from_element(&items.to_element()), Ok(items));
    let version = version::Version { name: "Longwire".to_owned(), version: "0.1.0".to_owned(), os: None };
    insta::assert_snapshot!(version.to_element(), @"<query xmlns='jabber:iq:version'><name>Longwire</name><version>0.1.0</version></query>");
    assert_eq!(version::Version::from_element(&version.to_element()), Ok(version));
    assert!(ping::is_request(&ping::request()));
}
