//! Lists as text: vegeta's HTTP format, of which a plain list of URLs is the simplest case.

use super::{Entry, EntryBody, is_token, is_url, parse_weight, quoted};

/// What may hold white space inside a URL: expressions and statements of templates.
const BRACES: [(&str, &str); 2] = [("{{", "}}"), ("{%", "%}")];

/// Reads lines with their numbers, without comments.
pub(super) fn parse<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Result<Vec<Entry>, String> {
    let mut entries: Vec<Entry> = Vec::new();
    // What a request has stands right below it: a blank line ends that.
    let mut open = false;
    for (number, line) in lines {
        if line.is_empty() {
            open = false;
            continue;
        }
        let above = entries.last_mut().filter(|_| open);
        let added = match Line::parse(line) {
            Ok(Line::Header(name, value)) => add_header(above, name, value),
            Ok(Line::Body(path)) => add_body(above, path),
            Ok(Line::Request { method, url, weight }) => {
                let (method, url) = (method.map(String::from), url.into());
                entries.push(Entry { line: number, method, url, headers: vec![], body: None, weight });
                open = true;
                Ok(())
            }
            Err(error) => Err(error),
        };
        added.map_err(|error| format!("line {number}: {error}"))?;
    }
    Ok(entries)
}

fn add_header(above: Option<&mut Entry>, name: &str, value: &str) -> Result<(), String> {
    let entry = above.ok_or_else(|| {
        format!("the header {} has no request right above it: a URL begins with http://, https:// or '/'", quoted(name))
    })?;
    entry.headers.push((name.into(), value.into()));
    Ok(())
}

fn add_body(above: Option<&mut Entry>, path: &str) -> Result<(), String> {
    let entry = above.ok_or_else(|| {
        format!("the body {} has no request right above it: write it below one, without a blank line", quoted(path))
    })?;
    if entry.body.is_some() {
        return Err(format!("{} is a second body of one request: write a request for each", quoted(path)));
    }
    entry.body = Some(EntryBody::File(path.into()));
    Ok(())
}

enum Line<'a> {
    Header(&'a str, &'a str),
    /// The path of a file.
    Body(&'a str),
    Request {
        method: Option<&'a str>,
        url: &'a str,
        weight: u32,
    },
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Result<Line<'a>, String> {
        if let Some(path) = line.strip_prefix('@') {
            return match path.trim_ascii_start() {
                "" => Err("'@' has no path: write it as in @body.json".into()),
                path => Ok(Line::Body(path)),
            };
        }
        match line.split_once(':') {
            // The scheme of a URL is a token too.
            Some((name, value)) if is_token(name) && !value.starts_with("//") => {
                Ok(Line::Header(name, value.trim_ascii()))
            }
            _ => Line::parse_request(line),
        }
    }

    fn parse_request(line: &'a str) -> Result<Line<'a>, String> {
        let words = split_words(line)?;
        let (method, rest) = match words.split_first() {
            Some((&first, rest)) if is_token(first) => (Some(first), rest),
            _ => (None, &words[..]),
        };
        match *rest {
            [url, ref rest @ ..] if is_url(url) => match *rest {
                [] => Ok(Line::Request { method, url, weight: 1 }),
                [weight] => Ok(Line::Request { method, url, weight: parse_weight(weight)? }),
                [_, more, ..] => Err(format!(
                    "{} is a word too many: write [METHOD] URL [weight], and white space in a URL as %20",
                    quoted(more)
                )),
            },
            _ => Err(format!(
                "{} is not a request: write [METHOD] URL [weight], where the URL begins with http://, https:// or '/'",
                quoted(line)
            )),
        }
    }
}

/// Splits at white space outside of template braces.
fn split_words(text: &str) -> Result<Vec<&str>, String> {
    let mut words = Vec::new();
    let mut start = None;
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        if next.is_ascii_whitespace() {
            words.extend(start.take().map(|start| &text[start..at]));
            at += 1;
            continue;
        }
        start.get_or_insert(at);
        at += match BRACES.iter().find(|(open, _)| rest.starts_with(open)) {
            None => next.len_utf8(),
            Some((open, close)) => match rest[open.len()..].find(close) {
                Some(inside) => open.len() + inside + close.len(),
                None => return Err(format!("'{open}' is not closed: write '{close}' behind it")),
            },
        };
    }
    words.extend(start.map(|start| &text[start..]));
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::super::{parse, tests::entry};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plain_list_has_a_request_on_each_line() {
        let list = concat!(
            "http://host/a\n/b 3\nPOST https://host:8443/c?q=1#f\r\n\n",
            "# /not/this\n\tpurge  //d\t1000000000 \nx:// 007\n",
            "/e/{{ a }}/{% if b %}c{% endif %}?{{'x y'}}&{d} 2\nGET {{ base }}://{{ \"{%\" }}",
        );
        let expected = vec![
            entry(1, "", "http://host/a"),
            Entry { weight: 3, ..entry(2, "", "/b") },
            entry(3, "POST", "https://host:8443/c?q=1#f"),
            Entry { weight: 1_000_000_000, ..entry(6, "purge", "//d") },
            Entry { weight: 7, ..entry(7, "", "x://") },
            Entry { weight: 2, ..entry(8, "", "/e/{{ a }}/{% if b %}c{% endif %}?{{'x y'}}&{d}") },
            entry(9, "GET", "{{ base }}://{{ \"{%\" }}"),
        ];
        assert_eq!(parse(list.as_bytes()), Ok(expected));
    }

    #[test]
    fn headers_and_a_body_stand_below_their_request() {
        let list = concat!(
            "POST http://goku:9090/things 2\nX-Account-ID: 8675309\r\n# comment\nReferer:http://a/: b \n",
            "@/path/to/newthing.json\nx-account-id:\n",
            "/next\n\nPUT /last\n@ a b.bin\n",
        );
        let headers = [("X-Account-ID", "8675309"), ("Referer", "http://a/: b"), ("x-account-id", "")];
        let expected = vec![
            Entry {
                headers: headers.map(|(name, value)| (name.into(), value.into())).into(),
                body: Some(EntryBody::File("/path/to/newthing.json".into())),
                weight: 2,
                ..entry(1, "POST", "http://goku:9090/things")
            },
            entry(7, "", "/next"),
            Entry { body: Some(EntryBody::File("a b.bin".into())), ..entry(9, "PUT", "/last") },
        ];
        assert_eq!(parse(list.as_bytes()), Ok(expected));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let url = "URL begins with http://, https:// or '/'";
        let no_request = format!("is not a request: write [METHOD] URL [weight], where the {url}");
        let no_header = format!("has no request right above it: a {url}");
        let no_body = "has no request right above it: write it below one, without a blank line";
        let no_weight = "is not a weight: write a whole number from 1 to 1,000,000,000";
        for (list, error) in [
            ("GET", format!("line 1: 'GET' {no_request}")),
            ("/a\n\nGET host", format!("line 3: 'GET host' {no_request}")),
            ("/a\nX-Id : 5", format!("line 2: 'X-Id : 5' {no_request}")),
            ("(GET) /a", format!("line 1: '(GET) /a' {no_request}")),
            ("[{}]", format!("line 1: '[{{}}]' {no_request}")),
            ("/a\n/b 0", format!("line 2: '0' {no_weight}")),
            ("/a -1", format!("line 1: '-1' {no_weight}")),
            ("/a +1", format!("line 1: '+1' {no_weight}")),
            ("/a 1.5", format!("line 1: '1.5' {no_weight}")),
            ("/a 1000000001", format!("line 1: '1000000001' {no_weight}")),
            ("/a 99999999999", format!("line 1: '99999999999' {no_weight}")),
            ("/a /b", format!("line 1: '/b' {no_weight}")),
            ("/a {{ x", "line 1: '{{' is not closed: write '}}' behind it".into()),
            ("/a%{% x }}", "line 1: '{%' is not closed: write '%}' behind it".into()),
            (
                "GET /a 5 c d",
                "line 1: 'c' is a word too many: write [METHOD] URL [weight], and white space in a URL as %20".into(),
            ),
            ("/a\n\nA: b", format!("line 3: the header 'A' {no_header}")),
            ("localhost:80/a", format!("line 1: the header 'localhost' {no_header}")),
            ("@a.json", format!("line 1: the body 'a.json' {no_body}")),
            ("# a\n/a\n\n@b", format!("line 4: the body 'b' {no_body}")),
            ("/a\n@ ", "line 2: '@' has no path: write it as in @body.json".into()),
            ("/a\n@b\nC: d\n@e", "line 4: 'e' is a second body of one request: write a request for each".into()),
        ] {
            assert_eq!(parse(list.as_bytes()), Err(error), "{list}");
        }
    }

    /// An entry as a line or several.
    fn written(entry: &Entry) -> String {
        let method = entry.method.as_ref().map_or(String::new(), |method| format!("{method} "));
        let mut text = format!("{method}{} {}\n", entry.url, entry.weight);
        for (name, value) in &entry.headers {
            text += &format!("{name}: {value}\n");
        }
        if let Some(EntryBody::File(path)) = &entry.body {
            text += &format!("@{}\n", path.display());
        }
        text
    }

    // No comment, and what is trimmed is not at an end.
    const TOKEN: &str = "[a-zA-Z0-9!$%&'*+.^_`|~-][a-zA-Z0-9!#$%&'*+.^_`|~-]{0,7}";
    const VALUE: &str = "([^\\s\\pC]([^\n]{0,8}[^\\s\\pC])?)?";
    const URL: &str = "(/|[a-z]{1,5}://)([^\\s{}]|\\{\\{[^{}\n]{0,5}\\}\\}|\\{%[^%\n]{0,5}%\\}){0,8}";

    prop_compose! {
        fn any_entry()(
            method in prop::option::of(TOKEN),
            url in URL,
            headers in prop::collection::vec((TOKEN, VALUE), 0..4),
            body in prop::option::of("[^\\s\\pC]{1,8}"),
            weight in 1..=super::super::MAX_WEIGHT,
        ) -> Entry {
            Entry { line: 0, method, url, headers, body: body.map(|path| EntryBody::File(path.into())), weight }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            mut entries in prop::collection::vec(any_entry(), 1..5),
            between in "(#[^\n]{0,5}\n|\n){0,3}",
        ) {
            let mut list = String::new();
            for entry in &mut entries {
                list += &between;
                entry.line = list.matches('\n').count() + 1;
                list += &written(entry);
            }
            prop_assert_eq!(parse(list.as_bytes()), Ok(entries));
        }
    }
}
