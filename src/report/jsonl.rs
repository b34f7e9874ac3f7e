//! A run while it goes on, for machines.

use crate::printable::printable_json;
use crate::stats::ProgressLine;

/// One line of JSON with a newline at its end.
pub fn jsonl(progress: &ProgressLine) -> String {
    let mut line = serde_json::to_string(progress).expect("it has string keys and finite numbers");
    line.push('\n');
    printable_json(line)
}
