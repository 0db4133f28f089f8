//! The codec: however bytes are cut they say the same, and what was read can be written for the next hop and reads back.

use longwire_protocol::push::{Ack, Bound, CursorMoved, DeviceEvent, Entry, HeartbeatChanged, Login, UserChanged};
use longwire_protocol::stanza::{Iq, Message, Presence};
use longwire_protocol::xep::{disco, fast, sasl2};
use longwire_protocol::{CodecError, Element, Event, Limits, Reader, ns};

/// What a client's stream begins with.
pub(crate) const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
     to='example.com' version='1.0'>";

/// What was read, and what ended it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) events: Vec<Event>,
    pub(crate) error: Option<CodecError>,
}

/// The target: the bytes stand behind a stream header, and at the beginning of a stream.
pub(crate) fn run(data: &[u8]) {
    let in_stream = [HEADER.as_bytes(), data].concat();
    for bytes in [in_stream.as_slice(), data] {
        let said = read([bytes], Limits::AFTER_LOGIN);
        for size in [1, 2, 3, 7, data.len() % 61 + 1] {
            let cut = read(bytes.chunks(size), Limits::AFTER_LOGIN);
            assert_eq!(cut, said, "XML-35: cut in pieces of {size} it says something else");
        }
        for event in &said.events {
            if let Event::Element(element) = event {
                reads_back(element);
                typed(element);
            }
        }
    }
}

/// Reads pieces one after the other; runs of whitespace are joined, since a cut may part them.
pub(crate) fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: Limits) -> Said {
    let mut reader = Reader::new(limits);
    let mut events = Vec::new();
    for mut piece in pieces {
        loop {
            match reader.read(&mut piece) {
                Ok(Some(Event::Whitespace(more))) => match events.last_mut() {
                    Some(Event::Whitespace(sum)) => *sum += more,
                    Some(_) | None => events.push(Event::Whitespace(more)),
                },
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return Said { events, error: Some(error) },
            }
        }
        assert!(piece.is_empty(), "all of a piece is taken when more is needed");
    }
    Said { events, error: None }
}

/// XML-37: written between two honest stanzas, as the next hop is sent it, an element is that element and nothing more.
pub(crate) fn reads_back(element: &Element) {
    let honest = |id: &str| Element::new(ns::CLIENT, "presence").with_attr("id", id);
    let elements = [honest("before"), element.clone(), honest("after")];
    let mut bytes = HEADER.as_bytes().to_vec();
    elements.iter().for_each(|element| element.write_in_stream(&mut bytes));
    // Escaping may make it longer, and the next hop may have a limit of its own; it is the shape that must hold.
    let limits = Limits { element_bytes: usize::MAX, ..Limits::AFTER_LOGIN };
    let said = read([bytes.as_slice()], limits);
    let shown = String::from_utf8_lossy(&bytes);
    assert_eq!(said.error, None, "XML-37: the next hop refuses {shown}");
    let read: Vec<&Element> = said.events.iter().filter_map(element_of).collect();
    assert!(read.iter().copied().eq(elements.iter()), "XML-37: the next hop reads something else in {shown}");
}

const fn element_of(event: &Event) -> Option<&Element> {
    match event {
        Event::Element(element) => Some(element),
        Event::Open(_) | Event::Whitespace(_) | Event::Close => None,
    }
}

/// What an element means to those who read it. A stanza that was read and written is the same stanza.
fn typed(element: &Element) {
    if let Ok(iq) = Iq::from_element(element.clone()) {
        assert_eq!(Iq::from_element(iq.to_element()), Ok(iq), "an IQ");
    }
    if let Ok(message) = Message::from_element(element.clone()) {
        assert_eq!(Message::from_element(message.to_element()), Ok(message), "a message");
    }
    if let Ok(presence) = Presence::from_element(element.clone()) {
        assert_eq!(Presence::from_element(presence.to_element()), Ok(presence), "a presence");
    }
    if let Ok(entry) = Entry::from_message(element) {
        assert_eq!(Entry::from_message(&entry.to_message("example.com")), Ok(entry), "an entry");
    }
    if let Ok(ack) = Ack::from_element(element) {
        assert_eq!(Ack::from_element(&ack.to_element()), Ok(ack), "an acknowledgement");
    }
    if let Ok(cursor) = CursorMoved::from_element(element) {
        assert_eq!(CursorMoved::from_element(&cursor.to_element()), Ok(cursor), "a cursor");
    }
    if let Ok(login) = Login::from_element(element) {
        assert_eq!(Login::from_element(&login.to_element()), Ok(login), "a login");
    }
    if let Ok(bound) = Bound::from_element(element) {
        assert_eq!(Bound::from_element(&bound.to_element()), Ok(bound), "a session");
    }
    if let Ok(event) = DeviceEvent::from_element(element) {
        assert_eq!(DeviceEvent::from_element(&event.to_element()), Ok(event), "an event");
    }
    if let Ok(user) = UserChanged::from_element(element) {
        assert_eq!(UserChanged::from_element(&user.to_element()), Ok(user), "a user");
    }
    if let Ok(heartbeat) = HeartbeatChanged::from_element(element) {
        assert_eq!(HeartbeatChanged::from_element(&heartbeat.to_element()), Ok(heartbeat), "a heartbeat");
    }
    // Read alone: what they would be written as is for others to say.
    let _client = sasl2::ClientElement::from_element(element).is_ok();
    let _server = sasl2::ServerElement::from_element(element).is_ok();
    let _info = disco::Info::from_element(element).is_ok();
    let _token = fast::Token::from_element(element).is_ok();
    element.children().for_each(typed_child);
}

/// One level further down: nothing of ours is nested deeper.
fn typed_child(element: &Element) {
    let _login = Login::from_element(element).is_ok();
    let _bound = Bound::from_element(element).is_ok();
    let _event = DeviceEvent::from_element(element).is_ok();
}
