//! One connection and the users that share it.

use std::collections::VecDeque;
use std::ops::Range;

use crate::proto::Session;
use crate::record::{Failure, Record};
use crate::time::Nanos;

use super::user::Request;

/// One connection. With HTTP/1.1 it has one user, with HTTP/2 as many as streams are shared by.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) state: ConnectionState,
    /// Whom it is to, by its number in the run.
    pub(super) origin: u32,
    pub(super) session: Session,
    /// Those that use it, of this worker's; of those only the ones that name it as theirs.
    pub(super) users: Range<u32>,
    /// Its requests that are sent and not done.
    pub(super) in_flight: u32,
    /// Users whose requests are encoded, and written with the next flush.
    pub(super) batch: Vec<u32>,
    /// Users whose requests wait until the server allows another stream.
    pub(super) waiting: VecDeque<u32>,
    /// Where its users go when their requests are done: the server takes no more of them here.
    pub(super) moved_to: Option<u32>,
    /// When connecting began.
    pub(super) began: Nanos,
    /// How long it took; zero once a request has carried it into its record.
    pub(super) took: Nanos,
    /// Its number in the run.
    pub(super) number: u32,
    /// Failures since the last answer.
    pub(super) failures: u8,
    /// The first attempt to connect is over.
    pub(super) has_tried: bool,
    /// How often it was closed as soon as it was open, since the last release.
    pub(super) idle_closes: u8,
    /// It was found closed, and has not been opened again.
    pub(super) was_closed_idle: bool,
}

/// A connection that was closed sooner than this after it opened tells of a server that does not want it.
const SHORT_LIVED: Nanos = Nanos::from_millis(10);

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionState {
    /// There is none.
    Closed,
    /// It waits for its turn to connect.
    Queued,
    /// It is being opened.
    Connecting,
    /// Bytes go both ways; the server's first ones, which its protocol demands, are awaited.
    Greeting,
    /// It is open.
    Open,
    /// It waits after a failure.
    BackOff,
}

impl Connection {
    pub(super) fn new(session: Session, users: Range<u32>, origin: u32) -> Connection {
        Connection {
            state: ConnectionState::Closed,
            origin,
            session,
            users,
            in_flight: 0,
            batch: Vec::new(),
            waiting: VecDeque::new(),
            moved_to: None,
            began: Nanos::ZERO,
            took: Nanos::ZERO,
            number: 0,
            failures: 0,
            has_tried: false,
            idle_closes: 0,
            was_closed_idle: false,
        }
    }

    /// At `now` it has been open for a while, and not just accepted to be closed.
    pub(super) fn has_lasted(&self, now: Nanos) -> bool {
        // A request has carried `took` into its record: the connection has served.
        self.took == Nanos::ZERO || now >= self.began + self.took + SHORT_LIVED
    }

    /// Another request can be sent on it.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.state == ConnectionState::Open && self.session.capacity() > 0
    }

    /// The record of `request`, done at `done` with nothing to show for it but `failure`.
    #[inline]
    pub(super) fn record(&mut self, request: &Request, done: Nanos, failure: Option<Failure>) -> Record {
        let &Request { slot, wave, due, ready, sent, .. } = request;
        Record {
            index: slot.index,
            due,
            ready,
            sent,
            first_byte: Nanos::NEVER,
            done,
            body_bytes: 0,
            connect: std::mem::take(&mut self.took),
            connection: self.number,
            wave,
            read_lag_ns: 0,
            status: 0,
            failure,
        }
    }
}
