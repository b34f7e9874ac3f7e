//! Requests as header blocks: encoded once.

use std::rc::Rc;

use crate::request::{Body, RequestHead};

use super::hpack;

/// What the HTTP/2 sessions of one worker share.
#[derive(Debug)]
pub struct Codec {
    /// The header block of a request with the shared body, or with none.
    pub(super) shared: Vec<u8>,
    pub(super) body: Option<Rc<[u8]>>,
    /// The block of a request with a body of its own, without `content-length`.
    pub(super) prefix: Vec<u8>,
    /// The request is HEAD: its answers have no body.
    pub(super) is_head: bool,
}

/// Fields of a connection, which HTTP/2 does not have (RFC 9113, 8.2.2).
pub const OF_A_CONNECTION: [&str; 5] = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// Fields that no table shall keep (RFC 7541, 7.1.3).
const SENSITIVE: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

impl Codec {
    /// Encodes what does not change from request to request (RFC 9113, 8.3.1).
    pub fn new(head: &RequestHead, body: &Body, scheme: &str) -> Codec {
        let mut prefix = Vec::with_capacity(256);
        let pseudo =
            [(":method", &*head.method), (":scheme", scheme), (":path", &*head.path), (":authority", &*head.authority)];
        for (name, value) in pseudo {
            hpack::field(name.as_bytes(), value.as_bytes(), false, &mut prefix);
        }
        for header in &head.headers {
            let name = header.name.to_ascii_lowercase();
            if !OF_A_CONNECTION.contains(&&*name) {
                let sensitive = SENSITIVE.contains(&&*name);
                hpack::field(name.as_bytes(), header.value.as_bytes(), sensitive, &mut prefix);
            }
        }
        let mut shared = prefix.clone();
        let body = match body {
            Body::Fixed(bytes) => {
                hpack::content_length(bytes.len(), &mut shared);
                Some(Rc::from(&bytes[..])).filter(|bytes: &Rc<[u8]>| !bytes.is_empty())
            }
            // A method that may carry a body says that it carries none (RFC 9110, 8.6).
            Body::None if matches!(head.method.as_str(), "POST" | "PUT" | "PATCH") => {
                hpack::content_length(0, &mut shared);
                None
            }
            Body::None | Body::Dynamic => None,
        };
        Codec { shared, body, prefix, is_head: head.is_head() }
    }
}
