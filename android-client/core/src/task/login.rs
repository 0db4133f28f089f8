//! Login by SASL2 with Bind 2: by FAST token in the first flight, else by SCRAM once the features are known.

use longwire_protocol::sasl::scram::{Client, ClientBinding, ClientFinal};
use longwire_protocol::sasl::{self, HT_SHA_256_EXPR, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, SaslCondition, ht};
use longwire_protocol::xep::sasl2::{ClientElement, ServerElement, Success};
use longwire_protocol::{Element, ns, push};

use super::{Context, Ending, Turn, Want};
use crate::wire::{self, Request};

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
            Ok(ServerElement::Challenge(data)) => self.challenge(&data),
            Ok(ServerElement::Success(success)) => self.success(success),
            Ok(ServerElement::Failure(failure)) => self.failure(&failure, cx),
            Err(error) => Turn::end(Ending::protocol(error.to_string())),
        }
    }

    fn scram(&mut self, cx: &Context<'_>) -> Turn {
        let (Some(account), Some(features)) = (&cx.record.account, cx.features) else { return Turn::default() };
        let (mechanism, binding) = match cx.exporter {
            Some(data) if features.offers(SCRAM_SHA_256_PLUS) => (SCRAM_SHA_256_PLUS, ClientBinding::Exporter(data)),
            Some(_) => (SCRAM_SHA_256, ClientBinding::NotOffered),
            None => (SCRAM_SHA_256, ClientBinding::Unsupported),
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

    fn challenge(&mut self, data: &[u8]) -> Turn {
        let Self::Scram(client) = std::mem::replace(self, Self::Done) else {
            return Turn::end(Ending::protocol("a challenge out of turn"));
        };
        match client.handle_challenge(data) {
            Ok((proved, message)) => {
                *self = Self::Proved(proved);
                Turn::write(&ClientElement::Response(message).to_element())
            }
            Err(error) => Turn::end(Ending::protocol(error.to_string())),
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
            Turn::end(Ending::protocol("the server could not prove that it knows this device"))
        }
    }

    /// A refused token costs the token; a refused password costs the account; everything else costs time.
    fn failure(&mut self, failure: &sasl::Failure, cx: &Context<'_>) -> Turn {
        let passes = failure.retry_after.is_some()
            || matches!(failure.condition, SaslCondition::TemporaryAuthFailure | SaslCondition::Aborted);
        match std::mem::take(self) {
            Self::Fast { .. } if !passes => {
                let mut turn = self.scram(cx);
                turn.wants.insert(0, Want::ForgetToken);
                turn
            }
            Self::Scram(_) | Self::Proved(_) if !passes && failure.condition == SaslCondition::NotAuthorized => {
                Turn::end(Ending::Unauthorized)
            }
            Self::Waiting | Self::Fast { .. } | Self::Scram(_) | Self::Proved(_) | Self::Done => {
                Turn::end(Ending::server(failure.condition.name(), failure.text.clone(), failure.retry_after))
            }
        }
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
