//! The server half of one XMPP client stream, without sockets, clock, randomness or store: bytes and answers in, bytes and events
//! out. Its phases are types; only a bound stream has stanzas to deliver.

#![forbid(unsafe_code)]

mod answer;
mod authenticated;
mod bound;
mod config;
mod event;
mod features;
mod login;
mod negotiation;
mod opened;
mod outbox;
mod register;
mod secured;
mod seed;
mod stream;

pub use answer::{
    Answer, AppKeyRefusal, BindRefusal, IssuedToken, PasswordCheck, RegisterRefusal, Session, Token, Verifier,
};
pub use config::{
    ANDROIDPN_FAILURES_MAX, AUTH_FAILURES_MAX, Config, HEADER_MS, HEARTBEAT_GRACE_MS, KEY_FAILURES_MAX,
    NEGOTIATION_BYTES_MAX, NEGOTIATION_MS, Registration,
};
pub use event::{
    AndroidpnLogin, AndroidpnProof, AndroidpnRegistration, AppKey, BindRequest, Event, FollowRequest, LoginFailure,
    ResourceRequest,
};
pub use outbox::{Action, Outbox};
pub use stream::{Reason, Stream};
