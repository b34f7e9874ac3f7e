//! Templates with logic: minijinja, with the same values, functions and filters.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{Object, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value as Jinja};

use super::buffer::Buffer;
use super::error::TemplateError;
use super::filter::Filter;
use super::function::{self, Argument, FUNCTIONS};
use super::sample::{Field, Fields};
use super::stamp::Stamp;
use super::value::{Facts, Kind, Value};
use crate::feed::{Cell, Feed, Reader};
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
    out: Buffer,
    scratch: Vec<u8>,
}

const NAME: &str = "template";

impl Machine {
    /// Compiles `text`.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(super) fn new(name: &str, text: &str, feeds: &[Arc<Feed>]) -> Result<Machine, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_formatter(write_value);
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
            out: Buffer::new(),
            scratch: Vec::new(),
        }));
        for function in FUNCTIONS {
            let current = Arc::clone(&current);
            let call = move |arguments: minijinja::value::Rest<Jinja>| lock(&current).call(function, &arguments);
            environment.add_function(function, call);
        }
        for (filter_name, filter) in Filter::ALL {
            let current = Arc::clone(&current);
            environment.add_filter(filter_name, move |value: Jinja| filtered(filter, &value, &current));
        }
        environment.add_template_owned(NAME, text.to_string()).map_err(|e| at(name, text, &e))?;
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
pub(super) fn at(name: &str, text: &str, error: &Error) -> TemplateError {
    let line_start = |line: usize| text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let place = error.range().map_or_else(|| error.line().map_or(0, line_start), |range| range.start);
    let what = match error.kind() {
        ErrorKind::UndefinedError if error.detail().is_none() => "a value that does not exist".to_string(),
        kind => error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}")),
    };
    TemplateError::new(name, text, place, what.replace('\n', " "))
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

    fn call(&mut self, function: &str, arguments: &[Jinja]) -> Result<Jinja, Error> {
        let value = value_of(function, arguments)?;
        let (text, kind) = self.write(&value);
        Ok(match kind {
            Kind::Text => text.into(),
            // A number that can be reckoned with.
            Kind::Json => match text.parse::<i64>() {
                Ok(n) => n.into(),
                Err(_) => text.parse::<f64>().map_or_else(|_| text.into(), Jinja::from),
            },
        })
    }
}

/// What a filter makes of a value. The lock is not held while a value is
/// written, which may have to look into the row for it.
fn filtered(filter: Filter, value: &Jinja, current: &Mutex<Current>) -> Result<Jinja, Error> {
    let (text, kind) = match value.kind() {
        ValueKind::Undefined => return Err(ErrorKind::UndefinedError.into()),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => (json(value, current)?, Kind::Json),
        _ => (shown(value), if value.as_str().is_some() { Kind::Text } else { Kind::Json }),
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
fn json(value: &Jinja, current: &Mutex<Current>) -> Result<String, Error> {
    if let Some(row) = value.downcast_object_ref::<Row>() {
        return Ok(lock(current).readers[row.feed].json().unwrap_or_default().into());
    }
    if value.downcast_object_ref::<Nested>().is_some() || value.downcast_object_ref::<Absent>().is_some() {
        return Ok(value.to_string());
    }
    serde_json::to_string(value).map_err(|e| Error::new(ErrorKind::BadSerialization, e.to_string()))
}

/// The value of a call.
fn value_of(function: &str, arguments: &[Jinja]) -> Result<Value, Error> {
    let argument = |argument: &Jinja| Argument {
        text: shown(argument),
        is_json: argument.as_str().is_none(),
        number: f64::try_from(argument.clone()).ok(),
        whole: i64::try_from(argument.clone()).ok(),
    };
    let arguments: Vec<Argument> = arguments.iter().map(argument).collect();
    function::call(function, &arguments).map_err(|message| Error::new(ErrorKind::InvalidOperation, message))
}

/// Values as JSON has them, where Python's words differ.
fn write_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Jinja) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Bool | ValueKind::None => Ok(out.write_str(&shown(value))?),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

fn shown(value: &Jinja) -> String {
    match value.kind() {
        ValueKind::Bool => if value.is_true() { "true" } else { "false" }.into(),
        ValueKind::None => "null".into(),
        _ => value.to_string(),
    }
}

/// Text that is JSON as it stands.
#[derive(Debug)]
struct Verbatim(String);

impl Object for Verbatim {
    fn repr(self: &Arc<Self>) -> minijinja::value::ObjectRepr {
        minijinja::value::ObjectRepr::Plain
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
        let (text, _) = lock(&self.0).write(&Value::Sample(field));
        Some(match field.is_number() {
            true => Jinja::from_object(Verbatim(text)),
            false => text.into(),
        })
    }
}

/// `row`, or a feed by its name.
struct Row {
    current: Arc<Mutex<Current>>,
    feed: usize,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("row")
    }
}

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        value_at(&self.current, self.feed, key.as_str()?)
    }
}

/// What stands under `path` in the current row of a feed; None if it has no such column.
fn value_at(current: &Arc<Mutex<Current>>, feed: usize, path: &str) -> Option<Jinja> {
    let mut locked = lock(current);
    let reader = &mut locked.readers[feed];
    let column = reader.feed().column(path)?;
    Some(match reader.cell(&column) {
        Cell::Text(text) => text.into(),
        Cell::Integer(n) => n.into(),
        Cell::Float(n) => n.into(),
        Cell::Bool(b) => b.into(),
        Cell::Null => ().into(),
        Cell::Missing => Jinja::from_object(Absent),
        Cell::Json(text) => match serde_json::from_str::<Jinja>(text) {
            Ok(value) if matches!(value.kind(), ValueKind::Map | ValueKind::Seq) => {
                let current = Arc::clone(current);
                Jinja::from_object(Nested { current, feed, path: path.into(), text: text.into(), value })
            }
            _ => Jinja::from_object(Verbatim(text.into())),
        },
    })
}

/// What a row does not have: null when it is written, false when it is asked about.
#[derive(Debug)]
struct Absent;

impl Object for Absent {
    fn get_value(self: &Arc<Self>, _key: &Jinja) -> Option<Jinja> {
        Some(Jinja::from_dyn_object(Arc::clone(self)))
    }

    fn enumerate(self: &Arc<Self>) -> minijinja::value::Enumerator {
        minijinja::value::Enumerator::Empty
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null")
    }
}

/// An object or a list within a row: logic can look into it, and what is not
/// looked into stays as it stands.
struct Nested {
    current: Arc<Mutex<Current>>,
    feed: usize,
    path: String,
    text: String,
    value: Jinja,
}

impl fmt::Debug for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Object for Nested {
    fn repr(self: &Arc<Self>) -> minijinja::value::ObjectRepr {
        match self.value.kind() {
            ValueKind::Seq => minijinja::value::ObjectRepr::Seq,
            _ => minijinja::value::ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        match (key.as_str(), self.value.kind()) {
            (Some(key), ValueKind::Map) => value_at(&self.current, self.feed, &format!("{}.{key}", self.path)),
            _ => self.value.get_item(key).ok().filter(|value| !value.is_undefined()),
        }
    }

    fn enumerate(self: &Arc<Self>) -> minijinja::value::Enumerator {
        match self.value.try_iter() {
            Ok(items) => minijinja::value::Enumerator::Values(items.collect()),
            Err(_) => minijinja::value::Enumerator::NonEnumerable,
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
