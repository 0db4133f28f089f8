//! Original androidpn clients before their login: registration (XEP-0077) and `jabber:iq:auth` (XEP-0078), answered with the codes that
//! they look for. A 401 makes such a client throw its account away: nothing but a refused login is answered with one, and that of a disabled
//! account is a 403, after which the client comes back with what it has.

use std::borrow::Cow;

use longwire_protocol::androidpn::Registration;
use longwire_protocol::jid::{NodePart, ResourcePart, account_name};
use longwire_protocol::sasl::SaslCondition;
use longwire_protocol::stanza::{Condition, StanzaError};
use longwire_protocol::stream::{StreamCondition, StreamError};
use longwire_protocol::xep::iq_auth;
use longwire_protocol::{Element, ns};

use super::{Login, State};
use crate::config::FULL_RETRY_S;
use crate::negotiation::{BoundParts, Link, Next};
use crate::{
    ANDROIDPN_FAILURES_MAX, AndroidpnLogin, AndroidpnProof, AndroidpnRegistration, Answer, BindRefusal, BindRequest,
    Event, LoginFailure, Outbox, PasswordCheck, RegisterRefusal, ResourceRequest,
};

/// What stands in the place of a SASL mechanism.
const MECHANISM: &str = "iq:auth";
/// The resource of nearly all of these clients.
const RESOURCE: &str = "AndroidpnClient";
/// The longest password taken, in bytes.
const PASSWORD_BYTES_MAX: usize = 1_024;

/// A question of such a client that is being answered.
pub(super) struct Asked {
    id: Option<String>,
    /// The payload as it is told back in an error: without what is secret.
    query: Element,
    step: Step,
}

enum Step {
    /// Whom the registration was addressed to, which is who answers.
    Registering {
        to: Option<String>,
    },
    Proving {
        account: NodePart,
        resource: ResourcePart,
    },
    Binding {
        account: NodePart,
    },
}

impl Login {
    /// Whether a stanza is to be read as one of an original client: whatever is not of the modern registration.
    pub(super) fn is_original(&self, stanza: &Element, link: &Link) -> bool {
        let is_modern = stanza.child(ns::REGISTER, "query").is_some_and(|query| {
            let is_stranger = link.states_language && !Registration::read(query).is_generated();
            !link.is_original || is_stranger || self.admission.is_some()
        });
        link.config.androidpn && !is_modern && !stanza.has_child(ns::PREAUTH, "preauth")
    }

    /// A stanza before the login.
    pub(super) fn handle_original(
        &mut self,
        stanza: &Element,
        link: &Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        if !self.may_register(link) {
            let condition = SaslCondition::EncryptionRequired;
            let failure = LoginFailure { condition, mechanism: Some(MECHANISM), account: None };
            out.events.push(Event::LoginFailed(failure));
            let error = StreamError::new(StreamCondition::PolicyViolation);
            return Err(error.with_text(
                "this server takes registrations and logins inside TLS only: start TLS, or let its operator admit plaintext",
            ));
        }
        if matches!(stanza.attr("type"), Some("result" | "error")) {
            return Ok(Next::Stay);
        }
        let is_set = stanza.attr("type") == Some("set");
        let payload = stanza.children().next().filter(|_| stanza.name() == "iq");
        match payload {
            Some(query) if query.ns() == ns::IQ_AUTH && is_set => return self.log_in(stanza, query, link, out),
            Some(query) if query.ns() == ns::REGISTER && is_set => {
                return self.register_original(stanza, query, link, out);
            }
            Some(query) if query.ns() == ns::IQ_AUTH => {
                let asked = iq_auth::Request::from_element(query).unwrap_or_default();
                let form = iq_auth::form(&asked.username.unwrap_or_default());
                answer(stanza.attr("id"), None, "result").with_child(form).write_in_stream(&mut out.bytes);
            }
            Some(query) if query.ns() == ns::REGISTER => {
                answer(stanza.attr("id"), None, "result")
                    .with_child(Registration::form())
                    .write_in_stream(&mut out.bytes);
            }
            Some(query) => {
                let is_bind = query.ns() == ns::BIND;
                let condition = if is_bind { Condition::ServiceUnavailable } else { Condition::NotAuthorized };
                let error = answer(stanza.attr("id"), Some(link.address()), "error").with_child(query.clone());
                error.with_child(StanzaError::new(condition).to_legacy_element()).write_in_stream(&mut out.bytes);
            }
            // An IQ that asks for nothing.
            None if stanza.name() == "iq" => {}
            None => {
                let error = Element::new(ns::CLIENT, stanza.name().to_owned())
                    .with_opt_attr("id", stanza.attr("id"))
                    .with_attr("to", link.address())
                    .with_attr("type", "error");
                let reason = StanzaError::new(Condition::NotAuthorized).to_legacy_element();
                error.with_child(reason).write_in_stream(&mut out.bytes);
            }
        }
        Ok(Next::Stay)
    }

    fn register_original(
        &mut self,
        stanza: &Element,
        query: &Element,
        link: &Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        let Registration { username, password, email, full_name } = Registration::read(query);
        let told = Element::new(ns::REGISTER, "query");
        let told = match &username {
            Some(username) => told.with_text_child("username", username),
            None => told,
        };
        let to = stanza.attr("to").map(str::to_owned);
        let asked = Asked { id: stanza.attr("id").map(str::to_owned), query: told, step: Step::Registering { to } };
        if query.has_child(ns::REGISTER, "remove") {
            asked.fail(Condition::UnexpectedRequest, link, out);
            return Ok(Next::Stay);
        }
        let password = password.filter(|password| password.len() <= PASSWORD_BYTES_MAX);
        let (Some(username), Some(password)) = (username, password) else {
            asked.fail(Condition::NotAcceptable, link, out);
            return Ok(Next::Stay);
        };
        let Ok(account) = account_name(username.trim()) else {
            asked.fail(Condition::JidMalformed, link, out);
            return Ok(Next::Stay);
        };
        let account = account.into_inner();
        let registration = AndroidpnRegistration { account, password, email, full_name };
        out.events.push(Event::RegisterAndroidpn(Box::new(registration)));
        self.state = State::Original(Box::new(asked));
        Ok(Next::Stay)
    }

    fn log_in(
        &mut self,
        stanza: &Element,
        query: &Element,
        link: &Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        let iq_auth::Request { username, resource, proof } = iq_auth::Request::from_element(query).unwrap_or_default();
        let told = iq_auth::query(username.as_deref().unwrap_or_default());
        let refused = |condition: Condition, out: &mut Outbox| {
            refusal(stanza.attr("id"), None, told.clone(), &condition.into()).write_in_stream(&mut out.bytes);
        };
        // A label, whatever it is: one that an address cannot hold becomes the one that nearly all of them have.
        let label =
            |name: &str| ResourcePart::new(name).or_else(|_| ResourcePart::new(RESOURCE)).ok().map(Cow::into_owned);
        let resource = resource.as_deref().and_then(label);
        let (Some(resource), Some(proof)) = (resource, proof) else {
            refused(Condition::NotAcceptable, out);
            return Ok(Next::Stay);
        };
        self.account = None;
        let Some(account) = username.and_then(|username| account_name(username.trim()).ok()) else {
            refused(Condition::NotAuthorized, out);
            return self.count_failure(SaslCondition::NotAuthorized, out);
        };
        let proof = match proof {
            iq_auth::Proof::Digest(digest) => AndroidpnProof::Digest { stream_id: link.stream_id.clone(), digest },
            iq_auth::Proof::Password(password) => AndroidpnProof::Password(password),
        };
        self.account = Some(account.as_str().to_owned());
        let login = AndroidpnLogin { account: account.as_str().to_owned(), proof };
        out.events.push(Event::CheckAndroidpn(Box::new(login)));
        let id = stanza.attr("id").map(str::to_owned);
        self.state = State::Original(Box::new(Asked { id, query: told, step: Step::Proving { account, resource } }));
        Ok(Next::Stay)
    }

    /// The answer to the question of such a client.
    pub(super) fn answer_original(
        &mut self,
        asked: Asked,
        answered: Answer,
        link: &Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        let Asked { id, query, step } = asked;
        if let Answer::Unavailable { retry_after_s } = answered {
            Asked { id, query, step }.fail(
                StanzaError::new(Condition::ResourceConstraint).with_retry(retry_after_s),
                link,
                out,
            );
            return Ok(Next::Stay);
        }
        match (step, answered) {
            (step @ Step::Registering { .. }, Answer::Registered(registered)) => {
                match registered {
                    Ok(()) => Asked { id, query, step }.answer(link, "result").write_in_stream(&mut out.bytes),
                    Err(refused) => Asked { id, query, step }.fail(registration_error(refused), link, out),
                }
                Ok(Next::Stay)
            }
            (Step::Proving { account, resource }, Answer::Password(PasswordCheck::Right)) => {
                out.events.push(Event::Bind(Box::new(bind_request(&account, resource, link))));
                self.state = State::Original(Box::new(Asked { id, query, step: Step::Binding { account } }));
                Ok(Next::Stay)
            }
            (
                step @ Step::Proving { .. },
                Answer::Password(check @ (PasswordCheck::Wrong | PasswordCheck::Disabled)),
            ) => {
                let is_disabled = check == PasswordCheck::Disabled;
                let condition = if is_disabled { Condition::Forbidden } else { Condition::NotAuthorized };
                Asked { id, query, step }.fail(condition, link, out);
                self.count_failure(
                    if is_disabled { SaslCondition::AccountDisabled } else { SaslCondition::NotAuthorized },
                    out,
                )
            }
            (Step::Binding { account }, Answer::Bound(session))
                if session.jid.to_bare() == link.domain().domain().with_node(&account) =>
            {
                answer(id.as_deref(), Some(session.jid.to_string()), "result").write_in_stream(&mut out.bytes);
                Ok(Next::Bound(Box::new(BoundParts { jid: session.jid, heartbeat_s: None, is_androidpn: true })))
            }
            (step @ Step::Binding { .. }, Answer::BindRefused(refused)) => {
                let error: StanzaError = match refused {
                    BindRefusal::NotAuthorized => Condition::NotAuthorized.into(),
                    BindRefusal::AccountDisabled => Condition::Forbidden.into(),
                    BindRefusal::ResourceConstraint => {
                        StanzaError::new(Condition::ResourceConstraint).with_retry(FULL_RETRY_S)
                    }
                    BindRefusal::NotAllowed => Condition::NotAllowed.into(),
                };
                Asked { id, query, step }.fail(error, link, out);
                Ok(Next::Stay)
            }
            (Step::Registering { .. } | Step::Proving { .. } | Step::Binding { .. }, _) => {
                Err(StreamCondition::InternalServerError.into())
            }
        }
    }

    /// Tells of a refused login; the last one that is admitted ends the stream.
    fn count_failure(&mut self, condition: SaslCondition, out: &mut Outbox) -> Result<Next, StreamError> {
        let account = self.account.take();
        let failure = LoginFailure { condition, mechanism: Some(MECHANISM), account };
        out.events.push(Event::LoginFailed(failure));
        self.failures = self.failures.saturating_add(1);
        if self.failures >= ANDROIDPN_FAILURES_MAX {
            let error = StreamError::new(StreamCondition::PolicyViolation);
            return Err(error.with_text("too many failed authentications"));
        }
        Ok(Next::Stay)
    }
}

impl Asked {
    fn fail(&self, error: impl Into<StanzaError>, link: &Link, out: &mut Outbox) {
        let error = error.into().to_legacy_element();
        self.answer(link, "error").with_child(self.query.clone()).with_child(error).write_in_stream(&mut out.bytes);
    }

    /// The IQ back, without what it holds: that of a registration tells where it came from and goes to.
    fn answer(&self, link: &Link, kind: &str) -> Element {
        let id = self.id.as_deref();
        match &self.step {
            Step::Registering { to } => answer(id, Some(link.address()), kind).with_opt_attr("from", to.as_deref()),
            Step::Proving { .. } | Step::Binding { .. } => answer(id, None, kind),
        }
    }
}

fn bind_request(account: &NodePart, resource: ResourcePart, link: &Link) -> BindRequest {
    BindRequest {
        account: account.as_str().to_owned(),
        domain: link.domain().clone(),
        mechanism: MECHANISM,
        token_used: None,
        token_is_spent: false,
        token_wanted: None,
        agent: None,
        resource: ResourceRequest::Named(resource),
        push: None,
        is_androidpn: true,
    }
}

fn registration_error(refused: RegisterRefusal) -> StanzaError {
    match refused {
        RegisterRefusal::Conflict => Condition::Conflict.into(),
        RegisterRefusal::NotAcceptable => Condition::NotAcceptable.into(),
        RegisterRefusal::NotAllowed | RegisterRefusal::KeyNeeded | RegisterRefusal::KeyRevoked => {
            Condition::NotAllowed.into()
        }
        RegisterRefusal::Limited { retry_after_s } => {
            StanzaError::new(Condition::ResourceConstraint).with_retry(retry_after_s)
        }
    }
}

/// An IQ back, without what it holds.
fn answer(id: Option<&str>, to: Option<String>, kind: &str) -> Element {
    Element::new(ns::CLIENT, "iq").with_attr("type", kind).with_opt_attr("id", id).with_opt_attr("to", to)
}

fn refusal(id: Option<&str>, to: Option<String>, query: Element, error: &StanzaError) -> Element {
    answer(id, to, "error").with_child(query).with_child(error.to_legacy_element())
}
