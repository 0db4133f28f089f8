//! What each phase offers (RFC 6120 §4.3.2).

use longwire_protocol::{Element, ns};

use crate::Config;
use crate::login::Mechanism;

/// Before TLS: STARTTLS, required unless plaintext is admitted.
pub(crate) fn opened(config: &Config) -> Element {
    let starttls = Element::new(ns::TLS, "starttls");
    if !config.plaintext {
        return features().with_child(starttls.with_child(Element::new(ns::TLS, "required")));
    }
    features()
        .with_child(starttls)
        .with_child(classic_mechanisms(&[Mechanism::ScramSha256]))
        .with_opt_child(register(config))
}

/// Inside TLS: both SASL profiles, with everything that SASL2 can do in one round trip.
pub(crate) fn secured(config: &Config, has_exporter: bool) -> Element {
    let mechanisms = [Mechanism::ScramSha256, Mechanism::Plain];
    let push = Element::new(ns::BIND2, "feature").with_attr("var", ns::PUSH);
    let bind = Element::new(ns::BIND2, "bind").with_child(Element::new(ns::BIND2, "inline").with_child(push));
    // Tokens are bound to the channel (XEP-0484 §3.1): without exporter data there are none.
    let fast = has_exporter.then(|| mechanism_list(Element::new(ns::FAST, "fast"), &[Mechanism::HtSha256Expr]));
    let inline = Element::new(ns::SASL2, "inline").with_child(bind).with_opt_child(fast);
    let binding = Element::new(ns::SASL_CB, "sasl-channel-binding")
        .with_child(Element::new(ns::SASL_CB, "channel-binding").with_attr("type", "tls-exporter"));
    features()
        .with_child(classic_mechanisms(&mechanisms))
        .with_child(mechanism_list(Element::new(ns::SASL2, "authentication"), &mechanisms).with_child(inline))
        .with_opt_child(has_exporter.then_some(binding))
        .with_opt_child(register(config))
}

/// After a login that did not bind.
pub(crate) fn authenticated() -> Element {
    let session = Element::new(ns::SESSION, "session").with_child(Element::new(ns::SESSION, "optional"));
    features().with_child(Element::new(ns::BIND, "bind")).with_child(session)
}

/// After a login that bound a session: nothing is left to negotiate.
pub(crate) fn features() -> Element {
    Element::new(ns::STREAMS, "features")
}

fn classic_mechanisms(mechanisms: &[Mechanism]) -> Element {
    mechanism_list(Element::new(ns::SASL, "mechanisms"), mechanisms)
}

fn mechanism_list(parent: Element, mechanisms: &[Mechanism]) -> Element {
    mechanisms.iter().fold(parent, |parent, mechanism| parent.with_text_child("mechanism", mechanism.name()))
}

fn register(config: &Config) -> Option<Element> {
    config.registration.then(|| Element::new(ns::REGISTER_FEATURE, "register"))
}
