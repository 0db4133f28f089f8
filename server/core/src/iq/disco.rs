//! Service discovery (XEP-0030) of the server and of the sender's own account.

use longwire_protocol::ns;
use longwire_protocol::stanza::{Condition, Iq, StanzaError};
use longwire_protocol::xep::disco;

use super::{Answering, IqHandler};
use crate::Core;
use crate::session_manager::Session;

pub(super) struct Info;
pub(super) struct Items;

impl IqHandler for Info {
    fn namespace(&self) -> &'static str {
        ns::DISCO_INFO
    }

    fn handle<'a>(&'a self, core: &'a Core, _: &'a Session, iq: &'a Iq) -> Answering<'a> {
        Box::pin(async move {
            if has_node(iq) {
                return Err(StanzaError::new(Condition::ItemNotFound));
            }
            // Asked of the account itself rather than of the server (XEP-0030 §3.1).
            let (category, kind) = if iq.to.as_ref().is_some_and(|to| to.node().is_some()) {
                ("account", "registered")
            } else {
                ("server", "im")
            };
            let identity = disco::Identity {
                category: category.to_owned(),
                kind: kind.to_owned(),
                name: Some("Longwire".to_owned()),
            };
            let features = core.iq.features().into_iter().map(str::to_owned).collect();
            Ok(Some(disco::Info { node: None, identities: vec![identity], features }.to_element()))
        })
    }
}

impl IqHandler for Items {
    fn namespace(&self) -> &'static str {
        ns::DISCO_ITEMS
    }

    fn handle<'a>(&'a self, _: &'a Core, _: &'a Session, iq: &'a Iq) -> Answering<'a> {
        Box::pin(async move {
            if has_node(iq) {
                return Err(StanzaError::new(Condition::ItemNotFound));
            }
            Ok(Some(disco::Items { node: None, items: Vec::new() }.to_element()))
        })
    }
}

fn has_node(iq: &Iq) -> bool {
    iq.request().is_some_and(|payload| payload.attr("node").is_some())
}
