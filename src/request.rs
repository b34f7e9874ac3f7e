//! What a request says, whichever protocol carries it.

use std::sync::Arc;

use url::Url;

use crate::feed::Lines;
use crate::template::Template;

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

/// A header's value as it may stand in a line: control characters become spaces (RFC 9110, 5.5).
pub fn clean_value(value: &[u8], out: &mut Vec<u8>) {
    let is_control = |byte: u8| byte < b' ' || byte == 0x7f;
    // A value with a space at an end would be malformed in HTTP/2 (RFC 9113, 8.2.1).
    let is_said = |byte: &u8| *byte != b' ' && !is_control(*byte);
    let Some(start) = value.iter().position(is_said) else { return };
    let end = value.iter().rposition(is_said).map_or(start, |last| last + 1);
    out.extend(value[start..end].iter().map(|&byte| if is_control(byte) && byte != b'\t' { b' ' } else { byte }));
}

/// Headers by which a server knows who asks.
const CREDENTIALS: [&str; 10] = [
    "api-key",
    "authorization",
    "cookie",
    "private-token",
    "proxy-authorization",
    "x-access-token",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-goog-api-key",
];

/// The header is a credential: reports mask it, no table of HPACK keeps it, and a redirect to another host does not
/// take it along.
pub fn is_credential(name: &str) -> bool {
    CREDENTIALS.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Headers of one connection, which HTTP/2 does not have (RFC 9113, 8.2.2).
pub const OF_A_CONNECTION: [&str; 5] = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// A request over HTTP/2 may have the header (RFC 9113, 8.2.2). None: the value differs from request to request.
pub fn fits_http2(name: &str, value: Option<&str>) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    match value {
        _ if OF_A_CONNECTION.iter().any(|other| is(other)) || is("http2-settings") => false,
        value if is("te") => value.is_some_and(|value| value.eq_ignore_ascii_case("trailers")),
        _ => true,
    }
}

/// The value of the first parameter `boundary` of a media type (RFC 9110, 8.3.1; RFC 2046, 5.1.1), unless it is empty.
pub fn boundary(content_type: &str) -> Option<String> {
    parameters(content_type).find_map(boundary_of).filter(|boundary| !boundary.is_empty())
}

/// A media type that has no boundary, with one.
pub fn with_boundary(content_type: &str, boundary: &str) -> String {
    let mut whole = content_type.split(';').next().unwrap_or_default().trim().to_string();
    let others = parameters(content_type).map(str::trim);
    for parameter in others.filter(|parameter| !parameter.is_empty() && boundary_of(parameter).is_none()) {
        whole += &format!("; {parameter}");
    }
    format!("{whole}; boundary={boundary}")
}

/// What stands between the semicolons behind a media type, but for those in quotes.
fn parameters(content_type: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let split = content_type.split(move |c: char| {
        if !std::mem::take(&mut is_escaped) {
            is_escaped = is_quoted && c == '\\';
            is_quoted ^= c == '"';
        }
        c == ';' && !is_quoted
    });
    split.skip(1)
}

fn boundary_of(parameter: &str) -> Option<String> {
    let (name, value) = parameter.split_once('=')?;
    let value = value.trim();
    if !name.trim().eq_ignore_ascii_case("boundary") {
        return None;
    }
    let Some(quoted) = value.strip_prefix('"') else { return Some(value.into()) };
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next().filter(|&c| c != '"') {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Some(text)
}

/// A header's value as reports show it.
pub fn masked<'a>(name: &str, value: &'a str) -> &'a str {
    if is_credential(name) { "***" } else { value }
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

    #[test]
    fn credentials_are_masked_whatever_their_case() {
        for name in ["Authorization", "COOKIE", "proxy-authorization", "X-Api-Key", "X-Auth-Token"] {
            assert!(is_credential(name) && masked(name, "secret") == "***", "{name}");
        }
        for name in ["Accept", "X-Request-Id", "Set-Cookie"] {
            assert!(!is_credential(name) && masked(name, "plain") == "plain", "{name}");
        }
    }

    #[test]
    fn http2_has_no_headers_of_a_connection() {
        for (name, value, fits) in [
            ("Connection", Some("keep-alive"), false),
            ("keep-alive", Some("5"), false),
            ("HTTP2-Settings", Some("AAMAAABk"), false),
            ("TE", Some("gzip"), false),
            ("TE", Some("gzip, trailers"), false),
            ("te", Some("Trailers"), true),
            ("TE", None, false),
            ("X-A", None, true),
            ("Upgrade-Insecure-Requests", Some("1"), true),
        ] {
            assert_eq!(fits_http2(name, value), fits, "{name}: {value:?}");
        }
    }

    #[test]
    fn boundaries_are_found_and_added() {
        for (given, found, with) in [
            ("multipart/form-data", None, "multipart/form-data; boundary=b"),
            ("multipart/form-data;", None, "multipart/form-data; boundary=b"),
            ("multipart/form-data; charset=utf-8", None, "multipart/form-data; charset=utf-8; boundary=b"),
            ("multipart/form-data; boundary=", None, "multipart/form-data; boundary=b"),
            ("multipart/form-data; x=\"; boundary=y\"", None, "multipart/form-data; x=\"; boundary=y\"; boundary=b"),
            ("multipart/form-data;Boundary=X", Some("X"), ""),
            ("multipart/form-data; boundary = \"a \\\"; b\" ; c=d", Some("a \"; b"), ""),
            ("multipart/form-data; boundary=X; boundary=Y", Some("X"), ""),
            ("application/json", None, "application/json; boundary=b"),
        ] {
            assert_eq!(boundary(given).as_deref(), found, "{given}");
            if found.is_none() {
                assert_eq!(with_boundary(given, "b"), with);
            }
        }
    }

    proptest! {
        #[test]
        fn no_value_ends_a_line(text: Vec<u8>) {
            let value = cleaned(&text);
            prop_assert!(!value.iter().any(|&b| b == 0x7f || (b < b' ' && b != b'\t')));
            prop_assert_eq!(value.trim_ascii(), &value[..]);
        }

        #[test]
        fn a_boundary_that_was_added_is_found(text in "[a-z]{1,3}/[a-z]{1,3}(; ?(a=b|boundary|boundary=|c=\"[;\\\\ a]{0,3})?){0,4}") {
            if boundary(&text).is_none() {
                // Behind a quote that is not closed nothing can be found.
                let is_open = parameters(&text).any(|parameter| parameter.contains('"'));
                prop_assert!(is_open || boundary(&with_boundary(&text, "x-1")).as_deref() == Some("x-1"), "{}", text);
            }
        }
    }
}
