//! Counts of durations in buckets of three significant digits.
//!
//! The buckets are those of HdrHistogram with a lowest value of 1 and three
//! digits (Gil Tene, hdrhistogram.org): 2,048 of width one, then 1,024 for
//! every doubling. A bucket is at most a thousandth of its values wide.

use std::ops::Range;

/// Buckets of width one; half as many for every doubling after them.
const LINEAR: usize = 2048;
const HALF: usize = LINEAR / 2;
/// One hour in nanoseconds, and what else falls into its bucket, is still counted.
pub(super) const BUCKETS: usize = index(3_600_000_000_000) + 1;

/// Which bucket a number is in.
#[inline]
pub(super) const fn index(value: u64) -> usize {
    let doublings = ((LINEAR as u64 - 1) | value).ilog2() + 1 - LINEAR.ilog2();
    doublings as usize * HALF + (value >> doublings) as usize
}

/// The smallest and the largest number of a bucket.
pub(super) const fn bounds(index: usize) -> (u64, u64) {
    if index < LINEAR {
        return (index as u64, index as u64);
    }
    let doublings = index / HALF - 1;
    let lowest = ((index % HALF + HALF) as u64) << doublings;
    (lowest, lowest + (1 << doublings) - 1)
}

/// Buckets are looked through in blocks of so many: most blocks of a short interval are empty.
const BLOCK: usize = 16;

/// A count for every bucket. Whoever owns it knows which range of them is in use.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    counts: Box<[u64]>,
    /// For each block whether a bucket of it may hold anything.
    touched: Box<[bool]>,
}

impl Counts {
    /// Allocates all that it will ever need: 270 kB, touched only where values fall.
    pub(super) fn new() -> Counts {
        Counts { counts: vec![0; BUCKETS].into(), touched: vec![false; BUCKETS.div_ceil(BLOCK)].into() }
    }

    /// Counts a number; false if it is beyond the last bucket.
    #[inline]
    pub(super) fn add(&mut self, value: u64) -> bool {
        let index = index(value);
        match (self.counts.get_mut(index), self.touched.get_mut(index / BLOCK)) {
            (Some(count), Some(touched)) => {
                *count += 1;
                *touched = true;
                true
            }
            _ => false,
        }
    }

    /// How many numbers are in the bucket `index`.
    pub(super) fn of(&self, index: usize) -> u64 {
        self.counts[index]
    }

    /// Counts `count` numbers of the bucket `index`.
    pub(super) fn add_to(&mut self, index: usize, count: u64) {
        self.counts[index] += count;
        self.touched[index / BLOCK] = true;
    }

    /// Adds what `other` has in `range`.
    pub(super) fn merge(&mut self, other: &Counts, range: Range<usize>) {
        for block in other.blocks(range) {
            let buckets = buckets(block);
            self.touched[block] = true;
            let theirs = &other.counts[buckets.clone()];
            self.counts[buckets].iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        }
    }

    /// Empties `range`.
    pub(super) fn clear(&mut self, range: Range<usize>) {
        let blocks = range.start / BLOCK..range.end.div_ceil(BLOCK);
        for block in blocks {
            if std::mem::take(&mut self.touched[block]) {
                self.counts[buckets(block)].fill(0);
            }
        }
    }

    /// The buckets of `range` that hold anything, ascending: (index, count).
    pub(super) fn in_use(&self, range: Range<usize>) -> impl Iterator<Item = (usize, u64)> + '_ {
        let buckets = self.blocks(range).flat_map(buckets);
        buckets.map(|index| (index, self.counts[index])).filter(|(_, count)| *count > 0)
    }

    /// The blocks of `range` that may hold anything.
    fn blocks(&self, range: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        let blocks = range.start / BLOCK..range.end.div_ceil(BLOCK);
        blocks.filter(|block| self.touched[*block])
    }
}

/// The buckets of a block.
fn buckets(block: usize) -> Range<usize> {
    block * BLOCK..((block + 1) * BLOCK).min(BUCKETS)
}

/// The buckets that numbers from `min` to `max` fall into, the last bucket for all beyond it.
pub(super) fn range(min: u64, max: u64) -> Range<usize> {
    if min > max {
        return 0..0;
    }
    index(min).min(BUCKETS)..(index(max) + 1).min(BUCKETS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_buckets_are_those_of_hdr_histogram() {
        for (value, expected) in [(0, 0), (1, 1), (2047, 2047), (2048, 2048), (2049, 2048), (4095, 3071), (4096, 3072)]
        {
            assert_eq!(index(value), expected, "{value}");
        }
        assert_eq!((bounds(2047), bounds(2048), bounds(3071)), ((2047, 2047), (2048, 2049), (4094, 4095)));
    }

    proptest! {
        #[test]
        fn a_number_lies_within_its_bucket_which_is_a_thousandth_wide(value in 0u64..1 << 62) {
            let (low, high) = bounds(index(value));
            prop_assert!(low <= value && value <= high);
            prop_assert!(high - low <= value / 1000);
            prop_assert_eq!((index(low), index(high)), (index(value), index(value)));
        }
    }
}
