//! XML-34: each case of restricted or broken XML has its condition, at the first byte that shows it.

use StreamCondition as C;

use super::{HEADER, read_all, read_in_stream, read_pieces};
use crate::codec::{Event, Limits, Reader};
use crate::stream::StreamCondition;

fn condition(text: impl AsRef<[u8]>) -> Option<StreamCondition> {
    read_all(text).err().map(|error| error.condition)
}

/// The condition of `text` after the header; the last byte must be the one that shows it.
fn assert_refused(text: &[u8], expected: StreamCondition) {
    let shown = String::from_utf8_lossy(text);
    assert_eq!(read_in_stream(text).err().map(|error| error.condition), Some(expected), "{shown:?}");
    let before = text.split_last().map(|(_, before)| before).unwrap_or_default();
    assert_eq!(read_in_stream(before).err(), None, "{shown:?} is refused too early");
}

#[test]
fn before_the_header() {
    let cases: [(&[u8], StreamCondition); 22] = [
        (b"G", C::NotWellFormed),
        (b"\x16", C::NotWellFormed),
        (b"\0", C::NotWellFormed),
        (b"hello", C::NotWellFormed),
        (b"&amp;", C::NotWellFormed),
        (b"\xff\xfe<", C::NotWellFormed),
        (b"\xfe\xff", C::NotWellFormed),
        (b"\xef\xbb\xbf<", C::NotWellFormed),
        (b"<\0", C::NotWellFormed),
        (b"</", C::NotWellFormed),
        (b"<!D", C::RestrictedXml),
        (b"<!DOCTYPE x [", C::RestrictedXml),
        (b"<!-", C::RestrictedXml),
        (b"<![", C::NotWellFormed),
        (b"<?p", C::RestrictedXml),
        (b"<?xmlx", C::RestrictedXml),
        (b"<?xml version='1.0'?><?", C::RestrictedXml),
        (b"<?xml version='1.0' encoding='iso-8859-1'?>", C::UnsupportedEncoding),
        (b"<?xml version='1.0' encoding='UTF-16'?>", C::UnsupportedEncoding),
        (b"<?xml version='1.1'?>", C::NotWellFormed),
        (b"<?xml encoding='UTF-8'?>", C::NotWellFormed),
        (b"<?xml version='1.0' other='x'?>", C::NotWellFormed),
    ];
    for (text, expected) in cases {
        assert_eq!(condition(text), Some(expected), "{:?}", String::from_utf8_lossy(text));
    }
}

#[test]
fn wrong_headers() {
    let streams = "xmlns:stream='http://etherx.jabber.org/streams'";
    let cases = [
        ("<stream:stream xmlns='jabber:client'>".to_owned(), C::BadNamespacePrefix),
        ("<stream:stream xmlns='jabber:client' xmlns:stream='urn:other'>".to_owned(), C::InvalidNamespace),
        (format!("<stream:stream xmlns='jabber:server' {streams}>"), C::InvalidNamespace),
        (format!("<stream:stream {streams}>"), C::InvalidNamespace),
        (format!("<stream:strom xmlns='jabber:client' {streams}>"), C::BadFormat),
        (format!("<stream:stream xmlns='jabber:client' {streams}/>"), C::BadFormat),
        (format!("<stream:stream xmlns='jabber:client' {streams} to='@'>"), C::ImproperAddressing),
        (format!("<stream:stream xmlns='jabber:client' {streams} a='1' a='2'>"), C::NotWellFormed),
        (format!("<stream:stream xmlns='jabber:client' {streams} x:a='1'>"), C::NotWellFormed),
        ("<html>".to_owned(), C::InvalidNamespace),
    ];
    for (text, expected) in cases {
        assert_eq!(condition(&text), Some(expected), "{text}");
    }
}

#[test]
fn markup_that_xmpp_forbids() {
    let cases =
        ["<!D", "<!E", "<!-", "<?", "<a><!-", "<a><?", "<a><!D", "<a>&nbsp;", "<a>&lol1;", "<a>&copyr", "<a b='&x;"];
    for text in cases {
        assert_refused(text.as_bytes(), C::RestrictedXml);
    }
}

#[test]
fn broken_markup() {
    let cases: [&[u8]; 47] = [
        b"<>",
        b"< ",
        b"<1",
        b"<a<",
        b"<a b>",
        b"<a b c",
        b"<a b=c",
        b"<a b='<",
        b"<a b='1'c",
        b"<a/ ",
        b"<a =",
        b"<a>]]>",
        b"<a></ ",
        b"<a></>",
        b"<a></a b",
        b"<a><!1",
        b"<a><![c",
        b"<a>& ",
        b"<a>&;",
        b"<a>&#;",
        b"<a>&#x;",
        b"<a>&#xg",
        b"<a>&a ",
        b"<a>&#0;",
        b"<a>&#8;",
        b"<a>&#xFFFE;",
        b"<a>&#xD800;",
        b"<a>&#x110000;",
        b"<a>&#99999999999999999999;",
        b"<a b='&#0;",
        b"<a>\0",
        b"<a>\x08",
        b"<a>\xef\xbf\xbe",
        b"<a>\xff",
        b"<a>\xc0",
        b"<a>\xe0\x80",
        b"<a>\xed\xa0",
        b"<a>\xf4\x90",
        b"<a>\xc3<",
        b"<a></b>",
        b"<a><b></a></b>",
        b"</a>",
        b"</stream>",
        b"\x01",
        b"\xc0",
        b"<a b='\0",
        b"<\xc3\x97",
    ];
    for text in cases {
        assert_refused(text, C::NotWellFormed);
    }
}

#[test]
fn names_and_namespaces() {
    let cases = [
        "<p:a/>",
        "<a p:b='1'/>",
        "<a b='1' b='2'/>",
        "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
        "<a:/>",
        "<:a/>",
        "<a:b:c/>",
        "<a xmlns:p=''/>",
        "<a xmlns:xml='u'/>",
        "<a xmlns:xmlns='u'/>",
        "<xmlns:a/>",
        "<a xmlns:1='u'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns='u' xmlns='u'/>",
        "<a xmlns='u v'/>",
        "<a xmlns:p='u\n'/>",
        "<a\u{200c}/>",
        "<a\u{16a0}='1'/>",
        "<a xmlns:p='u'><p:1/></a>",
    ];
    for text in cases {
        let refused = read_in_stream(text).err().map(|error| error.condition);
        assert_eq!(refused, Some(C::NotWellFormed), "{text}");
    }
}

#[test]
fn text_between_elements() {
    for text in [b"x".as_slice(), b" x", b"&", b"<iq/>x", "é".as_bytes(), b"<!["] {
        let refused = read_in_stream(text).err().map(|error| error.condition);
        assert_eq!(refused, Some(C::BadFormat), "{:?}", String::from_utf8_lossy(text));
    }
}

#[test]
fn what_is_odd_but_allowed_is_read() {
    let cases = [
        "<a b = \"'\" c='\"'\n\t/>",
        "<a\n></a\n>",
        "<a>]]&gt; > ' \"</a>",
        "<a><![CDATA[<&]]]></a>",
        "<a>&#x1F600;&#000065;</a>",
        "<é·x/>",
        "<a xmlns=''/>",
        "<a xml:lang='x' xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
        "<stream:x/>",
        "<a b='&lt;&#10;'/>",
        "<a xmlns='u&amp;v'/>",
        "<_a.b-c/>",
    ];
    for text in cases {
        let events = read_in_stream(text);
        assert!(matches!(events.as_deref(), Ok([Event::Element(_)])), "{text}: {events:?}");
    }
}

#[test]
fn size_depth_and_counts_at_the_limit_and_one_above() {
    let limits = Limits { element_bytes: 400, depth: 3, attributes: 4 };
    let read = |text: &str, piece: usize| {
        let mut reader = Reader::new(limits);
        read_pieces(&mut reader, [HEADER.as_bytes()])?;
        let events = read_pieces(&mut reader, text.as_bytes().chunks(piece));
        assert_eq!(reader.carry_bytes(), 0);
        events
    };
    let sized = |bytes: usize| format!("<a>{}</a>", "x".repeat(bytes - 7));
    let cases = [
        (sized(400), sized(401)),
        ("<a><b><c/></b></a>".to_owned(), "<a><b><c><d/></c></b></a>".to_owned()),
        ("<a b='' c='' d='' e=''/>".to_owned(), "<a b='' c='' d='' e='' f=''/>".to_owned()),
    ];
    for (at_limit, above) in cases {
        for piece in [1, 7, 1000] {
            assert_eq!(read(&at_limit, piece).map(|events| events.len()), Ok(1), "{at_limit}");
            let refused = read(&above, piece).err().map(|error| error.condition);
            assert_eq!(refused, Some(C::PolicyViolation), "{above}");
        }
    }
}

#[test]
fn declarations_in_scope_are_bounded() {
    let nested = |levels: usize| {
        let open = |level| (0..20).map(|n| format!(" xmlns:p{level}x{n}='u'")).collect::<String>();
        let start: String = (0..levels).map(|level| format!("<a{}>", open(level))).collect();
        format!("{start}{}", "</a>".repeat(levels))
    };
    assert!(read_in_stream(nested(3)).is_ok());
    let refused = read_in_stream(nested(4)).err().map(|error| error.condition);
    assert_eq!(refused, Some(C::PolicyViolation));
}

/// XML-50: 256 KiB must not become gigabytes because every element knows its namespace.
#[test]
fn xml_50_a_long_namespace_used_often_is_refused() {
    let using =
        |bytes: usize, times: usize| format!("<a xmlns:p='urn:{}'>{}</a>", "x".repeat(bytes), "<p:b/>".repeat(times));
    assert!(read_in_stream(using(40, 2_000)).is_ok(), "as stanzas are");
    assert!(read_in_stream(using(4_000, 5)).is_ok());
    let refused = read_in_stream(using(4_000, 1_000)).err().map(|error| error.condition);
    assert_eq!(refused, Some(C::PolicyViolation));
    let attributes: String = (0..60).map(|n| format!(" p:a{n}=''")).collect();
    let text = format!("<a xmlns:p='urn:{}'>{}</a>", "x".repeat(4_000), format!("<b{attributes}/>").repeat(10));
    assert_eq!(read_in_stream(text).err().map(|error| error.condition), Some(C::PolicyViolation));
    let usual = format!("<iq xmlns:p='{}'>{}</iq>", crate::ns::DISCO_INFO, "<p:b/>".repeat(2_500));
    assert!(read_in_stream(usual).is_ok(), "what is a constant here costs nothing");
}

/// XML-51: what was read can be written for the next hop, which has the same limit.
#[test]
fn xml_51_declarations_from_above_count_where_they_will_be_written() {
    let element = |foreign: usize, plain: usize| {
        let declared: String = (0..foreign).map(|n| format!(" xmlns:p{n}='urn:{n}'")).collect();
        let used: String = (0..foreign).map(|n| format!(" p{n}:a=''")).collect();
        let more: String = (0..plain).map(|n| format!(" b{n}=''")).collect();
        format!("<message{declared}><x{used}{more}/></message>")
    };
    let at_limit = read_in_stream(element(30, 4)).expect("64 attributes when written");
    let [Event::Element(message)] = at_limit.as_slice() else { panic!("one element: {at_limit:?}") };
    assert_eq!(read_in_stream(message.to_stream_bytes()).as_ref(), Ok(&at_limit));
    let refused = read_in_stream(element(30, 5)).err().map(|error| error.condition);
    assert_eq!(refused, Some(C::PolicyViolation), "65 when written");
}

#[test]
fn the_limit_holds_before_an_element_ends() {
    let mut reader = Reader::new(Limits::BEFORE_LOGIN);
    read_pieces(&mut reader, [HEADER.as_bytes(), b"<a>"]).expect("a start");
    let flood = vec![b'x'; Limits::BEFORE_LOGIN.element_bytes];
    let error = read_pieces(&mut reader, [flood.as_slice()]).err();
    assert_eq!(error.map(|error| error.condition), Some(C::PolicyViolation));
    assert_eq!(reader.carry_bytes(), 0);
}

#[test]
fn an_error_is_final_until_a_restart() {
    let mut reader = Reader::new(Limits::BEFORE_LOGIN);
    let error = reader.read(&mut b"x".as_slice()).err();
    assert!(error.is_some());
    assert_eq!(reader.read(&mut HEADER.as_bytes()).err(), error);
    reader.restart();
    assert!(matches!(reader.read(&mut HEADER.as_bytes()), Ok(Some(Event::Open(_)))));
}

#[test]
fn nothing_follows_the_end_but_whitespace() {
    let end = "</stream:stream>";
    assert_eq!(read_in_stream(format!("{end}\n ")), Ok(vec![Event::Close]));
    assert!(read_in_stream(format!("{end}<iq/>")).is_err());
}
