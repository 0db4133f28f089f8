//! A stream whose client has proven its account and has no session yet: classic resource binding (RFC 6120 §7).

use longwire_protocol::jid::{BareJid, NodePart, ResourcePart};
use longwire_protocol::stanza::{Condition, Iq, IqType, StanzaError, error_answer};
use longwire_protocol::stream::{StreamCondition, StreamError};
use longwire_protocol::xep::bind;
use longwire_protocol::{Element, Jid, ns};

use crate::config::FULL_RETRY_S;
use crate::negotiation::{BoundParts, Link, Next, refuse};
use crate::{Answer, BindRefusal, BindRequest, Event, Outbox, ResourceRequest, features};

/// The phase between login and session.
pub(crate) struct Authenticated {
    account: NodePart,
    mechanism: &'static str,
    agent: Option<String>,
    restarts: bool,
    pending: Option<String>,
}

impl Authenticated {
    /// After classic SASL (RFC 6120 §6), which wants a new stream header.
    pub(crate) const fn classic(account: NodePart, mechanism: &'static str) -> Self {
        Self { account, mechanism, agent: None, restarts: true, pending: None }
    }

    /// After SASL2 without Bind 2.
    pub(crate) const fn sasl2(account: NodePart, mechanism: &'static str, agent: Option<String>) -> Self {
        Self { account, mechanism, agent, restarts: false, pending: None }
    }

    pub(crate) const fn restarts(&self) -> bool {
        self.restarts
    }

    pub(crate) const fn is_waiting(&self) -> bool {
        self.pending.is_some()
    }

    pub(crate) fn write_features(out: &mut Outbox) {
        out.bytes.extend_from_slice(features::authenticated());
    }

    /// The header may name the account that was proven, and no other.
    pub(crate) fn check_from(&self, from: Option<&Jid>, link: &Link) -> Result<(), StreamError> {
        match from {
            Some(from) if from.to_bare() != self.bare(link) => Err(StreamCondition::InvalidFrom.into()),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn handle_element(
        &mut self,
        element: &Element,
        link: &Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        if matches!(element.ns(), ns::SASL | ns::SASL2) {
            let error = StreamError::new(StreamCondition::PolicyViolation);
            return Err(error.with_text("already authenticated"));
        }
        if !element.is(ns::CLIENT, "iq") || !element.has_child(ns::BIND, "bind") {
            return refuse(element, out);
        }
        let iq = match Iq::from_element(element.clone()) {
            Ok(iq) => iq,
            Err(problem) => return Ok(answer_error(element, &problem.answer(), out)),
        };
        let resource = match &iq.kind {
            IqType::Set(payload) => bind::read_request(payload).unwrap_or_default(),
            IqType::Get(_) | IqType::Result(_) | IqType::Error(_) => return refuse(element, out),
        };
        let Ok(resource) = resource.map(|name| ResourcePart::new(&name).map(std::borrow::Cow::into_owned)).transpose()
        else {
            return Ok(answer_error(element, &Condition::BadRequest.into(), out));
        };
        out.events.push(Event::Bind(Box::new(BindRequest {
            account: self.account.as_str().to_owned(),
            domain: link.domain().clone(),
            mechanism: self.mechanism,
            token_used: None,
            token_is_spent: false,
            token_wanted: None,
            agent: self.agent.clone(),
            resource: resource.map_or(ResourceRequest::Any, ResourceRequest::Named),
            push: None,
            is_androidpn: false,
        })));
        self.pending = Some(iq.id);
        Ok(Next::Stay)
    }

    pub(crate) fn handle_answer(&mut self, answer: Answer, link: &Link, out: &mut Outbox) -> Result<Next, StreamError> {
        let Some(id) = self.pending.take() else { return Ok(Next::Stay) };
        let request = Iq::set(id, bind::request(None));
        let error: StanzaError = match answer {
            Answer::Bound(session) if session.jid.to_bare() == self.bare(link) => {
                request.result_for(Some(bind::result(&session.jid))).to_element().write_in_stream(&mut out.bytes);
                return Ok(Next::Bound(Box::new(BoundParts {
                    jid: session.jid,
                    heartbeat_s: None,
                    is_androidpn: false,
                })));
            }
            Answer::BindRefused(BindRefusal::ResourceConstraint) => {
                StanzaError::new(Condition::ResourceConstraint).with_retry(FULL_RETRY_S)
            }
            Answer::BindRefused(BindRefusal::NotAllowed) => Condition::NotAllowed.into(),
            Answer::BindRefused(BindRefusal::NotAuthorized | BindRefusal::AccountDisabled) => {
                return Err(StreamCondition::NotAuthorized.into());
            }
            Answer::Unavailable { retry_after_s } => {
                StanzaError::new(Condition::ResourceConstraint).with_retry(retry_after_s)
            }
            Answer::Bound(_)
            | Answer::Verifier(_)
            | Answer::Tokens { .. }
            | Answer::Password(_)
            | Answer::AppKey(_)
            | Answer::Registered(_)
            | Answer::Followed(_) => return Err(StreamCondition::InternalServerError.into()),
        };
        request.error_for(error).to_element().write_in_stream(&mut out.bytes);
        Ok(Next::Stay)
    }

    fn bare(&self, link: &Link) -> BareJid {
        link.domain().domain().with_node(&self.account)
    }
}

fn answer_error(request: &Element, error: &StanzaError, out: &mut Outbox) -> Next {
    if let Some(answer) = error_answer(request, error) {
        answer.write_in_stream(&mut out.bytes);
    }
    Next::Stay
}
