//! The table of times, and how the response times are spread.

use crate::stats::{ErrorLine, Latency, Summary};
use crate::units::grouped;

use super::section::Section;
use super::table::Table;
use super::words::{NONE, interval_or_length, ms, quantile};
use super::{histogram, quantiles};

const HEAD: [&str; 13] =
    ["", "min", "p50", "p75", "p90", "p95", "p99", "p99.9", "p99.99", "max", "mean", "std. dev.", "count"];
/// The names of the quantiles among them, as a summary has them.
const NAMES: [&str; 8] = ["p50", "p75", "p90", "p95", "p99", "p99_9", "p99_99", "max"];

/// None if nothing was timed.
pub(super) fn section(s: &Summary) -> Option<Section> {
    let response = s.response_ms.as_ref()?;
    let mut rows = vec![row("response", response)];
    rows.extend(s.confidence.iter().any(|c| interval_or_length(c).is_some()).then(|| certainty(s)));
    rows.extend(s.generator.error_ms.as_ref().map(tool));
    let others = [
        ("service", &s.service_ms),
        ("first byte", &s.first_byte_ms),
        ("connect", &s.connect_ms),
        ("until failure", &s.failed_ms),
    ];
    rows.extend(others.into_iter().filter_map(|(name, latency)| Some(row(name, latency.as_ref()?))));
    let table = Table { head: HEAD.into(), rows, words: 1, note: footnote(response), ..Table::default() };
    Some(Section {
        title: "Latency".into(),
        lead: "Response times are counted from the instant at which a request was due, service times from when it was \
               sent."
            .into(),
        plots: [quantiles::plot(s), histogram::plot(s)].into_iter().flatten().collect(),
        beside: true,
        tables: vec![table],
        ..Section::default()
    })
}

fn values(l: &Latency) -> [f64; 8] {
    [l.p50, l.p75, l.p90, l.p95, l.p99, l.p99_9, l.p99_99, l.max]
}

fn row(name: &str, l: &Latency) -> Vec<String> {
    let quantiles = NAMES.iter().zip(values(l)).map(|(name, value)| quantile(l, name, value));
    let rest = [ms(l.mean), ms(l.stddev), grouped(l.count)];
    [name.into(), ms(l.min)].into_iter().chain(quantiles).chain(rest).collect()
}

/// The interval in which each quantile lies, 95 times in 100.
fn certainty(s: &Summary) -> Vec<String> {
    let told = NAMES.map(|name| {
        s.confidence.iter().find(|c| c.quantile == name).and_then(interval_or_length).unwrap_or(NONE.into())
    });
    padded("95% interval", told)
}

/// How much of each number may be this tool's own.
fn tool(error: &ErrorLine) -> Vec<String> {
    let ErrorLine { p50, p75, p90, p95, p99, p99_9, p99_99, max } = *error;
    padded("onrush overhead <=", [p50, p75, p90, p95, p99, p99_9, p99_99, max].map(ms))
}

fn padded(name: &str, quantiles: [String; 8]) -> Vec<String> {
    let none = || String::from(NONE);
    [name.into(), none()].into_iter().chain(quantiles).chain([none(), none(), none()]).collect()
}

fn footnote(response: &Latency) -> String {
    let mut notes = Vec::new();
    if response.censored > 0 {
        notes.push(">= lower bound: some requests never got a response.");
    }
    if !response.unsure.is_empty() {
        notes.push("~ too few requests for a reliable value.");
    }
    notes.join(" ")
}
