//! Which connection is to be woken when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::time::Nanos;

/// The poller sleeps in whole milliseconds.
const POLLER_STEP: Nanos = Nanos::from_millis(1);

/// A heap of instants. A timer is never taken back: who set it may be gone
/// when it fires, which the serial number tells.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<Timer>>,
    /// Until this instant the poller must not sleep: see [`Timers::set`].
    awake_until: Nanos,
}

/// Wake the connection at `index`, provided that its serial number is `serial`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timer {
    pub(super) due: Nanos,
    pub(super) index: usize,
    pub(super) serial: u64,
}

impl Timers {
    /// Adds a timer. If it is due within a step of the poller's clock, the
    /// poller polls without sleeping until then, because a sleep would be
    /// longer than the delay that was asked for.
    pub(super) fn set(&mut self, timer: Timer, now: Nanos) {
        if timer.due.since(now) < POLLER_STEP {
            self.awake_until = self.awake_until.max(timer.due);
        }
        self.heap.push(Reverse(timer));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Removes and returns a timer that is due, the earliest first.
    pub(super) fn take_due(&mut self, now: Nanos) -> Option<Timer> {
        let Reverse(first) = self.heap.peek()?;
        if first.due > now {
            return None;
        }
        self.heap.pop().map(|Reverse(timer)| timer)
    }

    /// How long the poller may sleep: `None` is for ever. The poller rounds up
    /// to whole milliseconds, so that no timer is found to be early.
    pub(super) fn sleep(&self, now: Nanos) -> Option<Duration> {
        let Reverse(first) = self.heap.peek()?;
        Some(match now < self.awake_until {
            true => Duration::ZERO,
            false => Duration::from_nanos(first.due.since(now).0),
        })
    }

    /// Forgets timers of connections that are gone, once they may outnumber
    /// those of the living: memory follows the number of connections.
    pub(super) fn prune(&mut self, connections: usize, is_alive: impl Fn(&Timer) -> bool) {
        if self.heap.len() > 2 * connections + 64 {
            self.heap.retain(|Reverse(timer)| is_alive(timer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Nanos = Nanos::from_secs(5);

    fn timer(after: Nanos, index: usize) -> Timer {
        Timer { due: T + after, index, serial: 0 }
    }

    #[test]
    fn timers_fire_in_order_and_not_early() {
        let mut timers = Timers::default();
        for (ms, index) in [(30, 3), (10, 1), (20, 2)] {
            timers.set(timer(Nanos::from_millis(ms), index), T);
        }
        let mut due_at = |ms| timers.take_due(T + Nanos::from_millis(ms)).map(|t| t.index);
        assert_eq!(
            [due_at(9), due_at(25), due_at(25), due_at(25), due_at(30)],
            [None, Some(1), Some(2), None, Some(3)]
        );
        assert!(timers.is_empty());
    }

    #[test]
    fn the_poller_sleeps_until_the_first_and_not_at_all_for_less_than_a_millisecond() {
        let mut timers = Timers::default();
        assert_eq!(timers.sleep(T), None);
        timers.set(timer(Nanos::from_millis(10), 1), T);
        assert_eq!(timers.sleep(T), Some(Duration::from_millis(10)));
        // Nearly due, but it was set for a long time: sleeping is right.
        assert_eq!(timers.sleep(T + Nanos::from_micros(9_900)), Some(Duration::from_micros(100)));
        timers.set(timer(Nanos::from_micros(300), 2), T);
        assert_eq!(timers.sleep(T + Nanos::from_micros(299)), Some(Duration::ZERO));
        assert_eq!(timers.take_due(T + Nanos::from_micros(300)).map(|t| t.index), Some(2));
        assert_eq!(timers.sleep(T + Nanos::from_micros(300)), Some(Duration::from_micros(9_700)));
    }

    #[test]
    fn timers_of_the_dead_are_pruned() {
        let mut timers = Timers::default();
        for index in 0..100 {
            timers.set(timer(Nanos::from_secs(3600), index), T);
            timers.prune(1, |t| t.index == 7);
        }
        assert!(timers.heap.len() <= 66, "{} timers", timers.heap.len());
        assert!(timers.heap.iter().any(|Reverse(t)| t.index == 7));
    }
}
