//! The XML declaration and the stream header.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceResolver, PrefixDeclaration, QName};

use super::{CodecError, tree};
use crate::stream::{StreamCondition, StreamHeader, parse_version};
use crate::{Element, Jid, ns};

/// What holds inside the stream: the namespaces declared by its header, and the header's name.
#[derive(Clone, Debug)]
pub(super) enum StreamScope {
    /// `stream:stream`, with the two declarations that every client sends; costs no memory.
    Usual,
    /// Any other.
    Other(Box<Declared>),
}

/// What another header declares.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    name: String,
    declarations: Vec<(String, String)>,
}

impl StreamScope {
    /// Adds the declarations.
    pub(super) fn declare(&self, resolver: &mut NamespaceResolver) -> Result<(), CodecError> {
        let mut add = |prefix: &str, namespace: &str| {
            let prefix = if prefix.is_empty() { PrefixDeclaration::Default } else { PrefixDeclaration::Named(prefix) };
            resolver.add(prefix, Namespace(namespace)).map_err(|error| tree::namespace_error(&error))
        };
        match self {
            Self::Usual => {
                add("", ns::CLIENT)?;
                add("stream", ns::STREAMS)
            }
            Self::Other(declared) => {
                declared.declarations.iter().try_for_each(|(prefix, namespace)| add(prefix, namespace))
            }
        }
    }

    /// Whether `tag` closes the stream.
    pub(super) fn is_end_tag(&self, tag: &str) -> bool {
        let name = tag.strip_prefix("</").and_then(|rest| rest.strip_suffix('>')).map(str::trim_end);
        match self {
            Self::Usual => name == Some("stream:stream"),
            Self::Other(declared) => name == Some(declared.name.as_str()),
        }
    }
}

/// Checks `<?xml …?>`: version 1.0, and UTF-8 if an encoding is stated.
pub(super) fn check_declaration(text: &str) -> Result<(), CodecError> {
    const MALFORMED: CodecError = CodecError::malformed("a malformed XML declaration");
    let inner = text.strip_prefix("<?xml").and_then(|rest| rest.strip_suffix("?>")).ok_or(MALFORMED)?;
    let tag = BytesStart::from_content(inner.to_owned(), 0);
    let mut fields = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| MALFORMED)?;
        fields.push((attribute.key.0.to_owned(), attribute.value.into_owned()));
    }
    let mut fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).peekable();
    if fields.next() != Some(("version", "1.0")) {
        return Err(CodecError::malformed("not XML 1.0"));
    }
    let encoding = fields.next_if(|(name, _)| *name == "encoding");
    if encoding.is_some_and(|(_, encoding)| !encoding.eq_ignore_ascii_case("utf-8")) {
        return Err(CodecError::new(StreamCondition::UnsupportedEncoding, "another encoding than UTF-8"));
    }
    let _standalone = fields.next_if(|(name, value)| *name == "standalone" && matches!(*value, "yes" | "no"));
    if fields.next().is_some() { Err(MALFORMED) } else { Ok(()) }
}

/// Reads the stream header from its start tag.
pub(super) fn read(text: &str) -> Result<(StreamHeader, StreamScope), CodecError> {
    let mut reader = quick_xml::Reader::from_str(text);
    let Ok(Event::Start(tag)) = reader.read_event() else {
        return Err(CodecError::malformed("a malformed stream header"));
    };
    let mut resolver = tree::resolver();
    tree::push(&mut resolver, &tag)?;
    let element = tree::element(&resolver, &tag, &mut tree::Room::of(text)).map_err(|error| {
        let is_own_prefix = error == tree::UNDECLARED && is_undeclared(&resolver, tag.name());
        let condition = if is_own_prefix { StreamCondition::BadNamespacePrefix } else { error.condition };
        CodecError::new(condition, error.reason)
    })?;
    let content = resolver.resolve_element(QName("x")).0;
    if element.ns() != ns::STREAMS || tree::namespace(&content)? != ns::CLIENT {
        return Err(CodecError::new(StreamCondition::InvalidNamespace, "not a client stream"));
    }
    if element.name() != "stream" {
        return Err(CodecError::new(StreamCondition::BadFormat, "not a stream header"));
    }
    let header = StreamHeader {
        to: address(&element, "to")?,
        from: address(&element, "from")?,
        id: element.attr("id").map(str::to_owned),
        version: element.attr("version").and_then(parse_version),
        lang: element.lang().map(str::to_owned),
    };
    Ok((header, scope(&tag)?))
}

fn is_undeclared(resolver: &NamespaceResolver, name: QName<'_>) -> bool {
    tree::namespace(&resolver.resolve_element(name).0).is_err()
}

fn address(header: &Element, name: &'static str) -> Result<Option<Jid>, CodecError> {
    const MALFORMED: CodecError = CodecError::new(StreamCondition::ImproperAddressing, "a malformed address");
    header.attr(name).map(Jid::new).transpose().map_err(|_| MALFORMED)
}

fn scope(tag: &BytesStart<'_>) -> Result<StreamScope, CodecError> {
    let mut declarations = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| CodecError::malformed("a malformed stream header"))?;
        let Some(declaration) = attribute.key.as_namespace_binding() else { continue };
        let prefix = match declaration {
            PrefixDeclaration::Default => "",
            PrefixDeclaration::Named(prefix) => prefix,
        };
        declarations.push((prefix.to_owned(), tree::attribute_value(&attribute)?));
    }
    let usual = [("", ns::CLIENT), ("stream", ns::STREAMS)];
    let is_usual = declarations.len() == usual.len()
        && usual.iter().all(|(prefix, namespace)| declarations.iter().any(|(p, n)| p == prefix && n == namespace));
    let name = tag.name().0;
    if is_usual && name == "stream:stream" {
        return Ok(StreamScope::Usual);
    }
    Ok(StreamScope::Other(Box::new(Declared { name: name.to_owned(), declarations })))
}
