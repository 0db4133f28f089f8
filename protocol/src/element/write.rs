//! Serialisation of elements, with as few namespace declarations as the tree needs.

use std::fmt;

use super::text::{write_attribute, write_text};
use super::{Attribute, Element, Node};
use crate::ns;

/// Bytes that most stanzas fit in.
const STANZA_BYTES: usize = 512;
/// Bytes of the longest escape of one byte.
const ESCAPE_BYTES: usize = 6;

impl Element {
    /// Appends the element as it stands in a place where `parent_ns` is the default namespace.
    pub fn write_to(&self, out: &mut Vec<u8>, parent_ns: &str) {
        let declaration = (self.ns != parent_ns).then_some(self.ns.as_ref());
        self.write_tag("", declaration, &self.ns, out);
    }

    /// Appends the element as a first-level element of a client stream; those of the stream itself get the prefix `stream`.
    pub fn write_in_stream(&self, out: &mut Vec<u8>) {
        if self.ns == ns::STREAMS {
            self.write_tag("stream:", None, ns::CLIENT, out);
        } else {
            self.write_to(out, ns::CLIENT);
        }
    }

    /// The bytes of `write_in_stream`.
    #[must_use]
    pub fn to_stream_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(STANZA_BYTES);
        self.write_in_stream(&mut out);
        out
    }

    /// Bytes that [`Self::write_in_stream`] writes at most.
    #[must_use]
    pub fn stream_bytes_max(&self) -> usize {
        // Two tags with their marks, and the name's prefix.
        let own = 2 * self.name.len() + ESCAPE_BYTES * self.ns.len() + 32;
        let attributes = self.attributes.iter().map(|attribute| {
            let Attribute { ns, name, value } = attribute;
            // With a prefix of its own, and what declares that.
            name.len() + ESCAPE_BYTES * (ns.len() + value.len()) + 64
        });
        let children = self.children.iter().map(|child| match child {
            Node::Element(element) => element.stream_bytes_max(),
            Node::Text(text) => ESCAPE_BYTES * text.len(),
        });
        own + attributes.sum::<usize>() + children.sum::<usize>()
    }

    fn write_tag(&self, prefix: &str, declaration: Option<&str>, inner_ns: &str, out: &mut Vec<u8>) {
        let start = [prefix.as_bytes(), self.name.as_bytes()];
        out.push(b'<');
        start.iter().for_each(|part| out.extend_from_slice(part));
        if let Some(namespace) = declaration {
            write_pair("xmlns", namespace, out);
        }
        self.write_attributes(out);
        if self.children.is_empty() {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        for child in &self.children {
            match child {
                Node::Element(element) => element.write_to(out, inner_ns),
                Node::Text(text) => write_text(text, out),
            }
        }
        out.extend_from_slice(b"</");
        start.iter().for_each(|part| out.extend_from_slice(part));
        out.push(b'>');
    }

    /// Attributes of a foreign namespace get a prefix of their own, declared on this element.
    fn write_attributes(&self, out: &mut Vec<u8>) {
        let mut declared: Vec<&str> = Vec::new();
        for attribute in &self.attributes {
            if attribute.ns.is_empty() {
                write_pair(&attribute.name, &attribute.value, out);
                continue;
            }
            if attribute.ns == ns::XML {
                write_pair(&format!("xml:{}", attribute.name), &attribute.value, out);
                continue;
            }
            let known = declared.iter().position(|namespace| *namespace == attribute.ns);
            let index = known.unwrap_or(declared.len());
            if known.is_none() {
                write_pair(&format!("xmlns:ns{index}"), &attribute.ns, out);
                declared.push(&attribute.ns);
            }
            write_pair(&format!("ns{index}:{}", attribute.name), &attribute.value, out);
        }
    }
}

pub(crate) fn write_pair(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    write_attribute(value, out);
    out.push(b'\'');
}

/// Writes the element as a document of its own.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        self.write_to(&mut out, "");
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

#[cfg(test)]
mod tests {
    use super::Element;
    use crate::ns;

    #[test]
    fn declares_a_namespace_only_where_it_changes() {
        let nested =
            Element::new("urn:x", "x").with_child(Element::new("urn:x", "y")).with_child(Element::new("", "z"));
        let message = Element::new(ns::CLIENT, "message")
            .with_child(Element::new(ns::CLIENT, "body").with_text("a"))
            .with_child(nested);
        let mut out = Vec::new();
        message.write_to(&mut out, ns::CLIENT);
        let expected = "<message><body>a</body><x xmlns='urn:x'><y/><z xmlns=''/></x></message>";
        assert_eq!(String::from_utf8_lossy(&out), expected);
        assert_eq!(message.to_string(), expected.replacen("<message", "<message xmlns='jabber:client'", 1));
    }

    #[test]
    fn gives_foreign_attributes_a_prefix() {
        let mut element = Element::new("urn:x", "x").with_attr("a", 1).with_lang("en");
        element.set_attr_ns("urn:y", "b", "2");
        element.set_attr_ns("urn:z", "b", "3");
        element.set_attr_ns("urn:y", "c", "4");
        let expected =
            "<x xmlns='urn:x' a='1' xml:lang='en' xmlns:ns0='urn:y' ns0:b='2' xmlns:ns1='urn:z' ns1:b='3' ns0:c='4'/>";
        assert_eq!(element.to_string(), expected);
    }

    #[test]
    fn nothing_is_written_longer_than_it_may_become() {
        let mut worst = Element::new("'".repeat(9), "x").with_attr("a", "\"".repeat(9)).with_lang("en");
        worst.set_attr_ns("\"".repeat(5), "b", "'");
        worst.set_attr_ns("\"".repeat(6), "c", "");
        let worst = worst.with_text("\r\0&".repeat(9)).with_child(Element::new("", "y")).with_text("z");
        let few = Element::new(ns::STREAMS, "features").with_child(Element::new("", "").with_child(worst.clone()));
        for element in [worst, few, Element::new(ns::CLIENT, "iq")] {
            let (written, max) = (element.to_stream_bytes().len(), element.stream_bytes_max());
            assert!(written <= max && max <= written * 6 + 256, "{written} of {max}");
        }
    }

    #[test]
    fn writes_elements_of_the_stream_with_its_prefix() {
        let features = Element::new(ns::STREAMS, "features").with_child(Element::new(ns::TLS, "starttls"));
        let expected = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";
        assert_eq!(String::from_utf8_lossy(&features.to_stream_bytes()), expected);
    }
}
