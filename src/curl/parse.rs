//! From words to a command.

use crate::note::Note;
use crate::time::Nanos;
use crate::uri::Parts;

use super::options::{Act, Flag, Value, long, short};
use super::{Body, Command, Data, DataKind};

/// A command, and what became of options that mean nothing here.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// What is asked for.
    pub command: Command,
    /// What was left out that the user may miss, a line each.
    pub notes: Vec<Note>,
}

/// Reads the words of a command, of which the first is `curl`.
///
/// # Errors
/// One line: what cannot be read or had, why, and what to do.
pub fn parse(words: &[String]) -> Result<Parsed, String> {
    let Some((curl, words)) = words.split_first() else {
        return Err("the command is empty: it begins with curl".into());
    };
    if !matches!(curl.rsplit('/').next(), Some("curl" | "curl.exe")) {
        return Err(format!("the command begins with {}, and not with curl", shown(curl)));
    }
    let mut parser = Parser { parsed: Parsed { command: Command::default(), notes: Vec::new() }, url: None };
    let mut words = words.iter().map(String::as_str);
    let mut only_urls = false;
    while let Some(word) = words.next() {
        match word.strip_prefix('-') {
            Some("-") if !only_urls => only_urls = true,
            Some(rest) if !only_urls && !rest.is_empty() => parser.options(rest, &mut words)?,
            _ => parser.value(word, Value::Url, word)?,
        }
    }
    parser.finish()
}

struct Parser {
    parsed: Parsed,
    url: Option<String>,
}

impl Parser {
    /// What stands behind the first dash of a word, and values in words that follow.
    fn options<'a>(&mut self, text: &'a str, words: &mut impl Iterator<Item = &'a str>) -> Result<(), String> {
        if let Some(name) = text.strip_prefix('-') {
            let name = format!("--{name}");
            let act = long(&name[2..]).ok_or_else(|| unknown(&name))?;
            return self.act(&name, act, || words.next()).map(drop);
        }
        let mut rest = text.chars();
        while let Some(letter) = rest.next() {
            let name = format!("-{letter}");
            let act = short(letter).ok_or_else(|| unknown(&name))?;
            let behind = rest.as_str();
            if self.act(&name, act, || if behind.is_empty() { words.next() } else { Some(behind) })? {
                break;
            }
        }
        Ok(())
    }

    /// Does what an option says; true if it took a value.
    fn act<'a>(&mut self, name: &str, act: Act, value: impl FnOnce() -> Option<&'a str>) -> Result<bool, String> {
        let value = || value().ok_or_else(|| format!("curl's {name} has no value: is all of the command there?"));
        match act {
            Act::Flag(flag) => self.flag(flag),
            Act::Value(of) => {
                self.value(name, of, value()?)?;
                return Ok(true);
            }
            Act::Dropped(has_value) | Act::Noted(has_value, _) => {
                if let Act::Noted(_, why) = act {
                    self.parsed.notes.push(Note::CurlLeftOut { what: name.into(), why });
                }
                if has_value {
                    value()?;
                }
                return Ok(has_value);
            }
            Act::Refused(why) => return Err(format!("curl's {name} cannot be followed: {why}")),
        }
        Ok(false)
    }

    fn flag(&mut self, flag: Flag) {
        let command = &mut self.parsed.command;
        match flag {
            Flag::Head => command.head = true,
            Flag::Get => command.get = true,
            Flag::Compressed => command.compressed = true,
            Flag::Insecure => command.route.insecure = true,
            Flag::Location => command.location = true,
            Flag::PathAsIs => command.path_as_is = true,
            Flag::Version(version) => command.version = Some(version),
            Flag::Family(family) => command.route.family = Some(family),
        }
    }

    fn value(&mut self, name: &str, of: Value, text: &str) -> Result<(), String> {
        let command = &mut self.parsed.command;
        let some = || Some(text.to_string());
        let wrong = |what: &str| Err(format!("curl's {name} {}: {what}", shown(text)));
        match of {
            Value::Url if self.url.is_some() => {
                return Err(format!("{} is a second URL: one command is one request", shown(text)));
            }
            Value::Url => self.url = Some(with_scheme(text.trim())),
            Value::Method => command.method = some(),
            Value::Header if text.starts_with('@') => {
                return wrong("headers of a file: write each with a -H of its own");
            }
            Value::Header => command.headers.push(text.into()),
            Value::Data(kind) => self.data(name, kind, text)?,
            Value::Form => self.field(name, text.into())?,
            Value::FormText => match text.split_once('=') {
                None => return wrong("there is no '=': write NAME=VALUE"),
                Some((field, value)) => {
                    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                    self.field(name, format!("{field}=\"{value}\""))?;
                }
            },
            Value::User if !text.contains(':') => return wrong("curl would ask for the password: write user:password"),
            Value::User => command.user = some(),
            Value::UserAgent => command.user_agent = some(),
            Value::Referer if text.ends_with(";auto") => {
                return wrong("';auto' makes another header for each redirect");
            }
            Value::Referer => command.referer = some(),
            // It makes curl keep cookies of answers, and sends none.
            Value::Cookie if text.is_empty() => {}
            Value::Cookie if !text.contains('=') => {
                return wrong("a file of cookies is not read, as each user would need its own: write -b 'name=value'");
            }
            Value::Cookie => command.cookies.push(text.into()),
            Value::Cacert => command.route.cacert = some(),
            Value::Cert => command.route.cert = some(),
            Value::Key => command.route.key = some(),
            Value::ConnectTo => command.route.connect_to.push(text.into()),
            Value::Resolve => command.route.resolve.push(text.into()),
            Value::UnixSocket => command.route.unix_socket = some(),
            Value::MaxTime | Value::ConnectTimeout => match (seconds(text), of) {
                (None, _) => return wrong("this is no number of seconds"),
                (Some(time), Value::MaxTime) => command.max_time = time,
                (Some(time), _) => command.connect_timeout = time,
            },
            Value::MaxRedirs => match text.parse() {
                Ok(most) => command.max_redirs = Some(most),
                Err(_) => return wrong("this is no number of redirects, of which there has to be a bound"),
            },
        }
        Ok(())
    }

    fn data(&mut self, name: &str, kind: DataKind, text: &str) -> Result<(), String> {
        let data = Data { kind, text: text.into() };
        match &mut self.parsed.command.body {
            Body::Data(all) => all.push(data),
            body @ Body::None => *body = Body::Data(vec![data]),
            Body::Form(_) => return Err(format!("curl's -F and {name} contradict each other: a request has one body")),
        }
        Ok(())
    }

    fn field(&mut self, name: &str, field: String) -> Result<(), String> {
        match &mut self.parsed.command.body {
            Body::Form(all) => all.push(field),
            body @ Body::None => *body = Body::Form(vec![field]),
            Body::Data(_) => return Err(format!("curl's -d and {name} contradict each other: a request has one body")),
        }
        Ok(())
    }

    fn finish(self) -> Result<Parsed, String> {
        let mut parsed = self.parsed;
        parsed.command.url = self.url.ok_or("the curl command has no URL: is all of it there?")?;
        let Command { head, get, body, .. } = &parsed.command;
        match body {
            Body::Data(_) if *head && !get => {
                Err("curl's -I and -d contradict each other: HEAD carries nothing".into())
            }
            Body::Form(_) if *head || *get => Err("curl's -F contradicts -I and -G: a form is sent with POST".into()),
            _ => Ok(parsed),
        }
    }
}

fn unknown(name: &str) -> String {
    format!("curl's {} is not known here: leave it out, or use onrush's own options (see --help)", shown(name))
}

/// As curl guesses it.
fn with_scheme(url: &str) -> String {
    if Parts::of(url).is_some() { url.into() } else { format!("http://{url}") }
}

/// A decimal number of seconds; `Some(None)`: there is no limit.
fn seconds(text: &str) -> Option<Option<Nanos>> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let digits: u64 = format!("{whole}{part:0<9}").parse().ok()?;
    Some((digits > 0).then_some(Nanos(digits)))
}

/// The beginning of a text, in quotes and fit for one line.
fn shown(text: &str) -> String {
    let mut chars = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
    let start: String = chars.by_ref().take(60).collect();
    let rest = if chars.next().is_some() { "..." } else { "" };
    format!("'{start}{rest}'")
}
