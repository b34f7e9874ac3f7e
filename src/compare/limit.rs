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
    /// There is no interval, so nothing could ever have shown that the limit is exceeded.
    Unknown,
}

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

    /// What the interval of new / base says of it.
    pub(super) fn judge(self, ratio: Option<Interval>) -> LimitLine {
        let result = match (ratio, self.metric.more_is_better()) {
            (None, _) => Held::Unknown,
            (Some(ratio), false) if ratio.low > 1.0 + self.by => Held::Exceeded,
            (Some(ratio), false) if ratio.high <= 1.0 + self.by => Held::Held,
            (Some(ratio), true) if ratio.high < 1.0 - self.by => Held::Exceeded,
            (Some(ratio), true) if ratio.low >= 1.0 - self.by => Held::Held,
            (Some(_), _) => Held::Undecided,
        };
        LimitLine { limit: self, result }
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
        let held = |name: &str, low, high| Limit::parse(name).unwrap().judge(Some(Interval { low, high })).result;
        assert_eq!(held("p99=5%", 1.051, 1.2), Held::Exceeded);
        assert_eq!(held("p99=5%", 1.04, 1.2), Held::Undecided);
        assert_eq!(held("p99=5%", 0.8, 1.05), Held::Held);
        assert_eq!(held("throughput=5%", 0.8, 0.94), Held::Exceeded);
        assert_eq!(held("throughput=5%", 0.96, 1.3), Held::Held);
        assert_eq!(Limit::parse("p99=5%").unwrap().judge(None).result, Held::Unknown);
    }
}
