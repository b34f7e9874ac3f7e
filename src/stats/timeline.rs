//! The run's pulse: ten times a second, how long answers took and how many were awaited.

use crate::time::Nanos;

/// One beat.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Beat {
    /// Answers in it.
    pub count: u64,
    /// The sum of the natural logarithms of their response times in nanoseconds.
    pub sum_ln: f64,
    /// Requests that were due and not done at its end.
    pub present: u64,
}

/// The beats of a run, bounded in number: when there are too many, neighbours
/// merge and every beat is twice as long.
#[derive(Clone, Debug)]
pub struct Pulse {
    beats: Vec<Beat>,
    width: Nanos,
}

impl Default for Pulse {
    fn default() -> Self {
        Pulse { beats: Vec::new(), width: Self::WIDTH }
    }
}

impl Pulse {
    /// How long a beat is at first.
    pub const WIDTH: Nanos = Nanos::from_millis(100);
    /// As many beats as are kept.
    const MOST: usize = 6_000;

    /// How long a beat is.
    pub fn width(&self) -> Nanos {
        self.width
    }

    /// The beats in order, the first one from T0.
    pub fn beats(&self) -> &[Beat] {
        &self.beats
    }

    /// The next beat is over. Beats are [`Self::width`] long.
    pub fn push(&mut self, beat: Beat) {
        self.beats.push(beat);
        if self.beats.len() >= Self::MOST {
            self.halve();
        }
    }

    /// Adds another worker's beats, from the same T0.
    pub fn merge(&mut self, mut other: Pulse) {
        while self.width < other.width {
            self.halve();
        }
        while other.width < self.width {
            other.halve();
        }
        self.beats.resize(self.beats.len().max(other.beats.len()), Beat::default());
        for (mine, theirs) in self.beats.iter_mut().zip(other.beats) {
            mine.count += theirs.count;
            mine.sum_ln += theirs.sum_ln;
            mine.present += theirs.present;
        }
    }

    fn halve(&mut self) {
        self.width = Nanos(self.width.0 * 2);
        let pair = |pair: &[Beat]| Beat {
            count: pair.iter().map(|beat| beat.count).sum(),
            sum_ln: pair.iter().map(|beat| beat.sum_ln).sum(),
            present: pair[pair.len() - 1].present,
        };
        self.beats = self.beats.chunks(2).map(pair).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse(beats: usize) -> Pulse {
        let mut pulse = Pulse::default();
        (0..beats).for_each(|i| pulse.push(Beat { count: 1, sum_ln: 2.0, present: i as u64 }));
        pulse
    }

    #[test]
    fn beats_stay_bounded_and_none_is_lost() {
        let long = pulse(20_000);
        assert!(long.beats().len() < Pulse::MOST && long.width() > Pulse::WIDTH);
        assert_eq!(long.beats().iter().map(|beat| beat.count).sum::<u64>(), 20_000);
    }

    #[test]
    fn workers_beats_merge_at_the_coarser_width() {
        let mut short = pulse(3);
        short.merge(pulse(6_000));
        assert_eq!((short.width(), short.beats().len()), (Nanos::from_millis(200), 3_000));
        assert_eq!(short.beats()[0], Beat { count: 4, sum_ln: 8.0, present: 2 });
        assert_eq!(short.beats()[1], Beat { count: 3, sum_ln: 6.0, present: 5 });
    }
}
