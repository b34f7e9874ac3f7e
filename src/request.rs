//! What a request says, whichever protocol carries it.

use std::sync::Arc;

use url::Url;

use crate::feed::Lines;
use crate::template::Template;
use crate::units::percent_encoded;

/// What requests of one kind have in common.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path and query, as sent: starts with `/`.
    pub path: Text,
    /// Host, and port where it is not the scheme's own: the `Host` header.
    pub authority: String,
    /// All further header lines in order, without `Host` and `Content-Length`.
    pub headers: Vec<Header>,
    /// The server is asked to keep the connection open.
    pub keep_alive: bool,
}

/// One header line. Neither part holds a CR, LF or NUL.
#[derive(Clone, Debug)]
pub struct Header {
    /// As the user wrote it.
    pub name: String,
    /// Without surrounding white space.
    pub value: Text,
}

/// A part of a request's head.
#[derive(Clone, Debug)]
pub enum Text {
    /// The same every time.
    Fixed(String),
    /// Another one for each request.
    Template(Arc<Template>),
}

impl Text {
    /// What it is every time; None if it differs.
    pub fn fixed(&self) -> Option<&str> {
        match self {
            Text::Fixed(text) => Some(text),
            Text::Template(_) => None,
        }
    }

    /// The template, if it is one.
    pub fn template(&self) -> Option<&Arc<Template>> {
        match self {
            Text::Fixed(_) => None,
            Text::Template(template) => Some(template),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::Fixed(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text::Fixed(text)
    }
}

impl RequestHead {
    /// An answer to this request has no body, whatever its head says (RFC 9110, 9.3.2).
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// The templates in it: of the path, then of the headers in order.
    pub fn templates(&self) -> impl Iterator<Item = &Arc<Template>> {
        let headers = self.headers.iter().map(|header| &header.value);
        std::iter::once(&self.path).chain(headers).filter_map(Text::template)
    }
}

/// What a request carries.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing.
    None,
    /// The same bytes every time.
    Fixed(Arc<[u8]>),
    /// Another one for each request.
    Template(Arc<Template>),
    /// Request n carries line n, and after the last line the first again.
    Lines(Arc<Lines>),
}

/// One request on its way to a protocol.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Which of the run's targets it is for.
    pub target: u32,
    /// What of it is its own.
    pub payload: Payload<'a>,
}

/// What of a request is its own.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// Nothing: the codec knows all of it.
    Shared,
    /// The body.
    Own(&'a [u8]),
    /// More than the body.
    Drawn(&'a Drawn),
    /// Everything: it goes where a redirect has sent it.
    Redirected(&'a Redirected),
}

/// What is asked of the place that a redirect names.
#[derive(Clone, Debug)]
pub struct Redirected {
    /// Its head.
    pub head: RequestHead,
    /// Its body, if it has one.
    pub body: Option<Arc<[u8]>>,
    /// Over TLS.
    pub https: bool,
}

impl Redirected {
    /// The body as all requests have one.
    pub fn body(&self) -> Body {
        self.body.as_ref().map_or(Body::None, |body| Body::Fixed(Arc::clone(body)))
    }
}

/// What has been made for one request.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// Path and query, if they differ: without what could not stand there.
    pub path: Vec<u8>,
    /// The values of those headers that differ, in order: without what could end a line.
    pub values: Vec<Vec<u8>>,
    /// The body, if it differs.
    pub body: Option<Vec<u8>>,
}

/// The schedule's name for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The number in the schedule (or in the warm-up), from 0.
    pub index: u64,
    /// Warm-up requests are sent but neither counted nor logged.
    pub measured: bool,
}

/// A path as it may stand in a request: what may not is percent-encoded (RFC 3986, 3.3 and 3.4).
pub fn clean_path(path: &[u8], out: &mut Vec<u8>) {
    for &byte in path {
        match byte {
            b'!' | b'$'..=b';' | b'=' | b'?'..=b'Z' | b'_' | b'a'..=b'z' | b'~' => out.push(byte),
            _ => out.extend_from_slice(&percent_encoded(byte)),
        }
    }
}

/// A header's value as it may stand in a line: control characters become spaces (RFC 9110, 5.5).
pub fn clean_value(value: &[u8], out: &mut Vec<u8>) {
    let is_control = |byte: u8| byte < b' ' || byte == 0x7f;
    // A value with a space at an end would be malformed in HTTP/2 (RFC 9113, 8.2.1).
    let is_said = |byte: &u8| *byte != b' ' && !is_control(*byte);
    let Some(start) = value.iter().position(is_said) else { return };
    let end = value.iter().rposition(is_said).map_or(start, |last| last + 1);
    out.extend(value[start..end].iter().map(|&byte| if is_control(byte) && byte != b'\t' { b' ' } else { byte }));
}

/// Headers by which a server knows who asks: no table keeps them, and no other host gets them.
pub fn is_credential(name: &str) -> bool {
    ["authorization", "cookie", "proxy-authorization"].iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// A header's value as reports show it.
pub fn masked<'a>(name: &str, value: &'a str) -> &'a str {
    if is_credential(name) || name.eq_ignore_ascii_case("x-api-key") { "***" } else { value }
}

/// The path and query of `url`, as sent.
pub fn path_of(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_string(), |query| format!("{}?{query}", url.path()))
}

/// The `Host` header of requests to `url`: its port only where it is not the scheme's own (RFC 9110, 7.2).
pub fn authority_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cleaned(value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        clean_value(value, &mut out);
        out
    }

    #[test]
    fn control_characters_of_values_become_spaces_inside_and_vanish_at_the_ends() {
        assert_eq!(cleaned(b" a\tb\r\nc\x7fd "), b"a\tb  c d");
        assert_eq!(cleaned(b"\0\r\na b\x01\x7f\t"), b"a b");
        assert_eq!(cleaned("\u{1}\u{e4}\u{85}".as_bytes()), "\u{e4}\u{85}".as_bytes());
        assert_eq!(cleaned(b" \r\n\0"), b"");
    }

    proptest! {
        #[test]
        fn no_value_ends_a_line_or_a_path(text: Vec<u8>) {
            let value = cleaned(&text);
            prop_assert!(!value.iter().any(|&b| b == 0x7f || (b < b' ' && b != b'\t')));
            prop_assert_eq!(value.trim_ascii(), &value[..]);
            let mut path = Vec::new();
            clean_path(&text, &mut path);
            prop_assert!(path.iter().all(u8::is_ascii_graphic));
        }
    }
}
