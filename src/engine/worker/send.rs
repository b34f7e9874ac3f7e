//! Requests go out: the free users' next ones, those that are due, and those that had to wait.

use crate::plan::ModelKind;
use crate::proto::Hold;
use crate::record::{Cause, Failure, NO_WAVE, Phase};
use crate::request::Slot;
use crate::time::Nanos;

use crate::engine::exchange::Asked;
use crate::engine::load::{Due, Next};
use crate::engine::pool::{ConnectionState, Io};

use super::Worker;

impl<I: Io> Worker<'_, I> {
    /// Free users send their next requests.
    #[inline]
    pub(super) fn start_free(&mut self) {
        let free = self.load.take_free();
        for &u in &free {
            // A failure before may have shown that no server can be reached.
            if self.users.active() == 0 {
                break;
            }
            // While its response was looked at, its connection has failed: it is free again after the wait.
            if self.waits_after_failure(u) {
                continue;
            }
            match self.next_slot() {
                Some(slot) => {
                    self.take(u, slot, NO_WAVE);
                    self.send_when_open(u);
                }
                None => self.retire(u),
            }
        }
        // A user that fails at once waits a while, so next to none has become free meanwhile.
        self.load.return_free(free);
    }

    #[inline]
    pub(super) fn next_slot(&mut self) -> Option<Slot> {
        match self.load.next(self.pool.now, &self.shared.numbers) {
            Next::Send(slot) => Some(slot),
            Next::BeginMeasuring(slot, at) => {
                self.begin_counting(at);
                // The last warm-up response may have come after the end.
                (self.pool.now < self.meter.tally.window_end).then_some(slot)
            }
            Next::Stop => None,
        }
    }

    /// In a closed run, a user whose only connection has failed waits before it
    /// sends the next request. With several origins the request waits that is for this one.
    #[inline]
    pub(super) fn waits_after_failure(&self, u: u32) -> bool {
        self.pool.state(self.users.connection(u)) == ConnectionState::BackOff && self.pool.routes.has_one_origin()
    }

    /// Requests that are due are sent, as long as there are users without one; then they wait.
    #[inline]
    pub(super) fn start_due(&mut self) {
        if self.load.kind() != ModelKind::Open || !self.load.release.is_released() {
            return;
        }
        // At most one request a user a turn: users that fail at once must not starve reads and timers.
        for _ in 0..self.users.len() {
            // A failure before may have shown that no server can be reached.
            if self.users.active() == 0 {
                return;
            }
            let Some(Due { slot, at }) = self.load.due(self.pool.now) else { return };
            let (users, pool, exchange) = (&self.users, &self.pool, &self.exchange);
            let origin = if pool.routes.has_one_origin() { 0 } else { exchange.origin(exchange.target(slot)) };
            let route = |u: u32| pool.routes.connection(u, origin).unwrap_or_else(|| users.connection(u));
            let Some(u) = self.load.next_free(|u| pool.has_room(route(u))) else {
                return self.count_backlog();
            };
            let (freed, waited) = self.load.take_due(u);
            if slot.measured && !self.meter.is_counting() {
                self.begin_counting(self.load.planned_t0());
            }
            self.send_due(u, slot, (at, at.max(freed)), waited);
        }
    }

    /// `u` sends the request that was due, and ready when its connection was. `waited`: it has waited for a free user.
    #[inline]
    fn send_due(&mut self, u: u32, slot: Slot, (due, ready): (Nanos, Nanos), waited: bool) {
        self.take(u, slot, NO_WAVE);
        let now = self.pool.now;
        let request = &mut self.users.get_mut(u).request;
        (request.due, request.ready, request.taken) = (due, ready, now);
        if !waited {
            self.meter.count_due(slot.measured, due);
        } else if slot.measured {
            self.meter.tally.waiting.leave(now);
        }
        self.pool.start_timeout(u, now);
        self.send_when_open(u);
    }

    /// Requests that are due and find no free user wait: the schedule does not.
    #[cold]
    pub(super) fn count_backlog(&mut self) {
        if !self.load.release.is_released() {
            return;
        }
        while let Some(Due { slot, at }) = self.load.next_waiting(self.pool.now) {
            if slot.measured {
                self.begin_counting(self.load.planned_t0());
                self.meter.count_due(true, at);
                self.meter.tally.waiting.enter(at);
            }
        }
        if self.load.has_overflowed() {
            self.meter.tally.backlog_full = true;
            self.shared.end_schedule();
        }
    }

    /// A few times a second: what waits is counted even if no user becomes free,
    /// and a backlog that is full ends the schedule of every worker.
    pub(super) fn update_backlog(&mut self) {
        if self.load.kind() != ModelKind::Open {
            return;
        }
        if self.shared.has_schedule_ended() {
            self.load.end_schedule();
        }
        if !self.load.has_free() {
            self.count_backlog();
        }
    }

    /// `u` takes the request in `slot`, and turns to the origin that it is for.
    #[inline]
    pub(super) fn take(&mut self, u: u32, slot: Slot, wave: u32) {
        let target = self.exchange.target(slot);
        self.users.take(u, slot, target, wave);
        self.turn_to_origin(u, target);
    }

    /// `u` goes on with the connection over which requests to `target` are sent.
    #[inline]
    pub(super) fn turn_to_origin(&mut self, u: u32, target: u32) {
        if !self.pool.routes.has_one_origin()
            && let Some(c) = self.pool.routes.connection(u, self.exchange.origin(target))
        {
            self.users.get_mut(u).connection = c;
        }
    }

    /// `u` has a request: it is sent if its connection is open, or as soon as it is.
    #[inline]
    pub(super) fn send_when_open(&mut self, u: u32) {
        let c = self.users.connection(u);
        let state = self.pool.state(c);
        if state == ConnectionState::Open {
            return self.send(u);
        }
        self.users.wait(u);
        match state {
            ConnectionState::Closed => self.pool.open(c),
            ConnectionState::Connecting | ConnectionState::Greeting => self.becomes_due(u, self.pool.now),
            // Its turn comes; then its request is due.
            ConnectionState::Queued | ConnectionState::BackOff | ConnectionState::Failed | ConnectionState::Open => {}
        }
    }

    /// The request of `u`, which must wait for its connection, is due at `now` unless it was before.
    pub(super) fn becomes_due(&mut self, u: u32, now: Nanos) {
        let request = &mut self.users.get_mut(u).request;
        if request.due == Nanos::NEVER {
            request.due = self.load.due_when_blocked(now);
            self.meter.count_due(request.slot.measured, request.due);
            self.pool.start_timeout(u, now);
        }
    }

    /// Encodes the request of `u`, whose connection is open. It goes out at once,
    /// or with the others of this turn that share the connection.
    #[inline]
    pub(super) fn send(&mut self, u: u32) {
        let c = self.users.connection(u);
        if !self.pool.has_room(c) {
            return self.wait_for_room(u, c);
        }
        let now = self.pool.now;
        let asked = self.asked(u);
        let request = &mut self.users.get_mut(u).request;
        let Ok((message, is_rendered)) = self.exchange.message(u, &asked, now) else {
            return self.not_rendered(u);
        };
        if is_rendered {
            request.rendered = now;
        }
        self.pool.submit(c, message, u);
        self.users.sending(u, now);
        if self.pool.is_shared() {
            self.pool.defer(c, u);
        } else {
            // A batch of one: keeping it would cost a hundred instructions.
            let now = self.pool.read_clock();
            self.sent(u, now);
            self.pool.flush(c);
        }
    }

    /// The request of `u`.
    #[inline]
    pub(super) fn asked(&self, u: u32) -> Asked {
        let request = &self.users.get(u).request;
        Asked { slot: request.slot, target: request.target, user: self.users.number(u), wave: request.wave() }
    }

    /// Requests that were encoded in this turn are written, each connection's in one go.
    pub(super) fn write_deferred(&mut self) {
        while let Some((c, batch)) = self.pool.next_batch() {
            let now = self.pool.read_clock();
            for &u in &batch {
                self.sent(u, now);
            }
            self.pool.write_batch(c, batch);
        }
    }

    /// The request of `u` goes to the kernel at `now`.
    #[inline]
    fn sent(&mut self, u: u32, now: Nanos) {
        if self.users.sent(u, now) {
            self.meter.count_due(self.users.get(u).request.slot.measured, now);
            self.pool.start_timeout(u, now);
        }
    }

    /// There is no text for the request of `u`: it fails without having been sent.
    #[cold]
    fn not_rendered(&mut self, u: u32) {
        let now = self.pool.read_clock();
        let request = &mut self.users.get_mut(u).request;
        if request.due == Nanos::NEVER {
            (request.due, request.ready) = (now, now);
            self.meter.count_due(request.slot.measured, now);
        }
        self.fail_unsent(u, Failure::new(Phase::Template, Cause::Unrendered));
    }

    /// The server allows no more requests at a time on connection `c`, which `u` uses.
    #[cold]
    fn wait_for_room(&mut self, u: u32, c: u32) {
        self.users.wait(u);
        self.pool.wait_for_room(c, u);
        self.becomes_due(u, self.pool.now);
    }

    /// The connection of `u` is open before a release: its request is encoded, and sent but for
    /// the last byte if that is held back.
    pub(super) fn prepare_request(&mut self, u: u32, slot: Slot, wave: u32) {
        let c = self.users.connection(u);
        if !self.pool.has_room(c) {
            // It waits for room from the release on.
            return self.load.release.mark_ready(u);
        }
        let now = self.pool.now;
        self.users.take(u, slot, self.exchange.target(slot), wave);
        self.users.get_mut(u).request.rendered = now;
        let asked = self.asked(u);
        let Ok((message, _)) = self.exchange.message(u, &asked, now) else {
            return self.exclude(u, Failure::new(Phase::Template, Cause::Unrendered), now);
        };
        self.users.prime(u);
        if self.load.holds_last_byte() {
            // It is ready when the rest has gone out.
            self.pool.prepare(c, message, u, Hold::LastByte);
        } else {
            self.pool.prepare(c, message, u, Hold::All);
            self.load.release.mark_ready(u);
        }
    }
}
