//! The summary in one line, e.g. for a chat.

use crate::plan::ModelKind;
use crate::stats::Summary;
use crate::units::{count, grouped, percent, rate};

use super::nanos;

/// `POST /post  20 users  1,000 req  100% ok  71.8k/s  p50 100 µs p99 325 µs  2/2 thresholds`, with a newline.
pub fn short(s: &Summary) -> String {
    let s = &s.printable();
    let plan = &s.plan;
    let who = match plan.model {
        ModelKind::Open => rate(plan.rate_per_s.unwrap_or(0.0)),
        ModelKind::Waves | ModelKind::Closed => count(plan.concurrency.into(), "user"),
    };
    let mut parts = vec![format!("{} {}", plan.method, path(&plan.url)), who];
    parts.push(format!("{} req", grouped(s.accounting.scheduled)));
    parts.push(s.success_rate.map_or("none completed".into(), |ok| format!("{} ok", percent(ok))));
    parts.push(thousands(s.throughput_per_s));
    if let Some(response) = &s.response_ms {
        parts.push(format!("p50 {} p99 {}", nanos(response.p50), nanos(response.p99)));
    }
    if !s.thresholds.is_empty() {
        let met = s.thresholds.iter().filter(|line| line.passed).count();
        parts.push(format!("{met}/{} thresholds", s.thresholds.len()));
    }
    if let Some(word) = s.measurement_word() {
        parts.push(format!("measurement {word}"));
    }
    if s.interrupted {
        parts.push("interrupted".into());
    }
    parts.join("  ") + "\n"
}

/// What follows the host in a URL.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}

/// `71.8k/s`.
fn thousands(per_s: f64) -> String {
    match per_s {
        r if r < 9_999.5 => rate(r),
        r if r < 999_950.0 => format!("{:.1}k/s", r / 1e3),
        r => format!("{:.1}M/s", r / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::summary;

    #[test]
    fn a_run_is_one_line() {
        let line = short(&summary());
        assert_eq!(line, "POST /post  20 users  100 req  98.00% ok  80.2/s  p50 1.84 ms p99 6.15 ms\n",);
        assert_eq!([path("http://h"), path("http://h/a?b"), path("https://h:1/")], ["/", "/a?b", "/"]);
        assert_eq!([1.0, 9_999.0, 71_834.0, 2e6].map(thousands), ["1.00/s", "9,999/s", "71.8k/s", "2.0M/s"]);
    }
}
