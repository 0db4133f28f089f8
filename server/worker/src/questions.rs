//! The questions of a stream that has not bound yet: put to the managers, within the caps of its address.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use longwire_c2s::{
    AndroidpnLogin, AndroidpnProof, AndroidpnRegistration, Answer, AppKeyRefusal, Event, FollowRequest, PasswordCheck,
    RegisterRefusal, Token, Verifier,
};
use longwire_core::androidpn::{NewAccount, Proof};
use longwire_core::auth_manager::{self, AccountError, AppKeyError, FastLogin, HeldToken};
use longwire_core::{Core, CoreError};
use longwire_protocol::sasl::scram;
use longwire_protocol::stream::{StreamCondition, StreamError};

use crate::connection::PutOff;
use crate::host::{Done, Host};
use crate::session::{issued, refusal};
use crate::worker::Worker;

/// Milliseconds after which a question that was put off is asked again.
const ASK_AGAIN_MS: u64 = 250;

impl<H: Host> Worker<H> {
    pub(crate) fn ask(&mut self, slot: usize, question: Event) {
        self.ask_since(slot, question, self.now.mono_ms);
    }

    /// Asks what was put off, when its time has come.
    pub(crate) fn ask_again(&mut self, slot: usize) {
        let now_ms = self.now.mono_ms;
        if let Entry::Occupied(entry) = self.put_off.entry(slot)
            && entry.get().due_ms <= now_ms
        {
            let put_off = entry.remove();
            self.ask_since(slot, put_off.question, put_off.since_ms);
        }
    }

    fn ask_since(&mut self, slot: usize, question: Event, since_ms: u64) {
        let Some(place) = self.place(slot) else { return };
        let Some(connection) = self.connections.get(slot) else { return };
        let now_ms = self.now.mono_ms;
        let (cost, patience_ms) = cost(&question);
        let admitted = match cost {
            Cost::Login => self.host.may_log_in(&connection.transport, now_ms),
            Cost::Registration(_) => self.host.may_register(&connection.transport, now_ms),
            Cost::Paid => Ok(()),
        };
        let Err(retry_after_s) = admitted else {
            if is_proof(&question)
                && let Some(connection) = self.connections.get_mut(slot)
            {
                connection.proven = self.core.sessions.ends();
            }
            let core = Arc::clone(&self.core);
            return self.start(place, async move { Done::Answer(answer(&core, question).await) });
        };
        if now_ms < since_ms.saturating_add(patience_ms) {
            self.put_off.insert(slot, PutOff { question, since_ms, due_ms: now_ms.saturating_add(ASK_AGAIN_MS) });
            return self.touched.push(slot);
        }
        if patience_ms > 0 {
            self.note_turned_away();
        }
        if let Cost::Registration(limited) = cost {
            self.done.push_back((place, Done::Answer(limited(retry_after_s))));
            return;
        }
        let error = StreamError::new(StreamCondition::ResourceConstraint);
        self.close(slot, &error.with_text("too many logins").with_retry(retry_after_s));
    }

    fn note_turned_away(&mut self) {
        self.turned_away += 1;
        if self.turned_away.is_power_of_two() {
            let (worker, count) = (self.index, self.turned_away);
            tracing::warn!(
                worker,
                count,
                "original clients were turned away, since too many came from one address at once: logins_per_second_max and \
                 registrations_per_minute_max say how many may"
            );
        }
    }
}

/// Whether a question looks at what an account's credentials are held against.
const fn is_proof(question: &Event) -> bool {
    match question {
        Event::NeedVerifier { .. }
        | Event::NeedTokens { .. }
        | Event::CheckPassword { .. }
        | Event::CheckAndroidpn(_) => true,
        Event::CheckAppKey(_)
        | Event::Register { .. }
        | Event::RegisterAndroidpn(_)
        | Event::FollowLogin(_)
        | Event::Bind(_)
        | Event::Stanza(_)
        | Event::Answer(_)
        | Event::PushAck(_)
        | Event::LoginFailed(_)
        | Event::Heartbeat
        | Event::Promise(_)
        | Event::Closed(_) => false,
    }
}

/// What a question takes of what its address may.
enum Cost {
    /// A login.
    Login,
    /// A registration, and how it is answered when there were too many.
    Registration(fn(u32) -> Answer),
    /// It was counted with another.
    Paid,
}

/// What a question takes, and how long it waits for its turn before it is refused, milliseconds. An error keeps an original androidpn
/// client off the air until its app is started again; its library waits five seconds for the answer to a login. So that nobody tries app
/// keys without end, their check counts as the registration.
fn cost(question: &Event) -> (Cost, u64) {
    match question {
        Event::CheckAndroidpn(_) => (Cost::Login, 4_000),
        Event::RegisterAndroidpn(_) => (Cost::Registration(too_many_registrations), 10_000),
        Event::Register { is_counted: false, .. } => (Cost::Registration(too_many_registrations), 0),
        Event::CheckAppKey(_) => {
            let limited = |retry_after_s| Answer::AppKey(Err(AppKeyRefusal::Limited { retry_after_s }));
            (Cost::Registration(limited), 0)
        }
        // The check of its app key, or the login that it follows, was counted.
        Event::Register { is_counted: true, .. } | Event::FollowLogin(_) => (Cost::Paid, 0),
        Event::NeedVerifier { .. }
        | Event::NeedTokens { .. }
        | Event::CheckPassword { .. }
        | Event::Bind(_)
        | Event::Stanza(_)
        | Event::Answer(_)
        | Event::PushAck(_)
        | Event::LoginFailed(_)
        | Event::Heartbeat
        | Event::Promise(_)
        | Event::Closed(_) => (Cost::Login, 0),
    }
}

fn too_many_registrations(retry_after_s: u32) -> Answer {
    Answer::Registered(Err(RegisterRefusal::Limited { retry_after_s }))
}

/// The managers' answer; a store that cannot be read is never a wrong password.
async fn answer(core: &Core, question: Event) -> Answer {
    let answered = match question {
        Event::NeedVerifier { account } => verifier(core, &account).await,
        Event::NeedTokens { account, agent, mechanism } => tokens(core, &account, &agent, mechanism).await,
        Event::CheckPassword { account, password } => check(core, &account, password).await,
        Event::CheckAppKey(key) => check_app_key(core, &key.0).await,
        Event::Register { account, password, app_key, .. } => register(core, &account, password, app_key).await,
        Event::RegisterAndroidpn(request) => register_androidpn(core, *request).await,
        Event::CheckAndroidpn(login) => check_androidpn(core, *login).await,
        Event::FollowLogin(request) => return follow(core, *request).await,
        Event::Bind(_)
        | Event::Stanza(_)
        | Event::Answer(_)
        | Event::PushAck(_)
        | Event::LoginFailed(_)
        | Event::Heartbeat
        | Event::Promise(_)
        | Event::Closed(_) => Ok(unavailable()),
    };
    answered.unwrap_or_else(|error| {
        note_failure(core, &error, "a question of a login was not answered");
        unavailable()
    })
}

/// A line for what the store could not do, unless its refusals are told already: a full disk fails every login.
pub(crate) fn note_failure(core: &Core, error: &CoreError, what: &'static str) {
    if core.log.is_doubted() {
        tracing::debug!(%error, "{what}");
    } else {
        tracing::warn!(%error, "{what}");
    }
}

pub(crate) const fn unavailable() -> Answer {
    Answer::Unavailable { retry_after_s: CoreError::RETRY_AFTER_S }
}

async fn follow(core: &Core, request: FollowRequest) -> Answer {
    let FollowRequest { account, agent, mechanism, token_used, token_is_spent, token_wanted } = request;
    let fast = FastLogin { used: token_used, is_spent: token_is_spent, wanted: token_wanted };
    match core.follow_login(&account, Some(&agent), mechanism, fast).await {
        Ok(token) => Answer::Followed(token.map(issued)),
        Err(error) => refusal(core, &error),
    }
}

async fn verifier(core: &Core, account: &str) -> Result<Answer, CoreError> {
    let account = core.auth.account(account).await?;
    Ok(Answer::Verifier(account.map(|account| Verifier {
        verifier: scram::Verifier {
            salt: account.salt,
            iterations: account.iterations,
            stored_key: account.stored_key,
            server_key: account.server_key,
        },
        is_disabled: account.is_disabled,
    })))
}

async fn tokens(core: &Core, account: &str, agent: &str, mechanism: &str) -> Result<Answer, CoreError> {
    let held = core.auth.fast_tokens(account, agent, mechanism).await?;
    let token = |token: HeldToken| Token { issue: token.issue, secret: token.secret, is_expired: token.is_expired };
    Ok(Answer::Tokens { tokens: held.tokens.into_iter().map(token).collect(), is_disabled: held.is_disabled })
}

async fn check(core: &Core, account: &str, password: String) -> Result<Answer, CoreError> {
    Ok(checked(core.auth.check_password(account, password).await?))
}

const fn checked(check: auth_manager::PasswordCheck) -> Answer {
    Answer::Password(match check {
        auth_manager::PasswordCheck::Right => PasswordCheck::Right,
        auth_manager::PasswordCheck::Wrong => PasswordCheck::Wrong,
        auth_manager::PasswordCheck::Disabled => PasswordCheck::Disabled,
    })
}

async fn check_androidpn(core: &Core, login: AndroidpnLogin) -> Result<Answer, CoreError> {
    let proof = match &login.proof {
        AndroidpnProof::Digest { stream_id, digest } => Proof::Digest { stream_id, digest },
        AndroidpnProof::Password(password) => Proof::Password(password),
    };
    Ok(checked(core.check_androidpn(&login.account, proof).await?))
}

async fn register_androidpn(core: &Core, request: AndroidpnRegistration) -> Result<Answer, CoreError> {
    let AndroidpnRegistration { account, password, email, full_name } = request;
    let new = NewAccount { name: account, password, email, full_name, created_at: None };
    registered(core, core.register_androidpn(new).await.map(drop))
}

async fn check_app_key(core: &Core, key: &str) -> Result<Answer, CoreError> {
    let refusal = match core.auth.check_app_key(key).await {
        Ok(id) => return Ok(Answer::AppKey(Ok(id))),
        Err(AppKeyError::Invalid) => AppKeyRefusal::Invalid,
        Err(AppKeyError::Revoked) => AppKeyRefusal::Revoked,
        Err(AppKeyError::Closed) => AppKeyRefusal::NotAllowed,
        Err(AppKeyError::Core(error)) => return Err(error),
    };
    core.metrics.app_key_refusals.inc();
    let id = auth_manager::app_key_id(key).unwrap_or("of no such form");
    tracing::info!(key = id, ?refusal, "an app key was refused");
    Ok(Answer::AppKey(Err(refusal)))
}

async fn register(core: &Core, account: &str, password: String, app_key: Option<String>) -> Result<Answer, CoreError> {
    registered(core, core.auth.register(account, password, app_key).await)
}

fn registered(core: &Core, made: Result<(), AccountError>) -> Result<Answer, CoreError> {
    let refusal = match made {
        Ok(()) => {
            core.metrics.registrations.inc();
            return Ok(Answer::Registered(Ok(())));
        }
        Err(AccountError::Exists) => RegisterRefusal::Conflict,
        Err(AccountError::Name(_) | AccountError::Password) => RegisterRefusal::NotAcceptable,
        Err(AccountError::Closed | AccountError::Unknown | AccountError::NotServed) => RegisterRefusal::NotAllowed,
        Err(AccountError::KeyNeeded) => RegisterRefusal::KeyNeeded,
        Err(AccountError::KeyRevoked) => RegisterRefusal::KeyRevoked,
        Err(AccountError::Core(error)) => return Err(error),
    };
    Ok(Answer::Registered(Err(refusal)))
}
