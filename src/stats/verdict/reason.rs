//! Why a measurement is not all that it looks like.

use std::fmt;

use crate::time::Nanos;

/// What one check found. [`fmt::Display`] says it in one line.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reason {
    /// Part of a printed quantile is this tool's own.
    OwnDelay {
        quantile: &'static str,
        printed: Nanos,
        /// Upper bound of onrush's share of it.
        own: Nanos,
        /// No stamp of the kernel tells it.
        is_estimated: bool,
        /// The longest time for which the loop stood still, if that is more.
        stall: Option<Nanos>,
    },
    /// Time that workers waited for the CSV file.
    SlowLog(Nanos),
    /// Only this share of the requests that were due was sent.
    Unsent(f64),
    /// Not all connections could be opened.
    Connections { reached: u64, asked: u64 },
    /// Number of requests that failed for want of a local port.
    NoPorts(u64),
    /// Number of requests that failed for want of a descriptor or memory.
    NoDescriptors(u64),
    /// The warm-up ended at its limit.
    NeverSteady,
    /// The number of requests, or Little's law, does not add up.
    Lost,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Reason::OwnDelay { quantile, printed, own, is_estimated, stall } => {
                let how = if is_estimated { " (estimated)" } else { "" };
                write!(f, "up to {own}{how} of the {quantile} of {printed} is the delay of onrush itself")?;
                stall.map_or(Ok(()), |stall| write!(f, ", which stood still for up to {stall}"))
            }
            Reason::SlowLog(wait) => write!(f, "CSV slower than the run: workers waited {wait} for it"),
            Reason::Unsent(share) => write!(f, "onrush sent only {} of the requests that were due", percent(share)),
            Reason::Connections { reached, asked } => write!(f, "{reached} of {asked} connections could be opened"),
            Reason::NoPorts(n) => write!(f, "this machine had no more local ports: {n} requests failed"),
            Reason::NoDescriptors(n) => {
                write!(f, "this machine had no more descriptors or memory: {n} requests failed")
            }
            Reason::NeverSteady => f.write_str("the warm-up reached its limit before response times stabilised"),
            Reason::Lost => f.write_str("requests were lost or counted twice: a defect of onrush, please report it"),
        }
    }
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        v if v > 0.0 && v < 0.05 => "<0.1%".into(),
        v if (99.95..100.0).contains(&v) => ">99.9%".into(),
        v => format!("{v:.1}%"),
    }
}
