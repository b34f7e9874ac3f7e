//! Sockets: names to addresses, connections with and without TLS, and a
//! poller that wakes up to the nanosecond.

mod addresses;
mod cause;
mod dial;
mod happy_eyeballs;
pub mod limits;
pub mod lookup;
pub mod noise;
mod pem;
mod poller;
pub mod probe;
pub mod resolve;
mod stamps;
pub mod tls;
mod transport;

pub use addresses::Addresses;
pub use cause::{failure_of, tls_cause};
pub use dial::{Dial, Means};
pub use poller::{Poller, Readiness};
pub use stamps::Stamping;
pub use transport::{Handshake, Stop, Transport};
