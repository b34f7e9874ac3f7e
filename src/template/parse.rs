//! The part of the template language that needs no logic: text, values, filters.
//!
//! It is a subset of minijinja's syntax, with the same meaning. What is beyond
//! it is left to minijinja.

use std::sync::Arc;

use memchr::memchr_iter;

use super::buffer::Literal;
use super::depth;
use super::error::TemplateError;
use super::filter::Filter;
use super::function::{self, Argument, FUNCTIONS};
use super::jinja;
use super::sample::Field;
use super::value::Value;
use crate::feed::{Feed, Format, Step};

/// A template without logic: values, each with the text before it, and the text behind the last.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segments {
    pub(super) values: Vec<Segment>,
    pub(super) end: Literal,
}

/// A value, and the text before it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    pub(super) text: Literal,
    pub(super) value: Value,
    pub(super) filters: Vec<Filter>,
}

/// What came of a text.
#[derive(Debug)]
pub(super) enum Parsed {
    Segments(Segments),
    /// It is beyond this subset: what, and where, in bytes.
    Beyond(&'static str, usize),
}

/// Why an expression was not understood.
enum Trouble {
    /// Nobody understands it: what is wrong, and where, in bytes.
    Wrong(String, usize),
    Beyond(&'static str, usize),
}

use Trouble::{Beyond, Wrong};

/// Why a row is not written as it is.
pub(super) const WHOLE_ROW: &str = "a row as a whole is {{ row | json }}; write row.column for one of its values";

/// The same of the feed with this name, whose rows are no JSON.
pub(super) fn whole_row_of_csv(feed: &str) -> String {
    format!("{feed} is a row of CSV: write {feed}.column for one of its values")
}

/// Parses a template called `name`.
///
/// # Errors
/// What is wrong, and where: a value or function that does not exist, an argument out of its range.
pub(super) fn parse(name: &str, text: &str, feeds: &[Arc<Feed>]) -> Result<Parsed, TemplateError> {
    match segments(text, tags(text.as_bytes()), feeds) {
        Ok(segments) => Ok(Parsed::Segments(segments)),
        Err(Beyond(what, at)) => Ok(Parsed::Beyond(what, at)),
        Err(Wrong(message, at)) => Err(TemplateError::new(name, text, at, message)),
    }
}

/// `tags` says where there are tags, as the function of that name does.
fn segments(text: &str, mut tags: impl Iterator<Item = usize>, feeds: &[Arc<Feed>]) -> Result<Segments, Trouble> {
    // With a statement anywhere, names may mean something else.
    if let Some(at) = text.find("{%") {
        return Err(Beyond("a statement", at));
    }
    // As minijinja has it, a newline at the very end is the editor's: `\n`, `\r\n` and `\r`.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let mut values = Vec::new();
    let mut before = String::new();
    let mut at = 0;
    let mut trim = false;
    while at < text.len() {
        let end = tags.find(|&tag| tag >= at).unwrap_or(text.len());
        let mut literal = &text[at..end];
        if std::mem::take(&mut trim) {
            literal = literal.trim_start();
        }
        let trims_before = text[end..].get(2..).is_some_and(|rest| rest.starts_with('-'));
        if trims_before {
            literal = literal.trim_end();
        }
        before.push_str(literal);
        if end == text.len() {
            break;
        }
        if text[end..].get(2..).is_some_and(|rest| rest.starts_with('+')) {
            return Err(Beyond("white space control", end));
        }
        let inside = end + 2 + usize::from(trims_before);
        if text[end..].starts_with("{#") {
            let Some(length) = text[inside..].find("#}") else {
                return Err(Wrong("this comment does not end: write #} behind it".into(), end));
            };
            trim = text[inside..inside + length].ends_with('-');
            at = inside + length + 2;
            continue;
        }
        let mut expression = Expression { text, at: inside, feeds };
        let (value, filters) = expression.parse()?;
        expression.space();
        trim = expression.accept("-");
        if !expression.accept("}}") {
            return Err(Beyond("an expression", expression.at));
        }
        at = expression.at;
        values.push(Segment { text: Literal::new(before.as_bytes()), value, filters });
        before.clear();
    }
    Ok(Segments { values, end: Literal::new(before.as_bytes()) })
}

/// Where `{{` and `{#` stand, in one pass: an iterator does not go back, so each byte is looked at once however
/// many tags there are.
fn tags(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    memchr_iter(b'{', text).filter(|at| matches!(text.get(at + 1), Some(b'{' | b'#')))
}

/// A reader of what stands between `{{` and `}}`.
struct Expression<'a> {
    text: &'a str,
    at: usize,
    feeds: &'a [Arc<Feed>],
}

impl Expression<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_ascii_start().len();
    }

    fn accept(&mut self, token: &str) -> bool {
        let there = self.rest().starts_with(token);
        if there {
            self.at += token.len();
        }
        there
    }

    fn word(&mut self) -> Option<String> {
        self.space();
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = &rest[..end];
        if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let word = word.to_string();
        self.at += end;
        Some(word)
    }

    fn parse(&mut self) -> Result<(Value, Vec<Filter>), Trouble> {
        self.space();
        let start = self.at;
        let value = match self.word() {
            Some(name) => self.named(&name, start)?,
            None => {
                let Argument { text, is_json, .. } = self.literal()?;
                Value::Constant(text, is_json)
            }
        };
        let mut filters = Vec::new();
        self.space();
        while self.accept("|") {
            self.space();
            let at = self.at;
            let name = self.word().ok_or(Beyond("an expression", at))?;
            let filter = Filter::named(&name).ok_or(Beyond("a filter", at))?;
            self.space();
            if self.rest().starts_with('(') {
                return Err(Beyond("a filter with arguments", at));
            }
            filters.push(filter);
        }
        if let Value::Row(feed) = value {
            let feed = &self.feeds[feed];
            if feed.format() == Format::Csv {
                return Err(Wrong(whole_row_of_csv(feed.name()), start));
            }
            if filters.is_empty() {
                return Err(Wrong(WHOLE_ROW.into(), start));
            }
        }
        Ok((value, filters))
    }

    fn named(&mut self, name: &str, start: usize) -> Result<Value, Trouble> {
        if ["true", "false", "none", "True", "False", "None", "not"].contains(&name) {
            return Err(Beyond("an expression", start));
        }
        let (path, at) = self.path()?;
        if !path.is_empty() {
            return self.member(name, start, path, at);
        }
        self.space();
        if self.rest().starts_with('(') && !FUNCTIONS.contains(&name) && jinja::has_function(name) {
            return Err(Beyond("a function", start));
        }
        if self.accept("(") {
            let arguments = self.arguments()?;
            return function::call(name, &arguments).map_err(|message| Wrong(message, start));
        }
        if let Some(feed) = self.feed(name, start)? {
            return Ok(Value::Row(feed));
        }
        match name {
            "index" => Ok(Value::Index),
            "user_number" => Ok(Value::UserNumber),
            "wave" => Ok(Value::Wave),
            "seed" => Ok(Value::Seed),
            _ if FUNCTIONS.contains(&name) => Err(Wrong(format!("{name} is a function: write {name}()"), start)),
            _ => Err(Wrong(format!("there is no value '{name}': {}", known(self.feeds)), start)),
        }
    }

    /// The feed that is meant by `name`: its own, or `row` for the only one.
    fn feed(&self, name: &str, start: usize) -> Result<Option<usize>, Trouble> {
        match (name, self.feeds.len()) {
            ("row", 0) => Err(Wrong("there is no row: give a data file with --feed".into(), start)),
            ("row", 1) => Ok(Some(0)),
            ("row", _) => Err(Wrong(format!("there are several feeds: name one of {}", names(self.feeds)), start)),
            _ => Ok(self.feeds.iter().position(|feed| feed.name() == name)),
        }
    }

    /// What stands behind a name: `.key` and `["key"]`, as often as they come, or `[0]`; and where the first one begins.
    fn path(&mut self) -> Result<(Vec<Step>, usize), Trouble> {
        let mut path = Vec::new();
        let mut first = self.at;
        loop {
            self.space();
            let start = self.at;
            let (step, at) = if self.accept(".") {
                self.space();
                let at = self.at;
                (Step::Key(self.word().ok_or(Beyond("an expression", at))?), at)
            } else if self.accept("[") {
                self.space();
                let at = self.at;
                let Argument { text, is_json, .. } = self.literal()?;
                let step = if !is_json {
                    Step::Key(text)
                } else if path.is_empty() {
                    // Arrays have items, and texts have characters, which minijinja counts from either end.
                    Step::Item(text.parse().map_err(|_| Beyond("an index", at))?)
                } else {
                    return Err(Beyond("an index", at));
                };
                self.space();
                if !self.accept("]") {
                    return Err(Beyond("an expression", at));
                }
                (step, at)
            } else {
                // A call of what is found there.
                let is_call = !path.is_empty() && self.rest().starts_with('(');
                return if is_call { Err(Beyond("an expression", start)) } else { Ok((path, first)) };
            };
            if path.is_empty() {
                first = at;
            }
            path.push(step);
        }
    }

    /// What `path` leads to from `name`: a value of the sample, or of a row.
    fn member(&mut self, name: &str, start: usize, path: Vec<Step>, at: usize) -> Result<Value, Trouble> {
        let shown = |step: &Step| match step {
            Step::Key(key) => key.escape_debug().to_string(),
            Step::Item(number) => number.to_string(),
        };
        let said = path.iter().map(shown).collect::<Vec<_>>().join(".");
        if let Some(number) = self.feed(name, start)? {
            let feed = &self.feeds[number];
            // A header with dots in it may be written as it stands.
            let dotted = || feed.column(&said).filter(|_| said.contains('.'));
            if feed.format() == Format::JsonLines && matches!(path[0], Step::Item(_)) {
                return Err(Beyond("an index", at));
            }
            let column = feed.column_at(path).or_else(dotted);
            return column.map(|column| Value::Cell(number, column)).ok_or_else(|| {
                Wrong(format!("the feed '{}' has no column '{said}': it has {}", feed.name(), columns(feed)), at)
            });
        }
        match name {
            "sample" => Field::named(&said).map(Value::Sample).ok_or_else(|| {
                let fields: Vec<&str> = Field::ALL.iter().map(|(name, _)| *name).collect();
                Wrong(format!("the sample has no '{said}': it has {}", fields.join(", ")), at)
            }),
            _ => Err(Wrong(format!("there is no feed '{name}': {}", known(self.feeds)), start)),
        }
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, Trouble> {
        let mut arguments = Vec::new();
        loop {
            self.space();
            if self.accept(")") {
                return Ok(arguments);
            }
            arguments.push(self.literal()?);
            self.space();
            if !self.accept(",") && !self.rest().starts_with(')') {
                return Err(Beyond("an expression", self.at));
            }
        }
    }

    fn literal(&mut self) -> Result<Argument, Trouble> {
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Err(Beyond("an expression", start)) };
        if matches!(first, '"' | '\'') {
            self.at += 1;
            let end = self.rest().find([first, '\\']).ok_or(Beyond("an expression", start))?;
            let text = if self.rest()[end..].starts_with('\\') {
                // minijinja knows what an escaped character means.
                self.at = depth::end_of_string(self.text.as_bytes(), self.at, first as u8);
                jinja::text(&self.text[start..self.at]).ok_or(Beyond("a text with a backslash", start))?
            } else {
                let text = self.rest()[..end].to_string();
                self.at += end + 1;
                text
            };
            return Ok(Argument { text, is_json: false, number: None, whole: None });
        }
        let rest = self.rest();
        let digits = |c: char| c.is_ascii_digit() || c == '.';
        let end =
            rest.char_indices().find(|&(i, c)| !(digits(c) || (i == 0 && c == '-'))).map_or(rest.len(), |(i, _)| i);
        let number = &rest[..end];
        let whole = number.strip_prefix('-').unwrap_or(number);
        let well_formed =
            whole.starts_with(|c: char| c.is_ascii_digit()) && whole.ends_with(|c: char| c.is_ascii_digit());
        if !well_formed || whole.matches('.').count() > 1 || rest[end..].starts_with(['e', 'E', '_', 'x', 'o', 'b']) {
            return Err(Beyond("an expression", start));
        }
        let argument = Argument {
            text: canonical(number, start)?,
            is_json: true,
            number: number.parse().ok(),
            whole: number.parse().ok(),
        };
        self.at += end;
        Ok(argument)
    }
}

fn known(feeds: &[Arc<Feed>]) -> String {
    let mut text = String::from("there are index, user_number, wave, seed, sample");
    if !feeds.is_empty() {
        text = text + ", " + &names(feeds);
    }
    text + ", and the functions " + &FUNCTIONS.join(", ")
}

fn names(feeds: &[Arc<Feed>]) -> String {
    feeds.iter().map(|feed| feed.name()).collect::<Vec<_>>().join(", ")
}

/// The columns of a feed, fit for one line.
fn columns(feed: &Feed) -> String {
    const MAX_SHOWN: usize = 20;
    let names = feed.column_names();
    let shown: Vec<String> = names.iter().take(MAX_SHOWN).map(|name| name.escape_debug().to_string()).collect();
    match names.len().checked_sub(MAX_SHOWN) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What is wrong with the column of a feed, or the field of the sample, that is named at `at`: of a value that was found
/// not to exist.
pub(super) fn unknown(text: &str, at: usize, feeds: &[Arc<Feed>]) -> Option<(String, usize)> {
    let mut expression = Expression { text, at, feeds };
    expression.space();
    let name = expression.word()?;
    let is_ours = name == "sample" || expression.feed(&name, at).is_ok_and(|feed| feed.is_some());
    match expression.named(&name, at) {
        Err(Wrong(message, at)) if is_ours => Some((message, at)),
        _ => None,
    }
}

/// A number as the language writes it again.
fn canonical(text: &str, at: usize) -> Result<String, Trouble> {
    match text.contains('.') {
        false => text.parse::<i64>().map(|n| n.to_string()).map_err(|_| Beyond("a long number", at)),
        true => match text.parse::<f64>() {
            Ok(n) if n.to_string().contains('.') => Ok(n.to_string()),
            Ok(n) => Ok(format!("{n}.0")),
            Err(_) => Err(Beyond("a number", at)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// The work of a parse is that of one pass over the text: what looks for tags never goes back.
    #[test]
    fn each_tag_is_looked_at_once_however_many_there_are() {
        for (part, tags_each) in [("x{{ index }}y", 1), ("{ {{ seed }}{# {{ #}", 3), ("{# a #}", 1), ("{ }", 0)] {
            let text = part.repeat(10_000) + ".";
            let looked_at = Cell::new(0);
            let counted = tags(text.as_bytes()).inspect(|_| looked_at.set(looked_at.get() + 1));
            assert!(segments(&text, counted, &[]).is_ok());
            assert_eq!(looked_at.get(), 10_000 * tags_each, "{part}");
        }
    }
}
