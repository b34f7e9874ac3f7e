//! Whether the run was as it was to be.

use crate::stats::{Summary, ThresholdLine};

use super::layout::{BAD, GOOD, Paint, entry, wrap};

/// A line for each threshold: a tick or a cross, what was wanted, what there was.
pub(super) fn thresholds(s: &Summary, paint: Paint) -> String {
    let mut out = String::new();
    for (i, line) in s.thresholds.iter().enumerate() {
        let label = if i == 0 { "Thresholds" } else { "" };
        out += &entry(label, &[mark(line, paint), row(line)], " ");
        if let Some(why) = &line.undetermined {
            let words: Vec<String> = format!("not determined: {why}").split(' ').map(String::from).collect();
            out += &wrap(&" ".repeat(20), &words, " ");
        }
    }
    out
}

fn row(line: &ThresholdLine) -> String {
    let value = line.shown.as_deref().unwrap_or("-");
    format!("{:<24} {value}", line.threshold).trim_end().into()
}

fn mark(line: &ThresholdLine, paint: Paint) -> String {
    if line.passed { paint.apply(GOOD, "✓") } else { paint.apply(BAD, "✗") }
}
