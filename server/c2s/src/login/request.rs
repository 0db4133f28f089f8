//! What a client says in either profile: classic SASL (RFC 6120 §6), or SASL2 (XEP-0388) with the user agent, Bind 2 (XEP-0386), FAST
//! (XEP-0484) and the push extension inside.

use longwire_protocol::jid::BareJid;
use longwire_protocol::sasl::{Failure, SaslCondition};
use longwire_protocol::xep::{bind2, fast, sasl, sasl2};
use longwire_protocol::{Element, Jid, ns, push};

use super::exchange::{Mechanism, Proof};
use crate::{BindRequest, FollowRequest, IssuedToken, ResourceRequest};

/// The longest tag of Bind 2, in bytes.
const TAG_BYTES_MAX: usize = 64;

/// An element of a client, in either profile.
pub(super) enum Message {
    /// `<auth/>` or `<authenticate/>`.
    Begin { mechanism: String, data: Option<Vec<u8>>, request: Request },
    /// `<response/>`.
    Respond(Vec<u8>),
    /// `<abort/>`.
    Abort,
}

/// What a client asks for beside the login itself; nothing in the classic profile.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) agent: Option<String>,
    pub(super) bind: Option<Bind>,
    /// Whether it carries `<fast/>`.
    pub(super) is_by_token: bool,
    wants_token: Option<Mechanism>,
    is_last_use: bool,
}

/// `<bind/>` of Bind 2.
#[derive(Clone, Debug, Default)]
pub(super) struct Bind {
    tag: Option<String>,
    push: Option<push::Login>,
}

impl Message {
    pub(super) fn read(element: &Element) -> Result<Self, Failure> {
        if element.ns() == ns::SASL {
            return Ok(match sasl::ClientElement::from_element(element)? {
                sasl::ClientElement::Auth { mechanism, initial_response } => {
                    Self::Begin { mechanism, data: initial_response, request: Request::default() }
                }
                sasl::ClientElement::Response(data) => Self::Respond(data),
                sasl::ClientElement::Abort => Self::Abort,
            });
        }
        Ok(match sasl2::ClientElement::from_element(element)? {
            sasl2::ClientElement::Authenticate(asked) => Self::Begin {
                request: Request::read(&asked)?,
                mechanism: asked.mechanism,
                data: asked.initial_response,
            },
            sasl2::ClientElement::Response(data) => Self::Respond(data),
            sasl2::ClientElement::Abort => Self::Abort,
        })
    }
}

impl Request {
    fn read(asked: &sasl2::Authenticate) -> Result<Self, Failure> {
        let agent = asked.user_agent.as_ref().and_then(|agent| agent.id.clone());
        let bind = asked.bind().map(|bind| Bind::read(&bind)).transpose()?;
        if agent.is_none() && bind.as_ref().is_some_and(|bind| bind.push.is_some()) {
            return Err(malformed("a push device names its user-agent id"));
        }
        let wanted = asked.request_token()?.and_then(|wanted| Mechanism::from_name(&wanted.mechanism));
        let fast = asked.fast()?;
        let (is_by_token, is_last_use) = (fast.is_some(), fast.is_some_and(|fast| fast.is_invalidating));
        let wants_token = wanted.filter(|named| *named == Mechanism::HtSha256Expr);
        Ok(Self { agent, bind, is_by_token, wants_token, is_last_use })
    }

    pub(super) fn push(&self) -> Option<&push::Login> {
        self.bind.as_ref().and_then(|bind| bind.push.as_ref())
    }

    /// What there is to do about FAST tokens when no session is asked for; they belong to devices, which have user-agent ids.
    pub(super) fn follow_request(&self, proof: &Proof) -> Option<FollowRequest> {
        let agent = self.agent.clone().filter(|_| proof.token.is_some() || self.wants_token.is_some())?;
        Some(FollowRequest {
            account: proof.account.as_str().to_owned(),
            agent,
            mechanism: proof.mechanism.name(),
            token_used: proof.token,
            token_is_spent: self.is_last_use,
            token_wanted: self.wants_token.map(Mechanism::name),
        })
    }

    pub(super) fn bind_request(&self, proof: &Proof, domain: &BareJid) -> BindRequest {
        let tag = self.bind.as_ref().and_then(|bind| bind.tag.clone());
        BindRequest {
            account: proof.account.as_str().to_owned(),
            domain: domain.clone(),
            mechanism: proof.mechanism.name(),
            token_used: proof.token,
            token_is_spent: self.is_last_use,
            token_wanted: self.wants_token.map(Mechanism::name),
            agent: self.agent.clone(),
            resource: tag.map_or(ResourceRequest::Any, ResourceRequest::Tag),
            push: self.push().cloned(),
            is_androidpn: false,
        }
    }
}

impl Bind {
    fn read(asked: &bind2::Bind) -> Result<Self, Failure> {
        if asked.tag.as_ref().is_some_and(|tag| tag.len() > TAG_BYTES_MAX) {
            return Err(malformed("the tag is too long"));
        }
        let push = asked.push().map_err(|problem| malformed(&problem.to_string()))?;
        Ok(Self { tag: asked.tag.clone(), push })
    }
}

fn malformed(text: &str) -> Failure {
    Failure::new(SaslCondition::MalformedRequest).with_text(text)
}

/// `<success/>` of SASL2, with what was made of the requests inside.
pub(super) fn success(proof: &Proof, jid: Jid, bound: Option<bind2::Bound>, token: Option<&IssuedToken>) -> Element {
    let token = token.map(|token| fast::Token { token: token.secret.clone(), expiry: token.expires_at }.to_element());
    let inline = bound.map(|bound| bound.to_element()).into_iter().chain(token).collect();
    let success = sasl2::Success { additional_data: proof.data.clone(), authorization_identifier: jid, inline };
    sasl2::ServerElement::Success(success).to_element()
}
