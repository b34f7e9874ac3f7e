//! One connection: what it is doing, and what is remembered of it.

use std::collections::VecDeque;
use std::ops::Range;

use crate::time::Nanos;

/// One connection. With HTTP/1.1 it has one user, with HTTP/2 as many as streams are shared by.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) state: ConnectionState,
    /// Whom it is to, by its number in the run.
    pub(super) origin: u32,
    /// The users that may use it, of this worker's; those do that name it as theirs.
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
    /// How often it was begun to be opened.
    pub(super) attempts: u32,
    /// Failures since the last response.
    pub(super) failures: u8,
    /// The first attempt to connect is over.
    pub(super) has_tried: bool,
    /// How often it was closed as soon as it was open, since the last release.
    pub(super) idle_closes: u8,
    /// The server closed it between two requests, and it has not been opened again.
    pub(super) was_closed_idle: bool,
    /// Bytes of the response under way that the next read passes over; 0: it reads them.
    pub(super) discards: usize,
    /// Minimum number of bytes that make it readable (SO_RCVLOWAT).
    pub(super) low_water: u32,
    /// Requests on it have been written but for their last bytes, or are being.
    pub(super) is_holding: bool,
}

/// A connection that was closed sooner than this after it opened tells of a server that does not want it.
const SHORT_LIVED: Nanos = Nanos::from_millis(10);

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionState {
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
    /// It could not be opened, which the loop has not heard of yet.
    Failed,
    /// It waits after a failure.
    BackOff,
}

impl ConnectionState {
    /// Bytes go both ways.
    #[inline]
    pub(crate) fn is_up(self) -> bool {
        matches!(self, ConnectionState::Open | ConnectionState::Greeting)
    }
}

impl Connection {
    pub(super) fn new(users: Range<u32>, origin: u32) -> Connection {
        Connection {
            state: ConnectionState::Closed,
            origin,
            users,
            in_flight: 0,
            batch: Vec::new(),
            waiting: VecDeque::new(),
            moved_to: None,
            began: Nanos::ZERO,
            took: Nanos::ZERO,
            number: 0,
            attempts: 0,
            failures: 0,
            has_tried: false,
            idle_closes: 0,
            was_closed_idle: false,
            is_holding: false,
            discards: 0,
            low_water: 1,
        }
    }

    /// At `now` it has been open for a while, and not just accepted to be closed.
    pub(super) fn has_lasted(&self, now: Nanos) -> bool {
        // A request has carried `took` into its record: the connection has served.
        self.took == Nanos::ZERO || now >= self.began + self.took + SHORT_LIVED
    }
}
