//! The login: classic SASL (RFC 6120 §6), SASL2 (XEP-0388) with Bind 2 and FAST inline, and registration before it.

mod androidpn;
mod exchange;
mod request;

use longwire_protocol::sasl::{Failure, SaslCondition};
use longwire_protocol::stanza::{Condition, Iq, IqType, StanzaError, error_answer, is_stanza};
use longwire_protocol::stream::{StreamCondition, StreamError};
use longwire_protocol::xep::{bind2, sasl, sasl2};
use longwire_protocol::{Element, ns};

pub(crate) use exchange::Mechanism;
use exchange::{Context, Exchange, Outcome, Proof};
use request::{Message, Request};

use crate::authenticated::Authenticated;
use crate::config::FULL_RETRY_S;
use crate::negotiation::{BoundParts, Link, Next, refuse};
use crate::register::{self, Admission, BeforeLogin};
use crate::{
    AUTH_FAILURES_MAX, Answer, AppKeyRefusal, BindRefusal, Event, IssuedToken, KEY_FAILURES_MAX, LoginFailure, Outbox,
    features,
};

/// What is known of the TLS connection.
#[derive(Clone, Copy)]
pub(crate) struct Tls {
    /// The `tls-exporter` channel binding (RFC 9266).
    pub(crate) exporter: Option<[u8; 32]>,
}

/// A client that may log in or register.
pub(crate) struct Login {
    tls: Option<Tls>,
    failures: u8,
    /// The app key that admits the next registration, and how many were refused.
    admission: Option<Admission>,
    keys_refused: u8,
    /// What the client chose last, and which account it named with it.
    mechanism: Option<Mechanism>,
    account: Option<String>,
    state: State,
}

enum State {
    Idle,
    /// An exchange of messages, by which profile.
    Running(Profile, Exchange),
    /// The account is proven, the session is being made.
    Binding(Box<Request>, Proof),
    /// The account is proven and no session is wanted; its FAST token is moved on.
    Following(Box<Request>, Proof),
    /// An app key is being checked; the IQ, without what it holds.
    Checking(Iq),
    /// A registration is being made; the IQ, without what it holds.
    Registering(Iq),
    /// An original androidpn client waits.
    Original(Box<androidpn::Asked>),
}

/// The two ways of putting SASL in XML.
enum Profile {
    Classic,
    Sasl2(Box<Request>),
}

impl Login {
    pub(crate) const fn new(tls: Option<Tls>) -> Self {
        Self { tls, failures: 0, admission: None, keys_refused: 0, mechanism: None, account: None, state: State::Idle }
    }

    pub(crate) const fn is_waiting(&self) -> bool {
        match &self.state {
            State::Idle => false,
            State::Running(_, exchange) => exchange.is_waiting(),
            State::Binding(..)
            | State::Following(..)
            | State::Checking(_)
            | State::Registering(_)
            | State::Original(_) => true,
        }
    }

    pub(crate) fn handle_element(
        &mut self,
        element: &Element,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        match element.ns() {
            ns::SASL | ns::SASL2 => self.handle_sasl(element, link, out),
            ns::CLIENT if is_stanza(element) && self.is_original(element, link) => {
                self.handle_original(element, link, out)
            }
            ns::CLIENT if element.name() == "iq" && self.may_register(link) => self.register(element, link, out),
            _ => refuse(element, out),
        }
    }

    pub(crate) fn handle_answer(
        &mut self,
        answer: Answer,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => Ok(Next::Stay),
            State::Checking(iq) => self.answer_app_key(&iq, answer, out),
            State::Original(asked) => self.answer_original(*asked, answer, link, out),
            State::Registering(iq) => self.answer_registration(&iq, &answer, out),
            State::Following(request, proof) => self.answer_follow(request, &proof, answer, link, out),
            State::Binding(request, proof) => self.answer_bind(request, &proof, answer, link, out),
            State::Running(profile, exchange) => {
                if let Answer::Unavailable { retry_after_s } = answer {
                    let failure = Failure::new(SaslCondition::TemporaryAuthFailure).with_retry(retry_after_s);
                    return self.fail(&profile, &failure, out);
                }
                let nonce = link.seed.draw();
                let outcome = exchange.handle_answer(answer, &nonce, &self.context(&profile, link));
                self.settle(profile, outcome, link, out)
            }
        }
    }

    fn handle_sasl(&mut self, element: &Element, link: &mut Link, out: &mut Outbox) -> Result<Next, StreamError> {
        let is_sasl2 = element.ns() == ns::SASL2;
        let profile = |request| if is_sasl2 { Profile::Sasl2(Box::new(request)) } else { Profile::Classic };
        let is_expected = matches!(&self.state, State::Running(running, _) if running.is_sasl2() == is_sasl2);
        if element.name() == "response" && !is_expected {
            // Whatever it holds (RFC 6120 §6.5.7): there is nothing that it could answer.
            return self.fail(&profile(Request::default()), &SaslCondition::MalformedRequest.into(), out);
        }
        let state = std::mem::replace(&mut self.state, State::Idle);
        match (Message::read(element), state) {
            (Ok(Message::Begin { mechanism, data, request }), State::Idle) => {
                let is_by_token = request.is_by_token;
                let profile = profile(request);
                (self.mechanism, self.account) = (Mechanism::from_name(&mechanism), None);
                match self.choose(&mechanism, is_sasl2, link) {
                    Ok(Mechanism::HtSha256Expr) if !is_by_token => {
                        let failure = Failure::new(SaslCondition::MalformedRequest);
                        // XEP-0484 §3.4.
                        self.fail(&profile, &failure.with_text("a login by a FAST token carries <fast/>"), out)
                    }
                    Ok(mechanism) => self.begin(profile, mechanism, data.as_deref(), link, out),
                    Err(failure) => self.fail(&profile, &failure, out),
                }
            }
            (Ok(Message::Respond(data)), State::Running(profile, exchange)) if profile.is_sasl2() == is_sasl2 => {
                self.advance(profile, exchange, &data, link, out)
            }
            (Ok(Message::Abort), _) => self.fail(&profile(Request::default()), &SaslCondition::Aborted.into(), out),
            (Ok(Message::Begin { .. } | Message::Respond(_)), _) => {
                self.fail(&profile(Request::default()), &SaslCondition::MalformedRequest.into(), out)
            }
            (Err(failure), _) => self.fail(&profile(Request::default()), &failure, out),
        }
    }

    fn begin(
        &mut self,
        profile: Profile,
        mechanism: Mechanism,
        data: Option<&[u8]>,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        let exchange = Exchange::Initial(mechanism);
        match data {
            Some(data) => self.advance(profile, exchange, data, link, out),
            None => self.settle(profile, Outcome::Challenge(exchange, Vec::new()), link, out),
        }
    }

    fn advance(
        &mut self,
        profile: Profile,
        exchange: Exchange,
        data: &[u8],
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        let outcome = exchange.handle_data(data, &self.context(&profile, link));
        self.settle(profile, outcome, link, out)
    }

    fn settle(
        &mut self,
        profile: Profile,
        outcome: Outcome,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        match outcome {
            Outcome::Ask(exchange, question) => {
                self.account = exchange.account().map(|account| account.as_str().to_owned());
                out.events.push(question);
                self.state = State::Running(profile, exchange);
                Ok(Next::Stay)
            }
            Outcome::Challenge(exchange, data) => {
                profile.challenge(data).write_in_stream(&mut out.bytes);
                self.state = State::Running(profile, exchange);
                Ok(Next::Stay)
            }
            Outcome::Failed(failure) => self.fail(&profile, &failure, out),
            Outcome::Proven(proof) => match profile {
                Profile::Classic => {
                    sasl::ServerElement::Success(proof.data).to_element().write_in_stream(&mut out.bytes);
                    Ok(Next::Authenticated(Authenticated::classic(proof.account, proof.mechanism.name())))
                }
                Profile::Sasl2(request) => Ok(self.proven(request, proof, link, out)),
            },
        }
    }

    fn proven(&mut self, request: Box<Request>, proof: Proof, link: &Link, out: &mut Outbox) -> Next {
        if request.bind.is_some() {
            out.events.push(Event::Bind(Box::new(request.bind_request(&proof, link.domain()))));
            self.state = State::Binding(request, proof);
            return Next::Stay;
        }
        if let Some(follow) = request.follow_request(&proof) {
            out.events.push(Event::FollowLogin(Box::new(follow)));
            self.state = State::Following(request, proof);
            return Next::Stay;
        }
        unbound(*request, &proof, None, link, out)
    }

    fn answer_follow(
        &mut self,
        request: Box<Request>,
        proof: &Proof,
        answer: Answer,
        link: &Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        let failure = match answer {
            Answer::Followed(token) => return Ok(unbound(*request, proof, token.as_ref(), link, out)),
            Answer::BindRefused(BindRefusal::AccountDisabled) => SaslCondition::AccountDisabled.into(),
            Answer::BindRefused(_) => SaslCondition::NotAuthorized.into(),
            Answer::Unavailable { retry_after_s } => {
                Failure::new(SaslCondition::TemporaryAuthFailure).with_retry(retry_after_s)
            }
            Answer::Bound(_)
            | Answer::Verifier(_)
            | Answer::Tokens { .. }
            | Answer::Password(_)
            | Answer::AppKey(_)
            | Answer::Registered(_) => return Err(StreamCondition::InternalServerError.into()),
        };
        self.fail(&Profile::Sasl2(request), &failure, out)
    }

    fn answer_bind(
        &mut self,
        request: Box<Request>,
        proof: &Proof,
        answer: Answer,
        link: &Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        let failure = match answer {
            // The account that was proven is the one that is bound, whatever else was said.
            Answer::Bound(session) if session.jid.to_bare() == link.domain().domain().with_node(&proof.account) => {
                let bound = session.push.as_ref().map(bind2::Bound::with_push).unwrap_or_default();
                request::success(proof, session.jid.clone().into(), Some(bound), session.token.as_ref())
                    .write_in_stream(&mut out.bytes);
                out.bytes.extend_from_slice(features::bound());
                let promised_s = link.config.promise_s(request.push().and_then(|push| push.heartbeat_s));
                let heartbeat_s = session.push.is_some().then_some(promised_s);
                return Ok(Next::Bound(Box::new(BoundParts { jid: session.jid, heartbeat_s, is_androidpn: false })));
            }
            Answer::BindRefused(BindRefusal::NotAuthorized) => SaslCondition::NotAuthorized.into(),
            Answer::BindRefused(BindRefusal::AccountDisabled) => SaslCondition::AccountDisabled.into(),
            Answer::BindRefused(BindRefusal::ResourceConstraint) => {
                let error = StreamError::new(StreamCondition::ResourceConstraint).with_retry(FULL_RETRY_S);
                return Err(error.with_text("too many sessions or devices"));
            }
            Answer::BindRefused(BindRefusal::NotAllowed) => {
                return Err(StreamError::new(StreamCondition::PolicyViolation).with_text("this cannot be bound"));
            }
            Answer::Unavailable { retry_after_s } => {
                Failure::new(SaslCondition::TemporaryAuthFailure).with_retry(retry_after_s)
            }
            Answer::Bound(_)
            | Answer::Verifier(_)
            | Answer::Tokens { .. }
            | Answer::Password(_)
            | Answer::AppKey(_)
            | Answer::Registered(_)
            | Answer::Followed(_) => return Err(StreamCondition::InternalServerError.into()),
        };
        self.fail(&Profile::Sasl2(request), &failure, out)
    }

    /// Answers a failure; the last one that is admitted ends the stream.
    fn fail(&mut self, profile: &Profile, failure: &Failure, out: &mut Outbox) -> Result<Next, StreamError> {
        self.state = State::Idle;
        let element = if profile.is_sasl2() { failure.to_sasl2() } else { failure.to_sasl() };
        element.write_in_stream(&mut out.bytes);
        let mechanism = self.mechanism.take().map(Mechanism::name);
        let account = self.account.take();
        out.events.push(Event::LoginFailed(LoginFailure { condition: failure.condition, mechanism, account }));
        if failure.condition != SaslCondition::TemporaryAuthFailure {
            self.failures = self.failures.saturating_add(1);
        }
        if self.failures >= AUTH_FAILURES_MAX {
            let error = StreamError::new(StreamCondition::PolicyViolation);
            return Err(error.with_text("too many failed authentications"));
        }
        Ok(Next::Stay)
    }

    /// The mechanism called `name`, if it may be used here.
    fn choose(&self, name: &str, is_sasl2: bool, link: &Link) -> Result<Mechanism, Failure> {
        let mechanism = Mechanism::from_name(name);
        match (self.tls, mechanism) {
            (Some(Tls { exporter: Some(_) }), Some(Mechanism::HtSha256Expr)) if is_sasl2 => Ok(Mechanism::HtSha256Expr),
            (Some(_), Some(mechanism)) if features::mechanisms(self.tls).contains(&mechanism) => Ok(mechanism),
            (Some(_), _) => Err(SaslCondition::InvalidMechanism.into()),
            (None, Some(Mechanism::ScramSha256)) if link.config.plaintext && !is_sasl2 => Ok(Mechanism::ScramSha256),
            (None, None) if link.config.plaintext => Err(SaslCondition::InvalidMechanism.into()),
            (None, _) => Err(SaslCondition::EncryptionRequired.into()),
        }
    }

    fn context<'a>(&self, profile: &'a Profile, link: &'a Link) -> Context<'a> {
        let agent = match profile {
            Profile::Classic => None,
            Profile::Sasl2(request) => request.agent.as_deref(),
        };
        Context { config: &link.config, domain: link.domain(), tls: self.tls, agent }
    }

    fn may_register(&self, link: &Link) -> bool {
        self.tls.is_some() || link.config.plaintext
    }

    fn register(&mut self, element: &Element, link: &Link, out: &mut Outbox) -> Result<Next, StreamError> {
        let is_asked = register::is_asked(element);
        let Ok(iq) = Iq::from_element(element.clone()) else {
            return if is_asked {
                Ok(answer_error(element, &Condition::BadRequest.into(), out))
            } else {
                refuse(element, out)
            };
        };
        let Some(request) = iq.request().filter(|_| is_asked) else { return refuse(element, out) };
        let is_set = element.attr("type") == Some("set");
        match register::before_login(request, is_set, link.config.registration, self.admission.is_some()) {
            BeforeLogin::Form(form) => iq.result_for(Some(form)).to_element().write_in_stream(&mut out.bytes),
            BeforeLogin::Refused(error) => iq.error_for(error).to_element().write_in_stream(&mut out.bytes),
            BeforeLogin::KeyRefused(error) => return self.refuse_app_key(&iq, error, out),
            BeforeLogin::CheckAppKey(key) => {
                out.events.push(Event::CheckAppKey(key));
                self.state = State::Checking(Iq { kind: IqType::Result(None), ..iq });
            }
            BeforeLogin::Register { account, password } => {
                let app_key = self.admission.as_ref().map(|admission| admission.id.clone());
                let is_counted = self.admission.as_ref().is_some_and(|admission| admission.is_fresh);
                let account = account.into_inner();
                out.events.push(Event::Register { account, password, app_key, is_counted });
                self.state = State::Registering(Iq { kind: IqType::Result(None), ..iq });
            }
        }
        Ok(Next::Stay)
    }

    fn answer_app_key(&mut self, iq: &Iq, answer: Answer, out: &mut Outbox) -> Result<Next, StreamError> {
        let answer = match answer {
            Answer::AppKey(Ok(id)) => {
                self.admission = Some(Admission { id, is_fresh: true });
                iq.result_for(None)
            }
            Answer::AppKey(Err(refusal @ (AppKeyRefusal::Invalid | AppKeyRefusal::Revoked))) => {
                return self.refuse_app_key(iq, register::key_refusal(refusal), out);
            }
            Answer::AppKey(Err(refusal @ (AppKeyRefusal::NotAllowed | AppKeyRefusal::Limited { .. }))) => {
                iq.error_for(register::key_refusal(refusal))
            }
            Answer::Unavailable { retry_after_s } => iq.error_for(unavailable(retry_after_s)),
            Answer::Verifier(_)
            | Answer::Tokens { .. }
            | Answer::Password(_)
            | Answer::Registered(_)
            | Answer::Followed(_)
            | Answer::Bound(_)
            | Answer::BindRefused(_) => return Err(StreamCondition::InternalServerError.into()),
        };
        answer.to_element().write_in_stream(&mut out.bytes);
        Ok(Next::Stay)
    }

    /// Answers with the error; the last key that may be refused ends the stream. A key that was good before stays so.
    fn refuse_app_key(&mut self, iq: &Iq, error: StanzaError, out: &mut Outbox) -> Result<Next, StreamError> {
        iq.error_for(error).to_element().write_in_stream(&mut out.bytes);
        self.keys_refused = self.keys_refused.saturating_add(1);
        if self.keys_refused >= KEY_FAILURES_MAX {
            return Err(StreamError::new(StreamCondition::PolicyViolation).with_text("too many refused app keys"));
        }
        Ok(Next::Stay)
    }

    fn answer_registration(&mut self, iq: &Iq, answer: &Answer, out: &mut Outbox) -> Result<Next, StreamError> {
        if let Some(admission) = &mut self.admission {
            admission.is_fresh = false;
        }
        let answer = match answer {
            Answer::Registered(Ok(())) => iq.result_for(None),
            Answer::Registered(Err(refusal)) => iq.error_for(register::refusal(*refusal)),
            Answer::Unavailable { retry_after_s } => iq.error_for(unavailable(*retry_after_s)),
            Answer::Verifier(_)
            | Answer::Tokens { .. }
            | Answer::Password(_)
            | Answer::AppKey(_)
            | Answer::Followed(_)
            | Answer::Bound(_)
            | Answer::BindRefused(_) => return Err(StreamCondition::InternalServerError.into()),
        };
        answer.to_element().write_in_stream(&mut out.bytes);
        Ok(Next::Stay)
    }
}

impl Profile {
    const fn is_sasl2(&self) -> bool {
        matches!(self, Self::Sasl2(_))
    }

    fn challenge(&self, data: Vec<u8>) -> Element {
        match self {
            Self::Classic => sasl::ServerElement::Challenge(data).to_element(),
            Self::Sasl2(_) => sasl2::ServerElement::Challenge(data).to_element(),
        }
    }
}

/// A SASL2 login without Bind 2 has succeeded: classic resource binding is next.
fn unbound(request: Request, proof: &Proof, token: Option<&IssuedToken>, link: &Link, out: &mut Outbox) -> Next {
    let jid = link.domain().domain().with_node(&proof.account);
    request::success(proof, jid.into(), None, token).write_in_stream(&mut out.bytes);
    Authenticated::write_features(out);
    Next::Authenticated(Authenticated::sasl2(proof.account.clone(), proof.mechanism.name(), request.agent))
}

fn unavailable(retry_after_s: u32) -> StanzaError {
    StanzaError::new(Condition::ResourceConstraint).with_retry(retry_after_s)
}

fn answer_error(request: &Element, error: &StanzaError, out: &mut Outbox) -> Next {
    if let Some(answer) = error_answer(request, error) {
        answer.write_in_stream(&mut out.bytes);
    }
    Next::Stay
}
