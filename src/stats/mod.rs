//! What a worker counts, how workers' counts merge, and every number derived from them.

mod board;
mod by_target;
mod confidence;
mod counts;
mod distribution;
mod encode;
mod health;
mod histogram;
mod occupancy;
mod packed;
mod series;
mod steady;
mod summary;
mod survival;
mod tally;
mod timeline;
mod tool_error;
mod totals;
mod traffic;
mod verdict;
mod waves;

pub use board::{Board, Snapshot};
pub use by_target::{ByTarget, MAX_TARGETS, TargetTally};
pub use confidence::{Batch, Ranks, batch_ranks, independent_ranks, needed};
pub use counts::Counts;
pub use distribution::{Distribution, Ppm};
pub use health::{Health, Usage};
pub use occupancy::Occupancy;
pub use steady::{Trend, has_settled, trend};
pub use summary::{
    Accounting, Confidence, CsvLine, FailureLine, IntervalLine, Latency, Measured, Micros, OutageLine, PlanLine,
    ProgressLine, RunFacts, SCHEMA, SHARED_CPU, StageLine, SteadyLine, Summary, TargetLine, ThresholdLine, Tool,
    WaveLine, WavesLine,
};
pub use survival::{Censored, quantile as survival_quantile};
pub use tally::{Clocks, Extra, Tally};
pub use timeline::{Timeline, TimelineSample};
pub use tool_error::ToolError;
pub use totals::{FailureCount, Totals};
pub use traffic::Traffic;
pub use verdict::{Circumstances, ErrorLine, GeneratorLine, LagLine, LimitedBy, SoFar, Verdict};
pub use waves::{WaveFacts, WaveTally};
