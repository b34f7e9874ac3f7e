//! Protocols as machines: bytes in, bytes out, `now` is an argument. No I/O
//! and no clock in here.
//!
//! A connection has one [`Session`]. Requests go in with a [`Ticket`], which
//! comes back with their [`Answer`].

pub mod http1;

use crate::record::{Cause, Failure};
use crate::request::{Body, Payload, RequestHead};
use crate::time::Nanos;

/// The engine's name for a request under way: the number of its user.
pub type Ticket = u32;

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// Why a transport ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer closed it in order.
    Closed,
    /// It broke while we read or wrote.
    Broken(Failure),
}

/// What the sessions of one worker share: encoded requests and parsed heads.
#[derive(Debug)]
pub enum Codec {
    /// HTTP/1.1.
    Http1(http1::Codec),
}

impl Codec {
    /// The codec for this request.
    pub fn new(head: &RequestHead, body: &Body) -> Codec {
        Codec::Http1(http1::Codec::new(head, body))
    }

    /// A session on a connection that has just been opened.
    pub fn session(&self) -> Session {
        match self {
            Codec::Http1(_) => Session::Http1(http1::Session::new()),
        }
    }
}

/// One connection's protocol machine.
#[derive(Debug)]
pub enum Session {
    /// HTTP/1.1: one request at a time.
    Http1(http1::Session),
}

impl Session {
    /// How many requests could be submitted now.
    #[inline]
    pub fn capacity(&self) -> usize {
        match self {
            Session::Http1(s) => s.capacity(),
        }
    }

    /// No further request may use this connection.
    #[inline]
    pub fn is_spent(&self) -> bool {
        match self {
            Session::Http1(s) => s.is_spent(),
        }
    }

    /// Takes a request, which [`Self::capacity`] allowed. With `hold_last_byte`
    /// its last byte waits for [`Self::release`].
    #[inline]
    pub fn submit(&mut self, payload: Payload<'_>, ticket: Ticket, hold_last_byte: bool, codec: &mut Codec) {
        match (self, codec) {
            (Session::Http1(s), Codec::Http1(codec)) => s.submit(payload, ticket, hold_last_byte, codec),
        }
    }

    /// The held byte may go.
    pub fn release(&mut self) {
        match self {
            Session::Http1(s) => s.release(),
        }
    }

    /// Bytes to write now, empty if none.
    #[inline]
    pub fn transmit(&self) -> &[u8] {
        match self {
            Session::Http1(s) => s.transmit(),
        }
    }

    /// The first `n` bytes of [`Self::transmit`] were written.
    #[inline]
    pub fn transmitted(&mut self, n: usize) {
        match self {
            Session::Http1(s) => s.transmitted(n),
        }
    }

    /// Takes bytes that were read at `now`; answers that they end go to `done`.
    #[inline]
    pub fn receive(&mut self, bytes: &[u8], now: Nanos, codec: &mut Codec, done: &mut Vec<Answer>) {
        match (self, codec) {
            (Session::Http1(s), Codec::Http1(codec)) => s.receive(bytes, now, codec, done),
        }
    }

    /// The transport ended: every request under way comes to its end.
    pub fn end(&mut self, end: End, codec: &mut Codec, done: &mut Vec<Answer>) {
        match (self, codec) {
            (Session::Http1(s), Codec::Http1(codec)) => s.end(end, codec, done),
        }
    }

    /// The engine's time limit ran out for `ticket`: what it had so far, with the wait it was in as cause.
    pub fn give_up(&mut self, ticket: Ticket) -> (Answer, Cause) {
        match self {
            Session::Http1(s) => s.give_up(ticket),
        }
    }
}
