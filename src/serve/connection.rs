//! One connection without its socket: bytes in, bytes out, no clock.

use std::mem::{MaybeUninit, take};

use super::answer::{CONTINUE, Output, PLAIN};
use super::body::Body;
use super::request::{self, After, Head, MAX_HEADERS, Parsed, Refusal};
use super::routes::{Answer, Wait, route};

/// With so many bytes waiting to be sent, no further request is answered and
/// none is read.
const OUTPUT_LIMIT: usize = 64 * 1024;

/// The server's side of one HTTP/1.1 connection.
///
/// Requests are answered one after the other. An answer that waits, or more
/// output than the bound, stops the reading of requests.
#[derive(Debug, Default)]
pub(super) struct Connection {
    state: State,
    output: Output,
    /// Bytes that were received but not used, from `consumed` on: the
    /// beginning of a head or, if `held`, whatever followed the last request.
    input: Vec<u8>,
    consumed: usize,
    /// Whether `input` may hold requests that have not been looked at.
    held: bool,
    /// No more bytes will come.
    ended: bool,
    /// Answers written since they were last taken.
    answered: u64,
}

#[derive(Debug, Default)]
enum State {
    /// A request may begin.
    #[default]
    Idle,
    /// A request's body is coming; so many bytes of content have come.
    Reading(Body, u64, Pending),
    /// The answer is to be written later; the wait is here until it is taken.
    Waiting(Option<Wait>, Pending),
    /// The last answer was written. Whether bytes came, or are likely to come,
    /// that will not be read.
    Closing { unread: bool },
}

/// A request that is not yet answered.
#[derive(Debug)]
struct Pending {
    answer: Answer,
    after: After,
    head_only: bool,
}

/// What is to become of the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing: there is more to do.
    None,
    /// To be closed.
    Close,
    /// To be closed for writing, then read to its end. If it were closed with
    /// bytes unread, the kernel would send a reset, which can overtake the
    /// answer (RFC 9112, section 9.6).
    Linger,
}

impl Connection {
    /// Takes what came from the peer.
    #[inline]
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        if !self.input.is_empty() {
            self.input.extend_from_slice(bytes);
            return self.go_on();
        }
        let used = self.process(bytes);
        if used < bytes.len() {
            self.input.extend_from_slice(&bytes[used..]);
        }
    }

    /// The peer will send nothing more.
    pub(super) fn end_of_input(&mut self) {
        self.ended = true;
    }

    /// Whether bytes from the peer are of use now.
    #[inline]
    pub(super) fn wants_input(&self) -> bool {
        !self.ended && !self.held && (self.may_go_on() || matches!(self.state, State::Closing { unread: true }))
    }

    /// Whether there are bytes to send.
    #[inline]
    pub(super) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Bytes to send now; empty if there are none.
    #[inline]
    pub(super) fn transmit(&self) -> &[u8] {
        self.output.next()
    }

    /// The first `n` bytes of [`Connection::transmit`] were sent.
    #[inline]
    pub(super) fn transmitted(&mut self, n: usize) {
        self.output.advance(n);
        if self.held && self.output.is_empty() {
            self.go_on();
        }
    }

    /// What the next answer waits for. It is returned once; [`Connection::wake`] is to follow.
    #[inline]
    pub(super) fn take_wait(&mut self) -> Option<Wait> {
        match &mut self.state {
            State::Waiting(wait, _) => wait.take(),
            _ => None,
        }
    }

    /// The wait is over.
    pub(super) fn wake(&mut self) {
        match take(&mut self.state) {
            State::Waiting(_, pending) => {
                self.answer(pending, 0);
                self.go_on();
            }
            other => self.state = other,
        }
    }

    /// How many answers were written since this was last asked.
    #[inline]
    pub(super) fn take_answered(&mut self) -> u64 {
        take(&mut self.answered)
    }

    /// What is to become of the socket.
    #[inline]
    pub(super) fn ending(&self) -> Ending {
        if !self.output.is_empty() {
            return Ending::None;
        }
        match self.state {
            State::Closing { unread: true } if !self.ended => Ending::Linger,
            State::Closing { .. } => Ending::Close,
            State::Idle | State::Reading(..) if self.ended && !self.held => Ending::Close,
            _ => Ending::None,
        }
    }

    #[inline]
    fn may_go_on(&self) -> bool {
        matches!(self.state, State::Idle | State::Reading(..))
            && self.output.filler == 0
            && self.output.buffered() < OUTPUT_LIMIT
    }

    /// Processes `input`.
    fn go_on(&mut self) {
        let mut input = take(&mut self.input);
        self.consumed += self.process(&input[self.consumed..]);
        if self.consumed == input.len() {
            self.consumed = 0;
            // Idle connections keep no buffer.
            input = Vec::new();
        } else if !self.held {
            // The rest is the beginning of a head, and more will be added to it.
            input.drain(..take(&mut self.consumed));
        }
        self.input = input;
    }

    /// Answers what can be answered, and returns how many bytes were used.
    #[inline]
    fn process(&mut self, bytes: &[u8]) -> usize {
        let mut room = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut used = 0;
        while used < bytes.len() && self.may_go_on() {
            let rest = &bytes[used..];
            match &mut self.state {
                State::Reading(body, content, _) => match body.consume(rest) {
                    Ok(consumed) => {
                        used += consumed.bytes;
                        *content += consumed.content;
                        if consumed.complete {
                            self.body_is_complete();
                        }
                    }
                    Err(_) => self.refuse(Refusal { status: 400, reason: "the chunked body is malformed" }),
                },
                _ => match request::parse(rest, &mut room) {
                    Parsed::Head(head) => {
                        used += head.length;
                        self.begin(head);
                    }
                    Parsed::Partial => break,
                    Parsed::Refused(refusal) => self.refuse(refusal),
                },
            }
        }
        self.held = used < bytes.len() && !self.may_go_on();
        if let State::Closing { unread } = &mut self.state {
            *unread |= used < bytes.len();
            self.held = false;
            return bytes.len();
        }
        used
    }

    #[inline]
    fn begin(&mut self, head: Head<'_, '_>) {
        let answer = route(&head);
        let head_only = head.method == "HEAD";
        if matches!(answer, Answer::Plain) && head.after == After::Open && !head_only && head.body.is_empty() {
            self.output.push(PLAIN);
            self.answered += 1;
            return;
        }
        let pending = Pending { answer, after: head.after, head_only };
        if head.body.is_empty() {
            return self.request_is_complete(pending, 0);
        }
        if head.expects_continue {
            self.output.push(CONTINUE);
        }
        self.state = State::Reading(head.body, 0, pending);
    }

    fn body_is_complete(&mut self) {
        if let State::Reading(_, content, pending) = take(&mut self.state) {
            self.request_is_complete(pending, content);
        }
    }

    fn request_is_complete(&mut self, pending: Pending, content: u64) {
        match pending.answer {
            Answer::Later(wait) => self.state = State::Waiting(Some(wait), pending),
            _ => self.answer(pending, content),
        }
    }

    /// Writes the answer; `content` is the length of the request's body.
    fn answer(&mut self, pending: Pending, content: u64) {
        self.output.answer(pending.answer, pending.after, pending.head_only, content);
        self.answered += 1;
        self.state = match pending.after {
            After::Open | After::OpenAsAsked => State::Idle,
            After::Close => State::Closing { unread: false },
        };
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.output.refuse(refusal);
        self.answered += 1;
        self.state = State::Closing { unread: true };
    }
}

#[cfg(test)]
mod tests;
