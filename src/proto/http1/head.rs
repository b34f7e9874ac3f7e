//! Answer heads: what they mean for the bytes that follow.

use std::mem::MaybeUninit;

use crate::decode::Codings;
use crate::proto::length::Length;
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
    /// How its body is coded: for the content, and then for the transfer.
    pub codings: Codings,
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
    /// `Location` of the final head that was returned last, if it has any.
    location: Option<Vec<u8>>,
    /// How often a head was parsed.
    #[cfg(test)]
    pub(super) parses: u32,
}

impl HeadCache {
    /// Heads longer than this are parsed each time.
    const MAX_CACHED: usize = 4096;

    /// An empty cache for the answers to HEAD requests, or to all others.
    pub fn new(head_request: bool) -> HeadCache {
        let framing = Framing::Length(0);
        let none = Head { status: 0, framing, keep_alive: false, codings: Codings::default() };
        HeadCache {
            head_request,
            bytes: Vec::new(),
            head: none,
            location: None,
            #[cfg(test)]
            parses: 0,
        }
    }

    /// The last `Location` of the final head that was returned last, if it has any (RFC 9110, 10.2.2).
    pub fn location(&self) -> Option<&[u8]> {
        self.location.as_deref()
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
        #[cfg(test)]
        {
            self.parses += 1;
        }
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let mut config = httparse::ParserConfig::default();
        // A line that begins with white space continues the one before it (RFC 9112, 5.2).
        config.allow_obsolete_multiline_headers_in_responses(true);
        let parsed =
            config.parse_response_with_uninit_headers(&mut response, &bytes[..bytes.len().min(MAX_HEAD)], &mut headers);
        match parsed {
            Ok(httparse::Status::Complete(length)) => {
                let head = interpret(&response, self.head_request)?;
                if head.is_interim() {
                    // The final head follows, and is the one that comes again.
                    return Ok(Some((head, length)));
                }
                let location = response.headers.iter().rfind(|header| header.name.eq_ignore_ascii_case("location"));
                self.location = location.map(|header| unfolded(header.value));
                self.bytes.clear();
                if length <= Self::MAX_CACHED {
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
    let mut length = Length::None;
    let (mut codings, mut transfer_codings) = (Codings::default(), Codings::default());
    let mut coded = false;
    let mut chunked = false;
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            length = length.and(header.value);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            // `identity` is the word of older servers for none.
            for coding in items(header.value).filter(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
                let is_chunked = coding.eq_ignore_ascii_case(b"chunked");
                if chunked && !is_chunked {
                    // Chunks inside of something are a body like any other. Said twice in a row, as a proxy may
                    // add what was there before, they are still chunked once (RFC 9112, 6.1).
                    transfer_codings.add(b"chunked");
                }
                if !is_chunked {
                    transfer_codings.add(coding);
                }
                (chunked, coded) = (is_chunked, true);
            }
        } else if header.name.eq_ignore_ascii_case("content-encoding") {
            codings.add_list(header.value);
        } else if header.name.eq_ignore_ascii_case("connection") {
            for option in items(header.value) {
                asks_close |= option.eq_ignore_ascii_case(b"close");
                asks_keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        }
    }
    codings.append(transfer_codings);
    let without_body = head_request || status < 200 || status == 204 || status == 304;
    // In the order of RFC 9112, 6.3: a length that does not matter may be a bad one.
    let framing = match (without_body, coded, length) {
        (true, ..) => Framing::Length(0),
        (_, true, _) if chunked => Framing::Chunked,
        (_, true, _) | (_, false, Length::None) => Framing::UntilClose,
        (_, false, Length::Bytes(n)) => Framing::Length(n),
        (_, false, Length::Bad) => return Err(Cause::BadLength),
    };
    // A length beside a transfer coding is how requests are smuggled (RFC 9112, 6.3), and HTTP/1.0 knows no
    // transfer codings (6.1): use no such connection again.
    let is_http_1_1 = response.version == Some(1);
    let suspicious = coded && (length != Length::None || !is_http_1_1);
    let persists = !asks_close && (is_http_1_1 || asks_keep_alive);
    let keep_alive = persists && framing != Framing::UntilClose && status != 101 && !suspicious;
    Ok(Head { status, framing, keep_alive, codings })
}

/// A value with a space in place of each fold.
fn unfolded(value: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = value.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).collect();
    lines.join(&b' ')
}

/// The members of a comma-separated list (RFC 9110, 5.6.1).
fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
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
            ("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", Length(5), true),
            ("Transfer-Encoding: \r\nContent-Length: 5\r\n", Length(5), true),
            ("Transfer-Encoding: identity, chunked\r\n", Chunked, true),
            ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", Chunked, true),
            ("Transfer-Encoding: chunked, gzip\r\n", UntilClose, false),
            ("Transfer-Encoding: xchunked\r\n", UntilClose, false),
            // With a transfer coding the length means nothing, whatever it is.
            ("Transfer-Encoding: chunked\r\nContent-Length: x\r\n", Chunked, false),
        ] {
            let head = answer(headers).map(|head| (head.status, head.framing, head.keep_alive));
            assert_eq!(head, Ok((200, framing, keep_alive)), "{headers:?}");
        }
    }

    #[test]
    fn folded_lines_are_one() {
        let head = |headers: &str| {
            let mut heads = HeadCache::new(false);
            // Any beginning of it is waited for, and it means the same when it is remembered.
            let text = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
            for end in 0..text.len() {
                let begun = heads.parse(&text.as_bytes()[..end]);
                assert!(matches!(begun, Ok(None)), "{begun:?}: {:?}", &text[..end]);
            }
            let first = heads.parse(text.as_bytes()).unwrap().unwrap();
            let location = heads.location().map(<[u8]>::to_vec);
            assert_eq!(heads.parse(format!("{text}rest").as_bytes()).unwrap().unwrap(), first);
            assert_eq!((first.1, heads.location()), (text.len(), location.as_deref()));
            (first.0, location.map(|location| String::from_utf8(location).unwrap()))
        };
        for newline in ["\r\n", "\n"] {
            let head = |headers: &str| head(&headers.replace("\r\n", newline));
            for headers in [
                "X-A: b\r\n c\r\nContent-Length: 5\r\n",
                "Content-Length:\r\n 5\r\n",
                "Content-Length: 5\r\n \r\n",
                "Content-Length:\r\n\t \r\n \t5\r\n\t\r\n \r\n",
                "Content-Length: 5\r\n\t, 5\r\n",
                "X-A:\r\n \r\n\t\r\nContent-Length: 5\r\n",
            ] {
                let (head, location) = head(headers);
                assert_eq!((head.framing, head.keep_alive, location), (Framing::Length(5), true, None), "{headers:?}");
            }
            assert_eq!(head("Transfer-Encoding:\r\n gzip\r\n ,\r\n chunked\r\n").0.framing, Framing::Chunked);
            let (folded, location) =
                head("Content-Length: 0\r\nConnection: x,\r\n close\r\nLocation:\r\n\t/a\r\n b\r\n");
            assert_eq!((folded.keep_alive, location.as_deref()), (false, Some("/a b")));
        }
        assert_eq!(answer("Content-Length: 1\r\n 2\r\n"), Err(Cause::BadLength), "no digits beyond a fold");
        // Nothing is there to be continued.
        for text in ["HTTP/1.1 200 OK\r\n X: a\r\n\r\n", "HTTP/1.1 200 OK\n\tX: a\n\n", "HTTP/1.1 200 OK\r\n \r\n\r\n"]
        {
            assert_eq!(HeadCache::new(false).parse(text.as_bytes()), Err(Cause::BadHead), "{text:?}");
        }
    }

    #[test]
    fn codings_are_those_of_the_content_and_then_of_the_transfer() {
        let codings = |list: &str| {
            let mut codings = Codings::default();
            codings.add_list(list.as_bytes());
            codings
        };
        for (headers, expected) in [
            ("Content-Encoding: gzip\r\n", "gzip"),
            ("content-encoding: br\r\n ,GZIP\r\nContent-Encoding: zstd\r\n", "br,gzip,zstd"),
            ("Content-Encoding:\r\n deflate\r\n", "deflate"),
            ("Transfer-Encoding: gzip, chunked\r\nContent-Encoding: br\r\n", "br, gzip"),
            ("Transfer-Encoding: chunked, gzip\r\n", "chunked, gzip"),
            ("Transfer-Encoding: chunked\r\n", ""),
            ("Transfer-Encoding: chunked, Chunked\r\nTransfer-Encoding: chunked\r\n", ""),
            ("Transfer-Encoding: chunked, gzip, chunked\r\n", "chunked, gzip"),
            ("Content-Encoding: identity\r\n", ""),
        ] {
            assert_eq!(answer(headers).map(|head| head.codings), Ok(codings(expected)), "{headers:?}");
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        for value in ["", " ", "-1", "+5", "5x", "0x10", "99999999999999999999", "5, 6", "5,", ","] {
            assert_eq!(answer(&format!("Content-Length: {value}\r\n")), Err(Cause::BadLength), "{value}");
        }
        assert_eq!(answer("Content-Length: 5\r\nContent-Length: 6\r\n"), Err(Cause::BadLength));
    }

    #[test]
    fn http_1_0_closes_unless_told_otherwise() {
        let old = |headers: &str| parse(&format!("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n{headers}\r\n"));
        assert!(!old("").unwrap().keep_alive);
        assert!(old("Connection: keep-alive\r\n").unwrap().keep_alive);
        // What it cannot know is understood, and its connection not used again.
        let chunked = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n";
        let head = parse(chunked).unwrap();
        assert_eq!((head.framing, head.keep_alive), (Framing::Chunked, false));
    }

    #[test]
    fn answers_without_a_body_end_with_their_head() {
        for headers in
            ["Content-Length: 9", "Content-Length:", "Content-Length: x", "Transfer-Encoding: chunked", "X: y"]
        {
            for status in [100, 101, 103, 204, 304] {
                let head = parse(&format!("HTTP/1.1 {status} X\r\n{headers}\r\n\r\n")).unwrap();
                assert_eq!((head.framing, head.keep_alive), (Framing::Length(0), status != 101), "{status} {headers}");
            }
            let mut heads = HeadCache::new(true);
            let text = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n");
            let (head, _) = heads.parse(text.as_bytes()).unwrap().unwrap();
            assert_eq!((head.framing, head.keep_alive), (Framing::Length(0), true), "{headers}");
        }
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
