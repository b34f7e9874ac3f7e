//! Two runs' summaries against each other.

mod block_length;
mod bootstrap;
mod statistic;

pub use block_length::block_length;
pub use bootstrap::{FEWEST_BLOCKS, Interval, TooLittle, ratio_interval};
pub use statistic::{Cumulated, Statistic};
