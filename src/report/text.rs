//! The summary on one screen: 80 columns, nothing that is zero, readable without colour.

use anstyle::{AnsiColor, Style};

use crate::stats::{Latency, Summary};
use crate::time::Nanos;
use crate::units::{self, count, grouped};

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// ANSI escape sequences.
    Colour,
    /// Plain text.
    Plain,
}

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const WARN: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

impl Paint {
    fn apply(self, style: Style, text: &str) -> String {
        match self {
            Paint::Colour => format!("{style}{text}{style:#}"),
            Paint::Plain => text.into(),
        }
    }
}

/// The whole summary, with a newline at its end.
pub fn text(s: &Summary, paint: Paint) -> String {
    let sections = [
        what_ran(s, paint),
        requests(s, paint),
        latency(s, paint),
        histogram(s, paint),
        waves(s),
        status(s),
        failures(s, paint),
        notes(s, paint),
    ];
    let sections: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    sections.join("\n")
}

/// A label and what it labels.
fn line(label: &str, value: &str) -> String {
    format!("  {label:<16}{value}\n")
}

fn what_ran(s: &Summary, paint: Paint) -> String {
    let plan = &s.plan;
    let mut parts = vec![match plan.model.as_str() {
        "waves" => format!("waves of {}", count(plan.concurrency.into(), "user")),
        model => format!("{model} model, {}", count(plan.concurrency.into(), "user")),
    }];
    parts.extend(plan.requests.map(|n| count(n, "request")));
    parts.extend(plan.duration_s.map(|s| format!("for {}", seconds(s))));
    parts.extend(plan.warmup.as_ref().map(|w| format!("warm-up {w}")));
    parts.push(format!("timeout {}", seconds(plan.timeout_s)));
    if plan.workers > 1 {
        parts.push(count(plan.workers.into(), "worker"));
    }
    parts.push(format!("seed {}", plan.seed));
    let title = format!("{} {}", plan.method, plan.url);
    let mut out = format!("{}\n", paint.apply(BOLD, &shorten(&title, 80)));
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
        (a.http_error, "HTTP errors", BAD),
        (a.failed, "failed", BAD),
        (a.timeout, "timed out", BAD),
        (a.unfinished, "unfinished", WARN),
        (a.unsent, "unsent", WARN),
    ];
    let parts = named.iter().filter(|(n, ..)| *n > 0);
    let parts: Vec<String> =
        parts.map(|(n, name, style)| paint.apply(*style, &format!("{} {name}", grouped(*n)))).collect();
    let total = match parts.is_empty() {
        true => "none".into(),
        false => format!("{} = {}", grouped(a.scheduled), parts.join(" + ")),
    };
    let mut out = line("Requests", &total);
    out += &line("Wall-clock time", &seconds(s.wall_s));
    out += &line("Throughput", &units::rate(s.throughput_per_s));
    if let Some(rate) = s.success_rate {
        let style = if rate < 1.0 { BAD } else { GOOD };
        out += &line("Success rate", &paint.apply(style, &units::percent(rate)));
    }
    let mut data = format!("{} received, {} sent", units::bytes(s.bytes_in), units::bytes(s.bytes_out));
    data += &format!(", {}", count(s.connections, "connection"));
    if s.connections_replaced > 0 {
        data += &format!(" ({} replaced)", grouped(s.connections_replaced));
    }
    out + &line("Data", &data)
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
    if let Some(connect) = &s.connect_ms {
        out += &latency_row("connect", connect);
    }
    if let Some(failed) = &s.failed_ms {
        out += &latency_row("until failure", failed);
    }
    if response.censored > 0 {
        out += &format!(
            "  {}\n",
            paint.apply(DIM, ">= : among requests that got no answer, which took longer than is known")
        );
    }
    out
}

fn differs(a: &Latency, b: &Latency) -> bool {
    let shown = |l: &Latency| [l.min, l.p50, l.p90, l.p95, l.p99, l.max, l.mean].map(|ms| nanos(ms).to_string());
    shown(a) != shown(b)
}

fn latency_row(name: &str, l: &Latency) -> String {
    let values = [l.min, l.p50, l.p90, l.p95, l.p99, l.max, l.mean];
    let cells = COLUMNS.iter().zip(values).map(|(column, ms)| {
        let bound = if l.at_least.iter().any(|name| name == column) { ">=" } else { "" };
        // The bound takes the place of the space before the unit where room is short.
        let value = nanos(ms).to_string();
        let value = if bound.is_empty() { value } else { format!("{bound}{}", value.replace(' ', "")) };
        format!("{value:>9}")
    });
    format!("    {name:<12}{}\n", cells.collect::<String>())
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
    let mut out = line("Waves", &format!("{} of {}, {together}", grouped(waves.count), grouped(waves.size.into())));
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
    wrap(&format!("  {:<16}", "Status"), &parts, "   ")
}

/// As many kinds of failures as fit a screen; the JSON has all.
const MOST_FAILURES: usize = 8;

fn failures(s: &Summary, paint: Paint) -> String {
    let mut out = String::new();
    for (i, f) in s.failures.iter().take(MOST_FAILURES).enumerate() {
        let label = if i == 0 { "Failures" } else { "" };
        let what = format!("{}: {}", f.phase.text(), f.cause.text());
        out += &line(label, &paint.apply(BAD, &format!("{:>7}  {what}", grouped(f.count))));
        let times = match f.count {
            1 => format!("at {}", seconds(f.first_s)),
            _ => format!("from {} to {}", seconds(f.first_s), seconds(f.last_s)),
        };
        out += &line("", &paint.apply(DIM, &format!("{:>7}  {times}; {}", "", f.example)));
    }
    if s.failures.len() > MOST_FAILURES {
        out += &line("", &format!("{:>7}  and {} more kinds", "", s.failures.len() - MOST_FAILURES));
    }
    out
}

fn notes(s: &Summary, paint: Paint) -> String {
    let lines = s.notes.iter().map(|note| {
        let words: Vec<String> = note.split(' ').map(String::from).collect();
        paint.apply(WARN, wrap("note: ", &words, " ").trim_end()) + "\n"
    });
    lines.collect()
}

fn nanos(ms: f64) -> Nanos {
    Nanos((ms * 1e6).round() as u64)
}

fn seconds(s: f64) -> String {
    Nanos((s * 1e9).round() as u64).to_string()
}

/// Parts behind a prefix, continued under its end where 80 columns are full.
fn wrap(prefix: &str, parts: &[String], separator: &str) -> String {
    let indent = " ".repeat(prefix.len());
    let mut lines = vec![String::from(prefix)];
    for (i, part) in parts.iter().enumerate() {
        let last = lines.last_mut().expect("it begins with one");
        let begins = i == 0 || *last == indent;
        if !begins && last.chars().count() + separator.len() + part.chars().count() > 79 {
            last.push_str(separator.trim_end());
            lines.push(format!("{indent}{part}"));
        } else {
            let lead = if begins { "" } else { separator };
            last.push_str(&format!("{lead}{part}"));
        }
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.into();
    }
    let kept: String = text.chars().take(width - 3).collect();
    format!("{kept}...")
}
