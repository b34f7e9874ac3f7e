//! What an interval says of a change.

use serde::Serialize;

use super::Interval;

/// What became of a number from the base to the new run. Each but the last is shown by the whole interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// By more than delta.
    Faster,
    /// By more than delta.
    Slower,
    /// A higher success rate, by more than delta.
    Better,
    /// A lower success rate, by more than delta.
    Worse,
    /// Within delta.
    Same,
    /// None of these is shown: the interval is too wide, or there is none.
    Inconclusive,
    /// The numbers show it, but onrush's own delay in one of the runs may be the reason.
    #[serde(rename = "not comparable")]
    NotComparable,
}

impl Change {
    /// What the interval of new / base says of a time.
    pub fn of_time(ratio: Interval, delta: f64) -> Change {
        match () {
            () if ratio.low > 1.0 + delta => Change::Slower,
            () if ratio.high < 1.0 - delta => Change::Faster,
            () if ratio.low >= 1.0 - delta && ratio.high <= 1.0 + delta => Change::Same,
            () => Change::Inconclusive,
        }
    }

    /// What it says of requests per second.
    pub fn of_throughput(ratio: Interval, delta: f64) -> Change {
        match Change::of_time(ratio, delta) {
            Change::Slower => Change::Faster,
            Change::Faster => Change::Slower,
            other => other,
        }
    }

    /// What it says of the share of requests that succeeded.
    pub fn of_success(ratio: Interval, delta: f64) -> Change {
        match Change::of_time(ratio, delta) {
            Change::Slower => Change::Better,
            Change::Faster => Change::Worse,
            other => other,
        }
    }

    /// What is left of it if with onrush's own delay the interval shows `with_error`.
    #[must_use]
    pub fn unless(self, with_error: Change) -> Change {
        match (self, with_error) {
            (Change::Inconclusive, _) => Change::Inconclusive,
            (shown, other) if shown == other => shown,
            _ => Change::NotComparable,
        }
    }

    /// In a word or two.
    pub fn text(self) -> &'static str {
        match self {
            Change::Faster => "faster",
            Change::Slower => "slower",
            Change::Better => "better",
            Change::Worse => "worse",
            Change::Same => "same",
            Change::Inconclusive => "inconclusive",
            Change::NotComparable => "not comparable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_needs_the_whole_interval() {
        let of = |low, high| Change::of_time(Interval { low, high }, 0.02);
        assert_eq!(of(1.021, 1.3), Change::Slower);
        assert_eq!(of(1.019, 1.3), Change::Inconclusive);
        assert_eq!(of(0.981, 1.019), Change::Same);
        assert_eq!(of(0.9, 0.97), Change::Faster);
        assert_eq!(of(1.1, f64::INFINITY), Change::Slower);
        assert_eq!(of(0.0, 1.1), Change::Inconclusive);
    }

    #[test]
    fn what_this_tools_delay_may_have_made_is_not_comparable() {
        for (shown, with_error, expected) in [
            (Change::Slower, Change::Slower, Change::Slower),
            (Change::Slower, Change::Inconclusive, Change::NotComparable),
            (Change::Same, Change::Inconclusive, Change::NotComparable),
            (Change::Inconclusive, Change::Inconclusive, Change::Inconclusive),
        ] {
            assert_eq!(shown.unless(with_error), expected);
        }
    }

    #[test]
    fn more_is_better_of_throughput_and_success() {
        let more = Interval { low: 1.1, high: 1.2 };
        assert_eq!(Change::of_throughput(more, 0.02), Change::Faster);
        assert_eq!(Change::of_success(more, 0.02), Change::Better);
    }
}
