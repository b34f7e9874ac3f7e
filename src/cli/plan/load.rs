//! The load model, its bounds and its workers.

use std::sync::Arc;

use anyhow::bail;

use crate::cli::args::{ModelArg, RunArgs, SpacingArg};
use crate::cli::values::Stages;
use crate::plan::{Load, Model, Open, Stop, Warmup};
use crate::schedule::{Profile, Spacing};

use super::target::cores;

/// A worker sends so many requests a second with most of a core to spare. The
/// fewer there are, the less does a request wait for a connection of its own
/// worker while another one has some free.
const RATE_PER_WORKER: f64 = 20_000.0;

/// One loop releases a wave more sharply than several: BENCHMARKS.md has the figures.
pub(super) fn default_workers(model: &Model) -> u32 {
    match model {
        Model::Waves { .. } => 1,
        Model::Closed => cores() as u32,
        Model::Open(open) => ((open.profile.peak_per_s() / RATE_PER_WORKER).ceil() as u32).clamp(1, cores() as u32),
    }
}

/// The load that the flags ask for.
pub(super) fn load(args: &RunArgs) -> anyhow::Result<Load> {
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
