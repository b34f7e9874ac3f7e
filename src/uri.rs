//! URLs as text (RFC 3986). What the user typed is kept: nothing is decoded, and dot segments stay where they are
//! unless somebody asks for their removal.

use std::ops::Range;

use percent_encoding::percent_encode_byte;

/// Where the parts of an absolute URL are in its text. The fragment is no part: it is never sent (RFC 9110, 4.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Without `://`.
    pub scheme: Range<usize>,
    /// User, host and port, up to the first `/`, `?` or `#`.
    pub authority: Range<usize>,
    /// Empty, or begins with `/`.
    pub path: Range<usize>,
    /// Empty, or begins with `?`.
    pub query: Range<usize>,
}

impl Parts {
    /// The parts of `url`; None if it does not begin with a scheme and `://`.
    pub fn of(url: &str) -> Option<Parts> {
        let scheme = scheme(url)?;
        let start = scheme + 1 + url[scheme + 1..].strip_prefix("//").map(|_| 2)?;
        let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
        let (path, query) = path_and_query(&url[end..]);
        let shifted = |part: Range<usize>| part.start + end..part.end + end;
        Some(Parts { scheme: 0..scheme, authority: start..end, path: shifted(path), query: shifted(query) })
    }
}

/// The length of the scheme before the first colon (RFC 3986, 3.1).
fn scheme(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c))?;
    (text.starts_with(|c: char| c.is_ascii_alphabetic()) && text[end..].starts_with(':')).then_some(end)
}

/// Path and query of what follows an authority. The query begins with its `?`.
fn path_and_query(text: &str) -> (Range<usize>, Range<usize>) {
    let end = text.find('#').unwrap_or(text.len());
    let path = text[..end].find('?').unwrap_or(end);
    (0..path, path..end)
}

/// What is left of a path that begins with `/` without its segments `.` and `..` (RFC 3986, 5.2.4): ranges of it,
/// which begin with `/`.
pub fn without_dot_segments(path: &str) -> Vec<Range<usize>> {
    let mut kept: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    while start < path.len() {
        let end = path[start + 1..].find('/').map_or(path.len(), |at| start + 1 + at);
        let segment = &path[start + 1..end];
        if segment == ".." {
            kept.pop();
        }
        if !matches!(segment, "." | "..") {
            kept.push(start..end);
        } else if end == path.len() {
            // What ends with a dot segment is a folder.
            kept.push(start..start + 1);
        }
        start = end;
    }
    kept
}

/// The path of `path`, which may be followed by a query, has a segment that a client might remove: `.` or `..`,
/// each dot as it is or as `%2e`.
pub fn has_dot_segments(path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.split('/').any(|segment| matches!(&*segment.to_ascii_lowercase().replace("%2e", "."), "." | ".."))
}

/// Appends path and query as they may stand in a request. What cannot stand there is percent-encoded (RFC 3986, 3.3
/// and 3.4); `[`, `]` and `|`, which cannot either but are sent as they are by browsers and curl, are kept.
pub fn encode(path: &[u8], out: &mut Vec<u8>) {
    for &byte in path {
        match byte {
            b'!' | b'$'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'|' | b'~' => out.push(byte),
            _ => out.extend_from_slice(percent_encode_byte(byte).as_bytes()),
        }
    }
}

/// `encode` of a text.
pub fn encoded(path: &str) -> String {
    let mut out = Vec::with_capacity(path.len());
    encode(path.as_bytes(), &mut out);
    // Nothing but ASCII is left of it.
    out.into_iter().map(char::from).collect()
}

/// Where a reference leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Scheme and authority, as in `http://host:81`. None: those of the base.
    pub origin: Option<String>,
    /// Path and query, as sent.
    pub path: String,
}

/// Resolves a reference, as a `Location` has it, against a base of this scheme with this path and query (RFC 3986,
/// 5.2.2). None: it has a scheme and no authority.
pub fn resolve(scheme_of_base: &str, base: &str, reference: &str) -> Option<Resolved> {
    let (origin, rest) = if scheme(reference).is_some() {
        let parts = Parts::of(reference)?;
        (Some(reference[..parts.authority.end].to_string()), &reference[parts.authority.end..])
    } else if let Some(behind) = reference.strip_prefix("//") {
        let end = behind.find(['/', '?', '#']).unwrap_or(behind.len());
        (Some(format!("{scheme_of_base}://{}", &behind[..end])), &behind[end..])
    } else {
        (None, reference)
    };
    let (path, query) = path_and_query(rest);
    let (path, query) = (&rest[path], &rest[query]);
    let (path_of_base, query_of_base) = path_and_query(base);
    let path = match path {
        "" if origin.is_some() => "/".into(),
        "" if query.is_empty() => {
            return Some(Resolved { origin, path: encoded(&base[..query_of_base.end]) });
        }
        "" => base[path_of_base].to_string(),
        path if path.starts_with('/') => removed(path),
        path => {
            let folder = &base[..base[path_of_base].rfind('/').map_or(0, |at| at + 1)];
            let slash = if folder.is_empty() { "/" } else { "" };
            removed(&format!("{slash}{folder}{path}"))
        }
    };
    Some(Resolved { origin, path: encoded(&(path + query)) })
}

fn removed(path: &str) -> String {
    without_dot_segments(path).into_iter().map(|range| &path[range]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::Url;

    #[test]
    fn a_url_comes_apart_where_its_delimiters_are() {
        for (url, parts) in [
            ("http://h", Some(["http", "h", "", ""])),
            ("http://u:p@h:1/a/../b?c=/d?e#f?g", Some(["http", "u:p@h:1", "/a/../b", "?c=/d?e"])),
            ("https://h?a/b", Some(["https", "h", "", "?a/b"])),
            ("http://h#a/b?c", Some(["http", "h", "", ""])),
            ("http://h/#a", Some(["http", "h", "/", ""])),
            ("http:///a", Some(["http", "", "/a", ""])),
            ("h/?u=http://i", None),
            ("http:/h", None),
            ("://h", None),
            ("1http://h", None),
            ("", None),
        ] {
            let found = Parts::of(url).map(|parts| {
                [parts.scheme, parts.authority, parts.path, parts.query].map(|range| url[range].to_string())
            });
            assert_eq!(found, parts.map(|parts| parts.map(String::from)), "{url}");
        }
    }

    #[test]
    fn dot_segments_are_removed_as_rfc_3986_says() {
        for (path, expected) in [
            ("/a/b/c/./../../g", "/a/g"),
            ("/a/../b", "/b"),
            ("/./", "/"),
            ("/.", "/"),
            ("/..", "/"),
            ("/../../a", "/a"),
            ("/a/..", "/"),
            ("/a//../b/", "/a/b/"),
            ("/a/.../..b/.c", "/a/.../..b/.c"),
            ("/b/%2e%2e/c", "/b/%2e%2e/c"),
            ("", ""),
        ] {
            assert_eq!(removed(path), expected, "{path}");
        }
    }

    #[test]
    fn dot_segments_are_found_in_paths_alone() {
        for path in ["/a/../b", "/.", "/%2E/a", "/a/.%2e?b", "/%2e%2e"] {
            assert!(has_dot_segments(path), "{path}");
        }
        for path in ["/", "/a.b/...", "/a?b=/../", "/a#/..", "/..a/%2e%2e%2e"] {
            assert!(!has_dot_segments(path), "{path}");
        }
    }

    #[test]
    fn what_cannot_stand_in_a_request_is_encoded() {
        assert_eq!(encoded("/a b\"<>\\^`{}#é\r\n"), "/a%20b%22%3C%3E%5C%5E%60%7B%7D%23%C3%A9%0D%0A");
        let kept = "/!$%&'()*+,-.0:;=?@AZ[]_az|~%2e%zz";
        assert_eq!(encoded(kept), kept);
    }

    #[test]
    fn references_are_resolved_as_rfc_3986_says() {
        // Section 5.4, but for what has another scheme.
        for (reference, expected) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("//g", "http://g/"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("#s", "/b/c/d;p?q"),
            ("g#s", "/b/c/g"),
            ("g?y#s", "/b/c/g?y"),
            (";x", "/b/c/;x"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../..", "/"),
            ("../../g", "/g"),
            ("../../../g", "/g"),
            ("/./g", "/g"),
            ("/../g", "/g"),
            ("g.", "/b/c/g."),
            ("..g", "/b/c/..g"),
            ("./g/.", "/b/c/g/"),
            ("g;x=1/../y", "/b/c/y"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("g#s/../x", "/b/c/g"),
            ("http://h:1?a#b", "http://h:1/?a"),
            ("https://u@h/%2e%2e/a b", "https://u@h/%2e%2e/a%20b"),
            ("a:1/b", "none"),
            ("http:g", "none"),
        ] {
            let resolved = resolve("http", "/b/c/d;p?q", reference);
            let text = resolved.map_or("none".into(), |r| r.origin.unwrap_or_default() + &r.path);
            assert_eq!(text, expected, "{reference}");
        }
    }

    proptest! {
        #[test]
        fn removal_is_that_of_the_url_crate(path in "(/(a|b|\\.|\\.\\.)?){1,8}") {
            let url = Url::parse(&format!("http://h{path}")).unwrap();
            prop_assert_eq!(removed(&path), url.path());
        }

        #[test]
        fn what_is_resolved_can_be_sent(base in "/[!-~]{0,9}", reference in "(?s:.){0,12}|[/.?#:a-c\\\\]{0,12}") {
            if let Some(resolved) = resolve("http", &base, &reference) {
                prop_assert!(resolved.path.starts_with('/'), "{resolved:?}");
                prop_assert!(resolved.path.bytes().all(|b| b.is_ascii_graphic() && b != b'#'), "{resolved:?}");
            }
        }
    }
}
