//! What was asked for, as reports show it.

use serde::{Deserialize, Serialize};

use crate::plan::{Model, ModelKind, Plan, Protocol, Target, Warmup};
use crate::schedule::{Spacing, Stage};
use crate::time::Nanos;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanLine {
    /// Without user and password.
    pub url: String,
    /// `GET`, `POST`, ...
    pub method: String,
    /// When requests are sent.
    pub model: ModelKind,
    /// Users; in the open model, connections.
    pub concurrency: u32,
    /// Seconds from the start of a wave to that of the next; None where a wave begins when the last one is over.
    #[serde(default)]
    pub wave_every_s: Option<f64>,
    /// The limit of requests.
    pub requests: Option<u64>,
    /// The limit of time, in seconds.
    pub duration_s: Option<f64>,
    /// Offered rate, over all stages; None unless the model has one.
    pub rate_per_s: Option<f64>,
    /// How the rate changes; empty unless it does.
    pub stages: Vec<StageLine>,
    /// `uniform` or `poisson`; None unless the model has a rate.
    pub arrivals: Option<String>,
    /// How many requests may wait for a connection; None unless the model has a rate.
    pub max_backlog: Option<u64>,
    /// `12 requests`, `5 s`, `auto`, or None.
    pub warmup: Option<String>,
    /// The time limit of a request, in seconds.
    pub timeout_s: f64,
    /// How long answers were to be awaited at the end, in seconds.
    pub drain_s: f64,
    /// The seed of everything drawn by chance.
    pub seed: u64,
    /// Threads.
    pub workers: u32,
    /// `1.1` or `2`.
    pub http_version: String,
    /// Connections that the users share; None where each has its own.
    pub connections: Option<u32>,
    /// How many requests may be under way at a time on each of them.
    pub streams: Option<u32>,
}

/// A stage of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageLine {
    /// How long it lasts, in seconds.
    pub lasting_s: f64,
    /// The rate at its start.
    pub from_per_s: f64,
    /// The rate at its end.
    pub to_per_s: f64,
}

impl PlanLine {
    /// What of a plan belongs into a report.
    pub fn new(plan: &Plan) -> PlanLine {
        let load = &plan.load;
        let open = match &load.model {
            Model::Open(open) => Some(open),
            Model::Waves { .. } | Model::Closed => None,
        };
        let shared = match plan.protocol {
            Protocol::Http1 => None,
            Protocol::Http2 { connections, streams } => Some((connections, streams)),
        };
        PlanLine {
            url: plan.url.clone(),
            method: methods(&plan.targets.list),
            model: load.model.kind(),
            concurrency: load.users,
            wave_every_s: match load.model {
                Model::Waves { every, .. } => every.map(Nanos::as_secs),
                Model::Closed | Model::Open(_) => None,
            },
            requests: load.stop.requests,
            duration_s: load.stop.duration.map(Nanos::as_secs),
            rate_per_s: open.map(|open| open.profile.mean_per_s(load.stop.duration)),
            stages: open.map_or(Vec::new(), |open| open.profile.stages_of().map(StageLine::from).collect()),
            arrivals: open.map(|open| spacing_name(open.spacing).into()),
            max_backlog: open.map(|open| open.max_backlog),
            warmup: match load.warmup {
                Warmup::None => None,
                Warmup::Requests(n) => Some(format!("{n} requests")),
                Warmup::Time(span) => Some(format!("{} s", span.as_secs())),
                Warmup::Auto => Some("auto".into()),
            },
            timeout_s: plan.limits.request.as_secs(),
            drain_s: plan.limits.drain.as_secs(),
            seed: plan.seed,
            workers: plan.workers,
            http_version: plan.protocol.name().into(),
            connections: shared.map(|(connections, _)| connections),
            streams: shared.map(|(_, streams)| streams),
        }
    }

    /// There is one rate, from T0 to the end.
    pub(super) fn has_constant_rate(&self) -> bool {
        let mut rates = self.stages.iter().flat_map(|stage| [stage.from_per_s, stage.to_per_s]);
        let first = rates.next();
        self.rate_per_s.is_some() && rates.all(|rate| Some(rate) == first)
    }
}

impl From<Stage> for StageLine {
    fn from(stage: Stage) -> StageLine {
        let Stage { lasting, from_per_s, to_per_s } = stage;
        StageLine { lasting_s: lasting.as_secs(), from_per_s, to_per_s }
    }
}

/// Each method once, in order of first use.
fn methods(targets: &[Target]) -> String {
    let mut methods: Vec<&str> = Vec::new();
    for target in targets {
        if !methods.contains(&target.head.method.as_str()) {
            methods.push(&target.head.method);
        }
    }
    methods.join(", ")
}

fn spacing_name(spacing: Spacing) -> &'static str {
    match spacing {
        Spacing::Uniform => "uniform",
        Spacing::Poisson => "poisson",
    }
}
