//! How much of the response times is this tool's own.

use crate::record::Record;
use crate::time::Nanos;

use super::Distribution;

/// Response times of the answers whose error is known, once as measured and
/// once without this tool's own part, which is at most as long as the truth.
/// Quantile by quantile the truth lies between the two.
///
/// Where not each answer's error is known, those of a random sample stand for
/// as many as they were chosen from. Merging is exact in any order.
#[derive(Clone, Debug, Default)]
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

    /// How far this tool's part moved the quantile at `p`, at most. None: it is not known.
    pub fn at(&self, p: super::Ppm) -> Option<Nanos> {
        Some(self.with.quantile(p)?.since(self.without.quantile(p)?))
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
                prop_assert!(truth <= with && with.since(error.at(p).unwrap()) <= truth);
            }
        }
    }

    #[test]
    fn one_that_stands_for_several_counts_as_often() {
        let mut error = ToolError::default();
        assert!(error.is_unknown());
        error.add(Nanos(100), Nanos(40), 3);
        error.add(Nanos(200), Nanos(0), 1);
        assert_eq!((error.at(750_000), error.at(1_000_000)), (Some(Nanos(40)), Some(Nanos(0))));
        assert_eq!(error.share(), 120.0 / 500.0);
        let error = error.and(&{
            let mut cut = Distribution::new();
            cut.record_n(Nanos(300), 4);
            cut
        });
        assert_eq!((error.at(375_000), error.at(600_000)), (Some(Nanos(40)), Some(Nanos(0))));
    }
}
