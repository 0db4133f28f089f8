//! The clients of the harness: many in one process, each as cheap as can be, with bytes that are written down here.

mod arrivals;
mod count;
mod crowd;
mod door;
mod inbox;
mod link;
mod login;
mod mqtt;
mod pacer;
mod poster;
mod session;

pub(crate) use arrivals::Arrivals;
pub(crate) use crowd::{listen, online};
pub(crate) use door::{Carriage, Door, PASSWORD, Speech, name as name_of};
pub(crate) use inbox::body;
pub(crate) use link::Refused;
pub(crate) use login::{Proof, Stay, Wants, greeting, log_in};
pub(crate) use pacer::{Pace, pace};
pub(crate) use poster::{Poster, Posting};
pub(crate) use session::{Cursor, Session, Writer};
