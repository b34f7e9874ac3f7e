//! One user: the request it has under way and the connection it uses.

use crate::proto::Session;
use crate::record::{Failure, NO_WAVE, Record};
use crate::request::Slot;
use crate::time::Nanos;

/// One user and its connection. With HTTP/1.1 each user has a connection of its own.
#[derive(Debug)]
pub(super) struct User {
    pub(super) stage: Stage,
    pub(super) link: Link,
    pub(super) session: Session,
    /// The request under way, or the one prepared.
    pub(super) request: Request,
    /// When connecting began.
    pub(super) connect_began: Nanos,
    /// How long it took; zero once a request has carried it into its record.
    pub(super) connect_took: Nanos,
    /// The connection's number in the run.
    pub(super) connection: u32,
    /// Since when its connection is free, of what is the server's doing: what was
    /// this tool's own in the last answer is taken off.
    pub(super) freed: Nanos,
    /// Failures since the last answer.
    pub(super) failures: u8,
    /// The first attempt to connect is over.
    pub(super) has_tried: bool,
    /// Connections that were found closed since the last release.
    pub(super) replaced: u8,
    /// The last connection was found closed, and no other has been opened for it.
    pub(super) found_closed: bool,
    /// Why it cannot take part in the coming release, and since when.
    pub(super) unable: Option<(Failure, Nanos)>,
}

/// What a user is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing: no request.
    Idle,
    /// Its request is encoded, and in part sent if the last byte is held back; it waits for the release.
    Primed,
    /// It has a request, and waits for a connection.
    Pending,
    /// It has sent a request, and waits for the answer.
    InFlight,
    /// It will send no more.
    Retired,
}

/// What a user's connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// There is none.
    Closed,
    /// It waits for its turn to connect.
    Queued,
    /// It is being opened.
    Connecting,
    /// It is open.
    Open,
    /// It waits after a failure.
    BackOff,
}

/// A request's facts while it is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) slot: Slot,
    pub(super) wave: u32,
    pub(super) due: Nanos,
    pub(super) ready: Nanos,
    /// When it was given to the user, in the open model.
    pub(super) taken: Nanos,
    pub(super) sent: Nanos,
}

impl User {
    pub(super) fn new(session: Session) -> User {
        let slot = Slot { index: 0, measured: false };
        let never = Nanos::NEVER;
        User {
            stage: Stage::Idle,
            link: Link::Closed,
            session,
            request: Request { slot, wave: NO_WAVE, due: never, ready: never, taken: never, sent: never },
            connect_began: Nanos::ZERO,
            connect_took: Nanos::ZERO,
            connection: 0,
            freed: Nanos::ZERO,
            failures: 0,
            has_tried: false,
            replaced: 0,
            found_closed: false,
            unable: None,
        }
    }

    /// Takes a new request, not sent yet.
    #[inline]
    pub(super) fn take(&mut self, slot: Slot, wave: u32) {
        let never = Nanos::NEVER;
        self.request = Request { slot, wave, due: never, ready: never, taken: never, sent: never };
    }

    /// The record of the request under way, done at `done` with nothing to show for it but `failure`.
    #[inline]
    pub(super) fn record(&mut self, done: Nanos, failure: Option<Failure>) -> Record {
        let Request { slot, wave, due, ready, taken: _, sent } = self.request;
        Record {
            index: slot.index,
            due,
            ready,
            sent,
            first_byte: Nanos::NEVER,
            done,
            body_bytes: 0,
            connect: std::mem::take(&mut self.connect_took),
            connection: self.connection,
            wave,
            read_lag_ns: 0,
            status: 0,
            failure,
        }
    }
}
