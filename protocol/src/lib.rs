//! What client and server share of XMPP: names, the stream codec, stanzas, SASL, extensions and the push extension.
//!
//! Pure: no sockets, no clock, no randomness, no runtime. Nonces and instants are arguments.

#![forbid(unsafe_code)]

pub mod androidpn;
pub mod codec;
pub mod datetime;
pub mod element;
pub mod error;
pub mod jid;
pub mod ns;
pub mod push;
pub mod sasl;
pub mod stanza;
pub mod stream;
pub mod xep;

pub use codec::{CodecError, Event, Limits, Reader};
pub use datetime::DateTime;
pub use element::Element;
pub use error::FieldError;
pub use jid::Jid;
