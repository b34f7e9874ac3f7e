//! What a run is to be like: `p99<200ms`, `errors<1%`, `rate>500`.

use std::fmt;

use crate::units;

/// A bound on one number of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// As the user wrote it.
    pub text: String,
    /// It is about the targets whose names contain this; None: about the whole run.
    pub target: Option<String>,
    /// Which number.
    pub metric: Metric,
    /// On which side of the limit it is to be.
    pub relation: Relation,
    /// Nanoseconds, requests, a share of one, or requests per second, as the metric has it.
    pub limit: f64,
}

/// A number of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A number of a distribution of times.
    Time(Clock, Statistic),
    /// Requests of this kind.
    Count(Kind),
    /// Their share.
    Share(Kind),
    /// Answers per second.
    Rate,
}

/// A time that requests or waves have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// done - due; of requests without an answer a lower bound.
    Response,
    /// done - sent.
    Service,
    /// Last sent - first sent of a wave.
    Spread,
}

/// A number of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// x_p, p in parts per million, between p0 and p100.
    Quantile(u64),
    /// The smallest value.
    Min,
    /// The mean.
    Mean,
    /// The largest value.
    Max,
}

/// A kind of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Those with an answer that is one: of those that ended.
    Success,
    /// http_error + failed + timeout, likewise.
    Errors,
    /// Likewise.
    HttpError,
    /// Likewise.
    Failed,
    /// Likewise.
    Timeout,
    /// Of those scheduled.
    Unfinished,
    /// Of those scheduled.
    Unsent,
}

/// On which side of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the definition")]
pub enum Relation {
    Below,
    AtMost,
    Above,
    AtLeast,
}

const KINDS: [(&str, Kind); 7] = [
    ("success", Kind::Success),
    ("errors", Kind::Errors),
    ("http_error", Kind::HttpError),
    ("failed", Kind::Failed),
    ("timeout", Kind::Timeout),
    ("unfinished", Kind::Unfinished),
    ("unsent", Kind::Unsent),
];
const CLOCKS: [(&str, Clock); 3] =
    [("response", Clock::Response), ("service", Clock::Service), ("spread", Clock::Spread)];
/// The longer ones first: each is looked for at the start of what is left.
const RELATIONS: [(&str, Relation); 4] =
    [("<=", Relation::AtMost), (">=", Relation::AtLeast), ("<", Relation::Below), (">", Relation::Above)];
const METRICS: &str = "p99, min, mean, max (also of service. and spread.), errors, failed, success, rate";

impl Threshold {
    /// Reads `p99<200ms`, `buy: p99<1s`, `service.p99.9 <= 50ms`, `spread.max<1ms`, `errors<1%`, `failed<10`, `rate>1e3`.
    ///
    /// # Errors
    /// One line: the column, what is wrong there, and what may be.
    pub fn parse(text: &str) -> Result<Threshold, String> {
        Threshold::read(text).map_err(|error| match suggestion(text) {
            Some(meant) => format!("{error}: did you mean '{meant}'?"),
            None => error,
        })
    }

    fn read(text: &str) -> Result<Threshold, String> {
        let at = |part: &str, message: String| {
            let before = text.len() - part.len();
            Err(format!("column {}: {message}", text[..before].chars().count() + 1))
        };
        if let Some((before, _)) = text.char_indices().find(|(_, c)| c.is_control()) {
            return at(&text[before..], "a control character stands here: a rule is one line".into());
        }
        let (target, start) = match text.rsplit_once(": ") {
            Some((target, rule)) => (Some(target.trim()), rule.trim_start()),
            None => (None, text.trim_start()),
        };
        if target == Some("") {
            return at(text, "write the name of a target, or part of it, before the colon".into());
        }
        let end = start.find(['<', '>', '=']).unwrap_or(start.len());
        let name = start[..end].trim_end();
        let metric = match Metric::parse(name) {
            Ok(metric) => metric,
            Err(message) => return at(start, message),
        };
        let rest = &start[end..];
        let Some((sign, relation)) = RELATIONS.iter().find(|(sign, _)| rest.starts_with(sign)) else {
            return at(rest, format!("write <, <=, > or >= and a limit behind '{name}'"));
        };
        let limit = rest[sign.len()..].trim_start();
        match metric.limit(limit.trim_end()) {
            Ok((Metric::Time(Clock::Service | Clock::Spread, _), _)) if target.is_some() => {
                at(start, "of a target there are response times, numbers of requests and the rate only".into())
            }
            Ok((metric, limit)) => {
                let target = target.map(String::from);
                Ok(Threshold { text: text.trim().into(), target, metric, relation: *relation, limit })
            }
            Err(message) => at(limit, message),
        }
    }
}

/// Names that other tools have for metrics.
const OTHER_NAMES: [(&str, &str); 12] = [
    ("avg", "mean"),
    ("average", "mean"),
    ("med", "p50"),
    ("median", "p50"),
    ("error", "errors"),
    ("http_req_failed", "errors"),
    ("fail", "failed"),
    ("latency", "p99"),
    ("response_time", "p99"),
    ("http_req_duration", "p99"),
    ("rps", "rate"),
    ("throughput", "rate"),
];

/// The rule that somebody who is used to another tool meant by `text`: k6's `p(95)<200`, `error<1%`, `latency<200ms`.
fn suggestion(text: &str) -> Option<String> {
    let text: String = text.to_ascii_lowercase().split_whitespace().collect();
    let (name, rest) = text.split_at(text.find(['<', '>', '='])?);
    let (name, rest) = (name.replace(['(', ')'], ""), rest.replace("==", "=").replace("=<", "<="));
    let name = OTHER_NAMES.iter().find(|(other, _)| *other == name).map_or(name.as_str(), |(_, known)| known);
    let rules = [format!("{name}{rest}"), format!("{name}{rest}ms")];
    rules.into_iter().find(|rule| Threshold::read(rule).is_ok())
}

impl Metric {
    fn parse(name: &str) -> Result<Metric, String> {
        if name == "rate" {
            return Ok(Metric::Rate);
        }
        if let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == name) {
            return Ok(Metric::Count(*kind));
        }
        let of = |(known, clock): &(&str, Clock)| Some((*clock, name.strip_prefix(known)?.strip_prefix('.')?));
        let (clock, statistic) = CLOCKS.iter().find_map(of).unwrap_or((Clock::Response, name));
        Ok(Metric::Time(clock, Statistic::parse(statistic)?))
    }

    /// The limit of this metric, which makes a count one of a share where it has a `%`.
    fn limit(self, text: &str) -> Result<(Metric, f64), String> {
        match (self, text.strip_suffix('%')) {
            (_, _) if text.is_empty() => Err("write a limit".into()),
            (Metric::Time(..), _) if number(text).is_ok_and(|n| n > 0.0) => {
                Err(format!("write a unit behind '{text}': {text}ms or {text}s"))
            }
            (Metric::Time(..), _) => Ok((self, units::parse_duration(text)?.0 as f64)),
            (Metric::Rate, _) => Ok((self, number(text.strip_suffix("/s").unwrap_or(text))?)),
            (Metric::Count(kind), Some(percent)) => match number(percent.trim_end())? {
                percent if percent > 100.0 => Err(format!("'{text}' is more than all: write 0% to 100%")),
                percent => Ok((Metric::Share(kind), percent / 100.0)),
            },
            (Metric::Count(_), None) => Ok((self, number(text)?)),
            (Metric::Share(_), _) => Ok((self, number(text)?)),
        }
    }
}

impl Statistic {
    fn parse(name: &str) -> Result<Statistic, String> {
        match name {
            "min" => return Ok(Statistic::Min),
            "mean" => return Ok(Statistic::Mean),
            "max" => return Ok(Statistic::Max),
            _ => {}
        }
        let digits = name.strip_prefix('p').filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()));
        let Some(percent) = digits.and_then(|digits| number(digits).ok()) else {
            return Err(match name {
                "" => format!("write a metric: {METRICS}"),
                _ => format!("'{name}' is no metric: there are {METRICS}"),
            });
        };
        let ppm = (percent * 1e4).round();
        if (ppm - percent * 1e4).abs() > 1e-6 {
            return Err(format!("'{name}': a quantile has at most four decimals"));
        }
        match ppm {
            ppm if ppm > 0.0 && ppm < 1e6 => Ok(Statistic::Quantile(ppm as u64)),
            _ => Err(format!("'{name}': a quantile lies between p0 and p100; min and max are the ends")),
        }
    }
}

impl Relation {
    /// `value` is on the wanted side of `limit`.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Relation::Below => value < limit,
            Relation::AtMost => value <= limit,
            Relation::Above => value > limit,
            Relation::AtLeast => value >= limit,
        }
    }

    /// A smaller value is never worse.
    pub fn is_upper_bound(self) -> bool {
        matches!(self, Relation::Below | Relation::AtMost)
    }
}

/// A number that is finite and not negative, `1000` or `1e3`.
fn number(text: &str) -> Result<f64, String> {
    let plain = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number = text.parse::<f64>().ok().filter(|number| plain && number.is_finite());
    number.ok_or_else(|| format!("'{text}' is no number, as 10 and 1e3 are"))
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statistic::Quantile(ppm) => write!(f, "p{}", *ppm as f64 / 1e4),
            Statistic::Min => f.write_str("min"),
            Statistic::Mean => f.write_str("mean"),
            Statistic::Max => f.write_str("max"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rules_of_other_tools_are_understood_well_enough_to_ask() {
        for (text, meant) in [
            ("p(95)<200", "p95<200ms"),
            ("p(99.9) < 1.5", "p99.9<1.5ms"),
            ("error<1%", "errors<1%"),
            ("latency<200ms", "p99<200ms"),
            ("http_req_failed<0.01", "errors<0.01"),
            ("avg<50", "mean<50ms"),
            ("P95<200ms", "p95<200ms"),
            ("rps>100", "rate>100"),
        ] {
            let error = Threshold::parse(text).unwrap_err();
            assert!(error.ends_with(&format!("did you mean '{meant}'?")), "{error}");
        }
        assert!(!Threshold::parse("nonsense<1").unwrap_err().contains("did you mean"));
    }

    #[test]
    fn a_target_may_stand_before_the_rule() {
        for (text, target) in
            [("buy: p99<1s", "buy"), ("GET http://h/a: errors<1%", "GET http://h/a"), (" a b :  rate>5 ", "a b")]
        {
            assert_eq!(Threshold::parse(text).unwrap().target.as_deref(), Some(target), "{text}");
        }
        assert_eq!(Threshold::parse("p99<1s").unwrap().target, None);
        for wrong in ["buy: service.p99<1s", ": p99<1s", "buy: nonsense<1", "buy:p99<1s"] {
            assert!(Threshold::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn thresholds_are_read_into_types() {
        let ms = |ms: f64| ms * 1e6;
        let quantile = |clock, ppm| Metric::Time(clock, Statistic::Quantile(ppm));
        for (text, metric, relation, limit) in [
            ("p99<200ms", quantile(Clock::Response, 990_000), Relation::Below, ms(200.0)),
            (" p42 <= 1.5s ", quantile(Clock::Response, 420_000), Relation::AtMost, ms(1500.0)),
            ("p99.95<1m", quantile(Clock::Response, 999_500), Relation::Below, ms(60_000.0)),
            ("response.max<0", Metric::Time(Clock::Response, Statistic::Max), Relation::Below, 0.0),
            ("service.p99<50ms", quantile(Clock::Service, 990_000), Relation::Below, ms(50.0)),
            ("spread.p99<1ms", quantile(Clock::Spread, 990_000), Relation::Below, ms(1.0)),
            ("mean>1us", Metric::Time(Clock::Response, Statistic::Mean), Relation::Above, 1000.0),
            ("errors<1%", Metric::Share(Kind::Errors), Relation::Below, 0.01),
            ("failed<10", Metric::Count(Kind::Failed), Relation::Below, 10.0),
            ("success>99.9%", Metric::Share(Kind::Success), Relation::Above, 0.999),
            ("rate>500", Metric::Rate, Relation::Above, 500.0),
            ("rate>=1.5e3/s", Metric::Rate, Relation::AtLeast, 1500.0),
        ] {
            let read = Threshold::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((read.metric, read.relation), (metric, relation), "{text}");
            assert!((read.limit - limit).abs() <= limit * 1e-12, "{text}: {}", read.limit);
        }
    }

    #[test]
    fn errors_point_at_the_column() {
        for (text, message) in [
            ("", "column 1: write a metric: p99"),
            ("  q99<1ms", "column 3: 'q99' is no metric: there are p99"),
            ("p100<1ms", "column 1: 'p100': a quantile lies between p0 and p100"),
            ("p0<1ms", "column 1: 'p0': a quantile lies between"),
            ("p99.99999<1ms", "column 1: 'p99.99999': a quantile has at most four decimals"),
            ("p99", "column 4: write <, <=, > or >= and a limit behind 'p99'"),
            ("p99=1ms", "column 4: write <, <=, > or >="),
            ("p99<", "column 5: write a limit"),
            ("p99<200", "column 5: write a unit behind '200': 200ms or 200s"),
            ("p99 < 5 parsecs", "column 7: '5 parsecs' is not a duration"),
            ("p99<-1ms", "column 5: '-1ms' is not a duration"),
            ("errors<101%", "column 8: '101%' is more than all"),
            ("errors<x%", "column 8: 'x' is no number"),
            ("p99<\n1ms", "column 5: a control character"),
            ("rate>inf", "column 6: 'inf' is no number"),
            ("rate>1%", "column 6: '1%' is no number"),
        ] {
            let error = Threshold::parse(text).unwrap_err();
            assert!(error.starts_with(message), "{text}: {error}");
            assert_eq!(error.lines().count(), 1);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in "([a-z.%<>=0-9 \t\0]|\u{e4}){0,20}") {
            match Threshold::parse(&text) {
                Ok(threshold) => prop_assert_eq!(Threshold::parse(&threshold.text), Ok(threshold)),
                Err(message) => prop_assert!(!message.chars().any(char::is_control), "{}", message),
            }
        }
    }
}
