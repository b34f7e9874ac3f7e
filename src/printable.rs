//! Text from outside, made fit for terminals and pages: what is read there does nothing.

use std::borrow::Cow;
use std::fmt::Write;

/// What a character that is not shown is replaced by.
const REPLACEMENT: char = '\u{fffd}';

/// Whether a character is only read: it moves no cursor, starts no command of a terminal, turns no text around
/// and does not hide. All others are control characters (C0, DEL, C1), line and paragraph separators, marks and
/// overrides of the writing direction (Unicode TR 9), invisible operators, tags, and what XML does not allow.
pub fn is_printable(c: char) -> bool {
    let is_hidden = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e007f}'
    );
    !c.is_control() && !is_hidden
}

/// The text in one line: white space of any kind is a space, and what is not printable is `�`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| match c {
        c if is_printable(c) => c,
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        _ => REPLACEMENT,
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// A JSON text that means the same and is printable but for its line ends: where these characters stand in it, they are in strings.
pub fn printable_json(json: String) -> String {
    let stands = |c: char| c == '\n' || is_printable(c);
    if json.chars().all(stands) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if stands(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_do_something_is_replaced() {
        for (text, shown) in [
            ("plain, söme, 漢字, 🦀", "plain, söme, 漢字, 🦀"),
            ("\x1b]0;title\x07\x1b[2J", "�]0;title��[2J"),
            ("\u{9b}31m\u{90}q\u{9c}", "�31m�q�"),
            ("a\r\nb\tc\u{2028}d", "a  b c d"),
            ("\u{202e}gpj.exe\u{2066}\u{200b}\u{feff}", "�gpj.exe���"),
            ("\0\u{7f}\u{ffff}\u{e0041}", "����"),
        ] {
            assert_eq!(printable(text), shown, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_printable_and_as_long(text in any::<String>()) {
            let shown = printable(&text);
            prop_assert!(shown.chars().all(is_printable));
            prop_assert_eq!(shown.chars().count(), text.chars().count());
        }

        #[test]
        fn json_keeps_its_meaning(text in any::<String>(), odd in "[\u{0}-\u{9f}\u{2028}-\u{2069}\u{e0001}]{0,5}") {
            let json = serde_json::to_string_pretty(&[format!("{text}{odd}")]).unwrap();
            let shown = printable_json(json);
            prop_assert!(shown.chars().all(|c| c == '\n' || is_printable(c)));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), vec![format!("{text}{odd}")]);
        }
    }
}
