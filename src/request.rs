//! What a request says, whichever protocol carries it.

use std::sync::Arc;

/// The part that all requests of a run have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path and query, as sent: starts with `/`.
    pub path: String,
    /// Host, and port where it is not the scheme's own: the `Host` header.
    pub authority: String,
    /// All further header lines in order, without `Host` and `Content-Length`.
    pub headers: Vec<Header>,
    /// The server is asked to keep the connection open.
    pub keep_alive: bool,
}

/// One header line. Neither part holds a CR, LF or NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// As the user wrote it.
    pub name: String,
    /// Without surrounding white space.
    pub value: String,
}

impl RequestHead {
    /// An answer to this request has no body, whatever its head says (RFC 9110, 9.3.2).
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }
}

/// What a request carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    None,
    /// The same bytes every time.
    Fixed(Arc<[u8]>),
    /// The built-in JSON object, another one for each request.
    Dynamic,
}

/// What a request carries this time.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// The body that all requests share, or none: the codec knows it.
    Shared,
    /// This request's own body.
    Own(&'a [u8]),
}

/// The schedule's name for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The number in the schedule (or in the warm-up), from 0.
    pub index: u64,
    /// Warm-up requests are sent but neither counted nor logged.
    pub measured: bool,
}
