//! Software version (XEP-0092).

use longwire_protocol::ns;
use longwire_protocol::stanza::Iq;
use longwire_protocol::xep::version;

use super::{Answering, IqHandler};
use crate::Core;
use crate::session_manager::Session;

pub(super) struct Version;

impl IqHandler for Version {
    fn namespace(&self) -> &'static str {
        ns::VERSION
    }

    fn handle<'a>(&'a self, _: &'a Core, _: &'a Session, _: &'a Iq) -> Answering<'a> {
        // The operating system is nobody's business (XEP-0092 §5).
        let version =
            version::Version { name: "Longwire".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), os: None };
        Box::pin(async move { Ok(Some(version.to_element())) })
    }
}
