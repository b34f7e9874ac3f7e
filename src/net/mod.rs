//! Sockets: names to addresses, connections with and without TLS, and a
//! poller that wakes up to the nanosecond.

mod addresses;
mod cause;
pub mod limits;
pub mod noise;
mod poller;
pub mod resolve;
mod stamps;
pub mod tls;
mod transport;

pub use addresses::Addresses;
pub use cause::{failure_of, tls_cause};
pub use poller::{Poller, Readiness};
pub use transport::{Handshake, Stop, Transport};
