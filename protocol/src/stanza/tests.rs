//! Stanzas: what is read, answered and refused.

use super::{
    Condition, ErrorType, Iq, IqType, Message, MessageType, Presence, PresenceType, StanzaError, StanzaParseError,
    error_answer, is_stanza,
};
use crate::xep::ping;
use crate::{Element, Jid, ns};

fn jid(text: &str) -> Jid {
    Jid::new(text).expect("a JID")
}

#[test]
fn requests_are_answered_back() {
    let request = Iq::get("7", ping::request()).with_from(jid("alice@example.com/a")).with_to(jid("example.com"));
    insta::assert_snapshot!(request.to_element(), @"<iq xmlns='jabber:client' type='get' id='7' from='alice@example.com/a' to='example.com'><ping xmlns='urn:xmpp:ping'/></iq>");
    let result = request.result_for(None);
    insta::assert_snapshot!(result.to_element(), @"<iq xmlns='jabber:client' type='result' id='7' from='example.com' to='alice@example.com/a'/>");
    let error = request.error_for(StanzaError::new(Condition::ResourceConstraint).with_text("later").with_retry(30));
    insta::assert_snapshot!(error.to_element(), @"<iq xmlns='jabber:client' type='error' id='7' from='example.com' to='alice@example.com/a'><error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>later</text><retry xmlns='urn:longwire:push:1' after='30'/></error></iq>");
    let set = Iq::set("8", ping::request());
    assert!(set.is_request() && !result.is_request());
    for iq in [request, result, error, set] {
        assert_eq!(Iq::from_element(iq.to_element()), Ok(iq));
    }
}

#[test]
fn bad_iqs_name_their_answer() {
    let iq = || Element::new(ns::CLIENT, "iq");
    let cases = [
        (iq().with_attr("type", "get").with_child(ping::request()), Condition::BadRequest),
        (iq().with_attr("id", "").with_attr("type", "get").with_child(ping::request()), Condition::BadRequest),
        (iq().with_attr("id", "1").with_child(ping::request()), Condition::BadRequest),
        (iq().with_attr("id", "1").with_attr("type", "ask").with_child(ping::request()), Condition::BadRequest),
        (iq().with_attr("id", "1").with_attr("type", "get"), Condition::BadRequest),
        (
            iq().with_attr("id", "1").with_attr("type", "set").with_child(ping::request()).with_child(ping::request()),
            Condition::BadRequest,
        ),
        (iq().with_attr("id", "1").with_attr("type", "error"), Condition::BadRequest),
        (
            iq().with_attr("id", "1").with_attr("type", "get").with_attr("to", "@x").with_child(ping::request()),
            Condition::JidMalformed,
        ),
    ];
    for (element, condition) in cases {
        let error = Iq::from_element(element.clone()).expect_err("a bad IQ");
        assert_eq!(error.answer().condition, condition, "{element}");
        assert_eq!(error.answer().error_type, ErrorType::Modify);
    }
}

#[test]
fn errors_are_answered_to_requests_alone() {
    let error = StanzaError::new(Condition::ServiceUnavailable);
    let stanza = |name: &'static str, kind: &str| {
        Element::new(ns::CLIENT, name)
            .with_attr("type", kind)
            .with_attr("id", 1)
            .with_attr("to", "b@x")
            .with_attr("from", "@")
    };
    let answer = error_answer(&stanza("message", "chat"), &error).expect("an answer");
    insta::assert_snapshot!(answer, @"<message xmlns='jabber:client' type='error' id='1' from='b@x'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>");
    assert_eq!(error_answer(&stanza("message", "error"), &error), None);
    assert_eq!(error_answer(&stanza("iq", "result"), &error), None);
    assert_eq!(error_answer(&stanza("query", "get"), &error), None);
    assert!(!is_stanza(&Element::new(ns::STREAMS, "message")));
}

#[test]
fn messages_and_presences_read_back() {
    let mut message = Message::new(MessageType::Headline);
    message.id = Some("1".to_owned());
    message.to = Some(jid("b@x"));
    message.lang = Some("de".to_owned());
    message.payloads.push(Element::new(ns::CLIENT, "body").with_text("hallo"));
    insta::assert_snapshot!(message.to_element(), @"<message xmlns='jabber:client' type='headline' id='1' to='b@x' xml:lang='de'><body>hallo</body></message>");
    assert_eq!(message.body().as_deref(), Some("hallo"));
    assert_eq!(Message::from_element(message.to_element()), Ok(message));

    let mut presence = Presence::new(PresenceType::Available);
    presence.payloads.push(Element::new(ns::CLIENT, "priority").with_text("-1"));
    insta::assert_snapshot!(presence.to_element(), @"<presence xmlns='jabber:client'><priority>-1</priority></presence>");
    assert_eq!(presence.priority(), -1);
    assert_eq!(Presence::from_element(presence.to_element()), Ok(presence));
    for kind in PresenceType::TYPED {
        let presence = Presence::new(kind);
        assert_eq!(Presence::from_element(presence.to_element()), Ok(presence));
    }
}

#[test]
fn types_that_are_unknown() {
    let odd = |name: &'static str| Element::new(ns::CLIENT, name).with_attr("type", "odd");
    assert_eq!(Message::from_element(odd("message")).map(|message| message.kind), Ok(MessageType::Normal));
    let refused = Presence::from_element(odd("presence"));
    assert_eq!(refused, Err(StanzaParseError::Bad { problem: "unknown type of presence" }));
    assert_eq!(Iq::from_element(odd("message")), Err(StanzaParseError::Unexpected { expected: "iq" }));
}

#[test]
fn unknown_conditions_and_types_of_errors_are_read() {
    let odd = Element::new(ns::CLIENT, "error").with_child(Element::new(ns::STANZA_ERRORS, "odd"));
    let read = StanzaError::from_element(&odd).expect("an error");
    assert_eq!((read.condition, read.error_type), (Condition::UndefinedCondition, ErrorType::Cancel));
    for condition in Condition::ALL {
        let error = StanzaError::new(condition).with_type(ErrorType::Continue);
        assert_eq!(StanzaError::from_element(&error.to_element()), Ok(error));
    }
    let iq = Iq { id: "1".to_owned(), from: None, to: None, kind: IqType::Error(read) };
    assert_eq!(Iq::from_element(iq.to_element()), Ok(iq));
}
