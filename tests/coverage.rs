//! Intervals that claim 95 % hold the truth that often: simulated, with the truth known.
//!
//! Coverage is a statement over many runs, so these tests are long (some tens
//! of millions of simulated requests), and seeded: they give the same each time.

use onrush::rng::{Rng, SeedableRng, Xoshiro256PlusPlus, for_request};
use onrush::stats::{Batch, Ppm, batch_ranks, independent_ranks};

const QUANTILES: [Ppm; 3] = [500_000, 900_000, 990_000];

/// An exponential number of mean 1.
fn exponential(rng: &mut Xoshiro256PlusPlus) -> f64 {
    -((((rng.next_u64() >> 11) + 1) as f64) / (1u64 << 53) as f64).ln()
}

/// What a value below or at which a share p of exponential numbers of mean 1 lies.
fn exponential_quantile(p: Ppm) -> f64 {
    -(1.0 - p as f64 / 1e6).ln()
}

/// Counts of numbers in buckets a 128th of a doubling wide, and of those up to each true quantile.
struct Counts {
    buckets: Vec<u64>,
    up_to_truth: [u64; QUANTILES.len()],
}

const LOWEST: u64 = 40;
const BUCKETS: usize = 60 * 128;

impl Counts {
    fn new() -> Counts {
        Counts { buckets: vec![0; BUCKETS], up_to_truth: [0; QUANTILES.len()] }
    }

    fn bucket(x: f64) -> usize {
        ((x.to_bits() >> 45).saturating_sub((1023 - LOWEST) << 7) as usize).min(BUCKETS - 1)
    }

    fn add(&mut self, x: f64, truths: &[f64; QUANTILES.len()]) {
        self.buckets[Counts::bucket(x)] += 1;
        for (count, truth) in self.up_to_truth.iter_mut().zip(truths) {
            *count += u64::from(x <= *truth);
        }
    }
}

/// How often the interval of each quantile holds its truth, in runs of `n`
/// values in 30 batches. `ranks` gives an interval, from the batches.
fn coverage(
    runs: u64,
    n: u64,
    truths: [f64; QUANTILES.len()],
    mut values: impl FnMut(u64) -> Box<dyn FnMut() -> f64>,
    ranks: impl Fn(Ppm, &[Batch]) -> Option<(u64, u64)>,
) -> [f64; QUANTILES.len()] {
    const PARTS: u64 = 30;
    let mut held = [0; QUANTILES.len()];
    for run in 0..runs {
        let mut next = values(run);
        let parts: Vec<Counts> = (0..PARTS)
            .map(|_| {
                let mut counts = Counts::new();
                (0..n / PARTS).for_each(|_| counts.add(next(), &truths));
                counts
            })
            .collect();
        let total = |bucket: usize| parts.iter().map(|part| part.buckets[bucket]).sum::<u64>();
        for (i, &p) in QUANTILES.iter().enumerate() {
            let rank = (n * p).div_ceil(1_000_000);
            let mut seen = 0;
            let top = (0..BUCKETS).find(|&bucket| {
                seen += total(bucket);
                seen >= rank
            });
            let below = |part: &Counts| part.buckets[..=top.unwrap()].iter().sum();
            let batches: Vec<Batch> = parts.iter().map(|part| Batch { below: below(part), count: n / PARTS }).collect();
            // The values at ranks l and u enclose the truth if as many values are not above it.
            let up_to_truth: u64 = parts.iter().map(|part| part.up_to_truth[i]).sum();
            let Some((low, high)) = ranks(p, &batches) else { continue };
            held[i] += u64::from(low <= up_to_truth && up_to_truth < high);
        }
    }
    held.map(|held| held as f64 / runs as f64)
}

/// A queue with exponential gaps and service times: how long each customer is
/// there is exponential too, of rate 1 - rho in units of the service.
fn queue(rho: f64) {
    const N: u64 = 120_000;
    let truths = QUANTILES.map(|p| exponential_quantile(p) / (1.0 - rho));
    let sojourns = |run| -> Box<dyn FnMut() -> f64> {
        let mut rng = for_request(17, run);
        // It begins in its steady state.
        let mut sojourn = exponential(&mut rng) / (1.0 - rho);
        Box::new(move || {
            let now = sojourn;
            sojourn = (sojourn - exponential(&mut rng) / rho).max(0.0) + exponential(&mut rng);
            now
        })
    };
    let ranks = |p, batches: &[Batch]| batch_ranks(N, p, batches).ok().map(|ranks| (ranks.low, ranks.high));
    let covered = coverage(500, N, truths, sojourns, ranks);
    assert!(covered.iter().all(|share| (0.91..=0.98).contains(share)), "rho {rho}: {covered:?}");
}

#[test]
fn batch_means_hold_the_truth_of_a_queue_at_half_its_capacity() {
    queue(0.5);
}

#[test]
fn batch_means_hold_the_truth_of_a_queue_at_four_fifths_of_its_capacity() {
    queue(0.8);
}

#[test]
fn independent_ranks_hold_the_truth_of_independent_values() {
    const N: u64 = 9_990;
    let truths = QUANTILES.map(exponential_quantile);
    let values = |run| -> Box<dyn FnMut() -> f64> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(run);
        Box::new(move || exponential(&mut rng))
    };
    let covered = coverage(2_000, N, truths, values, |p, _| independent_ranks(N, p));
    assert!(covered.iter().all(|share| (0.935..=0.965).contains(share)), "{covered:?}");
}
