//! What SASL2 (XEP-0388) carries beside the exchange: the user agent, Bind 2 (XEP-0386), FAST (XEP-0484) and the push extension.

use longwire_protocol::jid::BareJid;
use longwire_protocol::sasl::{Failure, SaslCondition, base64};
use longwire_protocol::{Element, FieldError, Jid, ns, push};

use super::exchange::{Mechanism, Proof};
use crate::{BindRequest, IssuedToken, ResourceRequest};

/// The longest user-agent id, in bytes; XEP-0388 asks for a UUID.
const AGENT_BYTES_MAX: usize = 128;
/// The longest tag of Bind 2, in bytes.
const TAG_BYTES_MAX: usize = 64;

/// What a client asks for in `<authenticate/>`.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) agent: Option<String>,
    pub(super) bind: Option<Bind>,
    wants_token: Option<Mechanism>,
    is_last_use: bool,
}

/// `<bind/>` of Bind 2.
#[derive(Clone, Debug, Default)]
pub(super) struct Bind {
    tag: Option<String>,
    push: Option<push::Login>,
}

impl Request {
    pub(super) fn parse(element: &Element) -> Result<Self, Failure> {
        let malformed = |text: String| Failure::new(SaslCondition::MalformedRequest).with_text(text);
        let agent = element.child(ns::SASL2, "user-agent").and_then(|agent| agent.attr("id")).map(str::to_owned);
        if agent.as_ref().is_some_and(|id| id.is_empty() || id.len() > AGENT_BYTES_MAX) {
            return Err(malformed("a user-agent id is a UUID".to_owned()));
        }
        let bind = element.child(ns::BIND2, "bind").map(Bind::parse).transpose();
        let bind = bind.map_err(|problem| malformed(problem.to_string()))?;
        if agent.is_none() && bind.as_ref().is_some_and(|bind| bind.push.is_some()) {
            return Err(malformed("a push device names its user-agent id".to_owned()));
        }
        let wanted = element.child(ns::FAST, "request-token").and_then(|wanted| wanted.attr("mechanism"));
        let wants_token = wanted.and_then(Mechanism::from_name).filter(|named| *named == Mechanism::HtSha256Expr);
        let invalidate = element.child(ns::FAST, "fast").and_then(|fast| fast.attr("invalidate"));
        Ok(Self { agent, bind, wants_token, is_last_use: matches!(invalidate, Some("true" | "1")) })
    }

    pub(super) fn push(&self) -> Option<&push::Login> {
        self.bind.as_ref().and_then(|bind| bind.push.as_ref())
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
        }
    }
}

impl Bind {
    fn parse(element: &Element) -> Result<Self, FieldError> {
        let tag = element.child_text(ns::BIND2, "tag").filter(|tag| !tag.is_empty());
        if tag.as_ref().is_some_and(|tag| tag.len() > TAG_BYTES_MAX) {
            return Err(FieldError::Invalid { element: "bind", field: "tag" });
        }
        let push = element.child(ns::PUSH, "push").map(push::Login::from_element).transpose()?;
        Ok(Self { tag, push })
    }
}

/// `<success/>` (XEP-0388 §2.6.1).
pub(super) fn success(proof: &Proof, jid: &Jid, bound: Option<Element>, token: Option<&IssuedToken>) -> Element {
    let success = Element::new(ns::SASL2, "success");
    let success = match &proof.data {
        Some(data) => success.with_text_child("additional-data", base64::encode(data)),
        None => success,
    };
    let token = token.map(|token| {
        Element::new(ns::FAST, "token").with_attr("expiry", token.expires_at).with_attr("token", &token.secret)
    });
    success.with_text_child("authorization-identifier", jid.to_string()).with_opt_child(bound).with_opt_child(token)
}

/// `<bound/>` (XEP-0386).
pub(super) fn bound(push: Option<&push::Bound>) -> Element {
    Element::new(ns::BIND2, "bound").with_opt_child(push.map(push::Bound::to_element))
}
