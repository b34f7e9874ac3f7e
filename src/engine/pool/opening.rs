//! Connections are opened, at most 128 at a time, closed, and wait after failures.

use crate::net::Handshake;
use crate::proto::End;
use crate::record::{Cause, Failure, Phase};
use crate::time::Nanos;

use super::connection::{Connection, ConnectionState};
use super::{ClosedIdle, Event, Io, Lane, OpenFailed, Pool};

/// The time limit of a request.
pub(super) const REQUEST: Lane = 0;
/// The time limit of opening a connection, and of what is written before a release.
pub(super) const CONNECTING: Lane = 1;
/// The first of the waits after failures.
pub(super) const BACK_OFF: Lane = 2;

/// How long a connection is not opened again after its first, second, ... failure in a row: a dead
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

/// The longest of these waits where there are several servers: 40 ms.
const LONGEST_OF_SEVERAL: usize = 2;

/// Maximum number of connections that a worker opens at a time: listen backlogs are small.
const MAX_CONNECTING: u32 = 128;

impl<I: Io> Pool<I> {
    /// Opens connection `c`, which is closed, when its turn comes: see [`Self::open_next`].
    pub(crate) fn open(&mut self, c: u32) {
        debug_assert_eq!(self.state(c), ConnectionState::Closed);
        self.connections[c as usize].state = ConnectionState::Queued;
        self.queue.push_back(c);
    }

    /// The next connection that waits for its turn begins to connect, if there is room. One at a time: it may be open at
    /// once, and the request that waits for it goes out before the next one is looked at. False: none has begun.
    #[inline]
    pub(crate) fn open_next(&mut self) -> bool {
        while self.connecting < MAX_CONNECTING
            && let Some(c) = self.queue.pop_front()
        {
            if self.state(c) == ConnectionState::Queued {
                self.begin_connecting(c);
                return true;
            }
        }
        false
    }

    fn begin_connecting(&mut self, c: u32) {
        self.now = self.io.now();
        let node = self.node(c);
        let connection = &mut self.connections[c as usize];
        connection.state = ConnectionState::Connecting;
        connection.began = self.now;
        connection.took = Nanos::ZERO;
        connection.attempts = connection.attempts.wrapping_add(1);
        (connection.discards, connection.low_water) = (0, 1);
        self.traffic.reopened += u64::from(std::mem::take(&mut connection.was_closed_idle));
        self.connecting += 1;
        self.deadlines.arm(node, CONNECTING, self.now);
        self.events.push_back(Event::Connecting(c, self.now));
        let handshake = self.io.connect(c, self.connections[c as usize].origin);
        self.on_handshake(c, handshake);
    }

    /// Connection `c`, which is being opened, is ready.
    pub(crate) fn connect_on(&mut self, c: u32) {
        let handshake = self.io.handshake(c);
        self.on_handshake(c, handshake);
    }

    fn on_handshake(&mut self, c: u32, handshake: Result<Handshake, Failure>) {
        match handshake {
            Ok(Handshake::Pending) => {}
            Ok(Handshake::Done) => {
                self.now = self.io.now();
                self.wire.open(c);
                self.connections[c as usize].state = ConnectionState::Greeting;
                if self.wire.speaks_first() {
                    self.flush(c);
                }
                // The handshake has read on, and no readiness will tell of that.
                if self.io.has_more(c) {
                    self.unread.push(c);
                }
                self.open_if_ready(c);
            }
            Err(failure) => {
                self.now = self.io.now();
                self.open_failed(c, failure);
            }
        }
    }

    /// Connection `c` is open once its protocol says so.
    pub(super) fn open_if_ready(&mut self, c: u32) {
        if self.state(c) != ConnectionState::Greeting || !self.wire.is_ready(c) {
            return;
        }
        self.connecting -= 1;
        self.deadlines.disarm(self.node(c));
        let (worker, workers) = self.worker;
        let connection = &mut self.connections[c as usize];
        connection.state = ConnectionState::Open;
        connection.has_tried = true;
        // Unique in the run without asking the other workers.
        connection.number = (self.traffic.opened as u32).wrapping_mul(workers).wrapping_add(worker);
        // At least a nanosecond: zero says that the connection was open before.
        connection.took = self.now.since(connection.began).max(Nanos(1));
        self.traffic.opened += 1;
        self.traffic.connect.record(connection.took);
        self.events.push_back(Event::Opened(c));
    }

    pub(super) fn open_failed(&mut self, c: u32, failure: Failure) {
        let is_first = self.is_first_attempt(c);
        self.close(c);
        let connection = &mut self.connections[c as usize];
        connection.state = ConnectionState::Failed;
        self.events.push_back(Event::OpenFailed(OpenFailed { c, failure, began: connection.began, is_first }));
    }

    /// An attempt to open connection `c` has failed, or what it was for. True: it was the first one.
    pub(crate) fn is_first_attempt(&mut self, c: u32) -> bool {
        !std::mem::replace(&mut self.connections[c as usize].has_tried, true)
    }

    /// Connection `c`, which has waited for its turn since `since`, does not get it in time.
    pub(crate) fn give_up_turn(&mut self, c: u32, since: Nanos) {
        self.connections[c as usize].began = since;
        self.back_off(c);
    }

    /// Closes connection `c`, in whatever state it is.
    pub(crate) fn close(&mut self, c: u32) {
        let connection = &mut self.connections[c as usize];
        let state = std::mem::replace(&mut connection.state, ConnectionState::Closed);
        connection.batch.clear();
        connection.waiting.clear();
        connection.is_holding = false;
        match state {
            ConnectionState::Closed | ConnectionState::Failed => return,
            ConnectionState::Queued => {}
            ConnectionState::Connecting | ConnectionState::Greeting => {
                self.connecting -= 1;
                self.deadlines.disarm(self.node(c));
            }
            ConnectionState::Open | ConnectionState::BackOff => self.deadlines.disarm(self.node(c)),
        }
        self.io.close(c);
    }

    /// After a failure: connection `c` is closed and not opened for a while.
    pub(crate) fn back_off(&mut self, c: u32) {
        if self.state(c) == ConnectionState::BackOff {
            return;
        }
        self.close(c);
        let connection = &mut self.connections[c as usize];
        // One dead server of several is not to hold up the requests for the others.
        let longest = if self.routes.has_one_origin() { BACK_OFFS.len() - 1 } else { LONGEST_OF_SEVERAL };
        let lane = BACK_OFF + usize::from(connection.failures).min(longest);
        connection.failures = connection.failures.saturating_add(1);
        connection.state = ConnectionState::BackOff;
        self.deadlines.arm(self.node(c), lane, self.now);
    }

    /// What connection `c` waited for has not come, or has waited long enough.
    #[cold]
    pub(crate) fn timed_out(&mut self, c: u32) {
        let connection = &mut self.connections[c as usize];
        match connection.state {
            ConnectionState::BackOff => {
                connection.state = ConnectionState::Closed;
                self.events.push_back(Event::BackOffOver(c));
            }
            ConnectionState::Connecting | ConnectionState::Greeting => {
                let waiting_for = self.waits_for(c);
                self.open_failed(c, Failure::new(Phase::Timeout, waiting_for));
            }
            ConnectionState::Open => self.events.push_back(Event::HoldTimedOut(c)),
            ConnectionState::Closed | ConnectionState::Queued | ConnectionState::Failed => {}
        }
    }

    /// What a request waits for whose connection `c` is not open, or has no room.
    pub(crate) fn waits_for(&self, c: u32) -> Cause {
        match self.state(c) {
            ConnectionState::Open => Cause::WaitStream,
            ConnectionState::Greeting => Cause::WaitSettings,
            _ if self.io.is_connected(c) => Cause::WaitTls,
            _ => Cause::WaitConnect,
        }
    }

    /// The transport of connection `c` ended.
    pub(super) fn end(&mut self, c: u32, end: End) {
        let connection = &mut self.connections[c as usize];
        if connection.state == ConnectionState::Greeting {
            let failure = match end {
                End::Broken(failure) => failure,
                End::Closed | End::Truncated => Failure::new(Phase::Connect, Cause::ClosedEarly),
            };
            self.open_failed(c, failure);
        } else if connection.in_flight > 0 {
            self.wire.end(c, end, &mut self.answers);
            self.first_answer_first();
            self.close(c);
            self.events.push_back(Event::Ended(c));
        } else {
            // The request knows nothing of a connection that was found closed before it was sent.
            self.closed_idle(c, end);
        }
    }

    /// Connection `c` has ended, or is closed for good, with nothing under way on it.
    pub(crate) fn closed_idle(&mut self, c: u32, end: End) {
        let has_lasted = self.connections[c as usize].has_lasted(self.now);
        self.close(c);
        let connection = &mut self.connections[c as usize];
        connection.was_closed_idle = true;
        self.events.push_back(Event::ClosedIdle(ClosedIdle { c, end, began: connection.began, has_lasted }));
    }

    /// A new release is prepared: connection `c` may be closed by the server once more.
    pub(crate) fn forgive_idle_closes(&mut self, c: u32) {
        self.connections[c as usize].idle_closes = 0;
    }

    /// The server has closed connection `c` as soon as it was open. True: for the first time before this release.
    pub(crate) fn is_first_idle_close(&mut self, c: u32) -> bool {
        let connection = &mut self.connections[c as usize];
        connection.idle_closes = connection.idle_closes.saturating_add(1);
        connection.idle_closes == 1
    }

    /// A connection on which nothing more can be asked is closed when its last
    /// request is done; meanwhile its users go on with another one.
    #[inline(always)]
    pub(crate) fn close_if_exhausted(&mut self, c: u32) {
        if self.wire.is_exhausted(c) && self.state(c) == ConnectionState::Open {
            self.exhausted(c);
        }
    }

    #[cold]
    fn exhausted(&mut self, c: u32) {
        if self.is_unused(c) {
            self.events.push_back(Event::Exhausted(c));
        } else if self.is_shared() {
            self.move_to_spare(c);
        }
    }

    /// Connection `c` is open, and no further request may use it.
    #[inline]
    pub(crate) fn is_exhausted(&self, c: u32) -> bool {
        self.wire.is_exhausted(c)
    }

    /// Connection `c` takes no more requests, and some are under way on it: all
    /// others go to a spare one. Without a spare one they wait.
    #[cold]
    fn move_to_spare(&mut self, c: u32) {
        if self.moved_to(c).is_some() {
            return;
        }
        let Some(spare) = self.spares.pop() else { return };
        let (users, origin) = (self.users_of(c), self.origin(c));
        self.routes.replace(origin, c, spare);
        let connection = &mut self.connections[spare as usize];
        connection.users = users;
        connection.origin = origin;
        connection.has_tried = true;
        (connection.failures, connection.idle_closes, connection.was_closed_idle) = (0, 0, false);
        // Those that were to go on with this one go on with the new one.
        for connection in self.connections.iter_mut().filter(|connection| connection.moved_to == Some(c)) {
            connection.moved_to = Some(spare);
        }
        self.connections[c as usize].moved_to = Some(spare);
        self.connections[c as usize].waiting.clear();
        self.events.push_back(Event::Moved { from: c, to: spare });
    }

    /// Connection `c`, which is closed and whose users have moved, is a spare one again.
    pub(crate) fn return_spare(&mut self, c: u32) {
        let connection = &mut self.connections[c as usize];
        if connection.in_flight == 0 && connection.moved_to.take().is_some() {
            connection.users = 0..0;
            self.spares.push(c);
        }
    }

    /// There is another origin, of this number: each user gets a connection to it. False: there cannot be.
    pub(crate) fn add_origin(&mut self, number: u32, https: bool, host: &str, port: u16) -> bool {
        let first = self.routes.first_of(0, &self.connections);
        let slots = self.connections.len() + first.len();
        if !self.io.add_origin(https, host, port, slots) {
            return false;
        }
        for users in first {
            let mut connection = Connection::new(users, number);
            // Whether it can be opened says nothing about the run as a whole.
            connection.has_tried = true;
            self.connections.push(connection);
        }
        self.wire.grow(slots);
        self.deadlines.grow(self.users as usize + slots);
        self.routes.add(&self.connections, number);
        true
    }
}
