//! Requests as bytes: the head once, the body each time.

use std::rc::Rc;

use crate::request::{Body, Payload, RequestHead};

use super::HeadCache;

/// What the HTTP/1.1 sessions of one worker share.
#[derive(Debug)]
pub struct Codec {
    /// The last answer's head.
    pub(super) heads: HeadCache,
    /// A whole request with the shared body, ready to be sent.
    shared: Rc<[u8]>,
    /// A request's head up to the value of `Content-Length`.
    prefix: Vec<u8>,
}

impl Codec {
    /// Encodes what does not change from request to request (RFC 9112, 3 to 6).
    pub fn new(head: &RequestHead, body: &Body) -> Codec {
        let mut prefix = Vec::with_capacity(256);
        let mut line = |parts: [&str; 4]| {
            parts.iter().for_each(|part| prefix.extend_from_slice(part.as_bytes()));
            prefix.extend_from_slice(b"\r\n");
        };
        line([&head.method, " ", &head.path, " HTTP/1.1"]);
        line(["Host: ", &head.authority, "", ""]);
        for header in &head.headers {
            line([&header.name, ": ", &header.value, ""]);
        }
        if !head.keep_alive {
            line(["Connection: close", "", "", ""]);
        }
        let mut shared = prefix.clone();
        match body {
            // A method that may carry a body says that it carries none (RFC 9110, 8.6).
            Body::None if matches!(head.method.as_str(), "POST" | "PUT" | "PATCH") => {
                shared.extend_from_slice(b"Content-Length: 0\r\n\r\n");
            }
            Body::None | Body::Dynamic => shared.extend_from_slice(b"\r\n"),
            Body::Fixed(bytes) => {
                shared.extend_from_slice(format!("Content-Length: {}\r\n\r\n", bytes.len()).as_bytes());
                shared.extend_from_slice(bytes);
            }
        }
        prefix.extend_from_slice(b"Content-Length: ");
        Codec { heads: HeadCache::new(head.is_head()), shared: shared.into(), prefix }
    }

    /// A request's bytes, as one shared block or written over `own`.
    #[inline]
    pub(super) fn encode(&self, payload: Payload<'_>, own: &mut Vec<u8>) -> Option<Rc<[u8]>> {
        match payload {
            Payload::Shared => Some(Rc::clone(&self.shared)),
            Payload::Own(body) => {
                own.clear();
                own.reserve(self.prefix.len() + body.len() + 24);
                own.extend_from_slice(&self.prefix);
                own.extend_from_slice(itoa::Buffer::new().format(body.len()).as_bytes());
                own.extend_from_slice(b"\r\n\r\n");
                own.extend_from_slice(body);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Header;

    fn head(method: &str, keep_alive: bool) -> RequestHead {
        let headers = vec![Header { name: "Accept".into(), value: "*/*".into() }];
        RequestHead { method: method.into(), path: "/a?b=c".into(), authority: "host:81".into(), headers, keep_alive }
    }

    fn shared(head: &RequestHead, body: &Body) -> String {
        let bytes = Codec::new(head, body).encode(Payload::Shared, &mut Vec::new()).unwrap();
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
        let codec = Codec::new(&head("PUT", true), &Body::Dynamic);
        assert!(codec.encode(Payload::Own(b"{}"), &mut own).is_none());
        assert!(own.starts_with(b"PUT /a?b=c") && own.ends_with(b"Content-Length: 2\r\n\r\n{}"));
    }
}
