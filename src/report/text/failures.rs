//! Failures, most frequent first, and how to ask again what failed.

use crate::stats::Summary;
use crate::units::grouped;

use super::layout::{BAD, DIM, Paint, entry, line, wrap};
use super::seconds;

/// As many kinds of failures as fit a screen; the JSON has all.
const MAX_FAILURES: usize = 8;
/// As many of them have a command, which may be long.
pub(super) const MAX_COMMANDS: usize = 3;

pub(super) fn failures(s: &Summary, paint: Paint) -> String {
    let mut out = String::new();
    for (i, f) in s.failures.iter().take(MAX_FAILURES).enumerate() {
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
        if let Some(curl) = f.curl.as_ref().filter(|_| i < MAX_COMMANDS) {
            out += &format!("    {}\n", paint.apply(DIM, curl));
        }
    }
    if s.failures.len() > MAX_FAILURES {
        out += &line("", &format!("{:>7}  and {} more kinds", "", s.failures.len() - MAX_FAILURES));
    }
    out
}
