//! Lists of requests, as files have them: the formats of vegeta, and plain lists of URLs.

mod json;
mod text;

use std::path::PathBuf;

use crate::encoding::without_mark;

/// Weights go up to here: counts of a log, of which those of any list can be added up in 64 bits.
const MAX_WEIGHT: u32 = 1_000_000_000;

/// One request of a list, as the file says it: nothing is checked here that needs to know what a URL is, nor what a
/// header's value may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The line it begins on, from 1.
    pub line: usize,
    /// A token (RFC 9110, 5.6.2), as written. None: the file does not say.
    pub method: Option<String>,
    /// Absolute, or a path that begins with `/`. May hold template expressions.
    pub url: String,
    /// In order; a name, which is a token, may occur more than once.
    pub headers: Vec<(String, String)>,
    /// What it carries. None: the file does not say.
    pub body: Option<EntryBody>,
    /// How often it is sent, in proportion to the others: 1 unless said, 1 to 1,000,000,000.
    pub weight: u32,
}

/// What a request of a list carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryBody {
    /// These bytes, of which there may be none.
    Bytes(Vec<u8>),
    /// vegeta's `@path`: the content of a file, relative to the folder of the list.
    File(PathBuf),
}

/// Reads a list: JSON lines if its first line that says anything begins with `{`, else text. Lines that begin with
/// `#` are comments in both, and there is at least one request.
///
/// # Errors
/// One line that names the line, says what is wrong with it and what to do.
pub fn parse(text: &[u8]) -> Result<Vec<Entry>, String> {
    let text = without_mark(text)?;
    let text = str::from_utf8(text).map_err(|e| {
        let before = text[..e.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        format!("line {}: this is not UTF-8: save the list as UTF-8, and give other bytes in base64", before + 1)
    })?;
    let lines = (1..).zip(text.split('\n').map(str::trim_ascii)).filter(|(_, line)| !line.starts_with('#'));
    match lines.clone().find(|(_, line)| !line.is_empty()) {
        None => Err("no line has a request: write one on each, as in GET http://127.0.0.1:8000/path".into()),
        Some((_, first)) if first.starts_with('{') => json::parse(lines),
        Some(_) => text::parse(lines),
    }
}

/// As much as tells a URL from a method, a header and a weight.
fn is_url(text: &str) -> bool {
    text.starts_with('/') || text.contains("://")
}

/// A token (RFC 9110, 5.6.2): a method or a header's name.
fn is_token(text: &str) -> bool {
    let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_tchar)
}

fn parse_weight(text: &str) -> Result<u32, String> {
    // A sign is no digit, though it may be parsed.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let weight = text.parse().ok().filter(|weight| digits && (1..=MAX_WEIGHT).contains(weight));
    weight.ok_or_else(|| format!("{} is not a weight: write a whole number from 1 to 1,000,000,000", quoted(text)))
}

/// The beginning of a text, in quotes and fit for one line.
fn quoted(text: &str) -> String {
    let mut chars = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
    let start: String = chars.by_ref().take(60).collect();
    let rest = if chars.next().is_some() { "..." } else { "" };
    format!("'{start}{rest}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn entry(line: usize, method: &str, url: &str) -> Entry {
        let method = (!method.is_empty()).then(|| method.into());
        Entry { line, method, url: url.into(), headers: vec![], body: None, weight: 1 }
    }

    #[test]
    fn the_first_line_that_says_anything_decides() {
        let json = "{\"method\": \"GET\", \"url\": \"/a\"}";
        for before in ["", "\n", "# a list\n", "\r\n  # a list\r\n\t\r\n", "\u{feff}", "\u{feff}#\n"] {
            let line = before.matches('\n').count() + 1;
            for list in [json, "GET /a", "  GET   /a\t1 \r\n\r\n"] {
                assert_eq!(parse(format!("{before}{list}").as_bytes()), Ok(vec![entry(line, "GET", "/a")]));
            }
        }
    }

    #[test]
    fn a_list_has_text_and_a_request() {
        let empty = "no line has a request: write one on each, as in GET http://127.0.0.1:8000/path";
        let bytes = "line 2: this is not UTF-8: save the list as UTF-8, and give other bytes in base64";
        for (list, error) in [
            (&b""[..], empty),
            (b"\xef\xbb\xbf", empty),
            (b"\n \r\n# GET /a\n", empty),
            (b"/a\n/b\xff\n/c", bytes),
            (b"/a\n\xe2\x82", bytes),
            (b"\xff\xfe/\0a\0", "the file is UTF-16: save it as UTF-8"),
        ] {
            assert_eq!(parse(list), Err(error.into()));
        }
    }

    #[test]
    fn errors_show_the_beginning_of_what_is_wrong_on_one_line() {
        let error = parse(format!("a\rb{}", "c".repeat(100)).as_bytes()).unwrap_err();
        assert!(error.starts_with(&format!("line 1: 'a\u{fffd}b{}...' is ", "c".repeat(57))), "{error}");
    }
}
