//! Everybody who looks at a run while it goes on: the engine does the same whoever does.

mod abort;
mod jsonl;
mod live;
mod metrics;
mod progress;
mod watcher;

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::thread::Scope;

use crate::cli::args::RunArgs;
use crate::cli::interrupt;
use crate::cli::outputs::File;
use crate::note::Note;
use crate::plan::Plan;
use crate::stats::Board;

use jsonl::Jsonl;
use live::{Live, Watching};
use metrics::Serving;
use progress::Progress;
use watcher::Watcher;

pub(crate) use metrics::Metrics;

/// Those who are to watch, before there is anything to see.
pub(crate) struct Prepared {
    live: Option<Live>,
    pub(crate) jsonl: Option<File>,
    pub(crate) metrics: Option<Metrics>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Why the run was ended early, once it was.
    pub(crate) ended_early: Arc<OnceLock<Note>>,
    /// Standard error is not for progress.
    pub(crate) stderr_is_taken: bool,
}

/// Those who watch.
pub(crate) struct Watchers<'scope> {
    live: Option<Watching<'scope>>,
    progress: Option<Progress<'scope>>,
    jsonl: Option<Jsonl<'scope>>,
    metrics: Option<Serving<'scope>>,
    abort: Option<Watcher<'scope, ()>>,
}

impl Prepared {
    /// Takes the screen, if it is asked for.
    pub(crate) fn new(
        args: &RunArgs,
        stop: Arc<AtomicBool>,
        jsonl: Option<File>,
        metrics: Option<Metrics>,
        stderr_is_taken: bool,
    ) -> io::Result<Prepared> {
        let live = Live::new(args, &stop);
        if live.is_none() {
            interrupt::second_ends_the_process(false)?;
        }
        Ok(Prepared { live, jsonl, metrics, stop, ended_early: Arc::default(), stderr_is_taken })
    }

    /// All of them begin, each on a thread of its own.
    pub(crate) fn start<'scope, 'env>(
        &'env mut self,
        scope: &'scope Scope<'scope, 'env>,
        board: &'env Board,
        plan: &'env Plan,
        args: &RunArgs,
    ) -> Watchers<'scope> {
        let is_hidden = self.live.is_some() || self.stderr_is_taken;
        let progress = Progress::start(scope, board, plan, args, is_hidden);
        Watchers {
            progress,
            live: self.live.take().map(|live| live.start(scope, board, plan)),
            jsonl: self.jsonl.take().map(|file| Jsonl::start(scope, board, file)),
            metrics: self.metrics.take().map(|metrics| metrics.start(scope, board, plan)),
            abort: args.abort_on_fail.then(|| abort::watch(scope, board, plan, &self.stop, &self.ended_early)),
        }
    }
}

impl Watchers<'_> {
    /// The run is over.
    ///
    /// # Errors
    /// The lines of `--jsonl` could not all be written.
    pub(crate) fn stop(self) -> io::Result<()> {
        self.live.into_iter().for_each(Watching::stop);
        self.progress.into_iter().for_each(Progress::stop);
        self.metrics.into_iter().for_each(Serving::stop);
        // Had it panicked, the run would have been none the worse for it.
        self.abort.and_then(Watcher::stop);
        self.jsonl.map_or(Ok(()), Jsonl::stop)
    }
}
