//! Login by SASL2 with Bind 2: by FAST token in the first flight, else by SCRAM once the features are known.

use longwire_protocol::sasl::scram::{Client, ClientBinding, ClientError, ClientFinal};
use longwire_protocol::sasl::{
    self, HT_SHA_256_EXPR, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, SaslCondition, TLS_EXPORTER, ht,
};
use longwire_protocol::xep::sasl2::{ClientElement, ServerElement, Success};
use longwire_protocol::{Element, ns, push};

use super::{Context, Ending, Turn, Want};
use crate::wire::{self, Features, Request};

/// Logs in.
#[derive(Default)]
pub(crate) enum Login {
    /// Waits for the features.
    #[default]
    Waiting,
    /// The token was proved.
    Fast { token: String, binding: [u8; 32] },
    /// The name was said.
    Scram(Client),
    /// The password was proved.
    Proved(ClientFinal),
    /// The server accepted.
    Done,
}

impl Login {
    pub(crate) fn start(&mut self, cx: &Context<'_>) -> Turn {
        let (Some(account), Some(token), Some(binding)) = (&cx.record.account, &cx.record.token, cx.exporter) else {
            return self.features(cx);
        };
        if token.mechanism != HT_SHA_256_EXPR {
            return self.features(cx);
        }
        let proof = ht::Initiator::new(account.name.as_str(), token.token.as_bytes(), &binding).to_bytes();
        *self = Self::Fast { token: token.token.clone(), binding };
        Turn::write(&authenticate(HT_SHA_256_EXPR, proof, true, None, cx))
    }

    pub(crate) fn features(&mut self, cx: &Context<'_>) -> Turn {
        match (&self, cx.features) {
            (Self::Waiting, Some(_)) => self.scram(cx),
            (Self::Waiting | Self::Fast { .. } | Self::Scram(_) | Self::Proved(_) | Self::Done, _) => Turn::default(),
        }
    }

    pub(crate) fn element(&mut self, element: &Element, cx: &Context<'_>) -> Turn {
        if element.ns() != ns::SASL2 {
            return Turn::default();
        }
        match ServerElement::from_element(element) {
            Ok(ServerElement::Challenge(data)) => self.challenge(&data, cx),
            Ok(ServerElement::Success(success)) => self.success(success),
            Ok(ServerElement::Failure(failure)) => self.failure(&failure, cx),
            Err(error) => Turn::end(Ending::protocol(error.to_string())),
        }
    }

    fn scram(&mut self, cx: &Context<'_>) -> Turn {
        let (Some(account), Some(features)) = (&cx.record.account, cx.features) else { return Turn::default() };
        let (mechanism, binding) = match choose(features, cx.exporter) {
            Ok(choice) => choice,
            Err(contradiction) => return Turn::end(Ending::security(contradiction)),
        };
        if !features.offers(mechanism) {
            return Turn::end(Ending::protocol("the server offers no SCRAM-SHA-256 in SASL2"));
        }
        let nonce = sasl::base64::encode(&cx.random);
        let Ok((client, first)) = Client::new(&account.name, &account.password, nonce, binding) else {
            return Turn::end(Ending::protocol("a stored password that cannot be prepared"));
        };
        *self = Self::Scram(client);
        let token_for = cx.exporter.is_some().then_some(HT_SHA_256_EXPR);
        let token_for = token_for.filter(|wanted| features.fast.iter().any(|offered| offered == wanted));
        Turn::write(&authenticate(mechanism, first, false, token_for, cx))
    }

    fn challenge(&mut self, data: &[u8], cx: &Context<'_>) -> Turn {
        let Self::Scram(client) = std::mem::replace(self, Self::Done) else {
            return Turn::end(Ending::protocol("a challenge out of turn"));
        };
        let offer_hash = cx.features.map(Features::offer_hash);
        match client.handle_challenge(data, offer_hash.as_deref()) {
            Ok((proved, message)) => {
                *self = Self::Proved(proved);
                Turn::write(&ClientElement::Response(message).to_element())
            }
            Err(error) => Turn::write(&ClientElement::Abort.to_element()).and(Want::End(distrust(error))),
        }
    }

    /// A success counts only when the server has proved that it knows the secret too.
    fn success(&mut self, success: Success) -> Turn {
        let data = success.additional_data.as_deref().unwrap_or_default();
        let is_proved = match std::mem::replace(self, Self::Done) {
            Self::Fast { token, binding } => ht::is_responder(data, token.as_bytes(), &binding),
            Self::Proved(client) => client.verify(data).is_ok(),
            Self::Waiting | Self::Scram(_) | Self::Done => false,
        };
        if is_proved {
            Turn::want(Want::LoggedIn(Box::new(success))).and(Want::Finish)
        } else {
            Turn::end(Ending::security("the server could not prove that it knows this device"))
        }
    }

    /// A refused token costs the token; a refused password costs the account; everything else costs time.
    fn failure(&mut self, failure: &sasl::Failure, cx: &Context<'_>) -> Turn {
        match (std::mem::take(self), verdict(failure)) {
            (_, Verdict::Binding) => {
                let words = failure.text.as_deref().unwrap_or("the channel binding was refused");
                Turn::end(Ending::security(words))
            }
            (Self::Fast { .. }, Verdict::Credentials | Verdict::Request) => {
                let mut turn = self.scram(cx);
                turn.wants.insert(0, Want::ForgetToken);
                turn
            }
            (Self::Scram(_) | Self::Proved(_), Verdict::Credentials) => Turn::end(Ending::Unauthorized),
            // Said to nobody but who has proved that it knows the password or the token.
            (Self::Fast { .. } | Self::Proved(_), Verdict::Passes)
                if failure.condition == SaslCondition::AccountDisabled =>
            {
                let ending = Ending::server(failure.condition.name(), failure.text.clone(), failure.retry_after);
                Turn::want(Want::Accepted).and(Want::End(ending))
            }
            (Self::Fast { .. }, Verdict::Passes)
            | (Self::Scram(_) | Self::Proved(_), Verdict::Passes | Verdict::Request)
            | (Self::Waiting | Self::Done, _) => {
                Turn::end(Ending::server(failure.condition.name(), failure.text.clone(), failure.retry_after))
            }
        }
    }
}

/// What a refusal is about.
enum Verdict {
    /// Nothing that this device sent: it passes by itself, or when somebody takes care.
    Passes,
    /// The password or token.
    Credentials,
    /// The way of asking: another mechanism may do.
    Request,
    /// The channel, which is not the one that the server has: the credentials may be good.
    Binding,
}

fn verdict(failure: &sasl::Failure) -> Verdict {
    if failure.is_of_binding {
        return Verdict::Binding;
    }
    if failure.retry_after.is_some() {
        return Verdict::Passes;
    }
    match failure.condition {
        SaslCondition::TemporaryAuthFailure | SaslCondition::AccountDisabled => Verdict::Passes,
        SaslCondition::NotAuthorized | SaslCondition::CredentialsExpired => Verdict::Credentials,
        SaslCondition::Aborted
        | SaslCondition::EncryptionRequired
        | SaslCondition::IncorrectEncoding
        | SaslCondition::InvalidAuthzid
        | SaslCondition::InvalidMechanism
        | SaslCondition::MalformedRequest
        | SaslCondition::MechanismTooWeak => Verdict::Request,
    }
}

/// The best of what both have, by the rules of XEP-0440 §3; where they meet in no type, XEP-0474 §5.
fn choose(features: &Features, exporter: Option<[u8; 32]>) -> Result<(&'static str, ClientBinding), &'static str> {
    let has_plus = features.mechanisms.iter().any(|name| name.ends_with("-PLUS"));
    let types = features.bindings.as_deref().unwrap_or_default();
    match (has_plus, types.is_empty()) {
        (true, true) => return Err("mechanisms with channel binding are offered, and no type of it"),
        (false, false) => return Err("types of channel binding are offered, and no mechanism for them"),
        (true, false) | (false, true) => {}
    }
    let is_bindable = features.offers(SCRAM_SHA_256_PLUS) && types.iter().any(|name| name == TLS_EXPORTER);
    Ok(match exporter {
        Some(data) if is_bindable => (SCRAM_SHA_256_PLUS, ClientBinding::Exporter(data)),
        Some(_) if has_plus => (SCRAM_SHA_256, ClientBinding::NoneInCommon),
        Some(_) => (SCRAM_SHA_256, ClientBinding::NotOffered),
        None => (SCRAM_SHA_256, ClientBinding::Unsupported),
    })
}

/// Why the exchange was broken off: a server that is no server, or one that is another.
fn distrust(error: ClientError) -> Ending {
    match error {
        ClientError::Nonce | ClientError::Iterations(_) | ClientError::Downgraded | ClientError::Impostor => {
            Ending::security(error.to_string())
        }
        ClientError::Malformed | ClientError::Refused => Ending::protocol(error.to_string()),
    }
}

fn authenticate(
    mechanism: &str,
    initial: Vec<u8>,
    is_fast: bool,
    token_for: Option<&str>,
    cx: &Context<'_>,
) -> Element {
    let installation = cx.record.installation.as_ref();
    let login = push::Login {
        cursor: cx.record.cursor,
        heartbeat_s: Some(cx.heartbeat_s),
        installation: installation.map(|installation| installation.secret),
    };
    let user_agent = installation.map_or("", |installation| installation.user_agent.as_str());
    wire::authenticate(
        mechanism,
        initial,
        &Request { user_agent, software: &cx.config.software, login, is_fast, token_for },
    )
}
