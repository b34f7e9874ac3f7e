//! `--abort-on-fail`: the run ends as soon as a threshold cannot be met any more.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;

use crate::note::Note;
use crate::plan::{Model, Plan};
use crate::stats::{Board, Measured, Snapshot};
use crate::time::{Nanos, monotonic};

use super::watcher::Watcher;

/// As often as workers show themselves.
const EVERY: Nanos = Nanos::from_millis(100);
/// Sooner nothing is said of how many requests there will be.
const SOONEST: Nanos = Nanos::from_secs(1);
/// What is still to come is taken to come at so many times the rate so far.
const FASTER: f64 = 2.0;
/// Random arrivals are more than expected by this many standard deviations at the most.
const DEVIATIONS: f64 = 6.0;

/// Watches the thresholds of a plan; the first one that is lost ends the run, and is told in `ended_early`.
pub(crate) fn watch<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    board: &'env Board,
    plan: &'env Plan,
    stop: &'env AtomicBool,
    ended_early: &'env OnceLock<Note>,
) -> Watcher<'scope, ()> {
    Watcher::start(scope, EVERY, (), move |()| {
        if ended_early.get().is_some() {
            return;
        }
        if let Some(lost) = lost(plan, &board.snapshot(), monotonic()) {
            let _ = ended_early.set(Note::EndedEarly(lost.to_string()));
            stop.store(true, Ordering::Relaxed);
        }
    })
}

/// The first threshold that cannot be met any more.
fn lost<'a>(plan: &'a Plan, snapshot: &Snapshot, now: Nanos) -> Option<&'a str> {
    if snapshot.t0 == Nanos::ZERO {
        return None;
    }
    let elapsed = now.since(snapshot.t0);
    let most = most_requests(plan, snapshot.counts.ended(), elapsed);
    let lasts = match (plan.load.stop.requests, length(plan)) {
        (None, Some(length)) => length.max(elapsed),
        _ => elapsed,
    };
    let measured = Measured::so_far(snapshot, elapsed);
    let lost = plan.thresholds.iter().find(|threshold| measured.is_lost(threshold, most, lasts));
    lost.map(|threshold| threshold.text.as_str())
}

/// How long requests are due for, if that is known.
fn length(plan: &Plan) -> Option<Nanos> {
    let of_stages = match &plan.load.model {
        Model::Open(open) => open.profile.length(),
        Model::Waves { .. } | Model::Closed => None,
    };
    [of_stages, plan.load.stop.duration].into_iter().flatten().min()
}

/// As many requests as the run may have in all, of which `ended` have ended by now.
fn most_requests(plan: &Plan, ended: u64, elapsed: Nanos) -> u64 {
    let by_time = length(plan).map(|length| match &plan.load.model {
        Model::Open(open) => {
            let expected = open.profile.mean_per_s(Some(length)) * length.as_secs();
            (expected + DEVIATIONS * expected.sqrt() + 1.0) as u64
        }
        Model::Waves { .. } | Model::Closed if elapsed < SOONEST => u64::MAX,
        Model::Waves { .. } | Model::Closed => {
            let to_come = FASTER * ended as f64 * (length.since(elapsed).as_secs() / elapsed.as_secs());
            ended + to_come as u64 + u64::from(plan.load.users)
        }
    });
    [plan.load.stop.requests, by_time].into_iter().flatten().min().unwrap_or(u64::MAX)
}
