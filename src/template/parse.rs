//! The part of the template language that needs no logic: text, values, filters.
//!
//! It is a subset of minijinja's syntax, with the same meaning. What is beyond
//! it is left to minijinja.

use std::sync::Arc;

use super::buffer::Literal;
use super::error::TemplateError;
use super::filter::Filter;
use super::sample::Field;
use super::value::{Draw, LONGEST_DRAW, Value};
use crate::feed::{Feed, Format};

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

/// Parses a template called `name`.
///
/// # Errors
/// What is wrong, and where: a value or function that does not exist, an argument out of its range.
pub(super) fn parse(name: &str, text: &str, feeds: &[Arc<Feed>]) -> Result<Parsed, TemplateError> {
    match segments(text, feeds) {
        Ok(segments) => Ok(Parsed::Segments(segments)),
        Err(Beyond(what, at)) => Ok(Parsed::Beyond(what, at)),
        Err(Wrong(message, at)) => Err(TemplateError::new(name, text, at, message)),
    }
}

fn segments(text: &str, feeds: &[Arc<Feed>]) -> Result<Segments, Trouble> {
    // With a statement anywhere, names may mean something else.
    if let Some(at) = text.find("{%") {
        return Err(Beyond("a statement", at));
    }
    // As the language has it, a newline at the very end is the editor's.
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    let mut values = Vec::new();
    let mut before = String::new();
    let mut at = 0;
    let mut trim = false;
    while at < text.len() {
        let tag = [text[at..].find("{{"), text[at..].find("{#")].into_iter().flatten().min();
        let end = tag.map_or(text.len(), |tag| at + tag);
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

/// A reader of what stands between `{{` and `}}`.
struct Expression<'a> {
    text: &'a str,
    at: usize,
    feeds: &'a [Arc<Feed>],
}

/// A literal argument.
enum Argument {
    Text(String),
    /// As written.
    Number(String),
}

impl Expression<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
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
            None => match self.literal()? {
                Argument::Text(text) => Value::Constant(text, false),
                Argument::Number(text) => Value::Constant(canonical(&text, start)?, true),
            },
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
        if matches!(value, Value::Row(_)) && filters.is_empty() {
            return Err(Wrong(
                "a row as a whole is {{ row | json }}; write row.column for one of its values".into(),
                start,
            ));
        }
        Ok((value, filters))
    }

    fn named(&mut self, name: &str, start: usize) -> Result<Value, Trouble> {
        if self.accept(".") {
            return self.member(name, start);
        }
        self.space();
        if self.accept("(") {
            let arguments = self.arguments()?;
            return call(name, &arguments, start).map(Value::Draw).or_else(|trouble| match (name, &arguments[..]) {
                ("now", []) => Ok(Value::Now),
                ("timestamp_ms", []) => Ok(Value::TimestampMs),
                _ => Err(trouble),
            });
        }
        match name {
            "index" => Ok(Value::Index),
            "user_number" => Ok(Value::UserNumber),
            "wave" => Ok(Value::Wave),
            "seed" => Ok(Value::Seed),
            "true" | "false" | "none" | "True" | "False" | "None" | "not" => Err(Beyond("an expression", start)),
            _ if self.feed(name, start)?.is_some() => self.row(name, start),
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

    fn row(&self, name: &str, start: usize) -> Result<Value, Trouble> {
        let feed = self.feed(name, start)?.unwrap_or(0);
        match self.feeds[feed].format() {
            Format::JsonLines => Ok(Value::Row(feed)),
            Format::Csv => {
                Err(Wrong(format!("{name} is a row of CSV: write {name}.column for one of its values"), start))
            }
        }
    }

    /// `name.member`: a value of the sample, or of a row.
    fn member(&mut self, name: &str, start: usize) -> Result<Value, Trouble> {
        let at = self.at;
        let mut path = self.word().ok_or(Beyond("an expression", at))?;
        while self.accept(".") {
            let at = self.at;
            path = path + "." + &self.word().ok_or(Beyond("an expression", at))?;
        }
        if self.rest().starts_with(['(', '[']) {
            return Err(Beyond("an expression", start));
        }
        if let Some(feed) = self.feed(name, start)? {
            let column = self.feeds[feed].column(&path);
            return column.map(|column| Value::Cell(feed, column)).ok_or_else(|| {
                let columns = self.feeds[feed].column_names().join(", ");
                Wrong(format!("the feed '{}' has no column '{path}': it has {columns}", self.feeds[feed].name()), at)
            });
        }
        match name {
            "sample" => Field::named(&path).map(Value::Sample).ok_or_else(|| {
                let fields: Vec<&str> = Field::ALL.iter().map(|(name, _)| *name).collect();
                Wrong(format!("the sample has no '{path}': it has {}", fields.join(", ")), at)
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
            // An escaped character is rare: minijinja knows what it means.
            if self.rest()[end..].starts_with('\\') {
                return Err(Beyond("a text with a backslash", start));
            }
            let text = self.rest()[..end].to_string();
            self.at += end + 1;
            return Ok(Argument::Text(text));
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
        let number = number.to_string();
        self.at += end;
        Ok(Argument::Number(number))
    }
}

/// What can be called.
pub(super) const FUNCTIONS: [&str; 11] =
    ["uuid", "now", "timestamp_ms", "int", "float", "pick", "word", "name", "email", "hex", "base64"];

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

/// The drawing function `name` with these arguments.
fn call(name: &str, arguments: &[Argument], at: usize) -> Result<Draw, Trouble> {
    let numbers: Option<Vec<f64>> = arguments
        .iter()
        .map(|argument| match argument {
            Argument::Number(text) => text.parse().ok(),
            Argument::Text(_) => None,
        })
        .collect();
    let result = match (name, numbers.as_deref()) {
        ("uuid", Some([])) => Ok(Draw::Uuid),
        ("word", Some([])) => Ok(Draw::Word),
        ("name", Some([])) => Ok(Draw::Name),
        ("email", Some([])) => Ok(Draw::Email),
        ("int", Some([_, _])) => int_of(arguments),
        ("float", Some(&[low, high])) => Draw::float(low, high, 6.0),
        ("float", Some(&[low, high, decimals])) => Draw::float(low, high, decimals),
        ("hex", Some(&[n])) => Draw::hex(n),
        ("base64", Some(&[n])) => Draw::base64(n),
        ("pick", _) if !arguments.is_empty() => {
            let choice = |argument: &Argument| match argument {
                Argument::Text(text) => Ok((text.clone(), false)),
                Argument::Number(text) => Ok((canonical(text, at)?, true)),
            };
            Ok(Draw::Pick(arguments.iter().map(choice).collect::<Result<_, Trouble>>()?))
        }
        _ => Err(match usage(name) {
            Some(usage) => format!("{name} is written {usage}"),
            None => format!("there is no function '{name}': there are {}", FUNCTIONS.join(", ")),
        }),
    };
    result.map_err(|message| Wrong(message, at))
}

fn int_of(arguments: &[Argument]) -> Result<Draw, String> {
    let whole = |argument: &Argument| match argument {
        Argument::Number(text) => text.parse::<i64>().ok(),
        Argument::Text(_) => None,
    };
    match (whole(&arguments[0]), whole(&arguments[1])) {
        (Some(low), Some(high)) => Draw::int(low, high),
        _ => Err("int(low, high) takes whole numbers of 64 bits".into()),
    }
}

/// How a function is called.
pub(super) fn usage(name: &str) -> Option<&'static str> {
    Some(match name {
        "uuid" => "uuid()",
        "now" => "now()",
        "timestamp_ms" => "timestamp_ms()",
        "int" => "int(low, high), as in int(1, 100)",
        "float" => "float(low, high, decimals), as in float(0, 1, 3)",
        "pick" => "pick(choice, ...), as in pick(\"a\", \"b\")",
        "word" => "word()",
        "name" => "name()",
        "email" => "email()",
        "hex" => "hex(digits), as in hex(16)",
        "base64" => "base64(bytes), as in base64(32)",
        _ => return None,
    })
}

impl Draw {
    /// From `low` to `high`, both included.
    pub(super) fn int(low: i64, high: i64) -> Result<Draw, String> {
        match low <= high {
            true => Ok(Draw::Int { low, span: high.wrapping_sub(low) as u64 }),
            false => Err(format!("int({low}, {high}): the first number is to be the smaller one")),
        }
    }

    /// The same with decimals.
    pub(super) fn float(low: f64, high: f64, decimals: f64) -> Result<Draw, String> {
        if !(0.0..=8.0).contains(&decimals) || decimals.fract() != 0.0 {
            return Err("float(low, high, decimals) takes 0 to 8 decimals".into());
        }
        let scale = 10f64.powi(decimals as i32);
        let [low, high] = [(low * scale).round(), (high * scale).round()];
        if low > high || low.is_nan() || high.is_nan() {
            return Err("float(low, high, decimals): the first number is to be the smaller one".into());
        }
        // Beyond 15 digits a float does not hold what it was written as.
        if low.abs().max(high.abs()) >= 1e15 {
            return Err("float(low, high, decimals) takes numbers of at most 15 digits, decimals included".into());
        }
        Ok(Draw::Float { low: low as i64, span: (high - low) as u64, decimals: decimals as u32 })
    }

    pub(super) fn hex(digits: f64) -> Result<Draw, String> {
        length(digits).map(Draw::Hex).ok_or_else(|| format!("hex(digits) takes 1 to {LONGEST_DRAW}"))
    }

    pub(super) fn base64(bytes: f64) -> Result<Draw, String> {
        length(bytes).map(Draw::Base64).ok_or_else(|| format!("base64(bytes) takes 1 to {LONGEST_DRAW}"))
    }
}

fn length(n: f64) -> Option<u32> {
    (n.fract() == 0.0 && (1.0..=f64::from(LONGEST_DRAW)).contains(&n)).then_some(n as u32)
}
