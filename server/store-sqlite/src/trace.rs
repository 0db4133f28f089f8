//! Every statement that SQLite starts, for tests that hold the store to what it must not ask (feature `trace`).

#[cfg(feature = "trace")]
mod observed;
#[cfg(not(feature = "trace"))]
mod unobserved;

#[cfg(feature = "trace")]
pub(crate) use observed::Tracer;
#[cfg(not(feature = "trace"))]
pub(crate) use unobserved::Tracer;
