//! The summary for machines.

use crate::printable::printable_json;
use crate::stats::Summary;

/// Indented JSON with a newline at the end. See `docs/summary.schema.json`.
pub fn json(summary: &Summary) -> String {
    let mut text = serde_json::to_string_pretty(summary).expect("a summary has string keys and finite numbers");
    text.push('\n');
    printable_json(text)
}
