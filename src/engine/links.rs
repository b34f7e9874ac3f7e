//! Opening connections, and waiting after failures.

use crate::net::{Handshake, Stop};
use crate::proto::End;
use crate::record::{Cause, Failure, Phase};
use crate::time::Nanos;

use super::user::{Link, Stage};
use super::worker::Pace;
use super::{Io, Lane, Worker};

/// Lanes of the time limits: node u is the request of user u, node users + u its connection.
pub(super) const REQUEST: Lane = 0;
/// The time that opening a connection may take.
pub(super) const CONNECTING: Lane = 1;
/// The first of the waits after failures.
pub(super) const BACK_OFF: Lane = 2;

/// How long a user waits after its first, second, ... failure in a row: a dead
/// server is asked again, but not in a busy loop.
pub(super) const BACK_OFFS: [Nanos; 7] = [
    Nanos::from_millis(10),
    Nanos::from_millis(20),
    Nanos::from_millis(40),
    Nanos::from_millis(80),
    Nanos::from_millis(160),
    Nanos::from_millis(320),
    Nanos::from_millis(500),
];

/// Listen backlogs are small: so many connections are opened at a time by one worker.
const MOST_CONNECTING: u32 = 128;

impl<I: Io> Worker<'_, I> {
    /// Opens the connection of `u`, which is closed, or queues for it.
    pub(super) fn open(&mut self, u: u32) {
        debug_assert_eq!(self.users[u as usize].link, Link::Closed);
        self.users[u as usize].link = Link::Queued;
        self.queue.push_back(u);
        self.open_queued();
    }

    /// Opening one may fail or succeed at once and make room for the next: the
    /// loop that is at it goes on, instead of another one inside it.
    pub(super) fn open_queued(&mut self) {
        if std::mem::replace(&mut self.opening, true) {
            return;
        }
        while self.connecting < MOST_CONNECTING
            && let Some(u) = self.queue.pop_front()
        {
            if self.users[u as usize].link == Link::Queued {
                self.begin_connecting(u);
            }
        }
        self.opening = false;
    }

    fn begin_connecting(&mut self, u: u32) {
        self.now = self.io.now();
        let node = self.link_node(u);
        let user = &mut self.users[u as usize];
        user.link = Link::Connecting;
        user.connect_began = self.now;
        user.connect_took = Nanos::ZERO;
        self.tally.replaced += u64::from(std::mem::take(&mut user.found_closed));
        self.connecting += 1;
        self.deadlines.arm(node, CONNECTING, self.now);
        if user.stage == Stage::Pending && user.request.due == Nanos::NEVER {
            self.due_while_connecting(u);
        }
        let handshake = self.io.connect(u);
        self.on_handshake(u, handshake);
    }

    /// A request that has to wait for its connection to open is due when connecting begins.
    pub(super) fn due_while_connecting(&mut self, u: u32) {
        let request = &mut self.users[u as usize].request;
        match &mut self.pace {
            Pace::Waves(waves) => {
                request.due = self.now.before(self.gate.late);
                waves.sent(self.now);
            }
            Pace::Closed(_) => request.due = self.now,
            Pace::Open(_) => debug_assert_ne!(request.due, Nanos::NEVER, "it was due before it was given to a user"),
        }
        self.came(u);
        self.request_limit_starts(u, self.now);
    }

    /// Readiness of a connection that is being opened.
    pub(super) fn connect_on(&mut self, u: u32) {
        let handshake = self.io.handshake(u);
        self.on_handshake(u, handshake);
    }

    fn on_handshake(&mut self, u: u32, handshake: Result<Handshake, Failure>) {
        match handshake {
            Ok(Handshake::Pending) => {}
            Ok(Handshake::Done) => {
                self.now = self.io.now();
                self.opened(u);
            }
            Err(failure) => {
                self.now = self.io.now();
                self.connect_failed(u, failure);
            }
        }
    }

    fn opened(&mut self, u: u32) {
        self.connecting -= 1;
        self.deadlines.disarm(self.link_node(u));
        let workers = self.shared.barrier.workers();
        let user = &mut self.users[u as usize];
        user.link = Link::Open;
        user.has_tried = true;
        user.session = self.codec.session();
        // Unique in the run without asking the other workers.
        user.connection = (self.tally.connections as u32).wrapping_mul(workers).wrapping_add(self.number);
        // At least a nanosecond: zero says that the connection was open before.
        user.connect_took = self.now.since(user.connect_began).max(Nanos(1));
        self.tally.connections += 1;
        self.tally.connect.record(user.connect_took);
        match user.stage {
            Stage::Pending => self.send(u),
            _ => self.ready_for_release(u),
        }
        self.open_queued();
    }

    fn connect_failed(&mut self, u: u32, failure: Failure) {
        self.first_attempt_is_over(u, false);
        match self.users[u as usize].stage {
            Stage::Pending => {
                let user = &mut self.users[u as usize];
                // Should nobody be able to connect, this is what there is to report of a warm-up.
                user.unable = (!user.request.slot.measured).then_some((failure, self.now));
                let record = user.record(self.now, Some(failure));
                self.complete(u, &record);
            }
            _ => {
                self.back_off(u);
                self.unable(u, failure);
            }
        }
        self.end_if_nobody_connected();
    }

    /// The first attempt of `u` to connect has worked, or has not.
    pub(super) fn first_attempt_is_over(&mut self, u: u32, worked: bool) {
        let user = &mut self.users[u as usize];
        if !std::mem::replace(&mut user.has_tried, true) && !worked {
            self.shared.first_connect_failed();
        }
    }

    /// Closes the connection of `u`, in whatever state it is.
    pub(super) fn close(&mut self, u: u32) {
        let link = std::mem::replace(&mut self.users[u as usize].link, Link::Closed);
        match link {
            Link::Closed => return,
            Link::Queued => {}
            Link::Connecting => {
                self.connecting -= 1;
                self.deadlines.disarm(self.link_node(u));
            }
            Link::Open | Link::BackOff => self.deadlines.disarm(self.link_node(u)),
        }
        self.io.close(u);
    }

    /// The connection of `u` was found closed before its request was sent.
    pub(super) fn replace(&mut self, u: u32, end: End) {
        self.close(u);
        let user = &mut self.users[u as usize];
        user.found_closed = true;
        user.replaced = user.replaced.saturating_add(1);
        if user.stage == Stage::Primed {
            user.stage = Stage::Idle;
        }
        if self.gate.is_open() {
            return;
        }
        // A server that closes every connection at once must not hold up the release for ever.
        if user.replaced > 1 {
            self.back_off(u);
            let failure = match end {
                // A server says only after the handshake that it does not like the client's certificate.
                End::Broken(failure) if failure.phase == Phase::Tls => failure,
                _ => Failure::new(Phase::Connect, Cause::ClosedIdle),
            };
            self.unable(u, failure);
        } else {
            self.open(u);
        }
    }

    /// After a failure: the connection is closed and the user waits.
    pub(super) fn back_off(&mut self, u: u32) {
        self.close(u);
        let user = &mut self.users[u as usize];
        let lane = BACK_OFF + usize::from(user.failures).min(BACK_OFFS.len() - 1);
        user.failures = user.failures.saturating_add(1);
        user.link = Link::BackOff;
        self.deadlines.arm(self.link_node(u), lane, self.now);
        self.open_queued();
    }

    /// What the connection of `u` waited for has not come, or has waited long enough.
    #[cold]
    pub(super) fn link_timed_out(&mut self, u: u32) {
        let user = &mut self.users[u as usize];
        match user.link {
            Link::BackOff => {
                user.link = Link::Closed;
                self.back_from_back_off(u);
            }
            Link::Connecting => {
                let waiting_for = if self.io.is_connected(u) { Cause::WaitTls } else { Cause::WaitConnect };
                self.connect_failed(u, Failure::new(Phase::Timeout, waiting_for));
            }
            // The part of a request that goes out before the release did not.
            Link::Open => {
                self.back_off(u);
                self.unable(u, Failure::new(Phase::Timeout, Cause::WaitWrite));
            }
            Link::Closed | Link::Queued => {}
        }
    }

    /// The connection of `u` has room to write again.
    pub(super) fn write_on(&mut self, u: u32) {
        let hold = matches!(&self.pace, Pace::Waves(waves) if waves.hold_last_byte);
        match self.users[u as usize].stage {
            Stage::InFlight => self.flush(u),
            Stage::Primed if hold => {
                self.flush(u);
                self.ready_if_flushed(u);
            }
            _ => {}
        }
    }

    /// Writes what the session of `u` has to send, as far as the socket takes it.
    #[inline]
    pub(super) fn flush(&mut self, u: u32) {
        loop {
            let bytes = self.users[u as usize].session.transmit();
            if bytes.is_empty() && !self.io.wants_write(u) {
                return;
            }
            match self.io.write(u, bytes) {
                Ok(n) => {
                    self.tally.bytes_out += n as u64;
                    self.users[u as usize].session.transmitted(n);
                    if n == 0 {
                        return;
                    }
                }
                Err(Stop::Blocked) => return,
                Err(Stop::Failed(failure)) => return self.write_failed(u, failure),
            }
        }
    }

    /// The server may have answered before it stopped reading (413): that answer counts.
    #[cold]
    fn write_failed(&mut self, u: u32, failure: Failure) {
        self.now = self.io.now();
        let before = self.tally.connections;
        self.read(u, true);
        let replaced = self.tally.connections != before;
        if self.users[u as usize].link == Link::Open && !replaced {
            self.end(u, End::Broken(failure));
        }
    }

    pub(super) fn link_node(&self, u: u32) -> u32 {
        self.users.len() as u32 + u
    }
}
