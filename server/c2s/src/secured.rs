//! A stream inside TLS whose client has proven nothing yet.

use longwire_protocol::Element;
use longwire_protocol::stream::StreamError;

use crate::login::{Login, Tls};
use crate::negotiation::{Link, Next};
use crate::{Answer, Outbox, features};

/// The phase of the login.
pub(crate) struct Secured {
    login: Login,
    tls: Tls,
}

impl Secured {
    pub(crate) const fn new(exporter: Option<[u8; 32]>) -> Self {
        let tls = Tls { exporter };
        Self { tls, login: Login::new(Some(tls)) }
    }

    pub(crate) fn write_features(&self, link: &Link, out: &mut Outbox) {
        out.bytes.extend_from_slice(features::secured(&link.config, self.tls));
    }

    pub(crate) fn handle_element(
        &mut self,
        element: &Element,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        self.login.handle_element(element, link, out)
    }

    pub(crate) fn handle_answer(
        &mut self,
        answer: Answer,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        self.login.handle_answer(answer, link, out)
    }

    pub(crate) const fn is_waiting(&self) -> bool {
        self.login.is_waiting()
    }
}
