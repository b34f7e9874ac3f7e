//! Whether a run was as it was to be.

use serde::{Deserialize, Serialize};

use crate::stats::confidence::needed;
use crate::stats::distribution::rank;
use crate::stats::{Distribution, MAX_TARGETS, Ppm, Snapshot, TargetTally, Totals};
use crate::threshold::{Clock, Kind, Metric, Statistic, Threshold};
use crate::time::Nanos;
use crate::units::{self, count, grouped};

use super::Accounting;

/// One threshold, and what the run was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdLine {
    /// As the user wrote it.
    pub threshold: String,
    /// The run was as it says.
    pub passed: bool,
    /// What was measured: milliseconds, requests, a share of one, or requests per second. None: nothing.
    pub value: Option<f64>,
    /// The same in words.
    pub shown: Option<String>,
    /// Why the value could not be told for sure, so that the threshold failed.
    pub undetermined: Option<String>,
}

impl ThresholdLine {
    /// The rule and what was measured: `p99<20ms: 34.1 ms`.
    pub fn with_value(&self) -> String {
        let was = self.undetermined.as_ref().map(|why| format!("not determined ({why})"));
        let was = was.or_else(|| self.shown.clone()).unwrap_or_else(|| "nothing".into());
        format!("{}: {was}", self.threshold)
    }
}

/// What thresholds are about, at the end of a run or while it goes on.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Requests by outcome.
    pub accounting: Accounting,
    /// Response times of the answers.
    pub response: Distribution,
    /// How old requests were that got no answer: lower bounds.
    pub censored: Distribution,
    /// Service times of the answers.
    pub service: Distribution,
    /// The waves' release spreads.
    pub spread: Distribution,
    /// Answers per second.
    pub rate_per_s: f64,
}

impl Measured {
    pub(super) fn at_the_end(totals: &Totals, accounting: Accounting, rate_per_s: f64) -> Measured {
        Measured {
            accounting,
            response: totals.response.clone(),
            censored: totals.censored.all(),
            service: totals.service.clone(),
            spread: totals.waves.spread.clone(),
            rate_per_s,
        }
    }

    /// Of the targets whose names contain `target`, by their names in the order of the list.
    pub(super) fn of_target(totals: &Totals, names: &[String], target: &str, seconds: f64) -> Measured {
        let mut sum = TargetTally::default();
        let is_meant = |(name, _): &(&String, &TargetTally)| name.contains(target);
        names.iter().take(MAX_TARGETS).zip(&totals.targets).filter(is_meant).for_each(|(_, tally)| sum.merge(tally));
        let answered = sum.counts.answered() as f64;
        Measured {
            accounting: Accounting::new(sum.counts, sum.unsent),
            censored: sum.censored.all(),
            response: sum.response,
            service: Distribution::new(),
            spread: Distribution::new(),
            rate_per_s: if seconds > 0.0 { answered / seconds } else { 0.0 },
        }
    }

    /// What was measured up to a moment, `elapsed` after T0.
    pub fn so_far(snapshot: &Snapshot, elapsed: Nanos) -> Measured {
        Measured {
            accounting: Accounting::new(snapshot.counts, snapshot.unsent),
            response: snapshot.response.clone(),
            censored: snapshot.censored.clone(),
            service: snapshot.service.clone(),
            spread: snapshot.spread.clone(),
            rate_per_s: snapshot.counts.answered() as f64 / elapsed.as_secs().max(1e-9),
        }
    }

    /// What became of one threshold.
    pub fn judge(&self, threshold: &Threshold) -> ThresholdLine {
        let Threshold { metric, relation, limit, .. } = *threshold;
        let (found, in_words): (Found, fn(f64) -> String) = match metric {
            Metric::Time(clock, statistic) => (self.time(clock, statistic), |ns| units::millis(ns / 1e6).to_string()),
            Metric::Count(kind) => (Found::Exactly(self.count(kind) as f64), |n| grouped(n as u64)),
            Metric::Share(kind) => (self.share(kind), units::percent),
            Metric::Rate => (Found::Exactly(self.rate_per_s), units::rate),
        };
        let is_bound = matches!(found, Found::AtLeast(..));
        let (value, passed, undetermined) = match found {
            Found::Exactly(value) => (Some(value), relation.holds(value, limit), None),
            // Were the bound on the wrong side already, more would not help; were it on the right one, it is sure.
            Found::AtLeast(bound, why) if relation.holds(bound, limit) == relation.is_upper_bound() => {
                (Some(bound), false, Some(why))
            }
            Found::AtLeast(bound, _) => (Some(bound), relation.holds(bound, limit), None),
            Found::Nothing(why) => (None, false, Some(why)),
        };
        ThresholdLine {
            threshold: threshold.text.clone(),
            passed,
            value: value.map(|value| if matches!(metric, Metric::Time(..)) { value / 1e6 } else { value }),
            shown: value.map(|value| format!("{}{}", if is_bound { ">= " } else { "" }, in_words(value))),
            undetermined,
        }
    }

    /// The threshold cannot be met any more, even if all that is to come is as
    /// wanted: at most `most` requests in all, in a run of at least `lasts`.
    pub fn is_lost(&self, threshold: &Threshold, most: u64, lasts: Nanos) -> bool {
        let Threshold { metric, relation, limit, .. } = *threshold;
        // What becomes of each target is known at the end only.
        if threshold.target.is_some() {
            return false;
        }
        let holds = |value: f64| relation.holds(value, limit);
        let left = most.saturating_sub(self.ended()) as f64;
        match (metric, relation.is_upper_bound()) {
            (Metric::Count(kind), true) => !holds(self.count(kind) as f64),
            (Metric::Count(kind), false) => !holds(self.count(kind) as f64 + left),
            (Metric::Share(kind), true) => !holds(self.count(kind) as f64 / most.max(1) as f64),
            (Metric::Share(kind), false) => !holds((self.count(kind) as f64 + left) / most.max(1) as f64),
            (Metric::Rate, true) => false,
            (Metric::Rate, false) => !holds(most as f64 / lasts.as_secs().max(1e-9)),
            (Metric::Time(clock, statistic), upper) => {
                let all = self.all(clock);
                match (statistic, upper) {
                    (Statistic::Max, true) => all.max().is_some_and(|max| !holds(max.0 as f64)),
                    (Statistic::Min, false) => all.min().is_some_and(|min| !holds(min.0 as f64)),
                    (Statistic::Mean, true) => {
                        !holds(all.mean().unwrap_or(0.0) * all.count() as f64 / most.max(1) as f64)
                    }
                    // How many waves there will be is not known.
                    (Statistic::Quantile(_), _) if clock == Clock::Spread => false,
                    (Statistic::Quantile(p), true) => {
                        let above = all.count() - all.count_up_to(Nanos(limit as u64));
                        above > most - rank(most, p).min(most)
                    }
                    (Statistic::Quantile(p), false) => {
                        let below = all.count_up_to(Nanos((limit as u64).saturating_sub(1)));
                        below >= rank(most, p)
                    }
                    (Statistic::Max | Statistic::Mean, false) | (Statistic::Min, true) => false,
                }
            }
        }
    }

    fn ended(&self) -> u64 {
        let Accounting { ok, http_error, failed, timeout, .. } = self.accounting;
        ok + http_error + failed + timeout
    }

    fn count(&self, kind: Kind) -> u64 {
        let Accounting { ok, http_error, failed, timeout, unfinished, unsent, .. } = self.accounting;
        match kind {
            Kind::Success => ok,
            Kind::Errors => http_error + failed + timeout,
            Kind::HttpError => http_error,
            Kind::Failed => failed,
            Kind::Timeout => timeout,
            Kind::Unfinished => unfinished,
            Kind::Unsent => unsent,
        }
    }

    fn share(&self, kind: Kind) -> Found {
        let whole = match kind {
            Kind::Unfinished | Kind::Unsent => self.accounting.scheduled,
            _ => self.ended(),
        };
        match whole {
            0 => Found::Nothing("no request ended".into()),
            whole => Found::Exactly(self.count(kind) as f64 / whole as f64),
        }
    }

    /// All values, lower bounds among them.
    fn all(&self, clock: Clock) -> Distribution {
        match clock {
            Clock::Response => {
                let mut all = self.response.clone();
                all.merge(&self.censored);
                all
            }
            Clock::Service => self.service.clone(),
            Clock::Spread => self.spread.clone(),
        }
    }

    fn time(&self, clock: Clock, statistic: Statistic) -> Found {
        let all = self.all(clock);
        let of = if clock == Clock::Spread { "wave" } else { "request" };
        let (Some(min), Some(mean), Some(max)) = (all.min(), all.mean(), all.max()) else {
            return Found::Nothing(format!("there was no {}", if clock == Clock::Spread { "wave" } else { "answer" }));
        };
        let censored = if clock == Clock::Response { self.censored.count() } else { 0 };
        let why = || format!("{} got no answer and took longer than is known", count(censored, "request"));
        let bound = |value: f64, is_bound: bool| {
            if is_bound { Found::AtLeast(value, why()) } else { Found::Exactly(value) }
        };
        match statistic {
            Statistic::Min => bound(min.0 as f64, self.response.min() != Some(min) && censored > 0),
            Statistic::Mean => bound(mean, censored > 0),
            Statistic::Max => bound(max.0 as f64, censored > 0),
            Statistic::Quantile(p) => match all.quantile(p) {
                Some(_) if all.count() < needed(p) => {
                    let there = grouped(all.count());
                    Found::Nothing(format!("{statistic} needs {}, there were {there}", count(needed(p), of)))
                }
                Some(value) => bound(value.0 as f64, censored > 0 && self.would_move(&all, p, value)),
                None => Found::Nothing("there was no answer".into()),
            },
        }
    }

    /// The quantile falls among lower bounds: it would be larger were they.
    fn would_move(&self, all: &Distribution, p: Ppm, value: Nanos) -> bool {
        super::latency::would_move(&self.response, rank(all.count(), p), value)
    }
}

/// A number of a run, as far as it is known.
enum Found {
    Exactly(f64),
    /// It is at least this, for the reason given.
    AtLeast(f64, String),
    Nothing(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1,000 answers of 1 to 1,000 ms, 10 time-outs after 2 s and 20 waves.
    fn measured() -> Measured {
        let mut m = Measured {
            accounting: Accounting {
                scheduled: 1_015,
                ok: 990,
                http_error: 10,
                timeout: 10,
                unsent: 5,
                ..Accounting::default()
            },
            response: Distribution::new(),
            censored: Distribution::new(),
            service: Distribution::new(),
            spread: Distribution::new(),
            rate_per_s: 500.0,
        };
        (1..=1000).for_each(|ms| m.response.record(Nanos::from_millis(ms)));
        (1..=1000).for_each(|ms| m.service.record(Nanos::from_millis(ms)));
        (0..10).for_each(|_| m.censored.record(Nanos::from_secs(2)));
        (1..=20).for_each(|us| m.spread.record(Nanos::from_micros(us)));
        m
    }

    fn judged(text: &str) -> ThresholdLine {
        measured().judge(&Threshold::parse(text).unwrap())
    }

    #[test]
    fn numbers_are_held_against_limits() {
        for (text, passed, value) in [
            ("p50<506ms", true, 505.0),
            ("p50<504ms", false, 505.0),
            ("min>=1ms", true, 1.0),
            ("service.mean<501ms", true, 500.5),
            ("service.max<=1s", true, 1000.0),
            ("service.p95>949ms", true, 950.0),
            ("spread.max<21us", true, 0.02),
            ("errors<20", false, 20.0),
            ("errors<=2%", true, 20.0 / 1010.0),
            ("success>98%", true, 990.0 / 1010.0),
            ("http_error<=10", true, 10.0),
            ("failed<10", true, 0.0),
            ("timeout<=1%", true, 10.0 / 1010.0),
            ("unsent<0.4%", false, 5.0 / 1015.0),
            ("rate>5e2", false, 500.0),
            ("rate>=5e2", true, 500.0),
        ] {
            let line = judged(text);
            assert_eq!((line.passed, line.undetermined.as_deref()), (passed, None), "{text}: {line:?}");
            let found = line.value.unwrap();
            assert!((found - value).abs() <= 1e-3 * value, "{text}: {found}");
            assert!(line.shown.is_some());
        }
    }

    #[test]
    fn what_is_not_determined_fails_and_says_so() {
        for (text, why) in [
            ("p99.99<1h", "p99.99 needs 36,887 requests, there were 1,010"),
            ("spread.p99<1s", "p99 needs 368 waves, there were 20"),
            ("p99.5<1h", "10 requests got no answer and took longer than is known"),
            ("max<1h", "10 requests got no answer"),
            ("mean<1h", "10 requests got no answer"),
        ] {
            let line = judged(text);
            assert!(!line.passed && line.undetermined.as_ref().is_some_and(|told| told.starts_with(why)), "{line:?}");
        }
        // What is beyond the limit already is no matter of what is not known.
        for (text, passed) in [("max<1s", false), ("mean<1ms", false), ("max>1s", true)] {
            let line = judged(text);
            assert_eq!((line.passed, line.undetermined), (passed, None), "{text}");
        }
        let nothing = Measured {
            accounting: Accounting::default(),
            response: Distribution::new(),
            censored: Distribution::new(),
            service: Distribution::new(),
            ..measured()
        };
        for text in ["p50<1h", "mean<1h", "max<1h", "service.min>0ms", "errors<1%"] {
            let line = nothing.judge(&Threshold::parse(text).unwrap());
            assert!(!line.passed && line.undetermined.is_some() && line.value.is_none(), "{line:?}");
        }
    }

    #[test]
    fn a_threshold_is_lost_once_no_rest_of_the_run_can_save_it() {
        let m = measured();
        for (text, most, lost) in [
            ("errors<1%", 1_500, true),
            ("errors<1%", 3_000, false),
            ("errors<20", 3_000, true),
            ("errors<21", 3_000, false),
            ("success>99%", 1_990, true),
            ("success>99%", 2_001, false),
            ("success>=1000", 1_020, false),
            ("success>1000", 1_020, true),
            ("p50<400ms", 1_100, true),
            ("p50<400ms", 1_300, false),
            ("p50>600ms", 1_100, true),
            ("p50>600ms", 1_300, false),
            ("max<1s", 5_000, true),
            ("min>1ms", 5_000, true),
            ("min>=1ms", 5_000, false),
            ("service.mean<100ms", 5_004, true),
            ("service.mean<100ms", 5_010, false),
            ("rate>200", 2_000, true),
            ("rate>199", 2_000, false),
            ("rate<1", 2_000, false),
            ("spread.p50<1us", 1_011, false),
        ] {
            let threshold = Threshold::parse(text).unwrap();
            assert_eq!(m.is_lost(&threshold, most, Nanos::from_secs(10)), lost, "{text} of {most}");
        }
    }

    #[test]
    fn what_is_lost_fails_whatever_comes() {
        let m = measured();
        let texts = [
            "errors<1%",
            "success>99%",
            "p50<400ms",
            "p50>600ms",
            "p90<100ms",
            "max<1s",
            "min>1ms",
            "service.mean<100ms",
        ];
        for threshold in texts.map(|text| Threshold::parse(text).unwrap()) {
            for left in [0, 1, 10, 500, 1_000, 4_000] {
                let mut best = m.clone();
                best.accounting.ok += left;
                best.accounting.scheduled += left;
                let value = if threshold.relation.is_upper_bound() { Nanos(1) } else { Nanos::from_secs(100) };
                (0..left).for_each(|_| best.response.record(value));
                (0..left).for_each(|_| best.service.record(value));
                let is_lost = m.is_lost(&threshold, 1_010 + left, Nanos::from_secs(10));
                let line = best.judge(&threshold);
                assert!(!(is_lost && line.passed), "{} with {left} more: {line:?}", threshold.text);
            }
        }
    }
}
