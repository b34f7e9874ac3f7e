//! A stretch of a run, while it goes on.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::stats::Snapshot;
use crate::time::Nanos;

use super::{IntervalLine, Latency};

/// What happened between two looks at a run: an interval as in a summary, and
/// what a summary has for the run as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProgressLine {
    /// As in `intervals` of a summary.
    #[serde(flatten)]
    pub interval: IntervalLine,
    /// How long it was, in seconds.
    pub lasted_s: f64,
    /// Requests that the run's end cut off.
    pub unfinished: u64,
    /// Requests that were due at the run's end, and never given to a connection.
    pub unsent: u64,
    /// Answers by status.
    pub status: BTreeMap<String, u64>,
    /// Failures by `phase: cause`.
    pub failures: BTreeMap<String, u64>,
    /// Waves that were completed.
    pub waves: u64,
    /// Bytes read, heads and framing included.
    pub bytes_in: u64,
    /// Bytes written, likewise.
    pub bytes_out: u64,
    /// Connections opened.
    pub connections: u64,
}

impl ProgressLine {
    /// What happened from one look to another, at instants since T0.
    pub fn between((from, earlier): (Nanos, &Snapshot), (to, now): (Nanos, &Snapshot)) -> ProgressLine {
        let grown = now.since(earlier);
        let lasted = to.since(from);
        let mean = |area: i128| area.max(0) as f64 / lasted.0.max(1) as f64;
        let (present, waiting) = (mean(grown.present_area), mean(grown.waiting_area));
        ProgressLine {
            interval: IntervalLine {
                at_s: from.as_secs(),
                ok: grown.counts.ok,
                http_error: grown.counts.http_error,
                failed: grown.counts.failed,
                timeout: grown.counts.timeout,
                due: grown.due,
                in_flight: (present - waiting).max(0.0),
                waiting,
                response_ms: Latency::new(&grown.response),
                service_ms: if grown.service.sum() == grown.response.sum() {
                    None
                } else {
                    Latency::new(&grown.service)
                },
                send_lag_ms: Latency::new(&grown.lag),
            },
            lasted_s: lasted.as_secs(),
            unfinished: grown.counts.unfinished,
            unsent: grown.unsent,
            status: grown.status.iter().map(|(status, n)| (status.to_string(), *n)).collect(),
            failures: grown.failures.iter().map(|(failure, n)| (failure.to_string(), *n)).collect(),
            waves: grown.waves,
            bytes_in: grown.bytes_in,
            bytes_out: grown.bytes_out,
            connections: grown.connections,
        }
    }
}
