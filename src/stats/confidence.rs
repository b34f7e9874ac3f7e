//! How sure a quantile is: order statistics, and batch means for values that are alike because they follow each other.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, StudentsT};

use super::Ppm;

/// So unlikely is each side of a 95% interval.
const TAIL: f64 = 0.025;

/// Ranks (l, u), counted from 1, between whose values x_p of `n` independent
/// values lies with 95 %: l = max{l : P(Bin(n, p) <= l - 1) <= .025}, u =
/// min{u : P(Bin(n, p) <= u - 1) >= .975} (David and Nagaraja, Order Statistics,
/// section 7.1). None: there are too few values, see [`needed`].
pub fn independent_ranks(n: u64, p: Ppm) -> Option<(u64, u64)> {
    if n < needed(p) {
        return None;
    }
    let binomial = Binomial::new(share(p), n).expect("a share is a probability");
    // The first k of 0..=n for which P(Bin <= k) is above a limit.
    let first = |is_enough: &dyn Fn(f64) -> bool| {
        let (mut low, mut high) = (0, n);
        while low < high {
            let middle = low.midpoint(high);
            if is_enough(binomial.cdf(middle)) { high = middle } else { low = middle + 1 }
        }
        low
    };
    // The last rank whose probability is small enough is the first one too many.
    let low = first(&|cdf| cdf > TAIL);
    let high = first(&|cdf| cdf >= 1.0 - TAIL) + 1;
    (low >= 1 && high <= n).then_some((low, high))
}

/// The fewest independent values of which an interval of x_p can be told:
/// with fewer, all of them may lie on one side of it. p99 needs 368.
pub fn needed(p: Ppm) -> u64 {
    // (1 - p)^n <= .025 and p^n <= .025.
    let enough = |share: f64| (TAIL.ln() / share.ln()).ceil() as u64;
    enough(share(p)).max(enough(1.0 - share(p)))
}

/// A part of a run, as long as the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its values that are not above x_p of the whole run.
    pub below: u64,
    /// All its values.
    pub count: u64,
}

/// Between which ranks a quantile lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranks {
    /// Counted from 1.
    pub low: u64,
    /// Likewise.
    pub high: u64,
    /// So many independent values would tell as much.
    pub n_eff: f64,
}

/// The 95% interval of x_p of `n` values that come in order of time in about
/// 30 batches (batch means: Law, Simulation Modeling and Analysis, section 9.5).
///
/// The share F_j of a batch that is not above x_p varies more than that of
/// independent values would, by tau = Var(mean of F_j) / (p (1 - p) / n): the
/// interval is that of n / tau independent values.
///
/// # Errors
/// There are too few of these, be it that the values are too much alike, or not two batches: how many times as
/// long a run would have enough, if that can be told.
pub fn batch_ranks(n: u64, p: Ppm, batches: &[Batch]) -> Result<Ranks, Option<f64>> {
    let batches: Vec<&Batch> = batches.iter().filter(|batch| batch.count > 0).collect();
    let counted: u64 = batches.iter().map(|batch| batch.count).sum();
    if batches.len() < 2 || counted == 0 {
        return Err(None);
    }
    let (n_all, b, p_share) = (n as f64, batches.len() as f64, share(p));
    let mean = batches.iter().map(|batch| batch.below).sum::<u64>() as f64 / counted as f64;
    // Of batches with different counts, each weighs as much as it has values.
    let deviation = |batch: &Batch| (batch.below as f64 - mean * batch.count as f64).powi(2);
    let variance = batches.iter().map(|batch| deviation(batch)).sum::<f64>() * b / (b - 1.0) / (counted as f64).powi(2);
    let independent = p_share * (1.0 - p_share) / n_all;
    let tau = (variance / independent).max(1.0);
    let n_eff = n_all / tau;
    let t = StudentsT::new(0.0, 1.0, b - 1.0).expect("two batches have a degree of freedom").inverse_cdf(1.0 - TAIL);
    let half = t * (n_all * p_share * (1.0 - p_share) * tau).sqrt();
    let (low, high) = ((n_all * p_share - half).floor(), (n_all * p_share + half).ceil());
    if n_eff >= needed(p) as f64 && low >= 1.0 && high <= n_all {
        return Ok(Ranks { low: low as u64, high: high as u64, n_eff });
    }
    // Both ends are within the values from here on, of n_eff of them that are independent.
    let both_ends = t * t * (p_share / (1.0 - p_share)).max((1.0 - p_share) / p_share);
    Err(Some((needed(p) as f64).max(both_ends) / n_eff))
}

fn share(p: Ppm) -> f64 {
    p as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_ranks_are_those_of_the_binomial_distribution() {
        assert_eq!(independent_ranks(1_000, 990_000), Some((983, 997)));
        assert_eq!(independent_ranks(10_000, 990_000), Some((9_880, 9_920)));
        assert_eq!(independent_ranks(100_000, 999_000), Some((99_880, 99_920)));
        assert_eq!(independent_ranks(367, 990_000), None);
    }

    #[test]
    fn the_fewest_values_for_an_interval() {
        for (p, n) in [(990_000, 368), (999_000, 3_688), (999_900, 36_887), (500_000, 6), (900_000, 36), (10_000, 368)]
        {
            assert_eq!(needed(p), n, "p = {p} ppm");
            assert!(independent_ranks(n, p).is_some() && independent_ranks(n - 1, p).is_none(), "p = {p} ppm");
        }
    }

    /// 30 batches of 1,000 values, of which `below(j)` are not above the 990 per mille.
    fn batches(below: impl Fn(u64) -> u64) -> Vec<Batch> {
        (0..30).map(|j| Batch { below: below(j), count: 1_000 }).collect()
    }

    #[test]
    fn batches_that_vary_no_more_than_chance_give_nearly_the_independent_interval() {
        let even = batch_ranks(30_000, 990_000, &batches(|_| 990)).unwrap();
        let (low, high) = independent_ranks(30_000, 990_000).unwrap();
        assert!(even.low <= low && even.high >= high && even.high - even.low <= (high - low) * 11 / 10, "{even:?}");
        assert_eq!(even.n_eff, 30_000.0);
    }

    #[test]
    fn batches_that_vary_widen_the_interval_until_there_is_none() {
        let bursts = |one_in: u64| batches(move |j| if j % one_in == 0 { 1_000 - 10 * one_in } else { 1_000 });
        let even = batch_ranks(30_000, 990_000, &batches(|_| 990)).unwrap();
        let some = batch_ranks(30_000, 990_000, &bursts(2)).unwrap();
        assert!(some.low < even.low && some.high > even.high && some.n_eff < even.n_eff / 5.0);
        let alike = batch_ranks(30_000, 990_000, &bursts(30)).unwrap_err().expect("all that is slow lies in one batch");
        assert!(alike > 1.0, "{alike}");
        // 100 requests, where t = 2.045 with 29 degrees of freedom needs 414.
        let few = batch_ranks(100, 990_000, &batches(|_| 990)).unwrap_err().unwrap();
        assert!((few - 4.14).abs() < 0.01, "{few}");
        assert_eq!(batch_ranks(1_000, 990_000, &[Batch { below: 990, count: 1_000 }]), Err(None));
    }
}
