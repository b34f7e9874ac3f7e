//! When requests are due and whose they are, as arithmetic: no clock, no
//! sleeping, and no negotiation between workers.

mod arrivals;
mod profile;

pub use arrivals::{Arrivals, Due, Schedule, Spacing};
pub use profile::{Profile, Stage};

use std::ops::Range;

use crate::time::Nanos;

/// Share `part` of `parts` of so many users or connections: contiguous shares that differ by at most one.
pub fn share_of(part: u32, parts: u32, whole: u32) -> Range<u32> {
    let start = |p: u32| (u64::from(whole) * u64::from(p) / u64::from(parts)) as u32;
    start(part)..start(part + 1)
}

/// A sequence of waves: slot n belongs to user n mod C and to wave n / C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waves {
    /// C: users in a full wave, at least 1.
    pub users: u32,
    /// Slots in all; unlimited if None.
    pub requests: Option<u64>,
    /// Time between planned releases.
    pub every: Option<Nanos>,
}

impl Waves {
    /// Users in wave `k`: C, fewer in the last wave, 0 after it.
    pub fn size(&self, k: u64) -> u32 {
        let before = k.saturating_mul(u64::from(self.users));
        let left = self.requests.map_or(u64::MAX, |n| n.saturating_sub(before));
        left.min(u64::from(self.users)) as u32
    }

    /// The slot of `user` in wave `k`.
    pub fn index(&self, k: u64, user: u32) -> u64 {
        k * u64::from(self.users) + u64::from(user)
    }

    /// The instant for which the release of wave `k` is planned, if waves are.
    pub fn planned(&self, t0: Nanos, k: u64) -> Option<Nanos> {
        self.every.map(|every| t0 + Nanos(every.0.saturating_mul(k)))
    }
}

/// How many slots a worker draws at once from the counter that closed workers
/// share: one round of its users, at most 64, so that no worker hoards slots
/// that another could serve sooner; single slots near the end.
pub fn batch(remaining: u64, workers: u32, users: u32) -> u64 {
    let round = u64::from(users.clamp(1, 64));
    match remaining > 2 * 64 * u64::from(workers) {
        true => round,
        false => remaining.min(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_wave_may_be_smaller() {
        let waves = Waves { users: 20, requests: Some(50), every: None };
        assert_eq!([0, 1, 2, 3].map(|k| waves.size(k)), [20, 20, 10, 0]);
        assert_eq!(waves.index(2, 9), 49);
    }

    #[test]
    fn waves_are_planned_from_t0() {
        let waves = Waves { users: 1, requests: None, every: Some(Nanos(50)) };
        assert_eq!(waves.planned(Nanos(1000), 3), Some(Nanos(1150)));
        assert_eq!(waves.size(u64::MAX), 1);
    }

    proptest! {
        #[test]
        fn every_user_has_one_worker(users in 1u32..100_000, workers in 1u32..200) {
            let shares: Vec<_> = (0..workers).map(|w| share_of(w, workers, users)).collect();
            prop_assert_eq!(shares[0].start, 0);
            prop_assert_eq!(shares[shares.len() - 1].end, users);
            prop_assert!(shares.windows(2).all(|pair| pair[0].end == pair[1].start));
            let sizes = || shares.iter().map(|s| s.len());
            prop_assert!(sizes().max().unwrap() - sizes().min().unwrap() <= 1);
        }

        #[test]
        fn every_slot_is_in_one_wave(users in 1u32..50, requests in 0u64..500) {
            let waves = Waves { users, requests: Some(requests), every: None };
            let slots: Vec<u64> = (0..)
                .take_while(|&k| waves.size(k) > 0)
                .flat_map(|k| (0..waves.size(k)).map(move |user| waves.index(k, user)))
                .collect();
            prop_assert_eq!(slots, (0..requests).collect::<Vec<_>>());
        }

        #[test]
        fn batches_never_exceed_what_is_left(remaining in 0u64..10_000, workers in 1u32..64, users in 0u32..500) {
            let batch = batch(remaining, workers, users);
            prop_assert!(batch <= remaining && (batch > 0) == (remaining > 0));
        }
    }
}
