//! How sure a run's numbers are, and whether it was steady.

use serde::{Deserialize, Serialize};

use crate::note::Note;
use crate::stats::confidence::{Batch, batch_ranks, needed};
use crate::stats::steady::{course, trend};
use crate::stats::{Distribution, Ppm, Totals};
use crate::time::Nanos;

use super::PlanLine;

/// The 95% interval of a quantile of the response time, by batch means: it
/// allows for answers that are alike because they followed each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// `p50`, `p99_9`, ...
    pub quantile: String,
    /// Its lower end, in milliseconds. None: too few requests to tell.
    pub low_ms: Option<f64>,
    /// Its upper end. None: too few requests to tell, or it falls among those that were not answered.
    pub high_ms: Option<f64>,
    /// As many independent requests would tell as much.
    pub n_eff: Option<f64>,
    /// So many independent requests are the fewest that tell something.
    pub needs: u64,
    /// Where there are as many, but they are too much alike: a run of about so many seconds would tell.
    #[serde(default)]
    pub run_for_s: Option<f64>,
}

/// Whether a run was steady.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SteadyLine {
    /// How long a warm-up lasted that was to last until it was steady.
    pub warmup_s: Option<f64>,
    /// Whether response times were those of one state from the first request to the last: the halves
    /// of the run differ by no more than chance. None: that cannot be told.
    pub stationary: Option<bool>,
    /// When they had settled, in seconds from T0. None: they were still changing in the second half,
    /// or that cannot be told.
    pub from_s: Option<f64>,
    /// How fast the number of requests that were due and not done grew in the second half of the
    /// schedule, per second, by least squares. None: there was no constant rate, or too little to see.
    pub growth_per_s: Option<f64>,
    /// The share of its variation that this growth explains.
    pub growth_r2: Option<f64>,
}

/// The quantiles of which the interval is told.
const TOLD: [(&str, Ppm); 4] = [("p50", 500_000), ("p90", 900_000), ("p99", 990_000), ("p99_9", 999_000)];

/// A backlog grows if it does so by a hundredth of the rate, and steadily.
const GROWS: f64 = 0.01;
const STEADILY: f64 = 0.8;
/// Nor by less than this in all.
const GROWN: f64 = 10.0;

pub(super) fn confidence(totals: &Totals) -> Vec<Confidence> {
    let exact = &totals.response;
    let mut all = exact.clone();
    all.merge(&totals.censored.all());
    let quantiles = TOLD.map(|(_, p)| all.quantile(p).unwrap_or(Nanos::ZERO));
    // For each of them, how many values of each batch lie below it.
    let mut batches: [Vec<Batch>; TOLD.len()] = Default::default();
    totals.series.for_each(totals.series.batch_width(), |interval| {
        let count = interval.response.count();
        for (batches, x) in batches.iter_mut().zip(quantiles) {
            batches.push(Batch { below: interval.response.count_up_to(x), count });
        }
    });
    let lasted_s = totals.lasted.as_secs();
    let lines = TOLD.iter().zip(&batches);
    lines.map(|(&(name, p), batches)| Confidence::new((name, p), batches, (exact, &all), lasted_s)).collect()
}

impl Confidence {
    fn new(
        (name, p): (&str, Ppm),
        batches: &[Batch],
        (exact, all): (&Distribution, &Distribution),
        lasted_s: f64,
    ) -> Confidence {
        let ranks = batch_ranks(all.count(), p, batches);
        let times = ranks.as_ref().err().copied().flatten().filter(|_| all.count() >= needed(p));
        let ranks = ranks.ok();
        let low = ranks.as_ref().and_then(|ranks| all.bucket_at_rank(ranks.low)).map(|(low, _)| low.as_millis());
        // Where the quantile falls among requests that got no answer, it has no upper end.
        let high = ranks.as_ref().and_then(|ranks| exact.bucket_at_rank(ranks.high));
        Confidence {
            quantile: name.into(),
            low_ms: low,
            high_ms: high.map(|(_, high)| high.as_millis()),
            n_eff: ranks.map(|ranks| ranks.n_eff),
            needs: needed(p),
            run_for_s: times.map(|times| times * lasted_s),
        }
    }
}

impl SteadyLine {
    pub(super) fn new(totals: &Totals, plan: &PlanLine) -> SteadyLine {
        let timeline = &totals.timeline;
        let answered = || timeline.samples().iter().enumerate().filter(|(_, sample)| sample.count > 0);
        let means: Vec<f64> = answered().filter_map(|(_, sample)| sample.mean_ln()).collect();
        let at_s = |samples: usize| samples as f64 * timeline.width().as_secs();
        let course = course(&means);
        let from_s = course.from.and_then(|cut| answered().nth(cut)).map(|(i, _)| at_s(i));
        let trend = trend(&due_and_not_done(totals)).filter(|_| plan.has_constant_rate());
        SteadyLine {
            warmup_s: None,
            stationary: course.stationary,
            from_s,
            growth_per_s: trend.as_ref().map(|trend| trend.per_s),
            growth_r2: trend.map(|trend| trend.r2),
        }
    }

    /// What a user should know of it, in a run at `rate_per_s` that was due for `seconds`.
    pub(super) fn note(&self, rate_per_s: Option<f64>, seconds: f64) -> Option<Note> {
        rate_per_s.and_then(|rate| self.backlog(rate, seconds)).or_else(|| self.change())
    }

    fn backlog(&self, rate: f64, seconds: f64) -> Option<Note> {
        let grows = |&(growth, r2): &(f64, f64)| growth > GROWS * rate && r2 > STEADILY && growth * seconds > GROWN;
        let (growth, _) = self.growth_per_s.zip(self.growth_r2).filter(grows)?;
        Some(Note::NotSustained(growth))
    }

    fn change(&self) -> Option<Note> {
        (self.stationary == Some(false)).then_some(Note::NotStationary(self.from_s))
    }
}

/// The requests that were due and not done at each sample, (seconds from T0,
/// number), where their growth tells of a load that is too high. Up to the end
/// of the schedule: what comes after is the drain. From its middle on, and not
/// before the quickest answer could come: at first nobody has been answered
/// yet, and their number grows whatever the server can do.
fn due_and_not_done(totals: &Totals) -> Vec<(f64, f64)> {
    let length = totals.due_for();
    let quickest = totals.service.min().unwrap_or(Nanos::ZERO);
    let from = Nanos(length.0 / 2).max(quickest);
    let width = totals.timeline.width();
    let samples = totals.timeline.samples().iter().enumerate();
    let points = samples.map(|(i, sample)| (Nanos((i as u64 + 1) * width.0), sample.present as f64));
    let fitted = points.filter(|(at, _)| (from..=length).contains(at));
    fitted.map(|(at, present)| (at.as_secs(), present)).collect()
}
