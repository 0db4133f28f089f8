//! A tree in a form that parsers of any language can write alike: `(`, namespace, name, attributes in order, children, `)`.
//!
//! Every text is its length in bytes, `:` and the text; `A` begins an attribute, `T` a run of text. Of what stands between first-level
//! elements whitespace is left out, since it means nothing there.

use longwire_protocol::element::{Attribute, Node};
use longwire_protocol::{Element, Event};

/// The tree of a stream that was read to its end; none when it was not.
#[must_use]
pub fn of_events(events: &[Event]) -> Option<Vec<u8>> {
    if !matches!(events, [Event::Open(_), .., Event::Close]) {
        return None;
    }
    let mut out = Vec::new();
    for event in events {
        match event {
            Event::Element(element) => write_element(element, &mut out),
            Event::Open(_) | Event::Whitespace(_) | Event::Close => {}
        }
    }
    Some(out)
}

fn write_element(element: &Element, out: &mut Vec<u8>) {
    let attribute =
        |attribute: &Attribute| (attribute.ns.to_string(), attribute.name.to_string(), attribute.value.clone());
    start(element.ns(), element.name(), element.attributes().iter().map(attribute).collect(), out);
    for node in element.nodes() {
        match node {
            Node::Element(child) => write_element(child, out),
            Node::Text(text) => write_text(text, out),
        }
    }
    out.push(b')');
}

/// The tree that rxml reads of a document, its root left out; none when it refuses.
#[must_use]
pub fn of_rxml(document: &[u8]) -> Option<Vec<u8>> {
    use rxml::{Event as E, Parse as _};
    let mut parser = rxml::Parser::new();
    let mut rest = document;
    let (mut out, mut text, mut depth) = (Vec::new(), String::new(), 0_usize);
    loop {
        let event = parser.parse(&mut rest, true).ok()?;
        if !matches!(event, Some(E::Text(..))) {
            flush(&mut text, depth, &mut out);
        }
        match event {
            Some(E::XmlDeclaration(..)) => {}
            Some(E::StartElement(_, (namespace, name), attributes)) => {
                depth += 1;
                if depth > 1 {
                    let attributes = attributes.iter().map(|((namespace, name), value)| {
                        (namespace.as_str().to_owned(), name.to_string(), value.clone())
                    });
                    start(namespace.as_str(), &name, attributes.collect(), &mut out);
                }
            }
            Some(E::EndElement(_)) => {
                depth = depth.saturating_sub(1);
                if depth > 0 {
                    out.push(b')');
                }
            }
            Some(E::Text(_, more)) => text.push_str(&more),
            None => return Some(out),
        }
    }
}

/// Writes a run of text that has come to its end; between first-level elements only what is more than whitespace.
fn flush(text: &mut String, depth: usize, out: &mut Vec<u8>) {
    let is_between = depth <= 1 && text.chars().all(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
    if !text.is_empty() && !is_between {
        write_text(text, out);
    }
    text.clear();
}

fn start(namespace: &str, name: &str, mut attributes: Vec<(String, String, String)>, out: &mut Vec<u8>) {
    attributes.sort();
    out.push(b'(');
    write(namespace, out);
    write(name, out);
    for (namespace, name, value) in attributes {
        out.push(b'A');
        [namespace, name, value].iter().for_each(|part| write(part, out));
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'T');
    write(text, out);
}

fn write(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{}:{text}", text.len()).as_bytes());
}
