//! Requests on connections: submitted, released, given up, done.

use crate::proto::{Answer, Hold};
use crate::record::{Cause, Failure};
use crate::request::Message;
use crate::time::Nanos;

use super::connection::ConnectionState;
use super::opening::CONNECTING;
use super::{Event, Io, Pool};

impl<I: Io> Pool<I> {
    /// Takes the request of `u`, to be sent on connection `c`, which has room for it: at once, see [`Self::flush`],
    /// or with others, see [`Self::defer`].
    #[inline]
    pub(crate) fn submit(&mut self, c: u32, message: Message<'_>, u: u32) {
        self.wire.submit(c, message, u, Hold::Nothing);
        self.connections[c as usize].in_flight += 1;
    }

    /// The request of `u`, which is submitted, is written with the others of this turn on connection `c`.
    #[inline]
    pub(crate) fn defer(&mut self, c: u32, u: u32) {
        let batch = &mut self.connections[c as usize].batch;
        if batch.is_empty() {
            self.unwritten.push_back(c);
        }
        batch.push(u);
    }

    /// Something is deferred.
    #[inline]
    pub(crate) fn has_deferred(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// The next connection with deferred requests, and their users; give both back with
    /// [`Self::write_batch`].
    #[inline]
    pub(crate) fn next_batch(&mut self) -> Option<(u32, Vec<u32>)> {
        while let Some(c) = self.unwritten.pop_front() {
            let batch = std::mem::take(&mut self.connections[c as usize].batch);
            // It may have been closed meanwhile.
            if !batch.is_empty() {
                return Some((c, batch));
            }
        }
        None
    }

    /// Writes what [`Self::next_batch`] has given.
    #[inline]
    pub(crate) fn write_batch(&mut self, c: u32, mut batch: Vec<u32>) {
        batch.clear();
        self.connections[c as usize].batch = batch;
        self.flush(c);
    }

    /// Takes the request of `u`, of which `hold` waits for [`Self::release`]; the rest is written.
    pub(crate) fn prepare(&mut self, c: u32, message: Message<'_>, u: u32, hold: Hold) {
        self.wire.submit(c, message, u, hold);
        if hold != Hold::All {
            self.connections[c as usize].is_holding = true;
            let node = self.node(c);
            if !self.deadlines.is_armed(node) {
                self.deadlines.arm(node, CONNECTING, self.now);
            }
            self.flush(c);
            self.tell_if_held(c);
        }
    }

    /// What is to go out before the release on connection `c` has not yet.
    pub(crate) fn is_holding(&self, c: u32) -> bool {
        self.connections[c as usize].is_holding
    }

    /// Nothing is to go out before the release on connection `c` any more.
    pub(crate) fn stop_holding(&mut self, c: u32) {
        if std::mem::take(&mut self.connections[c as usize].is_holding) {
            self.deadlines.disarm(self.node(c));
        }
    }

    /// All but the held bytes of connection `c` have gone out, if they have.
    pub(super) fn tell_if_held(&mut self, c: u32) {
        if self.connections[c as usize].is_holding
            && self.state(c).is_up()
            && !self.wire.has_unsent(c)
            && !self.io.wants_write(c)
        {
            self.stop_holding(c);
            self.events.push_back(Event::Held(c));
        }
    }

    /// `requests` prepared requests of connection `c` go out now, with one write.
    pub(crate) fn release(&mut self, c: u32, requests: u32) {
        let connection = &mut self.connections[c as usize];
        connection.in_flight += requests;
        self.stop_holding(c);
        self.wire.release(c);
        self.flush(c);
    }

    /// `u`, whose request connection `c` has no room for, waits until there is some.
    pub(crate) fn wait_for_room(&mut self, c: u32, u: u32) {
        self.connections[c as usize].waiting.push_back(u);
    }

    /// The next user that waits for room on connection `c`, if there is some.
    pub(crate) fn next_with_room(&mut self, c: u32) -> Option<u32> {
        if self.has_room(c) { self.connections[c as usize].waiting.pop_front() } else { None }
    }

    /// `u` does not wait for room on connection `c` any more.
    pub(crate) fn leave_queue(&mut self, c: u32, u: u32) {
        self.connections[c as usize].waiting.retain(|&waiting| waiting != u);
    }

    /// The time limit ran out for the request of `u`, which is under way on connection `c`.
    pub(crate) fn give_up(&mut self, c: u32, u: u32) -> (Answer, Cause) {
        self.wire.give_up(c, u)
    }

    /// After a request was given up on connection `c`, which others share: the server is told, and others go on.
    pub(crate) fn tell_given_up(&mut self, c: u32) {
        if self.is_shared() && self.state(c) == ConnectionState::Open {
            self.flush(c);
            self.tell_of_room(c);
            self.close_if_exhausted(c);
        }
    }

    /// A request on connection `c` goes on elsewhere, or is sent again: it is not under way there any more.
    pub(crate) fn withdraw(&mut self, c: u32) {
        self.connections[c as usize].in_flight -= 1;
    }

    /// A request on connection `c` has been answered by a redirect, which is no failure.
    pub(crate) fn redirected(&mut self, c: u32) {
        let is_exhausted = self.wire.is_exhausted(c);
        let connection = &mut self.connections[c as usize];
        connection.in_flight -= 1;
        connection.failures = 0;
        if !self.keep_alive || (is_exhausted && !self.wire.is_shared()) {
            self.close(c);
        }
    }

    /// The request of `u` on connection `c` is done; it was under way there if `was_in_flight`. What that means for
    /// the connection: it stays, is closed, or waits after a failure.
    #[inline]
    pub(crate) fn done(&mut self, c: u32, u: u32, failure: Option<Failure>, was_in_flight: bool) {
        self.deadlines.disarm(u);
        let connection = &mut self.connections[c as usize];
        connection.in_flight -= u32::from(was_in_flight);
        match failure {
            None => {
                connection.failures = 0;
                if !self.keep_alive {
                    self.close(c);
                }
            }
            Some(failure) => self.failed(c, failure),
        }
    }

    fn failed(&mut self, c: u32, failure: Failure) {
        let connection = &self.connections[c as usize];
        let is_there = !matches!(connection.state, ConnectionState::Closed | ConnectionState::Failed);
        // The failure of one of several is not the connection's, be it open or being opened for the
        // others, nor is that of one whose users have moved.
        if self.wire.is_shared() && (is_there || connection.moved_to.is_some()) {
            return;
        }
        if failure.spares_connection() {
            if !self.keep_alive {
                self.close(c);
            }
        } else if self.by_schedule {
            // The schedule says when the next attempt is made.
            self.close(c);
        } else {
            self.back_off(c);
        }
    }

    /// What a record says of connection `c`: how long opening it took, if the request is the first one on it, and its
    /// number in the run.
    #[inline]
    pub(crate) fn for_record(&mut self, c: u32) -> (Nanos, u32) {
        let connection = &mut self.connections[c as usize];
        (std::mem::take(&mut connection.took), connection.number)
    }
}
