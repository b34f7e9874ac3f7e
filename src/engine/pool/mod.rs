//! Over which connection: a worker's connections are opened, written, read and closed here.
//!
//! The pool calls none of the other owners. What the loop must know of a connection is an [`Event`], which [`Pool::poll`] gives once;
//! responses are in [`Pool::next_answer`]. Both are asked for after each call that may have made some.

mod connection;
mod deadlines;
mod io;
mod opening;
mod requests;
mod routes;
mod sockets;
mod transfer;

use std::collections::VecDeque;
use std::ops::Range;

use crate::net::Readiness;
use crate::plan::{Model, Plan};
use crate::proto::{Answer, Capture, End, Wire};
use crate::record::Failure;
use crate::schedule;
use crate::stats::Traffic;
use crate::time::Nanos;

use connection::Connection;
pub(crate) use connection::ConnectionState;
use deadlines::{Deadlines, Lane, Node};
pub use io::{Io, Received};
use opening::{BACK_OFF, BACK_OFFS, CONNECTING, REQUEST};
pub(crate) use routes::Routes;
pub use sockets::Sockets;
pub(crate) use transfer::Read;

/// The connections of one worker.
pub(crate) struct Pool<I> {
    pub(crate) io: I,
    /// The clock's last reading.
    pub(crate) now: Nanos,
    pub(crate) routes: Routes,
    /// What went over the connections.
    pub(crate) traffic: Traffic,
    wire: Wire,
    /// By number: those that users begin with, and spare ones.
    connections: Vec<Connection>,
    /// Connections that have no users.
    spares: Vec<u32>,
    /// How many users there are.
    users: u32,
    /// Time limits: node u is the request of user u, node `users` + c is connection c.
    deadlines: Deadlines,
    /// Connections with requests that are encoded, and not yet written.
    unwritten: VecDeque<u32>,
    /// Connections that wait for their turn to be opened.
    queue: VecDeque<u32>,
    /// How many connections are being opened.
    connecting: u32,
    /// Connections that had more to read than one turn allows.
    unread: Vec<u32>,
    ready: Vec<Readiness>,
    events: VecDeque<Event>,
    /// Responses not taken yet, the last one first.
    answers: Vec<Answer>,
    buf: Box<[u8]>,
    keep_alive: bool,
    /// Connections are opened when requests are due, be it after a failure: they do not wait then.
    by_schedule: bool,
    /// The number of this worker, and how many there are.
    worker: (u32, u32),
}

/// What became of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// Connecting began at this instant.
    Connecting(u32, Nanos),
    /// Requests can be sent.
    Opened(u32),
    /// It could not be opened: see [`OpenFailed`].
    OpenFailed(OpenFailed),
    /// It has ended under its requests, whose answers say so.
    Ended(u32),
    /// It has ended while nothing was under way on it.
    ClosedIdle(ClosedIdle),
    /// No further request may use it, and none is under way.
    Exhausted(u32),
    /// No further request may use it: its users go on with another, but for those that have one under way here.
    Moved {
        /// The connection.
        from: u32,
        /// The one that its users go on with.
        to: u32,
    },
    /// The server allows another request on it, and some wait for that.
    Room(u32),
    /// Writing failed. The server may have responded before it stopped reading (413).
    WriteFailed {
        /// The connection.
        c: u32,
        /// At which of its openings.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// All that goes out before the release has.
    Held(u32),
    /// What is to go out before the release did not within the time limit.
    HoldTimedOut(u32),
    /// Its wait after a failure is over.
    BackOffOver(u32),
}

/// A connection could not be opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenFailed {
    pub(crate) c: u32,
    pub(crate) failure: Failure,
    /// When the attempt began.
    pub(crate) began: Nanos,
    /// It was the connection's first attempt.
    pub(crate) is_first: bool,
}

/// A connection that was closed between two requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClosedIdle {
    pub(crate) c: u32,
    pub(crate) end: End,
    /// When connecting had begun.
    pub(crate) began: Nanos,
    /// It was open for a while.
    pub(crate) has_lasted: bool,
}

/// Whose time has run out.
pub(crate) enum Expired {
    /// The request of this user.
    Request(u32),
    /// Whatever this connection waited for.
    Connection(u32),
}

/// Room for what one call reads.
const READ_BUFFER: usize = 256 * 1024;

impl<I: Io> Pool<I> {
    /// The connections of worker `number`, all closed, and which of them each user begins with.
    pub(crate) fn new(plan: &Plan, number: u32, io: I, capture: Capture) -> (Pool<I>, Vec<u32>) {
        let share = plan.share(number);
        let mut connections = Vec::with_capacity(share.slots());
        for origin in 0..plan.origins.len() as u32 {
            for c in share.connections.clone() {
                let users = schedule::share_of(c, plan.connections(), plan.load.users);
                let users = users.start - share.users.start..users.end - share.users.start;
                connections.push(Connection::new(users, origin));
            }
        }
        let of_users = routes::of_users(&connections, 0);
        let routes = Routes::new(plan, &connections);
        let spares: Vec<u32> = (connections.len() as u32..share.slots() as u32).collect();
        connections.extend(spares.iter().map(|_| Connection::new(0..0, 0)));
        let mut wire = Wire::new(plan, capture);
        wire.grow(connections.len());
        let mut lanes = vec![Nanos::ZERO; BACK_OFF];
        lanes[REQUEST] = plan.limits.request;
        lanes[CONNECTING] = plan.limits.connect;
        lanes.extend(BACK_OFFS);
        let users = share.users.len();
        let pool = Pool {
            io,
            now: Nanos::ZERO,
            routes,
            traffic: Traffic::default(),
            wire,
            spares,
            users: users as u32,
            deadlines: Deadlines::new(users + connections.len(), &lanes),
            unwritten: VecDeque::with_capacity(connections.len()),
            queue: VecDeque::with_capacity(connections.len()),
            connections,
            connecting: 0,
            unread: Vec::new(),
            ready: Vec::with_capacity(1024),
            events: VecDeque::with_capacity(16),
            answers: Vec::with_capacity(16),
            buf: vec![0; READ_BUFFER].into(),
            keep_alive: plan.keep_alive(),
            by_schedule: matches!(plan.load.model, Model::Open(_)),
            worker: (number, plan.workers),
        };
        (pool, of_users)
    }

    /// Reads the clock.
    #[inline]
    pub(crate) fn read_clock(&mut self) -> Nanos {
        self.now = self.io.now();
        self.now
    }

    /// Waits until a connection is ready or the clock shows `until`. Returns what is ready: nothing, perhaps.
    #[inline]
    pub(crate) fn wait(&mut self, until: Nanos) -> &[Readiness] {
        self.io.wait(self.now, until, &mut self.ready);
        &self.ready
    }

    /// A connection without a request under way is ready, and closed by its peer.
    #[inline]
    pub(crate) fn has_closed_unused(&self) -> bool {
        self.ready.iter().any(|ready| ready.read_closed && self.is_unused(ready.connection))
    }

    /// What is ready, and what one turn has left unread; to be given back with [`Self::looked_at`].
    #[inline]
    pub(crate) fn take_ready(&mut self) -> Vec<Readiness> {
        let mut ready = std::mem::take(&mut self.ready);
        for c in self.unread.drain(..) {
            ready.push(Readiness { connection: c, readable: true, writable: false, read_closed: true });
        }
        ready
    }

    /// The list of [`Self::take_ready`] comes back.
    #[inline]
    pub(crate) fn looked_at(&mut self, mut ready: Vec<Readiness>) {
        ready.clear();
        self.ready = ready;
    }

    /// Something was left unread.
    #[inline]
    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Nothing has happened that the loop has not dealt with, and nothing waits to be opened or written.
    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        self.answers.is_empty() && self.events.is_empty() && self.queue.is_empty() && self.unwritten.is_empty()
    }

    /// What has happened to connections, in order; each once.
    #[inline]
    pub(crate) fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Responses, in the order in which they came; each once.
    #[inline]
    pub(crate) fn next_answer(&mut self) -> Option<Answer> {
        self.answers.pop()
    }

    /// What connection `c` is doing.
    #[inline]
    pub(crate) fn state(&self, c: u32) -> ConnectionState {
        self.connections[c as usize].state
    }

    /// The users that may use connection `c`.
    #[inline]
    pub(crate) fn users_of(&self, c: u32) -> Range<u32> {
        self.connections[c as usize].users.clone()
    }

    /// The origin that connection `c` is to.
    #[inline]
    pub(crate) fn origin(&self, c: u32) -> u32 {
        self.connections[c as usize].origin
    }

    /// How many connections there are, spare ones included.
    pub(crate) fn len(&self) -> u32 {
        self.connections.len() as u32
    }

    /// When connecting `c` began.
    pub(crate) fn began(&self, c: u32) -> Nanos {
        self.connections[c as usize].began
    }

    /// Another request can be sent on connection `c`.
    #[inline]
    pub(crate) fn has_room(&self, c: u32) -> bool {
        self.state(c) == ConnectionState::Open && self.wire.capacity(c) > 0
    }

    /// Connection `c` has no request under way.
    pub(crate) fn is_unused(&self, c: u32) -> bool {
        self.connections[c as usize].in_flight == 0
    }

    /// Several users share a connection.
    #[inline]
    pub(crate) fn is_shared(&self) -> bool {
        self.wire.is_shared()
    }

    /// Connections stay open after a response.
    #[inline]
    pub(crate) fn keeps_alive(&self) -> bool {
        self.keep_alive
    }

    /// Where the users of connection `c` go on, if the server takes no more requests there.
    #[inline]
    pub(crate) fn moved_to(&self, c: u32) -> Option<u32> {
        self.connections[c as usize].moved_to
    }

    // --- Time limits ---

    /// The time limit of the request of `u` starts at `at`, unless it has.
    #[inline]
    pub(crate) fn start_timeout(&mut self, u: u32, at: Nanos) {
        if !self.deadlines.is_armed(u) {
            self.deadlines.arm(u, REQUEST, at);
        }
    }

    /// The request of `u` has no time limit any more.
    #[inline]
    pub(crate) fn stop_timeout(&mut self, u: u32) {
        self.deadlines.disarm(u);
    }

    /// The earliest time limit.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Nanos {
        self.deadlines.next()
    }

    /// Whose time has run out, each once.
    #[inline]
    pub(crate) fn expired(&mut self) -> Option<Expired> {
        let node = self.deadlines.expired(self.now)?;
        Some(if node < self.users { Expired::Request(node) } else { Expired::Connection(node - self.users) })
    }

    fn node(&self, c: u32) -> Node {
        self.users + c
    }
}
