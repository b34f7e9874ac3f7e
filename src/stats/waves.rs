//! How simultaneous the waves were.

use serde::{Deserialize, Serialize};

use crate::time::Nanos;

use super::Distribution;

/// One wave's instants. Those of a worker's share merge into those of the wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaveFacts {
    /// The wave's number, from 0.
    pub wave: u64,
    /// Requests released, those that failed before the release not among them.
    pub released: u64,
    /// When the first request went out (its first byte, or the start of its connecting).
    pub first_sent: Nanos,
    /// When the last one did.
    pub last_sent: Nanos,
    /// When the first released request was done.
    pub first_done: Nanos,
    /// When the last one was.
    pub last_done: Nanos,
}

impl WaveFacts {
    /// A wave of which nothing has been sent.
    pub fn new(wave: u64) -> WaveFacts {
        let (none, never) = (Nanos::ZERO, Nanos::NEVER);
        WaveFacts { wave, released: 0, first_sent: never, last_sent: none, first_done: never, last_done: none }
    }

    /// One more request was released at `at`.
    pub fn sent(&mut self, at: Nanos) {
        self.released += 1;
        self.first_sent = self.first_sent.min(at);
        self.last_sent = self.last_sent.max(at);
    }

    /// A released request was done at `at`.
    pub fn done(&mut self, at: Nanos) {
        self.first_done = self.first_done.min(at);
        self.last_done = self.last_done.max(at);
    }

    /// Another worker's share of the same wave.
    pub fn merge(&mut self, other: &WaveFacts) {
        self.released += other.released;
        self.first_sent = self.first_sent.min(other.first_sent);
        self.last_sent = self.last_sent.max(other.last_sent);
        self.first_done = self.first_done.min(other.first_done);
        self.last_done = self.last_done.max(other.last_done);
    }
}

/// All waves of a run, in constant memory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WaveTally {
    /// Complete waves, those of which nothing could be released among them.
    pub count: u64,
    /// Waves whose requests were all in flight at one instant.
    pub together: u64,
    /// last sent - first sent of each wave with at least one request.
    pub spread: Distribution,
    /// Every `stride`-th wave, for pictures.
    pub kept: Vec<WaveFacts>,
    stride: u64,
}

impl WaveTally {
    /// As many waves as are kept one by one.
    pub const MAX_KEPT: usize = 1000;

    /// One wave is complete.
    pub fn add(&mut self, facts: &WaveFacts) {
        self.stride = self.stride.max(1);
        self.count += 1;
        if facts.released > 0 {
            self.spread.record(facts.last_sent.since(facts.first_sent));
            self.together += u64::from(facts.last_sent <= facts.first_done);
        }
        if facts.wave.is_multiple_of(self.stride) {
            self.kept.push(*facts);
            self.thin();
        }
    }

    /// Another worker's waves.
    pub fn merge(&mut self, other: &WaveTally) {
        self.count += other.count;
        self.together += other.together;
        self.spread.merge(&other.spread);
        self.stride = self.stride.max(other.stride).max(1);
        self.kept.extend_from_slice(&other.kept);
        let stride = self.stride.max(1);
        self.kept.retain(|facts| facts.wave.is_multiple_of(stride));
        self.kept.sort_by_key(|facts| facts.wave);
        self.thin();
    }

    /// Instants are from `t0` from now on.
    pub(super) fn count_from(&mut self, t0: Nanos) {
        for facts in self.kept.iter_mut().filter(|facts| facts.released > 0) {
            for at in [&mut facts.first_sent, &mut facts.last_sent, &mut facts.first_done, &mut facts.last_done] {
                *at = if *at == Nanos::NEVER { *at } else { at.since(t0) };
            }
        }
    }

    fn thin(&mut self) {
        let last = self.kept.last().map_or(0, |facts| facts.wave);
        while self.kept.len() > Self::MAX_KEPT && self.stride <= last {
            self.stride *= 2;
            let stride = self.stride;
            self.kept.retain(|facts| facts.wave.is_multiple_of(stride));
        }
        // That many have one number only if as many machines have waves of their own.
        self.kept.truncate(Self::MAX_KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(wave: u64, sent: [u64; 2], done: [u64; 2]) -> WaveFacts {
        let mut facts = WaveFacts::new(wave);
        sent.iter().for_each(|&at| facts.sent(Nanos(at)));
        done.iter().for_each(|&at| facts.done(Nanos(at)));
        facts
    }

    #[test]
    fn the_spread_is_taken_over_all_workers() {
        let mut facts = wave(0, [100, 110], [150, 160]);
        facts.merge(&wave(0, [95, 130], [140, 170]));
        let mut tally = WaveTally::default();
        tally.add(&facts);
        assert_eq!(tally.spread.max(), Some(Nanos(35)));
        assert_eq!((facts.released, tally.count, tally.together), (4, 1, 1));
    }

    #[test]
    fn a_wave_answered_while_it_was_released_was_not_in_flight_together() {
        let mut tally = WaveTally::default();
        tally.add(&wave(0, [100, 200], [150, 260]));
        tally.add(&WaveFacts::new(1));
        assert_eq!((tally.count, tally.together, tally.spread.count()), (2, 0, 1));
    }

    #[test]
    fn the_list_of_waves_stays_bounded() {
        let (mut even, mut odd) = (WaveTally::default(), WaveTally::default());
        for k in 0..5000 {
            let tally = if k % 2 == 0 { &mut even } else { &mut odd };
            tally.add(&wave(k, [k, k], [k + 1, k + 1]));
        }
        even.merge(&odd);
        assert_eq!(even.count, 5000);
        assert!(even.kept.len() <= WaveTally::MAX_KEPT && even.kept.len() >= WaveTally::MAX_KEPT / 4);
        assert!(even.kept.windows(2).all(|pair| pair[0].wave < pair[1].wave));
    }
}
