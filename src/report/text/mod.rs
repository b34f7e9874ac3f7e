//! The summary on one screen: 80 columns, nothing that is zero, readable without colour.

use crate::plan::ModelKind;
use crate::stats::{LimitedBy, Summary, Verdict};
use crate::time::Nanos;
use crate::units::{self, count, grouped};

mod failures;
mod latency;
mod layout;
mod short;
mod targets;
#[cfg(test)]
mod tests;
mod thresholds;

pub(super) use latency::round;
pub use layout::Paint;
pub(super) use layout::{BAD, BOLD, COLUMNS_OF_A_SCREEN, DIM, GOOD, WARN, shorten, wrap};
use layout::{entry, line};
pub use short::short;

/// So many outages are named.
const MAX_OUTAGES: usize = 5;

/// The whole summary, with a newline at its end.
pub fn text(s: &Summary, paint: Paint) -> String {
    let s = &s.printable();
    let sections = [
        outcome(s, paint),
        thresholds::thresholds(s, paint),
        what_ran(s, paint),
        requests(s, paint),
        latency::latency(s, paint),
        latency::histogram(s, paint) + &waves(s),
        targets::section(s, paint),
        failures::failures(s, paint),
        notes(s, paint),
    ];
    let sections: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    sections.join("\n")
}

/// What came of the run, and how far to trust it: the two lines that stand first.
pub fn outcome(s: &Summary, paint: Paint) -> String {
    let s = &s.printable();
    let style = if s.passed { GOOD } else { BAD };
    let mut out = wrapped(&s.outcome, &|line| paint.apply(style, line));
    if let Some(measurement) = s.measurement() {
        let style = if s.generator.verdict == Verdict::Invalid { BAD } else { WARN };
        out += &wrapped(&measurement, &|line| paint.apply(style, line));
    }
    out
}

/// A text that may be longer than a line.
fn wrapped(text: &str, painted: &dyn Fn(&str) -> String) -> String {
    let words: Vec<String> = text.split(' ').map(String::from).collect();
    wrap("", &words, " ").lines().map(|line| painted(line) + "\n").collect()
}

/// What was in the way, in words.
pub(super) fn in_the_way(by: LimitedBy) -> String {
    let the = if by == LimitedBy::Server || by == LimitedBy::Network { "the " } else { "" };
    format!("{the}{}", by.text())
}

fn what_ran(s: &Summary, paint: Paint) -> String {
    let plan = &s.plan;
    let mut parts = vec![match plan.model {
        ModelKind::Waves => {
            let every = plan.wave_every_s.map_or(String::new(), |s| format!(" every {}", seconds(s)));
            format!("waves of {}{every}", count(plan.concurrency.into(), "user"))
        }
        ModelKind::Open if plan.connections.is_none() => {
            format!("open model, {}", count(plan.concurrency.into(), "connection"))
        }
        model => format!("{} model, {}", model.name(), count(plan.concurrency.into(), "user")),
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
        out += &format!("{}\n", paint.apply(WARN, "interrupted: requests in flight count as unfinished"));
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
    let wall = seconds(s.wall_s);
    let mut out = match &parts[..] {
        [] => line("Requests", &format!("none in {wall}")),
        [only] => line("Requests", &format!("{only} in {wall}")),
        [first, others @ ..] => {
            let mut sum = vec![format!("{} = {first}", grouped(a.scheduled))];
            sum.extend_from_slice(others);
            let last = sum.len() - 1;
            sum[last] += &format!(" in {wall}");
            entry("Requests", &sum, " + ")
        }
    };
    if let Some(rate) = s.success_rate.filter(|rate| *rate < 1.0) {
        let of = match s.errors() + a.ok {
            all if all < a.scheduled => format!(" of {} completed requests", grouped(all)),
            _ => String::new(),
        };
        out += &line("Success rate", &(paint.apply(BAD, &units::percent(rate)) + &of));
    }
    out += &status(s);
    out += &throughput(s);
    if let Some(share) = s.availability.filter(|_| !s.outages.is_empty()) {
        let share = paint.apply(BAD, &units::percent(share));
        out += &entry("Availability", &[format!("{share} of the time")], ", ");
        for outage in s.outages.iter().take(MAX_OUTAGES) {
            let words: Vec<String> = outage.text.split(' ').map(String::from).collect();
            out += &entry("", &words, " ");
        }
        if s.outages.len() > MAX_OUTAGES {
            out += &line("", &format!("and {} more", count((s.outages.len() - MAX_OUTAGES) as u64, "outage")));
        }
    }
    if let Some(by) = s.generator.limited_by {
        out += &line("Limited by", &in_the_way(by));
    }
    out + &entry("Data", &data(s), ", ")
}

/// Requests per second, and what paces waves: most other tools send without waiting for the slowest response.
fn throughput(s: &Summary) -> String {
    let rate = units::rate(s.throughput_per_s);
    let is_paced = s.waves.as_ref().is_some_and(|waves| waves.count > 1) && s.plan.wave_every_s.is_none();
    if !is_paced {
        return line("Throughput", &rate);
    }
    let why = format!("{rate}, limited by the slowest response of each wave;");
    entry("Throughput", &[why, "--model closed sends like oha or hey".into()], " ")
}

/// What went over the wire, part by part.
pub(super) fn data(s: &Summary) -> Vec<String> {
    let mut data = vec![
        format!("{} received", units::bytes(s.bytes_in)),
        format!("{} sent", units::bytes(s.bytes_out)),
        count(s.connections, "connection"),
    ];
    if s.connections_replaced > 0 {
        data.push(format!("{} reopened after the server closed them", grouped(s.connections_replaced)));
    }
    if s.requests_retried > 0 {
        data.push(format!("{} sent again", count(s.requests_retried, "request")));
    }
    data
}

fn waves(s: &Summary) -> String {
    let Some(waves) = s.waves.as_ref().filter(|waves| waves.count > 0) else { return String::new() };
    let mut parts = vec![format!("{} of {}", grouped(waves.count), count(waves.size.into(), "user"))];
    if let Some(spread) = waves.release_spread_us {
        parts.push(format!("released within {} (p50), {} (max)", micros(spread.p50), micros(spread.max)));
    }
    if waves.together < waves.count {
        parts.push(format!("{} with all requests in flight at once", grouped(waves.together)));
    }
    entry("Waves", &parts, ", ")
}

fn status(s: &Summary) -> String {
    // Of one status, the outcome says all there is to say if it is the usual one.
    let is_usual = s.status.len() == 1 && s.status.contains_key("200");
    if s.status.is_empty() || is_usual {
        return String::new();
    }
    let parts: Vec<String> = s.status.iter().map(|(code, n)| format!("{code}: {}", grouped(*n))).collect();
    entry("Status", &parts, "   ")
}

fn notes(s: &Summary, paint: Paint) -> String {
    let lines = s.notes.iter().map(|note| {
        let words: Vec<String> = note.split(' ').map(String::from).collect();
        paint.apply(WARN, wrap("  note: ", &words, " ").trim_end()) + "\n"
    });
    lines.collect()
}

pub(super) fn nanos(ms: f64) -> Nanos {
    units::millis(ms)
}

pub(super) fn seconds(s: f64) -> String {
    units::millis(s * 1e3).to_string()
}

pub(super) fn micros(us: f64) -> String {
    units::millis(us / 1e3).to_string()
}
