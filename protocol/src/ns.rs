//! XML namespaces, each named by the specification that defines it.

use crate::element::Name;

/// Streams (RFC 6120 §4.8.1).
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// Content of client streams (RFC 6120 §4.8.2).
pub const CLIENT: &str = "jabber:client";
/// The reserved namespace of `xml:lang`.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The reserved namespace of namespace declarations.
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// Conditions of stream errors (RFC 6120 §4.9).
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// Conditions of stanza errors (RFC 6120 §8.3).
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// STARTTLS (RFC 6120 §5).
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// SASL (RFC 6120 §6), and the failure conditions of SASL2.
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// Resource binding (RFC 6120 §7).
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// Sessions (RFC 3921 §3), a no-operation today.
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// Rosters (RFC 6121 §2).
pub const ROSTER: &str = "jabber:iq:roster";
/// In-band registration (XEP-0077).
pub const REGISTER: &str = "jabber:iq:register";
/// The stream feature of in-band registration (XEP-0077 §10).
pub const REGISTER_FEATURE: &str = "http://jabber.org/features/iq-register";
/// Non-SASL authentication (XEP-0078), for original androidpn clients only.
pub const IQ_AUTH: &str = "jabber:iq:auth";
/// Pre-authenticated registration (XEP-0445).
pub const PREAUTH: &str = "urn:xmpp:pars:0";
/// The stream feature of pre-authenticated registration (XEP-0445).
pub const IBR_TOKEN: &str = "urn:xmpp:ibr-token:0";
/// Ping (XEP-0199).
pub const PING: &str = "urn:xmpp:ping";
/// Service discovery: information (XEP-0030).
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// Service discovery: items (XEP-0030).
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// Software version (XEP-0092).
pub const VERSION: &str = "jabber:iq:version";
/// Extensible SASL profile (XEP-0388).
pub const SASL2: &str = "urn:xmpp:sasl:2";
/// Bind 2 (XEP-0386).
pub const BIND2: &str = "urn:xmpp:bind:0";
/// Fast authentication streamlining tokens (XEP-0484).
pub const FAST: &str = "urn:xmpp:fast:0";
/// Channel-binding types of SASL (XEP-0440).
pub const SASL_CB: &str = "urn:xmpp:sasl-cb:0";
/// JSON containers (XEP-0335).
pub const JSON: &str = "urn:xmpp:json:0";
/// Delayed delivery (XEP-0203).
pub const DELAY: &str = "urn:xmpp:delay";
/// Stream management (XEP-0198).
pub const SM: &str = "urn:xmpp:sm:3";
/// Longwire's push extension, version 1.
pub const PUSH: &str = "urn:longwire:push:1";

/// All of the above: reading a stream allocates nothing for them.
const ALL: [&str; 31] = [
    STREAMS,
    CLIENT,
    XML,
    XMLNS,
    STREAM_ERRORS,
    STANZA_ERRORS,
    TLS,
    SASL,
    BIND,
    SESSION,
    ROSTER,
    REGISTER,
    REGISTER_FEATURE,
    IQ_AUTH,
    PREAUTH,
    IBR_TOKEN,
    PING,
    DISCO_INFO,
    DISCO_ITEMS,
    VERSION,
    SASL2,
    BIND2,
    FAST,
    SASL_CB,
    JSON,
    DELAY,
    SM,
    PUSH,
    "",
    "vcard-temp",
    "jabber:x:data",
];

/// The namespace as a constant, if it is one of ours.
pub(crate) fn known(namespace: &str) -> Name {
    // Most of what is read is one of these two.
    match namespace {
        "" => return Name::Borrowed(""),
        CLIENT => return Name::Borrowed(CLIENT),
        _ => {}
    }
    match ALL.iter().find(|constant| **constant == namespace) {
        Some(constant) => Name::Borrowed(constant),
        None => Name::Owned(namespace.to_owned()),
    }
}

/// Names that most stanzas have: reading a stream allocates nothing for them.
const NAMES: [&str; 12] =
    ["to", "from", "id", "type", "message", "body", "iq", "presence", "ping", "ack", "normal", "background"];

/// The local name as a constant, if it is one of these.
pub(crate) fn known_name(name: &str) -> Name {
    match NAMES.iter().find(|constant| **constant == name) {
        Some(constant) => Name::Borrowed(constant),
        None => Name::Owned(name.to_owned()),
    }
}
