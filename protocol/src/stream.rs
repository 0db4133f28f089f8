//! Stream headers and stream errors (RFC 6120 §4).

mod condition;

pub use condition::StreamCondition;

use crate::element::write::write_pair;
use crate::push::Retry;
use crate::{Element, FieldError, Jid, ns};

/// The bytes that close a stream (RFC 6120 §4.4).
pub const CLOSE: &[u8] = b"</stream:stream>";

/// A stream header; either side's (RFC 6120 §4.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamHeader {
    /// Whom the stream is for.
    pub to: Option<Jid>,
    /// Who opens it.
    pub from: Option<Jid>,
    /// The stream's id, given by the server.
    pub id: Option<String>,
    /// Major and minor version; absent or unreadable means before 1.0.
    pub version: Option<(u16, u16)>,
    /// `xml:lang`.
    pub lang: Option<String>,
}

impl StreamHeader {
    /// What a client sends: `from` its bare JID, inside TLS only (RFC 6120 §4.7.1).
    #[must_use]
    pub fn client(to: Jid, from: Option<Jid>) -> Self {
        Self { to: Some(to), from, id: None, version: Some((1, 0)), lang: Some("en".to_owned()) }
    }

    /// What a server answers.
    #[must_use]
    pub fn server(from: Jid, to: Option<Jid>, id: impl Into<String>) -> Self {
        Self { to, from: Some(from), id: Some(id.into()), version: Some((1, 0)), lang: Some("en".to_owned()) }
    }

    /// Whether the other side speaks XMPP 1.0 or later, with features and errors (RFC 6120 §4.7.5).
    #[must_use]
    pub fn is_xmpp_1(&self) -> bool {
        self.version.is_some_and(|(major, _)| major >= 1)
    }

    /// Appends the XML declaration and the opening tag of a client stream.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<?xml version='1.0'?><stream:stream");
        let [to, from] = [&self.to, &self.from].map(|jid| jid.as_ref().map(ToString::to_string));
        let version = self.version.map(|(major, minor)| format!("{major}.{minor}"));
        let attributes = [
            ("to", to.as_deref()),
            ("from", from.as_deref()),
            ("id", self.id.as_deref()),
            ("version", version.as_deref()),
            ("xml:lang", self.lang.as_deref()),
        ];
        for (name, value) in attributes {
            if let Some(value) = value {
                write_pair(name, value, out);
            }
        }
        write_pair("xmlns", ns::CLIENT, out);
        write_pair("xmlns:stream", ns::STREAMS, out);
        out.push(b'>');
    }
}

/// `<stream:features/>` that offers `features`.
#[must_use]
pub fn features(features: impl IntoIterator<Item = Element>) -> Element {
    Element::new(ns::STREAMS, "features").with_children(features)
}

/// Whether `element` is `<stream:features/>`.
#[must_use]
pub fn is_features(element: &Element) -> bool {
    element.is(ns::STREAMS, "features")
}

/// Reads `1.0` and the like.
pub(crate) fn parse_version(text: &str) -> Option<(u16, u16)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A stream error; the stream ends with it (RFC 6120 §4.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// What is wrong.
    pub condition: StreamCondition,
    /// A text for whoever reads the trace.
    pub text: Option<String>,
    /// Seconds after which another attempt is welcome.
    pub retry_after: Option<u32>,
}

impl StreamError {
    /// An error without text.
    #[must_use]
    pub const fn new(condition: StreamCondition) -> Self {
        Self { condition, text: None, retry_after: None }
    }

    /// Adds a text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Asks for a pause of `seconds`.
    #[must_use]
    pub const fn with_retry(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Reads `<stream:error/>`; a condition nobody knows is `undefined-condition`.
    ///
    /// # Errors
    /// When it is another element.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        if !element.is(ns::STREAMS, "error") {
            return Err(FieldError::Unexpected { expected: "stream:error" });
        }
        let named = element.children().filter(|child| child.ns() == ns::STREAM_ERRORS && child.name() != "text");
        let condition = named.filter_map(|child| StreamCondition::from_name(child.name())).next();
        Ok(Self {
            condition: condition.unwrap_or(StreamCondition::UndefinedCondition),
            text: element.child_text(ns::STREAM_ERRORS, "text"),
            retry_after: Retry::find_in(element).map(|retry| retry.after_s),
        })
    }

    /// The error as `<stream:error/>`.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let text =
            self.text.as_ref().map(|text| Element::new(ns::STREAM_ERRORS, "text").with_lang("en").with_text(text));
        Element::new(ns::STREAMS, "error")
            .with_child(Element::new(ns::STREAM_ERRORS, self.condition.name()))
            .with_opt_child(text)
            .with_opt_child(self.retry_after.map(|after_s| Retry { after_s }.to_element()))
    }

    /// Appends the error and the stream's closing tag.
    pub fn write_and_close(&self, out: &mut Vec<u8>) {
        self.to_element().write_in_stream(out);
        out.extend_from_slice(CLOSE);
    }
}

impl From<StreamCondition> for StreamError {
    fn from(condition: StreamCondition) -> Self {
        Self::new(condition)
    }
}

#[cfg(test)]
mod tests {
    use super::{StreamCondition, StreamError, StreamHeader, parse_version};
    use crate::Jid;

    #[test]
    fn writes_headers() {
        let (alice, domain) = (Jid::new("alice@example.com").expect("a JID"), Jid::new("example.com").expect("a JID"));
        let mut out = Vec::new();
        StreamHeader::client(domain.clone(), Some(alice.clone())).write_to(&mut out);
        insta::assert_snapshot!(String::from_utf8_lossy(&out), @"<?xml version='1.0'?><stream:stream to='example.com' from='alice@example.com' version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
        out.clear();
        StreamHeader::server(domain, Some(alice), "s1").write_to(&mut out);
        insta::assert_snapshot!(String::from_utf8_lossy(&out), @"<?xml version='1.0'?><stream:stream to='alice@example.com' from='example.com' id='s1' version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
    }

    #[test]
    fn writes_and_reads_errors() {
        let error = StreamError::new(StreamCondition::SystemShutdown).with_text("restart").with_retry(30);
        let mut out = Vec::new();
        error.write_and_close(&mut out);
        insta::assert_snapshot!(String::from_utf8_lossy(&out), @"<stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>restart</text><retry xmlns='urn:longwire:push:1' after='30'/></stream:error></stream:stream>");
        assert_eq!(StreamError::from_element(&error.to_element()), Ok(error));
    }

    #[test]
    fn reads_versions() {
        assert_eq!(parse_version("1.0"), Some((1, 0)));
        assert_eq!(parse_version("1"), None);
        assert_eq!(parse_version("1.x"), None);
    }
}
