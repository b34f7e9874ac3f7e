//! How much: what a worker counts, shows and logs.

mod log_queue;
mod self_check;

use crate::plan::{Endpoint, Model, Plan};
use crate::record::Record;
use crate::stats::{Board, ByTarget, Clocks, Extra, Tally, TimelineSample, Totals, Traffic, Usage};
use crate::time::Nanos;

pub use log_queue::{BATCH, LogQueue};
pub(crate) use self_check::SelfCheck;

/// What one worker counts, shows and logs.
pub(crate) struct Meter<'a> {
    pub(crate) tally: Tally,
    pub(crate) self_check: SelfCheck,
    log: Option<LogQueue>,
    board: &'a Board,
    worker: u32,
    /// The warm-up is over, if there was one: T0 is known.
    is_counting: bool,
    /// What the warm-up has answered since the last tick, if that decides when it ends.
    warmup: Option<TimelineSample>,
    /// In this turn the worker has waited for the log.
    was_held_up: bool,
}

impl<'a> Meter<'a> {
    /// The meter of worker `worker`. `settles`: the warm-up lasts until response times have settled.
    pub(crate) fn new(plan: &Plan, worker: u32, board: &'a Board, log: Option<LogQueue>, settles: bool) -> Meter<'a> {
        let is_open = matches!(plan.load.model, Model::Open(_));
        // Elsewhere the kernel tells when bytes arrived.
        let is_unstamped = !cfg!(target_os = "linux")
            || plan.origins.iter().any(|origin| matches!(origin.endpoint, Endpoint::Unix(_)));
        let clocks = Clocks { lag: !matches!(plan.load.model, Model::Closed) };
        let mut tally = Tally::new(Nanos::ZERO, Nanos::NEVER, clocks);
        let targets = plan.targets.list.len();
        let by_target = (targets > 1).then(|| ByTarget::new(targets));
        let all_expected = plan.checks.status.is_some();
        if by_target.is_some() || all_expected {
            tally.extra = Some(Box::new(Extra { by_target, all_expected }));
        }
        Meter {
            tally,
            self_check: SelfCheck::new(is_open || is_unstamped, is_unstamped, plan.stamps),
            log,
            board,
            worker,
            is_counting: false,
            warmup: settles.then(TimelineSample::default),
            was_held_up: false,
        }
    }

    /// Counting has begun.
    #[inline]
    pub(crate) fn is_counting(&self) -> bool {
        self.is_counting
    }

    /// When counting began; zero before that.
    #[inline]
    pub(crate) fn t0(&self) -> Nanos {
        if self.is_counting { self.tally.t0 } else { Nanos::ZERO }
    }

    /// Counting begins at `t0`; responses up to `window_end` are part of the throughput.
    pub(crate) fn begin(&mut self, t0: Nanos, window_end: Nanos) {
        self.is_counting = true;
        self.tally.start(t0, window_end);
    }

    /// A request is in the system from `due` on, if it counts (Little's law).
    #[inline]
    pub(crate) fn count_due(&mut self, measured: bool, due: Nanos) {
        if measured {
            self.tally.in_system.enter(due);
        }
    }

    /// Requests that were due and are not sent any more are counted when that is known.
    pub(crate) fn unsent(&mut self, target: u32, due: Nanos, now: Nanos) {
        self.tally.unsent(target, due, now);
    }

    /// Counts a measured request, and logs it. False: the log has no room, see [`Self::wait_for_log`].
    #[inline]
    pub(crate) fn count(&mut self, record: &Record) -> bool {
        self.tally.record(record);
        if record.failure.is_none() {
            self.tally.error.record(record, self.self_check.weight());
        }
        match &mut self.log {
            Some(log) => !log.push(record) || log.try_send(self.tally.t0),
            None => true,
        }
    }

    /// Notes a request of the warm-up.
    #[inline]
    pub(crate) fn note_warmup(&mut self, record: &Record) {
        if let Some(sample) = &mut self.warmup
            && record.failure.is_none()
        {
            sample.add(record.response());
        }
    }

    /// What the warm-up has answered since this was asked last. None: that decides nothing.
    pub(crate) fn take_warmup(&mut self) -> Option<TimelineSample> {
        self.warmup.as_mut().map(std::mem::take)
    }

    /// When the warm-up ends is decided.
    pub(crate) fn end_warmup(&mut self) {
        self.warmup = None;
    }

    /// Waits until the log has room: no row is dropped, and no due instant moves.
    #[cold]
    pub(crate) fn wait_for_log(&mut self) {
        if let Some(log) = &mut self.log {
            log.send(self.tally.t0);
        }
    }

    /// The log has held this worker up from `from` to `to`.
    #[cold]
    pub(crate) fn held_up(&mut self, from: Nanos, to: Nanos) {
        self.tally.health.sink_wait += to.since(from);
        self.self_check.excuse(to);
        self.was_held_up = true;
    }

    /// The log has held this worker up since this was asked last.
    #[inline]
    pub(crate) fn was_held_up(&mut self) -> bool {
        std::mem::take(&mut self.was_held_up)
    }

    /// A few times a second: time has passed until `now`.
    pub(crate) fn tick(&mut self, now: Nanos, next: Nanos) {
        self.tally.health.stall = self.self_check.tick(now);
        self.self_check.tick_at(next);
    }

    /// A few times a second: what was counted is shown, and what is to be logged moves on.
    pub(crate) fn show(&mut self, now: Nanos, traffic: &Traffic) {
        if self.is_counting {
            self.tally.roll(now);
        }
        self.board.show(self.worker, self.t0(), self.self_check.busy, &self.tally, traffic);
        if let Some(log) = &mut self.log {
            // No room: the next full batch waits for it.
            log.try_send(self.tally.t0);
        }
    }

    /// All that was counted is shown and logged.
    pub(crate) fn flush(&mut self, traffic: &Traffic) {
        self.board.show(self.worker, self.t0(), self.self_check.busy, &self.tally, traffic);
        self.wait_for_log();
    }

    /// The run is over at `now`, and this worker has used so much.
    pub(crate) fn close(mut self, now: Nanos, usage: Usage, traffic: Traffic) -> Totals {
        self.self_check.end(now, usage, &mut self.tally.health);
        self.tally.close(traffic)
    }
}
