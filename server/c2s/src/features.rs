//! What each phase offers (RFC 6120 §4.3.2).

use longwire_protocol::sasl::TLS_EXPORTER;
use longwire_protocol::xep::{bind, bind2, fast, preauth, register, sasl, sasl_cb, sasl2, session, starttls};
use longwire_protocol::{Element, ns};

use crate::login::Mechanism;
use crate::{Config, Registration};

/// Before TLS: STARTTLS, required unless plaintext is admitted.
pub(crate) fn opened(config: &Config) -> Element {
    let features = none().with_child(starttls::feature(!config.plaintext));
    if !config.plaintext {
        return features;
    }
    with_registration(features.with_child(sasl::feature(&[Mechanism::ScramSha256.name()])), config)
}

/// Inside TLS: both SASL profiles, with everything that SASL2 can do in one round trip.
pub(crate) fn secured(config: &Config, has_exporter: bool) -> Element {
    let mechanisms = [Mechanism::ScramSha256, Mechanism::Plain].map(Mechanism::name);
    let push = bind2::Feature { inline: vec![ns::PUSH.to_owned()] };
    // Tokens are bound to the channel (XEP-0484 §3.1): without exporter data there are none.
    let tokens = fast::Feature { mechanisms: vec![Mechanism::HtSha256Expr.name().to_owned()] };
    let inline = [Some(push.to_element()), has_exporter.then(|| tokens.to_element())];
    let authentication = sasl2::Authentication {
        mechanisms: mechanisms.map(str::to_owned).to_vec(),
        inline: inline.into_iter().flatten().collect(),
    };
    let features = none()
        .with_child(sasl::feature(&mechanisms))
        .with_child(authentication.to_element())
        .with_opt_child(has_exporter.then(|| sasl_cb::feature(&[TLS_EXPORTER])));
    with_registration(features, config)
}

/// Both features of in-band registration (XEP-0445 §3): with open registration an app key is not needed, and counted when shown.
fn with_registration(features: Element, config: &Config) -> Element {
    match config.registration {
        Registration::Open | Registration::AppKey => {
            features.with_child(preauth::feature()).with_child(register::feature())
        }
        Registration::Closed => features,
    }
}

/// After a login that did not bind.
pub(crate) fn authenticated() -> Element {
    none().with_child(bind::feature()).with_child(session::feature())
}

/// After a login that bound a session: nothing is left to negotiate.
pub(crate) fn none() -> Element {
    Element::new(ns::STREAMS, "features")
}
