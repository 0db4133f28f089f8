//! In-band registration (XEP-0077) of an account that is on disk before the server hears of it.

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

    /// Asks as soon as the server's features are known and the account is stored.
    pub(crate) fn go_on(&mut self, cx: &Context<'_>) -> Turn {
        let (Some(account), Some(_)) = (&cx.record.account, cx.features) else { return Turn::default() };
        if !cx.has_durable_account || std::mem::replace(&mut self.asked, true) {
            return Turn::default();
        }
        Turn::write(&wire::register(&account.name, &account.password))
    }

    pub(crate) fn element(&self, element: &Element) -> Turn {
        if !self.asked || !element.is(ns::CLIENT, "iq") || element.attr("id") != Some(wire::REGISTER_ID) {
            return Turn::default();
        }
        if element.attr("type") == Some("result") {
            return Turn::want(Want::Registered).and(Want::Finish);
        }
        let error = element.child(ns::CLIENT, "error").and_then(|error| StanzaError::from_element(error).ok());
        error.map_or_else(|| Turn::end(Ending::protocol("an answer to a registration")), |error| refused(&error))
    }
}

/// A conflict may be the answer that was lost: log in first. What only waiting can cure is waited for; the rest needs people.
fn refused(error: &StanzaError) -> Turn {
    let text = error.text.clone();
    if error.condition == Condition::Conflict {
        return Turn::want(Want::Finish);
    }
    let passes = error.error_type == ErrorType::Wait
        || error.retry_after.is_some()
        || matches!(error.condition, Condition::InternalServerError | Condition::ResourceConstraint);
    if passes {
        return Turn::end(Ending::server(error.condition.name(), text, error.retry_after));
    }
    let words = text.unwrap_or_else(|| error.condition.name().to_owned());
    Turn::end(Ending::Blocked(Block::RegistrationRefused(words)))
}
