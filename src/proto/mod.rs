//! Protocols as machines: bytes in, bytes out, `now` is an argument. No I/O
//! and no clock in here.
//!
//! A connection has one [`Session`]. Requests go in with a [`Ticket`], which
//! comes back with their [`Answer`].

mod capture;
pub mod http1;
pub mod http2;
mod length;

use std::rc::Rc;
use std::sync::Arc;

use crate::plan::{Plan, Protocol, Target};
use crate::record::{Cause, Failure};
use crate::request::Message;
use crate::time::Nanos;

pub use capture::{Capture, Captured};

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

/// What of a request waits for [`Session::release`].
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

/// What the sessions of one worker share: encoded requests and parsed heads.
#[derive(Debug)]
pub enum Codec {
    /// HTTP/1.1.
    Http1(http1::Codec),
    /// HTTP/2.
    Http2(http2::Codec),
}

impl Codec {
    /// The codec for this plan's protocol and requests.
    pub fn new(plan: &Plan) -> Codec {
        let targets = plan.targets.list.iter();
        let is_tls = |target: &Target| plan.origins[target.origin as usize].tls.is_some();
        match plan.protocol {
            Protocol::Http1 => Codec::Http1(http1::Codec::new(targets.map(|target| (&target.head, &target.body)))),
            Protocol::Http2 { .. } => {
                let targets = targets.map(|target| (&target.head, &target.body, is_tls(target)));
                Codec::Http2(http2::Codec::new(targets))
            }
        }
    }

    /// Several requests can be under way on one connection.
    #[inline]
    pub fn is_multiplexed(&self) -> bool {
        match self {
            Codec::Http1(_) => false,
            Codec::Http2(_) => true,
        }
    }

    /// A session on a connection that has just been opened, which keeps what is wanted of answers.
    pub fn session(&self, capture: Capture) -> Session {
        match self {
            Codec::Http1(_) => Session::Http1(http1::Session::keeping(capture)),
            Codec::Http2(_) => Session::Http2(Box::new(http2::Session::keeping(capture))),
        }
    }
}

const ONE_PROTOCOL: &str = "the sessions of a run speak its codec's protocol";

/// One connection's protocol machine.
#[derive(Debug)]
pub enum Session {
    /// HTTP/1.1: one request at a time.
    Http1(http1::Session),
    /// HTTP/2: many, side by side.
    Http2(Box<http2::Session>),
}

impl Session {
    /// How many requests could be submitted now.
    #[inline]
    pub fn capacity(&self) -> usize {
        match self {
            Session::Http1(s) => s.capacity(),
            Session::Http2(s) => s.capacity(),
        }
    }

    /// No further request may use this connection.
    #[inline]
    pub fn is_exhausted(&self) -> bool {
        match self {
            Session::Http1(s) => s.is_exhausted(),
            Session::Http2(s) => s.is_exhausted(),
        }
    }

    /// The server has said what its protocol has it say first: requests may be submitted.
    pub fn is_ready(&self) -> bool {
        match self {
            Session::Http1(_) => true,
            Session::Http2(s) => s.is_ready(),
        }
    }

    /// The connection cannot be used any more, and why; [`Self::transmit`] may still tell the server.
    #[inline]
    pub fn error(&self) -> Option<Failure> {
        match self {
            Session::Http1(_) => None,
            Session::Http2(s) => s.error(),
        }
    }

    /// So many requests at a time the server allows, if it has said so.
    #[inline]
    pub fn allowed_streams(&self) -> Option<u32> {
        match self {
            Session::Http1(_) => None,
            Session::Http2(s) => s.allowed_streams(),
        }
    }

    /// Takes a request, which [`Self::capacity`] allowed, and of it `hold`
    /// waits for [`Self::release`].
    #[inline]
    pub fn submit(&mut self, message: Message<'_>, ticket: Ticket, hold: Hold, codec: &mut Codec) {
        match (self, codec) {
            (Session::Http1(s), Codec::Http1(codec)) => s.submit(message, ticket, hold, codec),
            (Session::Http2(s), Codec::Http2(codec)) => s.submit(message, ticket, hold, codec),
            _ => unreachable!("{ONE_PROTOCOL}"),
        }
    }

    /// Something that need not wait for [`Self::release`] is not written yet.
    #[inline]
    pub fn has_unsent(&self) -> bool {
        match self {
            Session::Http1(s) => s.has_unsent(),
            Session::Http2(s) => s.has_unsent(),
        }
    }

    /// What is held may go.
    pub fn release(&mut self) {
        match self {
            Session::Http1(s) => s.release(),
            Session::Http2(s) => s.release(),
        }
    }

    /// Bytes to write now; both parts are empty if there are none. The second one is a large body, which is shared.
    #[inline]
    pub fn transmit(&self) -> Parts<'_> {
        match self {
            Session::Http1(s) => s.transmit(),
            Session::Http2(s) => [s.transmit(), &[]],
        }
    }

    /// The first `n` bytes of [`Self::transmit`] were written.
    #[inline]
    pub fn transmitted(&mut self, n: usize) {
        match self {
            Session::Http1(s) => s.transmitted(n),
            Session::Http2(s) => s.transmitted(n),
        }
    }

    /// Takes bytes that were read at `now`; answers that they end go to `done`.
    #[inline]
    pub fn receive(&mut self, bytes: &[u8], now: Nanos, codec: &mut Codec, done: &mut Vec<Answer>) {
        match (self, codec) {
            (Session::Http1(s), Codec::Http1(codec)) => s.receive(bytes, now, codec, done),
            (Session::Http2(s), Codec::Http2(_)) => s.receive(bytes, now, done),
            _ => unreachable!("{ONE_PROTOCOL}"),
        }
    }

    /// The transport ended: every request under way comes to its end.
    pub fn end(&mut self, end: End, codec: &mut Codec, done: &mut Vec<Answer>) {
        match (self, codec) {
            (Session::Http1(s), Codec::Http1(codec)) => s.end(end, codec, done),
            (Session::Http2(s), Codec::Http2(_)) => s.end(end, done),
            _ => unreachable!("{ONE_PROTOCOL}"),
        }
    }

    /// The engine's time limit ran out for `ticket`: what it had so far, with the wait it was in as cause.
    pub fn give_up(&mut self, ticket: Ticket) -> (Answer, Cause) {
        match self {
            Session::Http1(s) => s.give_up(ticket),
            Session::Http2(s) => s.give_up(ticket),
        }
    }
}
