//! Targets: one by the flags, or many by a list.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};

use crate::cli::args::{OrderArg, RunArgs, is_stdio, shown};
use crate::cli::file;
use crate::list::{self, Entry, EntryBody};
use crate::note::Note;
use crate::plan::{Order, Target, Targets, Turns};
use crate::request::{Body, Header};
use crate::uri::Parts;

use super::body::{Content, warn_of_broken_json};
use super::head::{Common, Own, carries, common, content_type, delimiters, head, locate};
use super::target::{Location, header_value};
use super::texts::Texts;

/// What is asked of whom.
pub(crate) struct Asked {
    /// As reports show it.
    pub(crate) url: String,
    /// Unlike each other in scheme, host or port; targets name them by number.
    pub(crate) locations: Vec<Location>,
    pub(crate) targets: Targets,
}

/// The one target of the flags.
pub(crate) fn one(args: &RunArgs, url: &str, texts: &Texts, notes: &mut Vec<Note>) -> anyhow::Result<Asked> {
    if args.target_order != OrderArg::Sequential {
        bail!("--target-order is about a list: give --targets too");
    }
    let content = Content::of_all(args, texts)?;
    let (location, path) = locate(url, texts)?;
    let mut head = head(args, &location, path, &Own::default(), &common(args, texts)?, &content)?;
    let body = content.fit(&mut head)?;
    warn_of_broken_json(content_type(&head), &body, texts, notes);
    let name = format!("{} {}", head.method, location.shown);
    let target = Target { name, origin: 0, head, body };
    let url = location.shown.clone();
    Ok(Asked { url, locations: vec![location], targets: Targets { list: vec![target], order: Order::One } })
}

/// Those of a list.
pub(crate) fn many(args: &RunArgs, path: &Path, texts: &Texts, notes: &mut Vec<Note>) -> anyhow::Result<Asked> {
    let text = if is_stdio(path) { file::standard_input("--targets") } else { file::read("--targets", path) };
    let text = text.with_context(|| format!("--targets: cannot read {}", shown(path)))?;
    let entries = list::parse(&text).map_err(|e| anyhow!("{}: {e}", path.display()))?;
    let all = OfAll { content: Content::of_all(args, texts)?, headers: common(args, texts)? };
    let mut asked = Vec::new();
    let mut locations = Locations::default();
    let mut bodies = HashSet::new();
    for entry in &entries {
        let target = target(args, path, entry, &all, texts, &mut locations);
        let mut target = target.with_context(|| format!("{}: line {}", path.display(), entry.line))?;
        if let Body::Fixed(body) = &mut target.body {
            share(body, &mut bodies);
        }
        asked.push(target);
    }
    if args.url().is_some() && !entries.iter().any(|entry| entry.url.starts_with('/')) {
        bail!("--targets and a URL contradict each other: no line of the list is a path that the URL could begin");
    }
    tell_apart(&mut asked, &entries);
    if let Some(target) = asked.iter().find(|target| matches!(target.body, Body::Template(_))) {
        warn_of_broken_json(content_type(&target.head), &target.body, texts, notes);
    }
    let weights: Vec<u32> = entries.iter().map(|entry| entry.weight).collect();
    let order = match args.target_order {
        _ if asked.len() == 1 => Order::One,
        OrderArg::Sequential => Order::InTurn(Turns::new(&weights)),
        OrderArg::Random => {
            let sums = weights.iter().scan(0, |sum, &weight| {
                *sum += u64::from(weight);
                Some(*sum)
            });
            Order::Random { up_to: sums.collect(), seed: texts.seed() }
        }
    };
    let url = match &asked[..] {
        [only] => only.name.split_once(' ').map_or_else(String::new, |(_, url)| url.into()),
        all => format!("{} ({} targets)", path.display(), all.len()),
    };
    Ok(Asked { url, locations: locations.list, targets: Targets { list: asked, order } })
}

/// Locations of different origins.
#[derive(Default)]
struct Locations {
    list: Vec<Location>,
    numbers: HashMap<(bool, String, u16), usize>,
}

impl Locations {
    /// The number of this one's origin.
    fn number(&mut self, location: Location) -> usize {
        *self.numbers.entry((location.tls, location.host.clone(), location.port)).or_insert_with(|| {
            self.list.push(location);
            self.list.len() - 1
        })
    }
}

/// A body that another target has too is in memory once.
fn share(body: &mut Arc<[u8]>, bodies: &mut HashSet<Arc<[u8]>>) {
    match bodies.get(&**body) {
        Some(known) => *body = Arc::clone(known),
        None => drop(bodies.insert(Arc::clone(body))),
    }
}

/// What the flags say for all requests of a list.
struct OfAll {
    content: Content,
    headers: Common,
}

fn target(
    args: &RunArgs,
    path: &Path,
    entry: &Entry,
    all: &OfAll,
    texts: &Texts,
    locations: &mut Locations,
) -> anyhow::Result<Target> {
    let content = match &entry.body {
        Some(EntryBody::Bytes(bytes)) => Content::fixed(bytes.clone()),
        Some(EntryBody::File(body)) => {
            let body = path.parent().unwrap_or(Path::new("")).join(body);
            Content::fixed(
                file::read("a body of --targets", &body).with_context(|| format!("cannot read {}", body.display()))?,
            )
        }
        None if carries(entry.method.as_deref()) => all.content.clone(),
        None => Content::none(),
    };
    let (location, path) = locate(&absolute(args, &entry.url)?, texts)?;
    let mut headers = Vec::new();
    for (name, value) in &entry.headers {
        let value = header_value(name, value).map_err(|e| anyhow!(e))?;
        headers.push(Header { name: name.clone(), value: texts.text(&format!("header {name}"), &value)? });
    }
    let own = Own { method: entry.method.clone(), headers };
    let mut head = head(args, &location, path, &own, &all.headers, &content)?;
    let body = content.fit(&mut head)?;
    let name = format!("{} {}", head.method, location.shown);
    let origin = locations.number(location);
    Ok(Target { name, origin: origin as u32, head, body })
}

/// A path of the list begins where the flags' URL says.
fn absolute(args: &RunArgs, url: &str) -> anyhow::Result<String> {
    if !url.starts_with('/') {
        return Ok(url.into());
    }
    let Some(base) = args.url() else {
        bail!("'{url}' is a path: give the URL that it belongs to, as in onrush --targets FILE http://127.0.0.1:8000")
    };
    let base = base.trim();
    match Parts::of(&delimiters(base)) {
        Some(parts) => Ok(format!("{}{url}", &base[..parts.authority.end])),
        None => bail!("'{base}' has no scheme: write it as in http://127.0.0.1:8000"),
    }
}

/// Reports tell targets apart by their names.
fn tell_apart(targets: &mut [Target], entries: &[Entry]) {
    let mut seen = HashMap::new();
    for target in targets.iter() {
        *seen.entry(target.name.clone()).or_insert(0) += 1;
    }
    for (target, entry) in targets.iter_mut().zip(entries) {
        if seen[&target.name] > 1 {
            target.name += &format!(" (line {})", entry.line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_are_equal_are_in_memory_once() {
        let mut bodies = HashSet::new();
        let mut shared = |text: &[u8]| {
            let mut body: Arc<[u8]> = text.into();
            share(&mut body, &mut bodies);
            body
        };
        let (a, b, other) = (shared(b"x"), shared(b"x"), shared(b"y"));
        assert!(Arc::ptr_eq(&a, &b) && !Arc::ptr_eq(&a, &other));
    }
}
