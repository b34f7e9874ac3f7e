//! Protocols as machines: bytes in, bytes out, `now` is an argument. No I/O
//! and no clock in here.
//!
//! A [`Wire`] is the protocol's side of all connections of a worker. Requests go in with a [`Ticket`], which comes
//! back with their [`Answer`].

mod capture;
pub mod http1;
pub mod http2;
mod length;
mod sessions;

use std::rc::Rc;
use std::sync::Arc;

use crate::plan::{Plan, Protocol, Target};
use crate::record::{Cause, Failure};
use crate::request::Message;
use crate::time::Nanos;

pub use capture::{Capture, Captured};
pub use http1::Left;
pub use sessions::Sessions;

/// The engine's name for a request under way: the number of its user.
pub type Ticket = u32;

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The request's ticket.
    pub ticket: Ticket,
    /// Its status, or 0 if no final head came.
    pub status: u16,
    /// Body bytes that arrived.
    pub body_bytes: u64,
    /// When the first byte of the final head was read; [`Nanos::NEVER`] if none was.
    pub first_byte: Nanos,
    /// Why the answer is not complete, if it is not.
    pub failure: Option<Failure>,
    /// The server says that it has not looked at the request.
    pub may_be_sent_again: bool,
    /// What was captured of a complete response, if anything is wanted. It is here and nowhere else, so that
    /// nothing of one response can stay behind and be taken for the next one's.
    pub captured: Option<Box<Captured>>,
}

/// A constant body: one for the whole process, whose count this worker need not share with the others.
type SharedBody = Rc<Arc<[u8]>>;

/// Bytes to be written one after the other, mostly all in the first part.
pub type Parts<'a> = [&'a [u8]; 2];

/// What of a request waits for [`Wire::release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Nothing: it may go at once.
    Nothing,
    /// All of it.
    All,
    /// The last byte, or what else makes it whole.
    LastByte,
}

/// Why a transport ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer closed it in order.
    Closed,
    /// The peer closed it, but not its TLS session: what came last may have been cut off (RFC 9112, 9.8).
    Truncated,
    /// It broke while we read or wrote.
    Broken(Failure),
}

impl End {
    /// Reading or writing failed like this.
    pub fn of(failure: Failure) -> End {
        match failure.cause {
            Cause::Truncated => End::Truncated,
            _ => End::Broken(failure),
        }
    }
}

/// What a protocol makes of the connections of one worker: encoded requests, parsed heads, and a machine for each
/// connection.
///
/// In the order in which they are called, for connection `c`:
/// - [`Wire::open`] when its transport is connected; with [`Wire::speaks_first`], what [`Wire::transmit`] has then is
///   written at once. Requests may follow when [`Wire::is_ready`].
/// - [`Wire::submit`] as often as [`Wire::capacity`] allows, and [`Wire::release`] for what it held back.
/// - [`Wire::transmit`] whenever the transport takes bytes, and [`Wire::transmitted`] for what it took.
/// - [`Wire::receive`] for what was read; then [`Wire::error`], and what it has to say to that by [`Wire::transmit`].
/// - [`Wire::give_up`] for a request whose time is over, and [`Wire::end`] when the transport has ended.
#[derive(Debug)]
pub enum Wire {
    /// HTTP/1.1: one request at a time.
    Http1(http1::Wire),
    /// HTTP/2: many, side by side.
    Http2(http2::Wire),
}

/// Each arm calls the same verb of the protocol's own wire.
macro_rules! wire {
    ($self:expr, $wire:ident => $call:expr) => {
        match $self {
            Wire::Http1($wire) => $call,
            Wire::Http2($wire) => $call,
        }
    };
}

impl Wire {
    /// For this plan's protocol and requests, of whose responses `capture` is kept; with no connection yet.
    pub fn new(plan: &Plan, capture: Capture) -> Wire {
        let targets = plan.targets.list.iter();
        let is_tls = |target: &Target| plan.origins[target.origin as usize].tls.is_some();
        match plan.protocol {
            Protocol::Http1 => {
                let codec = http1::Codec::new(targets.map(|target| (&target.head, &target.body)));
                Wire::Http1(http1::Wire::new(codec, capture))
            }
            Protocol::Http2 { .. } => {
                let codec = http2::Codec::new(targets.map(|target| (&target.head, &target.body, is_tls(target))));
                Wire::Http2(http2::Wire::new(codec, capture))
            }
        }
    }

    /// Several requests can be under way on one connection, so a failure of one of them is not the connection's.
    #[inline]
    pub fn is_shared(&self) -> bool {
        matches!(self, Wire::Http2(_))
    }

    /// A connection begins with bytes of this side, and its peer's first ones must come before any request.
    #[inline]
    pub fn speaks_first(&self) -> bool {
        matches!(self, Wire::Http2(_))
    }

    /// The peer may send what is no response, which may have to be replied to.
    #[inline]
    pub fn takes_unasked_bytes(&self) -> bool {
        matches!(self, Wire::Http2(_))
    }

    /// There are `connections` of them from now on, and no fewer than before.
    pub fn grow(&mut self, connections: usize) {
        wire!(self, wire => wire.grow(connections));
    }

    /// The transport of connection `c` has just been connected.
    pub fn open(&mut self, c: u32) {
        wire!(self, wire => wire.open(c));
    }

    /// How many requests could be submitted now on connection `c`.
    #[inline(always)]
    pub fn capacity(&self, c: u32) -> usize {
        wire!(self, wire => wire.session(c).capacity())
    }

    /// No further request may use connection `c`.
    #[inline(always)]
    pub fn is_exhausted(&self, c: u32) -> bool {
        wire!(self, wire => wire.session(c).is_exhausted())
    }

    /// The server has said what its protocol has it say first: requests may be submitted.
    pub fn is_ready(&self, c: u32) -> bool {
        match self {
            Wire::Http1(_) => true,
            Wire::Http2(wire) => wire.session(c).is_ready(),
        }
    }

    /// Connection `c` cannot be used any more, and why; [`Self::transmit`] may still tell the server.
    #[inline]
    pub fn error(&self, c: u32) -> Option<Failure> {
        match self {
            Wire::Http1(_) => None,
            Wire::Http2(wire) => wire.session(c).error(),
        }
    }

    /// How many concurrent requests the server allows on connection `c`, if it has set a limit.
    #[inline]
    pub fn allowed_streams(&self, c: u32) -> Option<u32> {
        match self {
            Wire::Http1(_) => None,
            Wire::Http2(wire) => wire.session(c).allowed_streams(),
        }
    }

    /// Takes a request, which [`Self::capacity`] allowed, and of it `hold` waits for [`Self::release`].
    #[inline(always)]
    pub fn submit(&mut self, c: u32, message: Message<'_>, ticket: Ticket, hold: Hold) {
        wire!(self, wire => wire.submit(c, message, ticket, hold));
    }

    /// Something that need not wait for [`Self::release`] is not written yet.
    #[inline]
    pub fn has_unsent(&self, c: u32) -> bool {
        wire!(self, wire => wire.session(c).has_unsent())
    }

    /// What is held on connection `c` may go.
    pub fn release(&mut self, c: u32) {
        wire!(self, wire => wire.session_mut(c).release());
    }

    /// Bytes to write now; both parts are empty if there are none. The second one is a large body, which is shared.
    #[inline(always)]
    pub fn transmit(&self, c: u32) -> Parts<'_> {
        match self {
            Wire::Http1(wire) => wire.session(c).transmit(),
            Wire::Http2(wire) => [wire.session(c).transmit(), &[]],
        }
    }

    /// The first `n` bytes of [`Self::transmit`] were written.
    #[inline(always)]
    pub fn transmitted(&mut self, c: u32, n: usize) {
        wire!(self, wire => wire.session_mut(c).transmitted(n));
    }

    /// Takes bytes that were read at `now`; the responses that they end go to `answers`.
    #[inline(always)]
    pub fn receive(&mut self, c: u32, bytes: &[u8], now: Nanos, answers: &mut Vec<Answer>) {
        wire!(self, wire => wire.receive(c, bytes, now, answers));
    }

    /// What is left of the body under way on connection `c` that is only counted, if that is known.
    #[inline(always)]
    pub fn left_to_count(&self, c: u32) -> Left {
        match self {
            Wire::Http1(wire) => wire.session(c).left_to_count(),
            Wire::Http2(_) => Left::Unknown,
        }
    }

    /// `n` bytes of that came on connection `c` and were passed over, as [`Reader::skip`] allows.
    ///
    /// [`Reader::skip`]: http1::Reader::skip
    pub fn skip(&mut self, c: u32, n: usize, answers: &mut Vec<Answer>) {
        match self {
            Wire::Http1(wire) => wire.session_mut(c).skip(n, answers),
            Wire::Http2(_) => debug_assert!(false, "nothing of an HTTP/2 connection is passed over"),
        }
    }

    /// The transport ended: every request under way comes to its end.
    pub fn end(&mut self, c: u32, end: End, answers: &mut Vec<Answer>) {
        wire!(self, wire => wire.end(c, end, answers));
    }

    /// The time limit ran out for `ticket`: what it had so far, with the wait it was in as cause.
    pub fn give_up(&mut self, c: u32, ticket: Ticket) -> (Answer, Cause) {
        wire!(self, wire => wire.session_mut(c).give_up(ticket))
    }
}
