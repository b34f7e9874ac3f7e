//! Which parts of a text are a template's own syntax, and which are text.

/// `text`, byte for byte as long, with `x` in the place of all that stands in `{{ }}`, `{% %}` and `{# #}`, and in a
/// `raw` block: what is left is text as it is, so that its delimiters can be looked for. A tag that does not end goes
/// on to the end.
pub fn outline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(start) = tag(text, at) {
        let end = end_of(text, start);
        out.push_str(&text[at..start]);
        out.extend(std::iter::repeat_n('x', end - start));
        at = end;
    }
    out + &text[at..]
}

/// Where the next tag begins.
fn tag(text: &str, from: usize) -> Option<usize> {
    let opens = |at: usize| text[at + 1..].starts_with(['{', '%', '#']);
    text[from..].match_indices('{').map(|(at, _)| from + at).find(|&at| opens(at))
}

/// Where the tag that begins at `start` ends.
fn end_of(text: &str, start: usize) -> usize {
    let inside = start + 2;
    let (end, word) = match text.as_bytes()[start + 1] {
        b'#' => return text[inside..].find("#}").map_or(text.len(), |at| inside + at + 2),
        b'%' => (expression(text, inside, "%}"), text[inside..].trim_start_matches(['-', '+']).trim_ascii_start()),
        _ => (expression(text, inside, "}}"), ""),
    };
    if word.strip_prefix("raw").is_none_or(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')) {
        return end;
    }
    let mut at = end;
    while let Some(open) = text[at..].find("{%").map(|open| at + open) {
        at = open + 2;
        if text[at..].trim_start_matches(['-', '+']).trim_ascii_start().starts_with("endraw") {
            return expression(text, at, "%}");
        }
    }
    text.len()
}

/// Behind the first `close` that stands neither in a string nor in brackets.
fn expression(text: &str, from: usize, close: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (from, 0_usize);
    while at < bytes.len() {
        if depth == 0 && text[at..].starts_with(close) {
            return at + close.len();
        }
        match bytes[at] {
            quote @ (b'"' | b'\'') => at = string(bytes, at + 1, quote),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
        // Into the middle of no character.
        while !text.is_char_boundary(at.min(text.len())) {
            at += 1;
        }
    }
    text.len()
}

/// Where the closing quote of a string is.
fn string(bytes: &[u8], from: usize, quote: u8) -> usize {
    let mut at = from;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_are_blotted_out_and_text_is_not() {
        for (text, expected) in [
            ("a#b", "a#b"),
            ("{a}{", "{a}{"),
            ("/{{ a }}#b", "/xxxxxxx#b"),
            ("{{ \"#}}\" }}#", "xxxxxxxxxxx#"),
            ("{{ '\\'}}#' }}#", "xxxxxxxxxxxxx#"),
            ("{{ {\"a\": {}} | json }}#", &format!("{}#", "x".repeat(22))),
            ("{% if a %}#{% endif %}", &format!("{}#{}", "x".repeat(10), "x".repeat(11))),
            ("{# #a #}#", "xxxxxxxx#"),
            ("{%- raw %}#{{{% endraw -%}#", &format!("{}#", "x".repeat(26))),
            ("{% rawness %}#", "xxxxxxxxxxxxx#"),
            ("/{{ é }}é#", "/xxxxxxxxé#"),
            ("/{{ a", "/xxxx"),
            ("/{{ 'a\\", "/xxxxxx"),
            ("{% raw %}#", "xxxxxxxxxx"),
        ] {
            assert_eq!(outline(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn outlines_are_as_long_as_their_texts(text in "([{}%#'\"\\\\(é ]|raw|a){0,16}|(?s:.){0,12}") {
            let outline = outline(&text);
            prop_assert_eq!(outline.len(), text.len());
            for (at, c) in outline.char_indices().filter(|(_, c)| *c != 'x') {
                prop_assert!(text[at..].starts_with(c), "{}", outline);
            }
        }
    }
}
