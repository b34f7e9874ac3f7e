//! How much worse a metric may have become.

use serde::Serialize;

use super::{Interval, Metric};

/// The metric is not to be worse by more than this.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Limit {
    /// Whose limit it is.
    pub metric: Metric,
    /// A share of the base's number: 0.05 is 5 %.
    pub by: f64,
}

/// A limit, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LimitLine {
    /// The limit.
    #[serde(flatten)]
    pub limit: Limit,
    /// What the interval says of it.
    pub result: Held,
    /// Where it is undecided: runs of about so many seconds would tell.
    pub needs_s: Option<f64>,
}

/// What an interval says of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// All of the interval is within the limit.
    Held,
    /// All of it is beyond: with 97.5 % certainty the metric is worse by more than the limit.
    Exceeded,
    /// The limit lies in it, so neither is shown; what the difference itself is does not matter.
    Undecided,
    /// The numbers decide it, but onrush's own delay in one of the runs may be the reason.
    NotComparable,
    /// There is no interval, so nothing could ever have shown that the limit is exceeded.
    Unknown,
}

/// Longer runs are not advised: the numbers are as good as on the limit.
const LONGEST_S: f64 = 86_400.0;

impl Limit {
    /// Reads `p99=5%`.
    ///
    /// # Errors
    /// One line that says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Limit, String> {
        let (name, by) = text.split_once('=').ok_or("write a metric and by how much, as in p99=5%")?;
        let name = name.trim();
        let metric = match Metric::named(name) {
            Some(Metric::Max) => return Err("max is the time of one request, which shows nothing: try p99.9".into()),
            Some(metric) => metric,
            None => {
                let known: Vec<&str> =
                    Metric::ALL.into_iter().filter(|metric| *metric != Metric::Max).map(Metric::name).collect();
                return Err(format!("'{name}' is no metric: there are {}", known.join(", ")));
            }
        };
        Ok(Limit { metric, by: parse_percentage(by)? })
    }

    /// What the interval of new / base says of it; `with_error` is the same with onrush's own delay in it, `ratio` is
    /// of numbers that differ by `difference` in runs of `lasted_s` seconds.
    pub(super) fn judge(
        self,
        ratio: Option<Interval>,
        with_error: Option<Interval>,
        difference: Option<f64>,
        lasted_s: f64,
    ) -> LimitLine {
        let (shown, bounded) = (self.shown_by(ratio), self.shown_by(with_error));
        let result = if shown == Held::Undecided || shown == bounded { shown } else { Held::NotComparable };
        let needs_s = (result == Held::Undecided).then(|| self.needed(ratio?, difference?, lasted_s)).flatten();
        LimitLine { limit: self, result, needs_s }
    }

    fn shown_by(self, ratio: Option<Interval>) -> Held {
        match (ratio, self.metric.more_is_better()) {
            (None, _) => Held::Unknown,
            (Some(ratio), false) if ratio.low > 1.0 + self.by => Held::Exceeded,
            (Some(ratio), false) if ratio.high <= 1.0 + self.by => Held::Held,
            (Some(ratio), true) if ratio.high < 1.0 - self.by => Held::Exceeded,
            (Some(ratio), true) if ratio.low >= 1.0 - self.by => Held::Held,
            (Some(_), _) => Held::Undecided,
        }
    }

    /// An interval narrows with the root of a run's length: how long a run has to be until the limit is out of it.
    fn needed(self, ratio: Interval, difference: f64, lasted_s: f64) -> Option<f64> {
        let limit = if self.metric.more_is_better() { 1.0 - self.by } else { 1.0 + self.by };
        let number = 1.0 + difference;
        let (distance, half) =
            if number > limit { (number - limit, number - ratio.low) } else { (limit - number, ratio.high - number) };
        let times = (half / distance).powi(2);
        (times.is_finite() && times > 1.0).then_some(times * lasted_s).filter(|s| *s < LONGEST_S)
    }
}

/// Reads `5%` as 0.05.
///
/// # Errors
/// One line that says what is wrong with the text.
pub fn parse_percentage(text: &str) -> Result<f64, String> {
    let wrong = || format!("'{text}' is not a percentage: write a number with its sign, as in 5% or 0.5%");
    let number: f64 = text.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok()).ok_or_else(wrong)?;
    if (0.0..=1000.0).contains(&number) {
        Ok(number / 100.0)
    } else {
        Err(format!("'{text}' is not within 0% and 1000%"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Quantile;
    use super::*;

    #[test]
    fn limits_are_a_metric_and_a_percentage() {
        let limit = Limit { metric: Metric::Response(Quantile::P99_9), by: 0.005 };
        assert_eq!(Limit::parse("p99.9=0.5%"), Ok(limit));
        assert_eq!(Limit::parse(" p99.9 = 0.5 %"), Ok(limit));
        for (text, what) in [
            ("p99", "p99=5%"),
            ("p98=5%", "'p98' is no metric: there are mean, p50"),
            ("p99=5", "'5' is not a percentage"),
            ("p99=%", "'%' is not a percentage"),
            ("p99=-1%", "not within"),
            ("p99=NaN%", "not within"),
            ("max=5%", "one request"),
        ] {
            assert!(Limit::parse(text).unwrap_err().contains(what), "{text}: {:?}", Limit::parse(text));
        }
    }

    #[test]
    fn only_the_whole_interval_shows_that_a_limit_is_held_or_not() {
        let held = |name: &str, low, high| {
            let ratio = Some(Interval { low, high });
            Limit::parse(name).unwrap().judge(ratio, ratio, None, 1.0).result
        };
        assert_eq!(held("p99=5%", 1.051, 1.2), Held::Exceeded);
        assert_eq!(held("p99=5%", 1.04, 1.2), Held::Undecided);
        assert_eq!(held("p99=5%", 0.8, 1.05), Held::Held);
        assert_eq!(held("throughput=5%", 0.8, 0.94), Held::Exceeded);
        assert_eq!(held("throughput=5%", 0.96, 1.3), Held::Held);
        assert_eq!(Limit::parse("p99=5%").unwrap().judge(None, None, None, 1.0).result, Held::Unknown);
    }

    #[test]
    fn what_onrush_may_have_done_itself_decides_nothing() {
        let judged =
            |ratio, with_error| Limit::parse("p99=5%").unwrap().judge(Some(ratio), Some(with_error), None, 1.0).result;
        let interval = |low, high| Interval { low, high };
        assert_eq!(judged(interval(1.06, 1.2), interval(1.055, 1.25)), Held::Exceeded);
        assert_eq!(judged(interval(1.06, 1.2), interval(0.9, 1.25)), Held::NotComparable);
        assert_eq!(judged(interval(0.99, 1.01), interval(0.9, 1.1)), Held::NotComparable);
        assert_eq!(judged(interval(0.99, 1.1), interval(0.9, 1.2)), Held::Undecided);
    }

    #[test]
    fn an_undecided_limit_says_how_long_runs_have_to_be() {
        let needs = |name: &str, low, high, difference| {
            let ratio = Some(Interval { low, high });
            Limit::parse(name).unwrap().judge(ratio, ratio, Some(difference), 10.0).needs_s
        };
        // The interval reaches 0.04 up from 1.03, and has to reach 0.02.
        assert!((needs("p99=5%", 0.99, 1.07, 0.03).unwrap() - 40.0).abs() < 0.01);
        assert!((needs("p99=5%", 1.04, 1.10, 0.07).unwrap() - 22.5).abs() < 0.01);
        assert!((needs("throughput=5%", 0.93, 0.99, -0.03).unwrap() - 40.0).abs() < 0.01);
        assert_eq!(needs("p99=5%", 0.99, 1.07, 0.05), None, "on the limit");
        assert_eq!(needs("p99=5%", 0.99, 1.04, 0.0), None, "decided");
    }
}
