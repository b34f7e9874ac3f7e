//! Whether a run was steady: where its beginning ends, and what grows.

/// Where the beginning of a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steady {
    /// The first so many points belong to the beginning.
    From(usize),
    /// It had not ended by the middle.
    NotStationary,
    /// There are too few points to tell.
    TooShort,
}

/// Points are averaged by fives.
const BATCH: usize = 5;
/// Fewer averages than these tell nothing.
const FEWEST: usize = 10;

/// MSER-5 (White 1997; White, Cobb and Spratt 2000): of all ways to cut off a
/// beginning the one after which the mean of the rest is known best, that is
/// with the least sum of squared deviations / (number of the rest)^2. One that
/// cuts off half or more is no answer.
pub fn mser5(means: &[f64]) -> Steady {
    let batches: Vec<f64> = means.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    if batches.len() < FEWEST {
        return Steady::TooShort;
    }
    // Backwards, so that each rest is the one before and one more (Welford 1962).
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    let mut best = (f64::INFINITY, 0);
    for (cut, value) in batches.iter().enumerate().rev() {
        n += 1.0;
        let deviation = value - mean;
        mean += deviation / n;
        squares += deviation * (value - mean);
        // The last few are alike by chance.
        if n >= BATCH as f64 && squares / (n * n) <= best.0 {
            best = (squares / (n * n), cut);
        }
    }
    if best.1 < batches.len() / 2 { Steady::From(best.1 * BATCH) } else { Steady::NotStationary }
}

/// A straight line through points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Its slope.
    pub per_s: f64,
    /// The share of the variation that it explains: 0 to 1.
    pub r2: f64,
}

/// Least squares over (seconds, value). None with fewer than three points, or all at one time.
pub fn trend(points: &[(f64, f64)]) -> Option<Trend> {
    let n = points.len() as f64;
    let (mean_s, mean) =
        (points.iter().map(|(s, _)| s).sum::<f64>() / n, points.iter().map(|(_, y)| y).sum::<f64>() / n);
    let sum = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|(s, y)| of(s - mean_s, y - mean)).sum::<f64>();
    let (ss, sy, yy) = (sum(&|s, _| s * s), sum(&|s, y| s * y), sum(&|_, y| y * y));
    if points.len() < 3 || ss <= 0.0 {
        return None;
    }
    Some(Trend { per_s: sy / ss, r2: if yy > 0.0 { sy * sy / (ss * yy) } else { 0.0 } })
}

/// The natural logarithm of a positive integer, within 0.01: exponent and
/// mantissa from the bits of the number, and a quadratic through the mantissa.
#[inline]
pub fn ln_fast(n: u64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let bits = (n.max(1) as f64).to_bits();
    let fraction = (bits & MANTISSA) as f64 / (1u64 << 52) as f64;
    let exponent = (bits >> 52) as f64 - 1023.0;
    (exponent + fraction + 0.346 * fraction * (1.0 - fraction)) * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Rng, for_request};
    use proptest::prelude::*;

    /// `n` points of noise around `level(i)`.
    fn noisy(n: usize, level: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut rng = for_request(3, 7);
        (0..n).map(|i| level(i as f64) + (f64::from(rng.next_u32()) / f64::from(u32::MAX) - 0.5) * 0.2).collect()
    }

    #[test]
    fn a_steady_run_loses_next_to_nothing() {
        let Steady::From(cut) = mser5(&noisy(600, |_| 12.0)) else { panic!("it is steady") };
        assert!(cut <= 60, "{cut} of 600");
    }

    #[test]
    fn a_slow_beginning_is_cut_off() {
        let Steady::From(cut) = mser5(&noisy(600, |i| 12.0 + 3.0 * (-i / 30.0).exp())) else { panic!("it settles") };
        assert!((60..200).contains(&cut), "{cut}: after two to six time constants of 30");
    }

    #[test]
    fn what_goes_on_changing_is_not_stationary() {
        assert_eq!(mser5(&noisy(600, |i| 12.0 + i / 100.0)), Steady::NotStationary);
        assert_eq!(mser5(&noisy(600, |i| if i < 400.0 { 12.0 } else { 14.0 })), Steady::NotStationary);
        assert_eq!(mser5(&noisy(49, |_| 12.0)), Steady::TooShort);
    }

    #[test]
    fn a_trend_is_the_line_of_least_squares() {
        let line: Vec<_> = (0..50).map(|i| (f64::from(i) / 10.0, 7.0 + 20.0 * f64::from(i))).collect();
        let found = trend(&line).unwrap();
        assert!((found.per_s - 200.0).abs() < 1e-9 && (found.r2 - 1.0).abs() < 1e-12);
        assert_eq!(trend(&[(0.0, 3.0), (1.0, 3.0), (2.0, 3.0)]), Some(Trend { per_s: 0.0, r2: 0.0 }));
        assert_eq!((trend(&line[..2]), trend(&[(1.0, 2.0); 5])), (None, None));
    }

    proptest! {
        #[test]
        fn the_fast_logarithm_is_close_enough(n in 1u64..1 << 60) {
            prop_assert!((ln_fast(n) - (n as f64).ln()).abs() <= 0.01, "{} for {}", ln_fast(n), (n as f64).ln());
        }
    }
}
