//! The lists of a summary: failures, waves, intervals.

use serde::{Deserialize, Serialize};

use crate::note::Note;
use crate::record::{Cause, Failure, Phase, Record};
use crate::stats::series::IntervalSum;
use crate::stats::{MAX_TARGETS, TargetTally, Totals};
use crate::time::Nanos;
use crate::units;

use super::{Accounting, Latency};

/// A spread over waves, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the definition")]
pub struct Micros {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

/// One kind of failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailureLine {
    /// What was being done.
    pub phase: Phase,
    /// What went wrong.
    pub cause: Cause,
    /// How often.
    pub count: u64,
    /// When the first was noticed, in seconds from T0.
    pub first_s: f64,
    /// When the last was.
    pub last_s: f64,
    /// The first one, in words.
    pub example: String,
    /// The first one as a command of curl, secrets masked; None if there is no such command.
    #[serde(default)]
    pub curl: Option<String>,
}

/// What became of the requests of one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetLine {
    /// Its name: method and URL, as in the list.
    pub target: String,
    /// Its requests.
    #[serde(flatten)]
    pub accounting: Accounting,
    /// Response times of its answers; of time-outs, unfinished and unsent requests, lower bounds.
    pub response_ms: Option<Latency>,
}

/// The wave model's own numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WavesLine {
    /// Waves.
    pub count: u64,
    /// Users in a full wave.
    pub size: u32,
    /// Waves whose requests were all in flight at one instant.
    pub together: u64,
    /// Last sent - first sent, over the waves of which anything was sent.
    pub release_spread_us: Option<Micros>,
    /// Waves one by one: all of them, or every 2nd, 4th, ... when there are many.
    pub list: Vec<WaveLine>,
}

/// One wave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaveLine {
    /// Its number, from 0.
    pub wave: u64,
    /// When its first request was sent, in seconds from T0.
    pub at_s: f64,
    /// Requests released.
    pub released: u64,
    /// Last sent - first sent, in microseconds.
    pub spread_us: f64,
    /// Last done - first sent.
    pub took_ms: f64,
}

/// One interval of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntervalLine {
    /// Its start, in seconds from T0.
    pub at_s: f64,
    /// Requests done in it, by outcome.
    pub ok: u64,
    /// See [`super::Accounting`].
    pub http_error: u64,
    /// See [`super::Accounting`].
    pub failed: u64,
    /// See [`super::Accounting`].
    pub timeout: u64,
    /// Requests that became due in it.
    pub due: u64,
    /// Requests in flight, on average.
    pub in_flight: f64,
    /// Requests that waited for a connection, on average.
    pub waiting: f64,
    /// Response times of the answers; None if there was none.
    pub response_ms: Option<Latency>,
    /// Their service times; None if these are the response times.
    pub service_ms: Option<Latency>,
    /// How late this tool sent; None where no request is to be sent at an instant.
    pub send_lag_ms: Option<Latency>,
}

/// What became of the CSV.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvLine {
    /// Whole rows in it.
    pub rows: u64,
    /// Rows that are not in it, or not to their end.
    pub lost: u64,
    /// Why they are not; None if all rows are in it.
    pub error: Option<String>,
}

impl CsvLine {
    /// That the CSV was cut, if it was.
    pub fn note(&self) -> Option<Note> {
        let why = self.error.clone()?;
        Some(Note::CsvCut { rows: self.rows, all: self.rows.saturating_add(self.lost), why })
    }
}

pub(super) fn failure_lines(totals: &Totals, commands: &[(Failure, String)]) -> Vec<FailureLine> {
    let mut lines: Vec<_> = totals
        .failures
        .iter()
        .map(|f| FailureLine {
            phase: f.failure.phase,
            cause: f.failure.cause,
            count: f.count,
            first_s: f.first.as_secs(),
            last_s: f.last.as_secs(),
            example: example(&f.example),
            curl: commands.iter().find(|(failure, _)| *failure == f.failure).map(|(_, command)| command.clone()),
        })
        .collect();
    lines.sort_by(|a, b| b.count.cmp(&a.count).then(a.first_s.total_cmp(&b.first_s)));
    lines
}

impl TargetLine {
    /// Requests that did not succeed, for whatever reason.
    pub fn not_ok(&self) -> u64 {
        self.accounting.scheduled.saturating_sub(self.accounting.ok)
    }

    /// Their share.
    pub fn share_not_ok(&self) -> f64 {
        self.not_ok() as f64 / self.accounting.scheduled.max(1) as f64
    }
}

pub(super) fn target_lines(totals: &Totals, names: &[String]) -> Vec<TargetLine> {
    let line = |(n, kind): (usize, &TargetTally)| TargetLine {
        target: match names.get(n) {
            Some(name) if n < MAX_TARGETS => name.clone(),
            _ => format!("all {} others", names.len() - MAX_TARGETS),
        },
        accounting: Accounting::new(kind.counts, kind.unsent),
        response_ms: Latency::censored(&kind.response, &kind.censored),
    };
    totals.targets.iter().enumerate().map(line).collect()
}

fn example(r: &Record) -> String {
    let after = r.response();
    let mut text = format!("request {} after {after}", r.index);
    if r.body_bytes > 0 {
        text += &format!(", {} of the body in", units::bytes(r.body_bytes));
    }
    text
}

pub(super) fn waves_line(totals: &Totals, size: u32) -> WavesLine {
    let waves = &totals.waves;
    let micros = |p| waves.spread.quantile(p).map(Nanos::as_micros);
    let spread = micros(500_000).zip(micros(990_000)).zip(micros(1_000_000));
    WavesLine {
        count: waves.count,
        size,
        together: waves.together,
        release_spread_us: spread.map(|((p50, p99), max)| Micros { p50, p99, max }),
        list: waves
            .kept
            .iter()
            .map(|facts| WaveLine {
                wave: facts.wave,
                at_s: if facts.released > 0 { facts.first_sent.as_secs() } else { 0.0 },
                released: facts.released,
                spread_us: facts.last_sent.since(facts.first_sent).as_micros(),
                took_ms: facts.last_done.since(facts.first_sent).as_millis(),
            })
            .collect(),
    }
}

impl IntervalLine {
    pub(super) fn new(interval: &IntervalSum) -> IntervalLine {
        let IntervalSum { at, counts, due, ref response, ref service, ref lag, .. } = *interval;
        let (present, waiting) = (interval.mean_present(), interval.mean_waiting());
        IntervalLine {
            at_s: at.as_secs(),
            ok: counts.ok,
            http_error: counts.http_error,
            failed: counts.failed,
            timeout: counts.timeout,
            due,
            in_flight: (present - waiting).max(0.0),
            waiting,
            response_ms: Latency::new(response),
            service_ms: if service.sum() == response.sum() { None } else { Latency::new(service) },
            send_lag_ms: Latency::new(lag),
        }
    }
}
