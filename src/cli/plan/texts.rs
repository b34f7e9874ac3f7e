//! Texts that may be templates, and the data files whose rows they use.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};

use crate::cli::args::RunArgs;
use crate::cli::file::read_for;
use crate::encoding::without_mark;
use crate::feed::{Feed, Format, Order};
use crate::note::Note;
use crate::plan::{Load, Model, Warmup};
use crate::request::Text;
use crate::template::{Moment, Part, Renderer, Template};
use crate::time::{Nanos, WallClock};
use crate::units::count;

/// Makes texts of what the user wrote, with the feeds that there are.
pub(crate) struct Texts {
    feeds: Vec<Arc<Feed>>,
    /// There are waves, which templates may name.
    has_waves: bool,
    seed: u64,
    made: RefCell<Vec<Arc<Template>>>,
}

/// A template can be told from other text.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

impl Texts {
    /// Reads the feeds.
    pub(crate) fn new(args: &RunArgs, model: &Model, seed: u64) -> anyhow::Result<Texts> {
        let mut feeds: Vec<Arc<Feed>> = Vec::new();
        for text in &args.feed {
            let feed = feed(text)?;
            if feeds.iter().any(|other| other.name() == feed.name()) {
                bail!(
                    "--feed {text}: there is a feed '{0}' already: name this one, as in --feed other={1}",
                    feed.name(),
                    text
                );
            }
            feeds.push(Arc::new(feed));
        }
        let has_waves = matches!(model, Model::Waves { .. });
        Ok(Texts { feeds, has_waves, seed, made: RefCell::default() })
    }

    /// `text` as it is, or the template that it is.
    pub(crate) fn text(&self, name: &str, text: &str) -> anyhow::Result<Text> {
        Ok(match is_template(text) {
            true => Text::Template(self.template(name, text)?),
            false => Text::Fixed(text.into()),
        })
    }

    /// The template that `text` is. What is wrong with it is found out here.
    pub(crate) fn template(&self, name: &str, text: &str) -> anyhow::Result<Arc<Template>> {
        let template = Template::compile(name, text, &self.feeds).map_err(|e| anyhow!("{e}"))?;
        self.take(template)
    }

    /// As above, of a template that is compiled.
    pub(crate) fn take(&self, template: Template) -> anyhow::Result<Arc<Template>> {
        if template.uses_wave() && !self.has_waves {
            bail!(
                "{}: {{{{ wave }}}} is the number of the wave, and there are waves in --model waves alone",
                template.name()
            );
        }
        let template = Arc::new(template);
        self.first(&template).map_err(|e| anyhow!("{e}"))?;
        self.made.borrow_mut().push(Arc::clone(&template));
        Ok(template)
    }

    /// What the template makes of the first request.
    pub(crate) fn first(&self, template: &Arc<Template>) -> Result<Vec<u8>, String> {
        let mut renderer = Renderer::new(Arc::clone(template), Part::Body, self.seed, WallClock::read());
        let moment = Moment { index: 0, measured: true, user: 0, wave: Some(0), now: Nanos::ZERO };
        renderer.render(&moment).map(<[u8]>::to_vec).map_err(|e| e.to_string())
    }

    /// The seed of the run.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// How each template is rendered, a line each.
    pub(crate) fn how(&self) -> Vec<String> {
        self.made.borrow().iter().map(|template| format!("{}: {}", template.name(), template.how())).collect()
    }

    /// A feed that no template uses is a mistake; one whose rows are used once at most bounds the run.
    pub(crate) fn bound(&self, args: &RunArgs, mut load: Load, notes: &mut Vec<Note>) -> anyhow::Result<Load> {
        for feed in &self.feeds {
            let name = feed.name();
            if !self.made.borrow().iter().any(|template| template.uses_feed(name)) {
                bail!(
                    "--feed: no template uses the feed '{name}': write {{{{ {name}.column }}}} in a --template, the URL or a --header"
                );
            }
            if feed.order() != Order::Unique {
                continue;
            }
            let users = u64::from(load.users);
            let warmup = match load.warmup {
                Warmup::None => 0,
                Warmup::Requests(n) if matches!(load.model, Model::Waves { .. }) => n.div_ceil(users) * users,
                Warmup::Requests(n) => n,
                Warmup::Time(_) | Warmup::Auto => {
                    bail!("--feed {name}:unique has a row for each request: give --warmup as a number of requests")
                }
            };
            let left = feed.rows().saturating_sub(warmup);
            if left == 0 {
                bail!("--feed {name}:unique has {}, and --warmup uses them up", count(feed.rows(), "row"));
            }
            // Without another bound, the run is as long as the file.
            let by_default = args.requests.is_none() && args.duration.is_none() && load.stop.requests == Some(200);
            if by_default || load.stop.requests.is_none_or(|n| n > left) {
                load.stop.requests = Some(left);
                if !by_default {
                    notes.push(Note::BoundByFeed { requests: left, feed: name.into() });
                }
            }
        }
        load.users = load.stop.requests.map_or(load.users, |n| load.users.min(u32::try_from(n).unwrap_or(u32::MAX)));
        Ok(load)
    }
}

/// `[name=]FILE[:order]`.
fn feed(text: &str) -> anyhow::Result<Feed> {
    let (path, order) = match text.rsplit_once(':').map(|(path, order)| (path, Order::parse(order))) {
        Some((path, Some(order))) => (path, order),
        // A colon may be part of the file's name, unless there is no such file.
        Some((path, None)) if !Path::new(text).exists() && Path::new(path).exists() => {
            bail!("--feed {text}: the order is sequential, random, shuffle or unique")
        }
        _ => (text, Order::Sequential),
    };
    let (name, path) = match path.split_once('=') {
        Some((name, file)) if is_name(name) => (Some(name), Path::new(file)),
        _ => (None, Path::new(path)),
    };
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.map_or(stem, String::from);
    if !is_name(&name) {
        bail!(
            "--feed {text}: '{name}' is no name that a template can use: give one, as in --feed users={}",
            path.display()
        );
    }
    if RESERVED.contains(&name.as_str()) {
        bail!(
            "--feed {text}: '{name}' means something else in templates: give another name, as in --feed rows={}",
            path.display()
        );
    }
    let is_json =
        ["jsonl", "ndjson", "json"].iter().any(|end| path.extension().is_some_and(|extension| extension == *end));
    let bytes = read_for("--feed", path)?;
    let starts_with_object = || without_mark(&bytes).is_ok_and(|text| text.trim_ascii_start().starts_with(b"{"));
    let format = if is_json || starts_with_object() { Format::JsonLines } else { Format::Csv };
    Feed::new(&name, bytes, format, order).map_err(|e| anyhow!("{}: {e}", path.display())).context("--feed")
}

/// What templates know already.
const RESERVED: [&str; 14] = [
    "row",
    "index",
    "user_number",
    "wave",
    "seed",
    "sample",
    "loop",
    "true",
    "false",
    "none",
    "not",
    "and",
    "or",
    "range",
];

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
