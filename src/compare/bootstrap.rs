//! The interval of the ratio of two runs' numbers, by resampling each run's blocks.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use crate::rng::{below, for_request};

use super::block_length::Blocks;
use super::statistic::Statistic;

/// Between these the true ratio lies, 95 times in 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Zero where nothing is known of how low it is.
    pub low: f64,
    /// Infinite, `null` in JSON, where nothing is known of how high it is.
    pub high: f64,
}

/// Why there is no interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TooLittle {
    /// One run has this many independent blocks, fewer than [`FEWEST_BLOCKS`].
    Blocks(f64),
    /// The number is zero, or none, in a run or in some of what was drawn from it.
    Values,
}

/// With fewer independent blocks than this in a run, nothing is said.
pub const FEWEST_BLOCKS: f64 = 6.0;

const RESAMPLES: usize = 2000;
const TAIL: f64 = 0.025;
/// The same files give the same intervals.
const SEED: u64 = 1989;

/// The 95% interval of new / base.
///
/// Each run is drawn again 2,000 times from its own intervals, in blocks that
/// are as long as what is alike in neighbours (Künsch 1989,
/// on a circle as in Politis and Romano 1992, so that every interval weighs
/// the same). The ratios of the pairs have the percentiles of an expanded
/// percentile interval (Hesterberg 2015, section 4.5), which makes up for a
/// bootstrap of k blocks being too narrow by sqrt((k - 1) / k), and for the
/// normal distribution having thinner tails than Student's.
///
/// # Errors
/// If either run has too little for it.
pub fn ratio_interval(base: &Statistic, new: &Statistic) -> Result<Interval, TooLittle> {
    let [base_blocks, new_blocks] = [base, new].map(|statistic| Blocks::of(&statistic.influence()));
    let number = |statistic: &Statistic, blocks: Blocks| statistic.intervals() as f64 / blocks.length as f64;
    let blocks = number(base, base_blocks).min(number(new, new_blocks));
    if blocks < FEWEST_BLOCKS {
        return Err(TooLittle::Blocks(blocks));
    }
    let base = resampled(base, base_blocks, 0).ok_or(TooLittle::Values)?;
    let new = resampled(new, new_blocks, 1).ok_or(TooLittle::Values)?;
    Ok(interval(new.iter().zip(base).map(|(new, base)| new / base).collect(), blocks))
}

/// The 95% interval of new / base, of runs that took turns: interval i of the
/// one and interval i of the other followed each other. Pairs are drawn again,
/// so what changed slowly around both is in both numbers of a resample, and
/// cancels out of their ratio. Expanded as that of [`ratio_interval`].
///
/// # Errors
/// If there are too few pairs, or nothing in them.
pub fn paired_ratio_interval(base: &Statistic, new: &Statistic) -> Result<Interval, TooLittle> {
    let pairs = base.intervals().min(new.intervals());
    if (pairs as f64) < FEWEST_BLOCKS {
        return Err(TooLittle::Blocks(pairs as f64));
    }
    let mut rng = for_request(SEED, 2);
    let mut times = vec![0; pairs];
    let mut draw = || {
        times.fill(0);
        (0..pairs).for_each(|_| times[below(&mut rng, pairs as u32) as usize] += 1);
        let of = |statistic: &Statistic| statistic.of(&times).filter(|value| *value > 0.0);
        of(base).zip(of(new)).map(|(base, new)| new / base)
    };
    let ratios: Option<Vec<f64>> = (0..RESAMPLES).map(|_| draw()).collect();
    Ok(interval(ratios.ok_or(TooLittle::Values)?, pairs as f64))
}

/// The expanded percentile interval of these ratios, of resamples of `blocks` blocks.
fn interval(mut ratios: Vec<f64>, blocks: f64) -> Interval {
    ratios.sort_by(f64::total_cmp);
    let outside = (expanded_tail(blocks) * RESAMPLES as f64).floor() as usize;
    Interval { low: ratios[outside], high: ratios[RESAMPLES - 1 - outside] }
}

/// What lies on each side outside of an interval of so many blocks.
fn expanded_tail(blocks: f64) -> f64 {
    let t = StudentsT::new(0.0, 1.0, blocks - 1.0).expect("there are two blocks or more").inverse_cdf(TAIL);
    Normal::standard().cdf(t * (blocks / (blocks - 1.0)).sqrt())
}

/// The number in each resample, all above zero.
fn resampled(statistic: &Statistic, blocks: Blocks, stream: u64) -> Option<Vec<f64>> {
    let n = statistic.intervals();
    let whole = statistic.of(&vec![1; n]).filter(|value| *value > 0.0)?;
    let mut rng = for_request(SEED, stream);
    let mut times = vec![0; n];
    let mut draw = || {
        times.fill(0);
        let mut drawn = 0;
        while drawn < n {
            let start = below(&mut rng, n as u32) as usize;
            let block = blocks.length.min(n - drawn);
            (start..start + block).for_each(|i| times[i % n] += 1);
            drawn += block;
        }
        let value = statistic.of(&times).filter(|value| *value > 0.0)?;
        Some(whole * (value / whole).powf(blocks.stretch))
    };
    (0..RESAMPLES).map(|_| draw()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(values: impl IntoIterator<Item = f64>) -> Statistic {
        let values: Vec<f64> = values.into_iter().collect();
        let ones = vec![1.0; values.len()];
        Statistic::Ratio(values, ones)
    }

    #[test]
    fn what_does_not_vary_has_a_point_for_an_interval() {
        let interval = ratio_interval(&ratio([4.0; 30]), &ratio([5.0; 20])).unwrap();
        assert_eq!(interval, Interval { low: 1.25, high: 1.25 });
    }

    /// The mean of 1,000 numbers of which each half differs from the other by two standard deviations.
    #[test]
    fn the_interval_of_a_mean_is_that_of_students_distribution() {
        let noise = |i: u64| if crate::rng::mix(5, i).is_multiple_of(2) { 9.0 } else { 11.0 };
        let interval = ratio_interval(&ratio([10.0; 1000]), &ratio((0..1000).map(noise))).unwrap();
        let width = interval.high - interval.low;
        assert!((width / (2.0 * 1.984 * 0.1 / 1000_f64.sqrt()) - 1.0).abs() < 0.15, "{interval:?}");
    }

    #[test]
    fn few_blocks_tell_nothing() {
        let few = ratio([1.0; 5]);
        assert_eq!(ratio_interval(&few, &ratio([1.0; 60])), Err(TooLittle::Blocks(5.0)));
        let trend = ratio((0..60).map(|i| 100.0 + f64::from(i)));
        assert!(matches!(ratio_interval(&trend, &trend), Err(TooLittle::Blocks(_))));
    }

    #[test]
    fn a_number_that_may_be_zero_has_no_ratio() {
        let rare = ratio((0..60).map(|i| f64::from(u8::from(i == 30))));
        assert_eq!(ratio_interval(&rare, &ratio([1.0; 60])), Err(TooLittle::Values));
    }
}
