//! Quantiles of times that were not all observed to their end.

use serde::{Deserialize, Serialize};

use crate::time::Nanos;

use super::distribution::rank;
use super::{Distribution, Ppm};

/// Requests without an answer: each took at least as long as is known.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Censored {
    /// Their time limit ran out, which would have done so for each that took longer.
    pub timed_out: Distribution,
    /// The run's end cut them off, sent or not, whenever they had begun: they say nothing of what comes after.
    pub cut: Distribution,
}

impl Censored {
    /// All of them.
    pub fn all(&self) -> Distribution {
        let mut all = self.timed_out.clone();
        all.merge(&self.cut);
        all
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Censored) {
        self.timed_out.merge(&other.timed_out);
        self.cut.merge(&other.cut);
    }
}

/// x_p by the product-limit estimate (Kaplan and Meier 1958): `ended` were observed to their end, `cut` are
/// right-censored at their ages. Without any of these it is the ceil(n p)-th smallest value, bit for bit. None: so
/// many were cut before that nothing can be said of x_p but that it lies above the rest.
pub fn quantile(ended: &Distribution, cut: &Distribution, p: Ppm) -> Option<Nanos> {
    let all = ended.count() + cut.count();
    let wanted = rank(all, p);
    let mut cuts = cut.buckets().peekable();
    // How many are still under observation, and the share that has lasted so long: until the first one is cut,
    // the number of those that have not.
    let (mut at_risk, mut over, mut surviving) = (all, 0, None);
    for (low, high, count) in ended.buckets() {
        // Within a bucket whoever was cut had lasted as long.
        while let Some((.., n)) = cuts.next_if(|(cut_low, ..)| *cut_low < low) {
            surviving = surviving.or(Some((all - over) as f64 / all as f64));
            at_risk -= n;
        }
        let is_reached = match &mut surviving {
            None => {
                over += count;
                over >= wanted
            }
            Some(share) => {
                *share *= 1.0 - count as f64 / at_risk as f64;
                // A rounding error is no request.
                *share <= 1.0 - p as f64 / 1e6 + 1e-12
            }
        };
        if is_reached {
            return Some(high.clamp(ended.min()?, ended.max()?));
        }
        at_risk -= count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn distribution(values: &[u64]) -> Distribution {
        let mut d = Distribution::new();
        values.iter().for_each(|&value| d.record(Nanos(value)));
        d
    }

    /// The textbook's example: remission times of 21 patients in weeks, of whom 12 were lost from sight (Freireich
    /// et al. 1963); the estimate's first steps are at 6 (0.857), 7 (0.807), 10 (0.753), 13 (0.690), 16 (0.627),
    /// 22 (0.538) and 23 (0.448).
    #[test]
    fn the_estimate_is_the_textbooks() {
        let ended = distribution(&[6, 6, 6, 7, 10, 13, 16, 22, 23]);
        let cut = distribution(&[6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]);
        for (p, expected) in [
            (142_000, Some(6)),
            (143_000, Some(7)),
            (190_000, Some(7)),
            (195_000, Some(10)),
            (300_000, Some(13)),
            (370_000, Some(16)),
            (460_000, Some(22)),
            (500_000, Some(23)),
            (551_000, Some(23)),
            (553_000, None),
        ] {
            assert_eq!(quantile(&ended, &cut, p), expected.map(Nanos), "{p}");
        }
    }

    #[test]
    fn who_was_cut_before_the_first_end_counts_for_nothing() {
        let ended = distribution(&[20, 20, 30, 40]);
        let cut = distribution(&[1, 1, 2]);
        assert_eq!(quantile(&ended, &cut, 500_000), Some(Nanos(20)));
        assert_eq!(quantile(&ended, &cut, 1_000_000), Some(Nanos(40)));
        assert_eq!(quantile(&distribution(&[]), &cut, 500_000), None);
    }

    proptest! {
        #[test]
        fn without_any_cut_it_is_the_value_at_the_rank(
            values in prop::collection::vec(0_u64..10_000_000, 1..200), p in 1_u64..=1_000_000,
        ) {
            let d = distribution(&values);
            prop_assert_eq!(quantile(&d, &Distribution::new(), p), d.quantile(p));
        }

        /// Those that were cut only make it larger than if they had ended there.
        #[test]
        fn it_is_no_less_than_if_all_had_ended(
            ended in prop::collection::vec(0_u64..1_000_000, 1..100),
            cut in prop::collection::vec(0_u64..1_000_000, 0..100),
            p in 1_u64..=1_000_000,
        ) {
            let (ended, cut) = (distribution(&ended), distribution(&cut));
            let mut all = ended.clone();
            all.merge(&cut);
            let lowest = all.quantile(p).unwrap();
            if let Some(estimate) = quantile(&ended, &cut, p) {
                prop_assert!(estimate.0 + estimate.0 / 500 >= lowest.0, "{estimate} {lowest}");
            }
        }

        /// From halves of a run comes what comes from the whole.
        #[test]
        fn merging_is_exact(
            values in prop::collection::vec((0_u64..1_000_000, any::<bool>(), any::<bool>()), 2..100), p in 1_u64..=1_000_000,
        ) {
            let part = |half: Option<bool>, ended: bool| {
                let chosen = values.iter().filter(|v| half.is_none_or(|half| v.1 == half) && v.2 == ended);
                distribution(&chosen.map(|v| v.0).collect::<Vec<_>>())
            };
            let merged = |ended| {
                let mut d = part(Some(true), ended);
                d.merge(&part(Some(false), ended));
                d
            };
            prop_assert_eq!(
                quantile(&merged(true), &merged(false), p), quantile(&part(None, true), &part(None, false), p)
            );
        }
    }
}
