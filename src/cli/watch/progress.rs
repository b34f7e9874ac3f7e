//! How far the run is, on standard error while it goes on.

use std::io::{self, IsTerminal};
use std::thread::Scope;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::args::RunArgs;
use crate::cli::complain;
use crate::plan::{Plan, Stop};
use crate::stats::{Board, Snapshot};
use crate::time::{Nanos, monotonic};
use crate::units::{self, grouped};

use super::watcher::Watcher;

/// Shows how far a run is.
pub(crate) struct Progress<'scope>(Watcher<'scope, Shown>);

struct Shown {
    view: View,
    /// When it was drawn last, and how many requests had ended.
    last: Option<(Nanos, u64)>,
}

/// How often the bar is drawn.
const BAR_PERIOD: Nanos = Nanos::from_millis(200);
/// How often there is a line where progress was asked for.
const LINE_PERIOD: Nanos = Nanos::from_secs(1);
/// And in logs, as of CI, where it was not.
const LOG_PERIOD: Nanos = Nanos::from_secs(10);

/// How progress is shown.
enum View {
    /// One line that is drawn again and again.
    Bar(ProgressBar),
    /// A line a second, for a pipe.
    Lines,
}

impl<'scope> Progress<'scope> {
    /// Shows progress on a terminal, and as lines elsewhere; not where something else is shown.
    pub(crate) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        board: &'env Board,
        plan: &Plan,
        args: &RunArgs,
        is_hidden: bool,
    ) -> Option<Progress<'scope>> {
        let terminal = io::stderr().is_terminal();
        if args.no_progress || is_hidden {
            return None;
        }
        let stop = plan.load.stop;
        let view = if terminal { View::bar(stop) } else { View::Lines };
        let period = if terminal {
            BAR_PERIOD
        } else if args.progress || args.live {
            // It was asked for, or the terminal for --live is missing.
            LINE_PERIOD
        } else {
            LOG_PERIOD
        };
        let look = move |shown: &mut Shown| {
            let snapshot = board.snapshot();
            let now = monotonic();
            shown.view.show(&snapshot, stop, now, shown.last);
            shown.last = Some((now, snapshot.counts.ended()));
        };
        Some(Progress(Watcher::start(scope, period, Shown { view, last: None }, look)))
    }

    /// The run is over: nothing is left on the screen.
    pub(crate) fn stop(self) {
        if let Some(Shown { view: View::Bar(bar), .. }) = self.0.stop() {
            bar.finish_and_clear();
        }
    }
}

impl View {
    fn bar(stop: Stop) -> View {
        let length = stop.requests.filter(|_| stop.duration.is_none()).unwrap_or(1000);
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:16} {wide_msg}").expect("the template is a constant");
        bar.set_style(style.progress_chars("=> "));
        View::Bar(bar)
    }

    fn show(&self, snapshot: &Snapshot, stop: Stop, now: Nanos, last: Option<(Nanos, u64)>) {
        let text = describe(snapshot, stop, now, last);
        match self {
            View::Bar(bar) => {
                let share = share(snapshot, stop, now);
                bar.set_position((share * bar.length().unwrap_or(0) as f64) as u64);
                bar.set_message(text);
            }
            View::Lines => complain(&text),
        }
    }
}

/// The share of the run that is over, by whichever end is nearer.
pub(crate) fn share(snapshot: &Snapshot, stop: Stop, now: Nanos) -> f64 {
    if snapshot.t0 == Nanos::ZERO {
        return 0.0;
    }
    let of_requests = stop.requests.map_or(0.0, |n| snapshot.counts.ended() as f64 / n as f64);
    let of_time = stop.duration.map_or(0.0, |d| now.since(snapshot.t0).as_secs() / d.as_secs());
    of_requests.max(of_time).min(1.0)
}

fn describe(snapshot: &Snapshot, stop: Stop, now: Nanos, last: Option<(Nanos, u64)>) -> String {
    if snapshot.t0 == Nanos::ZERO {
        return "connecting and warming up".into();
    }
    let counts = &snapshot.counts;
    let done = counts.ended();
    let mut parts = vec![match (stop.requests, stop.duration) {
        (Some(n), None) => format!("{} / {}", grouped(done), grouped(n)),
        (_, Some(duration)) => {
            // Tenths of seconds, up: none is left when none is.
            let left = duration.since(now.since(snapshot.t0)).0.div_ceil(100_000_000);
            format!("{} done, {} left", grouped(done), Nanos(left * 100_000_000))
        }
        (None, None) => grouped(done),
    }];
    if let Some((then, before)) = last {
        parts.push(units::rate(done.saturating_sub(before) as f64 / now.since(then).as_secs().max(1e-9)));
    }
    if let (Some(p50), Some(p99)) = (snapshot.response.quantile(500_000), snapshot.response.quantile(990_000)) {
        parts.push(format!("p50 {p50}"));
        parts.push(format!("p99 {p99}"));
    }
    if snapshot.waiting > 0 {
        parts.push(format!("{} waiting", grouped(snapshot.waiting)));
    }
    let errors = counts.http_error + counts.failed + counts.timeout;
    if errors > 0 {
        parts.push(units::count(errors, "error"));
    }
    parts.join("  ")
}
