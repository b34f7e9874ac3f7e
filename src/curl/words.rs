//! A command line's words, as a POSIX shell and bash's `$'...'` have them.

use std::iter::Peekable;
use std::str::Chars;

use super::ansi::{ansi, not_closed};

/// The words of one simple command. What a shell would fill in, or run besides, is refused.
///
/// # Errors
/// One line: what cannot be read, and what to do.
pub fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    // None between two words: an empty one is one too.
    let mut word: Option<String> = None;
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' if chars.clone().any(|c| !c.is_whitespace()) => return Err(NEXT.into()),
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            '#' if word.is_none() => break,
            '\\' => match chars.next() {
                // A line goes on: its end is nothing at all.
                Some('\n') | None => {}
                Some('\r') if chars.peek() == Some(&'\n') => drop(chars.next()),
                Some(c) => word.get_or_insert_default().push(c),
            },
            '\'' => single(&mut chars, word.get_or_insert_default())?,
            '"' => double(&mut chars, word.get_or_insert_default())?,
            '$' if chars.next_if_eq(&'\'').is_some() => word.get_or_insert_default().push_str(&ansi(&mut chars)?),
            // To be translated, for which there is nothing here.
            '$' if chars.next_if_eq(&'"').is_some() => double(&mut chars, word.get_or_insert_default())?,
            '$' => dollar(&chars, word.get_or_insert_default())?,
            '`' if matches!(chars.peek(), Some('\n' | '\r')) => return Err(WINDOWS.into()),
            '`' => return Err(filled_in("`")),
            '^' if matches!(chars.peek(), Some('"' | '\n' | '\r')) => return Err(WINDOWS.into()),
            '|' | '&' | ';' | '<' | '>' | '(' | ')' => {
                return Err(format!(
                    "the command has a '{c}' outside of quotes, which a shell would act upon: give the curl command \
                     alone, and its URL in quotes"
                ));
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

const NEXT: &str = "the command ends with its first line, and more follows: end a line that goes on with a backslash";
const WINDOWS: &str = "this is a command for Windows: choose 'Copy as cURL (bash)' or '(POSIX)' in the browser";

fn filled_in(what: &str) -> String {
    format!("the command has '{what}', which a shell would fill in: write behind -- what the shell is to read")
}

fn single(chars: &mut Peekable<Chars<'_>>, word: &mut String) -> Result<(), String> {
    loop {
        match chars.next().ok_or_else(|| not_closed("'"))? {
            '\'' => return Ok(()),
            c => word.push(c),
        }
    }
}

fn double(chars: &mut Peekable<Chars<'_>>, word: &mut String) -> Result<(), String> {
    loop {
        match chars.next().ok_or_else(|| not_closed("\""))? {
            '"' => return Ok(()),
            '\\' => match chars.next().ok_or_else(|| not_closed("\""))? {
                '\n' => {}
                '\r' if chars.peek() == Some(&'\n') => drop(chars.next()),
                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                c => word.extend(['\\', c]),
            },
            '$' => dollar(chars, word)?,
            '`' => return Err(filled_in("`")),
            c => word.push(c),
        }
    }
}

/// A dollar sign that names nothing is one.
fn dollar(chars: &Peekable<Chars<'_>>, word: &mut String) -> Result<(), String> {
    let names = |c: &char| c.is_ascii_alphanumeric() || "_{(@*#?-$!".contains(*c);
    match chars.clone().next().filter(names) {
        None => word.push('$'),
        Some(first) => {
            let name: String = chars.clone().skip(1).take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            return Err(filled_in(&format!("${first}{name}")));
        }
    }
    Ok(())
}
