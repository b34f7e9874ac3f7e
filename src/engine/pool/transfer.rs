//! Bytes of connections: written as far as sockets take them, and read.

use crate::net::Stop;
use crate::proto::{End, Left};
use crate::record::Failure;
use crate::time::Nanos;

use super::{Event, Io, Pool, Received};

/// What one read brought.
pub(crate) enum Read {
    /// Bytes.
    Some(Received),
    /// Nothing, for the time being.
    Nothing,
    /// The end of the connection, which an event tells of.
    Ended,
}

/// Minimum number of bytes to come that are only counted for which the system passes over them.
const MIN_DISCARDED: u64 = 32 * 1024;
/// While so much of a response is to come, a connection is ready to be read only when it has as much: each wake-up costs
/// the reader as much as tens of kilobytes, and takes the sender's turn.
const LOW_WATER: u64 = 128 * 1024;
/// Where less is to come when that is first known, the two calls cost more than they spare.
const MIN_LEFT: u64 = 2 * LOW_WATER;

impl<I: Io> Pool<I> {
    /// Connection `c` has room to write again. A response is often ready together with that: then there is nothing to
    /// write any more.
    #[inline]
    pub(crate) fn write_on(&mut self, c: u32) {
        let connection = &self.connections[c as usize];
        if connection.in_flight > 0 || connection.is_holding || self.wire.takes_unasked_bytes() {
            self.flush(c);
            self.tell_if_held(c);
        }
    }

    /// Writes what connection `c` has to send, as far as the socket takes it.
    #[inline]
    pub(crate) fn flush(&mut self, c: u32) {
        loop {
            let parts = self.wire.transmit(c);
            let written = match parts {
                [[], []] if !self.io.wants_write(c) => return,
                [bytes, []] => self.io.write(c, bytes),
                _ => self.io.write_parts(c, parts),
            };
            match written {
                Ok(n) => {
                    self.traffic.bytes_out += n as u64;
                    self.wire.transmitted(c, n);
                    if n == 0 {
                        return;
                    }
                }
                Err(Stop::Blocked) => return,
                Err(Stop::Failed(failure)) => return self.write_failed(c, failure),
            }
        }
    }

    #[cold]
    fn write_failed(&mut self, c: u32, failure: Failure) {
        let attempt = self.connections[c as usize].attempts;
        self.events.push_back(Event::WriteFailed { c, attempt, failure });
    }

    /// Connection `c` is still the one that it was at this `attempt` to open it, and there.
    pub(crate) fn is_attempt(&self, c: u32, attempt: u32) -> bool {
        self.state(c).is_up() && self.connections[c as usize].attempts == attempt
    }

    /// Writing to connection `c` had failed at this `attempt`, and all that could be read has been: it ends.
    pub(crate) fn end_after_write(&mut self, c: u32, attempt: u32, failure: Failure) {
        if self.is_attempt(c, attempt) {
            self.end(c, End::Broken(failure));
        }
    }

    /// Reads once from connection `c`, to be stamped by the kernel if `stamped`. One reading of the clock serves all
    /// responses in these bytes. To be followed by [`Self::after_read`] if there were any.
    #[inline]
    pub(crate) fn read(&mut self, c: u32, stamped: bool) -> Read {
        if stamped {
            self.io.want_stamp(c);
        }
        let discards = self.connections[c as usize].discards;
        let received = if discards == 0 {
            self.io.read(c, &mut self.buf)
        } else {
            let most = discards.min(self.buf.len());
            self.io.discard(c, &mut self.buf[..most])
        };
        match received {
            Ok(Received { bytes: 0, .. }) => {
                self.now = self.io.now();
                self.end(c, End::Closed);
                Read::Ended
            }
            Ok(received) => {
                self.now = self.io.now();
                self.traffic.bytes_in += received.bytes as u64;
                if self.connections[c as usize].in_flight == 0 && !self.wire.takes_unasked_bytes() {
                    // Unsolicited bytes: the next response could not be told from them.
                    self.end(c, End::Closed);
                    return Read::Ended;
                }
                if discards == 0 {
                    self.wire.receive(c, &self.buf[..received.bytes], self.now, &mut self.answers);
                } else {
                    self.wire.skip(c, received.bytes, &mut self.answers);
                }
                self.first_answer_first();
                Read::Some(received)
            }
            Err(Stop::Blocked) => Read::Nothing,
            Err(Stop::Failed(failure)) => {
                self.now = self.io.now();
                self.end(c, End::of(failure));
                Read::Ended
            }
        }
    }

    /// Answers are taken from the end.
    #[inline]
    pub(super) fn first_answer_first(&mut self) {
        if self.answers.len() > 1 {
            self.answers.reverse();
        }
    }

    /// After what connection `c` has `received`, and what followed from its responses. True: there may be more to read.
    ///
    /// A peer that has closed is read to its end, however little comes.
    #[inline]
    pub(crate) fn after_read(&mut self, c: u32, received: Received, read_closed: bool) -> bool {
        if self.wire.takes_unasked_bytes() && !self.go_on(c) {
            return false;
        }
        self.expect(c);
        let is_over = !self.state(c).is_up()
            || (received.is_drained && !read_closed)
            || (self.is_unused(c) && self.wire.is_exhausted(c));
        if is_over {
            self.close_if_exhausted(c);
        }
        !is_over
    }

    /// Of what is left of the response under way on connection `c`, how it is read: looked at, or passed over, and
    /// whether the system waits until there is much of it. Its last byte is never waited for.
    #[inline]
    fn expect(&mut self, c: u32) {
        let (left, is_all) = match self.wire.left_to_count(c) {
            Left::Unknown => (0, false),
            Left::Some(left) => (left, false),
            Left::All(left) => (left, true),
        };
        let connection = &mut self.connections[c as usize];
        if left < MIN_DISCARDED && connection.low_water == 1 {
            connection.discards = 0;
            return;
        }
        self.expect_much(c, left, is_all);
    }

    /// The system may have bytes of connection `c` that it has not told of.
    pub(crate) fn is_held_back(&self, c: u32) -> bool {
        self.connections[c as usize].low_water > 1
    }

    #[cold]
    fn expect_much(&mut self, c: u32, left: u64, is_all: bool) {
        let is_much = left >= MIN_DISCARDED && self.state(c).is_up();
        let can_discard = is_much && self.io.can_discard(c);
        let connection = &mut self.connections[c as usize];
        let is_worth_it = is_much && is_all && (left >= MIN_LEFT || connection.low_water > 1);
        let low_water = if is_worth_it { left.min(LOW_WATER) as u32 } else { 1 };
        // One more than is left: as long as none comes behind the response, a read that is shorter has emptied the socket.
        connection.discards = if can_discard { (left as usize).saturating_add(usize::from(is_all)) } else { 0 };
        if connection.low_water != low_water {
            connection.low_water = low_water;
            self.io.set_low_water(c, low_water);
        }
    }

    /// After what connection `c` received beside responses: what it has to say to that is written, and those that
    /// waited for that go on. False: it has ended.
    fn go_on(&mut self, c: u32) -> bool {
        if let Some(failure) = self.wire.error(c) {
            // The server is told, if it listens.
            let _ = self.io.write_parts(c, self.wire.transmit(c));
            self.end(c, End::Broken(failure));
            return false;
        }
        if self.wire.has_unsent(c) {
            self.flush(c);
            self.tell_if_held(c);
        }
        self.open_if_ready(c);
        if let Some(allowed) = self.wire.allowed_streams(c) {
            let least = self.traffic.streams_allowed.unwrap_or(u32::MAX);
            self.traffic.streams_allowed = Some(allowed.min(least));
        }
        self.tell_of_room(c);
        true
    }

    /// Requests that wait for room on connection `c` can be sent, if there is some.
    pub(super) fn tell_of_room(&mut self, c: u32) {
        if !self.connections[c as usize].waiting.is_empty() && self.has_room(c) {
            self.events.push_back(Event::Room(c));
        }
    }

    /// There is more to read on connection `c` than one turn allows.
    pub(crate) fn read_later(&mut self, c: u32) {
        self.unread.push(c);
    }

    /// When the bytes of the last stamped read had arrived, if the kernel says so.
    pub(crate) fn arrived(&mut self) -> Option<Nanos> {
        self.io.arrived(self.now)
    }
}
