//! A warm-up that lasts until response times are steady.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::stats::{Timeline, TimelineSample, has_settled};
use crate::time::Nanos;

/// What all workers of a warm-up have seen, and when it ends. The lock is
/// taken by each worker ten times a second, and not at all once counting has begun.
#[derive(Debug, Default)]
pub(crate) struct AutoWarmup {
    samples: Mutex<Vec<TimelineSample>>,
    /// When counting begins; zero until that is decided.
    t0: AtomicU64,
    /// How long it lasts; known with `t0`.
    lasted: AtomicU64,
    /// It was not steady, and did not go on for ever.
    gave_up: AtomicBool,
}

/// Nobody waits longer for a steady state.
const LONGEST: Nanos = Nanos::from_secs(60);
/// So long before it, the end of the warm-up is decided: every worker has heard of it by then.
const AHEAD: Nanos = Nanos(2 * Timeline::WIDTH.0);

impl AutoWarmup {
    /// When the warm-up ends, once that is decided.
    pub(crate) fn t0(&self) -> Option<Nanos> {
        match self.t0.load(Ordering::Acquire) {
            0 => None,
            t0 => Some(Nanos(t0)),
        }
    }

    /// How long it lasts, once that is decided.
    pub(crate) fn lasted(&self) -> Option<Nanos> {
        self.t0().map(|_| Nanos(self.lasted.load(Ordering::Relaxed)))
    }

    /// It was ended without having become steady.
    pub(crate) fn gave_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }

    /// A worker adds what it has seen since it last did; the warm-up began at
    /// `began`. It ends if it has become steady, or lasts too long.
    pub(crate) fn add(&self, sample: TimelineSample, began: Nanos, now: Nanos) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let at = (now.since(began).0 / Timeline::WIDTH.0) as usize;
        if samples.len() <= at {
            samples.resize(at + 1, TimelineSample::default());
        }
        samples[at].merge(&sample);
        if self.t0().is_some() {
            return;
        }
        let means: Vec<f64> = samples.iter().filter_map(TimelineSample::mean_ln).collect();
        let is_steady = has_settled(&means);
        if is_steady || now.since(began) >= LONGEST {
            self.gave_up.store(!is_steady, Ordering::Relaxed);
            self.lasted.store((now + AHEAD).since(began).0, Ordering::Relaxed);
            self.t0.store((now + AHEAD).0, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a warm-up ends whose answers take `ln_ms(i)` in sample i.
    fn end(ln_ms: impl Fn(f64) -> f64) -> (Nanos, bool) {
        let warmup = AutoWarmup::default();
        let began = Nanos::from_secs(5);
        for i in 0..1_000u32 {
            let wobble = f64::from(i * 7919 % 13) / 100.0;
            let mut sample = TimelineSample::default();
            let response = Nanos((ln_ms(i.into()) + wobble).exp() as u64);
            (0..10).for_each(|_| sample.add(response));
            warmup.add(sample, began, began + Nanos(u64::from(i) * Timeline::WIDTH.0));
            if let Some(t0) = warmup.t0() {
                return (t0.since(began), warmup.gave_up());
            }
        }
        panic!("it goes on for ever");
    }

    #[test]
    fn a_warm_up_ends_when_response_times_have_settled() {
        let (flat, _) = end(|_| 12.0);
        assert!((4.9..5.3).contains(&flat.as_secs()), "{flat}: as soon as anything can be told");
        let (settling, gave_up) = end(|i| 12.0 + 3.0 * (-i / 40.0).exp());
        assert!((8.0..55.0).contains(&settling.as_secs()) && !gave_up, "{settling}");
    }

    #[test]
    fn a_warm_up_that_never_settles_ends_nevertheless() {
        let (at, gave_up) = end(|i| 12.0 + i / 50.0);
        assert!((60.0..60.5).contains(&at.as_secs()) && gave_up, "{at}");
    }
}
