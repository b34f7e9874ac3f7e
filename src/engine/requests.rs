//! Requests: which one a user sends next, sending it, and users that send no more.

use crate::record::NO_WAVE;
use crate::request::Slot;
use crate::time::Nanos;

use super::closed::Next;
use super::user::{Link, Stage};
use super::worker::Pace;
use super::{Io, Worker};

impl<I: Io> Worker<'_, I> {
    /// Free users send their next requests.
    #[inline]
    pub(super) fn start_the_free(&mut self) {
        let mut free = std::mem::take(&mut self.free);
        for &u in &free {
            // The first one to fail may have found out that there is nobody to talk to.
            if self.active == 0 {
                break;
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
        let Pace::Closed(closed) = &mut self.pace else { return None };
        match closed.next(self.now, self.shared) {
            Next::Send(slot) => Some(slot),
            Next::HandOver(slot, at) => {
                self.begin_counting(at);
                // The last warm-up answer may have come after the end.
                (self.now < self.tally.window_end).then_some(slot)
            }
            Next::Stop => None,
        }
    }

    #[inline]
    fn start(&mut self, u: u32, slot: Slot) {
        let user = &mut self.users[u as usize];
        user.take(slot, NO_WAVE);
        if user.link == Link::Open {
            self.send(u);
        } else {
            user.stage = Stage::Pending;
            self.send_when_open(u);
        }
    }

    /// Requests that are due are sent, as long as there are users without one; then they wait.
    #[inline]
    pub(super) fn start_the_due(&mut self) {
        if !self.gate.is_open() {
            return;
        }
        // Whoever fails at once is free again at once: what else is to be done has its turn nevertheless.
        for _ in 0..self.users.len() {
            let Pace::Open(open) = &mut self.pace else { return };
            let Some((slot, due)) = open.due(self.now) else { return };
            let users = &self.users;
            let Some(u) = open.next_free(|u| users[u as usize].link == Link::Open) else {
                return self.note_the_waiting();
            };
            let waited = open.take();
            if slot.measured && !self.counting {
                let t0 = open.t0;
                self.begin_counting(t0);
            }
            self.start_due(u, slot, due, waited);
            if self.active == 0 {
                return;
            }
        }
    }

    /// Requests that are due and find nobody free wait: the schedule does not.
    #[cold]
    pub(super) fn note_the_waiting(&mut self) {
        while let Pace::Open(open) = &mut self.pace
            && self.gate.is_open()
            && let Some((slot, due)) = open.wait(self.now)
        {
            if slot.measured {
                let t0 = open.t0;
                self.begin_counting(t0);
                self.tally.present.come(due);
                self.tally.waiting.come(due);
            }
        }
        if let Pace::Open(open) = &self.pace {
            self.tally.backlog_full = open.overflowed;
            if open.overflowed {
                self.shared.end_schedule();
            }
        }
    }

    /// A few times a second: what waits is counted even if nobody becomes free,
    /// and a backlog that is full ends the schedule of every worker.
    pub(super) fn note_the_backlog(&mut self) {
        let Pace::Open(open) = &mut self.pace else { return };
        if self.shared.has_schedule_ended() {
            open.overflowed = true;
        }
        if !open.has_free() {
            self.note_the_waiting();
        }
    }

    /// `u` sends the request that was due at `due`. It was ready when its connection was.
    #[inline]
    fn start_due(&mut self, u: u32, slot: Slot, due: Nanos, waited: bool) {
        let user = &mut self.users[u as usize];
        user.take(slot, NO_WAVE);
        user.request.due = due;
        user.request.ready = due.max(user.freed);
        user.request.taken = self.now;
        match waited {
            true if slot.measured => self.tally.waiting.go(self.now),
            true => {}
            false => self.came(u),
        }
        self.request_limit_starts(u, self.now);
        if self.users[u as usize].link == Link::Open {
            self.send(u);
        } else {
            self.users[u as usize].stage = Stage::Pending;
            self.send_when_open(u);
        }
    }

    /// The request of `u` was due, and is not sent any more.
    pub(super) fn leave_unsent(&mut self, u: u32) {
        let request = &mut self.users[u as usize].request;
        if request.due == Nanos::NEVER && request.ready != Nanos::NEVER {
            request.due = request.ready;
            self.came(u);
        }
        let due = self.users[u as usize].request.due;
        if due != Nanos::NEVER {
            self.tally.unsent(due, self.now);
        }
    }

    /// Nor are those that wait for a user.
    pub(super) fn leave_the_waiting(&mut self) {
        while let Pace::Open(open) = &mut self.pace
            && let Some((slot, due)) = open.give_up()
        {
            if slot.measured {
                self.tally.waiting.go(self.now);
                self.tally.unsent(due, self.now);
            }
        }
    }

    /// `u` has a request, and no open connection yet.
    pub(super) fn send_when_open(&mut self, u: u32) {
        match self.users[u as usize].link {
            Link::Closed => self.open(u),
            Link::Connecting => self.due_while_connecting(u),
            // Its turn comes; then its request is due.
            Link::Queued | Link::BackOff => {}
            Link::Open => {
                self.due_while_connecting(u);
                self.send(u);
            }
        }
    }

    /// Sends the request of `u`, whose connection is open.
    #[inline]
    pub(super) fn send(&mut self, u: u32) {
        let user = &mut self.users[u as usize];
        let payload = self.source.payload(user.request.slot, self.now);
        user.session.submit(payload, u, false, &mut self.codec);
        let had_to_connect = std::mem::replace(&mut user.stage, Stage::InFlight) == Stage::Pending;
        let sent = self.io.now();
        // What is due next is looked for with this reading.
        let opened = std::mem::replace(&mut self.now, sent);
        let request = &mut user.request;
        request.sent = sent;
        if request.due == Nanos::NEVER {
            // On an open connection a closed user's request is due when it is sent.
            (request.due, request.ready) = (sent, sent);
            self.came(u);
            self.request_limit_starts(u, sent);
        } else if request.ready == Nanos::NEVER {
            // It had to wait for its connection, which is open now.
            request.ready = opened;
        } else if had_to_connect {
            // As above; how late this tool was to begin with that still counts.
            request.ready += opened.since(request.taken);
        }
        self.flush(u);
    }

    /// `u` will send no more.
    pub(super) fn retire(&mut self, u: u32) {
        let user = &mut self.users[u as usize];
        if user.stage != Stage::Retired {
            user.stage = Stage::Retired;
            self.active -= 1;
            self.deadlines.disarm(u);
            self.close(u);
        }
    }

    pub(super) fn retire_all(&mut self) {
        for u in 0..self.users.len() as u32 {
            self.retire(u);
        }
    }

    /// At the end of a closed run, users that wait after a failure need not wait longer.
    pub(super) fn retire_the_waiting(&mut self) {
        let Pace::Closed(closed) = &self.pace else { return };
        let past_end = closed.is_past_end(self.now);
        if self.counting && self.gate.is_open() && closed.is_over(self.now, self.shared) {
            for u in 0..self.users.len() as u32 {
                let user = &self.users[u as usize];
                // A request that waits for its turn to connect is not due yet, and now will not be.
                let too_late = past_end && user.link == Link::Queued && user.request.due == Nanos::NEVER;
                if user.link == Link::BackOff || too_late {
                    self.retire(u);
                }
            }
        }
    }

    /// Without a gate before it, a closed run finds out as it goes that there is nobody to talk to.
    pub(super) fn end_if_nobody_connected(&mut self) {
        if !matches!(self.pace, Pace::Waves(_)) && self.gate.is_open() && self.shared.nobody_connected() {
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
            let wave = if matches!(self.pace, Pace::Waves(_)) { 0 } else { NO_WAVE };
            if self.users[u as usize].unable.is_some() && !had_begun {
                self.users[u as usize].take(measured, wave);
                if let Pace::Waves(waves) = &mut self.pace {
                    waves.outstanding += 1;
                }
                self.report_unable(u);
            } else if self.users[u as usize].stage == Stage::Pending {
                // A second attempt, which will not be made.
                self.leave_unsent(u);
            }
        }
        self.leave_the_waiting();
        self.retire_all();
    }
}
