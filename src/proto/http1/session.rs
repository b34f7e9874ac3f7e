//! One HTTP/1.1 connection: a request, its answer, the next request.

use std::rc::Rc;

use crate::proto::{Answer, Capture, End, Hold, Parts, SharedBody, Ticket};
use crate::record::{Cause, Failure, Phase};
use crate::request::Message;
use crate::time::Nanos;

use super::{Codec, Left, Progress, Reader};

/// One connection's machine. The request is written while the answer is read,
/// so an answer that comes early (413) is seen.
#[derive(Debug)]
pub struct Session {
    reader: Reader,
    outbox: Outbox,
    /// The request under way.
    ticket: Option<Ticket>,
    /// When the first byte of its answer was read.
    first_byte: Nanos,
    /// No further request may use this connection.
    exhausted: bool,
    /// It has answered before.
    reused: bool,
    /// The place in the codec where the heads of responses to the request under way are remembered.
    heads: u32,
}

/// What is still to be written.
#[derive(Debug, Default)]
struct Outbox {
    /// A block that many sessions share, or None: then `own` is sent.
    shared: Option<Rc<[u8]>>,
    own: Vec<u8>,
    /// A body that many sessions share, behind that.
    body: Option<SharedBody>,
    /// So many bytes have been written.
    written: usize,
    /// Number of bytes at the end that are held back for now.
    held: usize,
}

impl Default for Session {
    fn default() -> Self {
        Session::new()
    }
}

impl Session {
    /// On a connection that has just been opened.
    pub fn new() -> Session {
        Session {
            reader: Reader::new(),
            outbox: Outbox::default(),
            ticket: None,
            first_byte: Nanos::NEVER,
            exhausted: false,
            reused: false,
            heads: 0,
        }
    }

    /// The same, of whose answers something is kept.
    pub fn keeping(capture: Capture) -> Session {
        Session { reader: Reader::keeping(capture), ..Session::new() }
    }

    /// How many requests could be submitted now: 1 or 0.
    #[inline]
    pub fn capacity(&self) -> usize {
        usize::from(self.ticket.is_none() && !self.exhausted)
    }

    /// No further request may use this connection.
    #[inline]
    pub fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// Takes a request. See [`crate::proto::Wire::submit`].
    #[inline(always)]
    pub fn submit(&mut self, message: Message<'_>, ticket: Ticket, hold: Hold, codec: &Codec) {
        debug_assert_eq!(self.capacity(), 1);
        let is_head;
        (self.outbox.shared, self.outbox.body, is_head) = codec.encode(message, &mut self.outbox.own);
        self.heads = codec.heads_of(message, is_head);
        self.outbox.written = 0;
        self.outbox.held = match hold {
            Hold::Nothing => 0,
            Hold::LastByte => 1,
            Hold::All => self.outbox.len(),
        };
        self.ticket = Some(ticket);
        self.first_byte = Nanos::NEVER;
    }

    /// Something that is not held back is not written yet.
    #[inline]
    pub fn has_unsent(&self) -> bool {
        self.outbox.written + self.outbox.held < self.outbox.len()
    }

    /// What is held may go.
    pub fn release(&mut self) {
        self.outbox.held = 0;
    }

    /// Bytes to write now.
    #[inline]
    pub fn transmit(&self) -> Parts<'_> {
        let outbox = &self.outbox;
        let (head, held) = (outbox.head(), outbox.held);
        match &outbox.body {
            None => [&head[outbox.written..head.len() - held], &[]],
            // All of it is held.
            Some(body) if held > body.len() => [&[], &[]],
            Some(body) => {
                let (head, of_body) = match outbox.written.checked_sub(head.len()) {
                    None => (&head[outbox.written..], 0),
                    Some(of_body) => (&[][..], of_body),
                };
                [head, &body[of_body..body.len() - held]]
            }
        }
    }

    /// The first `n` of them were written.
    #[inline]
    pub fn transmitted(&mut self, n: usize) {
        self.outbox.written += n;
        debug_assert!(self.outbox.written <= self.outbox.len());
    }

    /// Takes bytes that were read at `now`.
    #[inline]
    pub fn receive(&mut self, bytes: &[u8], now: Nanos, codec: &mut Codec, done: &mut Vec<Answer>) {
        let Some(ticket) = self.ticket else {
            // Nobody asked: whatever this is, the next answer could not be told from it.
            self.exhausted |= !bytes.is_empty();
            return;
        };
        if self.first_byte == Nanos::NEVER {
            self.first_byte = now;
        }
        let progress = self.reader.receive(bytes, &mut codec.heads[self.heads as usize]);
        if self.reader.take_interim() {
            let begun = self.reader.has_begun() || progress.is_err();
            self.first_byte = if begun { now } else { Nanos::NEVER };
        }
        self.go_on(ticket, progress, done);
    }

    /// What is left of the body under way. See [`Reader::left_to_count`].
    #[inline]
    pub fn left_to_count(&self) -> Left {
        self.reader.left_to_count()
    }

    /// `n` bytes of the body came and were passed over. See [`Reader::skip`].
    pub fn skip(&mut self, n: usize, done: &mut Vec<Answer>) {
        if let Some(ticket) = self.ticket {
            let progress = self.reader.skip(n as u64);
            self.go_on(ticket, Ok(progress), done);
        }
    }

    #[inline(always)]
    fn go_on(&mut self, ticket: Ticket, progress: Result<Progress, Cause>, done: &mut Vec<Answer>) {
        match progress {
            Ok(Progress::More) => {}
            Ok(Progress::Complete { keep_alive, rest }) => {
                // An answer that came before the request was out leaves half a request on the wire.
                self.exhausted = !keep_alive || rest > 0 || self.outbox.is_pending();
                done.push(self.finish(ticket, None));
            }
            Err(cause) => {
                self.exhausted = true;
                done.push(self.finish(ticket, Some(Failure::new(Phase::Protocol, cause))));
            }
        }
    }

    /// The transport ended.
    pub fn end(&mut self, end: End, codec: &mut Codec, done: &mut Vec<Answer>) {
        self.exhausted = true;
        let Some(ticket) = self.ticket else { return };
        let failure = match (end, self.reader.end(&mut codec.heads[self.heads as usize])) {
            (End::Closed, Ok(true)) => None,
            // Nothing but the end says that the body is whole, and this one may be anybody's (RFC 9112, 8).
            (End::Truncated, Ok(true)) => Some(Failure::new(Phase::Read, Cause::Truncated)),
            (End::Closed | End::Truncated, Ok(false)) => {
                let cause = if self.reused { Cause::ClosedReused } else { Cause::ClosedBeforeAnswer };
                Some(Failure::new(Phase::Read, cause))
            }
            (End::Closed | End::Truncated, Err(cause @ (Cause::ClosedEarly | Cause::ShortBody))) => {
                Some(Failure::new(Phase::Read, cause))
            }
            (End::Closed | End::Truncated, Err(cause)) => Some(Failure::new(Phase::Protocol, cause)),
            (End::Broken(Failure { phase: Phase::Read, cause: Cause::Reset }), _) if self.reader.has_begun() => {
                Some(Failure::new(Phase::Read, Cause::ResetMidAnswer))
            }
            (End::Broken(failure), _) => Some(failure),
        };
        done.push(self.finish(ticket, failure));
    }

    /// The time limit ran out. See [`crate::proto::Wire::give_up`].
    pub fn give_up(&mut self, ticket: Ticket) -> (Answer, Cause) {
        self.exhausted = true;
        let waiting_for = match () {
            () if self.reader.in_body() => Cause::Body,
            () if self.outbox.is_pending() => Cause::WaitWrite,
            () => Cause::WaitFirstByte,
        };
        (Answer { captured: None, ..self.finish(ticket, None) }, waiting_for)
    }

    /// The answer, and room for the next.
    #[inline]
    fn finish(&mut self, ticket: Ticket, failure: Option<Failure>) -> Answer {
        let (status, body_bytes) = (self.reader.status(), self.reader.body_bytes());
        let first_byte = if self.reader.has_begun() || failure.is_some_and(|f| f.phase == Phase::Protocol) {
            self.first_byte
        } else {
            Nanos::NEVER
        };
        self.ticket = None;
        self.reused = true;
        // What came of half a response is nothing to look at.
        let captured = self.reader.take_captured().filter(|_| failure.is_none());
        self.reader.reset();
        Answer { ticket, status, body_bytes, first_byte, failure, may_be_sent_again: false, captured }
    }
}

impl Outbox {
    #[inline]
    fn head(&self) -> &[u8] {
        self.shared.as_deref().unwrap_or(&self.own)
    }

    #[inline]
    fn len(&self) -> usize {
        self.head().len() + self.body.as_ref().map_or(0, |body| body.len())
    }

    #[inline]
    fn is_pending(&self) -> bool {
        self.written < self.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Body, Payload, Redirected, RequestHead};
    use proptest::prelude::*;

    const SHARED: Message<'_> = Message { target: 0, payload: Payload::Shared };

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    struct Wire {
        session: Session,
        codec: Codec,
        done: Vec<Answer>,
    }

    impl Wire {
        fn new() -> Wire {
            let head = RequestHead {
                method: "POST".into(),
                path: "/".into(),
                authority: "h".into(),
                headers: vec![],
                keep_alive: true,
            };
            let codec = Codec::new([(&head, &Body::Fixed((*b"body").into()))]);
            Wire { session: Session::new(), codec, done: vec![] }
        }

        fn submit(&mut self) -> &mut Wire {
            self.session.submit(SHARED, 7, Hold::Nothing, &self.codec);
            self
        }

        fn write(&mut self, n: usize) -> &mut Wire {
            let n = n.min(self.session.transmit().concat().len());
            self.session.transmitted(n);
            self
        }

        fn receive(&mut self, bytes: &[u8], now: u64) -> &mut Wire {
            self.session.receive(bytes, Nanos(now), &mut self.codec, &mut self.done);
            self
        }

        fn end(&mut self, end: End) -> &mut Wire {
            self.session.end(end, &mut self.codec, &mut self.done);
            self
        }

        fn failure(&self) -> String {
            self.done[0].failure.map_or("none".into(), |failure| failure.to_string())
        }
    }

    #[test]
    fn a_connection_answers_one_request_after_the_other() {
        let mut wire = Wire::new();
        for now in [5, 6] {
            assert_eq!(wire.session.capacity(), 1);
            wire.submit().write(1000);
            assert_eq!(wire.session.capacity(), 0);
            wire.receive(&OK[..10], now).receive(&OK[10..], now + 1);
            let answer = wire.done.pop().unwrap();
            let (status, first_byte) = (200, Nanos(now));
            let expected = Answer {
                ticket: 7,
                status,
                body_bytes: 2,
                first_byte,
                failure: None,
                may_be_sent_again: false,
                captured: None,
            };
            assert_eq!(answer, expected);
        }
    }

    #[test]
    fn the_held_byte_waits_for_its_release() {
        let mut wire = Wire::new();
        wire.session.submit(SHARED, 0, Hold::LastByte, &wire.codec);
        wire.write(usize::MAX);
        assert_eq!(wire.session.transmit().concat(), b"");
        wire.session.release();
        assert_eq!(wire.session.transmit().concat(), b"y");
    }

    proptest! {
        /// Bodies of all sizes, shared or own, held or not, in writes of any size: the same bytes go out.
        #[test]
        fn any_split_of_writes_gives_the_same_bytes(
            size in prop_oneof![0usize..20, 4_000usize..4_200, 10_000usize..20_000],
            own: bool, hold in 0u8..3, writes in prop::collection::vec(0usize..6_000, 0..40),
        ) {
            let head = RequestHead {
                method: "PUT".into(),
                path: "/".into(),
                authority: "h".into(),
                headers: vec![],
                keep_alive: true,
            };
            let body: Vec<u8> = (0..size).map(|i| (i / 3) as u8).collect();
            let codec = Codec::new([(&head, &Body::Fixed(body.clone().into()))]);
            let expected = [
                format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n").as_bytes(), &body,
            ].concat();
            let hold = [Hold::Nothing, Hold::All, Hold::LastByte][usize::from(hold)];
            let payload = if own { Payload::Own(&body) } else { Payload::Shared };
            let mut session = Session::new();
            session.submit(Message { target: 0, payload }, 0, hold, &codec);
            let held = match hold {
                Hold::Nothing => 0,
                Hold::LastByte => 1,
                Hold::All => expected.len(),
            };
            let mut written = Vec::new();
            let mut write = |session: &mut Session, n: usize| {
                let bytes = session.transmit().concat();
                let n = n.min(bytes.len());
                written.extend_from_slice(&bytes[..n]);
                session.transmitted(n);
                written.len()
            };
            for n in writes {
                let so_far = write(&mut session, n);
                prop_assert_eq!(session.has_unsent(), so_far < expected.len() - held);
            }
            prop_assert_eq!(write(&mut session, usize::MAX), expected.len() - held);
            prop_assert!(!session.has_unsent());
            session.release();
            prop_assert_eq!(session.has_unsent(), held > 0);
            write(&mut session, usize::MAX);
            prop_assert_eq!(written, expected);
        }
    }

    #[test]
    fn an_early_answer_counts_and_spends_the_connection() {
        let mut wire = Wire::new();
        wire.submit().write(10).receive(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", 9);
        assert_eq!((wire.done[0].status, wire.failure().as_str()), (413, "none"));
        assert_eq!(wire.session.capacity(), 0);
    }

    #[test]
    fn bytes_after_the_answer_spend_the_connection_but_not_the_answer() {
        let mut wire = Wire::new();
        wire.submit().write(1000).receive(&[OK, b"HTTP/1.1 408"].concat(), 9);
        assert_eq!((wire.done[0].status, wire.session.capacity()), (200, 0));
        let mut idle = Wire::new();
        idle.receive(b"x", 1);
        assert_eq!((idle.done.len(), idle.session.capacity()), (0, 0));
    }

    #[test]
    fn interim_answers_are_not_the_first_byte() {
        let mut wire = Wire::new();
        wire.submit().receive(b"HTTP/1.1 100 Continue\r\n\r\n", 1).receive(OK, 4);
        assert_eq!(wire.done[0].first_byte, Nanos(4));
    }

    #[test]
    fn the_end_of_the_transport_is_named_by_what_was_missing() {
        let reset = End::Broken(Failure::new(Phase::Read, Cause::Reset));
        for (bytes, end, text) in [
            ("", End::Closed, "read: closed before answer"),
            ("", reset, "read: reset"),
            ("HTTP/1.1 2", End::Closed, "read: closed early"),
            ("HTTP/1.1 2", reset, "read: reset in answer"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", End::Closed, "read: short body"),
            ("HTTP/1.1 200 OK\r\n\r\nabc", End::Closed, "none"),
            ("", End::Truncated, "read: closed before answer"),
            ("HTTP/1.1 2", End::Truncated, "read: closed early"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", End::Truncated, "read: short body"),
            ("HTTP/1.1 200 OK\r\n\r\nabc", End::Truncated, "read: closed without close_notify"),
            ("HTTP/1.1 200 OK\r\n\r\n", End::Truncated, "read: closed without close_notify"),
            ("HTTP/1.1 200 OK\r\n\r\nabc", reset, "read: reset in answer"),
        ] {
            let mut wire = Wire::new();
            wire.submit().write(1000).receive(bytes.as_bytes(), 3).end(end);
            assert_eq!(wire.failure(), text, "{bytes:?}");
            assert_eq!(wire.session.capacity(), 0);
        }
        let mut second = Wire::new();
        second.submit().write(1000).receive(OK, 1);
        second.done.clear();
        second.submit().end(End::Closed);
        assert_eq!(second.failure(), "read: closed before answer (reused connection)");
    }

    #[test]
    fn each_target_has_a_remembered_head_of_its_own() {
        let head = |method: &str| RequestHead {
            method: method.into(),
            path: "/".into(),
            authority: "h".into(),
            headers: vec![],
            keep_alive: true,
        };
        let heads: Vec<RequestHead> = (0..600).map(|n| head(if n % 7 == 3 { "HEAD" } else { "GET" })).collect();
        let mut codec = Codec::new(heads.iter().map(|head| (head, &Body::None)));
        let answer = |target: u32| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", target % 10 + 1);
        let redirected = Redirected { head: head("GET"), body: None, https: false };
        let mut session = Session::new();
        let mut parses = |targets: std::ops::Range<u32>, rounds: u32| {
            for target in (0..rounds).flat_map(|_| targets.clone()) {
                for payload in [Payload::Shared, Payload::Redirected(&redirected)] {
                    session.submit(Message { target, payload }, 0, Hold::Nothing, &codec);
                    session.transmitted(session.transmit()[0].len());
                    let is_redirected = matches!(payload, Payload::Redirected(_));
                    let mut text = answer(target + u32::from(is_redirected));
                    if is_redirected || target % 7 != 3 {
                        text.push_str(&"x".repeat((target as usize + usize::from(is_redirected)) % 10 + 1));
                    }
                    let mut done = Vec::new();
                    session.receive(text.as_bytes(), Nanos(1), &mut codec, &mut done);
                    assert_eq!((done.len(), done[0].failure, session.capacity()), (1, None, 1), "{target}: {text:?}");
                }
            }
            codec.heads.iter().map(|heads| heads.parses).sum::<u32>()
        };
        assert_eq!(parses(0..20, 50), 40, "once for each kind of request");
        assert_eq!(parses(0..20, 50), 40);
        // Those with one place are told from each other all the same.
        assert!(parses(0..600, 2) > 1_000);
    }

    #[test]
    fn what_is_captured_of_a_response_goes_with_it() {
        let mut wire = Wire::new();
        wire.session = Session::keeping(Capture { location: true, body: true });
        wire.submit().write(1000).receive(OK, 1);
        assert_eq!(wire.done.pop().unwrap().captured.unwrap().body, b"ok");
        wire.submit().write(1000).receive(b"HTTP/1.1 100 Continue\r\n\r\n", 1).receive(OK, 1);
        assert_eq!(wire.done.pop().unwrap().captured.unwrap().body, b"ok");
        // Half a response leaves nothing.
        let half = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nold\r\n";
        wire.submit().write(1000).receive(half, 1);
        assert_eq!(wire.session.give_up(7).0.captured, None);
        for end in [&b"zz"[..], b""] {
            let mut wire = Wire::new();
            wire.session = Session::keeping(Capture { location: true, body: true });
            wire.submit().write(1000).receive(half, 1).receive(end, 1).end(End::Closed);
            assert_eq!((wire.done.len(), wire.done[0].captured.as_ref()), (1, None));
        }
    }

    #[test]
    fn a_timeout_names_what_was_awaited() {
        let mut sending = Wire::new();
        sending.submit().write(3);
        assert_eq!(sending.session.give_up(7).1, Cause::WaitWrite);
        let mut waiting = Wire::new();
        waiting.submit().write(1000).receive(b"HTTP/1.1", 1);
        assert_eq!(waiting.session.give_up(7).1, Cause::WaitFirstByte);
        let mut reading = Wire::new();
        reading.submit().write(1000).receive(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 2);
        let (answer, cause) = reading.session.give_up(7);
        assert_eq!((answer.status, answer.body_bytes, answer.first_byte, cause), (200, 3, Nanos(2), Cause::Body));
    }
}
