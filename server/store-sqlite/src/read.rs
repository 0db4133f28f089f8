//! Questions to the database, each on one reader connection. What needs several statements runs them in one transaction, that is
//! as of one position.

pub(crate) mod deliveries;
pub(crate) mod devices;
pub(crate) mod log;
pub(crate) mod records;
