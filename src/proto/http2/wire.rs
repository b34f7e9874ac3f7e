//! All connections of a worker that speak HTTP/2.

use crate::proto::{Answer, Capture, End, Hold, Ticket};
use crate::request::Message;
use crate::time::Nanos;

use super::{Codec, Session};

/// A [`Session`] for each connection, and what they share. See [`crate::proto::Wire`].
#[derive(Debug)]
pub struct Wire {
    codec: Codec,
    capture: Capture,
    /// By number of the connection.
    sessions: Vec<Session>,
}

impl Wire {
    /// No connection yet; `capture` is kept of responses.
    pub fn new(codec: Codec, capture: Capture) -> Wire {
        Wire { codec, capture, sessions: Vec::new() }
    }

    /// There are `connections` of them from now on.
    pub fn grow(&mut self, connections: usize) {
        self.sessions.resize_with(connections, || Session::keeping(self.capture));
    }

    /// Connection `c` begins.
    pub fn open(&mut self, c: u32) {
        self.sessions[c as usize] = Session::keeping(self.capture);
    }

    /// The machine of connection `c`.
    #[inline]
    pub fn session(&self, c: u32) -> &Session {
        &self.sessions[c as usize]
    }

    /// The same, to be changed.
    #[inline]
    pub fn session_mut(&mut self, c: u32) -> &mut Session {
        &mut self.sessions[c as usize]
    }

    /// See [`crate::proto::Wire::submit`].
    #[inline]
    pub fn submit(&mut self, c: u32, message: Message<'_>, ticket: Ticket, hold: Hold) {
        self.sessions[c as usize].submit(message, ticket, hold, &self.codec);
    }

    /// See [`crate::proto::Wire::receive`].
    #[inline]
    pub fn receive(&mut self, c: u32, bytes: &[u8], now: Nanos, answers: &mut Vec<Answer>) {
        self.sessions[c as usize].receive(bytes, now, answers);
    }

    /// See [`crate::proto::Wire::end`].
    pub fn end(&mut self, c: u32, end: End, answers: &mut Vec<Answer>) {
        self.sessions[c as usize].end(end, answers);
    }
}
