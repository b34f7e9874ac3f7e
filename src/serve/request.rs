//! Request heads: where one ends and what it asks of the connection (RFC 9112).

use std::mem::MaybeUninit;

use httparse::{Header, Request, Status};

use super::body::{Body, Chunked};

/// Longer heads are refused.
pub(super) const HEAD_LIMIT: usize = 64 * 1024;
/// Heads with more headers are refused.
pub(super) const MAX_HEADERS: usize = 256;

/// Room for the headers of one head. It is never initialised as a whole, so
/// making one costs nothing.
pub(super) type HeaderRoom<'b> = [MaybeUninit<Header<'b>>; MAX_HEADERS];

/// What the start of some bytes is.
#[derive(Debug)]
pub(super) enum Parsed<'h, 'b> {
    /// The beginning of a head.
    Partial,
    /// No head that this server takes: answer and close.
    Refused(Refusal),
    /// A head.
    Head(Head<'h, 'b>),
}

/// Why a request ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// One line for whoever reads the answer.
    pub(super) reason: &'static str,
}

/// A request head.
#[derive(Debug)]
pub(super) struct Head<'h, 'b> {
    /// Bytes of the head, with the empty line that ends it.
    pub(super) length: usize,
    pub(super) method: &'b str,
    pub(super) target: &'b str,
    pub(super) headers: &'h [Header<'b>],
    pub(super) body: Body,
    pub(super) after: After,
    pub(super) expects_continue: bool,
}

/// What becomes of the connection once the request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It stays open, as HTTP/1.1 has it.
    Open,
    /// It stays open, which an HTTP/1.0 client must be told.
    OpenAsAsked,
    /// It is closed.
    Close,
}

/// Reads the head at the start of `bytes`.
#[inline]
pub(super) fn parse<'h, 'b>(bytes: &'b [u8], room: &'h mut HeaderRoom<'b>) -> Parsed<'h, 'b> {
    // No byte beyond the limit is looked at, so that the verdict does not
    // depend on how many have come.
    let seen = &bytes[..bytes.len().min(HEAD_LIMIT)];
    let mut request = Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(seen, room) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if bytes.len() >= HEAD_LIMIT => return refused(431, "the head exceeds 64 KiB"),
        Ok(Status::Partial) => return Parsed::Partial,
        Err(httparse::Error::TooManyHeaders) => return refused(431, "more than 256 headers"),
        Err(_) => return refused(400, "not an HTTP/1.x request"),
    };
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version) else {
        return refused(400, "not an HTTP/1.x request");
    };
    match Meaning::of(request.headers) {
        Err(refusal) => Parsed::Refused(refusal),
        Ok(Meaning { chunked: true, .. }) if minor == 0 => refused(400, "HTTP/1.0 has no transfer-encoding"),
        Ok(Meaning { chunked: true, length: Some(_), .. }) => refused(400, "both content-length and transfer-encoding"),
        Ok(meaning) => Parsed::Head(Head {
            length,
            method,
            target,
            headers: request.headers,
            body: match meaning.chunked {
                true => Body::Chunked(Chunked::default()),
                false => Body::Sized(meaning.length.unwrap_or(0)),
            },
            after: match (minor, meaning.close, meaning.keep_alive) {
                (_, true, _) | (0, _, false) => After::Close,
                (0, false, true) => After::OpenAsAsked,
                (_, false, _) => After::Open,
            },
            expects_continue: meaning.expects_continue && minor > 0,
        }),
    }
}

fn refused<'h, 'b>(status: u16, reason: &'static str) -> Parsed<'h, 'b> {
    Parsed::Refused(Refusal { status, reason })
}

/// What the headers say about the body and the connection.
#[derive(Default)]
struct Meaning {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

impl Meaning {
    #[inline]
    fn of(headers: &[Header<'_>]) -> Result<Meaning, Refusal> {
        let mut meaning = Meaning::default();
        for header in headers {
            // Most headers are none of these four, and their length already says so.
            if matches!(header.name.len(), 6 | 10 | 14 | 17) {
                meaning.read(header)?;
            }
        }
        Ok(meaning)
    }

    fn read(&mut self, header: &Header<'_>) -> Result<(), Refusal> {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("expect") {
            self.expects_continue = header.value.eq_ignore_ascii_case(b"100-continue");
        } else if is("connection") {
            for option in header.value.split(|&b| b == b',').map(<[u8]>::trim_ascii) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if is("content-length") {
            let wrong = Refusal { status: 400, reason: "content-length is not a number" };
            let length = digits(header.value).ok_or(wrong)?;
            if self.length.is_some_and(|other| other != length) {
                return Err(Refusal { status: 400, reason: "two different content-lengths" });
            }
            self.length = Some(length);
        } else if is("transfer-encoding") {
            if self.chunked || !header.value.eq_ignore_ascii_case(b"chunked") {
                return Err(Refusal { status: 501, reason: "the only transfer-encoding known here is chunked" });
            }
            self.chunked = true;
        }
        Ok(())
    }
}

/// A number written with digits only: `parse` alone would allow a sign.
pub(super) fn digits(text: &[u8]) -> Option<u64> {
    let all_digits = text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| all_digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_parsed<R>(text: &str, look: impl FnOnce(Parsed<'_, '_>) -> R) -> R {
        look(parse(text.as_bytes(), &mut [const { MaybeUninit::uninit() }; MAX_HEADERS]))
    }

    fn refusal(text: &str) -> Option<u16> {
        with_parsed(text, |parsed| match parsed {
            Parsed::Refused(refusal) => Some(refusal.status),
            Parsed::Partial | Parsed::Head(_) => None,
        })
    }

    #[test]
    fn a_head_says_what_becomes_of_the_connection() {
        for (text, expected) in [
            ("GET / HTTP/1.1\r\n\r\n", After::Open),
            ("GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", After::Open),
            ("GET / HTTP/1.1\r\nconnection: TE, Close\r\n\r\n", After::Close),
            ("GET / HTTP/1.0\r\n\r\n", After::Close),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", After::OpenAsAsked),
            ("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", After::Close),
        ] {
            with_parsed(text, |parsed| match parsed {
                Parsed::Head(head) => assert_eq!((head.after, head.length), (expected, text.len()), "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            });
        }
    }

    #[test]
    fn a_head_says_how_its_body_is_framed() {
        for (headers, expected) in [
            ("", Body::Sized(0)),
            ("Content-Length: 12\r\n", Body::Sized(12)),
            ("Content-Length: 12\r\ncontent-length: 12\r\n", Body::Sized(12)),
            ("Transfer-Encoding: Chunked\r\n", Body::Chunked(Chunked::default())),
        ] {
            with_parsed(&format!("POST / HTTP/1.1\r\n{headers}\r\n"), |parsed| match parsed {
                Parsed::Head(head) => assert_eq!(head.body, expected, "{headers:?}"),
                other => panic!("{headers:?}: {other:?}"),
            });
        }
    }

    #[test]
    fn heads_that_cannot_be_trusted_are_refused() {
        for (text, status) in [
            ("nonsense\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nbad header\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length:\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ] {
            assert_eq!(refusal(text), Some(status), "{text:?}");
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
        assert_eq!(refusal(&many), Some(431));
    }

    #[test]
    fn the_head_limit_is_exact() {
        let head = |length: usize| {
            let frame = "GET / HTTP/1.1\r\na: \r\n\r\n".len();
            format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(length - frame))
        };
        assert_eq!(refusal(&head(HEAD_LIMIT)), None);
        assert_eq!(refusal(&head(HEAD_LIMIT + 1)), Some(431));
        assert_eq!(refusal(&head(HEAD_LIMIT + 1)[..HEAD_LIMIT - 1]), None, "not yet");
    }
}
