//! What comes back: responses end requests.

use crate::proto::Answer;
use crate::record::{Cause, Failure, Phase, Record};

use crate::engine::exchange::{NewOrigin, Next, Sent};
use crate::engine::pool::{ConnectionState, Io, Read};
use crate::engine::users::{Ended, Exclusion, Stage};

use super::Worker;

/// A connection may be read so often in one turn: a flood on one does not stop the others.
const READS_PER_TURN: u32 = 16;

impl<I: Io> Worker<'_, I> {
    /// Reads what connection `c` has.
    #[inline]
    pub(super) fn read(&mut self, c: u32, read_closed: bool) {
        for _ in 0..READS_PER_TURN {
            let stamped = self.meter.self_check.wants_stamp();
            let read = self.pool.read(c, stamped);
            self.note_read(stamped);
            self.settle_answers();
            match read {
                Read::Some(received) => {
                    if !self.pool.after_read(c, received, read_closed) {
                        return;
                    }
                }
                Read::Nothing => return self.pool.close_if_exhausted(c),
                Read::Ended => return,
            }
        }
        self.pool.read_later(c);
        self.pool.close_if_exhausted(c);
    }

    /// Something was read now, or nothing.
    #[inline]
    fn note_read(&mut self, stamped: bool) {
        let now = self.pool.now;
        if stamped {
            let arrived = self.pool.arrived();
            self.meter.self_check.read_stamped(arrived, now);
        } else {
            self.meter.self_check.read(now);
        }
    }

    /// All that has happened is dealt with, and what follows from it is written.
    #[inline(always)]
    pub(super) fn settle(&mut self) {
        if !self.pool.is_settled() {
            self.settle_all();
        }
    }

    #[inline(never)]
    fn settle_all(&mut self) {
        self.settle_events();
        while self.pool.has_deferred() {
            self.write_deferred();
            self.settle_events();
        }
    }

    /// Responses first, then what became of connections, until nothing follows any more.
    #[inline]
    pub(super) fn settle_events(&mut self) {
        loop {
            self.settle_answers();
            match self.pool.poll() {
                Some(event) => self.on(event),
                None if self.pool.open_next() => {}
                None => return,
            }
        }
    }

    #[inline]
    pub(super) fn settle_answers(&mut self) {
        while let Some(answer) = self.pool.next_answer() {
            self.answered(answer);
        }
    }

    #[inline]
    fn answered(&mut self, mut answer: Answer) {
        let u = answer.ticket;
        if answer.may_be_sent_again && self.send_again(u) {
            return;
        }
        if self.users.stage(u) != Stage::InFlight {
            return self.answered_early(&answer);
        }
        let mut failure = answer.failure;
        if failure.is_none() && !self.exchange.only_counts() {
            match self.follow_up(&mut answer) {
                Some(why) => failure = why,
                None => return,
            }
        }
        let ended = Ended {
            at: self.pool.now,
            failure,
            // Half a response is none: its status would be counted as a success.
            status: if answer.failure.is_none() { answer.status } else { 0 },
            body_bytes: answer.body_bytes,
            first_byte: answer.first_byte,
            connection: self.pool.for_record(self.users.connection(u)),
        };
        let (mut record, was_in_flight) = self.users.finish(u, &ended);
        record.read_lag_ns = self.meter.self_check.read_lag_ns(&record);
        self.done(u, &record, was_in_flight);
    }

    /// What follows from the whole response: None, if the request goes on elsewhere, and else why it fails, if it does.
    #[inline(never)]
    fn follow_up(&mut self, answer: &mut Answer) -> Option<Option<Failure>> {
        let u = answer.ticket;
        let asked = self.asked(u);
        let user = self.users.get(u);
        let sent = Sent { rendered: user.request.rendered, origin: self.pool.origin(user.connection) };
        match self.exchange.after(u, answer, &asked, sent) {
            Next::Done(failure) => Some(failure),
            Next::Send(origin) => {
                self.move_on(u, origin);
                None
            }
            Next::SendToNew(NewOrigin { number, https, host, port }) => {
                if !self.pool.add_origin(number, https, &host, port) {
                    return Some(Some(self.exchange.no_such_origin()));
                }
                self.move_on(u, number);
                None
            }
        }
    }

    /// `u` has a response and no result yet: its request goes to `origin`.
    fn move_on(&mut self, u: u32, origin: u32) {
        let c = self.users.connection(u);
        self.pool.redirected(c);
        self.users.wait(u);
        if let Some(next) = self.pool.routes.connection(u, origin) {
            self.users.get_mut(u).connection = next;
        }
        self.send_when_open(u);
    }

    /// The server says that it has not looked at the request of `u`: it is sent again (RFC 9113, 8.7). False: that has
    /// been done often enough.
    #[cold]
    fn send_again(&mut self, u: u32) -> bool {
        if !self.users.send_again(u) {
            return false;
        }
        self.meter.tally.retried += u64::from(self.users.get(u).request.slot.measured);
        self.pool.withdraw(self.users.connection(u));
        self.follow(u);
        self.send_when_open(u);
        true
    }

    /// A response to a request that had not been sent whole: its user cannot take part in the
    /// coming release, unless the server only says that it will not look at the request here.
    #[cold]
    fn answered_early(&mut self, answer: &Answer) {
        let u = answer.ticket;
        if self.users.stage(u) != Stage::Primed {
            return;
        }
        if answer.may_be_sent_again {
            // It is encoded again when another connection is open, or sent after the release.
            self.users.unprime(u);
            self.load.release.mark_ready(u);
        } else {
            let since = self.users.get(u).request.rendered;
            self.exclude(u, Failure::new(Phase::Protocol, Cause::AnsweredEarly), since);
        }
    }

    /// The request of `u` has come to its end: what that means for its connection, for what is counted, and for the
    /// load.
    #[inline]
    pub(super) fn done(&mut self, u: u32, record: &Record, was_in_flight: bool) {
        let user = self.users.get(u);
        let (c, measured) = (user.connection, user.request.slot.measured);
        self.pool.done(c, u, record.failure, was_in_flight);
        self.exchange.forget(u);
        let c = self.follow(u);
        if measured {
            self.count(record);
        } else {
            self.meter.note_warmup(record);
        }
        let may_send = self.pool.state(c) != ConnectionState::BackOff || !self.pool.routes.has_one_origin();
        self.load.done(u, record, may_send);
    }

    /// Counts a measured request, and gives its row to the log. A full queue
    /// makes this worker wait; no row is dropped, and no due instant moves.
    #[inline]
    pub(super) fn count(&mut self, record: &Record) {
        if !self.meter.count(record) {
            let before = self.pool.io.now();
            self.meter.wait_for_log();
            let now = self.pool.read_clock();
            self.meter.held_up(before, now);
        }
    }

    /// `u` has nothing under way: where its connection takes no more requests, it goes on with another. Returns which
    /// one it has.
    #[inline]
    pub(super) fn follow(&mut self, u: u32) -> u32 {
        let user = self.users.get_mut(u);
        if let Some(next) = self.pool.moved_to(user.connection) {
            user.connection = next;
        }
        user.connection
    }

    /// The request of `u` fails without having been sent.
    pub(super) fn fail_unsent(&mut self, u: u32, failure: Failure) {
        let c = self.users.connection(u);
        let ended = Ended::without_response(self.pool.now, failure, self.pool.for_record(c));
        let user = self.users.get_mut(u);
        // Should nobody be able to connect, this is what there is to report of a warm-up.
        let excluded = Exclusion { failure, since: self.pool.began(c), at: self.pool.now };
        user.excluded = (!user.request.slot.measured).then_some(excluded);
        let (record, was_in_flight) = self.users.finish(u, &ended);
        self.done(u, &record, was_in_flight);
    }

    /// What the system has held back of a large response on connection `c` counts as received. True: there may have been
    /// some.
    pub(super) fn read_held_back(&mut self, c: u32) -> bool {
        let is_held_back = self.pool.is_held_back(c);
        if is_held_back {
            self.read(c, false);
        }
        is_held_back
    }

    #[cold]
    pub(super) fn request_timed_out(&mut self, u: u32) {
        let c = self.users.connection(u);
        if self.pool.is_first_attempt(c) {
            self.shared.first_connect_failed();
        }
        if self.read_held_back(c) && self.users.stage(u) == Stage::Idle {
            return;
        }
        // It may have been a redirect.
        let c = self.users.connection(u);
        if self.users.stage(u) == Stage::InFlight {
            let (answer, waiting_for) = self.pool.give_up(c, u);
            let failure = Failure::new(Phase::Timeout, waiting_for);
            let ended = Ended {
                first_byte: answer.first_byte,
                body_bytes: answer.body_bytes,
                ..Ended::without_response(self.pool.now, failure, self.pool.for_record(c))
            };
            let (record, was_in_flight) = self.users.finish(u, &ended);
            self.done(u, &record, was_in_flight);
        } else {
            self.pool.leave_queue(c, u);
            self.fail_unsent(u, Failure::new(Phase::Timeout, self.pool.waits_for(c)));
        }
        // The server is told that the response is not awaited any more.
        self.pool.tell_given_up(c);
        self.reopen_if_needed(c);
    }

    /// Writing to connection `c` failed at its `attempt`: what the server said before that counts.
    #[cold]
    pub(super) fn write_failed(&mut self, c: u32, attempt: u32, failure: Failure) {
        self.pool.read_clock();
        if self.pool.is_attempt(c, attempt) {
            self.read(c, true);
            self.pool.end_after_write(c, attempt, failure);
        }
    }
}
