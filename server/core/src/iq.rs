//! One table from the namespace of an IQ's payload to its handler; an unknown one is `service-unavailable`.

mod disco;
mod ping;
mod push;
mod register;
mod session;
mod version;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use longwire_protocol::Element;
use longwire_protocol::stanza::{Condition, Iq, StanzaError};

use crate::Core;
use crate::session_manager::Session;

pub(crate) use ping::answer_at_once;
pub(crate) use push::request_rates;

/// The answer of a handler: the payload of the result, or the refusal.
pub type Answer = Result<Option<Element>, StanzaError>;
/// An answer that may take a store's time.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Answers the requests of one namespace that are addressed to the server or to the sender's own account.
pub trait IqHandler: Send + Sync {
    /// The namespace of the payloads.
    fn namespace(&self) -> &'static str;
    /// Whether service discovery names it as a feature.
    fn is_feature(&self) -> bool {
        true
    }
    /// Answers a request.
    fn handle<'a>(&'a self, core: &'a Core, session: &'a Session, iq: &'a Iq) -> Answering<'a>;
}

/// The table.
pub struct IqTable {
    handlers: HashMap<&'static str, Box<dyn IqHandler>>,
}

impl IqTable {
    /// A table of these handlers.
    ///
    /// # Errors
    /// The namespace that two of them claim.
    pub fn new(handlers: Vec<Box<dyn IqHandler>>) -> Result<Self, &'static str> {
        let mut table = HashMap::new();
        for handler in handlers {
            let namespace = handler.namespace();
            if table.insert(namespace, handler).is_some() {
                return Err(namespace);
            }
        }
        Ok(Self { handlers: table })
    }

    /// The handlers of this server.
    #[must_use]
    pub fn standard() -> Self {
        let handlers: Vec<Box<dyn IqHandler>> = vec![
            Box::new(disco::Info),
            Box::new(disco::Items),
            Box::new(ping::Ping),
            Box::new(push::Push),
            Box::new(register::Register),
            Box::new(session::Establish),
            Box::new(version::Version),
        ];
        Self::new(handlers).unwrap_or_else(|namespace| unreachable!("two handlers for {namespace}"))
    }

    /// The namespaces that service discovery names, in order.
    #[must_use]
    pub fn features(&self) -> Vec<&'static str> {
        let mut features: Vec<_> =
            self.handlers.values().filter(|handler| handler.is_feature()).map(|handler| handler.namespace()).collect();
        features.sort_unstable();
        features
    }

    /// Answers a request; nothing for results and errors.
    pub async fn answer(&self, core: &Core, session: &Session, iq: &Iq) -> Option<Iq> {
        let payload = iq.request()?;
        let Some(handler) = self.handlers.get(payload.ns()) else {
            return Some(iq.error_for(StanzaError::new(Condition::ServiceUnavailable)));
        };
        Some(match handler.handle(core, session, iq).await {
            Ok(payload) => iq.result_for(payload),
            Err(error) => iq.error_for(error),
        })
    }
}

/// The core could not do it now: `wait`, with the pause that is asked for.
fn unavailable(error: &crate::CoreError) -> StanzaError {
    StanzaError::new(Condition::ResourceConstraint)
        .with_text(error.to_string())
        .with_retry(crate::CoreError::RETRY_AFTER_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_handlers_for_one_namespace_are_refused() {
        let twice: Vec<Box<dyn IqHandler>> = vec![Box::new(ping::Ping), Box::new(ping::Ping)];
        assert_eq!(IqTable::new(twice).err(), Some("urn:xmpp:ping"));
        assert!(IqTable::standard().features().contains(&"urn:xmpp:ping"));
    }
}
