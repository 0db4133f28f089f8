//! XEP-0388: the extensible SASL profile.

use super::{bind2, expect, fast, texts};
use crate::sasl::{Failure, SaslCondition, base64};
use crate::{Element, FieldError, Jid, ns};

/// The stream feature `<authentication/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authentication {
    /// The mechanisms, the server's favourite first.
    pub mechanisms: Vec<String>,
    /// What may be negotiated in the same round trip.
    pub inline: Vec<Element>,
}

impl Authentication {
    /// Reads the feature out of `features`; `None` when SASL2 is not offered.
    #[must_use]
    pub fn find_in(features: &Element) -> Option<Self> {
        let element = features.child(ns::SASL2, "authentication")?;
        let inline = element.child(ns::SASL2, "inline");
        let inline = inline.map(|inline| inline.children().cloned().collect()).unwrap_or_default();
        Some(Self { mechanisms: texts(element, "mechanism"), inline })
    }

    /// The Bind 2 feature, if offered.
    #[must_use]
    pub fn bind(&self) -> Option<bind2::Feature> {
        self.inline.iter().find_map(|element| bind2::Feature::from_element(element).ok())
    }

    /// The FAST feature, if offered.
    #[must_use]
    pub fn fast(&self) -> Option<fast::Feature> {
        self.inline.iter().find_map(|element| fast::Feature::from_element(element).ok())
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let element = Element::new(ns::SASL2, "authentication");
        let element =
            self.mechanisms.iter().fold(element, |element, mechanism| element.with_text_child("mechanism", mechanism));
        let inline = Element::new(ns::SASL2, "inline").with_children(self.inline.iter().cloned());
        element.with_opt_child((!self.inline.is_empty()).then_some(inline))
    }
}

/// `<user-agent/>`: which installation logs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserAgent {
    /// A version 4 UUID that the installation made for itself; with the account it names the device.
    pub id: Option<String>,
    /// The software's name.
    pub software: Option<String>,
    /// The device's name.
    pub device: Option<String>,
}

/// The longest `id` of a user agent, in bytes: a UUID is 36.
const USER_AGENT_ID_BYTES_MAX: usize = 64;

impl UserAgent {
    fn from_element(element: &Element) -> Option<Self> {
        let id = element.attr("id").map(str::to_owned);
        if id.as_ref().is_some_and(|id| id.is_empty() || id.len() > USER_AGENT_ID_BYTES_MAX) {
            return None;
        }
        let text = |name| element.child_text(ns::SASL2, name);
        Some(Self { id, software: text("software"), device: text("device") })
    }

    fn to_element(&self) -> Element {
        let text =
            |name, value: &Option<String>| value.as_ref().map(|value| Element::new(ns::SASL2, name).with_text(value));
        Element::new(ns::SASL2, "user-agent")
            .with_opt_attr("id", self.id.as_ref())
            .with_opt_child(text("software", &self.software))
            .with_opt_child(text("device", &self.device))
    }
}

/// `<authenticate/>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticate {
    /// The mechanism.
    pub mechanism: String,
    /// Its first data, if it speaks first.
    pub initial_response: Option<Vec<u8>>,
    /// Who logs in.
    pub user_agent: Option<UserAgent>,
    /// What else to negotiate: elements of other namespaces.
    pub inline: Vec<Element>,
}

impl Authenticate {
    /// The Bind 2 request, if there is one.
    #[must_use]
    pub fn bind(&self) -> Option<bind2::Bind> {
        self.inline.iter().find_map(|element| bind2::Bind::from_element(element).ok())
    }

    /// `<fast/>`: the login is by a FAST token.
    ///
    /// # Errors
    /// `malformed-request` when it is unreadable.
    pub fn fast(&self) -> Result<Option<fast::Fast>, SaslCondition> {
        let element = self.inline.iter().find(|element| element.is(ns::FAST, "fast"));
        element.map(fast::Fast::from_element).transpose().map_err(|_| SaslCondition::MalformedRequest)
    }

    /// `<request-token/>`: the mechanism for which the client wishes a FAST token.
    ///
    /// # Errors
    /// `malformed-request` when it is unreadable.
    pub fn request_token(&self) -> Result<Option<fast::RequestToken>, SaslCondition> {
        let element = self.inline.iter().find(|element| element.is(ns::FAST, "request-token"));
        element.map(fast::RequestToken::from_element).transpose().map_err(|_| SaslCondition::MalformedRequest)
    }
}

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientElement {
    /// `<authenticate/>`.
    Authenticate(Authenticate),
    /// `<response/>`.
    Response(Vec<u8>),
    /// `<abort/>`.
    Abort,
}

impl ClientElement {
    /// Whether `element` is of this profile, well-formed or not.
    #[must_use]
    pub fn is(element: &Element) -> bool {
        element.ns() == ns::SASL2
    }

    /// Reads an element of the client.
    ///
    /// # Errors
    /// The condition of the failure to answer with.
    pub fn from_element(element: &Element) -> Result<Self, SaslCondition> {
        if element.ns() != ns::SASL2 {
            return Err(SaslCondition::MalformedRequest);
        }
        match element.name() {
            "authenticate" => read_authenticate(element).map(Self::Authenticate),
            "response" => decode(element).map(Self::Response).ok_or(SaslCondition::IncorrectEncoding),
            "abort" => Ok(Self::Abort),
            _ => Err(SaslCondition::MalformedRequest),
        }
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        match self {
            Self::Authenticate(request) => {
                let data = |data: &Vec<u8>| Element::new(ns::SASL2, "initial-response").with_text(base64::encode(data));
                Element::new(ns::SASL2, "authenticate")
                    .with_attr("mechanism", &request.mechanism)
                    .with_opt_child(request.initial_response.as_ref().map(data))
                    .with_opt_child(request.user_agent.as_ref().map(UserAgent::to_element))
                    .with_children(request.inline.iter().cloned())
            }
            Self::Response(data) => Element::new(ns::SASL2, "response").with_text(base64::encode(data)),
            Self::Abort => Element::new(ns::SASL2, "abort"),
        }
    }
}

fn read_authenticate(element: &Element) -> Result<Authenticate, SaslCondition> {
    let mechanism = element.attr("mechanism").ok_or(SaslCondition::InvalidMechanism)?.to_owned();
    let initial = element.child(ns::SASL2, "initial-response");
    let initial_response = initial.map(|data| decode(data).ok_or(SaslCondition::IncorrectEncoding)).transpose()?;
    let user_agent = element.child(ns::SASL2, "user-agent");
    let user_agent =
        user_agent.map(|agent| UserAgent::from_element(agent).ok_or(SaslCondition::MalformedRequest)).transpose()?;
    let inline = element.children().filter(|child| child.ns() != ns::SASL2).cloned().collect();
    Ok(Authenticate { mechanism, initial_response, user_agent, inline })
}

/// `<success/>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Success {
    /// The mechanism's last data, if it has some.
    pub additional_data: Option<Vec<u8>>,
    /// Who the client is: a full JID when a resource was bound.
    pub authorization_identifier: Jid,
    /// The answers to what was negotiated inline.
    pub inline: Vec<Element>,
}

impl Success {
    /// `<bound/>`, if a resource was bound.
    #[must_use]
    pub fn bound(&self) -> Option<bind2::Bound> {
        self.inline.iter().find_map(|element| bind2::Bound::from_element(element).ok())
    }

    /// A new FAST token, if the server gave one.
    #[must_use]
    pub fn token(&self) -> Option<fast::Token> {
        self.inline.iter().find_map(|element| fast::Token::from_element(element).ok())
    }
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerElement {
    /// `<challenge/>`.
    Challenge(Vec<u8>),
    /// `<success/>`; the stream features follow, without a new stream header.
    Success(Success),
    /// `<failure/>`.
    Failure(Failure),
}

impl ServerElement {
    /// Reads an element of the server; `<continue/>` counts as unexpected.
    ///
    /// # Errors
    /// Names what is missing or unreadable.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        match element.name() {
            "challenge" => {
                expect(element, ns::SASL2, "challenge")?;
                let data = decode(element).ok_or(FieldError::Invalid { element: "challenge", field: "text" })?;
                Ok(Self::Challenge(data))
            }
            "success" => {
                expect(element, ns::SASL2, "success")?;
                read_success(element).map(Self::Success)
            }
            _ => Failure::from_element(element).map(Self::Failure),
        }
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        match self {
            Self::Challenge(data) => Element::new(ns::SASL2, "challenge").with_text(base64::encode(data)),
            Self::Success(success) => {
                let data = |data: &Vec<u8>| Element::new(ns::SASL2, "additional-data").with_text(base64::encode(data));
                Element::new(ns::SASL2, "success")
                    .with_opt_child(success.additional_data.as_ref().map(data))
                    .with_text_child("authorization-identifier", success.authorization_identifier.to_string())
                    .with_children(success.inline.iter().cloned())
            }
            Self::Failure(failure) => failure.to_sasl2(),
        }
    }
}

fn read_success(element: &Element) -> Result<Success, FieldError> {
    const SUCCESS: &str = "success";
    let data = element.child(ns::SASL2, "additional-data");
    let data_error = FieldError::Invalid { element: SUCCESS, field: "additional-data" };
    let additional_data = data.map(|data| decode(data).ok_or(data_error)).transpose()?;
    let field = "authorization-identifier";
    let identifier = element.child_text(ns::SASL2, field).ok_or(FieldError::Missing { element: SUCCESS, field })?;
    let authorization_identifier =
        Jid::new(identifier.trim()).map_err(|_| FieldError::Invalid { element: SUCCESS, field })?;
    let inline = element.children().filter(|child| child.ns() != ns::SASL2).cloned().collect();
    Ok(Success { additional_data, authorization_identifier, inline })
}

/// XEP-0388 §2.2: whitespace around the data should not be there, but may.
fn decode(element: &Element) -> Option<Vec<u8>> {
    base64::decode(element.text().trim_ascii())
}
