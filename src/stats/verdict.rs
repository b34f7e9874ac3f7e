//! Can this measurement be believed, and what was in the way?
//!
//! What counts is what this tool may have done to a printed number: why it was
//! late, or whether it had much to do, spoils no run by itself.

use serde::{Deserialize, Serialize};

use crate::plan::ModelKind;
use crate::time::Nanos;

use super::{Distribution, Totals};

mod blame;
mod checks;
mod limits;
mod reason;
mod so_far;

use checks::Case;
use reason::Reason;

pub(super) use blame::retried_connects;
pub use so_far::SoFar;

/// Whether a measurement can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// What is printed is the server's.
    Valid,
    /// Some of it is this tool's, or not all was as asked: see the reasons.
    Degraded,
    /// A printed quantile is this tool's to a large part, or the run was not the one asked for.
    Invalid,
}

impl Verdict {
    /// As users see it.
    pub fn text(self) -> &'static str {
        match self {
            Verdict::Valid => "VALID",
            Verdict::Degraded => "DEGRADED",
            Verdict::Invalid => "INVALID",
        }
    }
}

/// What kept the run from being faster, or its requests from being answered sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitedBy {
    /// Requests waited for answers that took long.
    #[serde(rename = "server")]
    Server,
    /// Requests waited for a connection, though answers were quick.
    #[serde(rename = "connections")]
    Connections,
    /// This tool had no more processor time, or sent late.
    #[serde(rename = "this tool")]
    Tool,
    /// There were no more local ports or descriptors.
    #[serde(rename = "ports")]
    Ports,
    /// Connections opened only at the second attempt of the kernel.
    #[serde(rename = "network")]
    Network,
}

impl LimitedBy {
    /// As users see it.
    pub fn text(self) -> &'static str {
        match self {
            LimitedBy::Server => "server",
            LimitedBy::Connections => "connections",
            LimitedBy::Tool => "onrush",
            LimitedBy::Ports => "ports",
            LimitedBy::Network => "network",
        }
    }
}

/// What is known of a run beside what its workers counted.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// Users, or connections, that were asked for.
    pub asked: u64,
    /// Those that could connect at the first attempt.
    pub reached: u64,
    /// How late an idle thread wakes on this machine, where that was measured.
    pub noise: Option<Distribution>,
    /// A warm-up that was to last until it was steady did so. None: there was none.
    pub warmed_up: Option<bool>,
    /// The share of the local ports in use at the end of the run.
    pub ports: Option<f64>,
    /// The share of the allowed descriptors in use.
    pub descriptors: Option<f64>,
    /// A target is on this machine.
    pub shares_cpu: bool,
}

/// What a run's tool did to its measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeneratorLine {
    /// Whether the measurement can be believed.
    pub verdict: Verdict,
    /// Why not, or not entirely.
    pub reasons: Vec<String>,
    /// What was in the way. None: nothing was noticed.
    pub limited_by: Option<LimitedBy>,
    /// sent - max(due, ready) of all requests sent, in microseconds; in waves, from the planned release.
    pub send_lag_us: Option<LagLine>,
    /// At most so much of each quantile of the response time is this tool's own, in milliseconds.
    pub error_ms: Option<ErrorLine>,
    /// How it is known how long answers lay unread: `kernel stamps` or `estimated`; None if it is not.
    pub read_lag: Option<String>,
    /// The share of their time that the workers spent on the processor.
    pub cpu: f64,
    /// The same of one worker's busiest second, without polls that found nothing to do.
    pub busiest_cpu: f64,
    /// The share of their time for which workers were ready and no processor was free.
    pub run_queue: Option<f64>,
    /// The longest time for which a worker did not look at its connections, in milliseconds.
    pub stall_ms: f64,
    /// How late an idle thread wakes on this machine, in microseconds, where that was measured.
    pub wake_up_us: Option<LagLine>,
    /// Users, or connections, that were asked for.
    pub connections_asked: u64,
    /// Those that could connect at the first attempt.
    pub connections_reached: u64,
    /// The share of the local ports in use at the end of the run.
    pub ports: Option<f64>,
    /// The share of the allowed descriptors in use.
    pub descriptors: Option<f64>,
    /// A target is on this machine: the server and this tool share its processors.
    #[serde(default)]
    pub shares_cpu: bool,
    /// The integral of the requests present over time, in seconds: counted by events.
    pub present_s: f64,
    /// The sum of the times of all requests, in seconds: counted by requests. The two are equal.
    pub response_sum_s: f64,
}

/// A lag, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the definition")]
pub struct LagLine {
    pub p50: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub max: f64,
}

/// A bound on the error of each quantile, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the definition")]
pub struct ErrorLine {
    pub p50: f64,
    pub p75: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub p99_99: f64,
    pub max: f64,
}

/// Said of a bound that no stamp of the kernel tells.
const ESTIMATED: &str = "estimated";

impl GeneratorLine {
    /// The bound of this tool's own error is not known from stamps of the kernel.
    pub fn is_estimated(&self) -> bool {
        self.read_lag.as_deref() == Some(ESTIMATED)
    }

    /// Judges a run that is over.
    pub(super) fn new(totals: &Totals, model: ModelKind, circumstances: &Circumstances) -> GeneratorLine {
        let case = Case::new(totals, model, circumstances);
        let (verdict, reasons) = case.judge();
        let reasons = reasons.iter().map(Reason::to_string).collect();
        let health = &totals.health;
        GeneratorLine {
            verdict,
            reasons,
            limited_by: case.limited_by(),
            send_lag_us: totals.lag.as_ref().and_then(LagLine::new),
            error_ms: case.errors(),
            read_lag: match (totals.error.is_unknown(), health.stamped > 0) {
                (true, _) => None,
                (false, true) => Some("kernel stamps".into()),
                (false, false) => Some(ESTIMATED.into()),
            },
            cpu: health.cpu_share(),
            busiest_cpu: health.busiest,
            run_queue: health.run_queue_share(),
            stall_ms: health.stall.as_millis(),
            wake_up_us: circumstances.noise.as_ref().and_then(LagLine::new),
            connections_asked: circumstances.asked,
            connections_reached: circumstances.reached,
            ports: circumstances.ports,
            descriptors: circumstances.descriptors,
            shares_cpu: circumstances.shares_cpu,
            present_s: totals.in_system.integral() as f64 / 1e9,
            response_sum_s: case.time_of_all() as f64 / 1e9,
        }
    }
}

impl LagLine {
    fn new(d: &Distribution) -> Option<LagLine> {
        let us = |p| d.quantile(p).map(Nanos::as_micros);
        Some(LagLine { p50: us(500_000)?, p99: us(990_000)?, p99_9: us(999_000)?, max: us(1_000_000)? })
    }
}

#[cfg(test)]
mod tests;
