//! The tasks of a connection: they run in order from one queue, each decides and none does.

mod connect;
mod login;
mod register;

pub(crate) use connect::Connect;
pub(crate) use login::Login;
pub(crate) use register::Register;

use longwire_protocol::Element;
use longwire_protocol::xep::sasl2::Success;

use crate::account::{Account, Record};
use crate::config::Config;
use crate::state::{Block, Why};
use crate::wire::Features;

/// What a task may look at.
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) record: &'a Record,
    pub(crate) has_durable_account: bool,
    pub(crate) features: Option<&'a Features>,
    pub(crate) exporter: Option<[u8; 32]>,
    pub(crate) heartbeat_s: u32,
    /// Random bytes for this call.
    pub(crate) random: [u8; 32],
}

/// What a task wants done, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) write: Vec<u8>,
    pub(crate) wants: Vec<Want>,
}

/// One wish of a task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// TLS begins now.
    StartTls,
    /// This account is stored before the task goes on.
    StoreAccount(Account),
    /// The registration was answered.
    Registered,
    /// The FAST token was refused.
    ForgetToken,
    /// The password is the right one, though there was no login.
    Accepted,
    /// The login succeeded.
    LoggedIn(Box<Success>),
    /// The task is done; the next one begins.
    Finish,
    /// The connection ends.
    End(Ending),
}

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Another attempt follows after a wait of our own.
    Wait(Why),
    /// As `Wait`, but somebody broke the rules, and would again: however long the session was, waits go on growing.
    Fault(Why),
    /// Another attempt follows when the server is ready for it, after so many seconds.
    Retry(Why, u32),
    /// Another session of this device took over.
    Conflict,
    /// The password was refused.
    Unauthorized,
    /// No attempt follows.
    Blocked(Block),
}

impl Ending {
    pub(crate) fn protocol(what: impl Into<String>) -> Self {
        Self::Fault(Why::Protocol(what.into()))
    }

    pub(crate) fn security(what: impl Into<String>) -> Self {
        Self::Fault(Why::Security(what.into()))
    }

    /// An ending for what the server said, with the pause that it asked for.
    pub(crate) fn server(condition: &str, text: Option<String>, retry_after: Option<u32>) -> Self {
        let why = Why::Server { condition: condition.to_owned(), text };
        match retry_after {
            Some(seconds) => Self::Retry(why, seconds),
            None => Self::Wait(why),
        }
    }
}

impl Turn {
    pub(crate) fn write(element: &Element) -> Self {
        Self::default().and_write(element)
    }

    pub(crate) fn want(want: Want) -> Self {
        Self { write: Vec::new(), wants: vec![want] }
    }

    pub(crate) fn end(ending: Ending) -> Self {
        Self::want(Want::End(ending))
    }

    pub(crate) fn and_write(mut self, element: &Element) -> Self {
        element.write_in_stream(&mut self.write);
        self
    }

    pub(crate) fn and(mut self, want: Want) -> Self {
        self.wants.push(want);
        self
    }
}

/// A task of the queue.
pub(crate) enum Task {
    Connect(Connect),
    Register(Register),
    Login(Login),
}

impl Task {
    /// The task begins.
    pub(crate) fn start(&mut self, cx: &Context<'_>) -> Turn {
        match self {
            Self::Connect(_) => Turn::default(),
            Self::Register(task) => task.start(cx),
            Self::Login(task) => task.start(cx),
        }
    }

    /// The server's features are there.
    pub(crate) fn features(&mut self, cx: &Context<'_>) -> Turn {
        match self {
            Self::Connect(task) => task.features(cx),
            Self::Register(task) => task.go_on(cx),
            Self::Login(task) => task.features(cx),
        }
    }

    /// The account that the task wanted stored is stored.
    pub(crate) fn stored(&mut self, cx: &Context<'_>) -> Turn {
        match self {
            Self::Register(task) => task.go_on(cx),
            Self::Connect(_) | Self::Login(_) => Turn::default(),
        }
    }

    /// An element arrived that is neither features nor a stream error.
    pub(crate) fn element(&mut self, element: &Element, cx: &Context<'_>) -> Turn {
        match self {
            Self::Connect(task) => task.element(element),
            Self::Register(task) => task.element(element, cx),
            Self::Login(task) => task.element(element, cx),
        }
    }
}
