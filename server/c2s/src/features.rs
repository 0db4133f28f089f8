//! What each phase offers (RFC 6120 §4.3.2), as bytes: it depends on so few choices that each is written once.

use std::sync::OnceLock;

use longwire_protocol::sasl::{TLS_EXPORTER, scram};
use longwire_protocol::xep::{bind, bind2, fast, iq_auth, preauth, register, sasl, sasl_cb, sasl2, session, starttls};
use longwire_protocol::{Element, ns};

use crate::login::{Mechanism, Tls};
use crate::{Config, Registration};

/// The mechanisms of either profile, the favourite first: `-PLUS` where the connection has something to bind to.
pub(crate) const fn mechanisms(tls: Option<Tls>) -> &'static [Mechanism] {
    match tls {
        None => &[Mechanism::ScramSha256],
        Some(Tls { exporter: None }) => &[Mechanism::ScramSha256, Mechanism::Plain],
        Some(Tls { exporter: Some(_) }) => &[Mechanism::ScramSha256Plus, Mechanism::ScramSha256, Mechanism::Plain],
    }
}

/// The channel-binding types that are announced (XEP-0440); none where there is nothing to bind to.
const fn bindings(tls: Option<Tls>) -> Option<&'static [&'static str]> {
    match tls {
        Some(Tls { exporter: Some(_) }) => Some(&[TLS_EXPORTER]),
        Some(Tls { exporter: None }) | None => None,
    }
}

/// What SCRAM signs of the offer (XEP-0474); both profiles offer the same.
pub(crate) fn offer_hash(tls: Option<Tls>) -> &'static str {
    static HASHES: [OnceLock<String>; 3] = [const { OnceLock::new() }; 3];
    let [plaintext, unbound, bound] = &HASHES;
    let hash = match tls {
        None => plaintext,
        Some(Tls { exporter: None }) => unbound,
        Some(Tls { exporter: Some(_) }) => bound,
    };
    hash.get_or_init(|| scram::offer_hash(&names(tls), bindings(tls)))
}

/// An offer by three choices.
struct Offers([OnceLock<Vec<u8>>; 8]);

impl Offers {
    const fn new() -> Self {
        Self([const { OnceLock::new() }; 8])
    }

    fn of(&self, choices: [bool; 3], make: impl FnOnce() -> Element) -> &[u8] {
        let index = choices.into_iter().fold(0, |index, choice| 2 * index + usize::from(choice));
        let written = self.0.get(index).expect("three choices have eight outcomes");
        written.get_or_init(|| make().to_stream_bytes())
    }
}

fn names(tls: Option<Tls>) -> Vec<&'static str> {
    mechanisms(tls).iter().map(|mechanism| mechanism.name()).collect()
}

/// Before TLS: STARTTLS, required unless plaintext is admitted.
pub(crate) fn opened(config: &Config) -> &'static [u8] {
    static OFFERS: Offers = Offers::new();
    OFFERS.of([config.plaintext, config.androidpn, registers(config)], || before_tls(config))
}

fn before_tls(config: &Config) -> Element {
    let features = none().with_child(starttls::feature(!config.plaintext));
    if !config.plaintext {
        return features;
    }
    with_registration(features.with_child(sasl::feature(&names(None))), config)
}

/// Inside TLS: both SASL profiles, with everything that SASL2 can do in one round trip.
pub(crate) fn secured(config: &Config, tls: Tls) -> &'static [u8] {
    static OFFERS: Offers = Offers::new();
    OFFERS.of([tls.exporter.is_some(), config.androidpn, registers(config)], || inside_tls(config, tls))
}

fn inside_tls(config: &Config, tls: Tls) -> Element {
    let (mechanisms, bindings) = (names(Some(tls)), bindings(Some(tls)));
    let push = bind2::Feature { inline: vec![ns::PUSH.to_owned()] };
    // Tokens are bound to the channel (XEP-0484 §3.1): without exporter data there are none.
    let tokens = fast::Feature { mechanisms: vec![Mechanism::HtSha256Expr.name().to_owned()] };
    let inline = [Some(push.to_element()), tls.exporter.map(|_| tokens.to_element())];
    let authentication = sasl2::Authentication {
        mechanisms: mechanisms.iter().map(|name| (*name).to_owned()).collect(),
        inline: inline.into_iter().flatten().collect(),
    };
    let features = none()
        .with_child(sasl::feature(&mechanisms))
        .with_child(authentication.to_element())
        .with_opt_child(bindings.map(sasl_cb::feature));
    with_registration(features, config)
}

/// Both features of in-band registration (XEP-0445 §3): with open registration an app key is not needed, and counted when shown. And the
/// login of original androidpn clients.
fn with_registration(features: Element, config: &Config) -> Element {
    let features = features.with_opt_child(config.androidpn.then(iq_auth::feature));
    if registers(config) { features.with_child(preauth::feature()).with_child(register::feature()) } else { features }
}

const fn registers(config: &Config) -> bool {
    match config.registration {
        Registration::Open | Registration::AppKey => true,
        Registration::Closed => false,
    }
}

/// After a login that did not bind.
pub(crate) fn authenticated() -> &'static [u8] {
    static OFFER: OnceLock<Vec<u8>> = OnceLock::new();
    OFFER.get_or_init(|| none().with_child(bind::feature()).with_child(session::feature()).to_stream_bytes())
}

/// After a login that bound a session: nothing is left to negotiate.
pub(crate) fn bound() -> &'static [u8] {
    static OFFER: OnceLock<Vec<u8>> = OnceLock::new();
    OFFER.get_or_init(|| none().to_stream_bytes())
}

fn none() -> Element {
    Element::new(ns::STREAMS, "features")
}
