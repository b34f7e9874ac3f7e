//! One user and the request it has under way.

use crate::record::{Failure, NO_WAVE};
use crate::request::Slot;
use crate::time::Nanos;

/// One user.
#[derive(Debug)]
pub(super) struct User {
    pub(super) stage: Stage,
    /// The connection that it uses, by its number in the worker.
    pub(super) connection: u32,
    /// How often the request under way was sent again.
    pub(super) resends: u8,
    /// The request under way, or the one prepared.
    pub(super) request: Request,
    /// Since when its connection is free, of what is the server's doing: what was
    /// this tool's own in the last answer is taken off.
    pub(super) freed: Nanos,
    /// Why it cannot take part in the coming release.
    pub(super) excluded: Option<Exclusion>,
}

/// A request that failed before its release.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exclusion {
    pub(super) failure: Failure,
    /// When the attempt began that failed.
    pub(super) since: Nanos,
    /// When it failed.
    pub(super) at: Nanos,
}

/// What a user is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing: no request.
    Idle,
    /// It is to have a connection before it gets a request.
    Joining,
    /// Its request is encoded, and in part sent if the last byte is held back; it waits for the release.
    Primed,
    /// It has a request, and waits for a connection, or for room on it.
    Pending,
    /// It has sent a request, and waits for the answer.
    InFlight,
    /// It will send no more.
    Retired,
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
    /// The instant its text was rendered for: `now()` of its templates.
    pub(super) rendered: Nanos,
    pub(super) sent: Nanos,
}

impl Request {
    #[inline]
    fn new(slot: Slot, wave: u32) -> Request {
        let never = Nanos::NEVER;
        Request { slot, wave, due: never, ready: never, taken: never, rendered: never, sent: never }
    }
}

impl Request {
    /// Its wave, in the wave model.
    #[inline]
    pub(super) fn wave(&self) -> Option<u32> {
        (self.wave != NO_WAVE).then_some(self.wave)
    }
}

impl User {
    pub(super) fn new(connection: u32) -> User {
        User {
            stage: Stage::Idle,
            connection,
            resends: 0,
            request: Request::new(Slot { index: 0, measured: false }, NO_WAVE),
            freed: Nanos::ZERO,
            excluded: None,
        }
    }

    /// Takes a new request, not sent yet.
    #[inline]
    pub(super) fn take(&mut self, slot: Slot, wave: u32) {
        self.request = Request::new(slot, wave);
        self.resends = 0;
    }
}
