//! TCP and TLS: nothing else is said before TLS stands.

use longwire_protocol::xep::starttls;
use longwire_protocol::{Element, ns};

use super::{Context, Ending, Turn, Want};
use crate::state::Why;

/// Connects; with STARTTLS, asks for TLS and leaves a server that does not offer it.
#[derive(Debug, Default)]
pub(crate) struct Connect {
    asked: bool,
}

impl Connect {
    pub(crate) fn features(&mut self, cx: &Context<'_>) -> Turn {
        if !cx.features.is_some_and(|features| features.starttls) {
            return Turn::end(Ending::Wait(Why::NoTls));
        }
        self.asked = true;
        Turn::write(&starttls::request())
    }

    pub(crate) fn element(&self, element: &Element) -> Turn {
        match (self.asked, element.name()) {
            (true, _) if starttls::is_proceed(element) => Turn::want(Want::StartTls),
            (true, "failure") if element.ns() == ns::TLS => Turn::end(Ending::Wait(Why::NoTls)),
            (_, other) => Turn::end(Ending::protocol(format!("<{other}/> before TLS"))),
        }
    }
}
