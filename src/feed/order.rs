//! Which row is whose: a function of (seed, number of the request), without a table.

use crate::rng::mix;

/// In which order the rows of a data file are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they stand, and from the first again behind the last.
    Sequential,
    /// Any row, each time.
    Random,
    /// All rows once, in an order that looks like chance; then all of them in another one.
    Shuffle,
    /// As they stand, each for one request. Whoever plans the run sees to it that it ends with the rows.
    Unique,
}

impl Order {
    /// The order with this name.
    pub fn parse(text: &str) -> Option<Order> {
        [Order::Sequential, Order::Random, Order::Shuffle, Order::Unique].into_iter().find(|o| o.name() == text)
    }

    /// `sequential`, `random`, `shuffle` or `unique`.
    pub fn name(self) -> &'static str {
        match self {
            Order::Sequential => "sequential",
            Order::Random => "random",
            Order::Shuffle => "shuffle",
            Order::Unique => "unique",
        }
    }

    /// The row of request `n` among `rows` rows, of which there is at least one.
    #[inline]
    pub(super) fn row_of(self, rows: u64, seed: u64, n: u64) -> u64 {
        match self {
            Order::Sequential | Order::Unique => n % rows,
            // Lemire's multiplication without rejection: the bias is below rows / 2^64.
            Order::Random => ((u128::from(mix(seed, n)) * u128::from(rows)) >> 64) as u64,
            Order::Shuffle => permuted(n % rows, rows, mix(seed, n / rows)),
        }
    }
}

/// A number for a feed's name (FNV-1a, 64 bits).
pub(super) fn salt(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// Luby and Rackoff need four; small halves are the better for some more.
const ROUNDS: u64 = 6;

/// Where the permutation of 0..`rows` that belongs to `key` takes `row`: a
/// Feistel network over an even number of bits, walked along its cycle until
/// it comes back below `rows` (Black and Rogaway 2002, "Ciphers with Arbitrary
/// Finite Domains"). Its domain is less than four times `rows`, so that
/// takes fewer than four steps on average; with a few rows only it takes more.
#[inline]
fn permuted(row: u64, rows: u64, key: u64) -> u64 {
    // With halves of two bits some permutations of four rows are a third more frequent than others.
    let half = (u64::BITS - (rows - 1).leading_zeros()).div_ceil(2).max(3);
    let mask = (1_u64 << half) - 1;
    let mut at = row;
    loop {
        let (mut left, mut right) = (at >> half, at & mask);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ (mix(key ^ round, right) & mask));
        }
        at = left << half | right;
        if at < rows {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pass(rows: u64, seed: u64, pass: u64) -> Vec<u64> {
        (pass * rows..(pass + 1) * rows).map(|n| Order::Shuffle.row_of(rows, seed, n)).collect()
    }

    #[test]
    fn orders_have_names() {
        for order in [Order::Sequential, Order::Random, Order::Shuffle, Order::Unique] {
            assert_eq!(Order::parse(order.name()), Some(order));
        }
        assert_eq!((Order::parse("Random"), Order::parse("")), (None, None));
    }

    #[test]
    fn a_shuffled_row_may_come_anywhere() {
        for rows in [2, 3, 5, 6, 16, 17] {
            let passes = 6_000;
            let mut count = vec![vec![0_u32; rows as usize]; rows as usize];
            for number in 0..passes {
                for (place, row) in pass(rows, 1, number).into_iter().enumerate() {
                    count[place][row as usize] += 1;
                }
            }
            let expected = passes as f64 / rows as f64;
            let chi: f64 = count.iter().flatten().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
            // Every row has one place, so what is squared is smaller by (rows - 1) / rows than in a table of
            // (rows - 1)^2 degrees of freedom. The bound is the mean of its chi-squared and five deviations.
            let free = ((rows - 1) * (rows - 1)) as f64;
            let chi = chi * (rows - 1) as f64 / rows as f64;
            assert!(chi < free + 5.0 * (2.0 * free).sqrt(), "{rows} rows: {chi}");
        }
    }

    #[test]
    fn huge_files_are_shuffled_too() {
        for rows in [u64::MAX, 1 << 63, (1 << 62) + 1] {
            assert!((0..100).all(|n| Order::Shuffle.row_of(rows, 1, n) < rows));
        }
    }

    #[test]
    fn random_rows_are_roughly_even() {
        let mut count = [0_u32; 10];
        (0..100_000).for_each(|n| count[Order::Random.row_of(10, 3, n) as usize] += 1);
        assert!(count.iter().all(|n| (9_500..10_500).contains(n)), "{count:?}");
    }

    proptest! {
        #[test]
        fn a_pass_has_every_row_once(rows in 1_u64..5_000, seed: u64, number in 0_u64..1_000) {
            let mut all = pass(rows, seed, number);
            all.sort_unstable();
            prop_assert!(all.into_iter().eq(0..rows));
        }

        #[test]
        fn passes_and_seeds_differ(rows in 50_u64..500, seed: u64) {
            prop_assert_ne!(pass(rows, seed, 0), pass(rows, seed, 1));
            prop_assert_ne!(pass(rows, seed, 0), pass(rows, seed ^ 1, 0));
            prop_assert_eq!(pass(rows, seed, 7), pass(rows, seed, 7));
        }

        #[test]
        fn the_others_are_within_the_file(rows in 1_u64.., seed: u64, n: u64) {
            prop_assert!(Order::Random.row_of(rows, seed, n) < rows);
            prop_assert_eq!(Order::Sequential.row_of(rows, seed, n), n % rows);
            prop_assert_eq!(Order::Unique.row_of(rows, seed, n), n % rows);
        }
    }
}
