//! A distribution's numbers, and a picture of it.

use serde::{Deserialize, Serialize};

use crate::stats::confidence::needed;
use crate::stats::distribution::rank;
use crate::stats::encode::{from_base64, to_base64};
use crate::stats::{Censored, Distribution, Ppm, survival_quantile};
use crate::time::Nanos;

/// A distribution in milliseconds. A quantile x_p is the ceil(n*p)-th smallest value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the definition")]
pub struct Latency {
    pub count: u64,
    pub min: f64,
    pub mean: f64,
    pub stddev: f64,
    pub p50: f64,
    pub p75: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub p99_99: f64,
    pub max: f64,
    /// Values that are only known to be at least as large as counted.
    #[serde(default)]
    pub censored: u64,
    /// The quantiles among them: each is at least the value given.
    #[serde(default)]
    pub at_least: Vec<String>,
    /// The quantiles for which there are too few values to be sure of anything.
    #[serde(default)]
    pub unsure: Vec<String>,
    /// Base64 of the compressed HdrHistogram V2 form, in nanoseconds.
    pub histogram: String,
}

/// The quantiles that a summary names.
const QUANTILES: [(&str, Ppm); 7] = [
    ("p50", 500_000),
    ("p75", 750_000),
    ("p90", 900_000),
    ("p95", 950_000),
    ("p99", 990_000),
    ("p99_9", 999_000),
    ("p99_99", 999_900),
];

impl Latency {
    /// The numbers of a distribution. None if it is empty.
    pub fn new(d: &Distribution) -> Option<Latency> {
        let [p50, p75, p90, p95, p99, p99_9, p99_99] = d.quantiles(QUANTILES.map(|(_, p)| p))?.map(Nanos::as_millis);
        Some(Latency {
            count: d.count(),
            min: d.min()?.as_millis(),
            mean: d.mean()? / 1e6,
            stddev: d.stddev()? / 1e6,
            p50,
            p75,
            p90,
            p95,
            p99,
            p99_9,
            p99_99,
            max: d.max()?.as_millis(),
            censored: 0,
            at_least: Vec::new(),
            unsure: unsure(d.count()),
            histogram: to_base64(d),
        })
    }

    /// The distribution that this is of, buckets, extremes and mean as they were.
    ///
    /// # Errors
    /// In words, if `histogram` is none.
    pub fn distribution(&self) -> Result<Distribution, String> {
        let exact = |ms: f64| Nanos((ms * 1e6).round() as u64);
        Ok(from_base64(&self.histogram)?.within(exact(self.min), exact(self.max), self.mean * 1e6))
    }

    /// As above, of responses and of requests that got none. What time-outs cut off is at least as old as they
    /// allowed; what the run's end did says nothing of what comes after its age, and is in no number but the
    /// quantiles, as [`survival_quantile`] has them. A quantile that falls among either is a lower bound.
    pub(super) fn censored(responses: &Distribution, censored: &Censored) -> Option<Latency> {
        let mut ended = responses.clone();
        ended.merge(&censored.timed_out);
        let mut all = ended.clone();
        all.merge(&censored.cut);
        // Of requests of which none ended there are ages only.
        let mut latency = Latency::new(if ended.count() > 0 { &ended } else { &all })?;
        latency.count = all.count();
        latency.censored = all.count() - responses.count();
        latency.unsure = unsure(all.count());
        if latency.censored == 0 {
            return Some(latency);
        }
        let quantiles = [
            &mut latency.p50,
            &mut latency.p75,
            &mut latency.p90,
            &mut latency.p95,
            &mut latency.p99,
            &mut latency.p99_9,
            &mut latency.p99_99,
        ];
        for (&(name, p), value) in QUANTILES.iter().zip(quantiles) {
            let (least, estimate) = (all.quantile(p)?, survival_quantile(&ended, &censored.cut, p));
            *value = estimate.unwrap_or(least).as_millis();
            // Were the time limit longer, it would be larger.
            let among_timed_out = |x| {
                let is_behind = censored.timed_out.min().is_some_and(|least| least <= x);
                is_behind && would_move(responses, rank(ended.count(), p), x)
            };
            if estimate.is_none_or(among_timed_out) {
                latency.at_least.push(name.into());
            }
        }
        latency.max = all.max()?.as_millis();
        if censored.timed_out.count() > 0 || censored.cut.max() == all.max() {
            latency.at_least.push("max".into());
        }
        Some(latency)
    }
}

fn unsure(n: u64) -> Vec<String> {
    QUANTILES.iter().filter(|(_, p)| n < needed(*p)).map(|(name, _)| (*name).into()).collect()
}

/// The value of this rank among exact ones and lower bounds is `lower`, and would be larger were the bounds so.
pub(super) fn would_move(exact: &Distribution, rank: u64, lower: Nanos) -> bool {
    // Values in one bucket are not told apart.
    exact.value_at_rank(rank).is_none_or(|upper| upper.0 > lower.0 + lower.0 / 500)
}

/// Maximum number of bars of the histogram.
const MAX_BARS: usize = 6;
/// Values that span less than this factor are on a linear axis.
const MIN_LOGARITHMIC: f64 = 8.0;

/// Response times in bars with round upper edges (1, 2 or 5 times a power of ten in ms, or multiples of such a step)
/// up to p99.9, so that an outlier cannot flatten the others; the last bar reaches to the maximum.
pub(super) fn bars(responses: &Distribution, timed_out: &Distribution) -> Vec<(f64, u64)> {
    let mut all = responses.clone();
    all.merge(timed_out);
    let (Some(min), Some(max), Some(high)) = (all.min(), all.max(), all.quantile(999_000)) else { return Vec::new() };
    let mut bars: Vec<(f64, u64)> = edges(min.0.max(1), high.0.max(1)).iter().map(|edge| (edge / 1e6, 0)).collect();
    let last = bars.len() - 1;
    // Most outliers are few, and get a bar of their own only if there is room.
    if max.as_millis() > bars[last].0 && bars.len() < MAX_BARS {
        bars.push((max.as_millis(), 0));
    }
    let last = bars.len() - 1;
    bars[last].0 = bars[last].0.max(max.as_millis());
    let mut counted = 0;
    for (low, _, count) in all.buckets() {
        // A bucket is 0.1% wide: one that an edge lies in is below it.
        let place = bars.iter().position(|(bound, _)| low.as_millis() <= *bound).unwrap_or(last);
        bars[place].1 += count;
        counted += count;
    }
    bars[last].1 += all.count() - counted;
    bars
}

/// Round numbers of nanoseconds, of which the first is not below `low` and the last not below `high`.
fn edges(low: u64, high: u64) -> Vec<f64> {
    let (low, high) = (low as f64, high as f64);
    if high / low < MIN_LOGARITHMIC {
        let step = round_steps().find(|step| (high / step).ceil() - (low / step).ceil() < MAX_BARS as f64);
        let step = step.unwrap_or(high);
        let (first, last) = ((low / step).ceil() as u64, (high / step).ceil() as u64);
        return (first..=last).map(|n| n as f64 * step).collect();
    }
    // All of 1, 2, 5, 10, 20, ...; or every second, third, ... of them.
    let all: Vec<f64> = round_steps().skip_while(|edge| *edge < low).collect();
    let last = all.iter().position(|edge| *edge >= high).unwrap_or(all.len() - 1);
    let every = (last + 1).div_ceil(MAX_BARS);
    all[last % every..=last].iter().step_by(every).copied().collect()
}

/// 1, 2, 5, 10, 20, ... up to more nanoseconds than any distribution holds.
fn round_steps() -> impl Iterator<Item = f64> {
    (0..18).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(values: impl IntoIterator<Item = u64>) -> Distribution {
        let mut d = Distribution::new();
        values.into_iter().for_each(|ms| d.record(Nanos::from_millis(ms)));
        d
    }

    fn timed_out(values: impl IntoIterator<Item = u64>) -> Censored {
        Censored { timed_out: distribution(values), ..Censored::default() }
    }

    #[test]
    fn quantiles_below_every_lower_bound_are_exact() {
        let latency = Latency::censored(&distribution(1..=95), &timed_out([1000; 5])).unwrap();
        assert_eq!((latency.count, latency.censored), (100, 5));
        assert_eq!(latency.at_least, ["p99", "p99_9", "p99_99", "max"]);
        assert!((latency.p95 - 95.0).abs() < 0.1 && (latency.p99 - 1000.0).abs() < 1.0);
    }

    #[test]
    fn a_small_lower_bound_makes_every_quantile_above_it_one() {
        let latency = Latency::censored(&distribution([10, 20, 30, 40]), &timed_out([1])).unwrap();
        assert_eq!(latency.at_least, ["p50", "p75", "p90", "p95", "p99", "p99_9", "p99_99", "max"]);
    }

    #[test]
    fn requests_that_the_end_cut_off_are_no_samples() {
        let responses = distribution((0..100).map(|n| 20 + n % 10));
        let cut = Censored { cut: distribution([1, 1, 2, 3, 4, 25, 26]), ..Censored::default() };
        let (with, without) = (Latency::censored(&responses, &cut).unwrap(), Latency::new(&responses).unwrap());
        assert_eq!((with.min, with.mean, with.max), (without.min, without.mean, without.max));
        assert_eq!((&with.histogram, with.p99), (&without.histogram, without.p99));
        // Two are still under way at 25 ms: the 51st of 102 is the median.
        assert!((with.p50 - 25.0).abs() < 0.05 && (without.p50 - 24.0).abs() < 0.05);
        assert_eq!((with.count, with.censored, with.at_least.len()), (107, 7, 0));
        // Of those that waited longest, nothing is known but that.
        let hung = Censored { cut: distribution([500; 20]), ..Censored::default() };
        let with = Latency::censored(&responses, &hung).unwrap();
        assert_eq!(with.at_least, ["p90", "p95", "p99", "p99_9", "p99_99", "max"]);
        assert!((with.p50 - 25.0).abs() < 0.05 && (with.min, with.mean) == (without.min, without.mean));
        assert!((with.p99 - 500.0).abs() < 0.5 && with.max == 500.0);
        // Nothing else is known.
        let with = Latency::censored(&Distribution::new(), &hung).unwrap();
        assert_eq!((with.min, with.count, with.censored), (500.0, 20, 20));
    }

    #[test]
    fn a_latency_gives_its_distribution_back() {
        let d = distribution((10..2000).chain([3_000_000]));
        let back = Latency::new(&d).unwrap().distribution().unwrap();
        assert!(back.buckets().eq(d.buckets()));
        assert_eq!((back.min(), back.max(), back.mean()), (d.min(), d.max(), d.mean()));
    }

    #[test]
    fn bars_count_every_value_once_and_an_outlier_does_not_flatten_them() {
        let d = distribution((10..2000).chain([3_000_000]));
        let bars = bars(&d, &Distribution::new());
        assert_eq!(bars.iter().map(|(_, n)| n).sum::<u64>(), d.count());
        assert!(bars.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(bars.iter().filter(|(_, n)| *n > 0).count() >= 5);
    }

    #[test]
    fn edges_are_round_and_few() {
        let shown = |values: Vec<u64>| {
            let bars = bars(&distribution(values), &Distribution::new());
            bars.iter().map(|(top, n)| format!("{top} {n}")).collect::<Vec<_>>()
        };
        assert_eq!(shown(vec![20; 10]), ["20 10"]);
        assert_eq!(shown((20..30).collect()), ["20 1", "22 2", "24 2", "26 2", "28 2", "30 1"].map(String::from));
        assert_eq!(shown(vec![1, 3, 3, 15, 40]), ["1 1", "2 0", "5 2", "10 0", "20 1", "50 1"]);
        // Four decades: every third of 1, 2, 5, so whole powers of ten.
        assert_eq!(shown(vec![1, 20, 300, 4_000, 9_000]), ["1 1", "10 0", "100 1", "1000 1", "10000 2"]);
        assert!(shown(vec![]).is_empty());
    }
}
