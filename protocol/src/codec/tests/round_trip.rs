//! XML-37: what is written reads back as the same tree.

use proptest::prelude::*;

use super::read_in_stream;
use crate::codec::Event;
use crate::element::Node;
use crate::{Element, ns};

fn text() -> impl Strategy<Value = String> {
    let tricky =
        ["]]>", "]]", "&#xA;", "&amp;", "<", ">", "'", "\"", "\t", "\n", "\r", "\r\n", "é", "\u{fffd}", "😀", " "];
    let piece = prop_oneof![prop::sample::select(tricky.to_vec()).prop_map(str::to_owned), "[a-z ]{1,4}", "\\PC{1,3}"];
    prop::collection::vec(piece, 1..5).prop_map(|pieces| {
        let text = pieces.concat();
        text.chars().filter(|c| crate::element::is_xml_text(&c.to_string())).collect()
    })
}

fn namespace() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![ns::CLIENT, ns::STREAMS, ns::PUSH, "urn:x", "urn:a&'\"<b>", ""])
}

fn bare() -> impl Strategy<Value = Element> {
    let attribute = (prop::sample::select(vec!["", "", ns::XML, "urn:x", "urn:y"]), "[a-c]", text());
    (namespace(), "[a-z_é][a-z0-9._-]{0,4}", prop::collection::vec(attribute, 0..4)).prop_map(
        |(ns, name, attributes)| {
            let mut element = Element::new(ns, name);
            for (ns, name, value) in attributes {
                element.set_attr_ns(ns, name, value);
            }
            element
        },
    )
}

fn element() -> impl Strategy<Value = Element> {
    bare().prop_recursive(4, 24, 4, |inner| {
        let node = prop_oneof![inner.prop_map(Node::Element), text().prop_map(Node::Text)];
        (bare(), prop::collection::vec(node, 0..4)).prop_map(|(mut element, nodes)| {
            for node in nodes {
                match node {
                    Node::Element(child) => element.push_child(child),
                    Node::Text(text) => element.push_text(text),
                }
            }
            element
        })
    })
}

proptest! {
    #[test]
    fn any_tree_reads_back(element in element()) {
        let events = read_in_stream(element.to_stream_bytes());
        prop_assert_eq!(events, Ok(vec![Event::Element(element)]));
    }
}

/// XML-38: a body that looks like markup stays a body.
#[test]
fn xml_38_a_fake_stanza_in_a_body_is_text() {
    let body = "</body></message><message from='admin'><body>x]]>";
    let message = Element::new(ns::CLIENT, "message").with_attr("id", body).with_text_child("body", body);
    let events = read_in_stream(message.to_stream_bytes());
    assert_eq!(events, Ok(vec![Event::Element(message)]));
}

#[test]
fn attribute_values_are_normalised_and_references_are_not() {
    let events = read_in_stream("<a b='1\r\n2\t3\n4&#xA;&#x9;&#xD;5'>\r\n\r&#xD;</a>").expect("an element");
    let expected = Element::new(ns::CLIENT, "a").with_attr("b", "1 2 3 4\n\t\r5").with_text("\n\n\r");
    assert_eq!(events, [Event::Element(expected)]);
}
