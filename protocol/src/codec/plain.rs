//! What most streams consist of, read in one pass: the usual header, and elements without prefixes, references and CDATA.
//!
//! Whatever else comes, errors too, is left to lexer and tree: what is read here they would read alike.

use super::Limits;
use super::lexer::is_plain_in_name;
use super::tree::NAMESPACE_BYTES;
use crate::element::{Attribute, Name};
use crate::stream::{StreamHeader, parse_version};
use crate::{Element, Jid, ns};

/// As most clients write it, if they do.
const DECLARATION: &[u8] = b"<?xml version='1.0'?>";

/// Reads the usual header at the front of `input`, behind a declaration where that is admitted; gives it with their length in bytes. None
/// when not all of it is there, or when there is anything unusual about it.
pub(super) fn read_header(input: &[u8], limits: &Limits, may_declare: bool) -> Option<(StreamHeader, usize)> {
    let mut plain = Plain::new(input, limits);
    let before = plain.rest.len();
    if may_declare {
        plain.rest = plain.rest.strip_prefix(DECLARATION).unwrap_or(plain.rest);
    }
    plain.take(b"<stream:stream")?;
    let mut found: [Option<&str>; 7] = [None; 7];
    while plain.take(b" ").is_some() {
        let name = plain.taken(is_plain_in_name)?;
        let known =
            ["xmlns", "xmlns:stream", "to", "from", "id", "version", "xml:lang"].iter().position(|own| *own == name)?;
        let place = found.get_mut(known).filter(|place| place.is_none())?;
        *place = Some(plain.value()?);
    }
    plain.take(b">")?;
    let [content, streams, to, from, id, version, lang] = found;
    if content != Some(ns::CLIENT) || streams != Some(ns::STREAMS) {
        return None;
    }
    let header = StreamHeader {
        to: to.map(Jid::new).transpose().ok()?,
        from: from.map(Jid::new).transpose().ok()?,
        id: id.map(str::to_owned),
        version: version.and_then(parse_version),
        lang: lang.map(str::to_owned),
    };
    Some((header, before - plain.rest.len()))
}

/// Reads the element at the front of `input`, in a stream of the usual header; gives it with its length in bytes. None when not all of it is
/// there, or when it is not plain.
pub(super) fn read(input: &[u8], limits: &Limits) -> Option<(Element, usize)> {
    let mut plain = Plain::new(input, limits);
    let before = plain.rest.len();
    let mut open: Vec<Element> = Vec::new();
    loop {
        plain.take(b"<")?;
        let closed = if plain.take(b"/").is_some() {
            let last = open.pop()?;
            plain.take(last.name().as_bytes())?;
            plain.take(b">")?;
            Some(last)
        } else if open.len() < limits.depth {
            let (element, is_empty) = plain.start_tag(open.last())?;
            if is_empty {
                Some(element)
            } else {
                open.push(element);
                None
            }
        } else {
            return None;
        };
        match (closed, open.last_mut()) {
            (Some(element), Some(parent)) => parent.push_child(element),
            (Some(element), None) => return Some((element, before - plain.rest.len())),
            (None, _) => {}
        }
        open.last_mut()?.push_text(plain.text()?);
    }
}

/// What is left of the input.
struct Plain<'a> {
    rest: &'a [u8],
    attributes_max: usize,
    /// Bytes that namespaces which are none of ours may still take.
    namespace_bytes: usize,
}

impl<'a> Plain<'a> {
    fn new(input: &'a [u8], limits: &Limits) -> Self {
        let within = input.get(..limits.element_bytes).unwrap_or(input);
        Self { rest: within, attributes_max: limits.attributes, namespace_bytes: NAMESPACE_BYTES }
    }

    /// Takes `expected`, if that is next.
    fn take(&mut self, expected: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    /// Takes so many bytes of characters that XML admits.
    fn take_text(&mut self, bytes: usize) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        let text = std::str::from_utf8(taken).ok()?;
        // Of what is not ASCII two characters are forbidden.
        if !text.is_ascii() && text.contains(['\u{fffe}', '\u{ffff}']) {
            return None;
        }
        self.rest = rest;
        Some(text)
    }

    /// What stands before the next tag.
    fn text(&mut self) -> Option<&'a str> {
        // Without jumps between its parts, so that many bytes are looked at in one step.
        let is_text = |byte: u8| {
            ((byte >= b' ') | (byte == b'\n') | (byte == b'\t')) & (byte != b'<') & (byte != b'>') & (byte != b'&')
        };
        let bytes = run(self.rest, is_text);
        if self.rest.get(bytes) == Some(&b'<') { self.take_text(bytes) } else { None }
    }

    /// Takes what is such as `stays` says, up to another byte; few bytes.
    fn taken(&mut self, stays: impl Fn(u8) -> bool) -> Option<&'a str> {
        let bytes = self.rest.iter().position(|byte| !stays(*byte))?;
        self.take_text(bytes)
    }

    fn name(&mut self) -> Option<&'a str> {
        let is_name = self.rest.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_');
        if is_name { self.taken(|byte| is_plain_in_name(byte) && byte != b':') } else { None }
    }

    /// A start tag behind its `<`: the element, and whether that is all of it.
    fn start_tag(&mut self, parent: Option<&Element>) -> Option<(Element, bool)> {
        let name = ns::known_name(self.name()?);
        let mut declared = None;
        let mut attributes: Vec<Attribute> = Vec::new();
        let is_empty = loop {
            let spaces = self.rest.iter().take_while(|byte| **byte == b' ').count();
            self.rest = self.rest.get(spaces..)?;
            if self.take(b">").is_some() {
                break false;
            }
            if self.take(b"/>").is_some() {
                break true;
            }
            if spaces == 0 || (attributes.len() + 1) * 2 >= self.attributes_max {
                return None;
            }
            let (name, value) = (self.name()?, self.value()?);
            if name == "xmlns" {
                if declared.is_some() {
                    return None;
                }
                declared = Some(namespace(value)?);
                continue;
            }
            if attributes.iter().any(|known| known.name == name) {
                return None;
            }
            attributes.push(Attribute { ns: Name::Borrowed(""), name: ns::known_name(name), value: value.to_owned() });
        };
        let namespace = declared.or_else(|| parent.map(Element::ns_name)).unwrap_or(Name::Borrowed(ns::CLIENT));
        if let Name::Owned(foreign) = &namespace {
            self.namespace_bytes = self.namespace_bytes.checked_sub(foreign.len())?;
        }
        Some((Element::with_attributes(namespace, name, attributes), is_empty))
    }

    /// What follows the name of an attribute.
    fn value(&mut self) -> Option<&'a str> {
        self.take(b"=")?;
        let quote = self.rest.get(..1).filter(|quote| matches!(**quote, [b'\'' | b'"']))?;
        self.take(quote)?;
        let is_value = |byte: u8| byte >= b' ' && !matches!(byte, b'<' | b'>' | b'&' | b'\'' | b'"');
        let value = self.taken(is_value)?;
        self.take(quote)?;
        Some(value)
    }
}

/// How many bytes at the front of `bytes` are all such as `stays` says; for long runs.
fn run(bytes: &[u8], stays: impl Fn(u8) -> bool) -> usize {
    const AT_ONCE: usize = 16;
    let (chunks, _) = bytes.as_chunks::<AT_ONCE>();
    let is_whole = |chunk: &&[u8; AT_ONCE]| chunk.iter().fold(true, |all, byte| all & stays(*byte));
    let whole = chunks.iter().take_while(is_whole).count() * AT_ONCE;
    let rest = bytes.get(whole..).unwrap_or_default();
    whole + rest.iter().position(|byte| !stays(*byte)).unwrap_or(rest.len())
}

/// A namespace that a declaration without prefix may name.
fn namespace(value: &str) -> Option<Name> {
    let is_plain = !value.is_empty() && value.is_ascii() && !value.contains(' ');
    let is_reserved = value == ns::XML || value == ns::XMLNS;
    (is_plain && !is_reserved).then(|| ns::known(value))
}

#[cfg(test)]
mod tests {
    use super::{read, read_header, run};
    use crate::codec::Limits;
    use crate::{Element, Jid, ns};

    fn plain(text: &str) -> Option<(Element, usize)> {
        read(text.as_bytes(), &Limits::BEFORE_LOGIN)
    }

    #[test]
    fn a_run_ends_at_the_first_byte_that_does_not_stay() {
        for length in 0..70 {
            for end in 0..=length {
                let bytes: Vec<u8> = (0..length).map(|at| if at < end { b'a' } else { b'b' }).collect();
                assert_eq!(run(&bytes, |byte| byte == b'a'), end);
            }
        }
    }

    #[test]
    fn reads_what_most_stanzas_are_and_leaves_what_follows() {
        let ping = "<iq type='get' id=\"1\"><ping xmlns='urn:xmpp:ping'/></iq>";
        let expected = Element::new(ns::CLIENT, "iq")
            .with_attr("type", "get")
            .with_attr("id", 1)
            .with_child(Element::new(ns::PING, "ping"));
        assert_eq!(plain(&format!("{ping}<a/>")), Some((expected, ping.len())));
        let message = "<message  to='b@x/r' ><body>{\"a\":[1]}\té\n</body><x xmlns='urn:x'><y/></x></message>";
        let foreign = Element::new("urn:x", "x").with_child(Element::new("urn:x", "y"));
        let expected = Element::new(ns::CLIENT, "message")
            .with_attr("to", "b@x/r")
            .with_child(Element::new(ns::CLIENT, "body").with_text("{\"a\":[1]}\té\n"))
            .with_child(foreign);
        assert_eq!(plain(message), Some((expected, message.len())));
    }

    #[test]
    fn reads_the_usual_header_and_no_other() {
        let header = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";
        let read = |text: &str| read_header(text.as_bytes(), &Limits::BEFORE_LOGIN, true);
        let whole = format!("<?xml version='1.0'?>{header} to='b' from='a@b' id='1' version='1.0' xml:lang='de'>");
        let (found, bytes) = read(&format!("{whole}<a/>")).expect("a header");
        assert_eq!((bytes, found.to, found.from), (whole.len(), Jid::new("b").ok(), Jid::new("a@b").ok()));
        assert_eq!((found.id.as_deref(), found.version, found.lang.as_deref()), (Some("1"), Some((1, 0)), Some("de")));
        assert!(read(&format!("{header}>")).is_some());
        assert_eq!(read_header(whole.as_bytes(), &Limits::BEFORE_LOGIN, false), None, "a second declaration");
        for rest in
            ["", "/>", " >", " to='@'>", " to='b' to='b'>", " a='1'>", " to='&amp;'>", " xmlns:a='u'>", " to= 'b'>"]
        {
            assert_eq!(read(&format!("{header}{rest}")), None, "{rest:?}");
        }
        assert_eq!(read("<stream:stream xmlns='jabber:client'>"), None);
        assert_eq!(read(&header.replace("client", "server")), None);
    }

    #[test]
    fn leaves_alone_what_is_not_plain_or_not_all_there() {
        let others = [
            "",
            "<",
            "a",
            "<a",
            "<a>",
            "<a>b",
            "<a></b>",
            "</a>",
            "<a></a ",
            "<a b='1' b='1'/>",
            "<a b='1'c='1'/>",
            "<a b='&lt;'/>",
            "<a b='\t'/>",
            "<a b = '1'/>",
            "<a>&lt;</a>",
            "<a>]]></a>",
            "<a>\r</a>",
            "<a><![CDATA[]]></a>",
            "<p:a/>",
            "<a p:b='1'/>",
            "<a xmlns:p='u'/>",
            "<a xmlns=''/>",
            "<a xmlns='u v'/>",
            "<a xmlns='u' xmlns='u'/>",
            "<a>\u{ffff}</a>",
            "<é/>",
            "<1/>",
            "<a><!-- --></a>",
            "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        ];
        for other in others {
            assert_eq!(plain(other), None, "{other:?}");
        }
        let nested = |depth| [vec!["<a>"; depth], vec!["</a>"; depth]].concat().concat();
        assert!(plain(&nested(32)).is_some() && plain(&nested(33)).is_none());
        let long = |bytes: usize| format!("<a>{}</a>", "b".repeat(bytes - 7));
        assert!(plain(&long(16 * 1024)).is_some() && plain(&long(16 * 1024 + 1)).is_none());
        let many = |count| format!("<a xmlns='urn:{}'>{}</a>", "x".repeat(1_000), "<b/>".repeat(count));
        assert!(plain(&many(3)).is_some() && plain(&many(4)).is_none(), "namespaces that multiply");
    }
}
