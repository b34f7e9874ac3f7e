//! Why a comparison of two runs may not mean what it seems to.

use serde_json::{Map, Value};

use crate::stats::{Summary, Verdict};

use crate::units::count;

use super::{FEWEST_BLOCKS, Run};

/// With fewer intervals than this, those of the ratios are wide.
const ENOUGH_INTERVALS: usize = 30;

/// A line each.
pub(super) fn doubts(base: &Run, new: &Run) -> Vec<String> {
    let mut lines = Vec::new();
    let (first, other) = (base.first(), new.first());
    if first.started_at_unix_s == other.started_at_unix_s && first.plan == other.plan {
        lines.push("both are the same run".into());
    }
    // That they have different targets is why two runs take turns.
    let expected: &[&str] = if base.took_turns() { &["seed", "url"] } else { &["seed"] };
    lines.extend(differences(first, other, expected));
    for (name, run) in [("base", base), ("new", new)] {
        let of_run = if run.took_turns() { of_turns(run) } else { of_one(run) };
        lines.extend(of_run.into_iter().map(|what| format!("{name} {what}")));
    }
    lines
}

/// What the plans say differently, but for what differs from run to run.
fn differences(base: &Summary, new: &Summary, expected: &[&str]) -> Vec<String> {
    let [base, new] = [base, new].map(|summary| match serde_json::to_value(&summary.plan) {
        Ok(Value::Object(plan)) => plan,
        _ => Map::new(),
    });
    let differ = base.iter().filter(|(key, value)| !expected.contains(&key.as_str()) && new.get(*key) != Some(value));
    differ.map(|(key, value)| format!("the plans differ in {key}: {} and {}", shown(value), shown(&new[key]))).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}

fn of_one(run: &Run) -> Vec<String> {
    let mut lines = Vec::new();
    let (n, width_s) = (run.count(), run.first().interval_s);
    let length = format!("has {} of {width_s} s", count(n as u64, "interval"));
    if (n as f64) < FEWEST_BLOCKS {
        lines.push(format!("{length}, and fewer than {FEWEST_BLOCKS} are too few: run for 30 s or longer"));
    } else if n < ENOUGH_INTERVALS {
        lines.push(format!("{length}: run for 30 s or longer to tell smaller differences"));
    }
    let summary = run.first();
    if let Some(reason) = why_invalid(summary) {
        lines.push(format!("is INVALID as a measurement{reason}"));
    }
    if summary.interrupted {
        lines.push("was interrupted".into());
    }
    if summary.steady.stationary == Some(false) {
        lines.push(match summary.steady.from_s {
            None => "is not stationary: response times were still changing in its second half".into(),
            Some(from_s) => format!("is not stationary: its response times settled {from_s:.1} s after the start"),
        });
    }
    lines
}

/// The number of different notes of turns that are told.
const MAX_NOTES: usize = 3;

fn of_turns(run: &Run) -> Vec<String> {
    let all = run.count();
    let of_all = |n: usize| format!("in {n} of {all} turns");
    let mut lines = Vec::new();
    let invalid: Vec<String> = run.summaries().iter().filter_map(why_invalid).collect();
    lines.extend(invalid.first().map(|why| format!("is INVALID as a measurement {}{why}", of_all(invalid.len()))));
    let changing = run.summaries().iter().filter(|summary| summary.steady.stationary == Some(false)).count();
    if changing > 0 {
        lines.push(format!("is not stationary {}: --warmup leaves the beginning of each out", of_all(changing)));
    }
    let unfinished: u64 = run.summaries().iter().map(|s| s.accounting.unfinished + s.accounting.unsent).sum();
    if unfinished > 0 {
        lines.push(format!("has {}, which are in no number here", count(unfinished, "unfinished request")));
    }
    // What the turns note, each once. What they say of steadiness is above.
    let mut notes: Vec<(&str, usize)> = Vec::new();
    for note in run.summaries().iter().flat_map(|summary| &summary.notes) {
        match notes.iter_mut().find(|(other, _)| other == note) {
            Some((_, times)) => *times += 1,
            None if note.starts_with("not stationary") => {}
            None => notes.push((note, 1)),
        }
    }
    lines.extend(notes.iter().take(MAX_NOTES).map(|(note, times)| format!("says {}: {note}", of_all(*times))));
    lines
}

fn why_invalid(summary: &Summary) -> Option<String> {
    let reason = || summary.generator.reasons.first().map_or(String::new(), |reason| format!(": {reason}"));
    (summary.generator.verdict == Verdict::Invalid).then(reason)
}
