//! The run's timeline: ten times a second, how long answers took and how many were awaited.

use crate::time::Nanos;

/// One sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TimelineSample {
    /// Answers in it.
    pub count: u64,
    /// The sum of the natural logarithms of their response times in nanoseconds.
    pub sum_ln: f64,
    /// Requests that were due and not done at its end.
    pub present: u64,
}

/// The samples of a run, bounded in number: when there are too many, neighbours
/// merge and every sample is twice as long.
#[derive(Clone, Debug)]
pub struct Timeline {
    samples: Vec<TimelineSample>,
    width: Nanos,
}

impl Default for Timeline {
    fn default() -> Self {
        Timeline { samples: Vec::new(), width: Self::WIDTH }
    }
}

impl Timeline {
    /// How long a sample is at first.
    pub const WIDTH: Nanos = Nanos::from_millis(100);
    /// As many samples as are kept.
    const MAX_SAMPLES: usize = 6_000;

    /// How long a sample is.
    pub fn width(&self) -> Nanos {
        self.width
    }

    /// The samples in order, the first one from T0.
    pub fn samples(&self) -> &[TimelineSample] {
        &self.samples
    }

    /// The next sample is over. samples are [`Self::width`] long.
    pub fn push(&mut self, sample: TimelineSample) {
        self.samples.push(sample);
        if self.samples.len() >= Self::MAX_SAMPLES {
            self.halve();
        }
    }

    /// Adds another worker's samples, from the same T0.
    pub fn merge(&mut self, mut other: Timeline) {
        while self.width < other.width {
            self.halve();
        }
        while other.width < self.width {
            other.halve();
        }
        self.samples.resize(self.samples.len().max(other.samples.len()), TimelineSample::default());
        for (mine, theirs) in self.samples.iter_mut().zip(other.samples) {
            mine.count += theirs.count;
            mine.sum_ln += theirs.sum_ln;
            mine.present += theirs.present;
        }
    }

    fn halve(&mut self) {
        self.width = Nanos(self.width.0 * 2);
        let pair = |pair: &[TimelineSample]| TimelineSample {
            count: pair.iter().map(|sample| sample.count).sum(),
            sum_ln: pair.iter().map(|sample| sample.sum_ln).sum(),
            present: pair[pair.len() - 1].present,
        };
        self.samples = self.samples.chunks(2).map(pair).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(samples: usize) -> Timeline {
        let mut timeline = Timeline::default();
        (0..samples).for_each(|i| timeline.push(TimelineSample { count: 1, sum_ln: 2.0, present: i as u64 }));
        timeline
    }

    #[test]
    fn beats_stay_bounded_and_none_is_lost() {
        let long = timeline(20_000);
        assert!(long.samples().len() < Timeline::MAX_SAMPLES && long.width() > Timeline::WIDTH);
        assert_eq!(long.samples().iter().map(|sample| sample.count).sum::<u64>(), 20_000);
    }

    #[test]
    fn workers_beats_merge_at_the_coarser_width() {
        let mut short = timeline(3);
        short.merge(timeline(6_000));
        assert_eq!((short.width(), short.samples().len()), (Nanos::from_millis(200), 3_000));
        assert_eq!(short.samples()[0], TimelineSample { count: 4, sum_ln: 8.0, present: 2 });
        assert_eq!(short.samples()[1], TimelineSample { count: 3, sum_ln: 6.0, present: 5 });
    }
}
