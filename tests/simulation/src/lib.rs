//! Simulated worlds of servers and phones; all of it is in the test `simulation`.

#![forbid(unsafe_code)]
