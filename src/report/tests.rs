//! What comes from outside does nothing where it is shown, whichever text it is in and whoever shows it.

use serde_json::Value;

use super::sample::{latency_of, summary, thresholds};
use super::*;
use crate::compare::Comparison;
use crate::printable::is_printable;
use crate::stats::{Confidence, CsvLine, Distribution, LagLine, Latency, Summary, TargetLine, Verdict};
use crate::time::Nanos;

/// Titles, colours and cursors of terminals in both encodings, a text turned around, and new lines.
const EVIL: &str = "\x1b]0;title\x07\x1b[2J\u{9b}31m\u{85}\u{7f}\0\u{202e}\u{2066}\u{2028}\u{feff}\u{fffe}\u{e0041}\r\nVALID\n\
    <img src=x> ![x](http://evil) &#27; ]]> | `x` ";

/// A summary in which every text that can be somebody else's is evil.
fn evil() -> Summary {
    let mut s = summary();
    s.thresholds = thresholds();
    s.notes = vec!["a note".into()];
    s.plan.warmup = Some("auto".into());
    (s.plan.arrivals, s.plan.rate_per_s) = (Some("uniform".into()), Some(5.0));
    s.generator.reasons = vec!["a reason".into()];
    s.generator.verdict = Verdict::Invalid;
    s.generator.read_lag = Some("estimated".into());
    s.generator.wake_up_us = Some(LagLine { p50: 1.0, p99: 1.0, p99_9: 1.0, max: 1.0 });
    s.csv = Some(CsvLine { rows: 1, lost: 1, error: Some("full".into()) });
    s.confidence.push(Confidence {
        quantile: "p99".into(),
        low_ms: Some(1.0),
        high_ms: None,
        n_eff: None,
        needs: 6,
        run_for_s: None,
    });
    s.targets = vec![TargetLine { target: "a".into(), accounting: s.accounting, response_ms: Some(latency_of(1.0)) }];
    let mut d = Distribution::new();
    d.record(Nanos(1_000_000));
    for latency in [&mut s.response_ms, &mut s.service_ms] {
        *latency = Latency::new(&d);
    }
    let mut json = serde_json::to_value(&s).unwrap();
    let mut paths = Vec::new();
    strings(&json, String::new(), &mut paths);
    for path in paths {
        let before = json.clone();
        let text = json.pointer_mut(&path).unwrap();
        *text = format!("{}{EVIL}", text.as_str().unwrap()).into();
        // Verdicts, causes and phases are words of a list: others are not read at all.
        let is_read = serde_json::from_value::<Summary>(json.clone()).is_ok();
        if !is_read || path.ends_with("/histogram") {
            json = before;
        }
    }
    json["status"][EVIL] = 7.into();
    let s: Summary = serde_json::from_value(json).unwrap();
    assert!(s.plan.url.contains(EVIL) && s.failures[0].curl.as_ref().unwrap().contains(EVIL));
    s
}

fn strings(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(path),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| strings(item, format!("{path}/{i}"), found));
        }
        Value::Object(fields) => fields.iter().for_each(|(key, item)| strings(item, format!("{path}/{key}"), found)),
        _ => {}
    }
}

#[track_caller]
fn assert_harmless(text: &str, name: &str) {
    let odd: Vec<_> = text.char_indices().filter(|(_, c)| *c != '\n' && !is_printable(*c)).collect();
    assert!(odd.is_empty(), "{name} has {odd:?} in {text:?}");
    assert!(!text.lines().skip(1).any(|line| line.starts_with("VALID")), "{name}: a line of its own: {text}");
}

#[test]
fn no_reporter_shows_control_characters_of_a_foreign_summary() {
    let s = evil();
    let shown = [
        ("text", text(&s, Paint::Plain)),
        ("markdown", markdown(&s)),
        ("html", html(&s)),
        ("junit", junit(&s)),
        ("json", json(&s)),
        ("hlog", hlog(&s)),
    ];
    for (name, shown) in &shown {
        assert_harmless(shown, name);
    }
    for (name, shown) in &shown[2..4] {
        assert!(!shown.contains("<img"), "{name}: {shown}");
    }
    assert_plain_markdown(&shown[1].1);
    let back: Summary = serde_json::from_str(&json(&s)).unwrap();
    assert_eq!(back, s, "JSON loses nothing");
}

#[test]
fn nor_does_a_comparison_of_two() {
    let s = evil();
    let c = Comparison::new((EVIL, &s), (EVIL, &summary_of_one()), 0.02, &[]).unwrap();
    assert_harmless(&comparison::text(&c, Paint::Plain), "text");
    assert_harmless(&comparison::markdown(&c), "markdown");
    assert_harmless(&comparison::json(&c), "json");
    assert_plain_markdown(&comparison::markdown(&c));
}

/// Of what is not escaped nothing is HTML, an entity, an image or a link.
fn assert_plain_markdown(shown: &str) {
    let mut is_escaped = false;
    let unescaped = shown.chars().filter(|c| {
        let counts = !is_escaped && *c != '\\';
        is_escaped = *c == '\\' && !is_escaped;
        counts
    });
    let mut unescaped: String = unescaped.collect();
    // The report's own.
    for tag in ["<details>", "</details>", "<summary>", "</summary>"] {
        unescaped = unescaped.replace(tag, "");
    }
    for markup in ["<", "&", "![", "](", "http:", "`"] {
        assert!(!unescaped.contains(markup), "{markup} in {shown}");
    }
}

fn summary_of_one() -> Summary {
    Summary { response_ms: None, service_ms: None, ..summary() }
}
