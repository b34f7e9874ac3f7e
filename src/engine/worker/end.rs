//! Counting begins, and the run ends.

use crate::plan::ModelKind;
use crate::record::{Cause, Failure, Outcome, Phase};
use crate::request::Slot;
use crate::stats::Totals;
use crate::time::Nanos;

use crate::engine::load::Due;
use crate::engine::pool::{ConnectionState, Io};
use crate::engine::users::{Ended, Stage};

use super::Worker;

impl<I: Io> Worker<'_, I> {
    /// Counting begins at `at`, for every worker, unless it has.
    pub(super) fn begin_counting(&mut self, at: Nanos) {
        if !self.meter.is_counting() {
            let t0 = self.shared.begin_counting(at);
            let window_end = self.load.begin_counting(t0);
            self.ended = window_end;
            self.meter.begin(t0, window_end);
        }
    }

    /// A warm-up that lasts until it is steady: what this worker has seen of it, and when it ends.
    pub(super) fn check_warmup(&mut self) {
        let now = self.pool.now;
        let Some(launched) = self.load.launched(now) else { return };
        let Some(sample) = self.meter.take_warmup() else { return };
        self.shared.auto.add(sample, launched, now);
        if let Some(t0) = self.shared.auto.t0() {
            self.meter.end_warmup();
            self.load.end_warmup(t0);
        }
    }

    /// From some instant on, no more requests are due, and responses are not awaited for ever.
    pub(super) fn update_end(&mut self) {
        if self.meter.is_counting() {
            let ended = self.load.ended(self.pool.now, self.meter.tally.t0, &self.shared.numbers);
            self.ended = self.ended.min(ended.unwrap_or(Nanos::NEVER));
            self.meter.tally.due_until = self.ended;
        }
    }

    /// `u` will send no more.
    pub(super) fn retire(&mut self, u: u32) {
        if self.users.retire(u) {
            self.pool.stop_timeout(u);
            // Those that are shared are closed with the worker.
            if !self.pool.is_shared() {
                self.pool.close(self.users.connection(u));
            }
        }
    }

    pub(super) fn retire_all(&mut self) {
        for u in 0..self.users.len() {
            self.retire(u);
        }
    }

    /// At the end of a closed run, users that wait after a failure need not wait longer.
    pub(super) fn retire_backed_off(&mut self) {
        if !self.meter.is_counting() || !self.load.release.is_released() {
            return;
        }
        let Some(past_end) = self.load.is_closed_over(self.pool.now, &self.shared.numbers) else { return };
        for u in 0..self.users.len() {
            let (stage, state) = (self.users.stage(u), self.pool.state(self.users.connection(u)));
            // A request that waits for its turn to connect is not due yet, and now will not be.
            let is_due = stage == Stage::Pending && self.users.get(u).request.due != Nanos::NEVER;
            let waits = matches!(state, ConnectionState::Queued | ConnectionState::BackOff);
            let is_idle = state == ConnectionState::BackOff && stage == Stage::Idle;
            if is_idle || (past_end && waits && !is_due) {
                self.retire(u);
            }
        }
    }

    /// A run that is under way finds out that no server can be reached.
    pub(super) fn end_if_nobody_connected(&mut self) {
        let is_under_way = self.load.kind() != ModelKind::Waves && self.load.release.is_released();
        if is_under_way && self.shared.nobody_connected() {
            self.report_nobody();
        }
    }

    /// No user could connect: each has one failed row, warm-up or not, and the run is over.
    pub(super) fn report_nobody(&mut self) {
        // There was no release: the run is what there was of it. Failures of a
        // warm-up that is over, though, are no part of it.
        let had_begun = self.meter.is_counting();
        self.begin_counting(self.shared.begin(self.pool.now));
        self.load.set_outstanding(self.users.len());
        for u in 0..self.users.len() {
            let measured = Slot { index: u64::from(self.users.number(u)), measured: true };
            if self.users.get(u).excluded.is_some() && !had_begun {
                self.take(u, measured, self.load.first_wave());
                self.report_excluded(u);
            } else if self.users.stage(u) == Stage::Pending {
                // A second attempt, which will not be made.
                self.leave_unsent(u);
            }
        }
        self.drop_backlog();
        self.retire_all();
    }

    /// The request of `u` was due, and is not sent any more.
    fn leave_unsent(&mut self, u: u32) {
        let request = &mut self.users.get_mut(u).request;
        if !request.slot.measured {
            return;
        }
        if request.due == Nanos::NEVER && request.ready != Nanos::NEVER {
            request.due = request.ready;
            self.meter.count_due(request.slot.measured, request.due);
        }
        if request.due != Nanos::NEVER {
            self.meter.unsent(request.target, request.due, self.pool.now);
        }
    }

    /// Nor are those that wait for a user.
    pub(super) fn drop_backlog(&mut self) {
        let now = self.pool.now;
        while let Some(Due { slot, at }) = self.load.drop_waiting() {
            if slot.measured {
                self.meter.tally.waiting.leave(now);
                self.meter.unsent(self.exchange.target(slot), at, now);
            }
        }
    }

    /// The run ends here and now: what is under way is cut.
    pub(super) fn cut(&mut self) {
        for c in 0..self.pool.len() {
            self.read_held_back(c);
        }
        let now = self.pool.read_clock();
        self.count_backlog();
        for u in 0..self.users.len() {
            let user = self.users.get(u);
            let measured = user.request.slot.measured;
            match user.stage {
                Stage::InFlight if measured => {
                    let failure = Failure::new(Phase::Cut, Cause::RunEnded);
                    let ended = Ended::without_response(now, failure, self.pool.for_record(user.connection));
                    let record = self.users.record(u, &ended);
                    debug_assert_eq!(record.outcome(), Outcome::Unfinished);
                    self.count(&record);
                }
                Stage::Pending if measured => self.leave_unsent(u),
                _ => {}
            }
        }
        self.drop_backlog();
        if self.meter.is_counting() {
            self.meter.tally.last_done = self.pool.now;
        }
    }

    /// The run is over.
    pub(super) fn finish(mut self) -> Totals {
        self.meter.flush(&self.pool.traffic);
        let now = self.pool.read_clock();
        self.update_end();
        let usage = self.pool.io.usage();
        self.meter.close(now, usage, self.pool.traffic)
    }
}
