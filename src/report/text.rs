//! The summary on one screen: 80 columns, nothing that is zero, readable without colour.

use anstyle::{AnsiColor, Style};

use crate::stats::{ErrorLine, Latency, LimitedBy, Summary, Verdict};
use crate::time::Nanos;
use crate::units::{self, count, grouped};

mod targets;

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// ANSI escape sequences.
    Colour,
    /// Plain text.
    Plain,
}

pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default();
pub(super) const WARN: Style = AnsiColor::Yellow.on_default();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();

impl Paint {
    pub(super) fn apply(self, style: Style, text: &str) -> String {
        match self {
            Paint::Colour => format!("{style}{text}{style:#}"),
            Paint::Plain => text.into(),
        }
    }
}

/// The whole summary, with a newline at its end.
pub fn text(s: &Summary, paint: Paint) -> String {
    let sections = [
        verdict(s, paint),
        what_ran(s, paint),
        requests(s, paint),
        latency(s, paint),
        histogram(s, paint),
        waves(s),
        targets::section(s, paint),
        status(s),
        failures(s, paint),
        notes(s, paint),
    ];
    let sections: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    sections.join("\n")
}

/// A label and what it labels, in as many lines as 80 columns need.
fn entry(label: &str, parts: &[String], separator: &str) -> String {
    wrap(&format!("  {label:<16}"), parts, separator)
}

/// The same for a single part.
fn line(label: &str, value: &str) -> String {
    entry(label, &[value.into()], "")
}

fn verdict(s: &Summary, paint: Paint) -> String {
    let generator = &s.generator;
    let style = match generator.verdict {
        Verdict::Valid => GOOD,
        Verdict::Degraded => WARN,
        Verdict::Invalid => BAD,
    };
    let mut out = paint.apply(style, generator.verdict.text());
    if let Some(by) = generator.limited_by {
        let the = if by == LimitedBy::Server || by == LimitedBy::Network { "the " } else { "" };
        out += &format!(", limited by {the}{}", by.text());
    }
    out.push('\n');
    for reason in &generator.reasons {
        let words: Vec<String> = reason.split(' ').map(String::from).collect();
        out += &wrap("  - ", &words, " ");
    }
    out
}

fn what_ran(s: &Summary, paint: Paint) -> String {
    let plan = &s.plan;
    let mut parts = vec![match plan.model.as_str() {
        "waves" => format!("waves of {}", count(plan.concurrency.into(), "user")),
        "open" if plan.connections.is_none() => {
            format!("open model, {}", count(plan.concurrency.into(), "connection"))
        }
        model => format!("{model} model, {}", count(plan.concurrency.into(), "user")),
    }];
    if let (Some(connections), Some(streams)) = (plan.connections, plan.streams) {
        let allowed = s.streams_allowed.map_or(String::new(), |n| format!(" ({} allowed)", grouped(n.into())));
        let connections = count(connections.into(), "HTTP/2 connection");
        parts.push(format!("{connections} of {}{allowed}", count(streams.into(), "stream")));
    }
    if let (Some(rate), Some(arrivals)) = (plan.rate_per_s, &plan.arrivals) {
        let over = if plan.stages.len() > 1 { format!(" in {} stages", plan.stages.len()) } else { String::new() };
        parts.push(format!("{}{over} {arrivals}", units::rate(rate)));
    }
    parts.extend(plan.requests.map(|n| count(n, "request")));
    parts.extend(plan.duration_s.map(|s| format!("for {}", seconds(s))));
    let lasted = s.steady.warmup_s.map_or(String::new(), |s| format!(" ({})", seconds(s)));
    parts.extend(plan.warmup.as_ref().map(|w| format!("warm-up {w}{lasted}")));
    parts.push(format!("timeout {}", seconds(plan.timeout_s)));
    if plan.workers > 1 {
        parts.push(count(plan.workers.into(), "worker"));
    }
    parts.push(format!("seed {}", plan.seed));
    let title = format!("{} {}", plan.method, plan.url);
    let mut out = format!("{}\n", paint.apply(BOLD, &shorten(&title, COLUMNS_OF_A_SCREEN)));
    out += &wrap("", &parts, ", ");
    if s.interrupted {
        out += &format!("{}\n", paint.apply(WARN, "interrupted: what was under way counts as unfinished"));
    }
    out
}

fn requests(s: &Summary, paint: Paint) -> String {
    let a = &s.accounting;
    let named = [
        (a.ok, "ok", GOOD),
        (a.http_error, if a.http_error == 1 { "HTTP error" } else { "HTTP errors" }, BAD),
        (a.failed, "failed", BAD),
        (a.timeout, "timed out", BAD),
        (a.unfinished, "unfinished", WARN),
        (a.unsent, "unsent", WARN),
    ];
    let parts = named.iter().filter(|(n, ..)| *n > 0);
    let parts: Vec<String> =
        parts.map(|(n, name, style)| paint.apply(*style, &format!("{} {name}", grouped(*n)))).collect();
    let mut out = match parts.split_first() {
        None => line("Requests", "none"),
        Some((first, others)) => {
            let mut sum = vec![format!("{} = {first}", grouped(a.scheduled))];
            sum.extend_from_slice(others);
            entry("Requests", &sum, " + ")
        }
    };
    out += &line("Wall-clock time", &seconds(s.wall_s));
    out += &line("Throughput", &units::rate(s.throughput_per_s));
    if let Some(rate) = s.success_rate {
        let style = if rate < 1.0 { BAD } else { GOOD };
        out += &line("Success rate", &paint.apply(style, &units::percent(rate)));
    }
    let mut data = vec![
        format!("{} received", units::bytes(s.bytes_in)),
        format!("{} sent", units::bytes(s.bytes_out)),
        count(s.connections, "connection"),
    ];
    if s.connections_replaced > 0 {
        data.push(format!("{} found closed and replaced", grouped(s.connections_replaced)));
    }
    if s.requests_retried > 0 {
        data.push(format!("{} sent again", count(s.requests_retried, "request")));
    }
    out + &entry("Data", &data, ", ")
}

const COLUMNS: [&str; 7] = ["min", "p50", "p90", "p95", "p99", "max", "mean"];

fn latency(s: &Summary, paint: Paint) -> String {
    let Some(response) = &s.response_ms else { return String::new() };
    let header: String = COLUMNS.iter().map(|name| format!("{name:>9}")).collect();
    let mut out = format!("  {:<14}{}\n", "Latency", paint.apply(DIM, &header));
    out += &latency_row("response", response);
    if let Some(service) = s.service_ms.as_ref().filter(|service| differs(service, response)) {
        out += &latency_row("service", service);
    }
    if let Some(error) = &s.generator.error_ms {
        out += &error_row(response, error);
    }
    if let Some(connect) = &s.connect_ms {
        out += &latency_row("connect", connect);
    }
    if let Some(failed) = &s.failed_ms {
        out += &latency_row("until failure", failed);
    }
    let mut footnote = |text: &str| out += &format!("  {}\n", paint.apply(DIM, text));
    if response.censored > 0 {
        footnote(">= : among requests that got no answer, which took longer than is known");
    }
    if COLUMNS.iter().any(|name| response.unsure.iter().any(|unsure| unsure == name)) {
        footnote("~ : of too few requests to be sure of anything");
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
    let cells = worth.map(|bound| format!("{:>9}", bound.map_or(String::new(), |ms| nanos(ms).to_string())));
    format!("    {:<12}{}\n", "this tool <=", cells.concat()).trim_end().to_string() + "\n"
}

/// The intervals in which the true quantiles lie, 95 times in 100.
fn certainty(s: &Summary) -> String {
    let counted = s.response_ms.as_ref().map_or(0, |response| response.count);
    let parts: Vec<String> = s
        .confidence
        .iter()
        .filter_map(|interval| {
            let name = interval.quantile.replace('_', ".");
            match (interval.low_ms, interval.high_ms) {
                (Some(low), Some(high)) => Some(format!("{name} {}", range(low, high))),
                (Some(low), None) => Some(format!("{name} >= {}", nanos(low))),
                (None, _) if counted < interval.needs => {
                    Some(format!("{name} needs {}", count(interval.needs, "request")))
                }
                // There are enough, but they are too much alike.
                (None, _) => None,
            }
        })
        .collect();
    if parts.is_empty() { String::new() } else { entry("95 % intervals", &parts, ", ") }
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
fn cell(l: &Latency, column: &str, ms: f64) -> String {
    let value = nanos(ms).to_string();
    let value = match () {
        // The bound takes the place of the space before the unit where room is short.
        () if l.at_least.iter().any(|name| name == column) => format!(">={}", value.replace(' ', "")),
        () if l.unsure.iter().any(|name| name == column) => format!("~{value}"),
        () => value,
    };
    format!("{value:>9}")
}

/// Cells of a bar as long as can be.
const BAR: usize = 44;

fn histogram(s: &Summary, paint: Paint) -> String {
    let most = s.histogram.iter().map(|(_, n)| *n).max().unwrap_or(0);
    if s.histogram.len() < 2 || most == 0 {
        return String::new();
    }
    let rows = s.histogram.iter().map(|(top, n)| {
        let length = (*n as f64 / most as f64 * BAR as f64).round() as usize;
        let bar = "■".repeat(if *n > 0 { length.max(1) } else { 0 });
        let row = format!("    <= {:>8}  {:>11}  {}", nanos(*top).to_string(), grouped(*n), paint.apply(GOOD, &bar));
        format!("{}\n", row.trim_end())
    });
    rows.collect()
}

fn waves(s: &Summary) -> String {
    let Some(waves) = s.waves.as_ref().filter(|waves| waves.count > 0) else { return String::new() };
    let together = match waves.together {
        n if n == waves.count => "each with all its requests in flight at once".into(),
        n => format!("{} with all their requests in flight at once", grouped(n)),
    };
    let size = format!("{} of {}", grouped(waves.count), count(waves.size.into(), "user"));
    let mut out = entry("Waves", &[size, together], ", ");
    if let Some(spread) = waves.release_spread_us {
        let us = |us: f64| Nanos((us * 1e3).round() as u64).to_string();
        out += &line(
            "Release spread",
            &format!("p50 {}   p99 {}   max {}", us(spread.p50), us(spread.p99), us(spread.max)),
        );
    }
    out
}

fn status(s: &Summary) -> String {
    if s.status.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = s.status.iter().map(|(code, n)| format!("{code}: {}", grouped(*n))).collect();
    entry("Status", &parts, "   ")
}

/// As many kinds of failures as fit a screen; the JSON has all.
const MOST_FAILURES: usize = 8;
/// As many of them have a command, which may be long.
const MOST_COMMANDS: usize = 3;

fn failures(s: &Summary, paint: Paint) -> String {
    let mut out = String::new();
    for (i, f) in s.failures.iter().take(MOST_FAILURES).enumerate() {
        let label = if i == 0 { "Failures" } else { "" };
        let what = format!("{}: {}", f.phase.text(), f.cause.text());
        let parts = [format!("{:>7}", grouped(f.count)), paint.apply(BAD, &what)];
        out += &entry(label, &parts, "  ");
        let times = match f.count {
            1 => format!("at {}", seconds(f.first_s)),
            _ => format!("from {} to {}", seconds(f.first_s), seconds(f.last_s)),
        };
        let details = [times, f.example.clone()].map(|part| paint.apply(DIM, &part));
        out += &wrap(&format!("  {:<16}{:>7}  ", "", ""), &details, "; ");
        // Not wrapped: it is there to be copied.
        if let Some(curl) = f.curl.as_ref().filter(|_| i < MOST_COMMANDS) {
            out += &format!("    {}\n", paint.apply(DIM, curl));
        }
    }
    if s.failures.len() > MOST_FAILURES {
        out += &line("", &format!("{:>7}  and {} more kinds", "", s.failures.len() - MOST_FAILURES));
    }
    out
}

fn notes(s: &Summary, paint: Paint) -> String {
    let lines = s.notes.iter().map(|note| {
        let words: Vec<String> = note.split(' ').map(String::from).collect();
        paint.apply(WARN, wrap("  note: ", &words, " ").trim_end()) + "\n"
    });
    lines.collect()
}

pub(super) fn nanos(ms: f64) -> Nanos {
    Nanos((ms * 1e6).round() as u64)
}

fn seconds(s: f64) -> String {
    Nanos((s * 1e9).round() as u64).to_string()
}

/// Parts behind a prefix, continued under its end where 80 columns are full.
pub(super) fn wrap(prefix: &str, parts: &[String], separator: &str) -> String {
    let indent = " ".repeat(prefix.len());
    let mut out = String::from(prefix);
    let mut column = prefix.len();
    for (i, part) in parts.iter().enumerate() {
        // What separates it from the next part stays on its line.
        let end = if i + 1 < parts.len() { separator.trim_end().len() } else { 0 };
        if i > 0 && column + separator.len() + width(part) + end > COLUMNS_OF_A_SCREEN {
            out += separator.trim_end();
            out += &format!("\n{indent}");
            column = indent.len();
        } else if i > 0 {
            out += separator;
            column += separator.len();
        }
        out += part;
        column += width(part);
    }
    out + "\n"
}

pub(super) const COLUMNS_OF_A_SCREEN: usize = 80;

/// Columns that a text takes: colours take none.
fn width(text: &str) -> usize {
    let mut columns = 0;
    let mut in_escape = false;
    for c in text.chars() {
        match c {
            '\x1b' => in_escape = true,
            'm' if in_escape => in_escape = false,
            _ if in_escape => {}
            _ => columns += 1,
        }
    }
    columns
}

pub(super) fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.into();
    }
    let kept: String = text.chars().take(width - 3).collect();
    format!("{kept}...")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Cause, Phase};
    use crate::report::sample::{latency_of, summary};
    use crate::stats::{Accounting, Confidence, FailureLine, PlanLine, WavesLine};

    const EXPECTED: &str = "\
VALID

POST http://127.0.0.1:8000/post
waves of 20 users, 100 requests, timeout 10.0 s, seed 7

  Requests        100 = 98 ok + 1 HTTP error + 1 failed
  Wall-clock time 1.23 s
  Throughput      80.2/s
  Success rate    98.00 %
  Data            45.2 kB received, 61.0 kB sent, 20 connections

  Latency             min      p50      p90      p95      p99      max     mean
    response      1.23 ms  1.84 ms  3.69 ms  4.92 ms ~6.15 ms  7.38 ms  2.46 ms
    connect       50.0 us  75.0 us   150 us   200 us  ~250 us   300 us   100 us
  ~ : of too few requests to be sure of anything
  95 % intervals  p50 1.80-1.90 ms, p99.9 needs 3,688 requests

    <=  2.00 ms           90  ■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■
    <=  4.00 ms            0
    <=  7.38 ms            9  ■■■■

  Waves           5 of 20 users, each with all its requests in flight at once
  Release spread  p50 180 us   p99 240 us   max 240 us

  Status          200: 98   404: 1

  Failures              1  read: reset
                           at 500 ms; request 17 after 3.40 ms
    curl -H 'Authorization: ***' --data-raw '{}' http://127.0.0.1:8000/post
";

    #[test]
    fn a_summary_reads_like_this() {
        assert_eq!(text(&summary(), Paint::Plain), EXPECTED);
    }

    #[test]
    fn what_is_this_tools_is_said_first_and_beside_the_numbers() {
        let mut late = summary();
        late.plan = PlanLine {
            model: "open".into(),
            requests: None,
            duration_s: Some(10.0),
            rate_per_s: Some(1000.0),
            arrivals: Some("poisson".into()),
            ..late.plan
        };
        late.service_ms = Some(latency_of(1.1));
        late.generator.verdict = Verdict::Degraded;
        late.generator.reasons = vec!["up to 95 us of p99 (6.15 ms) is this tool".into()];
        late.generator.limited_by = Some(LimitedBy::Server);
        let zero = ErrorLine { p50: 0.0, p75: 0.0, p90: 0.0, p95: 0.0, p99: 0.0, p99_9: 0.0, p99_99: 0.0, max: 0.0 };
        late.generator.error_ms = Some(ErrorLine { p50: 0.001, p95: 0.041, p99: 0.095, max: 2.2, ..zero });
        let text = text(&late, Paint::Plain);
        let expected = "\
DEGRADED, limited by the server
  - up to 95 us of p99 (6.15 ms) is this tool

POST http://127.0.0.1:8000/post
open model, 20 connections, 1,000/s poisson, for 10.0 s, timeout 10.0 s, seed 7
";
        assert!(text.starts_with(expected), "{text}");
        let row = "\
    service       1.10 ms  1.65 ms  3.30 ms  4.40 ms ~5.50 ms  6.60 ms  2.20 ms
    this tool <=                             41.0 us  95.0 us  2.20 ms
";
        assert!(text.contains(row), "{text}");
    }

    #[test]
    fn what_is_zero_is_not_shown() {
        let clean = Summary {
            accounting: Accounting { scheduled: 98, ok: 98, ..Accounting::default() },
            failures: vec![],
            waves: None,
            connect_ms: None,
            ..summary()
        };
        let text = text(&clean, Paint::Plain);
        for word in
            ["failed", "HTTP errors", "timed out", "unfinished", "Failures", "Waves", "connect ", "note", "service"]
        {
            assert!(!text.contains(word), "{word} in\n{text}");
        }
    }

    #[test]
    fn the_largest_numbers_fit_80_columns_with_and_without_colour() {
        let n = 1_234_567_890;
        let mut most = summary();
        most.plan.url = format!("http://127.0.0.1/{}", "x".repeat(200));
        most.plan.warmup = Some("1234567 requests".into());
        most.plan.requests = Some(n);
        most.plan.duration_s = Some(86_399.0);
        most.plan.workers = 64;
        most.plan.seed = u64::MAX;
        most.interrupted = true;
        most.accounting =
            Accounting { scheduled: 6 * n, ok: n, http_error: n, failed: n, timeout: n, unfinished: n, unsent: n };
        (most.bytes_in, most.bytes_out, most.connections) = (u64::MAX, u64::MAX, n);
        (most.connections_replaced, most.requests_retried) = (n, n);
        let mut response = latency_of(599_999.0);
        response.at_least = COLUMNS.iter().map(|name| String::from(*name)).collect();
        response.censored = n;
        most.failed_ms = Some(response.clone());
        most.response_ms = Some(response);
        most.status = (200..599).map(|code: u16| (code.to_string(), n)).collect();
        most.failures = Cause::ALL
            .iter()
            .map(|&cause| FailureLine { phase: Phase::Protocol, cause, count: n, ..summary().failures[0].clone() })
            .collect();
        most.waves = summary().waves.map(|waves| WavesLine { count: n, size: 1_000_000, together: n - 1, ..waves });
        most.generator.verdict = Verdict::Invalid;
        most.generator.limited_by = Some(LimitedBy::Connections);
        most.generator.reasons =
            vec!["a reason that is long enough to need more than one line of eighty columns, as they are".into()];
        let ms = 599_999.0;
        most.generator.error_ms =
            Some(ErrorLine { p50: ms, p75: ms, p90: ms, p95: ms, p99: ms, p99_9: ms, p99_99: ms, max: ms });
        most.confidence = ["p50", "p90", "p99", "p99_9"]
            .map(|name| Confidence {
                quantile: name.into(),
                low_ms: Some(0.999_4),
                high_ms: Some(ms),
                n_eff: None,
                needs: 1,
            })
            .into();
        most.histogram = vec![(1.0, n), (3_599_999.0, n)];
        most.notes =
            vec!["a note that is long enough to need more than one line of eighty columns, as many are".into()];
        for paint in [Paint::Plain, Paint::Colour] {
            let text = text(&most, paint);
            assert_eq!(text.matches("curl -H").count(), MOST_COMMANDS);
            for line in text.lines().filter(|line| !line.contains("curl -H")) {
                assert!(width(line) <= 80, "{} columns: {line}", width(line));
            }
        }
    }

    #[test]
    fn without_colour_there_is_no_escape_sequence() {
        assert!(!text(&summary(), Paint::Plain).contains('\x1b'));
        assert!(text(&summary(), Paint::Colour).contains('\x1b'));
    }
}
