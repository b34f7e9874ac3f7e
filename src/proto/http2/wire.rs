//! All connections of a worker that speak HTTP/2.

use crate::proto::{Answer, Capture, End, Hold, Sessions, Ticket};
use crate::request::Message;
use crate::time::Nanos;

use super::{Codec, Session};

/// The connections of a worker, and the requests encoded for them.
pub type Wire = Sessions<Codec, Session>;

impl Wire {
    /// No connection yet; `capture` is kept of responses.
    pub fn new(codec: Codec, capture: Capture) -> Wire {
        Sessions::with(codec, capture, Session::keeping)
    }

    /// See [`crate::proto::Wire::submit`].
    #[inline(always)]
    pub fn submit(&mut self, c: u32, message: Message<'_>, ticket: Ticket, hold: Hold) {
        self.list[c as usize].submit(message, ticket, hold, &self.codec);
    }

    /// See [`crate::proto::Wire::receive`].
    #[inline(always)]
    pub fn receive(&mut self, c: u32, bytes: &[u8], now: Nanos, answers: &mut Vec<Answer>) {
        self.list[c as usize].receive(bytes, now, answers);
    }

    /// See [`crate::proto::Wire::end`].
    pub fn end(&mut self, c: u32, end: End, answers: &mut Vec<Answer>) {
        self.list[c as usize].end(end, answers);
    }
}
