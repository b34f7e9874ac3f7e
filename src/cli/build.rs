//! Flags to plan: the only place that sees both.

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::net::resolve::{Family, resolve};
use crate::net::tls::TlsSettings;
use crate::plan::{
    Endpoint, Identity, Limits, Load, Model, Open, Order, Origin, Plan, Stop, Target, Targets, Tls, Trust, Warmup,
};
use crate::request::{Body, Header, RequestHead};
use crate::rng::mix;
use crate::schedule::{Profile, Spacing};
use crate::template::Template;
use crate::time::WallClock;

use super::args::{ModelArg, RunArgs, SpacingArg, Stages, is_stdio, shown};
use super::protocol::protocol;
use super::target::{Location, cores, header_value, is_token, parse_connect_to, parse_header, parse_url};

/// The plan that the flags ask for, and what the user should know of it;
/// `demo` is the address of the built-in target.
pub(super) fn plan(args: &RunArgs, demo: Option<SocketAddr>) -> anyhow::Result<(Plan, Vec<String>)> {
    let location = location(args, demo)?;
    let load = load(args)?;
    let body = body(args)?;
    let limits = Limits {
        request: args.timeout,
        connect: args.connect_timeout.unwrap_or(args.timeout),
        drain: args.drain.unwrap_or(args.timeout),
    };
    let origin = origin(args, &location)?;
    let head = request(args, &location, &body)?;
    let mut notes = Vec::new();
    let protocol = protocol(args, &origin, &load, limits.connect, &mut notes)?;
    let workers = args.workers.unwrap_or_else(|| default_workers(&load.model));
    let seed = args.seed.unwrap_or_else(random_seed);
    let name = format!("{} {}", head.method, location.shown);
    let targets = Targets { list: vec![Target { name, origin: 0, head, body }], order: Order::One };
    let mut plan = Plan {
        url: location.shown,
        origins: vec![origin],
        targets,
        protocol,
        load,
        limits,
        seed,
        workers,
        stamps: args.kernel_stamps,
    };
    plan.workers = workers.min(plan.connections());
    Ok((plan, notes))
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

fn location(args: &RunArgs, demo: Option<SocketAddr>) -> anyhow::Result<Location> {
    let has_body = args.data.is_some() || args.data_file.is_some() || args.dynamic;
    let url = match (args.url(), demo) {
        (_, Some(address)) => format!("http://{address}/{}", if has_body { "post" } else { "" }),
        (Some(url), None) => url.to_string(),
        (None, None) => bail!("no URL: give one, or --demo to test the built-in target (see --help)"),
    };
    parse_url(&url).map_err(|e| anyhow!(e))
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
    Ok(Load { model, users, asked: users, stop: Stop { requests, duration }, warmup })
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

fn body(args: &RunArgs) -> anyhow::Result<Body> {
    match (&args.data, &args.data_file) {
        _ if args.dynamic => Ok(Body::Template(Arc::new(Template::built_in()))),
        (Some(text), _) => Ok(Body::Fixed(text.as_bytes().into())),
        (None, Some(path)) if is_stdio(path) => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).context("cannot read the body from standard input")?;
            Ok(Body::Fixed(bytes.into()))
        }
        (None, Some(path)) => Ok(Body::Fixed(read("--data-file", path)?.into())),
        (None, None) => Ok(Body::None),
    }
}

fn read(flag: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{flag}: cannot read {}", shown(path)))
}

/// What bodies are unless the user says it: JSON if they parse as JSON.
fn content_type(body: &Body) -> Option<&'static str> {
    match body {
        Body::None => None,
        Body::Template(_) | Body::Lines(_) => Some("application/json"),
        Body::Fixed(bytes) if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() => {
            Some("application/json")
        }
        Body::Fixed(bytes) if std::str::from_utf8(bytes).is_ok() => Some("text/plain; charset=utf-8"),
        Body::Fixed(_) => Some("application/octet-stream"),
    }
}

fn request(args: &RunArgs, location: &Location, body: &Body) -> anyhow::Result<RequestHead> {
    let method = match &args.method {
        Some(method) if !is_token(method) => bail!("--method {method:?} is not a method name"),
        Some(method) => method.to_ascii_uppercase(),
        None if matches!(body, Body::None) => "GET".into(),
        None => "POST".into(),
    };
    if method == "CONNECT" {
        bail!("--method CONNECT asks for a tunnel, which is not a request that can be measured");
    }
    let mut keep_alive = !args.disable_keepalive;
    let mut authority = location.authority.clone();
    let mut headers: Vec<Header> = Vec::new();
    for text in &args.headers {
        let header = parse_header(text).map_err(|e| anyhow!(e))?;
        match header.name.to_ascii_lowercase().as_str() {
            "host" if args.host.is_some() => bail!("--header Host and --host contradict each other"),
            "host" => authority = header.value.fixed().unwrap_or_default().into(),
            "content-length" | "transfer-encoding" => {
                bail!("--header {}: the length of the body is this tool's to say", header.name)
            }
            "connection" if header.value.fixed().is_some_and(|value| value.eq_ignore_ascii_case("close")) => {
                keep_alive = false;
            }
            _ => headers.push(header),
        }
    }
    if let Some(host) = &args.host {
        authority = header_value("Host", host).map_err(|e| anyhow!(e))?;
    }
    let credentials = args.basic_auth.clone().or_else(|| location.credentials.clone());
    let basic = credentials.map(|pair| format!("Basic {}", STANDARD.encode(pair)));
    let given = [
        ("Content-Type", "--content-type", args.content_type.clone()),
        ("Accept", "--accept", args.accept.clone()),
        ("Authorization", "--basic-auth", basic),
    ];
    for (name, flag, value) in given {
        if let Some(value) = value {
            if has(&headers, name) {
                bail!("--header {name} and {flag} contradict each other");
            }
            headers
                .push(Header { name: name.into(), value: header_value(name, &value).map_err(|e| anyhow!(e))?.into() });
        }
    }
    let defaults = [
        ("Content-Type", content_type(body)),
        ("Accept", Some("*/*")),
        ("User-Agent", Some(concat!("onrush/", env!("CARGO_PKG_VERSION")))),
    ];
    for (name, value) in defaults {
        if let Some(value) = value.filter(|_| !has(&headers, name)) {
            headers.push(Header { name: name.into(), value: value.into() });
        }
    }
    Ok(RequestHead { method, path: location.path.clone().into(), authority, headers, keep_alive })
}

fn has(headers: &[Header], name: &str) -> bool {
    headers.iter().any(|header| header.name.eq_ignore_ascii_case(name))
}

fn origin(args: &RunArgs, location: &Location) -> anyhow::Result<Origin> {
    let endpoint = match &args.unix_socket {
        Some(path) => Endpoint::Unix(path.clone()),
        None => Endpoint::Tcp(addresses(args, location)?),
    };
    let tls = if location.tls { Some(tls(args, location)?) } else { None };
    if let Some(tls) = &tls {
        // What is wrong with certificates and keys is found out before anything is sent.
        TlsSettings::new(tls, &[]).map_err(|e| anyhow!(e))?;
    } else {
        let flags = [
            (args.insecure, "--insecure"),
            (args.cacert.is_some(), "--cacert"),
            (args.cert.is_some(), "--cert"),
            (args.key.is_some(), "--key"),
            (args.sni.is_some(), "--sni"),
        ];
        if let Some((_, flag)) = flags.iter().find(|(given, _)| *given) {
            bail!("{flag} and an http:// URL contradict each other: TLS is spoken with https://");
        }
    }
    Ok(Origin { name: location.shown.clone(), endpoint, tls })
}

fn addresses(args: &RunArgs, location: &Location) -> anyhow::Result<Vec<SocketAddr>> {
    let family = match (args.ipv4, args.ipv6) {
        (true, _) => Family::V4,
        (_, true) => Family::V6,
        _ => Family::Any,
    };
    let (mut host, mut port) = (location.host.clone(), location.port);
    for text in &args.connect_to {
        let [from, to] = parse_connect_to(text).map_err(|e| anyhow!(e))?;
        if from == (location.host.clone(), location.port) {
            (host, port) = to;
            break;
        }
    }
    resolve(&host, port, family).map_err(|e| anyhow!(e))
}

fn tls(args: &RunArgs, location: &Location) -> anyhow::Result<Tls> {
    let trust = match &args.cacert {
        _ if args.insecure => Trust::Anything,
        Some(path) => Trust::Roots(read("--cacert", path)?),
        None => Trust::System,
    };
    let identity = match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => Some(Identity { chain: read("--cert", cert)?, key: read("--key", key)? }),
        (Some(_), None) => bail!("--cert without --key: give the certificate's private key too"),
        (None, Some(_)) => bail!("--key without --cert: give the key's certificate too"),
        (None, None) => None,
    };
    Ok(Tls { server_name: args.sni.clone().unwrap_or_else(|| location.host.clone()), trust, identity })
}
