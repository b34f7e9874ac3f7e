//! Answer heads: what they mean for the bytes that follow.

use std::mem::MaybeUninit;

use crate::record::Cause;

use super::{MAX_HEAD, MAX_HEADERS};

/// What an answer's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// 100 to 999.
    pub status: u16,
    /// How its body ends.
    pub framing: Framing,
    /// The connection may be used again after it.
    pub keep_alive: bool,
}

/// How a body ends (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes, none included.
    Length(u64),
    /// With the last chunk and its trailers.
    Chunked,
    /// When the server closes.
    UntilClose,
}

impl Head {
    /// This is not the answer yet (RFC 9110, 15.2). 101 is: the protocol that follows it is not ours.
    pub fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }
}

/// Parses heads, and remembers the last one: servers repeat theirs byte for
/// byte (a `Date` changes once a second), and the same bytes mean the same.
#[derive(Debug)]
pub struct HeadCache {
    /// The request was HEAD: its answers have no body.
    head_request: bool,
    bytes: Vec<u8>,
    /// What `bytes` mean, unless it is empty.
    head: Head,
}

impl HeadCache {
    /// Heads longer than this are parsed each time.
    const MOST: usize = 4096;

    /// An empty cache for the answers to HEAD requests, or to all others.
    pub fn new(head_request: bool) -> HeadCache {
        let none = Head { status: 0, framing: Framing::Length(0), keep_alive: false };
        HeadCache { head_request, bytes: Vec::new(), head: none }
    }

    /// The head at the start of `bytes` and its length. None if `bytes` end before it does.
    ///
    /// # Errors
    /// The cause, if no continuation of `bytes` can be a head within the limits.
    #[inline]
    pub fn parse(&mut self, bytes: &[u8]) -> Result<Option<(Head, usize)>, Cause> {
        if !self.bytes.is_empty() && bytes.starts_with(&self.bytes) {
            return Ok(Some((self.head, self.bytes.len())));
        }
        self.parse_anew(bytes)
    }

    #[inline(never)]
    fn parse_anew(&mut self, bytes: &[u8]) -> Result<Option<(Head, usize)>, Cause> {
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            &bytes[..bytes.len().min(MAX_HEAD)],
            &mut headers,
        );
        match parsed {
            Ok(httparse::Status::Complete(length)) => {
                let head = interpret(&response, self.head_request)?;
                if length <= Self::MOST {
                    self.bytes.clear();
                    self.bytes.extend_from_slice(&bytes[..length]);
                    self.head = head;
                }
                Ok(Some((head, length)))
            }
            Ok(httparse::Status::Partial) if bytes.len() >= MAX_HEAD => Err(Cause::OversizeHead),
            Ok(httparse::Status::Partial) => Ok(None),
            Err(httparse::Error::TooManyHeaders) => Err(Cause::TooManyHeaders),
            Err(_) => Err(Cause::BadHead),
        }
    }
}

/// RFC 9112, 6.3 (message body length) and 9.3 (persistence).
fn interpret(response: &httparse::Response<'_, '_>, head_request: bool) -> Result<Head, Cause> {
    let status = response.code.unwrap_or(0);
    if status < 100 {
        return Err(Cause::BadHead);
    }
    let (mut asks_close, mut asks_keep_alive) = (false, false);
    let mut length = None;
    let mut coded = false;
    let mut chunked = false;
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            for value in items(header.value) {
                let value = parse_length(value)?;
                if length.is_some_and(|known| known != value) {
                    return Err(Cause::BadLength);
                }
                length = Some(value);
            }
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            for coding in items(header.value) {
                coded = true;
                chunked = coding.eq_ignore_ascii_case(b"chunked");
            }
        } else if header.name.eq_ignore_ascii_case("connection") {
            for option in items(header.value) {
                asks_close |= option.eq_ignore_ascii_case(b"close");
                asks_keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        }
    }
    let without_body = head_request || status < 200 || status == 204 || status == 304;
    let framing = match (without_body, coded, length) {
        (true, ..) => Framing::Length(0),
        (_, true, _) if chunked => Framing::Chunked,
        (_, true, _) => Framing::UntilClose,
        (_, false, Some(n)) => Framing::Length(n),
        (_, false, None) => Framing::UntilClose,
    };
    // A length beside a transfer coding is how requests are smuggled (RFC 9112, 6.3): use no such connection again.
    let suspicious = coded && length.is_some();
    let persists = !asks_close && (response.version == Some(1) || asks_keep_alive);
    let keep_alive = persists && framing != Framing::UntilClose && status != 101 && !suspicious;
    Ok(Head { status, framing, keep_alive })
}

/// The members of a comma-separated list (RFC 9110, 5.6.1).
fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

fn parse_length(digits: &[u8]) -> Result<u64, Cause> {
    let add = |n: u64, &b: &u8| match b {
        b'0'..=b'9' => n.checked_mul(10)?.checked_add(u64::from(b - b'0')),
        _ => None,
    };
    digits.iter().try_fold(0, add).ok_or(Cause::BadLength)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Head, Cause> {
        HeadCache::new(false).parse(text.as_bytes()).map(|head| head.expect("a whole head").0)
    }

    fn answer(headers: &str) -> Result<Head, Cause> {
        parse(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n"))
    }

    #[test]
    fn bodies_end_as_rfc_9112_says() {
        use Framing::{Chunked, Length, UntilClose};
        for (headers, framing, keep_alive) in [
            ("Content-Length: 5\r\n", Length(5), true),
            ("content-length: 5\r\nContent-Length: 5\r\n", Length(5), true),
            ("Content-Length: 5, 5\r\n", Length(5), true),
            ("Transfer-Encoding: chunked\r\n", Chunked, true),
            ("Transfer-Encoding: gzip, Chunked\r\n", Chunked, true),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Chunked, false),
            ("Transfer-Encoding: gzip\r\n", UntilClose, false),
            ("", UntilClose, false),
            ("Content-Length: 5\r\nConnection: close\r\n", Length(5), false),
            ("Content-Length: 5\r\nConnection: foo, Close\r\n", Length(5), false),
        ] {
            assert_eq!(answer(headers), Ok(Head { status: 200, framing, keep_alive }), "{headers:?}");
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        for value in ["-1", "+5", "5x", "0x10", "99999999999999999999", "5, 6"] {
            assert_eq!(answer(&format!("Content-Length: {value}\r\n")), Err(Cause::BadLength), "{value}");
        }
        assert_eq!(answer("Content-Length: 5\r\nContent-Length: 6\r\n"), Err(Cause::BadLength));
    }

    #[test]
    fn http_1_0_closes_unless_told_otherwise() {
        let old = |headers: &str| parse(&format!("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n{headers}\r\n"));
        assert!(!old("").unwrap().keep_alive);
        assert!(old("Connection: keep-alive\r\n").unwrap().keep_alive);
    }

    #[test]
    fn answers_without_a_body_end_with_their_head() {
        for status in [101, 204, 304] {
            let head = parse(&format!("HTTP/1.1 {status} X\r\nContent-Length: 9\r\n\r\n")).unwrap();
            assert_eq!((head.framing, head.keep_alive), (Framing::Length(0), status != 101));
        }
        let mut heads = HeadCache::new(true);
        let (head, _) = heads.parse(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").unwrap().unwrap();
        assert_eq!((head.framing, head.keep_alive), (Framing::Length(0), true));
    }

    #[test]
    fn what_is_no_head_is_refused_and_half_a_head_is_waited_for() {
        for text in ["SSH-2.0-OpenSSH", "HTTP/2 200\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 099 X\r\n\r\n"] {
            assert_eq!(HeadCache::new(false).parse(text.as_bytes()), Err(Cause::BadHead), "{text}");
        }
        assert_eq!(HeadCache::new(false).parse(b"HTTP/1.1 200 OK\r\nA: b\r\n"), Ok(None));
    }

    #[test]
    fn heads_have_limits() {
        let lines = |n: usize| "a: b\r\n".repeat(n);
        assert!(answer(&lines(MAX_HEADERS)).is_ok());
        assert_eq!(answer(&lines(MAX_HEADERS + 1)), Err(Cause::TooManyHeaders));
        let long = format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(MAX_HEAD));
        assert_eq!(HeadCache::new(false).parse(long.as_bytes()), Err(Cause::OversizeHead));
    }

    #[test]
    fn a_remembered_head_is_used_only_for_the_same_bytes() {
        let mut heads = HeadCache::new(false);
        let first = heads.parse(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP").unwrap();
        assert_eq!(heads.parse(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno").unwrap(), first);
        let (other, _) = heads.parse(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes").unwrap().unwrap();
        assert_eq!(other.framing, Framing::Length(3));
    }
}
