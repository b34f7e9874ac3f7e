//! URLs, headers and connection targets, as the user writes them.

use url::{Host, Url};

use crate::cli::hints::nearly_a_command;
use crate::request::{Header, authority_of};
use crate::uri::{self, Parts};

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A URL's parts, as far as requests are concerned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// Without user, password and fragment.
    pub(crate) shown: String,
    pub(crate) tls: bool,
    /// A name, or an IP literal without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The `Host` header.
    pub(crate) authority: String,
    /// Path and query as typed, but for what cannot be sent; or their template.
    pub(crate) path: String,
    /// `user:password`, decoded.
    pub(crate) credentials: Option<Vec<u8>>,
}

impl Location {
    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }
}

const HINT: &str = "write it as in http://127.0.0.1:8000/path";

/// Takes a URL apart. In `outline`, which is as long, nothing of a template can be taken for a delimiter.
pub(crate) fn parse_url(text: &str, outline: &str) -> Result<Location, String> {
    let is_template = |part: std::ops::Range<usize>| text[part.clone()] != outline[part];
    let host_is_template =
        || format!("'{text}': a template can make path and query, but not the host: list hosts with --targets");
    let Some(parts) = Parts::of(outline) else {
        let is_template = is_template(0..outline.find('/').unwrap_or(outline.len()));
        let no_scheme = || match nearly_a_command(text) {
            Some(command) => format!("'{text}' is neither a URL nor a command: did you mean '{command}'?"),
            None => format!("'{text}' has no scheme: did you mean http://{text}?"),
        };
        return Err(if is_template { host_is_template() } else { no_scheme() });
    };
    if is_template(0..parts.authority.end) {
        return Err(host_is_template());
    }
    if outline.chars().any(|c| c.is_control()) {
        return Err(format!("the URL {text:?} has a control character: {HINT}"));
    }
    let authority = &text[parts.authority.clone()];
    if authority.contains('\\') {
        return Err(format!("'{text}' has a backslash in its host: {HINT}"));
    }
    // The crate `url` would normalise the path.
    let url = Url::parse(&text[..parts.authority.end]);
    let tls = match text[parts.scheme].to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        other => return Err(format!("'{text}': the scheme '{other}' is not known: use http or https")),
    };
    let mut url = url.map_err(|e| format!("'{text}' is not a URL: {e}; {HINT}"))?;
    let host = match url.host() {
        None => return Err(format!("'{text}' has no host: {HINT}")),
        Some(Host::Domain(name)) => name.to_string(),
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Ipv6(ip)) => ip.to_string(),
    };
    let port = url.port_or_known_default().unwrap_or(80);
    if port == 0 {
        return Err(format!("'{text}': nobody can listen on port 0"));
    }
    let user = (percent_decode(url.username()), percent_decode(url.password().unwrap_or("")));
    let credentials = if url.username().is_empty() && url.password().is_none() {
        None
    } else if user.0.contains(&b':') {
        return Err(format!("the user name in the URL of '{host}' has a colon, which would begin the password"));
    } else {
        Some(credentials("the URL", [&user.0[..], b":", &user.1].concat())?)
    };
    // Neither can fail for a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let path = parts.path.start..parts.query.end;
    let slash = if parts.path.is_empty() { "/" } else { "" };
    let typed = format!("{slash}{}", &text[path.clone()]);
    let path = if is_template(path) { typed } else { uri::encoded(&typed) };
    let authority = authority_of(&url);
    let shown = format!("{}://{authority}{path}", url.scheme());
    Ok(Location { shown, tls, host, port, authority, path, credentials })
}

/// `user:password`, as Basic authentication can send it (RFC 7617, 2).
pub(crate) fn credentials(name: &str, pair: Vec<u8>) -> Result<Vec<u8>, String> {
    if !pair.contains(&b':') {
        return Err(format!("{name} has no colon: write user:password, or 'user:' for an empty password"));
    }
    if pair.iter().any(u8::is_ascii_control) {
        return Err(format!(
            "user and password of {name} have a control character, which Basic authentication cannot send"
        ));
    }
    Ok(pair)
}

fn percent_decode(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

/// What a `--header` says, in the words of curl's `-H`.
#[derive(Debug)]
pub(crate) enum HeaderLine {
    /// `Name: value`, or `Name;` for one without a value.
    Sent(Header),
    /// `Name:`, the name of a header that is not sent.
    Removed(String),
}

/// A `Name: value` line. What could end the line and begin another is refused.
pub(crate) fn parse_header(text: &str) -> Result<HeaderLine, String> {
    let (name, value) = match text.split_once(':') {
        Some((name, value)) => (name, Some(header_value(name, value)?).filter(|value| !value.is_empty())),
        None => match text.trim_end().strip_suffix(';') {
            Some(name) => (name, Some(String::new())),
            None => return Err(format!("header {text:?} has no colon: write 'Name: value'")),
        },
    };
    if !is_token(name) {
        return Err(format!("header {text:?}: {name:?} is not a header name"));
    }
    Ok(match value {
        Some(value) => HeaderLine::Sent(Header { name: name.into(), value: value.into() }),
        None => HeaderLine::Removed(name.into()),
    })
}

/// A header's value (RFC 9110, 5.5), trimmed.
pub(crate) fn header_value(name: &str, value: &str) -> Result<String, String> {
    match value.bytes().any(|b| b == 0x7f || (b < b' ' && b != b'\t')) {
        true => Err(format!("the value of header {name} has a line break or control character, which is refused")),
        false => Ok(value.trim().into()),
    }
}

/// A token (RFC 9110, 5.6.2): a method or a header's name.
pub(crate) fn is_token(text: &str) -> bool {
    let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_tchar)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(text: &str) -> Result<Location, String> {
        parse_url(text, text)
    }

    #[test]
    fn urls_come_apart() {
        let url = plain("https://user:p%40ss@Example.COM:8443/a b?q=1#frag").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.tls), ("example.com", 8443, true));
        assert_eq!((url.path.as_str(), url.authority.as_str()), ("/a%20b?q=1", "example.com:8443"));
        assert_eq!(url.credentials.as_deref(), Some(&b"user:p@ss"[..]));
        assert_eq!(url.shown, "https://example.com:8443/a%20b?q=1");
        let url = plain("http://[::1]").unwrap();
        assert_eq!((url.host.as_str(), url.authority.as_str(), url.port), ("::1", "[::1]", 80));
    }

    #[test]
    fn paths_are_kept_as_typed() {
        for (typed, sent) in [
            ("", "/"),
            ("?a/../b", "/?a/../b"),
            ("#a", "/"),
            ("/a/../b/./c/%2e%2E/..#d", "/a/../b/./c/%2e%2E/.."),
            ("/a[1]|'?q='[]'|", "/a[1]|'?q='[]'|"),
            ("/a\\b{c}^`\"<>?q={\"\\}^`", "/a%5Cb%7Bc%7D%5E%60%22%3C%3E?q=%7B%22%5C%7D%5E%60"),
            ("/é %zz%", "/%C3%A9%20%zz%"),
        ] {
            assert_eq!(plain(&format!("http://h{typed}")).map(|url| url.path), Ok(sent.into()), "{typed}");
        }
    }

    #[test]
    fn a_user_is_decoded_byte_for_byte() {
        for (user, pair) in [
            ("", None),
            ("u@", Some(&b"u:"[..])),
            ("u:@", Some(b"u:")),
            (":p@", Some(b":p")),
            ("%E9:%zz%+1@", Some(b"\xe9:%zz%+1")),
            ("a@b:c:d@", Some(b"a@b:c:d")),
        ] {
            assert_eq!(plain(&format!("http://{user}h/")).unwrap().credentials.as_deref(), pair, "{user}");
        }
        for (pair, reason) in [("user", "has no colon"), ("user:\n", "control character")] {
            let error = credentials("--basic-auth", pair.into()).unwrap_err();
            assert!(error.contains(reason) && !error.contains('\n'), "{error}");
        }
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
            ("h/?u=http://i", "has no scheme"),
            ("http://h\\a", "backslash"),
            ("http://a%3ab:c@h/", "has a colon"),
            ("http://a%0a@h/", "control character"),
        ] {
            let error = plain(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn headers_are_lines_and_cannot_become_two() {
        let sent = |text: &str| match parse_header(text).unwrap() {
            HeaderLine::Sent(header) => (header.name, header.value.fixed().map(String::from)),
            HeaderLine::Removed(name) => (name, None),
        };
        for (text, name, value) in [
            ("X-Id:  a b ", "X-Id", Some("a b")),
            ("X-Id:;", "X-Id", Some(";")),
            ("X-Id;", "X-Id", Some("")),
            ("X-Id:", "X-Id", None),
            ("X-Id: \t", "X-Id", None),
        ] {
            assert_eq!(sent(text), (name.into(), value.map(String::from)), "{text}");
        }
        for text in ["no colon", ": x", "a b: c", "X: a\r\nY: b", "X: a\nb", "X\r\n: a", "X: \0", ";", "X; a", "X\n;"] {
            assert!(parse_header(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_text_reaches_the_wire_with_a_line_break(text in "\\PC*|[a-zA-Z]+;[ \r\n]?|[a-zA-Z]+:[ -~\r\n\t]*") {
            if let Ok(HeaderLine::Sent(header)) = parse_header(&text) {
                prop_assert!(!header.value.fixed().unwrap().contains(['\r', '\n', '\0']) && is_token(&header.name));
            }
        }

        #[test]
        fn no_url_text_panics_or_smuggles(text in "http://[ -~\r\n]{0,40}") {
            if let Ok(url) = plain(&text) {
                prop_assert!(url.path.starts_with('/') && !url.path.contains([' ', '\r', '\n']));
                prop_assert!(!url.authority.contains([' ', '\r', '\n', '/']));
            }
        }
    }
}
