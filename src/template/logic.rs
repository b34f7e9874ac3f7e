//! Templates with logic: minijinja, with the same values, functions and filters.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value as Jinja};

use super::buffer::Buffer;
use super::error::TemplateError;
use super::filter::Filter;
use super::function::{self, Argument, FUNCTIONS};
use super::parse;
use super::sample::{Field, Fields};
use super::stamp::Stamp;
use super::value::{Facts, Kind, Value};
use crate::feed::{Cell, Feed, Reader, Step, json};
use crate::rng::{SeedableRng, Xoshiro256PlusPlus};
use crate::time::Nanos;

/// A template's machine, for one worker.
pub(super) struct Machine {
    environment: Environment<'static>,
    /// What does not change: the sample and the rows, as objects that look into `current`.
    objects: Vec<(String, Jinja)>,
    current: Arc<Mutex<Current>>,
}

/// The request that is being rendered: what the functions draw from.
pub(super) struct Current {
    pub(super) index: u64,
    pub(super) user: u64,
    pub(super) wave: Option<u32>,
    pub(super) seed: u64,
    pub(super) unix: Nanos,
    pub(super) fields: Fields,
    pub(super) rng: Xoshiro256PlusPlus,
    stamp: Stamp,
    readers: Vec<Reader>,
    /// As what numbers are written that this request has met, where minijinja would write them otherwise: `1.10`,
    /// `1E5`. By the bits of their values, which are all that minijinja keeps of them.
    spellings: HashMap<u64, Box<str>>,
    out: Buffer,
    scratch: Vec<u8>,
}

const NAME: &str = "template";
/// minijinja's filter, which ours makes use of.
const JOIN: &str = "join_of_minijinja";

impl Machine {
    /// Compiles `text`.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(super) fn new(name: &str, text: &str, feeds: &[Arc<Feed>]) -> Result<Machine, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_debug(true);
        let current = Arc::new(Mutex::new(Current {
            index: 0,
            user: 0,
            wave: None,
            seed: 0,
            unix: Nanos::ZERO,
            fields: Fields::draw(0, 0),
            rng: Xoshiro256PlusPlus::seed_from_u64(0),
            stamp: Stamp::new(),
            readers: feeds.iter().map(|feed| Reader::new(Arc::clone(feed))).collect(),
            spellings: HashMap::new(),
            out: Buffer::new(),
            scratch: Vec::new(),
        }));
        let writer = Arc::clone(&current);
        environment.set_formatter(move |out, state, value| write_value(out, state, value, &writer));
        let writer = Arc::clone(&current);
        environment.add_filter("string", move |value: Jinja| match value.kind() {
            ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
            ValueKind::String => Ok(value),
            _ => Ok(shown(&value, &writer).into()),
        });
        let writer = Arc::clone(&current);
        environment.add_filter(JOIN, minijinja::filters::join);
        environment.add_filter("join", move |state: &mut State<'_, '_>, value: Jinja, arguments: Rest<Jinja>| {
            let spelt = |item: Jinja| if item.is_number() { shown(&item, &writer).into() } else { item };
            let value = match value.kind() {
                ValueKind::Seq | ValueKind::Iterable => value.try_iter()?.map(spelt).collect(),
                _ => value,
            };
            let arguments: Vec<Jinja> = std::iter::once(value).chain(arguments.0).collect();
            state.apply_filter(JOIN, &arguments)
        });
        for function in FUNCTIONS {
            let current = Arc::clone(&current);
            let call = move |arguments: Rest<Jinja>| call(function, &arguments, &current);
            environment.add_function(function, call);
        }
        for (filter_name, filter) in Filter::ALL {
            let current = Arc::clone(&current);
            environment.add_filter(filter_name, move |value: Jinja| filtered(filter, &value, &current));
        }
        environment.add_template_owned(NAME, text.to_string()).map_err(|e| at(name, text, &e, feeds))?;
        let mut objects = vec![("sample".to_string(), Jinja::from_object(Sample(Arc::clone(&current))))];
        for (number, feed) in feeds.iter().enumerate() {
            let row = Jinja::from_object(Row { current: Arc::clone(&current), feed: number });
            if feeds.len() == 1 {
                objects.push(("row".into(), row.clone()));
            }
            objects.push((feed.name().into(), row));
        }
        Ok(Machine { environment, objects, current })
    }

    /// Renders the request that `prepare` makes the current one.
    ///
    /// # Errors
    /// Why it cannot be rendered.
    pub(super) fn render(&self, prepare: impl FnOnce(&mut Current), out: &mut Buffer) -> Result<(), Error> {
        let mut values = self.objects.clone();
        {
            let mut current = lock(&self.current);
            current.spellings.clear();
            prepare(&mut current);
            values.push(("index".into(), current.index.into()));
            values.push(("user_number".into(), current.user.into()));
            values.push(("wave".into(), current.wave.unwrap_or(0).into()));
            values.push(("seed".into(), current.seed.into()));
        }
        let text = self.environment.get_template(NAME)?.render(Jinja::from_pairs(values))?;
        out.bytes(text.as_bytes());
        Ok(())
    }
}

/// Where an error of minijinja is, in the template called `name`.
pub(super) fn at(name: &str, text: &str, error: &Error, feeds: &[Arc<Feed>]) -> TemplateError {
    let line_start = |line: usize| text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let place = error.range().map_or_else(|| error.line().map_or(0, line_start), |range| range.start);
    if error.kind() == ErrorKind::UndefinedError
        && let Some((message, place)) = unknown(text, place, error, feeds)
    {
        return TemplateError::new(name, text, place, message);
    }
    let what = match error.kind() {
        ErrorKind::UndefinedError if error.detail().is_none() => "a value that does not exist".to_string(),
        kind => error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}")),
    };
    TemplateError::new(name, text, place, what.replace('\n', " "))
}

/// What does not exist may be a column of a feed, of which there is more to say. minijinja says the expression
/// where it can, as "`users.mail` is undefined"; else the one at the start of the tag is looked at.
fn unknown(text: &str, place: usize, error: &Error, feeds: &[Arc<Feed>]) -> Option<(String, usize)> {
    let said = error.detail().and_then(|detail| detail.strip_prefix('`')?.strip_suffix("` is undefined"));
    if let Some((message, _)) = said.and_then(|said| parse::unknown(said, 0, feeds)) {
        return Some((message, place));
    }
    let start = text[..place].rfind("{{").filter(|_| said.is_none())? + 2;
    parse::unknown(text, start + usize::from(text[start..].starts_with('-')), feeds)
}

/// A worker renders one template at a time, so nobody ever waits for this lock.
fn lock(current: &Mutex<Current>) -> MutexGuard<'_, Current> {
    current.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Current {
    pub(super) fn readers(&mut self) -> &mut [Reader] {
        &mut self.readers
    }

    /// The text of `value`, written as without logic.
    fn write(&mut self, value: &Value) -> (String, Kind) {
        self.out.truncate(0);
        let Current { index, user, wave, seed, unix, .. } = *self;
        let mut facts = Facts {
            index,
            user,
            wave,
            seed,
            unix,
            stamp: &mut self.stamp,
            fields: &self.fields,
            readers: &mut self.readers,
            rng: &mut self.rng,
            scratch: &mut self.scratch,
        };
        let kind = facts.write(value, &mut self.out);
        let text = String::from_utf8_lossy(self.out.written()).into_owned();
        (text, kind)
    }

    /// A number that can be reckoned with, and that is written as it is spelt here.
    fn number(&mut self, text: &str) -> Jinja {
        if let Some(number) = whole(text) {
            return number;
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                let value = Jinja::from(number);
                if value.to_string() == text {
                    self.spellings.remove(&number.to_bits());
                } else {
                    self.spellings.insert(number.to_bits(), text.into());
                }
                value
            }
            _ => Jinja::from_object(Verbatim(text.into())),
        }
    }

    /// As what a number is written, if that is not what minijinja makes of it.
    fn spelling(&self, value: &Jinja) -> Option<String> {
        if self.spellings.is_empty() || value.is_integer() {
            return None;
        }
        let number = f64::try_from(value.clone()).ok()?;
        self.spellings.get(&number.to_bits()).map(|text| text.to_string())
    }
}

/// A whole number that is written as it is spelt here.
fn whole(text: &str) -> Option<Jinja> {
    // minijinja has numbers of up to 128 bits, and no zero with a sign.
    let number = text.parse::<i64>().map(Jinja::from);
    let number = number.or_else(|_| text.parse::<u64>().map(Jinja::from));
    let number = number.or_else(|_| text.parse::<i128>().map(Jinja::from));
    let number = number.or_else(|_| text.parse::<u128>().map(Jinja::from));
    number.ok().filter(|number| number.to_string() == text)
}

fn call(function: &str, arguments: &[Jinja], current: &Mutex<Current>) -> Result<Jinja, Error> {
    let value = value_of(function, arguments, current)?;
    let mut current = lock(current);
    let (text, kind) = current.write(&value);
    Ok(match kind {
        Kind::Text => text.into(),
        Kind::Json => current.number(&text),
    })
}

/// What a filter makes of a value.
fn filtered(filter: Filter, value: &Jinja, current: &Mutex<Current>) -> Result<Jinja, Error> {
    let (text, kind) = match value.kind() {
        ValueKind::Undefined => return Err(ErrorKind::UndefinedError.into()),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => (to_json(value, current)?, Kind::Json),
        _ => (shown(value, current), if value.as_str().is_some() { Kind::Text } else { Kind::Json }),
    };
    let mut out = Buffer::new();
    out.bytes(text.as_bytes());
    let kind = filter.apply(&mut out, 0, kind, &mut Vec::new());
    let text = String::from_utf8_lossy(out.written()).into_owned();
    Ok(match kind {
        Kind::Text => text.into(),
        // What is JSON already is not put in quotes again.
        Kind::Json => Jinja::from_object(Verbatim(text)),
    })
}

/// A list or a map as JSON: as it stands where it is from a file.
fn to_json(value: &Jinja, current: &Mutex<Current>) -> Result<String, Error> {
    if let Some(row) = value.downcast_object_ref::<Row>() {
        return row.json();
    }
    if value.downcast_object_ref::<Nested>().is_some() || value.downcast_object_ref::<Absent>().is_some() {
        return Ok(value.to_string());
    }
    let mut out = String::new();
    write_json(value, current, MAX_NESTING, &mut out)?;
    Ok(out)
}

/// As deep as JSON may be that serde_json reads.
const MAX_NESTING: usize = 127;

/// Writes a value as JSON, with numbers as they are spelt.
fn write_json(value: &Jinja, current: &Mutex<Current>, nesting: usize, out: &mut String) -> Result<(), Error> {
    let wrong = |what: String| Error::new(ErrorKind::BadSerialization, what);
    let inside = || {
        nesting.checked_sub(1).ok_or_else(|| wrong(format!("more than {MAX_NESTING} lists and maps within each other")))
    };
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            let nesting = inside()?;
            out.push('[');
            for (number, item) in value.try_iter()?.enumerate() {
                if number > 0 {
                    out.push(',');
                }
                write_json(&item, current, nesting, out)?;
            }
            out.push(']');
        }
        ValueKind::Map if value.downcast_object_ref::<Row>().is_some() => *out += &to_json(value, current)?,
        ValueKind::Map if value.downcast_object_ref::<Absent>().is_none() => {
            let nesting = inside()?;
            out.push('{');
            for (number, key) in value.try_iter()?.enumerate() {
                if number > 0 {
                    out.push(',');
                }
                let name = key.as_str().map_or_else(|| shown(&key, current), String::from);
                *out += &serde_json::to_string(&name).map_err(|e| wrong(e.to_string()))?;
                out.push(':');
                write_json(&value.get_item(&key)?, current, nesting, out)?;
            }
            out.push('}');
        }
        ValueKind::Bool | ValueKind::None | ValueKind::Number | ValueKind::Map => *out += &shown(value, current),
        _ if value.downcast_object_ref::<Verbatim>().is_some() => *out += &value.to_string(),
        _ => *out += &serde_json::to_string(value).map_err(|e| wrong(e.to_string()))?,
    }
    Ok(())
}

/// The value of a call.
fn value_of(function: &str, arguments: &[Jinja], current: &Mutex<Current>) -> Result<Value, Error> {
    let argument = |argument: &Jinja| Argument {
        text: shown(argument, current),
        is_json: argument.as_str().is_none(),
        number: f64::try_from(argument.clone()).ok(),
        whole: i64::try_from(argument.clone()).ok(),
    };
    let arguments: Vec<Argument> = arguments.iter().map(argument).collect();
    function::call(function, &arguments).map_err(|message| Error::new(ErrorKind::InvalidOperation, message))
}

/// Values as JSON has them where Python's words differ, and numbers as they are spelt.
fn write_value(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Jinja,
    current: &Mutex<Current>,
) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Bool | ValueKind::None | ValueKind::Number => Ok(out.write_str(&shown(value, current))?),
        _ => match value.downcast_object_ref::<Row>() {
            Some(row) => row.json().and(Err(Error::new(ErrorKind::InvalidOperation, parse::WHOLE_ROW))),
            None => minijinja::escape_formatter(out, state, value),
        },
    }
}

fn shown(value: &Jinja, current: &Mutex<Current>) -> String {
    match value.kind() {
        ValueKind::Bool => if value.is_true() { "true" } else { "false" }.into(),
        ValueKind::None => "null".into(),
        ValueKind::Number => lock(current).spelling(value).unwrap_or_else(|| value.to_string()),
        _ => value.to_string(),
    }
}

/// Text that is JSON as it stands.
#[derive(Debug)]
struct Verbatim(String);

impl Object for Verbatim {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `sample`.
struct Sample(Arc<Mutex<Current>>);

impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sample")
    }
}

impl Object for Sample {
    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let field = Field::named(key.as_str()?)?;
        let mut current = lock(&self.0);
        let (text, _) = current.write(&Value::Sample(field));
        Some(if field.is_number() { current.number(&text) } else { text.into() })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(Field::ALL.iter().map(|(name, _)| Jinja::from(*name)).collect())
    }
}

/// `row`, or a feed by its name.
struct Row {
    current: Arc<Mutex<Current>>,
    feed: usize,
}

impl Row {
    fn json(&self) -> Result<String, Error> {
        let locked = lock(&self.current);
        let reader = &locked.readers[self.feed];
        reader
            .json()
            .map(String::from)
            .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, parse::whole_row_of_csv(reader.feed().name())))
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("row")
    }
}

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let mut locked = lock(&self.current);
        let reader = &mut locked.readers[self.feed];
        let column = reader.feed().column_at(vec![step(key)?])?;
        let number = match reader.cell(&column) {
            Cell::Number(text) => text.to_string(),
            cell => return Some(value_of_cell(&cell, &self.current)),
        };
        Some(locked.number(&number))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let locked = lock(&self.current);
        let reader = &locked.readers[self.feed];
        let names = match reader.json() {
            Some(row) => json::keys(row).into_iter().map(Jinja::from).collect(),
            None => reader.feed().column_names().into_iter().map(Jinja::from).collect(),
        };
        Enumerator::Values(names)
    }
}

/// What minijinja asks an object for.
fn step(key: &Jinja) -> Option<Step> {
    match key.as_str() {
        Some(key) => Some(Step::Key(key.into())),
        None => key.as_usize().map(Step::Item),
    }
}

/// What a cell means, which is no number.
fn value_of_cell(cell: &Cell<'_>, current: &Arc<Mutex<Current>>) -> Jinja {
    match *cell {
        Cell::Text(text) => text.into(),
        Cell::Bool(b) => b.into(),
        Cell::Null => ().into(),
        Cell::Missing => Jinja::from_object(Absent),
        Cell::Json(text) => Jinja::from_object(Nested { current: Arc::clone(current), text: text.into() }),
        Cell::Number(text) => Jinja::from_object(Verbatim(text.into())),
    }
}

/// What a row does not have: null when it is written, false when it is asked about.
#[derive(Debug)]
struct Absent;

impl Object for Absent {
    fn get_value(self: &Arc<Self>, _key: &Jinja) -> Option<Jinja> {
        Some(Jinja::from_dyn_object(Arc::clone(self)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Empty
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null")
    }
}

/// An object or a list within a row: logic can look into it, and what is not
/// looked into stays as it stands.
struct Nested {
    current: Arc<Mutex<Current>>,
    /// As it was checked with its row.
    text: Box<str>,
}

impl Nested {
    fn is_list(&self) -> bool {
        self.text.starts_with('[')
    }

    /// What stands inside, or that there is nothing.
    fn value(&self, text: Option<&str>) -> Jinja {
        let mut unquoted = String::new();
        match text.map_or(Cell::Missing, |text| json::cell(text, &mut unquoted)) {
            Cell::Number(text) => lock(&self.current).number(text),
            cell => value_of_cell(&cell, &self.current),
        }
    }
}

impl fmt::Debug for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Object for Nested {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.is_list() { ObjectRepr::Seq } else { ObjectRepr::Map }
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        Some(self.value(json::find(&self.text, &[step(key)?])))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(if self.is_list() {
            json::items(&self.text).map(|item| self.value(Some(item))).collect()
        } else {
            json::keys(&self.text).into_iter().map(Jinja::from).collect()
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
