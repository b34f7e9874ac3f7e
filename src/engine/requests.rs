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
        user.stage = Stage::InFlight;
        let sent = self.io.now();
        let request = &mut user.request;
        request.sent = sent;
        if request.due == Nanos::NEVER {
            // On an open connection a closed user's request is due when it is sent.
            (request.due, request.ready) = (sent, sent);
            self.request_limit_starts(u, sent);
        } else if request.ready == Nanos::NEVER {
            // It had to wait for its connection, which is open now.
            request.ready = self.now;
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
        if matches!(self.pace, Pace::Closed(_)) && self.gate.is_open() && self.shared.nobody_connected() {
            self.report_nobody();
        }
    }

    /// No user could connect: each has one failed row, warm-up or not, and the run is over.
    pub(super) fn report_nobody(&mut self) {
        // There was no release: the run is what there was of it.
        self.begin_counting(self.shared.begin(self.now));
        for u in 0..self.users.len() as u32 {
            let measured = Slot { index: u64::from(self.first_user + u), measured: true };
            let wave = if matches!(self.pace, Pace::Waves(_)) { 0 } else { NO_WAVE };
            if self.users[u as usize].unable.is_some() {
                self.users[u as usize].take(measured, wave);
                if let Pace::Waves(waves) = &mut self.pace {
                    waves.outstanding += 1;
                }
                self.report_unable(u);
            }
        }
        self.retire_all();
    }
}
