//! The closed model: which request a free user sends next.

use std::ops::Range;

use crate::plan::{Load, Warmup};
use crate::request::Slot;
use crate::time::Nanos;

use super::Numbers;

/// Draws slots for one worker, warm-up first, and hands over to the measured
/// ones without waiting for anybody.
#[derive(Debug)]
pub(crate) struct Closed {
    users: u32,
    /// Users in the order in which they became free.
    pub(super) free: Vec<u32>,
    /// The warm-up under way: it ends at this instant, or when its numbers are used up.
    warmup_until: Option<Nanos>,
    warmup: Warmup,
    batch: Range<u64>,
    duration: Option<Nanos>,
    /// No slot is due from here on; known once counting has begun.
    end: Nanos,
}

/// What a free user does.
pub(crate) enum Next {
    /// Sends the request in this slot.
    Send(Slot),
    /// As above, and counting begins at this instant.
    BeginMeasuring(Slot, Nanos),
    /// Nothing any more.
    Stop,
}

impl Closed {
    pub(crate) fn new(load: &Load, users: u32) -> Closed {
        Closed {
            users,
            free: Vec::with_capacity(users as usize),
            warmup_until: None,
            warmup: load.warmup,
            batch: 0..0,
            duration: load.stop.duration,
            end: Nanos::NEVER,
        }
    }

    /// All users are connected; sending begins at `at`. True if counting begins with it.
    pub(crate) fn begin(&mut self, at: Nanos) -> bool {
        self.warmup_until = match self.warmup {
            Warmup::None => None,
            Warmup::Requests(_) => Some(Nanos::NEVER),
            Warmup::Time(span) => Some(at + span),
            Warmup::Auto => Some(Nanos::NEVER),
        };
        self.warmup_until.is_none()
    }

    /// The warm-up ends at `t0`.
    pub(crate) fn end_warmup(&mut self, t0: Nanos) {
        self.warmup_until = self.warmup_until.map(|until| until.min(t0));
    }

    /// Counting began at `t0`; no slot is due from the end that follows from it. Returns that end.
    pub(crate) fn count_from(&mut self, t0: Nanos) -> Nanos {
        self.end = self.duration.map_or(Nanos::NEVER, |duration| t0 + duration);
        self.end
    }

    /// The end has come: whoever waits need not wait longer.
    pub(crate) fn is_over(&self, now: Nanos, numbers: &Numbers) -> bool {
        self.warmup_until.is_none() && (now >= self.end || (self.batch.is_empty() && numbers.measured.is_used_up()))
    }

    /// When no more slots were due, once that is known.
    pub(crate) fn ended(&self, now: Nanos, numbers: &Numbers) -> Option<Nanos> {
        self.is_over(now, numbers).then_some(now.min(self.end))
    }

    /// The run's time is over.
    pub(crate) fn is_past_end(&self, now: Nanos) -> bool {
        now >= self.end
    }

    /// What a user that is free at `now` does.
    #[inline]
    pub(crate) fn next(&mut self, now: Nanos, numbers: &Numbers) -> Next {
        if let Some(until) = self.warmup_until {
            return self.next_in_warmup(now, until, numbers);
        }
        if now >= self.end {
            return Next::Stop;
        }
        match self.batch.next().or_else(|| self.draw(numbers)) {
            Some(index) => Next::Send(Slot { index, measured: true }),
            None => Next::Stop,
        }
    }

    #[cold]
    fn draw(&mut self, numbers: &Numbers) -> Option<u64> {
        self.batch = numbers.draw(self.users);
        self.batch.next()
    }

    fn next_in_warmup(&mut self, now: Nanos, until: Nanos, numbers: &Numbers) -> Next {
        if now < until {
            if self.batch.is_empty() {
                self.batch = numbers.draw_warmup(self.users);
            }
            if let Some(index) = self.batch.next() {
                return Next::Send(Slot { index, measured: false });
            }
        }
        self.batch = 0..0;
        self.warmup_until = None;
        match self.draw(numbers) {
            Some(index) => Next::BeginMeasuring(Slot { index, measured: true }, now.min(until)),
            None => Next::Stop,
        }
    }
}
