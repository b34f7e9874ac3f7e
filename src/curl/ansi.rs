//! Bash's `$'...'`, which browsers use for all that is not plain ASCII.

use std::iter::Peekable;
use std::str::Chars;

/// The text up to the closing quote, which is taken too. A character beyond `\uffff` may be written as the two halves
/// that UTF-16 makes of it: so browsers do.
pub(super) fn ansi(chars: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut bytes = Vec::new();
    loop {
        let c = match chars.next().ok_or_else(|| not_closed("$'"))? {
            '\'' => break,
            '\\' => match chars.next().ok_or_else(|| not_closed("$'"))? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'a' => '\x07',
                'b' => '\x08',
                'e' | 'E' => '\x1b',
                'f' => '\x0c',
                'v' => '\x0b',
                'u' => unicode(chars, 4)?,
                'U' => unicode(chars, 8)?,
                'x' => {
                    bytes.push(hexadecimal(chars)?);
                    continue;
                }
                'c' => control(chars.next().ok_or_else(|| not_closed("$'"))?)?,
                c @ ('\\' | '\'' | '"' | '?') => c,
                c => match c.to_digit(8) {
                    // As bash has it, a number above \377 loses its highest bit.
                    Some(high) => {
                        bytes.push(octal(chars, high) as u8);
                        continue;
                    }
                    None => {
                        bytes.push(b'\\');
                        c
                    }
                },
            },
            c => c,
        };
        bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    let text = String::from_utf8(bytes).map_err(|_| NOT_TEXT)?;
    if text.contains('\0') { Err(NOT_TEXT.into()) } else { Ok(text) }
}

const NOT_TEXT: &str = "a text in $'...' has bytes that no argument can have: save the body to a file, and write \
                        --data-binary @FILE";
const HALF: &str = "an escape \\u is no character: is all of the command there?";

/// The character of so many digits at most; two halves of one make it together.
fn unicode(chars: &mut Peekable<Chars<'_>>, most: u32) -> Result<char, String> {
    let first = digits(chars, 16, most).ok_or(HALF)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first).ok_or_else(|| HALF.into());
    }
    let second = match (chars.next(), chars.next()) {
        (Some('\\'), Some('u')) => digits(chars, 16, 4).filter(|second| (0xdc00..0xe000).contains(second)),
        _ => None,
    };
    let both = second.map(|second| 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
    both.and_then(char::from_u32).ok_or_else(|| HALF.into())
}

/// `\xHH`, or `\x{H...}`, of which the last two digits count.
fn hexadecimal(chars: &mut Peekable<Chars<'_>>) -> Result<u8, String> {
    let none = "an escape \\x has no digits";
    if chars.next_if_eq(&'{').is_none() {
        return Ok(digits(chars, 16, 2).ok_or(none)? as u8);
    }
    let mut value = digits(chars, 16, 1).ok_or(none)?;
    while let Some(digit) = digits(chars, 16, 1) {
        value = (value << 4 | digit) & 0xff;
    }
    chars.next_if_eq(&'}');
    Ok(value as u8)
}

/// `\cX`: the character that Ctrl and X make.
fn control(c: char) -> Result<char, String> {
    match c {
        '?' => Ok('\x7f'),
        c if c.is_ascii() => Ok(char::from(c.to_ascii_uppercase() as u8 & 0x1f)),
        _ => Err("an escape \\c is no control character".into()),
    }
}

fn octal(chars: &mut Peekable<Chars<'_>>, high: u32) -> u32 {
    (0..2).fold(high, |value, _| digits(chars, 8, 1).map_or(value, |digit| value * 8 + digit))
}

/// A number of one to `most` digits.
fn digits(chars: &mut Peekable<Chars<'_>>, radix: u32, most: u32) -> Option<u32> {
    let mut value = None;
    for _ in 0..most {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(radix)) else { break };
        chars.next();
        value = Some(value.unwrap_or(0) * radix + digit);
    }
    value
}

/// A quote without an end.
pub(super) fn not_closed(quote: &str) -> String {
    format!("a quote {quote} is not closed: is all of the command there?")
}
