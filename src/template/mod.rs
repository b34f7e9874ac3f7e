//! Texts with blanks: what differs from request to request.
//!
//! The syntax is minijinja's. A template of text, values and filters is compiled
//! into segments, which are written one after the other; one with logic goes
//! through minijinja, with the same values and the same chance, so that the
//! difference is speed alone.
//!
//! What is rendered is a function of the template, the seed and the request's
//! index; and of the clock, the user and the wave, where the template asks for them.

mod buffer;
mod built_in;
mod chance;
mod depth;
mod error;
mod filter;
mod function;
mod jinja;
mod logic;
mod outline;
mod parse;
mod pen;
mod sample;
mod stamp;
#[cfg(test)]
mod tests;
mod value;
mod words;

use std::fmt;
use std::sync::Arc;

use crate::feed::{Feed, Order, Reader};
use crate::rng::{self, Xoshiro256PlusPlus};
use crate::time::{Nanos, WallClock};

use buffer::Buffer;
use logic::Machine;
use parse::{Parsed, Segments};
use sample::Fields;
use stamp::Stamp;
use value::{Facts, Value};

pub use built_in::BUILT_IN;
pub use error::TemplateError;
pub use outline::outline;

/// A text with blanks. Workers share it; each has a [`Renderer`].
pub struct Template {
    name: String,
    text: String,
    feeds: Vec<Arc<Feed>>,
    program: Program,
}

enum Program {
    Segments(Segments),
    /// The segments are those of [`BUILT_IN`], which is compiled by hand.
    BuiltIn(Segments),
    /// minijinja is needed: for what, and on which line.
    Logic(&'static str, usize),
}

/// Which request is rendered.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Its number in the schedule, or in the warm-up.
    pub index: u64,
    /// It is none of the warm-up.
    pub measured: bool,
    /// The number of its user, from 0.
    pub user: u64,
    /// The number of its wave, from 0, in the wave model.
    pub wave: Option<u32>,
    /// The monotonic instant.
    pub now: Nanos,
}

/// Which text of a request a template is for: each draws from a stream of chance of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The body.
    Body,
    /// Path and query.
    Path,
    /// The value of header line number so many.
    Header(u32),
}

impl Template {
    /// Compiles `text`, which messages call `name`. Rows come from `feeds`.
    ///
    /// # Errors
    /// What is wrong, with its place.
    pub fn compile(name: &str, text: &str, feeds: &[Arc<Feed>]) -> Result<Template, TemplateError> {
        depth::check(name, text)?;
        let parsed = parse::parse(name, text, feeds)?;
        // Also where it is not needed: what minijinja does not take is none of its templates.
        Machine::new(name, text, feeds)?;
        let program = match parsed {
            Parsed::Segments(segments) if segments == built_in_segments() => Program::BuiltIn(segments),
            Parsed::Segments(segments) => Program::Segments(segments),
            Parsed::Beyond(what, at) => Program::Logic(what, text[..at].matches('\n').count() + 1),
        };
        Ok(Template { name: name.into(), text: text.into(), feeds: feeds.to_vec(), program })
    }

    /// The template of `--dynamic`: [`BUILT_IN`].
    pub fn built_in() -> Template {
        Template::compile("--dynamic", BUILT_IN, &[]).expect("a test compiles it")
    }

    /// How messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is rendered, in words.
    pub fn how(&self) -> String {
        match &self.program {
            Program::Segments(segments) | Program::BuiltIn(segments) => {
                format!("compiled: {}", crate::units::count(segments.values.len() as u64, "value"))
            }
            Program::Logic(what, line) => format!("rendered by minijinja: {what} on line {line}"),
        }
    }

    /// It names the wave, and has none outside the wave model.
    pub fn uses_wave(&self) -> bool {
        self.uses("wave", |value| *value == Value::Wave)
    }

    /// It uses rows of the feed with this name.
    pub fn uses_feed(&self, name: &str) -> bool {
        let of = self.feeds.iter().position(|feed| feed.name() == name);
        let is = |value: &Value| matches!(value, Value::Cell(feed, _) | Value::Row(feed) if Some(*feed) == of);
        self.uses(name, is) || (self.feeds.len() == 1 && self.uses("row", is))
    }

    fn uses(&self, word: &str, is: impl Fn(&Value) -> bool) -> bool {
        match &self.program {
            Program::Segments(segments) | Program::BuiltIn(segments) => {
                segments.values.iter().any(|segment| is(&segment.value))
            }
            Program::Logic(..) => self.text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == word),
        }
    }
}

fn built_in_segments() -> Segments {
    match parse::parse("--dynamic", BUILT_IN, &[]) {
        Ok(Parsed::Segments(segments)) => segments,
        _ => unreachable!("a test compiles it"),
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({})", self.name)
    }
}

/// Renders one template for one worker.
pub struct Renderer {
    template: Arc<Template>,
    /// Of the measured requests, and of the warm-up's: a measured text has not been sent before.
    seeds: [Seeds; 2],
    /// The seed as users know it.
    seed: u64,
    clock: WallClock,
    stamp: Stamp,
    readers: Vec<Reader>,
    /// It has samples, and it draws by chance: both cost something.
    has_sample: bool,
    draws: bool,
    no_chance: Xoshiro256PlusPlus,
    machine: Option<Machine>,
    out: Buffer,
    scratch: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Seeds {
    /// Of samples and rows.
    run: u64,
    /// Of what is drawn by this template.
    own: u64,
}

/// What tells the warm-up's stream from the measured one.
const WARMUP: u64 = u64::from_be_bytes(*b"warm-up\0");
/// What tells what templates draw from samples.
const DRAWS: u64 = u64::from_be_bytes(*b"template");

impl Renderer {
    /// For `part` of the requests of a run with this seed and this clock.
    pub fn new(template: Arc<Template>, part: Part, seed: u64, clock: WallClock) -> Renderer {
        let number = match part {
            Part::Body => 0,
            Part::Path => 1,
            Part::Header(n) => 2 + u64::from(n),
        };
        let seeds = |run| Seeds { run, own: rng::mix(run, DRAWS.wrapping_add(number)) };
        let (has_sample, draws, machine) = match &template.program {
            Program::Segments(segments) | Program::BuiltIn(segments) => {
                let any = |is: fn(&Value) -> bool| segments.values.iter().any(|segment| is(&segment.value));
                (any(|v| matches!(v, Value::Sample(_))), any(|v| matches!(v, Value::Draw(_))), None)
            }
            Program::Logic(..) => {
                let machine = Machine::new(&template.name, &template.text, &template.feeds);
                (true, true, Some(machine.expect("it was compiled before")))
            }
        };
        // A machine has its own.
        let feeds = if machine.is_none() { &template.feeds[..] } else { &[] };
        let readers = feeds.iter().map(|feed| Reader::new(Arc::clone(feed))).collect();
        Renderer {
            seeds: [seeds(seed), seeds(rng::mix(seed, WARMUP))],
            seed,
            no_chance: rng::for_request(0, 0),
            clock,
            stamp: Stamp::new(),
            readers,
            has_sample,
            draws,
            machine,
            out: Buffer::new(),
            scratch: Vec::new(),
            template,
        }
    }

    /// The text of a request. Without logic it does not allocate once it has rendered a few.
    ///
    /// # Errors
    /// Only with logic: why this request's text cannot be rendered.
    #[inline]
    pub fn render(&mut self, moment: &Moment) -> Result<&[u8], Box<TemplateError>> {
        self.out.truncate(0);
        let seeds = self.seeds[usize::from(!moment.measured)];
        if let Some(machine) = &self.machine {
            let prepare = |current: &mut logic::Current| {
                current.index = moment.index;
                current.user = moment.user;
                current.wave = moment.wave;
                current.seed = self.seed;
                current.unix = self.clock.unix_at(moment.now);
                current.fields = Fields::draw(seeds.run, moment.index);
                current.rng = rng::for_request(seeds.own, moment.index);
                select(current.readers(), &seeds, moment);
            };
            let rendered = machine.render(prepare, &mut self.out);
            rendered.map_err(|error| {
                Box::new(logic::at(&self.template.name, &self.template.text, &error, &self.template.feeds))
            })?;
            return Ok(self.out.written());
        }
        let segments = match &self.template.program {
            Program::Segments(segments) => segments,
            // It has no rows.
            Program::BuiltIn(_) => {
                let timestamp = self.stamp.at(self.clock.unix_at(moment.now));
                let fields = Fields::draw(seeds.run, moment.index);
                self.out.page(|page| fields.write_body(moment.index, timestamp, page));
                return Ok(self.out.written());
            }
            Program::Logic(..) => unreachable!("it has a machine"),
        };
        select(&mut self.readers, &seeds, moment);
        let fields = if self.has_sample { Fields::draw(seeds.run, moment.index) } else { Fields::NONE };
        let mut facts = Facts {
            index: moment.index,
            user: moment.user,
            wave: moment.wave,
            seed: self.seed,
            unix: self.clock.unix_at(moment.now),
            stamp: &mut self.stamp,
            fields: &fields,
            readers: &mut self.readers,
            rng: if self.draws { rng::for_request(seeds.own, moment.index) } else { self.no_chance.clone() },
            scratch: &mut self.scratch,
        };
        for segment in &segments.values {
            self.out.literal(&segment.text);
            let start = self.out.len();
            let kind = facts.write(&segment.value, &mut self.out);
            if !segment.filters.is_empty() {
                filter::apply_all(&segment.filters, &mut self.out, start, kind, facts.scratch);
            }
        }
        self.out.literal(&segments.end);
        Ok(self.out.written())
    }
}

/// The readers turn to the rows of this request.
#[inline]
fn select(readers: &mut [Reader], seeds: &Seeds, moment: &Moment) {
    for reader in readers {
        let feed = reader.feed();
        let row = match (feed.order(), moment.measured) {
            // No row is used twice: the warm-up has those at the end.
            (Order::Unique, false) => feed.rows() - 1 - moment.index % feed.rows(),
            _ => feed.row_of(seeds.run, moment.index),
        };
        reader.select(row);
    }
}
