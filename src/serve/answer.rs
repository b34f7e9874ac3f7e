//! Answers as bytes.

use std::io::Write;

use super::request::{After, Refusal};
use super::routes::Answer;

/// The answer to a plain keep-alive request, made beforehand because it is
/// what the floor is measured with.
pub(super) const PLAIN: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nserver: onrush\r\n\r\nok";

pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What `/bytes/{n}` is cut from.
static BLOCK: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// Bytes that wait for the socket: a buffer, and after it so many bytes of a
/// block that all connections share.
#[derive(Debug, Default)]
pub(super) struct Output {
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were sent.
    sent: usize,
    /// Bytes of the block that follow the buffer. While there are any, nothing
    /// more may be written to the buffer.
    pub(super) filler: u64,
}

impl Output {
    /// Buffers are given back above this size once they are empty: connections
    /// stay, and most of them never answer at length again.
    const KEPT: usize = 4096;

    /// Bytes to send next; empty if there are none.
    #[inline]
    pub(super) fn next(&self) -> &[u8] {
        match &self.buffer[self.sent..] {
            [] => &BLOCK[..self.filler.min(BLOCK.len() as u64) as usize],
            rest => rest,
        }
    }

    /// The first `n` bytes of [`Output::next`] were sent.
    #[inline]
    pub(super) fn advance(&mut self, n: usize) {
        if self.sent == self.buffer.len() {
            self.filler -= n as u64;
            return;
        }
        self.sent += n;
        if self.sent == self.buffer.len() {
            self.sent = 0;
            self.buffer.clear();
            if self.buffer.capacity() > Output::KEPT {
                self.buffer = Vec::new();
            }
        }
    }

    /// Bytes that are in memory.
    #[inline]
    pub(super) fn buffered(&self) -> usize {
        self.buffer.len() - self.sent
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.buffered() == 0 && self.filler == 0
    }

    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Writes an answer. `content` is the length of the request's body.
    pub(super) fn answer(&mut self, answer: Answer, after: After, head_only: bool, content: u64) {
        const TEXT: &str = "text/plain";
        let whole = |body| if head_only { &b""[..] } else { body };
        match answer {
            Answer::Plain | Answer::Later(_) => {
                self.head(200, Some((TEXT, 2)), after);
                self.push(whole(b"ok"));
            }
            Answer::Status(code @ (204 | 304)) => self.head(code, None, after),
            // 205 has a body of length zero (RFC 9110, section 15.3.6).
            Answer::Status(205) => self.head(205, Some((TEXT, 0)), after),
            Answer::Status(code) => {
                let reason = reason_phrase(code).as_bytes();
                self.head(code, Some((TEXT, reason.len() as u64)), after);
                self.push(whole(reason));
            }
            Answer::Bytes(n) => {
                self.head(200, Some(("application/octet-stream", n)), after);
                self.filler = if head_only { 0 } else { n };
            }
            Answer::Echo(mut json) => {
                // A vector cannot fail to be written.
                let _ = write!(json, "{content}}}");
                self.head(200, Some(("application/json", json.len() as u64)), after);
                self.push(whole(&json));
            }
            Answer::Wrong(line) => {
                self.head(400, Some((TEXT, line.len() as u64 + 1)), after);
                self.push(whole(line.as_bytes()));
                self.push(whole(b"\n"));
            }
        }
    }

    /// Writes the answer to a request that ends the connection.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.head(refusal.status, Some(("text/plain", refusal.reason.len() as u64 + 1)), After::Close);
        self.push(refusal.reason.as_bytes());
        self.push(b"\n");
    }

    fn head(&mut self, status: u16, content: Option<(&str, u64)>, after: After) {
        let out = &mut self.buffer;
        // A vector cannot fail to be written.
        let _ = write!(out, "HTTP/1.1 {status} {}\r\n", reason_phrase(status));
        if let Some((kind, length)) = content {
            let _ = write!(out, "content-type: {kind}\r\ncontent-length: {length}\r\n");
        }
        out.extend_from_slice(match after {
            After::Open => b"server: onrush\r\n\r\n",
            After::OpenAsAsked => b"server: onrush\r\nconnection: keep-alive\r\n\r\n",
            After::Close => b"server: onrush\r\nconnection: close\r\n\r\n",
        });
    }
}

/// The reason phrase of the IANA registry, or the name of the status's class.
fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => match status / 100 {
            2 => "Success",
            3 => "Redirection",
            4 => "Client Error",
            _ => "Server Error",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(answer: Answer, after: After, head_only: bool) -> String {
        let mut out = Output::default();
        out.answer(answer, after, head_only, 7);
        String::from_utf8(out.next().to_vec()).unwrap()
    }

    #[test]
    fn the_answer_made_beforehand_is_the_one_that_would_be_written() {
        assert_eq!(text(Answer::Plain, After::Open, false).as_bytes(), PLAIN);
        assert_eq!(text(Answer::Plain, After::Open, true).as_bytes(), &PLAIN[..PLAIN.len() - 2]);
    }

    #[test]
    fn answers_are_framed_by_status_and_method() {
        for (answer, after, head_only, expected) in [
            (
                Answer::Plain,
                After::Close,
                false,
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nserver: onrush\r\nconnection: close\r\n\r\nok",
            ),
            (
                Answer::Plain,
                After::OpenAsAsked,
                true,
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nserver: onrush\r\nconnection: keep-alive\r\n\r\n",
            ),
            (Answer::Status(204), After::Open, false, "HTTP/1.1 204 No Content\r\nserver: onrush\r\n\r\n"),
            (
                Answer::Status(404),
                After::Open,
                false,
                "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length: 9\r\nserver: onrush\r\n\r\nNot Found",
            ),
            (
                Answer::Status(599),
                After::Open,
                true,
                "HTTP/1.1 599 Server Error\r\ncontent-type: text/plain\r\ncontent-length: 12\r\nserver: onrush\r\n\r\n",
            ),
            (
                Answer::Echo(b"{\"body_length\":".to_vec()),
                After::Open,
                false,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\nserver: onrush\r\n\r\n{\"body_length\":7}",
            ),
            (
                Answer::Wrong("no".into()),
                After::Open,
                false,
                "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 3\r\nserver: onrush\r\n\r\nno\n",
            ),
        ] {
            assert_eq!(text(answer, after, head_only), expected);
        }
    }

    #[test]
    fn many_bytes_take_no_memory() {
        let mut out = Output::default();
        out.answer(Answer::Bytes(1 << 30), After::Open, false, 0);
        let head = out.next().len();
        out.advance(head);
        let mut sent = 0;
        while !out.is_empty() {
            assert_eq!(out.buffered(), 0);
            let n = out.next().len().min(50_000);
            out.advance(n);
            sent += n;
        }
        assert_eq!(sent, 1 << 30);
    }
}
