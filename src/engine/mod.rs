//! The engine: one thread a core runs one loop over its own connections.
//!
//! Five owners that do not know each other, in the order in which a request meets them, and the loop that knows all:
//! `load` says when, `users` who, `exchange` what, `pool` over which connection, `meter` how much.

mod exchange;
mod load;
mod meter;
mod pool;
mod shared;
mod users;
mod worker;

pub use meter::{BATCH, LogQueue};
pub use pool::{Io, Received, Sockets};
pub use shared::Shared;
pub use worker::Worker;
