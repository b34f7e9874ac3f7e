//! Workflow commands of GitHub Actions: lines on standard output that become annotations of a job.

use crate::stats::{Summary, Verdict};

use super::text::short;

/// A line for each threshold that was missed, or for the outcome if that is bad, and one for the run.
/// Standard output takes at most ten annotations of each kind; the first ones are shown.
pub fn github(s: &Summary) -> String {
    let s = &s.printable();
    let mut out = String::new();
    for line in s.thresholds.iter().filter(|line| !line.passed) {
        out += &command("error", "Threshold missed", &line.with_value());
    }
    if !s.passed && out.is_empty() {
        out += &command("error", "Requests failed", &s.outcome);
    }
    if let Some(measurement) = s.measurement() {
        let kind = if s.generator.verdict == Verdict::Invalid { "error" } else { "warning" };
        out += &command(kind, "Measurement", &measurement);
    }
    out + &command("notice", "Load test", short(s).trim_end())
}

/// `::error title=...::...`, with line ends, percent signs and separators escaped as the runner reads them.
fn command(kind: &str, title: &str, message: &str) -> String {
    let message = message.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    format!("::{kind} title={title}::{message}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{summary, thresholds};

    #[test]
    fn thresholds_that_were_missed_are_errors() {
        let s = Summary { thresholds: thresholds(), passed: false, ..summary() };
        let text = github(&s);
        assert_eq!(
            text.lines().filter(|line| line.starts_with("::error title=Threshold missed::")).count(),
            2,
            "{text}"
        );
        assert!(text.contains("::error title=Threshold missed::p99.99<1s: not determined ("), "{text}");
        assert!(text.lines().last().unwrap().starts_with("::notice title=Load test::POST /post  20 users"), "{text}");
        assert!(text.contains("98.00%25 ok"), "{text}");
    }

    #[test]
    fn a_run_without_thresholds_that_failed_is_one_error() {
        let text = github(&summary());
        assert!(text.starts_with("::error title=Requests failed::2 of 100 requests failed"), "{text}");
        assert_eq!(text.lines().count(), 2);
    }
}
