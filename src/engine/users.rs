//! Who sends: users, the request that each has under way, and every change of what a user is doing.

use std::ops::Range;

use crate::record::{Failure, NO_WAVE, Record};
use crate::request::Slot;
use crate::time::Nanos;

/// The users of one worker.
#[derive(Debug)]
pub(crate) struct Users {
    list: Vec<User>,
    /// The number in the run of the first one.
    first: u32,
    /// Users that are not retired.
    active: u32,
}

/// One user.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) stage: Stage,
    /// The connection that it uses.
    pub(crate) connection: u32,
    /// How often the request under way was sent again.
    resends: u8,
    /// The request under way, or the one prepared.
    pub(crate) request: Request,
    /// Why it cannot take part in the coming release.
    pub(crate) excluded: Option<Exclusion>,
}

/// A request that failed before its release.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exclusion {
    pub(crate) failure: Failure,
    /// When the attempt began that failed.
    pub(crate) since: Nanos,
    /// When it failed.
    pub(crate) at: Nanos,
}

/// What a user is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing: no request.
    Idle,
    /// It must have a connection before it gets a request.
    Joining,
    /// Its request is encoded, and in part sent if the last byte is held back; it waits for the release.
    Primed,
    /// It has a request, and waits for a connection, or for room on it.
    Pending,
    /// It has sent a request, and waits for the response.
    InFlight,
    /// It will send no more.
    Retired,
}

/// A request's facts while it is under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) slot: Slot,
    pub(crate) target: u32,
    wave: u32,
    pub(crate) due: Nanos,
    pub(crate) ready: Nanos,
    /// When it was given to the user, in the open model.
    pub(crate) taken: Nanos,
    /// The instant its text was rendered for: `now()` of its templates.
    pub(crate) rendered: Nanos,
    pub(crate) sent: Nanos,
}

/// How a request came to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) at: Nanos,
    pub(crate) failure: Option<Failure>,
    /// Its status, or 0 if no whole response came.
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
    /// When the first byte of the final head was read; [`Nanos::NEVER`] if none was.
    pub(crate) first_byte: Nanos,
    /// How long opening its connection took, if it is the first one on it, and the connection's number.
    pub(crate) connection: (Nanos, u32),
}

impl Ended {
    /// Without a response.
    #[inline]
    pub(crate) fn without_response(at: Nanos, failure: Failure, connection: (Nanos, u32)) -> Ended {
        Ended { at, failure: Some(failure), status: 0, body_bytes: 0, first_byte: Nanos::NEVER, connection }
    }
}

/// A request that the server did not look at is sent again so often.
const MAX_RESENDS: u8 = 3;

impl Request {
    #[inline]
    fn new(slot: Slot, target: u32, wave: u32) -> Request {
        let never = Nanos::NEVER;
        Request { slot, target, wave, due: never, ready: never, taken: never, rendered: never, sent: never }
    }

    /// Its wave, in the wave model.
    #[inline]
    pub(crate) fn wave(&self) -> Option<u32> {
        (self.wave != NO_WAVE).then_some(self.wave)
    }
}

impl Users {
    /// Users with these connections, the first one of which has number `first` in the run.
    pub(crate) fn new(connections: Vec<u32>, first: u32) -> Users {
        let user = |connection| User {
            stage: Stage::Idle,
            connection,
            resends: 0,
            request: Request::new(Slot { index: 0, measured: false }, 0, NO_WAVE),
            excluded: None,
        };
        let list: Vec<User> = connections.into_iter().map(user).collect();
        Users { active: list.len() as u32, list, first }
    }

    /// How many there are.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.list.len() as u32
    }

    /// How many are not retired.
    #[inline]
    pub(crate) fn active(&self) -> u32 {
        self.active
    }

    /// The number of `u` in the run.
    #[inline]
    pub(crate) fn number(&self, u: u32) -> u32 {
        self.first + u
    }

    /// User `u`.
    #[inline]
    pub(crate) fn get(&self, u: u32) -> &User {
        &self.list[u as usize]
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, u: u32) -> &mut User {
        &mut self.list[u as usize]
    }

    /// The connection of `u`.
    #[inline]
    pub(crate) fn connection(&self, u: u32) -> u32 {
        self.list[u as usize].connection
    }

    /// What `u` is doing.
    #[inline]
    pub(crate) fn stage(&self, u: u32) -> Stage {
        self.list[u as usize].stage
    }

    /// The next of `users` that uses connection `c`, in order; those before it are taken out of the range.
    #[inline]
    pub(crate) fn next_on(&self, users: &mut Range<u32>, c: u32) -> Option<u32> {
        users.find(|&u| self.connection(u) == c)
    }

    /// Something holds for one of `users` that uses connection `c`.
    pub(crate) fn any_on(&self, mut users: Range<u32>, c: u32, holds: impl Fn(u32) -> bool) -> bool {
        users.any(|u| self.connection(u) == c && holds(u))
    }

    /// `u` takes a new request, not sent yet.
    #[inline]
    pub(crate) fn take(&mut self, u: u32, slot: Slot, target: u32, wave: u32) {
        let user = &mut self.list[u as usize];
        user.request = Request::new(slot, target, wave);
        user.resends = 0;
    }

    /// The request of `u` waits for a connection, or for room on it.
    #[inline]
    pub(crate) fn wait(&mut self, u: u32) {
        self.list[u as usize].stage = Stage::Pending;
    }

    /// The request of `u` is encoded, and waits for the release.
    pub(crate) fn prime(&mut self, u: u32) {
        self.list[u as usize].stage = Stage::Primed;
    }

    /// What was prepared of `u`, if anything, is not there any more.
    pub(crate) fn unprime(&mut self, u: u32) {
        let user = &mut self.list[u as usize];
        if user.stage == Stage::Primed {
            user.stage = Stage::Idle;
        }
    }

    /// The request of `u` is on its way from `now` on; if it had to wait for that, it is ready only now.
    #[inline]
    pub(crate) fn sending(&mut self, u: u32, now: Nanos) {
        let user = &mut self.list[u as usize];
        let had_to_wait = std::mem::replace(&mut user.stage, Stage::InFlight) == Stage::Pending;
        let request = &mut user.request;
        // One that goes where a redirect has sent it was ready before.
        if had_to_wait && request.sent == Nanos::NEVER {
            if request.ready == Nanos::NEVER {
                // It had to wait for its connection, which is open now.
                request.ready = now;
            } else {
                // As above; how late this tool was to begin with that still counts.
                request.ready += now.since(request.taken);
            }
        }
    }

    /// The request of `u` goes to the kernel at `now`. True: it becomes due with that, as it does on an open connection
    /// in the closed model.
    #[inline]
    pub(crate) fn sent(&mut self, u: u32, now: Nanos) -> bool {
        let request = &mut self.list[u as usize].request;
        request.sent = request.sent.min(now);
        let becomes_due = request.due == Nanos::NEVER;
        if becomes_due {
            (request.due, request.ready) = (now, now);
        }
        becomes_due
    }

    /// The primed request of `u` goes out with all others, late by `late` against its plan.
    #[inline]
    pub(crate) fn release(&mut self, u: u32, sent: Nanos, late: Nanos, planned: Nanos) {
        let user = &mut self.list[u as usize];
        user.stage = Stage::InFlight;
        user.request.sent = sent;
        user.request.due = sent.before(late);
        user.request.ready = planned;
    }

    /// The request of `u` will be sent again, as the server has not processed it; its due instant stays. False: that has been done often enough.
    pub(crate) fn send_again(&mut self, u: u32) -> bool {
        let user = &mut self.list[u as usize];
        if user.resends == MAX_RESENDS || user.stage != Stage::InFlight {
            return false;
        }
        user.resends += 1;
        user.stage = Stage::Pending;
        user.request.ready = Nanos::NEVER;
        user.request.sent = Nanos::NEVER;
        true
    }

    /// What `u` sends comes to its end: its record. Whether the request was under way is told beside it.
    #[inline]
    pub(crate) fn finish(&mut self, u: u32, ended: &Ended) -> (Record, bool) {
        let user = &mut self.list[u as usize];
        let was_in_flight = std::mem::replace(&mut user.stage, Stage::Idle) == Stage::InFlight;
        (record(&user.request, ended), was_in_flight)
    }

    /// The record of the request of `u`, which is cut where it stands, or never was under way.
    pub(crate) fn record(&self, u: u32, ended: &Ended) -> Record {
        record(&self.get(u).request, ended)
    }

    /// `u` will send no more. False: that was so before.
    pub(crate) fn retire(&mut self, u: u32) -> bool {
        let user = &mut self.list[u as usize];
        if user.stage == Stage::Retired {
            return false;
        }
        user.stage = Stage::Retired;
        self.active -= 1;
        true
    }
}

/// The one place that makes records.
#[inline]
fn record(request: &Request, ended: &Ended) -> Record {
    let &Request { slot, target, wave, due, ready, sent, .. } = request;
    let &Ended { at, failure, status, body_bytes, first_byte, connection: (connect, connection) } = ended;
    Record {
        index: slot.index,
        target,
        due,
        ready,
        sent,
        first_byte,
        done: at,
        body_bytes,
        connect,
        connection,
        wave,
        read_lag_ns: 0,
        status,
        failure,
    }
}
