//! Sockets: names to addresses, connections with and without TLS, and a
//! poller that wakes up to the nanosecond.

mod addresses;
mod cause;
mod dial;
mod happy_eyeballs;
pub mod limits;
pub mod lookup;
mod low_water;
pub mod noise;
mod poller;
pub mod probe;
pub mod resolve;
mod stamps;
mod stop;
mod tls_stream;
mod transport;

pub use addresses::Addresses;
pub use cause::{failure_of, tls_cause};
pub use dial::{Dial, Means};
pub use poller::{Poller, Readiness};
pub use stamps::Stamping;
pub use stop::{Handshake, Stop};
pub use transport::Transport;
