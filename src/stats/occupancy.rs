//! How many there are at a time, and for how long: Little's law, kept by events.

use serde::{Deserialize, Serialize};

use std::ops::AddAssign;

use crate::time::Nanos;

/// Things that come and go, and the integral of their number over time.
///
/// When all have gone, the integral equals the sum of the times that each was
/// there (Little 1961), exactly: both are whole nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupancy {
    /// How many are there.
    pub count: u64,
    /// How many have come.
    pub entered: u64,
    /// The integral of `count` up to `seen`, in things x nanoseconds.
    integral: i128,
    #[serde(skip)]
    seen: Nanos,
}

impl Occupancy {
    /// Nothing is there at `at`.
    pub fn empty(at: Nanos) -> Occupancy {
        Occupancy { count: 0, entered: 0, integral: 0, seen: at }
    }

    /// One more is there from `at` on, which may lie in the past.
    #[inline]
    pub fn enter(&mut self, at: Nanos) {
        self.advance(at);
        self.integral += i128::from(self.seen.since(at).0);
        self.count += 1;
        self.entered += 1;
    }

    /// One has gone at `at`, which may lie in the past.
    #[inline]
    pub fn leave(&mut self, at: Nanos) {
        debug_assert!(self.count > 0, "what goes has entered");
        self.advance(at);
        self.integral -= i128::from(self.seen.since(at).0);
        self.count -= 1;
    }

    /// Time has passed until `at`.
    #[inline]
    pub fn advance(&mut self, at: Nanos) {
        if at > self.seen {
            self.integral += i128::from(at.since(self.seen).0) * i128::from(self.count);
            self.seen = at;
        }
    }

    /// The integral so far, in things x nanoseconds.
    pub fn integral(&self) -> i128 {
        self.integral
    }
}

/// Another worker's.
impl AddAssign for Occupancy {
    fn add_assign(&mut self, other: Occupancy) {
        self.count += other.count;
        self.entered += other.entered;
        self.integral += other.integral;
        self.seen = self.seen.max(other.seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_integral_equals_the_sum_of_stays_in_whatever_order_they_are_noticed(
            stays in prop::collection::vec((0u64..1_000, 0u64..1_000, 0u64..500), 0..50),
        ) {
            // (noticed, is it the end, the instant): noticing may come late, and never before the instant.
            let mut events: Vec<(u64, bool, u64)> = Vec::new();
            for &(entered, stay, late) in &stays {
                let noticed = entered + late;
                events.push((noticed, false, entered));
                events.push((noticed.max(entered + stay), true, entered + stay));
            }
            events.sort_unstable();
            let mut occupancy = Occupancy::empty(Nanos(100));
            for (_, is_end, at) in events {
                if is_end { occupancy.leave(Nanos(at)) } else { occupancy.enter(Nanos(at)) }
            }
            let sum: u64 = stays.iter().map(|&(_, stay, _)| stay).sum();
            prop_assert_eq!((occupancy.integral(), occupancy.count), (i128::from(sum), 0));
        }
    }
}
