//! Flags to plan: arguments are resolved, checked against what the system allows, and become a [`Plan`], which nothing
//! changes afterwards.

mod body;
mod form;
pub(in crate::cli) mod head;
mod list;
mod load;
mod origins;
mod preflight;
mod protocol;
pub(in crate::cli) mod target;
mod texts;

use std::sync::Arc;

use anyhow::{anyhow, bail};
use regex::bytes::Regex;

use crate::note::Note;
use crate::plan::{Checks, Limits, Load, Plan, Protocol, Redirects, Target};
use crate::rng::mix;
use crate::stats::MAX_TARGETS;
use crate::threshold::Threshold;
use crate::time::{Nanos, WallClock};

use super::args::RunArgs;

use body::has_body;
use head::leave_out_of_http2;
use load::default_workers;
use origins::{family, identity, origins, routes, trust};
use preflight::{Needs, Size};
use protocol::protocol;
use texts::Texts;

pub(crate) use origins::Names;

/// The plan that the flags ask for, and what the user should know of it.
pub(crate) fn plan(args: &RunArgs, names: Names) -> anyhow::Result<(Plan, Preparation)> {
    let load = load::load(args)?;
    let mut notes = Vec::new();
    let seed = args.seed.unwrap_or_else(random_seed);
    let texts = Texts::new(args, &load.model, seed)?;
    let mut asked = match &args.targets {
        Some(path) => list::many(args, path, &texts, &mut notes)?,
        None => list::one(args, &url(args, names)?, &texts, &mut notes)?,
    };
    let load = texts.bound(args, load, &mut notes)?;
    let timeout = args.timeout.unwrap_or(TIMEOUT);
    let limits = Limits {
        request: timeout,
        connect: args.connect_timeout.unwrap_or(timeout),
        drain: args.drain.unwrap_or(timeout),
    };
    let origins = origins(args, &asked.locations, names, &mut notes)?;
    let protocol = protocol(args, &origins, &load, limits.connect, names, &mut notes)?;
    if matches!(protocol, Protocol::Http2 { .. }) {
        leave_out_of_http2(args, &mut asked.targets.list, &mut notes);
    }
    let wanted = Size { users: load.users, protocol };
    let workers = args.workers.unwrap_or_else(|| default_workers(&load.model));
    let size = match names {
        Names::Unresolved => wanted,
        Names::Resolved(demo) => {
            let needs = Needs {
                origins: origins.len() as u64,
                addresses: origins.iter().map(|origin| origin.endpoint.addresses().len()).min().unwrap_or(0) as u64,
                workers: workers.min(wanted.connections()),
                is_demo: demo.is_some(),
                keep_alive: asked.targets.list.iter().all(|target| target.head.keep_alive),
                requests: load.stop.requests,
            };
            preflight::fit(wanted, &needs, &mut notes)?
        }
    };
    let thresholds = thresholds(args, &asked.targets.list)?;
    let plan = Plan {
        url: asked.url,
        connections_asked: wanted.connections().saturating_mul(origins.len() as u32),
        origins,
        targets: asked.targets,
        protocol: size.protocol,
        checks: checks(args)?,
        redirects: redirects(args)?,
        load: Load { users: size.users, ..load },
        limits,
        seed,
        workers: workers.min(size.connections()),
        stamps: args.kernel_stamps,
        thresholds,
    };
    Ok((plan, Preparation { notes, details: texts.how() }))
}

/// What the user should know of a plan.
pub(crate) struct Preparation {
    /// In any case.
    pub(crate) notes: Vec<Note>,
    /// If asked for.
    pub(crate) details: Vec<String>,
}

/// A request may take so long unless the user says something else.
const TIMEOUT: Nanos = Nanos::from_secs(10);

fn redirects(args: &RunArgs) -> anyhow::Result<Option<Redirects>> {
    let Some(most) = args.redirect else { return Ok(None) };
    let routes = Arc::new(routes(args)?);
    Ok(Some(Redirects { most, routes, family: family(args), trust: trust(args)?, identity: identity(args)? }))
}

fn checks(args: &RunArgs) -> anyhow::Result<Checks> {
    let pattern = |text: &String| {
        Regex::new(text).map_err(|e| {
            let what = e.to_string();
            anyhow!(
                "--expect-body '{text}' is no regular expression: {}",
                what.lines().last().unwrap_or_default().trim()
            )
        })
    };
    let body = args.expect_body.iter().map(pattern).collect::<Result<_, _>>()?;
    Ok(Checks { status: args.expect_status, body })
}

/// Not secret, just another one each time: the clock and the process will do.
fn random_seed() -> u64 {
    // Few digits, so that it can be typed again.
    mix(WallClock::read().unix_at(crate::time::monotonic()).0, std::process::id().into()) % 1_000_000_000
}

fn url(args: &RunArgs, names: Names) -> anyhow::Result<String> {
    match (args.url(), names) {
        (Some(url), _) => Ok(url.into()),
        (None, Names::Resolved(Some(address))) => {
            Ok(format!("http://{address}/{}", if has_body(args) { "post" } else { "" }))
        }
        (None, Names::Unresolved) if args.demo => {
            Ok(format!("http://127.0.0.1/{}", if has_body(args) { "post" } else { "" }))
        }
        _ => bail!("no URL: give one, or --demo to test the built-in target (see --help)"),
    }
}

/// The thresholds, whose targets there are.
fn thresholds(args: &RunArgs, targets: &[Target]) -> anyhow::Result<Vec<Threshold>> {
    for threshold in &args.threshold {
        let Some(target) = &threshold.target else { continue };
        if !targets.iter().take(MAX_TARGETS).any(|other| other.name.contains(target.as_str())) {
            let first = targets.first().map_or("", |target| target.name.as_str());
            bail!("--threshold '{}': no target has '{target}' in its name, as '{first}' is one", threshold.text);
        }
    }
    Ok(args.threshold.clone())
}
