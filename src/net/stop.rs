//! How far a call on a connection came.

use crate::record::Failure;

/// Whether a connection can carry requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// Not yet: wait for readiness.
    Pending,
    /// It can.
    Done,
}

/// Why no byte was read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Not now: wait for readiness.
    Blocked,
    /// Never again.
    Failed(Failure),
}
