//! The top of the page: what ran, whether to believe it, and the numbers that most readers came for.

use serde::Serialize;

use crate::plan::ModelKind;
use crate::report::text::{data, in_the_way};
use crate::stats::{Latency, Summary, ThresholdLine, Verdict};
use crate::units::{self, count, grouped, percent};

use super::section::Fact;
use super::words::{NONE, interval_or_length, ms, quantile, seconds};

/// What came of the run, and how far to trust it.
#[derive(Debug, Serialize)]
pub(super) struct Judgement {
    outcome: String,
    class: &'static str,
    measurement: Option<String>,
    measurement_class: &'static str,
    limited_by: Option<String>,
}

pub(super) fn judgement(s: &Summary) -> Judgement {
    Judgement {
        outcome: s.outcome.clone(),
        class: if s.passed { "good" } else { "bad" },
        measurement: s.measurement(),
        measurement_class: if s.generator.verdict == Verdict::Invalid { "bad" } else { "warn" },
        limited_by: s.generator.limited_by.map(in_the_way),
    }
}

/// A threshold and what came of it.
#[derive(Debug, Serialize)]
pub(super) struct Rule {
    mark: &'static str,
    class: &'static str,
    /// For those who do not see the mark.
    result: &'static str,
    threshold: String,
    value: String,
    why: String,
}

pub(super) fn rules(s: &Summary) -> Vec<Rule> {
    let rule = |line: &ThresholdLine| {
        let (mark, class, result) = if line.passed { ("✓", "good", "met") } else { ("✗", "bad", "not met") };
        Rule {
            mark,
            class,
            result,
            threshold: line.threshold.clone(),
            value: line.shown.clone().unwrap_or_else(|| NONE.into()),
            why: line.undetermined.as_ref().map_or(String::new(), |why| format!("not determined: {why}")),
        }
    };
    s.thresholds.iter().map(rule).collect()
}

/// What was asked for, part by part.
pub(super) fn asked(s: &Summary) -> Vec<String> {
    let plan = &s.plan;
    let users = count(plan.concurrency.into(), if plan.model == ModelKind::Open { "connection" } else { "user" });
    let mut parts = vec![format!("{} model", plan.model.name()), users, format!("HTTP/{}", plan.http_version)];
    if let (Some(connections), Some(streams)) = (plan.connections, plan.streams) {
        let allowed = s.streams_allowed.map_or(String::new(), |n| format!(", {} allowed", grouped(n.into())));
        parts.push(format!(
            "{} of {}{allowed}",
            count(connections.into(), "connection"),
            count(streams.into(), "stream")
        ));
    }
    if let (Some(rate), Some(arrivals)) = (plan.rate_per_s, &plan.arrivals) {
        let stages = if plan.stages.len() > 1 { format!(" in {} stages", plan.stages.len()) } else { String::new() };
        parts.push(format!("{}{stages}, {arrivals}", units::rate(rate)));
    }
    parts.extend(plan.requests.map(|n| count(n, "request")));
    parts.extend(plan.duration_s.map(|s| format!("for {}", seconds(s))));
    parts.extend(plan.warmup.as_ref().map(|warmup| format!("warm-up {warmup}")));
    parts.push(format!("timeout {}", seconds(plan.timeout_s)));
    parts.push(count(plan.workers.into(), "worker"));
    parts.push(format!("seed {}", plan.seed));
    parts
}

/// The headline numbers.
pub(super) fn tiles(s: &Summary) -> Vec<Fact> {
    let a = &s.accounting;
    let throughput = match s.plan.rate_per_s {
        Some(rate) => format!("of {} offered", units::rate(rate)),
        None => format!("over {}", seconds(s.wall_s)),
    };
    let mut tiles = vec![Fact::new("Requests", grouped(a.scheduled), format!("in {}", seconds(s.wall_s)))];
    tiles.extend(s.success_rate.map(|rate| {
        let tone = if rate < 1.0 { "bad" } else { "good" };
        Fact { tone, ..Fact::new("Success rate", percent(rate), count(s.errors(), "error")) }
    }));
    tiles.push(Fact::new("Throughput", units::rate(s.throughput_per_s), throughput));
    let Some(response) = &s.response_ms else { return tiles };
    let time = |title: &str, name: &str, value: fn(&Latency) -> f64| {
        let certain = s.confidence.iter().find(|c| c.quantile == name).and_then(interval_or_length);
        let note = certain.map_or("response time".into(), |interval| format!("95%: {interval}"));
        Fact::new(title, quantile(response, name, value(response)), note)
    };
    tiles.extend([time("p50", "p50", |l| l.p50), time("p99", "p99", |l| l.p99), time("max", "max", |l| l.max)]);
    tiles
}

/// So many outages are named.
const MAX_OUTAGES: usize = 20;

/// What else a reader should know: notes, and how much went over the wire.
pub(super) fn notes(s: &Summary) -> Vec<String> {
    let mut notes: Vec<String> = s.outages.iter().take(MAX_OUTAGES).map(|outage| outage.text.clone()).collect();
    notes.extend(
        s.availability
            .filter(|_| !s.outages.is_empty())
            .map(|share| format!("available {} of the time", percent(share))),
    );
    notes.extend_from_slice(&s.notes);
    notes.extend(s.interrupted.then(|| "interrupted: requests in flight count as unfinished".into()));
    notes.extend(
        s.steady
            .from_s
            .filter(|from| *from > 0.0 && s.steady.stationary == Some(true))
            .map(|from| format!("response times had settled {} after the start", ms(from * 1e3))),
    );
    notes.push(data(s).join(", "));
    notes.extend(s.command.as_ref().map(|command| format!("reproduce: {command}")));
    notes
}
