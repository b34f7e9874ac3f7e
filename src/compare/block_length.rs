//! How long blocks have to be for what is alike in neighbours to stay together.

/// Correlations of this many lags in a row have to be small for the ones after them to be ignored.
const QUIET: usize = 5;

/// Blocks for resampling a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Blocks {
    /// How many values each has, at least 1.
    pub(super) length: usize,
    /// By how much the error of a mean is larger than resampling such blocks makes it, at least 1.
    pub(super) stretch: f64,
}

impl Blocks {
    /// As long as blocks are where nothing speaks for longer ones: what `n` values say of that is little,
    /// so the usual n^(1/3), but no fewer than eight blocks.
    fn shortest(n: usize) -> Blocks {
        let length = (n as f64).cbrt().ceil() as usize;
        Blocks { length: length.min(n / 8).max(1), stretch: 1.0 }
    }

    /// Blocks of the length that estimates the variance of a mean best, for a
    /// circular block bootstrap: Politis and White 2004 with the correction of
    /// Patton, Politis and White 2009, rounded up. At least [`Blocks::shortest`],
    /// at most a third of the values.
    ///
    /// What is alike across the ends of blocks is lost to the bootstrap; the
    /// spectrum at zero through the flat-top window that the rule goes by has it.
    pub(super) fn of(values: &[f64]) -> Blocks {
        let n = values.len();
        let lags = ((n as f64).sqrt().ceil() as usize + QUIET).min(n.saturating_sub(1));
        let shortest = Blocks::shortest(n);
        let covariances = autocovariances(values, lags);
        let Some(&variance) = covariances.first().filter(|variance| **variance > 0.0) else { return shortest };
        let small = 2.0 * ((n as f64).log10() / n as f64).sqrt();
        let speaks = |lag: usize| covariances[lag].abs() >= small * variance;
        // The last lag that speaks, before so many that do not.
        let mut last = 0;
        while let Some(next) = (last + 1..=(last + QUIET).min(lags)).find(|&lag| speaks(lag)) {
            last = next;
        }
        if last == 0 {
            return shortest;
        }
        let window = (2 * last).min(lags);
        // Lags count twice, as k and as -k.
        let term = |lag: usize, weight: f64| 2.0 * weight * covariances[lag];
        let flat_top = |lag: usize| term(lag, (2.0 * (1.0 - lag as f64 / window as f64)).min(1.0));
        let slope: f64 = (1..=window).map(|lag| lag as f64 * flat_top(lag)).sum();
        let spectrum = variance + (1..=window).map(flat_top).sum::<f64>();
        if spectrum <= variance {
            // Neighbours that are unlike each other make an interval of short blocks too wide, never too narrow.
            return shortest;
        }
        let best = (1.5 * (slope / spectrum).powi(2) * n as f64).cbrt();
        let length = best.min(n as f64 / 3.0).ceil().max(shortest.length as f64);
        let shared = (1..=lags.min(length as usize)).map(|lag| term(lag, 1.0 - lag as f64 / length)).sum::<f64>();
        Blocks { length: length as usize, stretch: (spectrum / (variance + shared)).sqrt().max(1.0) }
    }
}

/// Of lags 0 to `lags`.
fn autocovariances(values: &[f64], lags: usize) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let products = |lag: usize| values.iter().zip(&values[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    if values.is_empty() { Vec::new() } else { (0..=lags).map(|lag| products(lag) / n).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Rng, for_request};

    /// An autoregressive series of n values: each keeps a share of the one before.
    fn series(n: usize, share: f64) -> Vec<f64> {
        let mut rng = for_request(3, 0);
        let mut value = 0.0;
        let mut next = || {
            let noise: f64 = (0..12).map(|_| f64::from(rng.next_u32()) / f64::from(u32::MAX)).sum::<f64>() - 6.0;
            value = share * value + noise;
            value
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn independent_values_have_the_shortest_blocks() {
        assert_eq!(Blocks::of(&series(1000, 0.0)), Blocks { length: 10, stretch: 1.0 });
        assert_eq!([7, 10, 30, 60, 1200].map(|n| Blocks::shortest(n).length), [1, 1, 3, 4, 11]);
    }

    /// For an autoregressive series the best length is (6 r^2 / (1 - r^2)^2 n)^(1/3): 14 and 33 here.
    #[test]
    fn values_that_are_alike_need_longer_blocks_the_more_so_they_are() {
        let [some, more] = [0.5, 0.8].map(|share| Blocks::of(&series(1000, share)));
        assert!((9..20).contains(&some.length) && (24..45).contains(&more.length), "{some:?} {more:?}");
        assert!([some, more].iter().all(|blocks| (1.0..1.2).contains(&blocks.stretch)), "{some:?} {more:?}");
    }

    #[test]
    fn so_have_values_that_are_unlike_their_neighbours() {
        assert_eq!(Blocks::of(&series(60, -0.8)), Blocks::shortest(60));
    }

    #[test]
    fn nothing_and_constants_have_blocks_too() {
        assert_eq!([Blocks::of(&[]), Blocks::of(&[1.0]), Blocks::of(&[2.0; 60])], [0, 1, 60].map(Blocks::shortest));
    }
}
