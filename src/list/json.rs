//! vegeta's JSON lines: an object for each request, its body in base64.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Number;

use super::{Entry, EntryBody, is_token, is_url, parse_weight, quoted};

const HINT: &str = r#"a line is a JSON object, as in {"method": "GET", "url": "http://127.0.0.1:8000/path"}"#;

/// Reads lines with their numbers, without comments.
pub(super) fn parse<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Result<Vec<Entry>, String> {
    let said = lines.filter(|(_, line)| !line.is_empty());
    said.map(|(number, line)| entry(number, line).map_err(|error| format!("line {number}: {error}"))).collect()
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JSON object")]
struct Line {
    method: String,
    url: String,
    header: Option<Headers>,
    body: Option<String>,
    weight: Option<Number>,
}

fn entry(number: usize, text: &str) -> Result<Entry, String> {
    // serde would take an array for the fields in their order.
    if !text.starts_with('{') {
        return Err(format!("{} is not an object: {HINT}", quoted(text)));
    }
    let line: Line = serde_json::from_str(text).map_err(|e| explain(&e))?;
    if !is_token(&line.method) {
        return Err(format!("{} is not a method: write it as in GET", quoted(&line.method)));
    }
    if !is_url(&line.url) {
        return Err(format!("{} is not a URL: begin it with http://, https:// or '/'", quoted(&line.url)));
    }
    let headers = line.header.map_or_else(Vec::new, |headers| headers.0);
    if let Some((name, _)) = headers.iter().find(|(name, _)| !is_token(name)) {
        return Err(format!("{} is not a header's name: write it as in Content-Type", quoted(name)));
    }
    let decode = |text: String| match BASE64_STANDARD.decode(&text) {
        Ok(bytes) => Ok(EntryBody::Bytes(bytes)),
        Err(_) => Err(format!("the body {} is not base64 with its padding: write it as in aGVsbG8=", quoted(&text))),
    };
    Ok(Entry {
        line: number,
        method: Some(line.method),
        url: line.url,
        headers,
        body: line.body.map(decode).transpose()?,
        weight: line.weight.map_or(Ok(1), |weight| parse_weight(&weight.to_string()))?,
    })
}

/// What serde says, on one line, with the place in this line instead of the place in the text it was given.
fn explain(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = said.strip_suffix(&place).unwrap_or(&said).replace('`', "'").replace(char::is_control, "\u{fffd}");
    let what = what.replace("recursion limit exceeded", "more than 127 objects and arrays within each other");
    format!("{what} at column {}: {HINT}", error.column())
}

/// An object's members in order, which a map would not keep.
struct Headers(Vec<(String, String)>);

#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "a header's value is neither a string nor an array of strings")]
enum Values {
    One(String),
    Several(Vec<String>),
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Headers, D::Error> {
        deserializer.deserialize_map(HeadersVisitor)
    }
}

struct HeadersVisitor;

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of headers")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Headers, M::Error> {
        let mut headers = Vec::new();
        while let Some((name, values)) = map.next_entry::<String, Values>()? {
            match values {
                Values::One(value) => headers.push((name, value)),
                Values::Several(values) => headers.extend(values.into_iter().map(|value| (name.clone(), value))),
            }
        }
        Ok(Headers(headers))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse, tests::entry};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read_as_vegeta_writes_them() {
        let list = concat!(
            r#"{"method":"GET","url":"http://goku:9090/path?q=1"}"#,
            "\n# comment\n\n",
            r#"{"method":"POST","url":"/b","body":"eyJhIjoxfQ==","header":{"B":["1","2"],"a":["3"],"B":"4"}}"#,
            "\r\n",
            r#"{"url": "/c {{ n }}", "weight": 7, "method": "PUT", "body": "", "header": {}}"#,
            "\n",
            r#"{"method":"GET","url":"/d","header":null,"body":null,"weight":null}"#,
        );
        let headers = [("B", "1"), ("B", "2"), ("a", "3"), ("B", "4")].map(|(name, value)| (name.into(), value.into()));
        let body = |bytes: &[u8]| Some(EntryBody::Bytes(bytes.into()));
        let expected = vec![
            entry(1, "GET", "http://goku:9090/path?q=1"),
            Entry { headers: headers.into(), body: body(b"{\"a\":1}"), ..entry(4, "POST", "/b") },
            Entry { weight: 7, body: body(b""), ..entry(5, "PUT", "/c {{ n }}") },
            entry(6, "GET", "/d"),
        ];
        assert_eq!(parse(list.as_bytes()), Ok(expected));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let hint = |what: &str| format!("line 2: {what}: {HINT}");
        let weight = |what| format!("line 2: '{what}' is not a weight: write a whole number from 1 to 1,000,000,000");
        for (line, error) in [
            ("GET /a", hint("'GET /a' is not an object")),
            (r#"["GET", "/a"]"#, hint(r#"'["GET", "/a"]' is not an object"#)),
            ("{", hint("EOF while parsing an object at column 1")),
            (r#"{"url": "/a"}"#, hint("missing field 'method' at column 13")),
            (r#"{"method": "GET"}"#, hint("missing field 'url' at column 17")),
            (
                r#"{"method": "GET", "url": "/a", "wait": 5}"#,
                hint("unknown field 'wait', expected one of 'method', 'url', 'header', 'body', 'weight' at column 37"),
            ),
            (r#"{"method": "GET", "method": "GET"}"#, hint("duplicate field 'method' at column 26")),
            (r#"{"method": 5}"#, hint("invalid type: integer '5', expected a string at column 12")),
            (r#"{"method": "GET", "url": "/a"} 5"#, hint("trailing characters at column 32")),
            (
                r#"{"header": {"A": 5}}"#,
                hint("a header's value is neither a string nor an array of strings at column 19"),
            ),
            (
                &format!(r#"{{"header": {{"A": {}"#, "[".repeat(100_000)),
                hint("more than 127 objects and arrays within each other at column 143"),
            ),
            (r#"{"header": []}"#, hint("invalid type: sequence, expected an object of headers at column 11")),
            (
                r#"{"method": "GET", "url": "a"}"#,
                "line 2: 'a' is not a URL: begin it with http://, https:// or '/'".into(),
            ),
            (r#"{"method": "G T", "url": "/"}"#, "line 2: 'G T' is not a method: write it as in GET".into()),
            (r#"{"method": "", "url": "/"}"#, "line 2: '' is not a method: write it as in GET".into()),
            (
                r#"{"method": "GET", "url": "/", "header": {"A\n": "b"}}"#,
                "line 2: 'A\u{fffd}' is not a header's name: write it as in Content-Type".into(),
            ),
            (
                r#"{"method": "GET", "url": "/", "body": "YQ"}"#,
                "line 2: the body 'YQ' is not base64 with its padding: write it as in aGVsbG8=".into(),
            ),
            (r#"{"method": "GET", "url": "/", "weight": 0}"#, weight("0")),
            (r#"{"method": "GET", "url": "/", "weight": -1}"#, weight("-1")),
            (r#"{"method": "GET", "url": "/", "weight": 1.5}"#, weight("1.5")),
            (r#"{"method": "GET", "url": "/", "weight": 1000000001}"#, weight("1000000001")),
        ] {
            let list = format!("{{\"method\": \"GET\", \"url\": \"/\"}}\n{line}");
            assert_eq!(parse(list.as_bytes()), Err(error), "{line}");
        }
    }

    fn written(entry: &Entry) -> String {
        let headers = entry.headers.iter();
        let headers = headers.map(|(name, value)| format!("{}: [{}]", json(name), json(value))).collect::<Vec<_>>();
        let body = match &entry.body {
            Some(EntryBody::Bytes(bytes)) => format!("\"{}\"", BASE64_STANDARD.encode(bytes)),
            _ => "null".into(),
        };
        let (method, url) = (json(entry.method.as_deref().unwrap_or_default()), json(&entry.url));
        format!(
            "{{\"method\": {method}, \"url\": {url}, \"header\": {{{}}}, \"body\": {body}, \"weight\": {}}}",
            headers.join(", "),
            entry.weight
        )
    }

    fn json(text: &str) -> String {
        serde_json::to_string(text).unwrap()
    }

    const TOKEN: &str = "[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,8}";

    prop_compose! {
        fn any_entry()(
            method in TOKEN,
            url in "(/|[a-z{]{0,4}://)(?s:.){0,12}",
            headers in prop::collection::vec((TOKEN, "(?s:.){0,12}"), 0..4),
            body in prop::option::of(prop::collection::vec(any::<u8>(), 0..20)),
            weight in 1..=super::super::MAX_WEIGHT,
        ) -> Entry {
            Entry { line: 0, method: Some(method), url, headers, body: body.map(EntryBody::Bytes), weight }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(mut entries in prop::collection::vec(any_entry(), 1..5)) {
            for (line, entry) in (1..).zip(&mut entries) {
                entry.line = line;
            }
            let list: Vec<String> = entries.iter().map(written).collect();
            prop_assert_eq!(parse(list.join("\n").as_bytes()), Ok(entries));
        }
    }
}
