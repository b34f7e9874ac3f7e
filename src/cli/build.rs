//! Flags to plan: the only place that sees both.

use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr as UnixAddress;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use regex::bytes::Regex;

use crate::net::resolve::{self, resolve};
use crate::plan::{
    Checks, Endpoint, Family, Identity, Limits, Load, Model, Open, Origin, Plan, Protocol, Redirects, Routes, Stop,
    Tls, Trust, Warmup,
};
use crate::rng::mix;
use crate::schedule::{Profile, Spacing};
use crate::time::{Nanos, WallClock};
use crate::tls::TlsSettings;

use super::args::{ModelArg, RunArgs, SpacingArg, Stages, shown};
use super::body::has_body;
use super::file;
use super::head::leave_out_of_http2;
use super::list;
use super::protocol::protocol;
use super::target::{Location, cores};
use super::texts::Texts;

/// Whether names are looked up.
#[derive(Clone, Copy)]
pub(super) enum Names {
    /// They are; this is the address of the built-in target, if that is to be tested.
    Resolved(Option<SocketAddr>),
    /// Nothing is to be sent.
    Unresolved,
}

/// The plan that the flags ask for, and what the user should know of it.
pub(super) fn plan(args: &RunArgs, names: Names) -> anyhow::Result<(Plan, Preparation)> {
    let mut load = load(args)?;
    let mut notes = Vec::new();
    let seed = args.seed.unwrap_or_else(random_seed);
    let texts = Texts::new(args, &load.model, seed)?;
    let mut asked = match &args.targets {
        Some(path) => list::many(args, path, &texts, &mut notes)?,
        None => list::one(args, &url(args, names)?, &texts, &mut notes)?,
    };
    texts.bound(args, &mut load, &mut notes)?;
    load.users = load.stop.requests.map_or(load.users, |n| load.users.min(u32::try_from(n).unwrap_or(u32::MAX)));
    let timeout = args.timeout.unwrap_or(TIMEOUT);
    let limits = Limits {
        request: timeout,
        connect: args.connect_timeout.unwrap_or(timeout),
        drain: args.drain.unwrap_or(timeout),
    };
    let origins = origins(args, &asked.locations, names)?;
    let protocol = protocol(args, &origins, &load, limits.connect, names, &mut notes)?;
    if matches!(protocol, Protocol::Http2 { .. }) {
        leave_out_of_http2(args, &mut asked.targets.list, &mut notes);
    }
    let workers = args.workers.unwrap_or_else(|| default_workers(&load.model));
    let mut plan = Plan {
        url: asked.url,
        origins,
        targets: asked.targets,
        protocol,
        checks: checks(args)?,
        redirects: redirects(args)?,
        load,
        connections_asked: 0,
        limits,
        seed,
        workers,
        stamps: args.kernel_stamps,
        thresholds: args.threshold.clone(),
    };
    plan.workers = workers.min(plan.connections());
    plan.connections_asked = plan.all_connections();
    Ok((plan, Preparation { notes, details: texts.how() }))
}

/// What the user should know of a plan.
pub(super) struct Preparation {
    /// In any case.
    pub(super) notes: Vec<String>,
    /// If asked for.
    pub(super) details: Vec<String>,
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

/// A worker sends so many requests a second with most of a core to spare. The
/// fewer there are, the less does a request wait for a connection of its own
/// worker while another one has some free.
const RATE_PER_WORKER: f64 = 20_000.0;

/// One loop releases a wave more sharply than several: BENCHMARKS.md has the figures.
fn default_workers(model: &Model) -> u32 {
    match model {
        Model::Waves { .. } => 1,
        Model::Closed => cores() as u32,
        Model::Open(open) => ((open.profile.peak_per_s() / RATE_PER_WORKER).ceil() as u32).clamp(1, cores() as u32),
    }
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

fn load(args: &RunArgs) -> anyhow::Result<Load> {
    let model = model(args)?;
    if args.hold_last_byte && args.disable_keepalive {
        bail!(
            "--hold-last-byte and --disable-keepalive contradict each other: the connection is opened after the release"
        );
    }
    let duration = match (&model, args.duration) {
        (Model::Open(open), Some(duration)) => Some(open.profile.length().map_or(duration, |all| duration.min(all))),
        (Model::Open(open), None) => open.profile.length(),
        (_, duration) => duration,
    };
    let requests = match (args.requests, duration) {
        (None, None) => Some(200),
        (requests, _) => requests,
    };
    let users = requests.map_or(args.concurrency, |n| args.concurrency.min(u32::try_from(n).unwrap_or(u32::MAX)));
    let warmup = args.warmup.unwrap_or(Warmup::None);
    if let Model::Open(open) = &model
        && warmup != Warmup::None
        && open.profile.first_per_s() == 0.0
    {
        bail!(
            "--warmup runs at the rate that --stages begins with, which is 0: begin with another, or warm up in a stage"
        );
    }
    Ok(Load { model, users, stop: Stop { requests, duration }, warmup })
}

fn model(args: &RunArgs) -> anyhow::Result<Model> {
    let profile = match (args.rate, &args.stages) {
        (Some(rate), _) => Some(("--rate", Profile::constant(rate))),
        (None, Some(Stages(stages))) => Some(("--stages", Profile::stages(stages))),
        (None, None) => None,
    };
    let (name, model) = match (args.model, profile) {
        (None | Some(ModelArg::Open), Some((flag, profile))) => {
            let spacing = match args.arrivals {
                None | Some(SpacingArg::Uniform) => Spacing::Uniform,
                Some(SpacingArg::Poisson) => Spacing::Poisson,
            };
            let max_backlog = args.max_backlog.unwrap_or(MAX_BACKLOG);
            (flag, Model::Open(Open { profile: Arc::new(profile), spacing, max_backlog }))
        }
        (Some(_), Some((flag, _))) => bail!("{flag} and --model {} contradict each other", model_name(args)),
        (Some(ModelArg::Open), None) => bail!("--model open has no schedule: give --rate or --stages"),
        (Some(ModelArg::Closed), None) => ("--model closed", Model::Closed),
        (None | Some(ModelArg::Waves), None) => {
            ("waves", Model::Waves { every: args.wave_every, hold_last_byte: args.hold_last_byte })
        }
    };
    let waves_only = [(args.wave_every.is_some(), "--wave-every"), (args.hold_last_byte, "--hold-last-byte")];
    let open_only = [(args.arrivals.is_some(), "--arrivals"), (args.max_backlog.is_some(), "--max-backlog")];
    for (given, flag) in waves_only {
        if given && !matches!(model, Model::Waves { .. }) {
            bail!("{name} and {flag} contradict each other");
        }
    }
    for (given, flag) in open_only {
        if given && !matches!(model, Model::Open(_)) {
            bail!("{flag} is about a schedule: give --rate or --stages too");
        }
    }
    Ok(model)
}

fn model_name(args: &RunArgs) -> &'static str {
    match args.model {
        Some(ModelArg::Waves) | None => "waves",
        Some(ModelArg::Closed) => "closed",
        Some(ModelArg::Open) => "open",
    }
}

/// So many requests may wait unless the user says something else.
const MAX_BACKLOG: u64 = 1_000_000;

pub(super) fn read(flag: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    file::read(flag, path).with_context(|| format!("{flag}: cannot read {}", shown(path)))
}

fn origins(args: &RunArgs, locations: &[Location], names: Names) -> anyhow::Result<Vec<Origin>> {
    let secure = locations.iter().filter(|location| location.tls).count();
    let flags = [
        (args.insecure, "--insecure"),
        (args.cacert.is_some(), "--cacert"),
        (args.cert.is_some(), "--cert"),
        (args.key.is_some(), "--key"),
        (args.sni.is_some(), "--sni"),
    ];
    if let Some((_, flag)) = flags.iter().find(|(given, _)| *given && secure == 0) {
        bail!("{flag} and an http:// URL contradict each other: TLS is spoken with https://");
    }
    if args.sni.is_some() && secure > 1 {
        bail!("--sni names one server, and the list has {secure} to speak TLS with");
    }
    let routes = routes(args)?;
    let addresses = |Location { host, port, .. }: &Location| {
        resolve::addresses(routes.destination(host, *port), family(args), resolve).map_err(|e| anyhow!(e))
    };
    let origin = |location: &Location| {
        let endpoint = match (&args.unix_socket, names) {
            (Some(path), _) => Endpoint::Unix(unix_path(path)?),
            (None, Names::Resolved(_)) => Endpoint::Tcp(addresses(location)?),
            (None, Names::Unresolved) => Endpoint::Tcp(Vec::new()),
        };
        let tls = if location.tls { Some(tls(args, location)?) } else { None };
        if let Some(tls) = &tls {
            // What is wrong with certificates and keys is found out before anything is sent.
            TlsSettings::new(tls, &[]).map_err(|e| anyhow!(e))?;
        }
        Ok(Origin { name: location.origin(), endpoint, tls })
    };
    locations.iter().map(origin).collect()
}

/// The path of a socket, if the system can have such a one.
fn unix_path(path: &Path) -> anyhow::Result<PathBuf> {
    let can_be = |path: &Path| UnixAddress::from_pathname(path).is_ok();
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() {
        bail!("--unix-socket is empty: give the path of the socket");
    }
    if bytes.contains(&0) {
        bail!("--unix-socket {}: a path cannot have a NUL in it", shown(path));
    }
    if !can_be(path) {
        // It differs between systems.
        let most = (1..bytes.len()).take_while(|&n| can_be(Path::new(&"x".repeat(n)))).last().unwrap_or(0);
        bail!(
            "--unix-socket {}: the path has {} bytes, and this system takes {most} at most: use a shorter one, as by a symbolic link",
            shown(path),
            bytes.len()
        );
    }
    Ok(path.into())
}

fn routes(args: &RunArgs) -> anyhow::Result<Routes> {
    Routes::of(&args.connect_to, &args.resolve).map_err(|e| anyhow!(e))
}

fn family(args: &RunArgs) -> Family {
    match (args.ipv4, args.ipv6) {
        (true, _) => Family::V4,
        (_, true) => Family::V6,
        _ => Family::Any,
    }
}

fn tls(args: &RunArgs, location: &Location) -> anyhow::Result<Tls> {
    let server_name = args.sni.clone().unwrap_or_else(|| location.host.clone());
    Ok(Tls { server_name, trust: trust(args)?, identity: identity(args)? })
}

fn trust(args: &RunArgs) -> anyhow::Result<Trust> {
    Ok(match &args.cacert {
        _ if args.insecure => Trust::Anything,
        Some(path) => Trust::Roots(read("--cacert", path)?),
        None => Trust::System,
    })
}

fn identity(args: &RunArgs) -> anyhow::Result<Option<Identity>> {
    match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => Ok(Some(Identity { chain: read("--cert", cert)?, key: read("--key", key)? })),
        (Some(_), None) => bail!("--cert without --key: give the certificate's private key too"),
        (None, Some(_)) => bail!("--key without --cert: give the key's certificate too"),
        (None, None) => Ok(None),
    }
}
