//! Every derived number of a run, once: reporters only lay them out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::{Plan, Warmup};
use crate::record::{Cause, Phase, Record};
use crate::time::Nanos;
use crate::units;

use super::encode::to_base64;
use super::{Counts, Distribution, Ppm, Tally};

/// The version of the JSON form. Keys may be added under it, not renamed.
pub const SCHEMA: u32 = 1;

/// A run's results: `docs/summary.schema.json` describes its JSON form.
/// Times are in milliseconds unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Who made it.
    pub tool: Tool,
    /// When counting began, or the run if it did not: RFC 3339, UTC.
    pub started_at: String,
    /// What was asked for.
    pub plan: PlanLine,
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
    /// Bytes read, heads and framing included.
    pub bytes_in: u64,
    /// Bytes written, likewise.
    pub bytes_out: u64,
    /// Connections opened, warm-up included.
    pub connections: u64,
    /// Connections found closed between two requests, and replaced.
    pub connections_replaced: u64,
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
    /// How long workers waited because the CSV was slower than the run, in seconds.
    pub sink_wait_s: f64,
    /// What the user should know about the run, a line each.
    pub notes: Vec<String>,
}

/// Who made a summary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// `onrush`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanLine {
    /// Without user and password.
    pub url: String,
    /// `GET`, `POST`, ...
    pub method: String,
    /// `waves` or `closed`.
    pub model: String,
    /// Users.
    pub concurrency: u32,
    /// The limit of requests.
    pub requests: Option<u64>,
    /// The limit of time, in seconds.
    pub duration_s: Option<f64>,
    /// Offered rate; None unless the model has one.
    pub rate_per_s: Option<f64>,
    /// How arrivals are spaced; None unless the model has a rate.
    pub arrivals: Option<String>,
    /// `12 requests`, `5 s`, or None.
    pub warmup: Option<String>,
    /// The time limit of a request, in seconds.
    pub timeout_s: f64,
    /// The seed of everything drawn by chance.
    pub seed: u64,
    /// Threads.
    pub workers: u32,
    /// `1.1`.
    pub http_version: String,
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

/// A distribution in milliseconds. A quantile x_p is the ceil(n*p)-th smallest value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the definition")]
pub struct Latency {
    pub count: u64,
    pub min: f64,
    pub mean: f64,
    pub stddev: f64,
    pub p50: f64,
    pub p75: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub p99_99: f64,
    pub max: f64,
    /// Values that are only known to be at least as large as counted.
    #[serde(default)]
    pub censored: u64,
    /// The quantiles among them: each is at least the value given.
    #[serde(default)]
    pub at_least: Vec<String>,
    /// Base64 of the compressed HdrHistogram V2 form, in nanoseconds.
    pub histogram: String,
}

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
    /// See [`Accounting`].
    pub http_error: u64,
    /// See [`Accounting`].
    pub failed: u64,
    /// See [`Accounting`].
    pub timeout: u64,
    /// Response times of the answers; None if there was none.
    pub response_ms: Option<Latency>,
}

/// What a summary needs beside the tally.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// What was asked for.
    pub plan: PlanLine,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// The run was ended by an interruption.
    pub interrupted: bool,
    /// What the user should know.
    pub notes: Vec<String>,
}

impl PlanLine {
    /// What of a plan belongs into a report.
    pub fn new(plan: &Plan) -> PlanLine {
        let load = &plan.load;
        PlanLine {
            url: plan.target.url.clone(),
            method: plan.request.method.clone(),
            model: load.model.name().into(),
            concurrency: load.users,
            requests: load.stop.requests,
            duration_s: load.stop.duration.map(Nanos::as_secs),
            rate_per_s: None,
            arrivals: None,
            warmup: match load.warmup {
                Warmup::None => None,
                Warmup::Requests(n) => Some(format!("{n} requests")),
                Warmup::Time(span) => Some(format!("{} s", span.as_secs())),
            },
            timeout_s: plan.limits.request.as_secs(),
            seed: plan.seed,
            workers: plan.workers,
            http_version: "1.1".into(),
        }
    }
}

impl Summary {
    /// Derives every number. Takes the tally apart, so that a long run's
    /// intervals are not in memory twice.
    pub fn new(facts: RunFacts, mut tally: Tally) -> Summary {
        let series = std::mem::take(&mut tally.series);
        let interval_s = series.width().as_secs();
        let intervals = series.intervals().map(IntervalLine::new).collect();
        let tally = &tally;
        let counts = tally.counts();
        let accounting = Accounting {
            scheduled: counts.ended() + counts.unfinished + tally.unsent,
            ok: counts.ok,
            http_error: counts.http_error,
            failed: counts.failed,
            timeout: counts.timeout,
            unfinished: counts.unfinished,
            unsent: tally.unsent,
        };
        let response = tally.response();
        // A run that its time ended was a run to the end, whenever its last answer came.
        let by_time = !facts.interrupted && facts.plan.requests.is_none_or(|n| accounting.scheduled < n);
        let end = if by_time && tally.window_end != Nanos::NEVER { tally.window_end } else { tally.last_done };
        let window = end.min(tally.window_end).since(tally.t0);
        let mut notes = facts.notes;
        notes.extend(observations(tally, &accounting));
        Summary {
            schema: SCHEMA,
            tool: Tool { name: "onrush".into(), version: env!("CARGO_PKG_VERSION").into() },
            started_at: facts.started_at,
            interrupted: facts.interrupted,
            wall_s: tally.last_done.since(tally.t0).as_secs(),
            throughput_per_s: ratio(tally.answered_in_window as f64, window.as_secs()).unwrap_or(0.0),
            success_rate: ratio(counts.ok as f64, counts.ended() as f64),
            bytes_in: tally.bytes_in,
            bytes_out: tally.bytes_out,
            connections: tally.connections,
            connections_replaced: tally.replaced,
            histogram: bars(&response, tally.censored()),
            response_ms: Latency::censored(&response, tally.censored()),
            service_ms: Latency::new(&tally.service()),
            first_byte_ms: Latency::new(&tally.first_byte()),
            connect_ms: Latency::new(&tally.connect),
            failed_ms: Latency::new(tally.failed()),
            status: tally.statuses().map(|(status, n)| (status.to_string(), n)).collect(),
            failures: failure_lines(tally),
            waves: (facts.plan.model == "waves").then(|| waves_line(tally, facts.plan.concurrency)),
            intervals,
            interval_s,
            sink_wait_s: tally.sink_wait.as_secs(),
            plan: facts.plan,
            accounting,
            notes,
        }
    }

    /// http_error + failed + timeout.
    pub fn errors(&self) -> u64 {
        self.accounting.http_error + self.accounting.failed + self.accounting.timeout
    }

    /// Requests that got an answer.
    pub fn answered(&self) -> u64 {
        self.accounting.ok + self.accounting.http_error
    }
}

/// The quantiles that a summary names.
const QUANTILES: [(&str, Ppm); 7] = [
    ("p50", 500_000),
    ("p75", 750_000),
    ("p90", 900_000),
    ("p95", 950_000),
    ("p99", 990_000),
    ("p99_9", 999_000),
    ("p99_99", 999_900),
];

impl Latency {
    /// The numbers of a distribution. None if it is empty.
    pub fn new(d: &Distribution) -> Option<Latency> {
        let quantile = |p| d.quantile(p).map_or(0.0, Nanos::as_millis);
        Some(Latency {
            count: d.count(),
            min: d.min()?.as_millis(),
            mean: d.mean()? / 1e6,
            stddev: d.stddev()? / 1e6,
            p50: quantile(QUANTILES[0].1),
            p75: quantile(QUANTILES[1].1),
            p90: quantile(QUANTILES[2].1),
            p95: quantile(QUANTILES[3].1),
            p99: quantile(QUANTILES[4].1),
            p99_9: quantile(QUANTILES[5].1),
            p99_99: quantile(QUANTILES[6].1),
            max: d.max()?.as_millis(),
            censored: 0,
            at_least: Vec::new(),
            histogram: to_base64(d),
        })
    }

    /// As above, with lower bounds among the values. A quantile falls among
    /// them, and is a lower bound itself, if it would move were they larger.
    fn censored(exact: &Distribution, censored: &Distribution) -> Option<Latency> {
        let mut all = exact.clone();
        all.merge(censored);
        let mut latency = Latency::new(&all)?;
        latency.censored = censored.count();
        let moves = |p: Ppm| {
            let lower = all.quantile(p);
            let upper = exact.value_at_rank(super::distribution::rank(all.count(), p));
            // Values in one bucket are not told apart.
            upper.is_none_or(|upper| lower.is_some_and(|lower| upper.0 > lower.0 + lower.0 / 500))
        };
        if censored.count() > 0 {
            let named = QUANTILES.iter().chain(&[("max", 1_000_000)]);
            latency.at_least = named.filter(|(_, p)| moves(*p)).map(|(name, _)| (*name).into()).collect();
        }
        Some(latency)
    }
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn failure_lines(tally: &Tally) -> Vec<FailureLine> {
    let mut lines: Vec<_> = tally
        .failures
        .iter()
        .map(|f| FailureLine {
            phase: f.failure.phase,
            cause: f.failure.cause,
            count: f.count,
            first_s: f.first.since(tally.t0).as_secs(),
            last_s: f.last.since(tally.t0).as_secs(),
            example: example(&f.example),
        })
        .collect();
    lines.sort_by(|a, b| b.count.cmp(&a.count).then(a.first_s.total_cmp(&b.first_s)));
    lines
}

fn example(r: &Record) -> String {
    let after = r.response();
    let mut text = format!("request {} after {after}", r.index);
    if r.body_bytes > 0 {
        text += &format!(", {} of the body in", units::bytes(r.body_bytes));
    }
    text
}

fn waves_line(tally: &Tally, size: u32) -> WavesLine {
    let waves = &tally.waves;
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
                at_s: if facts.released > 0 { facts.first_sent.since(tally.t0).as_secs() } else { 0.0 },
                released: facts.released,
                spread_us: facts.last_sent.since(facts.first_sent).as_micros(),
                took_ms: facts.last_done.since(facts.first_sent).as_millis(),
            })
            .collect(),
    }
}

impl IntervalLine {
    fn new((at, counts, responses): (Nanos, Counts, Distribution)) -> IntervalLine {
        IntervalLine {
            at_s: at.as_secs(),
            ok: counts.ok,
            http_error: counts.http_error,
            failed: counts.failed,
            timeout: counts.timeout,
            response_ms: Latency::new(&responses),
        }
    }
}

/// As many bars as a picture has.
const BARS: usize = 10;

/// Response times in bars of equal width on a logarithmic axis from the
/// smallest value to p99.9, so that an outlier cannot flatten it; the last bar reaches to the maximum.
fn bars(exact: &Distribution, censored: &Distribution) -> Vec<(f64, u64)> {
    let mut all = exact.clone();
    all.merge(censored);
    let (Some(min), Some(max), Some(high)) = (all.min(), all.max(), all.quantile(999_000)) else { return Vec::new() };
    let (low, high) = (min.0.max(1) as f64, high.0.max(2) as f64);
    if high / low < 1.001 {
        return vec![(max.as_millis(), all.count())];
    }
    let step = (high / low).powf(1.0 / BARS as f64);
    let mut bars: Vec<(f64, u64)> = (1..=BARS).map(|i| (low * step.powi(i as i32) / 1e6, 0)).collect();
    let mut counted = 0;
    for (_, top, count) in all.buckets() {
        let place = bars.iter().position(|(bound, _)| top.as_millis() <= *bound).unwrap_or(BARS - 1);
        bars[place].1 += count;
        counted += count;
    }
    bars[BARS - 1].0 = max.as_millis();
    bars[BARS - 1].1 += all.count() - counted;
    bars
}

/// What the numbers say that a user might overlook.
fn observations(tally: &Tally, accounting: &Accounting) -> Vec<String> {
    let mut notes = Vec::new();
    let redirects: u64 = tally.statuses().filter(|(status, _)| (300..400).contains(status)).map(|(_, n)| n).sum();
    if redirects > 0 && redirects == accounting.ok + accounting.http_error {
        notes.push("all answers are redirects (3xx), which are not followed: is the URL the one you meant?".into());
    }
    if tally.sink_wait > Nanos::from_millis(100) {
        notes.push(format!("CSV slower than the run: workers waited {} for it", tally.sink_wait));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(values: impl IntoIterator<Item = u64>) -> Distribution {
        let mut d = Distribution::new();
        values.into_iter().for_each(|ms| d.record(Nanos::from_millis(ms)));
        d
    }

    #[test]
    fn quantiles_below_every_lower_bound_are_exact() {
        let latency = Latency::censored(&distribution(1..=95), &distribution([1000; 5])).unwrap();
        assert_eq!((latency.count, latency.censored), (100, 5));
        assert_eq!(latency.at_least, ["p99", "p99_9", "p99_99", "max"]);
        assert!((latency.p95 - 95.0).abs() < 0.1 && (latency.p99 - 1000.0).abs() < 1.0);
    }

    #[test]
    fn a_small_lower_bound_makes_every_quantile_above_it_one() {
        let latency = Latency::censored(&distribution([10, 20, 30, 40]), &distribution([1])).unwrap();
        assert_eq!(latency.at_least, ["p50", "p75", "p90", "p95", "p99", "p99_9", "p99_99", "max"]);
    }

    #[test]
    fn bars_count_every_value_once_and_an_outlier_does_not_flatten_them() {
        let d = distribution((10..2000).chain([3_000_000]));
        let bars = bars(&d, &Distribution::new());
        assert_eq!(bars.iter().map(|(_, n)| n).sum::<u64>(), d.count());
        assert!(bars.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(bars.iter().filter(|(_, n)| *n > 0).count() >= 8);
    }

    #[test]
    fn a_run_without_requests_has_no_rates() {
        let facts = RunFacts {
            plan: PlanLine {
                url: "http://h/".into(),
                method: "GET".into(),
                model: "closed".into(),
                concurrency: 1,
                requests: None,
                duration_s: Some(1.0),
                rate_per_s: None,
                arrivals: None,
                warmup: None,
                timeout_s: 10.0,
                seed: 1,
                workers: 1,
                http_version: "1.1".into(),
            },
            started_at: "2026-01-01T00:00:00Z".into(),
            interrupted: true,
            notes: vec![],
        };
        let summary = Summary::new(facts, Tally::new(Nanos::ZERO, Nanos::NEVER));
        assert_eq!((summary.success_rate, summary.throughput_per_s, summary.response_ms.clone()), (None, 0.0, None));
        let json = serde_json::to_string(&summary).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
    }
}
