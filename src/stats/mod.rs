//! What a worker counts, how workers' counts merge, and every number derived from them.

mod board;
mod distribution;
mod encode;
mod series;
mod tally;
mod waves;

pub use board::{Board, Snapshot};
pub use distribution::{Distribution, Ppm};
pub use series::{Interval, Series};
pub use tally::{Counts, FailureCount, Tally};
pub use waves::{WaveFacts, WaveTally};
