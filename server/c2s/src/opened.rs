//! A stream without TLS: it offers STARTTLS, and a login only where the operator admits plaintext.

use longwire_protocol::Element;
use longwire_protocol::stream::{StreamCondition, StreamError};
use longwire_protocol::xep::starttls;

use crate::login::Login;
use crate::negotiation::{Link, Next};
use crate::{Answer, Outbox, features};

/// The phase before TLS.
pub(crate) struct Opened {
    login: Login,
}

impl Opened {
    pub(crate) const fn new() -> Self {
        Self { login: Login::new(None) }
    }

    pub(crate) fn write_features(&self, link: &Link, out: &mut Outbox) {
        out.bytes.extend_from_slice(features::opened(&link.config));
    }

    pub(crate) fn handle_element(
        &mut self,
        element: &Element,
        is_last: bool,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Next, StreamError> {
        if !starttls::is_request(element) {
            return self.login.handle_element(element, link, out);
        }
        // What follows in plaintext would be taken for a part of the encrypted stream: never read it.
        if !is_last {
            let error = StreamError::new(StreamCondition::PolicyViolation);
            return Err(error.with_text("data behind <starttls/>"));
        }
        starttls::proceed().write_in_stream(&mut out.bytes);
        Ok(Next::StartTls)
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
