//! The engine: one thread a core runs one loop over its own connections.

mod answers;
mod barrier;
mod closed;
mod connection;
mod deadlines;
mod io;
mod judge;
mod log_queue;
mod open;
mod opening;
mod release;
mod requests;
mod routes;
mod self_check;
mod shared;
mod sockets;
mod user;
mod warmup;
mod waves;
mod worker;

pub use barrier::{Barrier, Decision};
pub use deadlines::{Deadlines, Lane, Node};
pub use io::{Io, Usage};
pub use log_queue::{BATCH, LogQueue};
pub use shared::{Counter, Shared};
pub use sockets::Sockets;
pub use warmup::AutoWarmup;
pub use worker::Worker;
