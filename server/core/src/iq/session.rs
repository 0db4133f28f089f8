//! Session establishment (RFC 3921 §3): nothing to do, answered for old clients.

use longwire_protocol::ns;
use longwire_protocol::stanza::Iq;

use super::{Answering, IqHandler};
use crate::Core;
use crate::session_manager::Session;

pub(super) struct Establish;

impl IqHandler for Establish {
    fn namespace(&self) -> &'static str {
        ns::SESSION
    }

    fn is_feature(&self) -> bool {
        false
    }

    fn handle<'a>(&'a self, _: &'a Core, _: &'a Session, _: &'a Iq) -> Answering<'a> {
        Box::pin(async { Ok(None) })
    }
}
