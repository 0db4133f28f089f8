//! A stream inside TLS whose client has proven nothing yet.

use longwire_protocol::Element;
use longwire_protocol::stream::StreamError;

use crate::login::{Login, Tls};
use crate::negotiation::{Link, Next};
use crate::{Answer, Outbox, features};

/// The phase of the login.
pub(crate) struct Secured {
    login: Login,
    has_exporter: bool,
}

impl Secured {
    pub(crate) const fn new(exporter: Option<[u8; 32]>) -> Self {
        Self { has_exporter: exporter.is_some(), login: Login::new(Some(Tls { exporter })) }
    }

    pub(crate) fn write_features(&self, link: &Link, out: &mut Outbox) {
        features::secured(&link.config, self.has_exporter).write_in_stream(&mut out.bytes);
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
