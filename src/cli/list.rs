//! Targets: one by the flags, or many by a list.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use url::Url;

use crate::list::{self, Entry, EntryBody};
use crate::plan::{Order, Target, Targets};
use crate::request::{Body, Header};

use super::args::{OrderArg, RunArgs};
use super::body::{Content, warn_of_broken_json};
use super::head::{Own, carries, common, content_type, head, locate};
use super::target::{Location, header_value};
use super::texts::Texts;

/// What is asked of whom.
pub(super) struct Asked {
    /// As reports show it.
    pub(super) url: String,
    /// Unlike each other in scheme, host or port; targets name them by number.
    pub(super) locations: Vec<Location>,
    pub(super) targets: Targets,
}

/// The one target of the flags.
pub(super) fn one(args: &RunArgs, url: &str, texts: &Texts, notes: &mut Vec<String>) -> anyhow::Result<Asked> {
    if args.target_order != OrderArg::Sequential {
        bail!("--target-order is about a list: give --targets too");
    }
    let content = Content::of_all(args, texts)?;
    let (location, path) = locate(url, texts)?;
    let head = head(args, &location, path, &Own::default(), &common(args, texts)?, &content)?;
    warn_of_broken_json(content_type(&head), &content.body, texts, notes);
    let name = format!("{} {}", head.method, location.shown);
    let target = Target { name, origin: 0, head, body: content.body };
    let url = location.shown.clone();
    Ok(Asked { url, locations: vec![location], targets: Targets { list: vec![target], order: Order::One } })
}

/// Those of a list.
pub(super) fn many(args: &RunArgs, path: &Path, texts: &Texts, notes: &mut Vec<String>) -> anyhow::Result<Asked> {
    let text = fs::read(path).with_context(|| format!("--targets: cannot read {}", path.display()))?;
    let entries = list::parse(&text).map_err(|e| anyhow!("{}: {e}", path.display()))?;
    let all = OfAll { content: Content::of_all(args, texts)?, headers: common(args, texts)? };
    let mut asked = Vec::new();
    let mut locations: Vec<Location> = Vec::new();
    for entry in &entries {
        let target = target(args, path, entry, &all, texts, &mut locations);
        asked.push(target.with_context(|| format!("{}: line {}", path.display(), entry.line))?);
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
        OrderArg::Sequential => Order::Sequence(sequence(&weights)?),
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
    Ok(Asked { url, locations, targets: Targets { list: asked, order } })
}

/// What the flags say for all requests of a list.
struct OfAll {
    content: Content,
    headers: Vec<Header>,
}

fn target(
    args: &RunArgs,
    path: &Path,
    entry: &Entry,
    all: &OfAll,
    texts: &Texts,
    locations: &mut Vec<Location>,
) -> anyhow::Result<Target> {
    let content = match &entry.body {
        Some(EntryBody::Bytes(bytes)) => Content::fixed(bytes.clone()),
        Some(EntryBody::File(file)) => {
            let file = path.parent().unwrap_or(Path::new("")).join(file);
            Content::fixed(fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?)
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
    let head = head(args, &location, path, &own, &all.headers, &content)?;
    let name = format!("{} {}", head.method, location.shown);
    let same = |other: &Location| other.is_same_origin(&location);
    let origin = locations.iter().position(same).unwrap_or_else(|| {
        locations.push(location);
        locations.len() - 1
    });
    Ok(Target { name, origin: origin as u32, head, body: content.body })
}

/// A path of the list begins where the flags' URL says.
fn absolute(args: &RunArgs, url: &str) -> anyhow::Result<String> {
    if !url.starts_with('/') {
        return Ok(url.into());
    }
    let Some(base) = args.url() else {
        bail!("'{url}' is a path: give the URL that it belongs to, as in onrush --targets FILE http://127.0.0.1:8000")
    };
    let base = Url::parse(base).map_err(|e| anyhow!("'{base}' is not a URL: {e}"))?;
    Ok(format!("{}{url}", base.origin().ascii_serialization()))
}

/// Reports tell targets apart by their names.
fn tell_apart(targets: &mut [Target], entries: &[Entry]) {
    let mut seen = std::collections::HashMap::new();
    for target in targets.iter() {
        *seen.entry(target.name.clone()).or_insert(0) += 1;
    }
    for (target, entry) in targets.iter_mut().zip(entries) {
        if seen[&target.name] > 1 {
            target.name += &format!(" (line {})", entry.line);
        }
    }
}

/// The longest sequence of targets that is kept.
const LONGEST: u64 = 1_000_000;

/// Each target as often as its weight says, as evenly as can be.
fn sequence(weights: &[u32]) -> anyhow::Result<Arc<[u32]>> {
    let divisor = weights.iter().fold(0, |a, &b| gcd(a, b)).max(1);
    let sum: u64 = weights.iter().map(|&weight| u64::from(weight / divisor)).sum();
    if sum > LONGEST {
        bail!(
            "the weights of the list have no common measure below {sum} requests: use smaller ones, or --target-order random"
        );
    }
    let mut turns: Vec<(u64, u32)> = Vec::with_capacity(sum as usize);
    for (target, &weight) in (0..).zip(weights) {
        let times = u64::from(weight / divisor);
        // In the middle of each of so many equal parts of the sequence.
        turns.extend((0..times).map(|turn| ((2 * turn + 1) * sum * 1_000 / (2 * times), target)));
    }
    // Those that begin together keep the order of the list.
    turns.sort();
    Ok(turns.into_iter().map(|(_, target)| target).collect())
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn weights_are_interleaved() {
        assert_eq!(sequence(&[1, 1, 1]).unwrap()[..], [0, 1, 2]);
        assert_eq!(sequence(&[2, 1]).unwrap()[..], [0, 1, 0]);
        assert_eq!(sequence(&[40, 10, 10]).unwrap()[..], [0, 0, 1, 2, 0, 0]);
        assert!(sequence(&[999_983, 999_979]).is_err());
    }

    proptest! {
        #[test]
        fn every_target_has_its_share(weights in prop::collection::vec(1u32..50, 1..10)) {
            let sequence = sequence(&weights).unwrap();
            let share = |target: usize| sequence.iter().filter(|&&other| other == target as u32).count() as u64;
            for (target, &weight) in weights.iter().enumerate() {
                prop_assert_eq!(share(target) * u64::from(weights[0]), share(0) * u64::from(weight));
            }
        }
    }
}
