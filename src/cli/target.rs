//! URLs, headers and connection targets, as the user writes them.

use std::net::Ipv6Addr;

use url::{Host, Url};

use crate::request::{Header, authority_of, path_of};

/// Cores that this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A URL's parts, as far as requests are concerned.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Location {
    /// Without user, password and fragment.
    pub(super) shown: String,
    pub(super) tls: bool,
    /// A name, or an IP literal without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The `Host` header.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
    /// `user:password`, decoded.
    pub(super) credentials: Option<String>,
}

impl Location {
    /// Scheme, host and port.
    pub(super) fn origin(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }
}

/// Takes a URL apart.
pub(super) fn parse_url(text: &str) -> Result<Location, String> {
    let hint = "write it as in http://127.0.0.1:8000/path";
    if !text.contains("://") {
        return Err(format!("'{text}' has no scheme: {hint}"));
    }
    if text.chars().any(|c| c.is_control()) {
        return Err(format!("the URL {text:?} has a control character: {hint}"));
    }
    let mut url = Url::parse(text).map_err(|e| format!("'{text}' is not a URL: {e}; {hint}"))?;
    let tls = match url.scheme() {
        "http" => false,
        "https" => true,
        other => return Err(format!("'{text}': the scheme '{other}' is not known: use http or https")),
    };
    let host = match url.host() {
        None => return Err(format!("'{text}' has no host: {hint}")),
        Some(Host::Domain(name)) => name.to_string(),
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Ipv6(ip)) => ip.to_string(),
    };
    let decode = |text: &str| percent_decode(text);
    let credentials = (!url.username().is_empty() || url.password().is_some())
        .then(|| format!("{}:{}", decode(url.username()), decode(url.password().unwrap_or(""))));
    // Neither can fail for a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    let port = url.port_or_known_default().unwrap_or(80);
    if port == 0 {
        return Err(format!("'{text}': nobody can listen on port 0"));
    }
    let (authority, path) = (authority_of(&url), path_of(&url));
    Ok(Location { shown: url.to_string(), tls, host, port, authority, path, credentials })
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(decoded) if byte == b'%' => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A `Name: value` line. What could end the line and begin another is refused.
pub(super) fn parse_header(text: &str) -> Result<Header, String> {
    let (name, value) =
        text.split_once(':').ok_or_else(|| format!("header {text:?} has no colon: write 'Name: value'"))?;
    if !is_token(name) {
        return Err(format!("header {text:?}: {name:?} is not a header name"));
    }
    Ok(Header { name: name.into(), value: header_value(name, value)?.into() })
}

/// A header's value (RFC 9110, 5.5), trimmed.
pub(super) fn header_value(name: &str, value: &str) -> Result<String, String> {
    match value.bytes().any(|b| b == 0x7f || (b < b' ' && b != b'\t')) {
        true => Err(format!("the value of header {name} has a line break or control character, which is refused")),
        false => Ok(value.trim().into()),
    }
}

/// A token (RFC 9110, 5.6.2): a method or a header's name.
pub(super) fn is_token(text: &str) -> bool {
    let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// `HOST:PORT:HOST:PORT`, where an IPv6 address stands in brackets.
pub(super) fn parse_connect_to(text: &str) -> Result<[(String, u16); 2], String> {
    let wrong = || format!("--connect-to '{text}': write HOST:PORT:HOST:PORT, an IPv6 address in brackets");
    let (first, rest) = host_and_port(text).ok_or_else(wrong)?;
    let (second, rest) = rest.strip_prefix(':').and_then(host_and_port).ok_or_else(wrong)?;
    if rest.is_empty() { Ok([first, second]) } else { Err(wrong()) }
}

/// The leading `HOST:PORT`, and what follows it.
fn host_and_port(text: &str) -> Option<((String, u16), &str)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (ip, rest) = bracketed.split_once(']')?;
            (ip.parse::<Ipv6Addr>().ok()?.to_string(), rest.strip_prefix(':')?)
        }
        None => text.split_once(':').map(|(host, rest)| (host.to_ascii_lowercase(), rest))?,
    };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let port = rest[..digits].parse().ok().filter(|&port| port > 0)?;
    (!host.is_empty()).then_some(((host, port), &rest[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_come_apart() {
        let url = parse_url("https://user:p%40ss@Example.COM:8443/a b?q=1#frag").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.tls), ("example.com", 8443, true));
        assert_eq!((url.path.as_str(), url.authority.as_str()), ("/a%20b?q=1", "example.com:8443"));
        assert_eq!(url.credentials.as_deref(), Some("user:p@ss"));
        assert_eq!(url.shown, "https://example.com:8443/a%20b?q=1");
        let url = parse_url("http://[::1]").unwrap();
        assert_eq!((url.host.as_str(), url.authority.as_str(), url.port), ("::1", "[::1]", 80));
    }

    #[test]
    fn what_cannot_be_tested_is_refused_with_a_reason() {
        for (text, reason) in [
            ("127.0.0.1:8000/post", "has no scheme"),
            ("ftp://host/", "scheme 'ftp' is not known"),
            ("http://", "is not a URL"),
            ("http://host:99999/", "is not a URL"),
            ("http://host:0/", "port 0"),
            ("http://h/a\r\nX: y", "control character"),
        ] {
            let error = parse_url(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn headers_are_lines_and_cannot_become_two() {
        let header = parse_header("X-Id:  a b ").unwrap();
        assert_eq!((header.name.as_str(), header.value.fixed()), ("X-Id", Some("a b")));
        for text in ["no colon", ": x", "a b: c", "X: a\r\nY: b", "X: a\nb", "X\r\n: a", "X: \0"] {
            assert!(parse_header(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn connect_to_takes_names_and_bracketed_addresses() {
        let parsed = parse_connect_to("Example.com:443:[::1]:8443").unwrap();
        assert_eq!(parsed, [("example.com".into(), 443), ("::1".into(), 8443)]);
        for text in ["", "a:1", "a:1:b", "a:1:b:0", "a:1:b:2:c", ":1:b:2", "[::1:1:b:2", "a:x:b:2"] {
            assert!(parse_connect_to(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_header_text_reaches_the_wire_with_a_line_break(text in "\\PC*|[a-zA-Z]+:[ -~\r\n\t]*") {
            if let Ok(header) = parse_header(&text) {
                prop_assert!(!header.value.fixed().unwrap().contains(['\r', '\n', '\0']) && is_token(&header.name));
            }
        }

        #[test]
        fn no_url_text_panics_or_smuggles(text in "http://[ -~\r\n]{0,40}") {
            if let Ok(url) = parse_url(&text) {
                prop_assert!(url.path.starts_with('/') && !url.path.contains([' ', '\r', '\n']));
                prop_assert!(!url.authority.contains([' ', '\r', '\n', '/']));
            }
        }
    }
}
