//! What scripts of other servers call: one module per server whose shape it has.

pub(crate) mod androidpn;
