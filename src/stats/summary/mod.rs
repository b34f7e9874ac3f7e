//! Every derived number of a run, once: reporters only lay them out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::note::Note;
use crate::plan::ModelKind;
use crate::record::{Cause, Failure, Phase};
use crate::threshold::Threshold;
use crate::time::Nanos;

use super::verdict::{Circumstances, GeneratorLine, retried_connects};
use super::{Counts, Totals};

mod availability;
mod certainty;
mod check;
mod latency;
mod lines;
mod outcome;
mod plan;
mod printable;
mod progress;
mod thresholds;

pub use availability::OutageLine;
pub use certainty::{Confidence, SteadyLine};
pub use latency::Latency;
pub use lines::{CsvLine, FailureLine, IntervalLine, Micros, TargetLine, WaveLine, WavesLine};
pub use outcome::SHARED_CPU;
pub use plan::{PlanLine, StageLine};
pub use progress::ProgressLine;
pub use thresholds::{Measured, ThresholdLine};

/// The version of the JSON form. Keys may be added under it, not renamed.
pub const SCHEMA: u32 = 1;

/// A run's results: `docs/summary.schema.json` describes its JSON form.
/// Times are in milliseconds unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What came of the run, in a line.
    #[serde(default)]
    pub outcome: String,
    /// All thresholds were met; without any, every request that came to an end is ok, and there was one.
    #[serde(default)]
    pub passed: bool,
    /// Who made it.
    pub tool: Tool,
    /// When counting began, or the run if it did not: RFC 3339, UTC.
    pub started_at: String,
    /// The same in seconds since 1970-01-01T00:00:00Z.
    pub started_at_unix_s: f64,
    /// What was asked for.
    pub plan: PlanLine,
    /// What the run was to be like, and whether it was.
    #[serde(default)]
    pub thresholds: Vec<ThresholdLine>,
    /// The run was ended by an interruption.
    pub interrupted: bool,
    /// From T0 to the last request's end, in seconds.
    pub wall_s: f64,
    /// Every scheduled request, exactly once.
    pub accounting: Accounting,
    /// Answers up to the run's end, per second.
    pub throughput_per_s: f64,
    /// ok / (ok + http_error + failed + timeout). None if there was none of these.
    pub success_rate: Option<f64>,
    /// Times in which no request was ok, in order.
    #[serde(default)]
    pub outages: Vec<OutageLine>,
    /// The share of the run without these. None: nothing was ok.
    #[serde(default)]
    pub availability: Option<f64>,
    /// Bytes read, heads and framing included.
    pub bytes_in: u64,
    /// Bytes written, likewise.
    pub bytes_out: u64,
    /// Connections opened, warm-up included.
    pub connections: u64,
    /// Connections found closed between two requests, and replaced.
    pub connections_replaced: u64,
    /// Times that a request was sent again: the server said that it had not looked at it.
    pub requests_retried: u64,
    /// Requests at a time that the server allowed on a connection; None if it set no limit.
    pub streams_allowed: Option<u32>,
    /// done - due of all answers; of time-outs, unfinished and unsent requests, lower bounds.
    pub response_ms: Option<Latency>,
    /// done - sent of all answers.
    pub service_ms: Option<Latency>,
    /// first byte - sent of all answers.
    pub first_byte_ms: Option<Latency>,
    /// TCP and TLS time of all connections opened.
    pub connect_ms: Option<Latency>,
    /// From due to noticed, of failures other than time-outs.
    pub failed_ms: Option<Latency>,
    /// 95% intervals of quantiles of the response time.
    pub confidence: Vec<Confidence>,
    /// Whether the run was steady.
    pub steady: SteadyLine,
    /// What this tool did to the measurement.
    pub generator: GeneratorLine,
    /// By target, if there are several: in the order of the list.
    pub targets: Vec<TargetLine>,
    /// Answers by status.
    pub status: BTreeMap<String, u64>,
    /// Failures by phase and cause, most frequent first.
    pub failures: Vec<FailureLine>,
    /// The wave model's own numbers.
    pub waves: Option<WavesLine>,
    /// The run over time.
    pub intervals: Vec<IntervalLine>,
    /// How long each interval is, in seconds.
    pub interval_s: f64,
    /// Bars for a picture of the response times: (upper bound in ms, requests), logarithmic.
    pub histogram: Vec<(f64, u64)>,
    /// What became of the CSV; None if there was to be none.
    #[serde(default)]
    pub csv: Option<CsvLine>,
    /// How long workers waited because the CSV was slower than the run, in seconds.
    pub sink_wait_s: f64,
    /// What the user should know about the run, a line each.
    pub notes: Vec<String>,
    /// The command line that makes the same requests again, without secrets. None: this was no run of a command line.
    #[serde(default)]
    pub command: Option<String>,
}

/// Who made a summary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// `onrush`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// scheduled = ok + http_error + failed + timeout + unfinished + unsent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounting {
    /// Requests whose due instant came before the run's end.
    pub scheduled: u64,
    /// Status 200 to 399.
    pub ok: u64,
    /// Any other status.
    pub http_error: u64,
    /// Failures other than time-outs.
    pub failed: u64,
    /// Our own time limit ran out.
    pub timeout: u64,
    /// Sent, no answer when waiting stopped.
    pub unfinished: u64,
    /// Due, but never given to a connection.
    pub unsent: u64,
}

impl Accounting {
    fn new(counts: Counts, unsent: u64) -> Accounting {
        let Counts { ok, http_error, failed, timeout, unfinished } = counts;
        let scheduled = counts.ended() + unfinished + unsent;
        Accounting { scheduled, ok, http_error, failed, timeout, unfinished, unsent }
    }
}

/// What a summary needs beside the tally.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// What was asked for.
    pub plan: PlanLine,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// The same in seconds since 1970-01-01T00:00:00Z.
    pub started_at_unix_s: f64,
    /// It was said which statuses are expected: all others have failed.
    pub expects_status: bool,
    /// The run was ended by an interruption.
    pub interrupted: bool,
    /// What the user should know.
    pub notes: Vec<Note>,
    /// How long a warm-up lasted that was to last until it was steady.
    pub warmup_s: Option<f64>,
    /// The names of the targets.
    pub targets: Vec<String>,
    /// Commands of curl that ask what the first request of each kind of failure asked.
    pub commands: Vec<(Failure, String)>,
    /// What the run was to be like.
    pub thresholds: Vec<Threshold>,
    /// What became of the CSV.
    pub csv: Option<CsvLine>,
    /// What the tool itself had.
    pub circumstances: Circumstances,
}

impl Summary {
    /// Derives every number of a tally that is closed.
    pub fn new(facts: RunFacts, totals: &Totals) -> Summary {
        let interval = totals.series.width();
        let mut intervals = Vec::new();
        totals.series.for_each(interval, |sum| intervals.push(IntervalLine::new(sum)));
        let steady = SteadyLine { warmup_s: facts.warmup_s, ..SteadyLine::new(totals, &facts.plan) };
        let counts = totals.counts;
        let accounting = Accounting::new(counts, totals.unsent);
        let response = &totals.response;
        // A run that its time ended was a run to the end, whenever its last answer came.
        let cut_short = facts.interrupted || totals.backlog_full;
        let by_time = !cut_short && facts.plan.requests.is_none_or(|n| accounting.scheduled < n);
        let end = if by_time && totals.window_end != Nanos::NEVER { totals.window_end } else { totals.lasted };
        let window = end.min(totals.window_end);
        let throughput_per_s = ratio(totals.answered_in_window as f64, window.as_secs()).unwrap_or(0.0);
        let measured = Measured::at_the_end(totals, accounting, throughput_per_s);
        let judged = |threshold: &Threshold| match &threshold.target {
            // A run with a single target tells it from no other.
            Some(target) if !totals.targets.is_empty() => {
                Measured::of_target(totals, &facts.targets, target, window.as_secs()).judge(threshold)
            }
            _ => measured.judge(threshold),
        };
        let mut notes = facts.notes;
        notes.extend(facts.csv.as_ref().and_then(CsvLine::note));
        notes.extend(observations(totals, &accounting, facts.expects_status));
        notes.extend(steady.note(facts.plan.rate_per_s, window.as_secs()));
        let (outages, availability) = availability::availability(totals);
        let summary = Summary {
            schema: SCHEMA,
            outcome: String::new(),
            passed: false,
            tool: Tool { name: "onrush".into(), version: env!("CARGO_PKG_VERSION").into() },
            started_at: facts.started_at,
            started_at_unix_s: facts.started_at_unix_s,
            thresholds: facts.thresholds.iter().map(judged).collect(),
            interrupted: facts.interrupted,
            wall_s: totals.lasted.as_secs(),
            throughput_per_s,
            success_rate: ratio(counts.ok as f64, counts.ended() as f64),
            outages,
            availability,
            bytes_in: totals.traffic.bytes_in,
            bytes_out: totals.traffic.bytes_out,
            connections: totals.traffic.opened,
            connections_replaced: totals.traffic.reopened,
            requests_retried: totals.retried,
            streams_allowed: totals.traffic.streams_allowed,
            histogram: latency::bars(response, &totals.censored.timed_out),
            response_ms: Latency::censored(response, &totals.censored),
            service_ms: Latency::new(&totals.service),
            first_byte_ms: Latency::new(&totals.first_byte),
            connect_ms: Latency::new(&totals.traffic.connect),
            failed_ms: Latency::new(&totals.failed),
            confidence: certainty::confidence(totals),
            steady,
            generator: GeneratorLine::new(totals, facts.plan.model, &facts.circumstances),
            targets: lines::target_lines(totals, &facts.targets),
            status: totals.statuses.iter().map(|(status, n)| (status.to_string(), *n)).collect(),
            failures: lines::failure_lines(totals, &facts.commands),
            waves: (facts.plan.model == ModelKind::Waves).then(|| lines::waves_line(totals, facts.plan.concurrency)),
            intervals,
            interval_s: interval.as_secs(),
            csv: facts.csv,
            sink_wait_s: totals.health.sink_wait.as_secs(),
            plan: facts.plan,
            accounting,
            notes: notes.iter().map(Note::to_string).collect(),
            command: None,
        };
        summary.with_outcome()
    }

    /// The same with the lines that follow from all else: summaries of earlier versions have none.
    #[must_use]
    pub fn with_outcome(mut self) -> Summary {
        (self.outcome, self.passed) = (self.outcome_line(), self.has_passed());
        self
    }

    /// http_error + failed + timeout.
    pub fn errors(&self) -> u64 {
        self.accounting.http_error + self.accounting.failed + self.accounting.timeout
    }

    /// It was not in all as it was to be.
    pub fn missed_a_threshold(&self) -> bool {
        self.thresholds.iter().any(|line| !line.passed)
    }
}

/// What the numbers say that a user might overlook.
fn observations(totals: &Totals, accounting: &Accounting, was_expected: bool) -> Vec<Note> {
    let mut notes = Vec::new();
    // One that was followed is no status of a response, and one that was expected needs no remark.
    let is_redirect = |status: u16| matches!(status, 301 | 302 | 303 | 307 | 308);
    let redirects: u64 = totals.statuses.iter().filter(|(status, _)| is_redirect(*status)).map(|(_, n)| n).sum();
    if redirects > 0 && redirects == accounting.ok + accounting.http_error && !was_expected {
        notes.push(Note::AllRedirects);
    }
    notes.extend(failure_hint(totals).map(Note::FailureHint));
    if totals.backlog_full {
        notes.push(Note::BacklogFull);
    }
    let retried = retried_connects(totals);
    if retried > 0 {
        notes.push(Note::ConnectRetried(retried));
    }
    notes
}

/// What the most frequent failure usually comes from, if nothing succeeded.
fn failure_hint(totals: &Totals) -> Option<&'static str> {
    let failure = totals.failures.iter().max_by_key(|f| f.count)?.failure;
    if totals.counts.ok > 0 {
        return None;
    }
    match (failure.phase, failure.cause) {
        (Phase::Connect, Cause::Refused) => Some("connection refused: is the server running, and is the port right?"),
        (Phase::Tls, Cause::BadRecord) => Some("the server does not seem to speak TLS on this port: is it http://?"),
        (Phase::Tls, Cause::CertUnknownIssuer) => {
            Some("the certificate is not from a trusted CA: --cacert FILE trusts it, --insecure skips verification")
        }
        (Phase::Tls, Cause::CertWrongName) => {
            Some("the certificate is for another name: --sni NAME asks for that one, --insecure skips verification")
        }
        (Phase::Tls, Cause::CertExpired) => Some("the certificate has expired: --insecure skips verification"),
        (Phase::Protocol, Cause::NotHttp2 | Cause::ServerChoseHttp1) => {
            Some("the server does not speak HTTP/2 here: leave out --http-version, or use --http-version auto")
        }
        _ => None,
    }
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Clocks, Tally, Traffic};

    #[test]
    fn a_run_without_requests_has_no_rates() {
        let facts = RunFacts {
            plan: PlanLine {
                url: "http://h/".into(),
                method: "GET".into(),
                model: ModelKind::Closed,
                concurrency: 1,
                wave_every_s: None,
                requests: None,
                duration_s: Some(1.0),
                rate_per_s: None,
                stages: vec![],
                arrivals: None,
                max_backlog: None,
                warmup: None,
                timeout_s: 10.0,
                drain_s: 10.0,
                seed: 1,
                workers: 1,
                http_version: "1.1".into(),
                connections: None,
                streams: None,
            },
            started_at: "2026-01-01T00:00:00Z".into(),
            started_at_unix_s: 1_767_225_600.0,
            expects_status: false,
            interrupted: true,
            notes: vec![],
            warmup_s: None,
            targets: vec![],
            commands: vec![],
            thresholds: vec![],
            csv: None,
            circumstances: Circumstances::default(),
        };
        let tally = Tally::new(Nanos::ZERO, Nanos::NEVER, Clocks::default());
        let summary = Summary::new(facts, &tally.close(Traffic::default()));
        assert_eq!((summary.success_rate, summary.throughput_per_s, summary.response_ms.clone()), (None, 0.0, None));
        let json = serde_json::to_string(&summary).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
    }
}
