//! In-band registration (XEP-0077) of an account that is on disk before the server hears of it, behind the app's key (XEP-0445).

use longwire_protocol::stanza::{Condition, ErrorType, StanzaError};
use longwire_protocol::{Element, ns};

use super::{Context, Ending, Turn, Want};
use crate::account::Account;
use crate::state::Block;
use crate::wire;

/// Registers the stored account, or makes one.
#[derive(Debug, Default)]
pub(crate) struct Register {
    asked: bool,
}

impl Register {
    pub(crate) fn start(&mut self, cx: &Context<'_>) -> Turn {
        match &cx.record.account {
            None => Turn::want(Want::StoreAccount(Account::from_random(&cx.random))),
            Some(_) => self.go_on(cx),
        }
    }

    /// Asks as soon as the server's features are known and the account is stored. The app's key goes first, where the server takes one,
    /// and in the same flight: a refused key ends the attempt, whatever is answered to the registration behind it.
    pub(crate) fn go_on(&mut self, cx: &Context<'_>) -> Turn {
        let (Some(account), Some(features)) = (&cx.record.account, cx.features) else { return Turn::default() };
        if !cx.has_durable_account || std::mem::replace(&mut self.asked, true) {
            return Turn::default();
        }
        let key = cx.config.app_key.as_ref().filter(|_| features.app_key);
        let turn = key.map_or_else(Turn::default, |key| Turn::write(&wire::show_app_key(key, &cx.config.domain)));
        turn.and_write(&wire::register(&account.name, &account.password))
    }

    pub(crate) fn element(&self, element: &Element, cx: &Context<'_>) -> Turn {
        if !self.asked || !element.is(ns::CLIENT, "iq") {
            return Turn::default();
        }
        let refused = match element.attr("id") {
            Some(wire::APP_KEY_ID) => key_refused,
            Some(wire::REGISTER_ID) => refused,
            Some(_) | None => return Turn::default(),
        };
        if element.attr("type") == Some("result") {
            let is_registered = element.attr("id") == Some(wire::REGISTER_ID);
            return if is_registered { Turn::want(Want::Registered).and(Want::Finish) } else { Turn::default() };
        }
        let error = element.child(ns::CLIENT, "error").and_then(|error| StanzaError::from_element(error).ok());
        error.map_or_else(|| Turn::end(Ending::protocol("an answer to a registration")), |error| refused(&error, cx))
    }
}

fn key_refused(error: &StanzaError, _: &Context<'_>) -> Turn {
    later(error).unwrap_or_else(|| {
        let is_closed = error.condition == Condition::NotAllowed;
        let block = if is_closed { Block::RegistrationRefused } else { Block::AppKeyRefused };
        Turn::end(Ending::Blocked(block(words(error))))
    })
}

/// A conflict may be the answer that was lost: log in first. What only waiting can cure is waited for; the rest needs people.
fn refused(error: &StanzaError, cx: &Context<'_>) -> Turn {
    if error.condition == Condition::Conflict {
        return Turn::want(Want::Finish);
    }
    let asks_for_key = matches!(
        error.condition,
        Condition::NotAuthorized | Condition::Forbidden | Condition::RegistrationRequired | Condition::ItemNotFound
    );
    let block = match (asks_for_key, &cx.config.app_key) {
        (true, None) => Block::AppKeyNeeded,
        (true, Some(_)) => Block::AppKeyRefused,
        (false, _) => Block::RegistrationRefused,
    };
    later(error).unwrap_or_else(|| Turn::end(Ending::Blocked(block(words(error)))))
}

/// The ending for what only waiting can cure.
fn later(error: &StanzaError) -> Option<Turn> {
    let passes = error.error_type == ErrorType::Wait
        || error.retry_after.is_some()
        || matches!(error.condition, Condition::InternalServerError | Condition::ResourceConstraint);
    passes.then(|| Turn::end(Ending::server(error.condition.name(), error.text.clone(), error.retry_after)))
}

fn words(error: &StanzaError) -> String {
    error.text.clone().unwrap_or_else(|| error.condition.name().to_owned())
}
