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

/// The run is cut in two here, at each of these shares of it, and the parts are compared.
const CUTS: [f64; 5] = [0.5, 0.6, 0.7, 0.8, 0.9];
/// So many standard errors part what changed from what varies. They are known
/// from few independent values, and the largest of several differences counts:
/// in the simulations below less than 2 % of steady runs of a minute go beyond.
const SIGNIFICANT: f64 = 7.0;
/// A change by less than 5 % (of the logarithm) is no matter to anybody.
const RELEVANT: f64 = 0.05;
/// Points are averaged to about so many: what there is to see is much longer.
const COARSE: usize = 60;

/// Whether a run settled by its middle, and when. MSER-5 says which beginning
/// to leave out, if it has an answer; it has none for many a steady run whose
/// points are alike because they followed each other. The run changed if what
/// is left differs before and after a cut, by more than it varies.
pub(super) fn settled(means: &[f64]) -> Steady {
    let beginning = match mser5(means) {
        Steady::TooShort => return Steady::TooShort,
        Steady::NotStationary => 0,
        Steady::From(cut) => cut,
    };
    let rest = &means[beginning..];
    let points: Vec<f64> = rest.rchunks_exact((rest.len() / COARSE).max(1)).map(mean).collect();
    let changed = CUTS.iter().any(|share| {
        // Of the points, the last one comes first.
        let (late, early) = points.split_at(points.len() - (points.len() as f64 * share) as usize);
        let difference = (mean(late) - mean(early)).abs();
        let n = points.len() as f64;
        let variance = (early.len() as f64 * spectrum_at_zero(early) + late.len() as f64 * spectrum_at_zero(late)) / n;
        let error = (variance * (1.0 / early.len() as f64 + 1.0 / late.len() as f64)).sqrt();
        difference > RELEVANT && difference > SIGNIFICANT * error
    });
    if changed { Steady::NotStationary } else { Steady::From(beginning) }
}

/// n times the variance of the mean of n points, which for points that are
/// alike because they followed each other is more than their variance: from the
/// partial sums of their deviations from a straight line (self-normalisation,
/// Shao 2010). The line, so that a drift counts as a change and not as
/// variation. The sums' mean square is n / 15 of it where points are independent
/// and, in the limit, in general.
fn spectrum_at_zero(points: &[f64]) -> f64 {
    let n = points.len() as f64;
    let (mean, middle) = (mean(points), (n - 1.0) / 2.0);
    let from_middle = || points.iter().enumerate().map(|(i, y)| (i as f64 - middle, y - mean));
    let (xy, xx) = from_middle().fold((0.0, 0.0), |(xy, xx), (x, y)| (xy + x * y, xx + x * x));
    let slope = if xx > 0.0 { xy / xx } else { 0.0 };
    let partial = from_middle().scan(0.0, |sum, (x, y)| {
        *sum += y - slope * x;
        Some(*sum * *sum)
    });
    15.0 * partial.sum::<f64>() / (n * n)
}

fn mean(points: &[f64]) -> f64 {
    points.iter().sum::<f64>() / points.len() as f64
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

    /// A minute of beats.
    const MINUTE: usize = 600;
    const RUNS: u64 = 200;

    fn uniform(rng: &mut impl Rng) -> f64 {
        (rng.next_u32() as f64 + 0.5) / (u32::MAX as f64 + 1.0)
    }

    /// Each point is `phi` of the one before and chance; they vary by `spread` (a standard deviation).
    fn autoregressive(seed: u64, phi: f64, spread: f64) -> Vec<f64> {
        let mut rng = for_request(seed, (phi * 100.0) as u64);
        let mut normal =
            || (-2.0 * uniform(&mut rng).ln()).sqrt() * (std::f64::consts::TAU * uniform(&mut rng)).cos() * spread;
        let mut last = normal();
        let mut next = || {
            last = phi * last + (1.0 - phi * phi).sqrt() * normal();
            last
        };
        (0..MINUTE).map(|_| next()).collect()
    }

    /// The mean logarithm of the time in an M/M/1 queue, beat by beat: 100 a second can be served, 80 come.
    fn queue(seed: u64) -> Vec<f64> {
        let mut rng = for_request(seed, 1);
        let mut beats = vec![(0.0, 0.0); MINUTE];
        // It begins in its steady state, but for a time that is not looked at.
        let (mut come, mut gone) = (-10.0f64, -10.0f64);
        while come < MINUTE as f64 / 10.0 {
            come -= uniform(&mut rng).ln() / 80.0;
            gone = gone.max(come) - uniform(&mut rng).ln() / 100.0;
            if gone >= 0.0
                && let Some(beat) = beats.get_mut((gone * 10.0) as usize)
            {
                *beat = (beat.0 + 1.0, beat.1 + (gone - come).ln());
            }
        }
        beats.into_iter().filter(|(count, _)| *count > 0.0).map(|(count, sum)| sum / count).collect()
    }

    /// How many of the runs are said not to be stationary, in percent.
    fn changing(run: impl Fn(u64) -> Vec<f64>) -> f64 {
        (0..RUNS).filter(|seed| settled(&run(*seed)) == Steady::NotStationary).count() as f64 * 100.0 / RUNS as f64
    }

    #[test]
    fn a_steady_run_whose_points_are_alike_is_stationary() {
        for phi in [0.0, 0.5, 0.9, 0.98] {
            let percent = changing(|seed| autoregressive(seed, phi, 0.1));
            assert!(percent <= 2.0, "phi {phi}: {percent} %");
        }
        let percent = changing(queue);
        assert!(percent <= 2.0, "M/M/1: {percent} %");
    }

    #[test]
    fn a_run_that_changes_by_a_fifth_is_not() {
        // Of a drift that begins at once, MSER-5 may take the first half for a beginning.
        // From which share of the run on it takes how long to change.
        for (name, from, takes) in
            [("drift", 0.0, 1.0), ("step at 55 %", 0.55, 1e-9), ("70 %", 0.7, 1e-9), ("80 %", 0.8, 1e-9)]
        {
            let change = |share: f64| ((share - from) / takes).clamp(0.0, 1.0);
            for (phi, least) in [(0.0, 97.0), (0.5, 95.0), (0.9, 75.0)] {
                let percent = changing(|seed| {
                    let noise = autoregressive(seed, phi, 0.03).into_iter().enumerate();
                    noise.map(|(i, noise)| noise + 1.2f64.ln() * change(i as f64 / MINUTE as f64)).collect()
                });
                assert!(percent >= least, "{name}, phi {phi}: {percent} %");
            }
        }
    }

    #[test]
    fn a_beginning_is_left_out_and_a_constant_is_steady() {
        let Steady::From(cut) = settled(&noisy(MINUTE, |i| 12.0 + 3.0 * (-i / 30.0).exp())) else { panic!() };
        assert!((60..200).contains(&cut), "{cut}");
        assert_eq!(settled(&[12.0; 100]), Steady::From(0));
        assert_eq!(settled(&noisy(MINUTE, |i| 12.0 + i / 100.0)), Steady::NotStationary);
        assert_eq!(settled(&noisy(49, |_| 12.0)), Steady::TooShort);
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
