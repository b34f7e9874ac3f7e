//! Numbers as a page shows them.

use crate::report::text::round;
use crate::stats::{Confidence, Latency};
use crate::units;

/// What stands where there is no number.
pub(super) const NONE: &str = "–";

/// `1.23 ms`, of milliseconds.
pub(super) fn ms(ms: f64) -> String {
    units::millis(ms).to_string()
}

/// The same of seconds.
pub(super) fn seconds(s: f64) -> String {
    ms(s * 1e3)
}

/// The same of microseconds.
pub(super) fn us(us: f64) -> String {
    ms(us / 1e3)
}

/// `1 ms` rather than `1.00 ms`, along an axis; of milliseconds.
pub(super) fn tick(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    round(&ms(value))
}

/// A number along an axis: `0.5`, `20`, `1,500`.
pub(super) fn tick_number(value: f64) -> String {
    match value {
        v if v > 0.0 && v < 0.001 => units::decimals(v, 3),
        v if v < 10.0 => ((v * 1000.0).round() / 1000.0).to_string(),
        v => units::grouped(v.round() as u64),
    }
}

/// A quantile, with a sign where it is a bound or not sure.
pub(super) fn quantile(of: &Latency, name: &str, value: f64) -> String {
    let has = |names: &[String]| names.iter().any(|other| other == name);
    match ms(value) {
        value if has(&of.at_least) => format!(">= {value}"),
        value if has(&of.unsure) => format!("~{value}"),
        value => value,
    }
}

/// A 95% interval: `1.20 – 1.24 ms`, `>= 1.20 ms`, or nothing where there is none.
pub(super) fn interval(of: &Confidence) -> Option<String> {
    let (low, high) = (ms(of.low_ms?), of.high_ms.map(ms));
    let Some(high) = high else { return Some(format!(">= {low}")) };
    match (low.split_once(' '), high.split_once(' ')) {
        _ if low == high => Some(low),
        (Some((number, unit)), Some((_, same))) if unit == same => Some(format!("{number} – {high}")),
        _ => Some(format!("{low} – {high}")),
    }
}

/// The same, or how long a run would have to be for one.
pub(super) fn interval_or_length(of: &Confidence) -> Option<String> {
    interval(of).or_else(|| of.run_for_s.map(|s| format!("too correlated: run about {}", seconds(s))))
}

/// `p99.9` of `p99_9`.
pub(super) fn name(quantile: &str) -> String {
    quantile.replace('_', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_along_an_axis_are_short() {
        assert_eq!(
            [0.0, 0.5, 1.0, 2.5, 20.0, 100.0, 1e4].map(tick),
            ["0", "500 µs", "1 ms", "2.5 ms", "20 ms", "100 ms", "10 s"]
        );
        assert_eq!([0.0, 0.2, 5.0, 1500.0].map(tick_number), ["0", "0.2", "5", "1,500"]);
    }

    #[test]
    fn an_interval_names_its_unit_once() {
        let of = |low_ms, high_ms| {
            interval(&Confidence { quantile: "p50".into(), low_ms, high_ms, n_eff: None, needs: 6, run_for_s: None })
        };
        assert_eq!(of(Some(1.2), Some(1.24)).as_deref(), Some("1.20 – 1.24 ms"));
        assert_eq!(of(Some(0.5), Some(1.24)).as_deref(), Some("500 µs – 1.24 ms"));
        assert_eq!(of(Some(0.5), None).as_deref(), Some(">= 500 µs"));
        assert_eq!(of(None, None), None);
    }
}
