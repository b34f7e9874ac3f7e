//! How deep a template is. minijinja walks what it has parsed by calling itself, and a stack has an end.
//!
//! It bounds brackets and blocks to 150 itself, but neither chains (`- - 1`, `1 + 1 + 1`, `a | b | b`, `x if y else
//! z if ...`) nor `elif`. This is no parser: what it does not understand is for minijinja to refuse.

use memchr::memmem;

use super::error::TemplateError;

/// So many operators, filters, dots and brackets may depend on each other, and so many `elif` may follow each
/// other. A test compiles that on half of the stack that threads have.
pub(super) const MAX_DEPTH: usize = 1_000;

/// Finds out whether minijinja can be given a template.
///
/// # Errors
/// Where it is too deep.
pub(super) fn check(name: &str, text: &str) -> Result<(), TemplateError> {
    blocks(text.as_bytes()).map_err(|at| {
        let message =
            format!("this is more than {MAX_DEPTH} operators, brackets or branches deep: part it, as with set");
        TemplateError::new(name, text, at, message)
    })
}

/// Err: here it is too deep.
fn blocks(text: &[u8]) -> Result<(), usize> {
    // How many `elif` each `if` that is open has had, and all of them.
    let mut open: Vec<usize> = Vec::new();
    let mut branches = 0;
    let mut at = 0;
    while let Some(tag) = find(text, at, b"{") {
        at = match text.get(tag + 1) {
            Some(b'#') => find(text, tag + 2, b"#}").map_or(text.len(), |end| end + 2),
            Some(b'{') => expression(text, tag + 2, b"}}")?,
            Some(b'%') => match word(text, keyword_at(text, tag)) {
                b"raw" => end_of_raw(text, tag + 2),
                keyword => {
                    match keyword {
                        b"if" => open.push(0),
                        b"elif" => {
                            branches += 1;
                            open.last_mut().into_iter().for_each(|own| *own += 1);
                        }
                        b"endif" => branches -= open.pop().unwrap_or(0),
                        _ => {}
                    }
                    if branches > MAX_DEPTH {
                        return Err(tag);
                    }
                    expression(text, tag + 2, b"%}")?
                }
            },
            _ => tag + 1,
        };
    }
    Ok(())
}

/// Reads the inside of a tag that begins at `at`, and returns where it ends. Err: here it is too deep.
fn expression(text: &[u8], mut at: usize, close: &[u8]) -> Result<usize, usize> {
    // In each bracket that is open, what depends on each other since it was opened, or since its last comma; and in all.
    let mut open = vec![0_usize];
    let mut depth = 0;
    while at < text.len() {
        if open.len() == 1 && text[at..].starts_with(close) {
            return Ok(at + close.len());
        }
        let mut links = 0;
        let start = at;
        at += 1;
        match text[start] {
            quote @ (b'"' | b'\'') => at = end_of_string(text, at, quote),
            b'(' | b'[' | b'{' => {
                // It may belong to what is before it: a call, an index.
                depth += 2;
                *open.last_mut().unwrap_or(&mut 0) += 1;
                open.push(1);
            }
            b')' | b']' | b'}' if open.len() > 1 => depth -= open.pop().unwrap_or(0),
            b',' | b':' => depth -= open.last_mut().map_or(0, |links| std::mem::replace(links, 0)),
            b'+' | b'-' | b'*' | b'/' | b'%' | b'~' | b'<' | b'>' | b'=' | b'!' | b'|' | b'.' => links = 1,
            b if is_word(b) => {
                let word = word(text, start);
                at = start + word.len();
                links = usize::from([&b"and"[..], b"or", b"not", b"if", b"else", b"is", b"in"].contains(&word));
            }
            _ => {}
        }
        depth += links;
        open.last_mut().into_iter().for_each(|own| *own += links);
        if depth > MAX_DEPTH {
            return Err(start);
        }
    }
    Ok(at)
}

fn find(text: &[u8], at: usize, what: &[u8]) -> Option<usize> {
    memmem::find(text.get(at..)?, what).map(|length| at + length)
}

/// Behind the closing quote of the string whose inside begins at `at`.
pub(super) fn end_of_string(text: &[u8], mut at: usize, quote: u8) -> usize {
    while at < text.len() && text[at] != quote {
        at += 1 + usize::from(text[at] == b'\\');
    }
    (at + 1).min(text.len())
}

/// Where the first word of the statement stands whose `{%` is at `tag`.
fn keyword_at(text: &[u8], tag: usize) -> usize {
    let start = tag + 2 + usize::from(matches!(text.get(tag + 2), Some(b'-' | b'+')));
    start + text[start..].iter().take_while(|b| b.is_ascii_whitespace()).count()
}

/// Behind `raw`, up to its end nothing means anything.
fn end_of_raw(text: &[u8], mut at: usize) -> usize {
    while let Some(tag) = find(text, at, b"{%") {
        if word(text, keyword_at(text, tag)) == b"endraw" {
            return tag + 2;
        }
        at = tag + 2;
    }
    text.len()
}

fn word(text: &[u8], at: usize) -> &[u8] {
    let rest = &text[at.min(text.len())..];
    &rest[..rest.iter().take_while(|b| is_word(**b)).count()]
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

#[cfg(test)]
mod tests {
    use super::super::Template;
    use super::*;
    use proptest::prelude::*;

    /// What can be made as deep as one likes: what is before it, each link of it, what is behind it.
    const CHAINS: [(&str, &str, &str); 24] = [
        ("{{ ", "-", "1 }}"),
        ("{{ ", "- ", "1 }}"),
        ("{{ ", "not ", "1 }}"),
        ("{{ 1", "+1", " }}"),
        ("{{ 1", " - 1", " }}"),
        ("{{ 1", "*1", " }}"),
        ("{{ 2", "**1", " }}"),
        ("{{ 1", "~1", " }}"),
        ("{{ 1", "<1", " }}"),
        ("{{ 1", " in []", " }}"),
        ("{{ 1", " and 1", " }}"),
        ("{{ 1", " or 1", " }}"),
        ("{{ 1", " is defined", " }}"),
        ("{{ index", "|upper", " }}"),
        ("{{ ", "1 if 0 else ", "1 }}"),
        ("{{ [[]]", "[0]", " }}"),
        ("{{ index", "()", " }}"),
        ("{{ index", ".a", " }}"),
        ("{{ ", "(", "1"),
        ("{{ ", "[", "1"),
        ("{{ ", "{1:", "1"),
        ("{% set ", "(", "a = 1 %}"),
        ("{% filter upper", "|upper", " %}a{% endfilter %}"),
        ("{% if 0 %}", "{% elif 0 %}", "{% endif %}"),
    ];

    /// On half of the stack that a worker's thread has.
    fn compile(text: String) -> Result<(), String> {
        let compile = move || Template::compile("t", &text, &[]).map(|_| ()).map_err(|e| e.to_string());
        std::thread::Builder::new().stack_size(1 << 20).spawn(compile).unwrap().join().unwrap()
    }

    #[test]
    fn no_template_overflows_the_stack_however_deep_it_is() {
        for (before, link, behind) in CHAINS {
            for links in [100, 400, 490, 990, 3_000, 100_000] {
                let compiled = compile(format!("{{% if 1 %}}{{% endif %}}{before}{}{behind}", link.repeat(links)));
                if links > MAX_DEPTH {
                    assert!(compiled.is_err_and(|error| error.lines().count() == 3), "{before}{link}...{behind}");
                }
            }
        }
        for block in ["{% if 1 %}", "{% for x in [1] %}", "{% with a = 1 %}", "{% set a %}", "{% macro a() %}"] {
            assert!(compile(block.repeat(10_000)).is_err(), "{block}");
        }
    }

    #[test]
    fn long_templates_are_not_deep() {
        let list = format!("{{% set all = [{}] %}}", "1, -a.b | c(1, 2), ".repeat(5_000));
        let map = format!("{{{{ {{{}}} | json }}}}", "'a': 1 + 2, ".repeat(5_000));
        let tags = "{{ 1 - 1 }}{% if 1 %}{% elif 2 %}{% endif %}{# - #}".repeat(5_000);
        let raw = format!("{{% raw %}}{{{{ {} }}}}{{% endraw %}}{{{{ 1 }}}}", "-".repeat(5_000));
        let string = format!("{{{{ '{}\\'' }}}}", "-(".repeat(5_000));
        let text = "-{ { % }".repeat(5_000);
        for long in [list, map, tags, raw, string, text] {
            assert_eq!(blocks(long.as_bytes()), Ok(()), "{}", &long[..50]);
        }
    }

    #[test]
    fn the_place_is_said() {
        let error =
            Template::compile("t", &format!("a\n{{{{ {}1 }}}}", "-".repeat(50_000)), &[]).unwrap_err().to_string();
        let said = "t:2:1004: this is more than 1000 operators, brackets or branches deep: part it, as with set\n";
        assert!(error.starts_with(said), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "([-{}%#\"'()\\[\\],|\\\\ ]|raw|endraw|if|elif|endif|\u{e4}){0,60}") {
            prop_assert_eq!(blocks(text.as_bytes()), Ok(()));
        }
    }
}
