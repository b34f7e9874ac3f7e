//! Response times and what is to be known of them.

use crate::stats::{ErrorLine, Latency, Summary};
use crate::units::grouped;

use super::layout::{DIM, GOOD, Paint, entry};
use super::nanos;

pub(super) const COLUMNS: [&str; 7] = ["min", "p50", "p90", "p95", "p99", "max", "mean"];

pub(super) fn latency(s: &Summary, paint: Paint) -> String {
    let Some(response) = &s.response_ms else { return String::new() };
    let header: String = COLUMNS.iter().map(|name| format!("{name:>9}")).collect();
    let mut out = format!("  {:<14}{}\n", "Latency", paint.apply(DIM, &header));
    out += &latency_row("response", response);
    if let Some(service) = s.service_ms.as_ref().filter(|service| differs(service, response)) {
        out += &latency_row("service", service);
    }
    let error = s.generator.error_ms.as_ref().map_or(String::new(), |error| error_row(response, error));
    let has_error_row = !error.is_empty();
    out += &error;
    if let Some(connect) = &s.connect_ms {
        out += &latency_row("connect", connect);
    }
    if let Some(failed) = &s.failed_ms {
        out += &latency_row("to failure", failed);
    }
    let mut footnote = |text: &str| out += &format!("  {}\n", paint.apply(DIM, text));
    if response.censored > 0 {
        footnote(">= lower bound: some requests never got a response");
    }
    if has_error_row && s.generator.is_estimated() {
        footnote("onrush overhead: estimated, as there were no kernel timestamps");
    }
    if COLUMNS.iter().any(|name| response.unsure.iter().any(|unsure| unsure == name)) {
        footnote("~ too few requests for a reliable value");
    }
    out + &certainty(s)
}

/// Below this share of a number, this tool's part of it is not worth a word.
const NEGLIGIBLE: f64 = 0.005;

/// At most so much of each number in the row of response times is this tool's own.
fn error_row(response: &Latency, error: &ErrorLine) -> String {
    let bounds = [
        None,
        Some((response.p50, error.p50)),
        Some((response.p90, error.p90)),
        Some((response.p95, error.p95)),
        Some((response.p99, error.p99)),
        Some((response.max, error.max)),
        None,
    ];
    let worth = bounds.map(|bound| bound.filter(|(of, bound)| *bound > NEGLIGIBLE * of).map(|(_, bound)| bound));
    if worth.iter().all(Option::is_none) {
        return String::new();
    }
    // The name takes the column of the minimum too, of which there is no bound.
    let cells =
        worth[1..].iter().map(|bound| format!("{:>9}", bound.map_or(String::new(), |ms| nanos(ms).to_string())));
    format!("    {:<21}{}\n", "onrush overhead <=", cells.collect::<String>()).trim_end().to_string() + "\n"
}

/// The intervals in which the true quantiles lie, 95 times in 100.
fn certainty(s: &Summary) -> String {
    let counted = s.response_ms.as_ref().map_or(0, |response| response.count);
    let parts: Vec<String> = s
        .confidence
        .iter()
        .filter_map(|interval| {
            let name = interval.quantile.replace('_', ".");
            Some(match (interval.low_ms, interval.high_ms) {
                (Some(low), Some(high)) => format!("{name} {}", range(low, high)),
                (Some(low), None) => format!("{name} >= {}", nanos(low)),
                // Of too few requests, as `~` says.
                (None, _) if counted < interval.needs => return None,
                // There are enough, but consecutive responses are too similar.
                (None, _) => match interval.run_for_s {
                    Some(s) => format!("{name} too correlated: run about {}", nanos(s * 1e3)),
                    None => format!("{name} needs a longer run"),
                },
            })
        })
        .collect();
    if parts.is_empty() { String::new() } else { entry("95% intervals", &parts, ", ") }
}

/// `1.20-1.24 ms`; with both units where they differ.
fn range(low: f64, high: f64) -> String {
    let (low, high) = (nanos(low).to_string(), nanos(high).to_string());
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((number, unit)), Some((_, same))) if unit == same => format!("{number}-{high}"),
        _ => format!("{low} - {high}"),
    }
}

fn differs(a: &Latency, b: &Latency) -> bool {
    let shown = |l: &Latency| [l.min, l.p50, l.p90, l.p95, l.p99, l.max, l.mean].map(|ms| nanos(ms).to_string());
    shown(a) != shown(b)
}

fn latency_row(name: &str, l: &Latency) -> String {
    let values = [l.min, l.p50, l.p90, l.p95, l.p99, l.max, l.mean];
    let cells = COLUMNS.iter().zip(values).map(|(column, ms)| cell(l, column, ms));
    format!("    {name:<12}{}\n", cells.collect::<String>())
}

/// One number of a latency, with a sign where it is a bound or not sure.
pub(super) fn cell(l: &Latency, column: &str, ms: f64) -> String {
    let value = nanos(ms).to_string();
    let value = match () {
        // The bound takes the place of the space before the unit where room is short.
        () if l.at_least.iter().any(|name| name == column) => format!(">={}", value.replace(' ', "")),
        () if l.unsure.iter().any(|name| name == column) => format!("~{value}"),
        () => value,
    };
    format!("{value:>9}")
}

/// `2 ms` of `2.00 ms`.
pub(in crate::report) fn round(text: &str) -> String {
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text.into(),
    }
}

/// Cells of a bar as long as can be.
const BAR: usize = 44;

pub(super) fn histogram(s: &Summary, paint: Paint) -> String {
    let most = s.histogram.iter().map(|(_, n)| *n).max().unwrap_or(0);
    if s.histogram.len() < 2 || most == 0 {
        return String::new();
    }
    // A round edge needs no zeros behind its point.
    let edge = |ms: f64| match nanos(ms).to_string() {
        text if s.response_ms.as_ref().is_some_and(|response| response.max == ms) => text,
        text => round(&text),
    };
    let rows = s.histogram.iter().map(|(top, n)| {
        let length = (*n as f64 / most as f64 * BAR as f64).round() as usize;
        let bar = "■".repeat(if *n > 0 { length.max(1) } else { 0 });
        let row = format!("    <= {:>8}  {:>11}  {}", edge(*top), grouped(*n), paint.apply(GOOD, &bar));
        format!("{}\n", row.trim_end())
    });
    rows.collect()
}
