//! Opening connections, replacing them, and waiting after failures.

use crate::net::{Handshake, Stop};
use crate::proto::End;
use crate::record::{Cause, Failure, Phase};
use crate::time::Nanos;

use super::connection::ConnectionState;
use super::user::{Exclusion, Stage};
use super::worker::LoadModel;
use super::{Io, Lane, Worker};

/// Lanes of the time limits: node u is the request of user u, node users + c is connection c.
pub(super) const REQUEST: Lane = 0;
/// The time that opening a connection may take.
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

/// Listen backlogs are small: so many connections are opened at a time by one worker.
const MAX_CONNECTING: u32 = 128;

impl<I: Io> Worker<'_, I> {
    /// Of the range of users that connection `c` has, those use it that name it as theirs.
    #[inline]
    pub(super) fn is_user_of(&self, u: u32, c: u32) -> bool {
        self.users[u as usize].connection == c
    }

    /// Some user of connection `c` is in such a stage.
    pub(super) fn has_user(&self, c: u32, is: impl Fn(Stage) -> bool) -> bool {
        let mut users = self.connections[c as usize].users.clone();
        users.any(|u| self.is_user_of(u, c) && is(self.users[u as usize].stage))
    }

    /// Opens connection `c`, which is closed, or queues for it.
    pub(super) fn open(&mut self, c: u32) {
        debug_assert_eq!(self.connections[c as usize].state, ConnectionState::Closed);
        self.connections[c as usize].state = ConnectionState::Queued;
        self.queue.push_back(c);
        self.open_queued();
    }

    /// Opening one may fail or succeed at once and make room for the next: the
    /// loop that is at it goes on, instead of another one inside it.
    pub(super) fn open_queued(&mut self) {
        if std::mem::replace(&mut self.opening, true) {
            return;
        }
        while self.connecting < MAX_CONNECTING
            && let Some(c) = self.queue.pop_front()
        {
            if self.connections[c as usize].state == ConnectionState::Queued {
                self.begin_connecting(c);
            }
        }
        self.opening = false;
    }

    fn begin_connecting(&mut self, c: u32) {
        self.now = self.io.now();
        let node = self.connection_node(c);
        let connection = &mut self.connections[c as usize];
        connection.state = ConnectionState::Connecting;
        connection.began = self.now;
        connection.took = Nanos::ZERO;
        self.tally.replaced += u64::from(std::mem::take(&mut connection.was_closed_idle));
        self.connecting += 1;
        self.deadlines.arm(node, CONNECTING, self.now);
        for u in self.connections[c as usize].users.clone() {
            let user = &self.users[u as usize];
            if user.connection == c && user.stage == Stage::Pending && user.request.due == Nanos::NEVER {
                self.due_while_connecting(u);
            }
        }
        let handshake = self.io.connect(c, self.connections[c as usize].origin);
        self.on_handshake(c, handshake);
    }

    /// A request that has to wait for its connection is due when connecting
    /// begins, or when there is no room for it.
    pub(super) fn due_while_connecting(&mut self, u: u32) {
        let request = &mut self.users[u as usize].request;
        if request.due != Nanos::NEVER {
            return;
        }
        match &mut self.load {
            LoadModel::Waves(waves) => {
                request.due = self.now.before(self.release.late);
                waves.sent(self.now);
            }
            LoadModel::Closed(_) => request.due = self.now,
            LoadModel::Open(_) => unreachable!("it was due before it was given to a user"),
        }
        self.count_due(u);
        self.request_limit_starts(u, self.now);
    }

    /// Readiness of a connection that is being opened.
    pub(super) fn connect_on(&mut self, c: u32) {
        let handshake = self.io.handshake(c);
        self.on_handshake(c, handshake);
    }

    fn on_handshake(&mut self, c: u32, handshake: Result<Handshake, Failure>) {
        match handshake {
            Ok(Handshake::Pending) => {}
            Ok(Handshake::Done) => {
                self.now = self.io.now();
                let connection = &mut self.connections[c as usize];
                connection.session = self.codec.session(self.capture);
                connection.state = ConnectionState::Greeting;
                if self.codec.is_multiplexed() {
                    self.flush(c);
                }
                // The handshake has read on, and no readiness will tell of that.
                if self.io.has_more(c) {
                    self.unread.push(c);
                }
                self.on_ready_to_send(c);
            }
            Err(failure) => {
                self.now = self.io.now();
                self.connect_failed(c, failure);
            }
        }
    }

    /// Connection `c` is open once its protocol says so.
    pub(super) fn on_ready_to_send(&mut self, c: u32) {
        let connection = &self.connections[c as usize];
        if connection.state == ConnectionState::Greeting && connection.session.is_ready() {
            self.opened(c);
        }
    }

    fn opened(&mut self, c: u32) {
        self.connecting -= 1;
        self.deadlines.disarm(self.connection_node(c));
        let workers = self.shared.barrier.workers();
        let connection = &mut self.connections[c as usize];
        connection.state = ConnectionState::Open;
        connection.has_tried = true;
        // Unique in the run without asking the other workers.
        connection.number = (self.tally.connections as u32).wrapping_mul(workers).wrapping_add(self.number);
        // At least a nanosecond: zero says that the connection was open before.
        connection.took = self.now.since(connection.began).max(Nanos(1));
        self.tally.connections += 1;
        self.tally.connect.record(connection.took);
        let users = connection.users.clone();
        if users.len() == 1 {
            self.take_part(users.start, c);
        } else {
            // The oldest requests first: a server that takes few of them takes each in its turn.
            let mut users: Vec<u32> = users.collect();
            users.sort_by_key(|&u| self.users[u as usize].request.due);
            for u in users {
                self.take_part(u, c);
            }
        }
        self.open_queued();
    }

    /// Connection `c` is open: `u`, if it is a user of it, sends what it has, or makes ready to.
    fn take_part(&mut self, u: u32, c: u32) {
        if self.is_user_of(u, c) {
            match self.users[u as usize].stage {
                Stage::Pending => self.send(u),
                Stage::InFlight | Stage::Retired => {}
                Stage::Idle | Stage::Joining | Stage::Primed => self.ready_for_release(u),
            }
        }
    }

    /// Connection `c` could not be opened: that is what becomes of the requests
    /// that waited for it.
    pub(super) fn connect_failed(&mut self, c: u32, failure: Failure) {
        self.attempt_failed(c);
        self.close(c);
        let began = self.connections[c as usize].began;
        let mut someone_joins = false;
        for u in self.connections[c as usize].users.clone() {
            if !self.is_user_of(u, c) {
                continue;
            }
            match self.users[u as usize].stage {
                Stage::Pending => self.fail_unsent(u, failure),
                stage @ (Stage::Idle | Stage::Joining | Stage::Primed) => {
                    someone_joins |= stage == Stage::Joining;
                    self.exclude(u, failure, began);
                }
                Stage::InFlight | Stage::Retired => {}
            }
        }
        // The schedule says when the next attempt is made.
        let by_schedule = matches!(self.load, LoadModel::Open(_)) && self.release.is_released() && !someone_joins;
        match by_schedule {
            true => self.open_queued(),
            false => self.back_off(c),
        }
        self.end_if_nobody_connected();
    }

    /// An attempt to open connection `c` has failed: the first one is counted.
    pub(super) fn attempt_failed(&mut self, c: u32) {
        if !std::mem::replace(&mut self.connections[c as usize].has_tried, true) {
            self.shared.first_connect_failed();
        }
    }

    /// The request of `u` fails without having been sent.
    pub(super) fn fail_unsent(&mut self, u: u32, failure: Failure) {
        let user = &mut self.users[u as usize];
        let connection = &mut self.connections[user.connection as usize];
        // Should nobody be able to connect, this is what there is to report of a warm-up.
        let excluded = Exclusion { failure, since: connection.began, at: self.now };
        user.excluded = (!user.request.slot.measured).then_some(excluded);
        let record = connection.record(&user.request, self.now, Some(failure));
        self.complete(u, &record);
    }

    /// Closes connection `c`, in whatever state it is.
    pub(super) fn close(&mut self, c: u32) {
        let connection = &mut self.connections[c as usize];
        let state = std::mem::replace(&mut connection.state, ConnectionState::Closed);
        connection.batch.clear();
        connection.waiting.clear();
        match state {
            ConnectionState::Closed => return,
            ConnectionState::Queued => {}
            ConnectionState::Connecting | ConnectionState::Greeting => {
                self.connecting -= 1;
                self.deadlines.disarm(self.connection_node(c));
            }
            ConnectionState::Open | ConnectionState::BackOff => self.deadlines.disarm(self.connection_node(c)),
        }
        self.io.close(c);
    }

    /// A connection on which nothing more can be asked is closed when its last
    /// request is done; meanwhile its users go on with another one.
    #[inline]
    pub(super) fn close_if_exhausted(&mut self, c: u32) {
        let connection = &self.connections[c as usize];
        if connection.state == ConnectionState::Open && connection.session.is_exhausted() {
            match connection.in_flight {
                0 => self.close_exhausted(c),
                _ if self.codec.is_multiplexed() => self.move_to_spare(c),
                _ => {}
            }
        }
    }

    fn close_exhausted(&mut self, c: u32) {
        if self.connections[c as usize].moved_to.is_some() {
            self.close(c);
            self.return_spare(c);
        } else if self.has_user(c, |stage| matches!(stage, Stage::Pending | Stage::Primed))
            || !self.release.is_released()
        {
            self.reopen(c, End::Closed);
        } else {
            self.close(c);
        }
    }

    /// Connection `c` takes no more requests, and some are under way on it: all
    /// others go to a spare one. Without a spare one they wait.
    #[cold]
    fn move_to_spare(&mut self, c: u32) {
        if self.connections[c as usize].moved_to.is_some() {
            return;
        }
        let Some(spare) = self.spares.pop() else { return };
        let (users, origin) = (self.connections[c as usize].users.clone(), self.connections[c as usize].origin);
        self.routes.replace(origin, c, spare);
        let connection = &mut self.connections[spare as usize];
        connection.users = users.clone();
        connection.origin = origin;
        connection.has_tried = true;
        (connection.failures, connection.idle_closes, connection.was_closed_idle) = (0, 0, false);
        // Those that were to go on with this one go on with the new one.
        for connection in self.connections.iter_mut().filter(|connection| connection.moved_to == Some(c)) {
            connection.moved_to = Some(spare);
        }
        self.connections[c as usize].moved_to = Some(spare);
        self.connections[c as usize].waiting.clear();
        for u in users {
            let user = &mut self.users[u as usize];
            if user.connection == c && user.stage != Stage::InFlight {
                user.connection = spare;
                if user.stage == Stage::Pending {
                    self.send_when_open(u);
                }
            }
        }
    }

    /// Connection `c`, which is closed and has a moved_to, is a spare one again.
    pub(super) fn return_spare(&mut self, c: u32) {
        let connection = &mut self.connections[c as usize];
        if connection.in_flight == 0 && connection.moved_to.take().is_some() {
            connection.users = 0..0;
            self.spares.push(c);
        }
    }

    /// Connection `c` was found closed, and no request was under way on it.
    pub(super) fn reopen(&mut self, c: u32, end: End) {
        let has_lasted = self.connections[c as usize].has_lasted(self.now);
        self.close(c);
        let connection = &mut self.connections[c as usize];
        connection.was_closed_idle = true;
        let began = connection.began;
        for u in connection.users.clone() {
            if self.is_user_of(u, c) && self.users[u as usize].stage == Stage::Primed {
                self.users[u as usize].stage = Stage::Idle;
            }
        }
        if self.release.is_released() {
            if self.has_user(c, |stage| stage == Stage::Pending) {
                self.open(c);
            }
            return;
        }
        // It is opened when the release is prepared.
        if self.release.is_waiting() {
            return;
        }
        // The server closes idle connections: however often it does while others are being made
        // ready, this one holds up nothing.
        if has_lasted && !self.release_waits_for(c) {
            return self.open(c);
        }
        // A server that closes every connection at once must not hold up the release for ever.
        let connection = &mut self.connections[c as usize];
        connection.idle_closes = connection.idle_closes.saturating_add(1);
        if connection.idle_closes > 1 {
            self.back_off(c);
            let failure = match end {
                // A server says only after the handshake that it does not like the client's certificate.
                End::Broken(failure) if failure.phase == Phase::Tls => failure,
                _ => Failure::new(Phase::Connect, Cause::ClosedIdle),
            };
            self.exclude_all(c, failure, Some(began));
        } else {
            self.open(c);
        }
    }

    /// No user of connection `c` can take part in the coming release: what failed began at
    /// `since`, or when each one's request was encoded.
    pub(super) fn exclude_all(&mut self, c: u32, failure: Failure, since: Option<Nanos>) {
        for u in self.connections[c as usize].users.clone() {
            let user = &self.users[u as usize];
            if user.connection == c && user.stage != Stage::Retired {
                let since = since.unwrap_or(user.request.rendered.min(self.now));
                self.exclude(u, failure, since);
            }
        }
    }

    /// After a failure: connection `c` is closed and not opened for a while.
    pub(super) fn back_off(&mut self, c: u32) {
        if self.connections[c as usize].state == ConnectionState::BackOff {
            return;
        }
        self.close(c);
        let connection = &mut self.connections[c as usize];
        // One dead server of several is not to hold up the requests for the others.
        let longest = if self.routes.has_one_origin() { BACK_OFFS.len() - 1 } else { LONGEST_OF_SEVERAL };
        let lane = BACK_OFF + usize::from(connection.failures).min(longest);
        connection.failures = connection.failures.saturating_add(1);
        connection.state = ConnectionState::BackOff;
        self.deadlines.arm(self.connection_node(c), lane, self.now);
        self.open_queued();
    }

    /// What connection `c` waited for has not come, or has waited long enough.
    #[cold]
    pub(super) fn connection_timed_out(&mut self, c: u32) {
        let connection = &mut self.connections[c as usize];
        match connection.state {
            ConnectionState::BackOff => {
                connection.state = ConnectionState::Closed;
                self.back_from_back_off(c);
            }
            ConnectionState::Connecting | ConnectionState::Greeting => {
                let waiting_for = self.connecting_waits_for(c);
                self.connect_failed(c, Failure::new(Phase::Timeout, waiting_for));
            }
            // The part of a request that goes out before the release did not.
            ConnectionState::Open => {
                self.back_off(c);
                self.exclude_all(c, Failure::new(Phase::Timeout, Cause::WaitWrite), None);
            }
            ConnectionState::Closed | ConnectionState::Queued => {}
        }
    }

    /// What a request waits for whose connection `c` is not open, or has no room.
    pub(super) fn connecting_waits_for(&self, c: u32) -> Cause {
        match self.connections[c as usize].state {
            ConnectionState::Open => Cause::WaitStream,
            ConnectionState::Greeting => Cause::WaitSettings,
            _ if self.io.is_connected(c) => Cause::WaitTls,
            _ => Cause::WaitConnect,
        }
    }

    /// Connection `c` has room to write again.
    pub(super) fn write_on(&mut self, c: u32) {
        let hold = matches!(&self.load, LoadModel::Waves(waves) if waves.hold_last_byte);
        // What is primed without a held byte stays where it is.
        if self.connections[c as usize].in_flight > 0 || hold || self.codec.is_multiplexed() {
            self.flush(c);
            self.ready_if_flushed(c);
        }
    }

    /// Requests that were encoded in this turn are written, each connection's in one go.
    #[inline]
    pub(super) fn write_all(&mut self) {
        if !self.unwritten.is_empty() {
            self.write_batches();
        }
    }

    fn write_batches(&mut self) {
        let mut next = 0;
        while let Some(&c) = self.unwritten.get(next) {
            next += 1;
            self.write_batch(c);
        }
        self.unwritten.clear();
    }

    #[inline]
    fn write_batch(&mut self, c: u32) {
        let mut batch = std::mem::take(&mut self.connections[c as usize].batch);
        if !batch.is_empty() {
            self.now = self.io.now();
            for &u in &batch {
                self.sent(u);
            }
            self.flush(c);
            batch.clear();
        }
        // Where writing failed, and another connection was opened at once, there may be a new one.
        let left = &mut self.connections[c as usize].batch;
        if left.is_empty() {
            *left = batch;
        }
    }

    /// Writes what the session of connection `c` has to send, as far as the socket takes it.
    #[inline]
    pub(super) fn flush(&mut self, c: u32) {
        loop {
            let parts = self.connections[c as usize].session.transmit();
            let written = match parts {
                [[], []] if !self.io.wants_write(c) => return,
                [bytes, []] => self.io.write(c, bytes),
                _ => self.io.write_parts(c, parts),
            };
            match written {
                Ok(n) => {
                    self.tally.bytes_out += n as u64;
                    self.connections[c as usize].session.transmitted(n);
                    if n == 0 {
                        return;
                    }
                }
                Err(Stop::Blocked) => return,
                Err(Stop::Failed(failure)) => return self.write_failed(c, failure),
            }
        }
    }

    /// The server may have answered before it stopped reading (413): that answer counts.
    #[cold]
    fn write_failed(&mut self, c: u32, failure: Failure) {
        self.now = self.io.now();
        let before = self.tally.connections;
        self.read(c, true);
        let replaced = self.tally.connections != before;
        if matches!(self.connections[c as usize].state, ConnectionState::Open | ConnectionState::Greeting) && !replaced
        {
            self.end(c, End::Broken(failure));
        }
    }

    pub(super) fn connection_node(&self, c: u32) -> u32 {
        self.users.len() as u32 + c
    }
}
