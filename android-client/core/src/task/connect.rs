//! Finding the server, TCP and TLS: nothing else is said before TLS stands.

use longwire_protocol::xep::starttls;
use longwire_protocol::{Element, ns};

use super::{Context, Ending, Turn, Want};
use crate::state::Why;

/// Looks for targets and connects to one; with STARTTLS, asks for TLS and leaves a server that does not offer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connect {
    /// The DNS is asked where the server is.
    Looking,
    /// A target was chosen; TCP, and TLS when it is direct.
    Reaching,
    /// STARTTLS was asked for.
    Upgrading,
}

impl Connect {
    pub(crate) fn features(&mut self, cx: &Context<'_>) -> Turn {
        if !cx.features.is_some_and(|features| features.starttls) {
            return Turn::end(Ending::Wait(Why::NoTls));
        }
        *self = Self::Upgrading;
        Turn::write(&starttls::request())
    }

    pub(crate) fn element(&self, element: &Element) -> Turn {
        match (self, element.name()) {
            (Self::Upgrading, _) if starttls::is_proceed(element) => Turn::want(Want::StartTls),
            (Self::Upgrading, "failure") if element.ns() == ns::TLS => Turn::end(Ending::Wait(Why::NoTls)),
            (_, other) => Turn::end(Ending::protocol(format!("<{other}/> before TLS"))),
        }
    }
}
