//! Whether a run was steady: where its beginning ends, and what grows.

/// Where the beginning of a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steady {
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
pub(super) fn mser5(means: &[f64]) -> Steady {
    let Some(marginal) = marginal_errors(means) else { return Steady::TooShort };
    let cut = least(&marginal);
    if cut < marginal.len() / 2 { Steady::From(cut * BATCH) } else { Steady::NotStationary }
}

/// The sum of squared deviations / (number of the rest)^2 by the number of
/// batches cut off. None: too few points.
fn marginal_errors(means: &[f64]) -> Option<Vec<f64>> {
    let batches: Vec<f64> = means.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    if batches.len() < FEWEST {
        return None;
    }
    // Backwards, so that each rest is the one before and one more (Welford 1962).
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    let backwards = batches.iter().rev().map(|value| {
        n += 1.0;
        let deviation = value - mean;
        mean += deviation / n;
        squares += deviation * (value - mean);
        // The last few are alike by chance.
        if n >= BATCH as f64 { squares / (n * n) } else { f64::INFINITY }
    });
    let mut marginal: Vec<f64> = backwards.collect();
    marginal.reverse();
    Some(marginal)
}

/// The first of the least ones.
fn least(marginal: &[f64]) -> usize {
    (0..marginal.len()).min_by(|a, b| marginal[*a].total_cmp(&marginal[*b])).unwrap_or(0)
}

/// The run is cut in two here, at each of these shares of it, and the parts are compared.
const CUTS: [f64; 5] = [0.5, 0.6, 0.7, 0.8, 0.9];
/// So many standard errors part what changed from what varies. They are known
/// from few independent values, and the largest of several differences counts:
/// in the simulations below less than 2 % of steady runs of a minute go beyond.
const SIGNIFICANT: f64 = 7.5;
/// The 95% interval of the difference between two halves reaches three standard
/// errors to each side: by simulation, as they are known from few values.
const INTERVAL: f64 = 3.0;
/// A change by less than 5 % (of the logarithm) is no matter to anybody.
const RELEVANT: f64 = 0.05;
/// Of halves whose difference is known less well than that, nothing is said.
const TELLING: f64 = 0.25;
/// What a clock, a histogram or a scheduler may do to the halves of a run that
/// does not vary at all.
const EXACT: f64 = 0.01;
/// Points are averaged to about so many: what there is to see is much longer.
const COARSE: usize = 60;

/// What became of response times in the course of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Course {
    /// Whether the whole run was in one state. None: that cannot be told.
    pub(super) stationary: Option<bool>,
    /// The number of points after which they changed no more. None: they did, or that cannot be told.
    pub(super) from: Option<usize>,
}

/// Whether response times settled by the middle of a run, when, and whether
/// there was anything to settle. MSER-5 says which beginning to leave out, of
/// the first half: it has no answer for many a steady run whose points are
/// alike because they followed each other. The run changed if what is left differs
/// before and after a cut, by more than it varies. It is called stationary only
/// if its halves, the beginning included, differ by less than the interval of
/// their difference.
pub(super) fn course(means: &[f64]) -> Course {
    let Some(marginal) = marginal_errors(means) else { return Course { stationary: None, from: None } };
    let (first_half, _) = marginal.split_at(marginal.len() / 2);
    let best = least(first_half);
    let beginning = best * BATCH;
    let (all, rest) = (coarse(means), coarse(&means[beginning..]));
    let changed =
        |points: &[f64]| CUTS.iter().any(|share| Difference::new(points, *share).is_beyond(SIGNIFICANT, RELEVANT));
    // A beginning that is half of the run may be the first half of a drift.
    if changed(&rest) || least(&marginal) != best && changed(&all) {
        return Course { stationary: Some(false), from: None };
    }
    let of_rest = Difference::new(&rest, 0.5);
    let settled = !of_rest.is_beyond(INTERVAL, EXACT);
    let mut halves = Difference::new(&all, 0.5);
    if halves.by > RELEVANT {
        // What varies by chance is what varied after the beginning.
        halves.error = halves.error.min(of_rest.error);
    }
    let differ = halves.is_beyond(INTERVAL, EXACT);
    // Nothing is said of halves that differ a little or of which little is known, nor of what has not settled.
    let is_told = if differ { halves.by > RELEVANT } else { INTERVAL * halves.error <= TELLING };
    let stationary = (settled && is_told).then_some(!differ);
    Course { stationary, from: settled.then_some(beginning) }
}

/// A warm-up has seen this many points of what it hands over, or more where
/// they vary so much that a change by 5 % would not show.
const LEAST_REST: usize = 25;
const LEAST_REST_OF_WHAT_VARIES: usize = 100;

/// Whether a warm-up with these points has become steady: what is left behind
/// the beginning that MSER-5 leaves out rises and falls no more.
pub fn has_settled(means: &[f64]) -> bool {
    let Steady::From(beginning) = mser5(means) else { return false };
    let rest = &means[beginning..];
    let differences = [0.5, 0.75].map(|share| Difference::new(&coarse(rest), share));
    let is_precise = differences.iter().all(|difference| INTERVAL * difference.error <= RELEVANT);
    let least = if is_precise { LEAST_REST } else { LEAST_REST_OF_WHAT_VARIES };
    rest.len() >= least && !differences.iter().any(|difference| difference.is_beyond(INTERVAL, EXACT))
}

fn coarse(points: &[f64]) -> Vec<f64> {
    let mut coarse: Vec<f64> = points.rchunks_exact((points.len() / COARSE).max(1)).map(mean).collect();
    coarse.reverse();
    coarse
}

/// By how much the means before and after a cut differ, and how well that is known.
#[derive(Clone, Copy, Debug)]
struct Difference {
    by: f64,
    /// Its standard error.
    error: f64,
}

impl Difference {
    /// The cut is after this share of the points.
    fn new(points: &[f64], share: f64) -> Difference {
        let (early, late) = points.split_at((points.len() as f64 * share) as usize);
        let n = points.len() as f64;
        let variance = (early.len() as f64 * spectrum_at_zero(early) + late.len() as f64 * spectrum_at_zero(late)) / n;
        let error = (variance * (1.0 / early.len() as f64 + 1.0 / late.len() as f64)).sqrt();
        Difference { by: (mean(late) - mean(early)).abs(), error }
    }

    fn is_beyond(self, errors: f64, least: f64) -> bool {
        self.by > least && self.by > errors * self.error
    }
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

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use super::*;
    use crate::rng::{Rng, for_request};

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

    /// A minute of samples.
    const MINUTE: usize = 600;
    const NEVER: usize = usize::MAX;
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

    /// The mean logarithm of the time in an M/M/1 queue, sample by sample: 100 a second can be served, 80 come.
    fn queue(seed: u64) -> Vec<f64> {
        let mut rng = for_request(seed, 1);
        let mut samples = vec![(0.0, 0.0); MINUTE];
        // It begins in its steady state, but for a time that is not looked at.
        let (mut come, mut gone) = (-10.0f64, -10.0f64);
        while come < MINUTE as f64 / 10.0 {
            come -= uniform(&mut rng).ln() / 80.0;
            gone = gone.max(come) - uniform(&mut rng).ln() / 100.0;
            if gone >= 0.0
                && let Some(sample) = samples.get_mut((gone * 10.0) as usize)
            {
                *sample = (sample.0 + 1.0, sample.1 + (gone - come).ln());
            }
        }
        samples.into_iter().filter(|(count, _)| *count > 0.0).map(|(count, sum)| sum / count).collect()
    }

    /// How many of the runs are said not to be stationary, in percent.
    fn changing(run: impl Fn(u64) -> Vec<f64>) -> f64 {
        share(|seed| course(&run(seed)).stationary == Some(false) && course(&run(seed)).from.is_none())
    }

    /// The share of runs of which this is true, in percent.
    fn share(holds: impl Fn(u64) -> bool) -> f64 {
        (0..RUNS).filter(|seed| holds(*seed)).count() as f64 * 100.0 / RUNS as f64
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
        let cut = course(&noisy(MINUTE, |i| 12.0 + 3.0 * (-i / 30.0).exp())).from.unwrap();
        assert!((60..200).contains(&cut), "{cut}");
        let told = |stationary, from| Course { stationary, from };
        assert_eq!(course(&[12.0; 100]), told(Some(true), Some(0)));
        assert_eq!(course(&noisy(MINUTE, |i| 12.0 + i / 100.0)), told(Some(false), None));
        assert_eq!(course(&noisy(49, |_| 12.0)), told(None, None));
    }

    /// What a server does, by the second: the logarithm of its response time.
    type Scenario = fn(f64) -> f64;

    /// The points of half a minute, a tenth of a second each, with what varies by chance.
    fn points(scenario: Scenario, seed: u64, spread: f64) -> Vec<f64> {
        let noise = autoregressive(seed, 0.5, spread).into_iter().enumerate();
        noise.map(|(i, noise)| 15.0 + scenario(i as f64 / 10.0) + noise).collect()
    }

    struct Case {
        name: &'static str,
        scenario: Scenario,
        /// The points after which the warm-up ends.
        ends: RangeInclusive<usize>,
        /// The share of runs of half a minute that are called stationary, in percent.
        stationary: RangeInclusive<f64>,
    }

    #[test]
    fn a_warm_up_and_a_verdict_fit_what_the_server_does() {
        const FASTER: f64 = 0.0953;
        let case = |name, ends, stationary, scenario: Scenario| Case { name, scenario, ends, stationary };
        let (never, none, few, most) = (NEVER..=NEVER, 0.0..=0.0, 0.0..=10.0, 95.0..=100.0);
        let cases = [
            case("steady", 50..=200, most.clone(), |_| 0.0),
            case("slows by 10 % every half second", never.clone(), none.clone(), |s| FASTER * (2.0 * s).floor()),
            case("quickens by 10 % every half second", never, none.clone(), |s| -FASTER * (2.0 * s).floor()),
            case("slows for 12 s", 145..=400, none.clone(), |s| FASTER * (2.0 * s.min(12.0)).floor()),
            case("quickens for 12 s", 145..=400, none.clone(), |s| -FASTER * (2.0 * s.min(12.0)).floor()),
            case("a step at 3 s", 55..=200, few.clone(), |s| if s < 3.0 { 0.0 } else { 0.3 }),
            case("a step at 21 s", 50..=200, none, |s| if s < 21.0 { 0.0 } else { 0.3 }),
            case("sawtooth", 50..=200, most, |s| 0.3 * (s / 2.0).fract()),
            case("a stall", 50..=200, few.clone(), |s| if (2.0..2.5).contains(&s) { 3.0 } else { 0.0 }),
            case("a cold cache", 60..=400, few, |s| 1.5 * (-s / 1.5).exp()),
        ];
        for spread in [0.003, 0.03] {
            for Case { name, scenario, ends, stationary } in &cases {
                let runs: Vec<_> = (0..RUNS).map(|seed| points(*scenario, seed, spread)).collect();
                // A worker asks ten times a second; here it is asked more seldom.
                let end = |run: &Vec<f64>| (5..=MINUTE).step_by(5).find(|n| has_settled(&run[..*n]));
                for run in runs.iter().take(RUNS as usize / 10) {
                    let at = end(run).unwrap_or(NEVER);
                    assert!(ends.contains(&at), "{name}, {spread}: the warm-up ended after {at} points");
                }
                let percent = share(|seed| course(&runs[seed as usize][..MINUTE / 2]).stationary == Some(true));
                assert!(stationary.contains(&percent), "{name}, {spread}: {percent} % are called stationary");
            }
        }
    }

    #[test]
    fn a_run_that_settled_late_is_told_from_when() {
        let told = course(&noisy(MINUTE, |i| if i < 200.0 { 12.0 } else { 13.0 }));
        assert_eq!((told.stationary, told.from.map(|from| from / 10)), (Some(false), Some(20)));
    }

    #[test]
    fn a_trend_is_the_line_of_least_squares() {
        let line: Vec<_> = (0..50).map(|i| (f64::from(i) / 10.0, 7.0 + 20.0 * f64::from(i))).collect();
        let found = trend(&line).unwrap();
        assert!((found.per_s - 200.0).abs() < 1e-9 && (found.r2 - 1.0).abs() < 1e-12);
        assert_eq!(trend(&[(0.0, 3.0), (1.0, 3.0), (2.0, 3.0)]), Some(Trend { per_s: 0.0, r2: 0.0 }));
        assert_eq!((trend(&line[..2]), trend(&[(1.0, 2.0); 5])), (None, None));
    }
}
