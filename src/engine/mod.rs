//! The engine: one thread a core runs one loop over its own connections.

mod answers;
mod barrier;
mod closed;
mod connection;
mod deadlines;
mod gate;
mod homes;
mod io;
mod judge;
mod links;
mod open;
mod requests;
mod rows;
mod shared;
mod sockets;
mod user;
mod warmup;
mod watch;
mod waves;
mod worker;

pub use barrier::{Barrier, Release};
pub use deadlines::{Deadlines, Lane, Node};
pub use io::{Io, Usage};
pub use rows::{BATCH, Rows};
pub use shared::{Counter, Shared};
pub use sockets::Sockets;
pub use warmup::AutoWarmup;
pub use worker::Worker;
