//! What stands behind a `|`: the same for templates with and without logic.

use super::buffer::Buffer;
use super::value::Kind;
use percent_encoding::percent_encode_byte;

/// Changes the text of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// As JSON has it: text in quotes, escaped; all else as it is.
    Json,
    /// Percent-encoded but for letters, digits and `-._~/`.
    Urlencode,
    Upper,
    Lower,
}

impl Filter {
    /// All of them, by name.
    pub(super) const ALL: [(&str, Filter); 4] =
        [("json", Filter::Json), ("urlencode", Filter::Urlencode), ("upper", Filter::Upper), ("lower", Filter::Lower)];

    /// The filter with this name.
    pub(super) fn named(name: &str) -> Option<Filter> {
        Filter::ALL.iter().find(|(known, _)| *known == name).map(|(_, filter)| *filter)
    }

    /// Filters what was written from `start` on, which is of this kind.
    pub(super) fn apply(self, out: &mut Buffer, start: usize, kind: Kind, scratch: &mut Vec<u8>) -> Kind {
        if self == Filter::Json && kind == Kind::Json {
            return kind;
        }
        scratch.clear();
        scratch.extend_from_slice(&out.written()[start..]);
        out.truncate(start);
        match self {
            Filter::Json => {
                json_text(scratch, out);
                return Kind::Json;
            }
            Filter::Urlencode => urlencode(scratch, out),
            Filter::Upper => change_case(scratch, out, u8::to_ascii_uppercase, str::to_uppercase),
            Filter::Lower => change_case(scratch, out, u8::to_ascii_lowercase, str::to_lowercase),
        }
        Kind::Text
    }
}

/// Filters what was written from `start` on, one filter after the other.
#[inline(never)]
pub(super) fn apply_all(filters: &[Filter], out: &mut Buffer, start: usize, kind: Kind, scratch: &mut Vec<u8>) {
    filters.iter().fold(kind, |kind, filter| filter.apply(out, start, kind, scratch));
}

/// As a string of JSON (RFC 8259, 7): quotes, backslashes and control characters are escaped.
fn json_text(text: &[u8], out: &mut Buffer) {
    out.bytes(b"\"");
    for &byte in text {
        match byte {
            b'"' => out.bytes(b"\\\""),
            b'\\' => out.bytes(b"\\\\"),
            b'\n' => out.bytes(b"\\n"),
            b'\r' => out.bytes(b"\\r"),
            b'\t' => out.bytes(b"\\t"),
            0..=0x1f => {
                out.bytes(b"\\u00");
                out.bytes(&percent_encode_byte(byte).as_bytes()[1..]);
            }
            _ => out.bytes(&[byte]),
        }
    }
    out.bytes(b"\"");
}

fn urlencode(text: &[u8], out: &mut Buffer) {
    for &byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.bytes(&[byte]),
            _ => out.bytes(percent_encode_byte(byte).as_bytes()),
        }
    }
}

/// A letter's other case may be longer, but no ASCII letter's is.
fn change_case(text: &[u8], out: &mut Buffer, ascii: fn(&u8) -> u8, all: fn(&str) -> String) {
    match std::str::from_utf8(text) {
        Ok(text) if !text.is_ascii() => out.bytes(all(text).as_bytes()),
        _ => text.iter().for_each(|byte| out.bytes(&[ascii(byte)])),
    }
}
