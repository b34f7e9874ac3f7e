//! Requests as header blocks: what does not change once, what does each time.

use std::rc::Rc;
use std::sync::Arc;

use crate::proto::SharedBody;
use crate::request::{Body, Drawn, Redirected, RequestHead, Text, is_credential};

pub use crate::request::OF_A_CONNECTION;

use super::hpack;

/// What the HTTP/2 sessions of one worker share.
#[derive(Debug)]
pub struct Codec {
    pub(super) targets: Vec<Encoded>,
}

/// The requests for one target.
#[derive(Debug)]
pub(super) struct Encoded {
    /// The header block of a request with the shared body, or with none.
    pub(super) shared: Vec<u8>,
    pub(super) body: Option<SharedBody>,
    /// The block of a request with a body of its own, without `content-length`.
    pub(super) prefix: Vec<u8>,
    /// If the head differs from request to request, its pieces; else empty.
    pieces: Vec<Piece>,
    /// The `content-length` that follows the pieces where the body does not differ.
    tail: Vec<u8>,
    /// The request is HEAD: its answers have no body.
    pub(super) is_head: bool,
}

/// A piece of a header block.
#[derive(Debug)]
enum Piece {
    Fixed(Vec<u8>),
    Path,
    /// The next header that differs: its name, and whether it is secret.
    Field(String, bool),
}

impl Codec {
    /// Encodes what does not change from request to request (RFC 9113, 8.3.1), for
    /// each target: its head, its body, and whether it is asked for over TLS.
    pub fn new<'a>(targets: impl IntoIterator<Item = (&'a RequestHead, &'a Body, bool)>) -> Codec {
        let targets = targets.into_iter().map(|(head, body, https)| Encoded::new(head, body, https));
        Codec { targets: targets.collect() }
    }
}

impl Encoded {
    fn new(head: &RequestHead, body: &Body, https: bool) -> Encoded {
        let mut prefix = Vec::with_capacity(256);
        let mut pieces = Vec::new();
        // Credentials are kept by no table (RFC 7541, 7.1.3).
        let fixed = |name: &str, value: &str, out: &mut Vec<u8>| {
            hpack::field(name.as_bytes(), value.as_bytes(), is_credential(name), out);
        };
        fixed(":method", &head.method, &mut prefix);
        fixed(":scheme", if https { "https" } else { "http" }, &mut prefix);
        match &head.path {
            Text::Fixed(path) => fixed(":path", path, &mut prefix),
            Text::Template(_) => pieces.extend([Piece::Fixed(std::mem::take(&mut prefix)), Piece::Path]),
        }
        fixed(":authority", &head.authority, &mut prefix);
        for header in &head.headers {
            let name = header.name.to_ascii_lowercase();
            match &header.value {
                _ if OF_A_CONNECTION.contains(&&*name) => {}
                Text::Fixed(value) => fixed(&name, value, &mut prefix),
                Text::Template(_) => {
                    pieces.push(Piece::Fixed(std::mem::take(&mut prefix)));
                    let sensitive = is_credential(&name);
                    pieces.push(Piece::Field(name, sensitive));
                }
            }
        }
        if !pieces.is_empty() {
            pieces.push(Piece::Fixed(std::mem::take(&mut prefix)));
        }
        let mut tail = Vec::new();
        let body = match body {
            Body::Fixed(bytes) => {
                hpack::content_length(bytes.len(), &mut tail);
                (!bytes.is_empty()).then(|| Rc::new(Arc::clone(bytes)))
            }
            // A method that may carry a body says that it carries none (RFC 9110, 8.6).
            Body::None if matches!(head.method.as_str(), "POST" | "PUT" | "PATCH") => {
                hpack::content_length(0, &mut tail);
                None
            }
            Body::None | Body::Template(_) | Body::Lines(_) => None,
        };
        let shared = [&prefix[..], &tail].concat();
        Encoded { shared, body, prefix, pieces, tail, is_head: head.is_head() }
    }

    /// A request that goes where a redirect has sent it.
    pub(super) fn redirected(redirected: &Redirected) -> Encoded {
        Encoded::new(&redirected.head, &redirected.body(), redirected.https)
    }

    /// The header block of a request whose head is its own, without the `content-length` of a body of its own.
    pub(super) fn draw(&self, drawn: &Drawn, block: &mut Vec<u8>) {
        let mut values = drawn.values.iter();
        for piece in &self.pieces {
            match piece {
                Piece::Fixed(bytes) => block.extend_from_slice(bytes),
                Piece::Path => hpack::field(b":path", &drawn.path, false, block),
                Piece::Field(name, sensitive) => {
                    let value = values.next().map_or(&[][..], |value| value);
                    hpack::field(name.as_bytes(), value, *sensitive, block);
                }
            }
        }
        if drawn.body.is_none() {
            block.extend_from_slice(&self.tail);
        }
    }
}
