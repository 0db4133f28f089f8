//! However a stream is cut, it says the same and costs the same.

use proptest::prelude::*;

use super::{HEADER, read_in_stream, read_pieces};
use crate::codec::{Event, Limits, Reader};
use crate::{Element, ns};

const STREAM: &str = "\n<?xml version='1.0' encoding='utf-8'?>\n<stream:stream xmlns='jabber:client' \
     xmlns:stream='http://etherx.jabber.org/streams' to='example.com' from=\"alice@example.com\" version='1.0' xml:lang='de' \
     >\n<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism = 'PLAIN'>AGEAYg==</auth >  \
     <iq type='get' id='&#x31;&lt;&apos;&quot;'><ping xmlns='urn:xmpp:ping'/></iq>\r\n\
     <message to='b@x'><body>é€😀 &amp;&gt;]] &#233;<![CDATA[<a>]]]]><![CDATA[>&amp;]]>\r\nend</body>\
     <x:y xmlns:x='urn:x' x:z='1' z='2'>t<x:w/></x:y></message><stream:error><reset \
     xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>   </stream:stream>\n";

/// What elements are made of, and what has no place in them.
const TOKENS: [&str; 28] = [
    "<a",
    "<b",
    "<a>",
    "<b>",
    "</a>",
    "</a>",
    "</b>",
    "</b>",
    ">",
    ">",
    "/>",
    "/>",
    " ",
    " b='1'",
    " c=\"2'\"",
    " d='&lt;'",
    " xmlns='urn:x'",
    " xmlns='jabber:client'",
    " xmlns=''",
    " xmlns:p='urn:p'",
    "<p:c/>",
    "text",
    "]]",
    "&amp;",
    "\n",
    "\t",
    "é",
    "\u{fffe}",
];

fn whole() -> Vec<Event> {
    read_pieces(&mut Reader::new(Limits::BEFORE_LOGIN), [STREAM.as_bytes()]).expect("a valid stream")
}

#[test]
fn reads_a_stream() {
    let events = whole();
    let kinds: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Open(header) => format!("open {:?} {:?}", header.to.as_ref().map(|to| to.to_string()), header.lang),
            Event::Element(element) => format!("{} {:?}", element.name(), element.attr("id")),
            Event::Whitespace(bytes) => bytes.to_string(),
            Event::Close => "close".to_owned(),
        })
        .collect();
    let expected = [
        "open Some(\"example.com\") Some(\"de\")",
        "1",
        "auth None",
        "2",
        "iq Some(\"1<'\\\"\")",
        "2",
        "message None",
        "error None",
        "3",
        "close",
    ];
    assert_eq!(kinds, expected);
    let message = events.iter().find_map(|event| match event {
        Event::Element(element) if element.name() == "message" => Some(element),
        Event::Element(_) | Event::Open(_) | Event::Whitespace(_) | Event::Close => None,
    });
    let message = message.expect("the message");
    let body = message.child_text(ns::CLIENT, "body");
    assert_eq!(body.as_deref(), Some("é€😀 &>]] é<a>]]>&amp;\nend"));
    let mut foreign = Element::new("urn:x", "y");
    foreign.set_attr_ns("urn:x", "z", "1");
    let foreign = foreign.with_attr("z", 2).with_text("t").with_child(Element::new("urn:x", "w"));
    assert_eq!(message.child("urn:x", "y"), Some(&foreign));
}

#[test]
fn xml_35_cut_anywhere_it_says_the_same() {
    let expected = whole();
    for at in 0..=STREAM.len() {
        let (left, right) = STREAM.as_bytes().split_at(at);
        let events = read_pieces(&mut Reader::new(Limits::BEFORE_LOGIN), [left, right]);
        assert_eq!(events.as_ref(), Ok(&expected), "cut at {at}");
    }
}

#[test]
fn xml_35_in_small_pieces_it_says_the_same() {
    let expected = whole();
    for size in [1, 2, 3, 7] {
        let events = read_pieces(&mut Reader::new(Limits::BEFORE_LOGIN), STREAM.as_bytes().chunks(size));
        assert_eq!(events.as_ref(), Ok(&expected), "pieces of {size}");
    }
}

#[test]
fn takes_the_bytes_of_one_event_and_no_more() {
    let text = format!("{HEADER}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><iq/>\n");
    let mut input = text.as_bytes();
    let mut reader = Reader::new(Limits::BEFORE_LOGIN);
    assert!(matches!(reader.read(&mut input), Ok(Some(Event::Open(_)))));
    assert!(matches!(reader.read(&mut input), Ok(Some(Event::Element(_)))));
    assert_eq!(input, b"<iq/>\n", "what was injected before TLS stays to be seen");
    reader.restart();
    let mut input = HEADER.as_bytes();
    assert!(matches!(reader.read(&mut input), Ok(Some(Event::Open(_)))));
    assert_eq!(input, b"");
}

#[test]
fn a_large_stanza_byte_by_byte_costs_linear_time_and_no_memory_after() {
    let mut costs = Vec::new();
    for kib in [16, 64] {
        let body = "<a b='&amp;'>]]</a> ".repeat(kib * 1024 / 20);
        let text = format!("<message>{body}</message>");
        let mut reader = Reader::new(Limits::AFTER_LOGIN);
        read_pieces(&mut reader, [HEADER.as_bytes()]).expect("a header");
        let before = reader.scanned_bytes();
        let events = read_pieces(&mut reader, text.as_bytes().chunks(1)).expect("a stanza");
        assert_eq!(events.len(), 1);
        let scanned = reader.scanned_bytes() - before;
        let bytes = u64::try_from(text.len()).expect("a length");
        assert_eq!(scanned, 2 * bytes, "once by the lexer, once for the tree");
        assert_eq!(reader.carry_bytes(), 0, "nothing is held between units");
        costs.push(scanned);
    }
    assert!(matches!(costs.as_slice(), [small, large] if *large < small * 5));
}

#[test]
fn holds_nothing_when_units_arrive_whole() {
    let mut reader = Reader::new(Limits::AFTER_LOGIN);
    read_pieces(&mut reader, [HEADER.as_bytes(), b"<iq/><message/>", b" "]).expect("a stream");
    assert_eq!(reader.carry_bytes(), 0);
    read_pieces(&mut reader, [b"<iq".as_slice()]).expect("half a stanza");
    assert!(reader.carry_bytes() > 0);
    assert_eq!(read_pieces(&mut reader, [b"/>".as_slice()]).map(|events| events.len()), Ok(1));
    assert_eq!(reader.carry_bytes(), 0);
    assert!(size_of::<Reader>() <= 256, "a reader is {} bytes", size_of::<Reader>());
}

#[test]
fn other_headers_than_the_usual_hold_their_declarations() {
    let header = "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams' xmlns:p='urn:p&amp;q'>";
    let events = read_pieces(&mut Reader::new(Limits::BEFORE_LOGIN), [format!("{header}<p:x/></s:stream>").as_bytes()]);
    let events = events.expect("a stream");
    assert_eq!(events.get(1), Some(&Event::Element(Element::new("urn:p&q", "x"))));
    assert_eq!(events.get(2), Some(&Event::Close));
    assert!(read_in_stream("</s:stream>").is_err());
}

proptest! {
    #[test]
    fn xml_35_cut_at_random_it_says_the_same(cuts in prop::collection::vec(0..STREAM.len(), 0..40)) {
        let mut cuts = cuts;
        cuts.extend([0, STREAM.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|pair| match pair {
            [from, to] => STREAM.as_bytes().get(*from..*to).unwrap_or_default(),
            _ => &[],
        });
        let events = read_pieces(&mut Reader::new(Limits::BEFORE_LOGIN), pieces);
        prop_assert_eq!(events, Ok(whole()));
    }

    #[test]
    fn what_is_read_in_one_pass_is_what_is_read_byte_by_byte(
        tokens in prop::collection::vec(prop::sample::select(TOKENS.to_vec()), 0..24),
    ) {
        let text = [HEADER, "<a", &tokens.concat()].concat();
        let whole = read_pieces(&mut Reader::new(Limits::BEFORE_LOGIN), [text.as_bytes()]);
        let bytes = read_pieces(&mut Reader::new(Limits::BEFORE_LOGIN), text.as_bytes().chunks(1));
        prop_assert_eq!(whole, bytes);
    }

    #[test]
    fn any_bytes_are_refused_or_read_alike_however_cut(
        tail in prop::collection::vec(prop_oneof![prop::sample::select(b"<>/='\"& ]![?xa:;-#".to_vec()), any::<u8>()], 0..60),
        size in 1_usize..5,
    ) {
        let text = [HEADER.as_bytes(), b"<a>", &tail].concat();
        let whole = read_pieces(&mut Reader::new(Limits::BEFORE_LOGIN), [text.as_slice()]);
        let cut = read_pieces(&mut Reader::new(Limits::BEFORE_LOGIN), text.chunks(size));
        prop_assert_eq!(whole, cut);
    }
}
