//! Two runs against each other: as text, as Markdown and as JSON.

use crate::compare::{Change, Comparison, Held, Interval, LimitLine, Metric, MetricLine};
use crate::printable::printable_json;
use crate::units;

use super::text::nanos;

mod markdown;
mod text;

pub use markdown::markdown;
pub use text::text;

/// Indented JSON with a newline at the end; an upper end that is not known is null.
pub fn json(comparison: &Comparison) -> String {
    let mut text = serde_json::to_string_pretty(comparison).expect("a comparison has string keys");
    text.push('\n');
    printable_json(text)
}

/// What a metric is called where people read.
fn label(metric: Metric) -> String {
    match metric {
        Metric::Mean => "response mean".into(),
        Metric::Max => "response max".into(),
        Metric::Response(_) => format!("response {}", metric.name()),
        Metric::Service(_) | Metric::Throughput | Metric::SuccessRate => metric.name().replace('-', " "),
    }
}

/// A number of a metric with its unit.
fn value(metric: Metric, value: f64, at_least: bool) -> String {
    let value = match metric {
        Metric::Throughput => units::rate(value),
        Metric::SuccessRate => units::percent(value),
        Metric::Mean | Metric::Response(_) | Metric::Max | Metric::Service(_) => nanos(value).to_string(),
    };
    if at_least { format!(">={}", value.replace(' ', "")) } else { value }
}

/// The difference of two bounds means nothing.
fn difference(line: &MetricLine) -> String {
    let known = line.difference.filter(|_| !line.base_at_least && !line.new_at_least);
    known.map_or("-".into(), signed)
}

/// The interval of the difference.
fn interval(ratio: Option<Interval>) -> String {
    let Some(Interval { low, high }) = ratio else { return "-".into() };
    match (low > 0.0, high.is_finite()) {
        (true, true) => format!("{} to {}", signed(low - 1.0), signed(high - 1.0)),
        (true, false) => format!("{} or more", signed(low - 1.0)),
        (false, _) => format!("{} or less", signed(high - 1.0)),
    }
}

/// A smaller share is what is left of two equal numbers when they are computed with.
const NOISE: f64 = 1e-9;

/// `+5.3 %`; at most eight columns up to a hundredfold difference. `0.0 %` is none, and `-100 %` is all.
fn signed(share: f64) -> String {
    let percent = share * 100.0;
    match percent.abs() {
        p if p < NOISE * 100.0 => "0.0%".into(),
        p if p < 0.005 => format!("{percent:+.0e}%"),
        p if p < 0.05 => format!("{percent:+.2}%"),
        p if p < 99.95 => format!("{percent:+.1}%"),
        _ if (-1.0..0.0).contains(&share) && share > -1.0 => "-99.9%".into(),
        _ => format!("{percent:+.0}%"),
    }
}

fn unsigned(share: f64) -> String {
    signed(share).replace('+', "")
}

/// The most important difference in one sentence: what got worse before what got better, in the order of the table.
/// `response p50 slower by 11.3% [10.2, 13.0]`.
fn headline(c: &Comparison) -> String {
    let with = |wanted: [Change; 2]| {
        let mut lines = c.metrics.iter().filter(move |line| line.verdict.is_some_and(|told| wanted.contains(&told)));
        lines.next().map(|first| (first, lines.count()))
    };
    let told = with([Change::Slower, Change::Worse]).or_else(|| with([Change::Faster, Change::Better]));
    let Some((line, others)) = told else {
        let decided = c.metrics.iter().filter(|line| line.verdict == Some(Change::Same)).count();
        return match decided {
            0 => "no difference is shown: run for longer to tell".into(),
            _ => format!("no difference: {} the same", units::count(decided as u64, "metric")),
        };
    };
    let by = line.difference.filter(|_| !line.base_at_least && !line.new_at_least);
    let by = by.map_or(String::new(), |by| format!(" by {}", magnitude(by) + "%"));
    let interval = line.ratio.map_or(String::new(), |Interval { low, high }| {
        let mut ends = [low - 1.0, high - 1.0];
        if low < 1.0 {
            ends = ends.map(|end| -end);
            ends.reverse();
        }
        let shown = ends.map(|end| if end.is_finite() { format!("{:.1}", end * 100.0) } else { "...".into() });
        format!(" [{}]", shown.join(", "))
    });
    let more = match others {
        0 => String::new(),
        n => format!(", and {n} more"),
    };
    format!("{} {}{by}{interval}{more}", label(line.metric), verdict(line))
}

/// A share in percent without its sign.
fn magnitude(share: f64) -> String {
    signed(share.abs()).trim_start_matches('+').trim_end_matches('%').into()
}

/// What counts as the same.
fn same(c: &Comparison) -> String {
    let (delta, success) = (unsigned(c.delta), unsigned(c.success_delta));
    format!("same: within {delta} of the base, the success rate within {success}")
}

fn verdict(line: &MetricLine) -> &'static str {
    line.verdict.map_or("", |verdict| verdict.text())
}

/// A limit and what came of it, as a sentence.
fn limit(line: &LimitLine, c: &Comparison) -> String {
    let what = format!("{} may be worse by {} at most", label(line.limit.metric), unsigned(line.limit.by));
    let result = match line.result {
        Held::Held => "held",
        Held::Exceeded => "exceeded",
        Held::Undecided => "undecided",
        Held::NotComparable => "not comparable, as onrush's own delay in a run may be the difference",
        Held::Unknown => "cannot be judged: the runs are too short",
    };
    let is_bound = c.metrics.iter().any(|l| l.metric == line.limit.metric && (l.base_at_least || l.new_at_least));
    let longer = match (line.result, line.needs_s, c.turns) {
        (Held::Undecided, Some(s), Some(turns)) => {
            let lasted_s = c.base.wall_s.max(c.new.wall_s);
            format!(": some {} turns would tell", (turns as f64 * s / lasted_s).ceil())
        }
        (Held::Undecided, Some(s), None) => format!(": runs of about {} would tell", nanos(s * 1e3)),
        (Held::Undecided, None, _) if is_bound => ": only that it is so much or more is known of a number".into(),
        (Held::Undecided, None, _) => ": it is as good as on the limit".into(),
        _ => String::new(),
    };
    format!("{what}: {result}{longer}")
}

/// Why metrics have no interval: each reason once, behind the metrics that it is of.
fn reasons(comparison: &Comparison) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for line in &comparison.metrics {
        let Some(why) = line.why.as_deref() else { continue };
        match reasons.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, metrics)) => metrics.push(label(line.metric)),
            None => reasons.push((why, vec![label(line.metric)])),
        }
    }
    reasons.into_iter().map(|(why, metrics)| format!("{}: {why}", metrics.join(", "))).collect()
}

#[cfg(test)]
mod tests;
