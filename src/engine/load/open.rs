//! The open model: which request is due next, and how many wait for a connection.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::plan::{self, Load, Warmup};
use crate::request::Slot;
use crate::rng::mix;
use crate::schedule::{Arrivals, Profile, Schedule};
use crate::time::Nanos;

/// One worker's share of an open run.
///
/// The backlog needs no memory: the schedule is arithmetic, so it is the
/// stretch between two readers of it, one of requests to be sent and one of
/// requests that are due.
#[derive(Debug)]
pub(crate) struct Open {
    schedule: Schedule,
    warmup: Warmup,
    worker: u32,
    workers: u32,
    /// The next request to be sent.
    next: Cursor,
    /// The next request to become due, if some wait; else that is `next`.
    ahead: Option<Cursor>,
    /// How many wait.
    pub(crate) waiting: u64,
    max_waiting: u64,
    /// More would have waited than may, here or at another worker: nothing is sent any more.
    pub(crate) overflowed: bool,
    /// When the last request was due, of those that were so far.
    last_due: Nanos,
    /// Requests under way.
    pub(crate) busy: u32,
    /// Free users whose connections are open, or were when they became free.
    free: VecDeque<u32>,
    /// Free users who have none.
    free_closed: VecDeque<u32>,
    /// By user: since when it is free, of what is the server's doing. What was this tool's own in the last response is
    /// taken off.
    freed: Vec<Nanos>,
    /// Counting begins here, once that is known.
    pub(crate) t0: Nanos,
}

/// A reader of the schedule: of the warm-up's, then of the measured one.
#[derive(Clone, Debug)]
struct Cursor {
    warmup: Option<Part>,
    measured: Option<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    /// When it begins.
    origin: Nanos,
    arrivals: Arrivals,
}

impl Part {
    #[inline]
    fn peek(&self, measured: bool) -> Option<(Slot, Nanos)> {
        self.arrivals.peek().map(|due| (Slot { index: due.index, measured }, self.origin + due.at))
    }
}

impl Cursor {
    #[inline]
    fn peek(&self) -> Option<(Slot, Nanos)> {
        let part = |part: &Option<Part>, measured| part.as_ref().and_then(|part| part.peek(measured));
        part(&self.warmup, false).or_else(|| part(&self.measured, true))
    }

    #[inline]
    fn advance(&mut self) {
        match &mut self.warmup {
            Some(warmup) if warmup.arrivals.peek().is_some() => warmup.arrivals.advance(),
            _ => {
                if let Some(measured) = &mut self.measured {
                    measured.arrivals.advance();
                }
            }
        }
    }

    /// The warm-up ends, and the measured schedule begins, at `t0`.
    fn begin(&mut self, t0: Nanos, measured: Arrivals) {
        if let Some(warmup) = &mut self.warmup {
            warmup.arrivals.end_at(t0.since(warmup.origin));
        }
        self.measured = Some(Part { origin: t0, arrivals: measured });
    }
}

/// Parts the warm-up's schedule from the measured one.
const WARMUP: u64 = 0x7761_726d;

impl Open {
    pub(crate) fn new(open: &plan::Open, load: &Load, seed: u64, worker: u32, workers: u32, users: u32) -> Open {
        let schedule = Schedule {
            profile: Arc::clone(&open.profile),
            spacing: open.spacing,
            seed,
            end: load.stop.duration.unwrap_or(Nanos::NEVER),
            requests: load.stop.requests.unwrap_or(u64::MAX),
        };
        Open {
            schedule,
            warmup: load.warmup,
            worker,
            workers,
            next: Cursor { warmup: None, measured: None },
            ahead: None,
            waiting: 0,
            max_waiting: (open.max_backlog / u64::from(workers)).max(1),
            overflowed: false,
            last_due: Nanos::ZERO,
            busy: 0,
            free: VecDeque::with_capacity(users as usize),
            free_closed: VecDeque::with_capacity(users as usize),
            freed: vec![Nanos::ZERO; users as usize],
            t0: Nanos::NEVER,
        }
    }

    /// All users are connected; sending begins at `at`.
    pub(crate) fn begin(&mut self, at: Nanos) {
        let rate = self.schedule.profile.first_per_s();
        let (requests, lasting) = match self.warmup {
            Warmup::None => return self.count_from(at),
            Warmup::Requests(n) => (n, Some(Nanos((n as f64 / rate * 1e9).round() as u64))),
            Warmup::Time(span) => (u64::MAX, Some(span)),
            Warmup::Auto => (u64::MAX, None),
        };
        let schedule = Schedule {
            profile: Arc::new(Profile::constant(rate)),
            seed: mix(self.schedule.seed, WARMUP),
            end: lasting.unwrap_or(Nanos::NEVER),
            requests,
            ..self.schedule.clone()
        };
        self.next.warmup = Some(Part { origin: at, arrivals: Arrivals::new(&schedule, self.worker, self.workers) });
        if let Some(lasting) = lasting {
            self.count_from(at + lasting);
        }
    }

    /// The warm-up, if there is one, is over at `t0`. Which of its requests
    /// wait is counted anew: a worker that hears of it late had noted some that are none.
    pub(crate) fn count_from(&mut self, t0: Nanos) {
        self.t0 = t0;
        self.last_due = t0;
        (self.ahead, self.waiting) = (None, 0);
        self.next.begin(t0, Arrivals::new(&self.schedule, self.worker, self.workers));
    }

    /// The end of the run's throughput: the end of its time, if it has one.
    pub(crate) fn window_end(&self) -> Nanos {
        let length = self.schedule.profile.length().unwrap_or(Nanos::NEVER);
        match self.schedule.end.min(length) {
            Nanos::NEVER => Nanos::NEVER,
            end => self.t0 + end,
        }
    }

    /// The request that is due at `now` and next to be sent.
    #[inline]
    pub(crate) fn due(&self, now: Nanos) -> Option<(Slot, Nanos)> {
        self.next.peek().filter(|(_, due)| *due <= now && !self.overflowed)
    }

    /// When this worker has to be awake for a request that can be sent.
    #[inline]
    pub(crate) fn next_instant(&self) -> Nanos {
        match self.next.peek() {
            Some((_, due)) if !self.overflowed && self.has_free() => due,
            _ => Nanos::NEVER,
        }
    }

    pub(crate) fn has_free(&self) -> bool {
        !self.free.is_empty() || !self.free_closed.is_empty()
    }

    /// The request that [`Self::due`] gave is being sent. True if it had been waiting.
    #[inline]
    pub(crate) fn take(&mut self) -> bool {
        self.busy += 1;
        let waited = self.waiting > 0;
        if waited {
            self.waiting -= 1;
            if self.waiting == 0 {
                self.ahead = None;
            }
        } else if let Some((_, due)) = self.next.peek() {
            self.last_due = due;
        }
        self.next.advance();
        waited
    }

    /// The next request that is due at `now` and has to wait: its slot and when
    /// it was due. One more than may wait ends the schedule where it was due.
    pub(crate) fn wait(&mut self, now: Nanos) -> Option<(Slot, Nanos)> {
        let ahead = self.ahead.as_ref().unwrap_or(&self.next);
        let (slot, due) = ahead.peek().filter(|(_, due)| *due <= now && !self.overflowed)?;
        if self.waiting == self.max_waiting {
            self.overflowed = true;
            return None;
        }
        self.ahead.get_or_insert_with(|| self.next.clone()).advance();
        self.waiting += 1;
        self.last_due = due;
        Some((slot, due))
    }

    /// Takes the first of those that wait: its slot, and when it was due.
    pub(crate) fn give_up(&mut self) -> Option<(Slot, Nanos)> {
        if self.waiting == 0 {
            return None;
        }
        let first = self.next.peek();
        self.take();
        self.busy -= 1;
        first
    }

    /// A user without a request, and with an open connection if there is such a one.
    /// `is_open` tells whether a user's connection is.
    #[inline]
    pub(crate) fn next_free(&mut self, is_open: impl Fn(u32) -> bool) -> Option<u32> {
        while let Some(u) = self.free.pop_front() {
            if is_open(u) {
                return Some(u);
            }
            self.free_closed.push_back(u);
        }
        self.free_closed.pop_front()
    }

    /// `u` has no request.
    #[inline]
    pub(crate) fn set_free(&mut self, u: u32) {
        self.free.push_back(u);
    }

    /// The same, since this instant.
    #[inline]
    pub(crate) fn set_free_since(&mut self, u: u32, since: Nanos) {
        self.freed[u as usize] = since;
        self.free.push_back(u);
    }

    /// Since when `u` is free.
    #[inline]
    pub(crate) fn freed(&self, u: u32) -> Nanos {
        self.freed[u as usize]
    }

    /// When the schedule ended, once it has: the end of its time, the instant at
    /// which its last request was due, or at which its backlog was full.
    pub(crate) fn ended(&self, now: Nanos) -> Option<Nanos> {
        if self.overflowed {
            return Some(self.last_due);
        }
        if self.has_more() {
            return None;
        }
        let measured = self.ahead.as_ref().unwrap_or(&self.next).measured.as_ref()?;
        match measured.arrivals.is_used_up() {
            true => Some(self.last_due),
            // The last request is due before the time is over.
            false => Some(measured.origin + measured.arrivals.end()).filter(|end| now >= *end),
        }
    }

    fn has_more(&self) -> bool {
        let cursor = self.ahead.as_ref().unwrap_or(&self.next);
        cursor.measured.is_none() || cursor.peek().is_some()
    }

    /// All that was due has been sent and has come to its end, and nothing else will be due.
    pub(crate) fn is_over(&self) -> bool {
        self.busy == 0 && (self.overflowed || (self.waiting == 0 && !self.has_more()))
    }
}
