//! How many there are at a time, and for how long: Little's law, kept by events.

use std::ops::AddAssign;

use crate::time::Nanos;

/// Things that come and go, and the integral of their number over time.
///
/// When all have gone, the integral equals the sum of the times that each was
/// there (Little 1961), exactly: both are whole nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// How many are there.
    pub present: u64,
    /// How many have come.
    pub come: u64,
    /// The integral of `present` up to `seen`, in things x nanoseconds.
    area: i128,
    seen: Nanos,
}

impl Flow {
    /// Nothing is there at `at`.
    pub fn empty(at: Nanos) -> Flow {
        Flow { present: 0, come: 0, area: 0, seen: at }
    }

    /// One more is there from `at` on, which may lie in the past.
    #[inline]
    pub fn come(&mut self, at: Nanos) {
        self.advance(at);
        self.area += i128::from(self.seen.since(at).0);
        self.present += 1;
        self.come += 1;
    }

    /// One has gone at `at`, which may lie in the past.
    #[inline]
    pub fn go(&mut self, at: Nanos) {
        debug_assert!(self.present > 0, "what goes has come");
        self.advance(at);
        self.area -= i128::from(self.seen.since(at).0);
        self.present -= 1;
    }

    /// Time has passed until `at`.
    #[inline]
    pub fn advance(&mut self, at: Nanos) {
        if at > self.seen {
            self.area += i128::from(at.since(self.seen).0) * i128::from(self.present);
            self.seen = at;
        }
    }

    /// The integral so far, in things x nanoseconds.
    pub fn area(&self) -> i128 {
        self.area
    }
}

/// Another worker's.
impl AddAssign for Flow {
    fn add_assign(&mut self, other: Flow) {
        self.present += other.present;
        self.come += other.come;
        self.area += other.area;
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
            for &(come, stay, late) in &stays {
                let noticed = come + late;
                events.push((noticed, false, come));
                events.push((noticed.max(come + stay), true, come + stay));
            }
            events.sort_unstable();
            let mut flow = Flow::empty(Nanos(100));
            for (_, is_end, at) in events {
                if is_end { flow.go(Nanos(at)) } else { flow.come(Nanos(at)) }
            }
            let sum: u64 = stays.iter().map(|&(_, stay, _)| stay).sum();
            prop_assert_eq!((flow.area(), flow.present), (i128::from(sum), 0));
        }
    }
}
