//! Request bodies: found, counted and dropped (RFC 9112, sections 6 and 7).

/// A chunk's size line, and all trailers together, may be this long.
const LINE_LIMIT: u32 = 16 * 1024;

/// A request body that is being read. Nothing of it is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes are still to come.
    Sized(u64),
    /// The transfer coding `chunked`.
    Chunked(Chunked),
}

/// The body is not framed as RFC 9112 says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What was found in the bytes given to [`Body::consume`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Consumed {
    /// How many of the bytes belong to the body, framing included.
    pub(super) bytes: usize,
    /// How many of them are content.
    pub(super) content: u64,
    /// Whether the body is complete.
    pub(super) complete: bool,
}

impl Body {
    /// Whether there is nothing to read.
    pub(super) fn is_empty(&self) -> bool {
        *self == Body::Sized(0)
    }

    /// Takes what belongs to the body from the start of `bytes`.
    ///
    /// # Errors
    /// The chunked framing is broken or a line of it too long.
    pub(super) fn consume(&mut self, bytes: &[u8]) -> Result<Consumed, Malformed> {
        match self {
            Body::Sized(left) => {
                let taken = (*left).min(bytes.len() as u64);
                *left -= taken;
                Ok(Consumed { bytes: taken as usize, content: taken, complete: *left == 0 })
            }
            Body::Chunked(chunked) => chunked.consume(bytes),
        }
    }
}

/// A chunked body between two bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunked {
    at: At,
    /// Size of the chunk being announced, or what is left of the one being read.
    left: u64,
    /// Bytes of this size line, or of the trailers so far.
    line: u32,
}

/// What the next byte is part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    FirstDigit,
    Digits,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    LastLf,
}

impl Chunked {
    fn consume(&mut self, bytes: &[u8]) -> Result<Consumed, Malformed> {
        let (mut used, mut content) = (0, 0);
        while used < bytes.len() {
            if self.at == At::Data {
                let taken = self.left.min((bytes.len() - used) as u64);
                self.left -= taken;
                content += taken;
                used += taken as usize;
                if self.left == 0 {
                    self.at = At::DataCr;
                }
                continue;
            }
            let last = self.at == At::LastLf;
            self.step(bytes[used])?;
            used += 1;
            if last {
                return Ok(Consumed { bytes: used, content, complete: true });
            }
        }
        Ok(Consumed { bytes: used, content, complete: false })
    }

    /// One byte of framing.
    fn step(&mut self, byte: u8) -> Result<(), Malformed> {
        self.line += 1;
        if self.line > LINE_LIMIT {
            return Err(Malformed);
        }
        self.at = match (self.at, byte) {
            (At::FirstDigit | At::Digits, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                self.left = self.left.checked_mul(16).ok_or(Malformed)? + digit;
                At::Digits
            }
            (At::Digits, b';' | b' ' | b'\t') => At::Extension,
            (At::Digits | At::Extension, b'\r') => At::SizeLf,
            (At::Extension, b) if b != b'\n' => At::Extension,
            (At::SizeLf, b'\n') => {
                self.line = 0;
                if self.left == 0 { At::TrailerStart } else { At::Data }
            }
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => {
                self.line = 0;
                At::FirstDigit
            }
            (At::TrailerStart, b'\r') => At::LastLf,
            (At::TrailerStart | At::Trailer, b) if b != b'\r' && b != b'\n' => At::Trailer,
            (At::Trailer, b'\r') => At::TrailerLf,
            (At::TrailerLf, b'\n') => At::TrailerStart,
            (At::LastLf, b'\n') => At::LastLf,
            _ => return Err(Malformed),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunked() -> Body {
        Body::Chunked(Chunked::default())
    }

    #[test]
    fn a_sized_body_takes_no_more_than_its_size() {
        let mut body = Body::Sized(5);
        assert_eq!(body.consume(b"abc"), Ok(Consumed { bytes: 3, content: 3, complete: false }));
        assert_eq!(body.consume(b"deGET"), Ok(Consumed { bytes: 2, content: 2, complete: true }));
    }

    #[test]
    fn a_chunked_body_is_counted_without_its_framing() {
        for (text, content) in [
            ("0\r\n\r\n", 0),
            ("3\r\nabc\r\n0\r\n\r\n", 3),
            ("0a;name=value\r\n0123456789\r\n1 \r\nx\r\n00\r\nTrailer: yes\r\nOther: no\r\n\r\n", 11),
            ("F\r\n\r\n0\r\n\r\n01234567\r\n0\r\n\r\n", 15),
        ] {
            let with_rest = [text.as_bytes(), b"GET"].concat();
            let expected = Consumed { bytes: text.len(), content, complete: true };
            assert_eq!(chunked().consume(&with_rest), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn a_chunked_body_that_is_not_one_is_refused() {
        for text in [
            "\r\n",
            "g\r\n",
            "-1\r\n",
            "3\nabc",
            "3\rabc",
            "3\r\nabcd",
            "3\r\nabc\n",
            "3;a\n",
            "0\r\n\n",
            "0\r\n\rx",
            "0\r\na: b\n",
            "0\r\na: b\rx",
            "11111111111111111\r\n",
        ] {
            assert_eq!(chunked().consume(text.as_bytes()), Err(Malformed), "{text:?}");
        }
        assert_eq!(chunked().consume(format!("1;{}", "x".repeat(20_000)).as_bytes()), Err(Malformed));
        assert_eq!(chunked().consume(format!("0\r\n{}", "a: b\r\n".repeat(4_000)).as_bytes()), Err(Malformed));
    }
}
