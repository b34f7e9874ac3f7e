//! Requests: which one a user sends next, sending it, and users that send no more.

use crate::proto::Hold;
use crate::record::{Cause, Failure, NO_WAVE, Phase};
use crate::request::Slot;
use crate::time::Nanos;

use super::closed::Next;
use super::connection::ConnectionState;
use super::user::Stage;
use super::worker::LoadModel;
use super::{Io, Worker};

/// A request that the server did not look at is sent again so often.
const MAX_RESENDS: u8 = 3;

impl<I: Io> Worker<'_, I> {
    /// Free users send their next requests.
    #[inline]
    pub(super) fn start_free_users(&mut self) {
        let mut free = std::mem::take(&mut self.free);
        for &u in &free {
            // The first one to fail may have found out that there is nobody to talk to.
            if self.active == 0 {
                break;
            }
            // While its answer was looked at, its connection has failed: it is free again after the wait.
            if self.waits_after_failure(u) {
                continue;
            }
            match self.next_slot() {
                Some(slot) => self.start(u, slot),
                None => self.retire(u),
            }
        }
        free.clear();
        // Whoever failed at once waits a while, so nobody has become free meanwhile, or next to nobody.
        free.append(&mut self.free);
        self.free = free;
    }

    #[inline]
    pub(super) fn next_slot(&mut self) -> Option<Slot> {
        let LoadModel::Closed(closed) = &mut self.load else { return None };
        match closed.next(self.now, self.shared) {
            Next::Send(slot) => Some(slot),
            Next::BeginMeasuring(slot, at) => {
                self.begin_counting(at);
                // The last warm-up answer may have come after the end.
                (self.now < self.tally.window_end).then_some(slot)
            }
            Next::Stop => None,
        }
    }

    #[inline]
    fn start(&mut self, u: u32, slot: Slot) {
        self.take(u, slot, NO_WAVE);
        self.send_when_open(u);
    }

    /// In a closed run, a user whose only connection has failed waits before it
    /// sends the next request. With several origins the request waits that is for this one.
    #[inline]
    pub(super) fn waits_after_failure(&self, u: u32) -> bool {
        let c = self.users[u as usize].connection;
        self.connections[c as usize].state == ConnectionState::BackOff && self.routes.has_one_origin()
    }

    /// Requests that are due are sent, as long as there are users without one; then they wait.
    #[inline]
    pub(super) fn start_due_requests(&mut self) {
        if !self.release.is_released() {
            return;
        }
        // Whoever fails at once is free again at once: what else is to be done has its turn nevertheless.
        for _ in 0..self.users.len() {
            // The last one to fail may have found out that there is nobody to talk to.
            if self.active == 0 {
                return;
            }
            let LoadModel::Open(open) = &mut self.load else { return };
            let Some((slot, due)) = open.due(self.now) else { return };
            let (users, connections, routes) = (&self.users, &self.connections, &self.routes);
            let origin = if routes.has_one_origin() { 0 } else { routes.origin(self.source.target(slot)) };
            let home = |u: u32| {
                if routes.has_one_origin() { users[u as usize].connection } else { routes.connection(u, origin) }
            };
            let Some(u) = open.next_free(|u| connections[home(u) as usize].has_room()) else {
                return self.count_backlog();
            };
            let waited = open.take();
            if slot.measured && !self.counting {
                let t0 = open.t0;
                self.begin_counting(t0);
            }
            self.start_due(u, slot, due, waited);
        }
    }

    /// Requests that are due and find nobody free wait: the schedule does not.
    #[cold]
    pub(super) fn count_backlog(&mut self) {
        while let LoadModel::Open(open) = &mut self.load
            && self.release.is_released()
            && let Some((slot, due)) = open.wait(self.now)
        {
            if slot.measured {
                let t0 = open.t0;
                self.begin_counting(t0);
                self.tally.in_system.enter(due);
                self.tally.waiting.enter(due);
            }
        }
        if let LoadModel::Open(open) = &self.load {
            self.tally.backlog_full = open.overflowed;
            if open.overflowed {
                self.shared.end_schedule();
            }
        }
    }

    /// A few times a second: what waits is counted even if nobody becomes free,
    /// and a backlog that is full ends the schedule of every worker.
    pub(super) fn update_backlog(&mut self) {
        let LoadModel::Open(open) = &mut self.load else { return };
        if self.shared.has_schedule_ended() {
            open.overflowed = true;
        }
        if !open.has_free() {
            self.count_backlog();
        }
    }

    /// `u` sends the request that was due at `due`. It was ready when its connection was.
    #[inline]
    fn start_due(&mut self, u: u32, slot: Slot, due: Nanos, waited: bool) {
        self.take(u, slot, NO_WAVE);
        let user = &mut self.users[u as usize];
        user.request.due = due;
        user.request.ready = due.max(user.freed);
        user.request.taken = self.now;
        match waited {
            true if slot.measured => self.tally.waiting.leave(self.now),
            true => {}
            false => self.count_due(u),
        }
        self.request_limit_starts(u, self.now);
        self.send_when_open(u);
    }

    /// The request of `u` was due, and is not sent any more.
    pub(super) fn leave_unsent(&mut self, u: u32) {
        let request = &mut self.users[u as usize].request;
        if request.due == Nanos::NEVER && request.ready != Nanos::NEVER {
            request.due = request.ready;
            self.count_due(u);
        }
        let request = &self.users[u as usize].request;
        if request.due != Nanos::NEVER {
            self.tally.unsent(request.slot.index, request.due, self.now);
        }
    }

    /// Nor are those that wait for a user.
    pub(super) fn drop_backlog(&mut self) {
        while let LoadModel::Open(open) = &mut self.load
            && let Some((slot, due)) = open.give_up()
        {
            if slot.measured {
                self.tally.waiting.leave(self.now);
                self.tally.unsent(slot.index, due, self.now);
            }
        }
    }

    /// `u` has a request: it is sent if its connection is open, or as soon as it is.
    #[inline]
    pub(super) fn send_when_open(&mut self, u: u32) {
        let c = self.users[u as usize].connection;
        let state = self.connections[c as usize].state;
        if state == ConnectionState::Open {
            return self.send(u);
        }
        self.users[u as usize].stage = Stage::Pending;
        match state {
            ConnectionState::Closed => self.open(c),
            ConnectionState::Connecting | ConnectionState::Greeting => self.due_while_connecting(u),
            // Its turn comes; then its request is due.
            ConnectionState::Queued | ConnectionState::BackOff | ConnectionState::Open => {}
        }
    }

    /// Encodes the request of `u`, whose connection is open. It goes out at once,
    /// or with the others of this turn that share the connection.
    #[inline]
    pub(super) fn send(&mut self, u: u32) {
        let user = &mut self.users[u as usize];
        let c = user.connection;
        let connection = &mut self.connections[c as usize];
        if connection.session.capacity() == 0 {
            return self.wait_for_room(u);
        }
        let number = self.first_user + u;
        let request = &user.request;
        let hop = self.judge.as_ref().and_then(|judge| judge.redirected(u, self.source.target(request.slot)));
        let message = match hop {
            None => {
                let message = self.source.message(request.slot, number, request.wave(), self.now);
                user.request.rendered = self.now;
                message
            }
            Some(message) => Ok(message),
        };
        let Ok(message) = message else {
            return self.not_rendered(u);
        };
        connection.session.submit(message, u, Hold::Nothing, &mut self.codec);
        connection.in_flight += 1;
        let had_to_wait = std::mem::replace(&mut user.stage, Stage::InFlight) == Stage::Pending;
        let request = &mut user.request;
        // One that goes where a redirect has sent it was ready before.
        if had_to_wait && request.sent == Nanos::NEVER {
            if request.ready == Nanos::NEVER {
                // It had to wait for its connection, which is open now.
                request.ready = self.now;
            } else {
                // As above; how late this tool was to begin with that still counts.
                request.ready += self.now.since(request.taken);
            }
        }
        if self.codec.is_multiplexed() {
            if connection.batch.is_empty() {
                self.unwritten.push(c);
            }
            connection.batch.push(u);
        } else {
            // A batch of one: keeping it would cost a hundred instructions.
            self.now = self.io.now();
            self.sent(u);
            self.flush(c);
        }
    }

    /// There is no text for the request of `u`: it fails without having been sent.
    #[cold]
    fn not_rendered(&mut self, u: u32) {
        self.now = self.io.now();
        let request = &mut self.users[u as usize].request;
        if request.due == Nanos::NEVER {
            (request.due, request.ready) = (self.now, self.now);
            self.count_due(u);
        }
        self.fail_unsent(u, Failure::new(Phase::Template, Cause::Unrendered));
    }

    /// The server allows no more requests at a time on the connection of `u`.
    #[cold]
    fn wait_for_room(&mut self, u: u32) {
        let user = &mut self.users[u as usize];
        user.stage = Stage::Pending;
        self.connections[user.connection as usize].waiting.push_back(u);
        self.due_while_connecting(u);
    }

    /// Requests that waited for room on connection `c` are sent as far as there is some.
    #[inline]
    pub(super) fn send_queued_for_stream(&mut self, c: u32) {
        while self.connections[c as usize].has_room()
            && let Some(u) = self.connections[c as usize].waiting.pop_front()
        {
            self.send(u);
        }
    }

    /// The request of `u` goes to the kernel now.
    #[inline]
    pub(super) fn sent(&mut self, u: u32) {
        let request = &mut self.users[u as usize].request;
        request.sent = request.sent.min(self.now);
        if request.due == Nanos::NEVER {
            // On an open connection a closed user's request is due when it is sent.
            (request.due, request.ready) = (self.now, self.now);
            self.count_due(u);
            self.request_limit_starts(u, self.now);
        }
    }

    /// The server says that it has not looked at the request of `u`: it is sent
    /// again, and stays the one that was due when it was (RFC 9113, 8.7). False:
    /// that has been done often enough.
    #[cold]
    pub(super) fn send_again(&mut self, u: u32) -> bool {
        let user = &mut self.users[u as usize];
        if user.resends == MAX_RESENDS || user.stage != Stage::InFlight {
            return false;
        }
        user.resends += 1;
        user.stage = Stage::Pending;
        user.request.ready = Nanos::NEVER;
        user.request.sent = Nanos::NEVER;
        self.tally.retried += u64::from(user.request.slot.measured);
        let c = user.connection;
        self.connections[c as usize].in_flight -= 1;
        self.follow(u);
        true
    }

    /// `u` has nothing under way: where its connection takes no more requests, it goes on with another.
    #[inline]
    pub(super) fn follow(&mut self, u: u32) {
        let c = self.users[u as usize].connection;
        if let Some(moved_to) = self.connections[c as usize].moved_to {
            self.users[u as usize].connection = moved_to;
        }
    }

    /// `u` will send no more.
    pub(super) fn retire(&mut self, u: u32) {
        let user = &mut self.users[u as usize];
        if user.stage != Stage::Retired {
            user.stage = Stage::Retired;
            self.active -= 1;
            self.deadlines.disarm(u);
            let c = user.connection;
            // Those that are shared are closed with the worker.
            if !self.codec.is_multiplexed() {
                self.close(c);
            }
        }
    }

    pub(super) fn retire_all(&mut self) {
        for u in 0..self.users.len() as u32 {
            self.retire(u);
        }
    }

    /// At the end of a closed run, users that wait after a failure need not wait longer.
    pub(super) fn retire_backed_off(&mut self) {
        let LoadModel::Closed(closed) = &self.load else { return };
        let past_end = closed.is_past_end(self.now);
        if self.counting && self.release.is_released() && closed.is_over(self.now, self.shared) {
            for u in 0..self.users.len() as u32 {
                let user = &self.users[u as usize];
                let state = self.connections[user.connection as usize].state;
                // A request that waits for its turn to connect is not due yet, and now will not be.
                let is_due = user.stage == Stage::Pending && user.request.due != Nanos::NEVER;
                let too_late =
                    past_end && matches!(state, ConnectionState::Queued | ConnectionState::BackOff) && !is_due;
                if (state == ConnectionState::BackOff && user.stage == Stage::Idle) || too_late {
                    self.retire(u);
                }
            }
        }
    }

    /// Without a gate before it, a closed run finds out as it goes that there is nobody to talk to.
    pub(super) fn end_if_nobody_connected(&mut self) {
        if !matches!(self.load, LoadModel::Waves(_)) && self.release.is_released() && self.shared.nobody_connected() {
            self.report_nobody();
        }
    }

    /// No user could connect: each has one failed row, warm-up or not, and the run is over.
    pub(super) fn report_nobody(&mut self) {
        // There was no release: the run is what there was of it. Failures of a
        // warm-up that is over, though, are no part of it.
        let had_begun = self.counting;
        self.begin_counting(self.shared.begin(self.now));
        for u in 0..self.users.len() as u32 {
            let measured = Slot { index: u64::from(self.first_user + u), measured: true };
            let wave = if matches!(self.load, LoadModel::Waves(_)) { 0 } else { NO_WAVE };
            if self.users[u as usize].excluded.is_some() && !had_begun {
                self.take(u, measured, wave);
                if let LoadModel::Waves(waves) = &mut self.load {
                    waves.outstanding += 1;
                }
                self.report_excluded(u);
            } else if self.users[u as usize].stage == Stage::Pending {
                // A second attempt, which will not be made.
                self.leave_unsent(u);
            }
        }
        self.drop_backlog();
        self.retire_all();
    }
}
