//! The chunked transfer coding (RFC 9112, 7.1): counted, and kept only where a body is looked at.

use crate::proto::Captured;
use crate::record::Cause;

use super::{MAX_CHUNK_LINE, MAX_HEAD};

/// Where in a chunked body the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunked {
    state: State,
    /// Bytes of the current size line, or of all trailer lines.
    line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the hexadecimal digits of a size.
    Size { value: u64, digits: bool },
    /// Behind a size: extensions, up to the line's end.
    Extension { value: u64 },
    /// A line that gives a size has had its CR.
    SizeEnd { value: u64 },
    /// In a chunk with so many bytes to come.
    Data(u64),
    /// Behind a chunk's data; the CR has come or not.
    DataEnd { cr: bool },
    /// In the trailers: at the start of a line, its CR seen or not, or inside one.
    Trailer { empty: bool, cr: bool },
}

/// How far a piece of a chunked body led.
pub(super) enum Step {
    /// All of it was consumed.
    More,
    /// The body ended after this many bytes of it.
    End(usize),
}

impl Chunked {
    pub(super) fn new() -> Chunked {
        Chunked { state: State::Size { value: 0, digits: false }, line: 0 }
    }

    /// Takes the next bytes; adds the data bytes among them to `body_bytes`, and what is to be kept to `kept`.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        body_bytes: &mut u64,
        mut captured: Option<&mut Captured>,
    ) -> Result<Step, Cause> {
        let mut at = 0;
        while at < bytes.len() {
            if let State::Data(left) = self.state {
                let here = left.min((bytes.len() - at) as u64);
                *body_bytes += here;
                if let Some(captured) = &mut captured {
                    captured.add(&bytes[at..at + here as usize]);
                }
                at += here as usize;
                self.state = if here == left { State::DataEnd { cr: false } } else { State::Data(left - here) };
                continue;
            }
            let byte = bytes[at];
            at += 1;
            if self.take(byte)? {
                return Ok(Step::End(at));
            }
        }
        Ok(Step::More)
    }

    /// Bytes of data to come in this chunk.
    pub(super) fn data_left(&self) -> u64 {
        if let State::Data(left) = self.state { left } else { 0 }
    }

    /// The next `n` of [`Self::data_left`] are passed over.
    pub(super) fn skip(&mut self, n: u64) {
        if let State::Data(left) = self.state {
            self.state = if n == left { State::DataEnd { cr: false } } else { State::Data(left - n) };
        }
    }

    /// Takes one byte that is not data. True at the end of the body.
    fn take(&mut self, byte: u8) -> Result<bool, Cause> {
        self.line += 1;
        let limit = if matches!(self.state, State::Trailer { .. }) { MAX_HEAD } else { MAX_CHUNK_LINE };
        if self.line > limit {
            return Err(if limit == MAX_HEAD { Cause::OversizeHead } else { Cause::OversizeChunkLine });
        }
        self.state = match (self.state, byte) {
            (State::Size { value, .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if value >> 60 != 0 {
                    return Err(Cause::BadChunk);
                }
                let digit = (byte as char).to_digit(16).map_or(0, u64::from);
                State::Size { value: value << 4 | digit, digits: true }
            }
            (State::Size { value, digits: true } | State::Extension { value }, b'\r') => State::SizeEnd { value },
            (State::Size { value, digits: true } | State::Extension { value } | State::SizeEnd { value }, b'\n') => {
                self.line = 0;
                match value {
                    0 => State::Trailer { empty: true, cr: false },
                    _ => State::Data(value),
                }
            }
            (State::Size { value, digits: true }, b';' | b' ' | b'\t') | (State::Extension { value }, _) => {
                State::Extension { value }
            }
            (State::DataEnd { cr: false }, b'\r') => State::DataEnd { cr: true },
            (State::DataEnd { .. }, b'\n') => {
                self.line = 0;
                State::Size { value: 0, digits: false }
            }
            (State::Trailer { empty: true, .. }, b'\n') => return Ok(true),
            (State::Trailer { empty: true, cr: false }, b'\r') => State::Trailer { empty: true, cr: true },
            (State::Trailer { empty: true, cr: true }, _) => return Err(Cause::BadChunk),
            (State::Trailer { .. }, b'\n') => State::Trailer { empty: true, cr: false },
            (State::Trailer { .. }, _) => State::Trailer { empty: false, cr: false },
            _ => return Err(Cause::BadChunk),
        };
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (bytes consumed, data bytes) of a whole body.
    fn decode(text: &str) -> Result<(usize, u64), Cause> {
        let mut data = 0;
        match Chunked::new().receive(text.as_bytes(), &mut data, None)? {
            Step::End(at) => Ok((at, data)),
            Step::More => Ok((usize::MAX, data)),
        }
    }

    #[test]
    fn data_is_counted_and_framing_is_not() {
        for (text, data) in [
            ("0\r\n\r\n", 0),
            ("5\r\nhello\r\n0\r\n\r\n", 5),
            ("5;name=value;flag\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n", 15),
            ("5 \t;x\r\nhello\r\n000\r\n\r\n", 5),
            ("3\nabc\n0\n\n", 3),
            ("0000000000000000000000000003\r\nabc\r\n0\r\n\r\n", 3),
            ("3 \r\nabc\r\n0\t\r\n\r\n", 3),
            ("3;a=\"b;c\"\r\nabc\r\n0;x\r\n\r\n", 3),
            ("0\r\nA: b\r\n c\r\n\t\r\n\r\n", 0),
            ("1\r\nx\r\n0\r\nExpires: never\r\nB: c\r\n\r\n", 1),
        ] {
            assert_eq!(decode(text), Ok((text.len(), data)), "{text:?}");
        }
        assert_eq!(decode("0\r\n\r\nHTTP/1.1"), Ok((5, 0)), "what follows is not consumed");
        assert_eq!(decode("5\r\nhel"), Ok((usize::MAX, 3)));
    }

    #[test]
    fn broken_framing_is_refused() {
        for text in [" 5\r\n", "+5\r\n", "-5\r\n", "0x5\r\n", "5_\r\n", "ffffffffffffffff1\r\n"] {
            assert_eq!(decode(text), Err(Cause::BadChunk), "{text:?}");
        }
        for text in ["x\r\n", "\r\n", ";a\r\n", "5\rhello", "5\r\nhello!\r\n", "11111111111111111\r\n", "0\r\n\rx"] {
            assert_eq!(decode(text), Err(Cause::BadChunk), "{text:?}");
        }
    }

    #[test]
    fn lines_and_trailers_have_limits() {
        let extension = format!("5;{}\r\n", "x".repeat(MAX_CHUNK_LINE));
        assert_eq!(decode(&extension), Err(Cause::OversizeChunkLine));
        let zeros = "0".repeat(MAX_CHUNK_LINE + 1);
        assert_eq!(decode(&zeros), Err(Cause::OversizeChunkLine));
        let trailers = format!("0\r\n{}", "a: b\r\n".repeat(MAX_HEAD / 6 + 1));
        assert_eq!(decode(&trailers), Err(Cause::OversizeHead));
    }
}
