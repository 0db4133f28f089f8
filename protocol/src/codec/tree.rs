//! From a complete first-level element to its tree, by quick-xml; the lexer has seen the text.

use quick_xml::XmlVersion;
use quick_xml::errors::IllFormedError;
use quick_xml::events::attributes::Attribute as Written;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceError, NamespaceResolver, QName, ResolveResult};

use super::CodecError;
use super::header::StreamScope;
use super::lexer::is_name_start;
use crate::element::{Attribute, Name};
use crate::{Element, ns};

/// A prefix that nothing declares.
pub(super) const UNDECLARED: CodecError = CodecError::malformed("an undeclared namespace prefix");
const MALFORMED: CodecError = CodecError::malformed("malformed XML");
const REPEATED: CodecError = CodecError::malformed("a repeated attribute");

/// The most namespace declarations in scope at once: resolving a prefix looks at each.
const DECLARATIONS_MAX: usize = 64;

/// Bytes of namespaces that a tree may hold: so many for each byte of its text, and these for short ones.
const NAMESPACE_BYTES_PER_BYTE: usize = 8;
pub(super) const NAMESPACE_BYTES: usize = 4 * 1024;

/// How many bytes of namespaces a tree may hold still. Each element of a tree knows its own: what is declared once, long, and used by a
/// prefix many times would make gigabytes of 256 KiB, here and at whom it is written for.
pub(super) struct Room(usize);

impl Room {
    pub(super) const fn of(text: &str) -> Self {
        Self(text.len().saturating_mul(NAMESPACE_BYTES_PER_BYTE).saturating_add(NAMESPACE_BYTES))
    }

    /// Constants of ours cost nothing.
    fn take(&mut self, namespace: Name) -> Result<Name, CodecError> {
        if let Name::Owned(text) = &namespace {
            self.0 = self.0.checked_sub(text.len()).ok_or(CodecError::policy("namespaces that multiply"))?;
        }
        Ok(namespace)
    }
}

/// Reads one element in the scope of the stream. None of it has more than `attributes_max` attributes when it is written again.
pub(super) fn read(text: &str, scope: &StreamScope, attributes_max: usize) -> Result<Element, CodecError> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut room = Room::of(text);
    let mut resolver = resolver();
    scope.declare(&mut resolver)?;
    let mut open: Vec<Element> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|error| read_error(&error))?;
        let done = match event {
            Event::Start(tag) => {
                push(&mut resolver, &tag)?;
                let opened = element(&resolver, &tag, &mut room)?;
                check_written(&opened, open.last(), attributes_max)?;
                open.push(opened);
                None
            }
            Event::Empty(tag) => {
                push(&mut resolver, &tag)?;
                let empty = element(&resolver, &tag, &mut room)?;
                check_written(&empty, open.last(), attributes_max)?;
                resolver.pop();
                Some(empty)
            }
            Event::End(_) => {
                resolver.pop();
                Some(open.pop().ok_or(MALFORMED)?)
            }
            Event::Text(text) => {
                open.last_mut().ok_or(MALFORMED)?.push_text(text.xml10_content());
                None
            }
            Event::CData(text) => {
                open.last_mut().ok_or(MALFORMED)?.push_text(text.xml10_content());
                None
            }
            Event::GeneralRef(reference) => {
                open.last_mut().ok_or(MALFORMED)?.push_text(character(&reference)?);
                None
            }
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {
                return Err(CodecError::restricted("restricted XML"));
            }
            Event::Eof => return Err(MALFORMED),
        };
        match (done, open.last_mut()) {
            (Some(element), Some(parent)) => parent.push_child(element),
            (Some(element), None) => return Ok(element),
            (None, _) => {}
        }
    }
}

/// A resolver that knows `xml` and `xmlns` alone.
pub(super) fn resolver() -> NamespaceResolver {
    let mut resolver = NamespaceResolver::default();
    resolver.set_max_namespace_bindings(DECLARATIONS_MAX);
    resolver
}

/// Opens the scope of a start tag. Its declarations are added here, because quick-xml takes their values as written, with
/// references in them.
pub(super) fn push(resolver: &mut NamespaceResolver, tag: &BytesStart<'_>) -> Result<(), CodecError> {
    resolver.push(&BytesStart::new("")).map_err(|error| namespace_error(&error))?;
    // Most tags declare nothing, and their attributes are looked at with the element.
    if !tag.contains("xmlns") {
        return Ok(());
    }
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| REPEATED)?;
        let Some(prefix) = attribute.key.as_namespace_binding() else { continue };
        let value = attribute_value(&attribute)?;
        check_declaration(attribute.key, &value)?;
        resolver.add(prefix, Namespace(&value)).map_err(|error| namespace_error(&error))?;
    }
    Ok(())
}

/// The element of a start tag whose scope is open, without children.
pub(super) fn element(
    resolver: &NamespaceResolver,
    tag: &BytesStart<'_>,
    room: &mut Room,
) -> Result<Element, CodecError> {
    check_name(tag.name())?;
    let (resolved, local) = resolver.resolve_element(tag.name());
    let name = ns::known_name(local.into_inner());
    if tag.name().prefix().is_some_and(|prefix| prefix.is_xmlns()) {
        return Err(CodecError::malformed("an element with the prefix xmlns"));
    }
    let mut element = Element::new(room.take(ns::known(namespace(&resolved)?))?, name);
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| REPEATED)?;
        check_name(attribute.key)?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let value = attribute_value(&attribute)?;
        let (resolved, local) = resolver.resolve_attribute(attribute.key);
        let (namespace, local) = (namespace(&resolved)?, local.into_inner());
        if element.attr_ns(namespace, local).is_some() {
            return Err(REPEATED);
        }
        let (namespace, name) = (room.take(ns::known(namespace))?, ns::known_name(local));
        element.push_attribute(Attribute { ns: namespace, name, value });
    }
    Ok(element)
}

/// An element whose namespaces were declared above it gets declarations of its own when it is written: these count too, so that whoever
/// it is written for can read it within the same limit.
fn check_written(element: &Element, parent: Option<&Element>, attributes_max: usize) -> Result<(), CodecError> {
    let attributes = element.attributes();
    if attributes.len() * 2 < attributes_max {
        return Ok(());
    }
    let mut foreign: Vec<&str> = attributes.iter().map(|attribute| attribute.ns.as_ref()).collect();
    foreign.retain(|namespace| !namespace.is_empty() && *namespace != ns::XML);
    foreign.sort_unstable();
    foreign.dedup();
    let is_declared = match parent {
        Some(parent) => parent.ns() == element.ns(),
        None => matches!(element.ns(), ns::CLIENT | ns::STREAMS),
    };
    let written = attributes.len() + foreign.len() + usize::from(!is_declared);
    if written > attributes_max { Err(CodecError::policy("an element has too many attributes")) } else { Ok(()) }
}

/// The namespace that a name resolves to; empty for none.
pub(super) fn namespace<'a>(resolved: &ResolveResult<'a>) -> Result<&'a str, CodecError> {
    match resolved {
        ResolveResult::Bound(namespace) => Ok(namespace.0),
        ResolveResult::Unbound => Ok(""),
        ResolveResult::Unknown(_) => Err(UNDECLARED),
    }
}

/// The value of an attribute, normalised (XML 1.0 §3.3.3) and unescaped.
pub(super) fn attribute_value(attribute: &Written<'_>) -> Result<String, CodecError> {
    let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| MALFORMED)?;
    Ok(value.into_owned())
}

pub(super) const fn namespace_error(error: &NamespaceError) -> CodecError {
    match error {
        NamespaceError::TooManyBindings(_) | NamespaceError::TooDeeplyNested(_) => {
            CodecError::policy("too many namespace declarations")
        }
        NamespaceError::UnknownPrefix(_) => UNDECLARED,
        NamespaceError::InvalidXmlPrefixBind(_)
        | NamespaceError::InvalidXmlnsPrefixBind(_)
        | NamespaceError::InvalidPrefixForXml(_)
        | NamespaceError::InvalidPrefixForXmlns(_) => CodecError::malformed("a reserved namespace or prefix"),
    }
}

/// A name is an `NCName` or two with a colon between (Namespaces in XML 1.0 §4).
fn check_name(name: QName<'_>) -> Result<(), CodecError> {
    let is_plain = |part: &str| part.chars().next().is_some_and(is_name_start) && !part.contains(':');
    let is_qualified = match name.0.split_once(':') {
        Some((prefix, local)) => is_plain(prefix) && is_plain(local),
        None => is_plain(name.0),
    };
    if is_qualified { Ok(()) } else { Err(CodecError::malformed("a name with stray colons")) }
}

/// A prefix cannot be undeclared, and reserved namespaces are not for declaring (Namespaces in XML 1.0 §3).
fn check_declaration(name: QName<'_>, value: &str) -> Result<(), CodecError> {
    let is_default = name.0 == "xmlns";
    let is_reserved = value == ns::XMLNS || (value == ns::XML && name.0 != "xmlns:xml");
    if is_reserved || (value.is_empty() && !is_default) {
        return Err(CodecError::malformed("a reserved or empty namespace"));
    }
    if value.contains(char::is_whitespace) {
        return Err(CodecError::malformed("whitespace in a namespace, which is no URI then"));
    }
    Ok(())
}

fn character(reference: &BytesRef<'_>) -> Result<String, CodecError> {
    if let Some(c) = reference.resolve_char_ref().map_err(|_| MALFORMED)? {
        return Ok(c.to_string());
    }
    let entity = quick_xml::escape::resolve_predefined_entity(reference);
    entity.map(str::to_owned).ok_or(CodecError::restricted("an entity beyond the five of XML"))
}

fn read_error(error: &quick_xml::Error) -> CodecError {
    if matches!(error, quick_xml::Error::IllFormed(IllFormedError::MismatchedEndTag { .. })) {
        CodecError::malformed("an end tag that does not match")
    } else {
        MALFORMED
    }
}
