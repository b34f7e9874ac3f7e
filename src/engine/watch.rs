//! What a worker knows of its own lateness.

use crate::record::Record;
use crate::stats::Health;
use crate::time::Nanos;

use super::Usage;

/// A worker's watch over itself: how long answers lay unread, how long it did
/// not look, and what it used.
///
/// Where the kernel does not stamp arrivals, the read lag is an estimate: an
/// answer may have come at any time since the worker could last see none. If it
/// slept, it was woken as quickly as sleepers are here, unless it overslept an
/// instant that it had set; if it did not sleep, that was in the turn before.
#[derive(Debug)]
pub(super) struct Watch {
    /// Every turn of the loop is looked at, with a reading of the clock of its own.
    pub(super) is_close: bool,
    /// When the last wait was over.
    woke: Nanos,
    /// What kept the loop until then is no stall.
    excused: Nanos,
    /// No answer that is read in this turn arrived before, as far as can be told.
    blind_since: Nanos,
    /// When the bytes that were read last had arrived.
    arrived: Option<Nanos>,
    stamped: u64,
    stall: Nanos,
    /// When the loop is to tick at the latest, if it does not stall.
    ticks_at: Nanos,
    began: Nanos,
    at_first: Usage,
    /// Time spent on polls that found nothing to do, ahead of a request.
    polling: Nanos,
    /// When the second under way began, and what had been worked by then.
    second: (Nanos, Nanos),
    /// The share of the last second that was worked.
    pub(super) busy: f64,
    busiest: f64,
}

/// A wait that was over so soon has not slept.
const NO_SLEEP: Nanos = Nanos::from_micros(20);

impl Watch {
    pub(super) fn new(is_close: bool) -> Watch {
        Watch {
            is_close,
            woke: Nanos::ZERO,
            excused: Nanos::ZERO,
            blind_since: Nanos::ZERO,
            arrived: None,
            stamped: 0,
            stall: Nanos::ZERO,
            ticks_at: Nanos::NEVER,
            began: Nanos::ZERO,
            at_first: Usage::default(),
            polling: Nanos::ZERO,
            second: (Nanos::ZERO, Nanos::ZERO),
            busy: 0.0,
            busiest: 0.0,
        }
    }

    pub(super) fn begin(&mut self, now: Nanos, usage: Usage) {
        (self.began, self.at_first, self.second) = (now, usage, (now, usage.cpu));
        self.woke = now;
    }

    /// A wait that began at `before` and was to last until `until` was over at
    /// `now`; waking up takes about `wake_up` here.
    #[inline]
    pub(super) fn woke(&mut self, before: Nanos, until: Nanos, now: Nanos, wake_up: Nanos) {
        if !self.is_close {
            return;
        }
        if now.since(before) < NO_SLEEP {
            if before == self.woke {
                self.polling += now.since(before);
            }
            self.blind_since = self.woke;
            self.stall = self.stall.max(now.since(self.woke.max(self.excused)));
        } else {
            self.blind_since = now.min(until.max(before)).before(wake_up).max(before);
            self.stall = self.stall.max(before.since(self.woke.max(self.excused))).max(now.since(until.max(before)));
        }
        self.woke = now;
    }

    /// Bytes were read at `now`, which `arrived` at an instant that the kernel may know.
    #[inline]
    pub(super) fn read(&mut self, arrived: Option<Nanos>, now: Nanos) {
        self.stamped += u64::from(arrived.is_some());
        self.arrived = match arrived {
            None if self.is_close => Some(self.blind_since.min(now)),
            _ => arrived,
        };
    }

    /// How long the answer in this record lay unread: never longer than it took.
    #[inline]
    pub(super) fn read_lag_ns(&self, record: &Record) -> u32 {
        let Some(arrived) = self.arrived else { return 0 };
        let lag = record.done.since(arrived).min(record.done.since(record.sent));
        u32::try_from(lag.0).unwrap_or(u32::MAX)
    }

    /// What has kept the loop until `now` is named elsewhere. Answers lay unread meanwhile all the same.
    pub(super) fn excuse(&mut self, now: Nanos) {
        self.excused = now;
        self.ticks_at = self.ticks_at.max(now);
    }

    /// The loop ticks, as it does every so often; returns the longest stall so far.
    pub(super) fn tick(&mut self, now: Nanos) -> Nanos {
        if !self.is_close {
            self.stall = self.stall.max(now.since(self.ticks_at));
        }
        self.stall
    }

    /// The loop is to tick again at `at`; by now the thread has used so much processor time.
    pub(super) fn tick_at(&mut self, at: Nanos) {
        self.ticks_at = at;
    }

    /// Once a second.
    pub(super) fn is_second_over(&self, now: Nanos) -> bool {
        now.since(self.second.0) >= Nanos::from_secs(1)
    }

    /// The second is over, and the thread has used so much.
    pub(super) fn end_second(&mut self, now: Nanos, usage: Usage) {
        let (began, worked) = self.second;
        let working = usage.cpu.since(self.polling);
        self.busy = working.since(worked).0 as f64 / now.since(began).0.max(1) as f64;
        self.busiest = self.busiest.max(self.busy);
        self.second = (now, working);
    }

    pub(super) fn end(&mut self, now: Nanos, usage: Usage, health: &mut Health) {
        if now.since(self.second.0) >= Nanos::from_millis(100) {
            self.end_second(now, usage);
        }
        health.cpu = usage.cpu.since(self.at_first.cpu);
        health.polling = self.polling;
        health.wall = now.since(self.began);
        health.busiest = self.busiest;
        health.run_queue = usage.run_queue.zip(self.at_first.run_queue).map(|(last, first)| last.since(first));
        health.stall = self.stall;
        health.stamped = self.stamped;
    }
}
