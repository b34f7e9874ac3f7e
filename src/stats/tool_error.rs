//! How much of the response times is this tool's own.

use serde::{Deserialize, Serialize};

use crate::record::Record;
use crate::time::Nanos;

use super::Distribution;
use super::distribution::rank;

/// Response times of the answers whose error is known, once as measured and
/// once without this tool's own part, which is at most as long as the truth.
/// Quantile by quantile the truth lies between the two.
///
/// Where not each answer's error is known, those of a random sample stand for
/// as many as they were chosen from. Merging is exact in any order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ToolError {
    with: Distribution,
    without: Distribution,
}

impl ToolError {
    /// Counts an answer that stands for `weight` of them; for 0 its error is not known.
    #[inline]
    pub fn record(&mut self, record: &Record, weight: u32) {
        if weight > 0 {
            self.add(record.response(), record.tool_error(), weight);
        }
    }

    fn add(&mut self, response: Nanos, error: Nanos, weight: u32) {
        self.with.record_n(response, weight.into());
        self.without.record_n(response.since(error), weight.into());
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: &ToolError) {
        self.with.merge(&other.with);
        self.without.merge(&other.without);
    }

    /// Requests without an answer are as old as that at least, whoever was late.
    #[must_use]
    pub(super) fn and(mut self, censored: &Distribution) -> ToolError {
        self.with.merge(censored);
        self.without.merge(censored);
        self
    }

    /// Nothing is known of any answer.
    pub fn is_unknown(&self) -> bool {
        self.with.count() == 0
    }

    /// How much of x_p is this tool's part at most, which is `printed` of all answers. None: it is known of no answer.
    ///
    /// A sample's x_p is another one: where the answers of a short stall are one in a hundred, its p99 may be one of
    /// them and that of all answers not, or the other way round. So what is asked is how much of the sample's values
    /// like the one that is printed is this tool's. Where the sample is of all answers, its x_p is one of these.
    pub fn at(&self, p: super::Ppm, printed: Nanos) -> Option<Nanos> {
        let n = self.with.count();
        let below: u64 = self.with.buckets().take_while(|(_, high, _)| *high < printed).map(|(.., count)| count).sum();
        let up_to = self.with.count_up_to(printed);
        // If there are none, the next one on the side on which x_p is.
        let first = if up_to > below { below + 1 } else { below.max(1) };
        let rank = rank(n, p).clamp(first.min(n), up_to.max(below + 1).min(n));
        let own = self.with.value_at_rank(rank)?.since(self.without.value_at_rank(rank)?);
        Some(own.min(printed))
    }

    /// The share of the time of all answers that is this tool's.
    pub fn share(&self) -> f64 {
        let (with, without) = (self.with.sum() as f64, self.without.sum() as f64);
        if with == 0.0 { 0.0 } else { 1.0 - without / with }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the errors are, a quantile without them lies in [R - e, R].
        #[test]
        fn the_truth_lies_within_the_bound(answers in prop::collection::vec((1_u64..1_000_000, 0_u64..1_000_000, 0.0..1.0), 1..200)) {
            let (mut error, mut truth) = (ToolError::default(), Distribution::new());
            for (truly, late, known) in answers {
                // What is known of the lateness is never less than what there was of it.
                let bound = late + (known * truly as f64) as u64;
                error.add(Nanos(truly + late), Nanos(bound), 1);
                truth.record(Nanos(truly));
            }
            for p in [1, 500_000, 900_000, 990_000, 1_000_000] {
                let (with, truth) = (error.with.quantile(p).unwrap(), truth.quantile(p).unwrap());
                prop_assert!(truth <= with && with.since(error.at(p, with).unwrap()) <= truth);
            }
        }
    }

    #[test]
    fn a_sample_is_asked_for_what_is_printed() {
        // A hundredth of the answers was late by 30 ms, of which the sample has a few more than its share, or fewer.
        let sample = |late| {
            let mut error = ToolError::default();
            error.add(Nanos::from_millis(1), Nanos::ZERO, 1000 - late);
            error.add(Nanos::from_millis(31), Nanos::from_millis(30), late);
            error
        };
        let (few, many) = (sample(8), sample(12));
        let at =
            |error: &ToolError, ms| (error.at(990_000, Nanos::from_millis(ms)).unwrap().as_millis() * 100.0).round();
        for error in [&few, &many] {
            assert_eq!(at(error, 1), 0.0, "p99 is none of them");
            assert_eq!(at(error, 31), 3_000.0, "p99 is one of them");
        }
        assert_eq!((at(&few, 9), at(&many, 9)), (0.0, 900.0), "like none of the sample");
    }

    #[test]
    fn one_that_stands_for_several_counts_as_often() {
        let mut error = ToolError::default();
        assert!(error.is_unknown());
        error.add(Nanos(100), Nanos(40), 3);
        error.add(Nanos(200), Nanos(0), 1);
        let at = |error: &ToolError, p| error.at(p, error.with.quantile(p)?);
        assert_eq!((at(&error, 750_000), at(&error, 1_000_000)), (Some(Nanos(40)), Some(Nanos(0))));
        assert_eq!(error.share(), 120.0 / 500.0);
        let error = error.and(&{
            let mut cut = Distribution::new();
            cut.record_n(Nanos(300), 4);
            cut
        });
        assert_eq!((at(&error, 375_000), at(&error, 600_000)), (Some(Nanos(40)), Some(Nanos(0))));
    }
}
