//! Requests as bytes: what does not change once, what does each time.

use std::rc::Rc;
use std::sync::Arc;

use crate::proto::SharedBody;
use crate::request::{Body, Drawn, Message, Payload, Redirected, RequestHead, Text};

use super::HeadCache;

/// What the HTTP/1.1 sessions of one worker share.
#[derive(Debug)]
pub struct Codec {
    /// The heads of the last responses: see [`Codec::heads_of`].
    pub(super) heads: Vec<HeadCache>,
    targets: Vec<Encoded>,
}

/// Maximum number of targets whose heads are remembered apart: beyond it several share a place. With at most 4 KiB
/// each, and as much for the other kinds of requests to them, the memory of a worker is bounded.
const MAX_REMEMBERED: usize = 256;

/// Requests to a target that have heads of their own: HEAD or not, where a redirect has sent it or not.
const KINDS: usize = 4;

/// The requests for one target.
#[derive(Debug)]
struct Encoded {
    /// A request with the shared body, ready to be sent, but for a body that is too large to be copied.
    shared: Rc<[u8]>,
    /// Such a body.
    body: Option<SharedBody>,
    /// A request's head up to the value of `Content-Length`.
    prefix: Vec<u8>,
    /// If the head differs from request to request, its pieces; else empty.
    pieces: Vec<Piece>,
    /// What follows the pieces where the body does not differ, but for a body that is too large to be copied.
    tail: Vec<u8>,
    is_head: bool,
}

/// A request's bytes: a block that requests share, or else what is written to the session's own; behind that, a body
/// that they share. And whether it is a HEAD.
pub(super) type Request = (Option<Rc<[u8]>>, Option<SharedBody>, bool);

/// A constant body from this size on is written from where it is, behind the head with the same system call. Smaller
/// ones stand behind the head of each target in each worker.
const MIN_SHARED: usize = 4096;

/// A piece of a head.
#[derive(Debug)]
enum Piece {
    Fixed(Vec<u8>),
    Path,
    /// The value of the next header that differs.
    Value,
}

impl Codec {
    /// Encodes what does not change from request to request (RFC 9112, 3 to 6), for each target.
    pub fn new<'a>(targets: impl IntoIterator<Item = (&'a RequestHead, &'a Body)>) -> Codec {
        let targets: Vec<Encoded> = targets.into_iter().map(|(head, body)| Encoded::new(head, body)).collect();
        let places = targets.len().min(MAX_REMEMBERED) * KINDS;
        Codec { heads: (0..places).map(|place| HeadCache::new(place % 2 == 1)).collect(), targets }
    }

    /// The place of the cache for the head of the response to `message`.
    #[inline]
    pub(super) fn heads_of(&self, message: Message<'_>, is_head: bool) -> u32 {
        let is_redirected = matches!(message.payload, Payload::Redirected(_));
        let kind = usize::from(is_redirected) * 2 + usize::from(is_head);
        let mut target = message.target as usize;
        if target >= MAX_REMEMBERED {
            target %= MAX_REMEMBERED;
        }
        (target * KINDS + kind) as u32
    }

    /// A request's bytes, where they are not shared written over `own`.
    #[inline(always)]
    pub(super) fn encode(&self, message: Message<'_>, own: &mut Vec<u8>) -> Request {
        let target = &self.targets[message.target as usize];
        match message.payload {
            Payload::Shared => (Some(Rc::clone(&target.shared)), target.body.clone(), target.is_head),
            payload => target.encode(payload, own),
        }
    }
}

/// The rest of a request whose head is written up to the value of `Content-Length`.
#[inline]
fn push_body(body: &[u8], own: &mut Vec<u8>) {
    push_length(body, own);
    own.extend_from_slice(body);
}

#[inline]
fn push_length(body: &[u8], own: &mut Vec<u8>) {
    own.extend_from_slice(itoa::Buffer::new().format(body.len()).as_bytes());
    own.extend_from_slice(b"\r\n\r\n");
}

impl Encoded {
    #[inline(never)]
    fn encode(&self, payload: Payload<'_>, own: &mut Vec<u8>) -> Request {
        match payload {
            Payload::Shared => return (Some(Rc::clone(&self.shared)), self.body.clone(), self.is_head),
            Payload::Own(body) => {
                own.clear();
                own.reserve(self.prefix.len() + body.len() + 24);
                own.extend_from_slice(&self.prefix);
                push_body(body, own);
            }
            Payload::Drawn(drawn) => {
                self.draw(drawn, own);
                return (None, self.body.clone().filter(|_| drawn.body.is_none()), self.is_head);
            }
            Payload::Redirected(redirected) => {
                let Redirected { head, .. } = redirected;
                let Encoded { shared, body, .. } = Encoded::new(head, &redirected.body());
                return (Some(shared), body, head.is_head());
            }
        }
        (None, None, self.is_head)
    }

    fn new(head: &RequestHead, body: &Body) -> Encoded {
        let mut pieces = Pieces { done: Vec::new(), open: Vec::with_capacity(256) };
        pieces.text(&[&head.method, " "]);
        pieces.value(&head.path, Piece::Path);
        pieces.text(&[" HTTP/1.1\r\nHost: ", &head.authority, "\r\n"]);
        for header in &head.headers {
            pieces.text(&[&header.name, ": "]);
            pieces.value(&header.value, Piece::Value);
            pieces.text(&["\r\n"]);
        }
        if !head.keep_alive {
            pieces.text(&["Connection: close\r\n"]);
        }
        let Pieces { done: mut pieces, open: mut prefix } = pieces;
        let mut tail = Vec::new();
        let mut shared_body = None;
        match body {
            // A method that may carry a body says that it carries none (RFC 9110, 8.6).
            Body::None if matches!(head.method.as_str(), "POST" | "PUT" | "PATCH") => {
                tail.extend_from_slice(b"Content-Length: 0\r\n\r\n");
            }
            Body::None | Body::Template(_) | Body::Lines(_) => tail.extend_from_slice(b"\r\n"),
            Body::Fixed(bytes) => {
                tail.extend_from_slice(b"Content-Length: ");
                push_length(bytes, &mut tail);
                match bytes.len() {
                    MIN_SHARED.. => shared_body = Some(Rc::new(Arc::clone(bytes))),
                    _ => tail.extend_from_slice(bytes),
                }
            }
        }
        let shared = if pieces.is_empty() { [&prefix[..], &tail].concat() } else { Vec::new() };
        if !pieces.is_empty() {
            pieces.push(Piece::Fixed(std::mem::take(&mut prefix)));
        }
        prefix.extend_from_slice(b"Content-Length: ");
        Encoded { shared: shared.into(), body: shared_body, prefix, pieces, tail, is_head: head.is_head() }
    }

    fn draw(&self, drawn: &Drawn, own: &mut Vec<u8>) {
        own.clear();
        let mut values = drawn.values.iter();
        for piece in &self.pieces {
            match piece {
                Piece::Fixed(bytes) => own.extend_from_slice(bytes),
                Piece::Path => own.extend_from_slice(&drawn.path),
                Piece::Value => own.extend_from_slice(values.next().map_or(&[], |value| &value[..])),
            }
        }
        match &drawn.body {
            Some(body) => {
                own.extend_from_slice(b"Content-Length: ");
                push_body(body, own);
            }
            None => own.extend_from_slice(&self.tail),
        }
    }
}

/// Pieces of a head being put together.
struct Pieces {
    done: Vec<Piece>,
    open: Vec<u8>,
}

impl Pieces {
    fn text(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.open.extend_from_slice(part.as_bytes()));
    }

    fn value(&mut self, text: &Text, piece: Piece) {
        match text {
            Text::Fixed(text) => self.open.extend_from_slice(text.as_bytes()),
            Text::Template(_) => {
                self.done.push(Piece::Fixed(std::mem::take(&mut self.open)));
                self.done.push(piece);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Header;
    use crate::template::Template;

    fn head(method: &str, keep_alive: bool) -> RequestHead {
        let headers = vec![Header { name: "Accept".into(), value: "*/*".into() }];
        RequestHead { method: method.into(), path: "/a?b=c".into(), authority: "host:81".into(), headers, keep_alive }
    }

    fn shared(head: &RequestHead, body: &Body) -> String {
        let message = Message { target: 0, payload: Payload::Shared };
        let bytes = Codec::new([(head, body)]).encode(message, &mut Vec::new()).0.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn a_get_is_a_head_and_nothing_more() {
        let text = shared(&head("GET", true), &Body::None);
        assert_eq!(text, "GET /a?b=c HTTP/1.1\r\nHost: host:81\r\nAccept: */*\r\n\r\n");
    }

    #[test]
    fn a_post_without_a_body_says_so_and_close_is_asked_for() {
        let text = shared(&head("POST", false), &Body::None);
        assert!(text.ends_with("Accept: */*\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), "{text}");
    }

    #[test]
    fn bodies_follow_their_length() {
        let text = shared(&head("PUT", true), &Body::Fixed((*b"hello").into()));
        assert!(text.ends_with("Accept: */*\r\nContent-Length: 5\r\n\r\nhello"), "{text}");
        let mut own = b"left over".to_vec();
        let codec = Codec::new([(&head("PUT", true), &Body::None)]);
        assert!(codec.encode(Message { target: 0, payload: Payload::Own(b"{}") }, &mut own).0.is_none());
        assert!(own.starts_with(b"PUT /a?b=c") && own.ends_with(b"Content-Length: 2\r\n\r\n{}"));
    }

    #[test]
    fn a_large_constant_body_is_there_once() {
        let body: Arc<[u8]> = vec![b'x'; MIN_SHARED].into();
        let workers: Vec<Codec> = (0..3)
            .map(|_| {
                let mut templated = head("PUT", true);
                templated.headers[0].value = Text::Template(Template::compile("x", "{{ index }}", &[]).unwrap().into());
                Codec::new([
                    (&head("PUT", true), &Body::Fixed(Arc::clone(&body))),
                    (&templated, &Body::Fixed(Arc::clone(&body))),
                ])
            })
            .collect();
        let drawn = Drawn { path: vec![], values: vec![b"7".to_vec()], body: None };
        let redirected = Redirected { head: head("PUT", true), body: Some(Arc::clone(&body)), https: false };
        for codec in &workers {
            for (target, payload) in
                [(0, Payload::Shared), (1, Payload::Drawn(&drawn)), (0, Payload::Redirected(&redirected))]
            {
                let mut own = Vec::new();
                let (shared, sent, _) = codec.encode(Message { target, payload }, &mut own);
                assert!(Arc::ptr_eq(&sent.unwrap(), &body));
                let head = shared.as_deref().unwrap_or(&own);
                assert!(head.ends_with(b"Content-Length: 4096\r\n\r\n"), "{}", head.escape_ascii());
            }
        }
        assert!(Arc::strong_count(&body) < 10);
        // A body of a request's own takes its place.
        let drawn = Drawn { body: Some(b"own".to_vec()), ..drawn };
        let mut own = Vec::new();
        let (_, sent, _) = workers[0].encode(Message { target: 1, payload: Payload::Drawn(&drawn) }, &mut own);
        assert!(sent.is_none() && own.ends_with(b"Content-Length: 3\r\n\r\nown"));
    }
}
