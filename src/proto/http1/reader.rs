//! One answer from bytes, however they are split.

use crate::proto::{Capture, Captured};
use crate::record::Cause;

use super::chunked::{Chunked, Step};
use super::{Framing, Head, HeadCache, MAX_HEAD};

/// Reads answers, one after the other. Keeps nothing of a body, and of a head
/// only what came before its end.
#[derive(Debug)]
pub struct Reader {
    state: State,
    /// The head so far, where it came in pieces.
    carry: Vec<u8>,
    /// `carry` is parsed again when it has this length, or when a head may have ended:
    /// parsing at every piece would make a dripping server expensive.
    parse_at: usize,
    head: Option<Head>,
    body_bytes: u64,
    /// An interim answer was passed over since the last look.
    interim: bool,
    /// What of answers is kept.
    capture: Capture,
    /// What has been kept of this one.
    captured: Option<Box<Captured>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    /// So many bytes of the body to come.
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

/// What is left of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// That is not known, or it is looked at.
    Unknown,
    /// Number of bytes, with something behind them: more chunks, or the end of the connection.
    Some(u64),
    /// Number of bytes, with nothing behind them.
    All(u64),
}

/// How far the bytes led.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All were consumed, and the answer goes on.
    More,
    /// The answer is complete.
    Complete {
        /// The connection may be used again, says the head.
        keep_alive: bool,
        /// So many bytes came after it.
        rest: usize,
    },
}

impl Default for Reader {
    fn default() -> Self {
        Reader::new()
    }
}

impl Reader {
    /// At the start of an answer.
    pub fn new() -> Reader {
        Reader::keeping(Capture::default())
    }

    /// The same, which keeps what is wanted of answers.
    pub fn keeping(capture: Capture) -> Reader {
        let (state, carry) = (State::Head, Vec::new());
        Reader { state, carry, parse_at: 0, head: None, body_bytes: 0, interim: false, capture, captured: None }
    }

    /// What was kept of this answer.
    #[inline]
    pub fn take_captured(&mut self) -> Option<Box<Captured>> {
        self.captured.take()
    }

    /// The status of the final head, or 0 before it has come.
    pub fn status(&self) -> u16 {
        self.head.map_or(0, |head| head.status)
    }

    /// Body bytes so far.
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Bytes of a final answer have come.
    pub fn has_begun(&self) -> bool {
        self.head.is_some() || !self.carry.is_empty()
    }

    /// The final head has come.
    pub fn in_body(&self) -> bool {
        self.head.is_some()
    }

    /// An interim answer was passed over since this was last asked.
    pub fn take_interim(&mut self) -> bool {
        std::mem::take(&mut self.interim)
    }

    /// Forgets the last answer; the next one may come.
    #[inline]
    pub fn reset(&mut self) {
        self.state = State::Head;
        self.head = None;
        self.body_bytes = 0;
        self.interim = false;
        self.captured = None;
        self.clear_carry();
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// The cause, if they cannot be an answer within the limits.
    #[inline]
    pub fn receive(&mut self, bytes: &[u8], heads: &mut HeadCache) -> Result<Progress, Cause> {
        let mut rest = bytes;
        while self.state == State::Head {
            match self.take_head(rest, heads)? {
                None => return Ok(Progress::More),
                Some((head, consumed)) => {
                    rest = &rest[consumed..];
                    self.enter(head);
                }
            }
            if rest.is_empty() && self.state == State::Head {
                return Ok(Progress::More);
            }
        }
        self.take_body(rest)
    }

    /// So many bytes of the body come next and are only counted: they may be passed over with [`Self::skip`] instead of
    /// being read. Behind them comes nothing that belongs to this response if it is `Left::All`.
    #[inline]
    pub fn left_to_count(&self) -> Left {
        if self.captured.as_ref().is_some_and(|captured| captured.takes_more()) {
            return Left::Unknown;
        }
        match self.state {
            State::Head => Left::Unknown,
            State::Length(left) => Left::All(left),
            State::Chunked(chunked) => Left::Some(chunked.data_left()),
            State::UntilClose => Left::Some(u64::MAX),
        }
    }

    /// `n` bytes came and were passed over: no more than [`Self::left_to_count`] says, or, behind all that is left, some
    /// that belong to nothing.
    pub fn skip(&mut self, n: u64) -> Progress {
        if let Some(captured) = &mut self.captured {
            captured.skip();
        }
        let here = match &mut self.state {
            State::Head => 0,
            State::Length(left) => {
                let here = n.min(*left);
                *left -= here;
                here
            }
            State::Chunked(chunked) => {
                chunked.skip(n);
                n
            }
            State::UntilClose => n,
        };
        self.body_bytes += here;
        if self.state == State::Length(0) {
            let keep_alive = self.head.is_some_and(|head| head.keep_alive);
            return Progress::Complete { keep_alive, rest: (n - here) as usize };
        }
        Progress::More
    }

    /// The server closed. True if that ends the answer in order.
    ///
    /// # Errors
    /// The cause, if what came cannot be an answer, or is not a whole one.
    pub fn end(&mut self, heads: &mut HeadCache) -> Result<bool, Cause> {
        match self.state {
            State::UntilClose => Ok(true),
            State::Head if self.carry.is_empty() => Ok(false),
            State::Head => heads.parse(&self.carry).and(Err(Cause::ClosedEarly)),
            _ => Err(Cause::ShortBody),
        }
    }

    /// The head that `bytes` complete, and how many of them belong to it.
    #[inline]
    fn take_head(&mut self, bytes: &[u8], heads: &mut HeadCache) -> Result<Option<(Head, usize)>, Cause> {
        if self.carry.is_empty() {
            let parsed = heads.parse(bytes)?;
            match parsed {
                Some((head, _)) => self.keep_head(head, heads),
                None => {
                    self.carry.extend_from_slice(bytes);
                    self.parse_at = self.carry.len() * 2;
                }
            }
            return Ok(parsed);
        }
        let before = self.carry.len();
        self.carry.extend_from_slice(&bytes[..bytes.len().min(MAX_HEAD - before.min(MAX_HEAD))]);
        if self.carry.len() < self.parse_at.min(MAX_HEAD) && !may_end(&self.carry, before) {
            return Ok(None);
        }
        self.parse_at = self.carry.len() * 2;
        let parsed = heads.parse(&self.carry)?;
        if let Some((head, _)) = parsed {
            self.keep_head(head, heads);
        }
        Ok(parsed.map(|(head, length)| {
            self.clear_carry();
            (head, length.saturating_sub(before))
        }))
    }

    /// Begins to keep what is wanted of a response, if anything is.
    #[inline]
    fn keep_head(&mut self, head: Head, heads: &HeadCache) {
        if !self.capture.is_nothing() {
            self.captured = captured_of(self.capture, head, heads);
        }
    }

    #[inline]
    fn enter(&mut self, head: Head) {
        if head.is_interim() {
            self.interim = true;
            return;
        }
        self.head = Some(head);
        self.state = match head.framing {
            Framing::Length(n) => State::Length(n),
            Framing::Chunked => State::Chunked(Chunked::new()),
            Framing::UntilClose => State::UntilClose,
        };
    }

    #[inline]
    fn take_body(&mut self, bytes: &[u8]) -> Result<Progress, Cause> {
        let consumed = match &mut self.state {
            State::Head => 0,
            State::Length(left) => {
                let here = (*left).min(bytes.len() as u64);
                if let Some(captured) = &mut self.captured {
                    captured.add(&bytes[..here as usize]);
                }
                self.body_bytes += here;
                *left -= here;
                if *left > 0 {
                    return Ok(Progress::More);
                }
                here as usize
            }
            State::Chunked(chunked) => {
                match chunked.receive(bytes, &mut self.body_bytes, self.captured.as_deref_mut())? {
                    Step::More => return Ok(Progress::More),
                    Step::End(at) => at,
                }
            }
            State::UntilClose => {
                if let Some(captured) = &mut self.captured {
                    captured.add(bytes);
                }
                self.body_bytes += bytes.len() as u64;
                return Ok(Progress::More);
            }
        };
        let keep_alive = self.head.is_some_and(|head| head.keep_alive);
        Ok(Progress::Complete { keep_alive, rest: bytes.len() - consumed })
    }

    /// Long heads are rare: their memory does not stay with the connection.
    fn clear_carry(&mut self) {
        self.carry.clear();
        if self.carry.capacity() > 4096 {
            self.carry = Vec::new();
        }
    }
}

/// Room for what is wanted of the answer with this head, which `heads` has just returned.
#[inline(never)]
fn captured_of(capture: Capture, head: Head, heads: &HeadCache) -> Option<Box<Captured>> {
    if head.is_interim() {
        return None;
    }
    let mut captured = capture.keeper()?;
    captured.set_location(head.status, heads.location());
    captured.codings = head.codings;
    Some(captured)
}

/// An empty line ends at or after `from`.
fn may_end(bytes: &[u8], from: usize) -> bool {
    (from..bytes.len()).any(|i| bytes[i] == b'\n' && (bytes[..i].ends_with(b"\n") || bytes[..i].ends_with(b"\n\r")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What one reader makes of a byte stream that comes in these pieces: every
    /// answer's (status, body bytes), and how the stream ended.
    fn read_all<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<(u16, u64)>, Result<bool, Cause>) {
        let (answers, end) = capture_all(pieces);
        (answers.into_iter().map(|(status, bytes, _)| (status, bytes)).collect(), end)
    }

    /// A response's status and body bytes, and what was captured of it.
    type Seen = (u16, u64, Option<Box<Captured>>);

    fn capture_all<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Seen>, Result<bool, Cause>) {
        let mut heads = HeadCache::new(false);
        let mut reader = Reader::keeping(Capture { location: true, body: true });
        let mut answers = Vec::new();
        for piece in pieces {
            let mut piece = piece;
            while !piece.is_empty() {
                match reader.receive(piece, &mut heads) {
                    Err(cause) => return (answers, Err(cause)),
                    Ok(Progress::More) => break,
                    Ok(Progress::Complete { rest, .. }) => {
                        answers.push((reader.status(), reader.body_bytes(), reader.take_captured()));
                        reader.reset();
                        piece = &piece[piece.len() - rest..];
                    }
                }
            }
        }
        let end = reader.end(&mut heads);
        if end == Ok(true) {
            answers.push((reader.status(), reader.body_bytes(), reader.take_captured()));
        }
        (answers, end)
    }

    fn whole(text: &str) -> (Vec<(u16, u64)>, Result<bool, Cause>) {
        read_all([text.as_bytes()])
    }

    #[test]
    fn answers_follow_each_other() {
        let (answers, end) = whole(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\
             HTTP/1.1 204 No Content\r\n\r\n\
             HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
             HTTP/1.1 404 Not Found\r\n\r\nuntil the end",
        );
        assert_eq!((answers, end), (vec![(200, 2), (204, 0), (200, 3), (404, 13)], Ok(true)));
    }

    #[test]
    fn interim_answers_are_passed_over() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(whole(text), (vec![(201, 0)], Ok(false)));
    }

    #[test]
    fn a_stream_that_ends_too_soon_says_where() {
        for (text, cause) in [
            ("HTTP/1.1 200", Cause::ClosedEarly),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", Cause::ShortBody),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", Cause::ShortBody),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", Cause::ShortBody),
        ] {
            assert_eq!(whole(text), (vec![], Err(cause)), "{text:?}");
        }
        assert_eq!(whole(""), (vec![], Ok(false)));
    }

    #[test]
    fn a_long_head_in_small_pieces_is_parsed_rarely() {
        let text = format!("HTTP/1.1 200 OK\r\nA: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(MAX_HEAD - 100));
        let (answers, end) = read_all(text.as_bytes().chunks(1));
        assert_eq!((answers, end), (vec![(200, 0)], Ok(false)));
        let endless = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(2 * MAX_HEAD));
        for size in [1, 1000, endless.len()] {
            let (_, end) = read_all(endless.as_bytes().chunks(size));
            assert_eq!(end, Err(Cause::OversizeHead), "in pieces of {size}");
        }
    }

    /// Streams that are mostly well formed, so that every state is reached.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let head = prop_oneof![
            Just("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n1234567"),
            Just("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            Just("HTTP/1.0 500 Oh\r\nConnection: keep-alive\r\ncontent-length: 1\r\n\r\nx"),
            Just("HTTP/1.1 100 Continue\r\n\r\n"),
            Just("HTTP/1.1 204 No Content\nServer: x\n\n"),
            Just("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nwxyz\r\n1\r\n!\r\n0\r\nT: u\r\n\r\n"),
            Just("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            Just("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
            Just("\r\nHTTP/1.1 304 Not Modified\r\n\r\n"),
            Just("HTTP/1.1 200 OK\r\n\r\nto the end"),
            Just("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n \r\nContent-Length:\r\n\t2\r\n \r\n\r\nok"),
            Just("HTTP/1.1 302 Found\nLocation: /a\n  b\nContent-Encoding: gzip\n ,br\nContent-Length: 1, 1\n\nz"),
            Just("HTTP/1.1 200 OK\r\n X: a\r\n\r\n"),
            Just("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n"),
            Just("garbage"),
        ];
        (prop::collection::vec(head, 0..5), 0usize..400).prop_map(|(parts, cut)| {
            let mut bytes = parts.concat().into_bytes();
            bytes.truncate(cut.max(bytes.len() / 2));
            bytes
        })
    }

    /// As [`capture_all`], in pieces of these lengths, of which those that may be passed over are if `skips`.
    fn captured_by<'a>(
        capture: Capture,
        bytes: &[u8],
        mut lengths: impl Iterator<Item = &'a usize>,
        skips: bool,
    ) -> (Vec<Seen>, Result<bool, Cause>) {
        let mut heads = HeadCache::new(false);
        let mut reader = Reader::keeping(capture);
        let (mut seen, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let length = lengths.next().map_or(1, |length| (*length).min(bytes.len() - at));
            let may_skip = match reader.left_to_count() {
                Left::Some(n) => n,
                Left::All(n) => n + 1,
                Left::Unknown => 0,
            };
            let progress = if skips && may_skip > 0 {
                let length = length.min(usize::try_from(may_skip).unwrap_or(usize::MAX));
                at += length;
                Ok(reader.skip(length as u64))
            } else {
                at += length;
                reader.receive(&bytes[at - length..at], &mut heads)
            };
            match progress {
                Err(cause) => return (seen, Err(cause)),
                Ok(Progress::More) => {}
                Ok(Progress::Complete { rest, .. }) => {
                    seen.push((reader.status(), reader.body_bytes(), reader.take_captured()));
                    reader.reset();
                    at -= rest;
                }
            }
        }
        let end = reader.end(&mut heads);
        (seen, end)
    }

    proptest! {
        #[test]
        fn any_split_of_the_same_bytes_gives_the_same_answers(
            bytes in stream(), cuts in prop::collection::vec(0usize..400, 0..20),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            let whole = capture_all([bytes.as_slice()]);
            prop_assert!(whole.0.iter().all(|(_, bytes, captured)| captured.as_ref().unwrap().body.len() as u64 == *bytes));
            prop_assert_eq!(capture_all(pieces), whole);
        }

        /// What is only counted may be passed over, in pieces of any size, with or without one more byte behind it.
        #[test]
        fn what_is_passed_over_is_counted_as_what_is_read(
            bytes in stream(), pieces in prop::collection::vec(1usize..400, 1..20), body: bool,
        ) {
            let capture = Capture { location: true, body };
            let (whole, end) = captured_by(capture, &bytes, [usize::MAX].iter().cycle(), false);
            let (passed, passed_end) = captured_by(capture, &bytes, pieces.iter().cycle(), true);
            prop_assert_eq!(end, passed_end);
            prop_assert_eq!(whole.len(), passed.len());
            for ((status, count, captured), (passed_status, passed_count, passed_captured)) in whole.iter().zip(&passed) {
                prop_assert_eq!((status, count), (passed_status, passed_count));
                let [body, passed_body] = [captured, passed_captured].map(|captured| captured.as_ref().unwrap().body.len());
                prop_assert_eq!(body, passed_body, "what is looked at is never passed over");
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let split = read_all(bytes.chunks(1));
            prop_assert_eq!(split, read_all([bytes.as_slice()]));
        }
    }
}
