//! What a worker counts, how workers' counts merge, and every number derived from them.

mod board;
mod distribution;
mod encode;
mod series;
mod summary;
mod tally;
mod waves;

pub use board::{Board, Snapshot};
pub use distribution::{Distribution, Ppm};
pub use series::{Interval, Series};
pub use summary::{
    Accounting, FailureLine, IntervalLine, Latency, Micros, PlanLine, RunFacts, SCHEMA, Summary, Tool, WaveLine,
    WavesLine,
};
pub use tally::{Counts, FailureCount, Tally};
pub use waves::{WaveFacts, WaveTally};
