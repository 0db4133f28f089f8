//! RFC 6120 §6: classic SASL.

use super::{expect, texts};
use crate::sasl::{Failure, SaslCondition, base64};
use crate::{Element, FieldError, ns};

/// The stream feature.
#[must_use]
pub fn feature(mechanisms: &[&str]) -> Element {
    let element = Element::new(ns::SASL, "mechanisms");
    mechanisms.iter().fold(element, |element, mechanism| element.with_text_child("mechanism", *mechanism))
}

/// The mechanisms that `features` offer; none when SASL is not offered.
#[must_use]
pub fn mechanisms(features: &Element) -> Vec<String> {
    features.child(ns::SASL, "mechanisms").map(|offer| texts(offer, "mechanism")).unwrap_or_default()
}

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientElement {
    /// `<auth/>`.
    Auth {
        /// The mechanism.
        mechanism: String,
        /// Its first data, if it speaks first.
        initial_response: Option<Vec<u8>>,
    },
    /// `<response/>`.
    Response(Vec<u8>),
    /// `<abort/>`.
    Abort,
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerElement {
    /// `<challenge/>`.
    Challenge(Vec<u8>),
    /// `<success/>`, with the mechanism's last data if it has some.
    Success(Option<Vec<u8>>),
    /// `<failure/>`.
    Failure(Failure),
}

impl ClientElement {
    /// Whether `element` is of this profile, well-formed or not.
    #[must_use]
    pub fn is(element: &Element) -> bool {
        element.ns() == ns::SASL
    }

    /// Reads an element of the client.
    ///
    /// # Errors
    /// The condition of the failure to answer with.
    pub fn from_element(element: &Element) -> Result<Self, SaslCondition> {
        if element.ns() != ns::SASL {
            return Err(SaslCondition::MalformedRequest);
        }
        let text = element.text();
        let data = || base64::decode_or_equals(&text).ok_or(SaslCondition::IncorrectEncoding);
        match element.name() {
            "auth" => {
                let mechanism = element.attr("mechanism").ok_or(SaslCondition::InvalidMechanism)?.to_owned();
                let initial_response = if text.is_empty() { None } else { Some(data()?) };
                Ok(Self::Auth { mechanism, initial_response })
            }
            "response" => Ok(Self::Response(data()?)),
            "abort" => Ok(Self::Abort),
            _ => Err(SaslCondition::MalformedRequest),
        }
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        match self {
            Self::Auth { mechanism, initial_response } => {
                let text = initial_response.as_ref().map(|data| base64::encode_or_equals(data)).unwrap_or_default();
                Element::new(ns::SASL, "auth").with_attr("mechanism", mechanism).with_text(text)
            }
            Self::Response(data) => Element::new(ns::SASL, "response").with_text(base64::encode(data)),
            Self::Abort => Element::new(ns::SASL, "abort"),
        }
    }
}

impl ServerElement {
    /// Reads an element of the server.
    ///
    /// # Errors
    /// When it is another element or its data is not Base64.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        let decode = |name| {
            base64::decode_or_equals(&element.text()).ok_or(FieldError::Invalid { element: name, field: "text" })
        };
        match element.name() {
            "challenge" => {
                expect(element, ns::SASL, "challenge")?;
                Ok(Self::Challenge(decode("challenge")?))
            }
            "success" => {
                expect(element, ns::SASL, "success")?;
                let has_data = !element.text().is_empty();
                Ok(Self::Success(if has_data { Some(decode("success")?) } else { None }))
            }
            _ => Failure::from_element(element).map(Self::Failure),
        }
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        match self {
            Self::Challenge(data) => Element::new(ns::SASL, "challenge").with_text(base64::encode(data)),
            Self::Success(data) => {
                let text = data.as_ref().map(|data| base64::encode_or_equals(data)).unwrap_or_default();
                Element::new(ns::SASL, "success").with_text(text)
            }
            Self::Failure(failure) => failure.to_sasl(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientElement, ServerElement, feature, mechanisms};
    use crate::sasl::{Failure, SaslCondition};
    use crate::{Element, ns};

    #[test]
    fn elements_have_known_bytes_and_read_back() {
        let auth = |initial_response| ClientElement::Auth { mechanism: "PLAIN".to_owned(), initial_response };
        let client = [
            (auth(None), "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>"),
            (auth(Some(vec![])), "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>=</auth>"),
            (
                auth(Some(b"\0a\0b".to_vec())),
                "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>",
            ),
            (ClientElement::Response(vec![]), "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
            (ClientElement::Response(vec![1]), "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AQ==</response>"),
            (ClientElement::Abort, "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
        ];
        for (value, bytes) in client {
            assert_eq!(value.to_element().to_string(), bytes);
            assert_eq!(ClientElement::from_element(&value.to_element()), Ok(value));
        }
        let server = [
            (ServerElement::Challenge(vec![1]), "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AQ==</challenge>"),
            (ServerElement::Success(None), "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
            (ServerElement::Success(Some(vec![])), "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>=</success>"),
            (
                ServerElement::Failure(Failure::new(SaslCondition::Aborted)),
                "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><aborted/></failure>",
            ),
        ];
        for (value, bytes) in server {
            assert_eq!(value.to_element().to_string(), bytes);
            assert_eq!(ServerElement::from_element(&value.to_element()), Ok(value));
        }
    }

    #[test]
    fn wrong_elements_name_their_failure() {
        let auth = Element::new(ns::SASL, "auth");
        let cases = [
            (auth.clone(), SaslCondition::InvalidMechanism),
            (auth.with_attr("mechanism", "PLAIN").with_text("AA"), SaslCondition::IncorrectEncoding),
            (Element::new(ns::SASL, "response").with_text("A A="), SaslCondition::IncorrectEncoding),
            (Element::new(ns::SASL, "other"), SaslCondition::MalformedRequest),
        ];
        for (element, condition) in cases {
            assert_eq!(ClientElement::from_element(&element), Err(condition), "{element}");
        }
        assert!(ServerElement::from_element(&Element::new(ns::SASL2, "challenge")).is_err());
    }

    #[test]
    fn offers_read_back() {
        let features = Element::new(ns::STREAMS, "features").with_child(feature(&["SCRAM-SHA-256", "PLAIN"]));
        assert_eq!(mechanisms(&features), ["SCRAM-SHA-256", "PLAIN"]);
    }
}
