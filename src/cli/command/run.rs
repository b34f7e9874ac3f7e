//! A load run: from its flags to its exit code.

use std::io;
use std::sync::Arc;

use crate::cli::args::{self, RunArgs};
use crate::cli::hints;
use crate::cli::outputs::{self, Outputs, RunOutputs};
use crate::cli::plan::{self, Names};
use crate::cli::watch::{Metrics, Prepared};
use crate::cli::{DONE, INTERRUPTED, NOT_BELIEVABLE, NOT_MET, NOT_WRITTEN, NOTHING_OK, complain, interrupt};
use crate::note::Note;
use crate::plan::Plan;
use crate::run::{self, Outcome, Setting};
use crate::serve::Server;
use crate::sink::CsvFile;
use crate::stats::{Board, Summary, Verdict};
use crate::units;

use super::curl;
use super::reproduce;
use super::serve::start_demo;

/// A load run. `notes`: what the user should know already.
pub(crate) fn run_load(args: &RunArgs, mut notes: Vec<Note>) -> anyhow::Result<u8> {
    if let Some(warning) = hints::warning(args) {
        complain(&format!("warning: {warning}"));
    }
    let demo = args.demo.then(|| start_demo(args)).transpose()?;
    let (plan, prepared) = plan::plan(args, Names::Resolved(demo.as_ref().map(Server::address)))?;
    if args.verbose {
        prepared.details.iter().for_each(|detail| complain(detail));
    }
    notes.extend(prepared.notes);
    let metrics = args.metrics.map(Metrics::listen).transpose()?;
    let stop = interrupt::ends_the_run()?;
    // The last that can be in the way: what is in these files goes.
    let RunOutputs { outputs, csv, jsonl } = Outputs::of_run(args)?;
    if let Some(metrics) = &metrics {
        complain(&format!("metrics at {} while the run goes on", metrics.url()));
    }
    let watching = Prepared::new(args, stop, jsonl, metrics, outputs.stderr_is_taken())?;
    let Ran { mut outcome, was_aborted, jsonl } = watched(&plan, args, csv, watching, notes)?;
    outcome.summary.command = Some(reproduce::command(args, plan.seed));
    let (files, streamed) = streamed(args, &outcome, jsonl);
    let written = outputs.write(&outcome.summary, files) && streamed;
    Ok(exit_code(&outcome.summary, was_aborted, written, args))
}

/// A run that is over.
struct Ran {
    outcome: Outcome,
    /// A threshold that could not be met any more ended it.
    was_aborted: bool,
    /// Whether the lines of `--jsonl` could be written.
    jsonl: io::Result<()>,
}

/// Runs the plan, with or without somebody watching: the engine does the same.
fn watched(
    plan: &Plan,
    args: &RunArgs,
    csv: Option<CsvFile<outputs::File>>,
    mut watching: Prepared,
    notes: Vec<Note>,
) -> anyhow::Result<Ran> {
    let board = Board::new(plan.workers);
    let stop = Arc::clone(&watching.stop);
    let ended_early = Arc::clone(&watching.ended_early);
    let setting = Setting { board: &board, stop, csv, notes, route: curl::route(args), ended_early: &ended_early };
    let (outcome, jsonl) = std::thread::scope(|scope| {
        let watchers = watching.start(scope, &board, plan, args);
        let outcome = run::run(plan, setting);
        (outcome, watchers.stop())
    });
    Ok(Ran { outcome: outcome?, was_aborted: ended_early.get().is_some(), jsonl })
}

/// The files that were written while the run went on, and whether all of each was.
fn streamed(args: &RunArgs, outcome: &Outcome, jsonl: io::Result<()>) -> (Vec<String>, bool) {
    let mut files = Vec::new();
    let mut written = true;
    if let (Some(path), Some(saved)) = (&args.csv, &outcome.csv) {
        match &saved.error {
            None => files.push(format!("{} ({})", args::shown(path), units::count(saved.rows, "row"))),
            Some(error) => {
                let all = units::count(saved.rows + saved.lost, "row");
                let path = args::shown(path);
                complain(&format!("{path}: {error}: {} rows were saved before that, of {all}", saved.rows));
                written = false;
            }
        }
    }
    if let Some(path) = &args.jsonl {
        match jsonl {
            Ok(()) => files.push(args::shown(path)),
            Err(error) => {
                complain(&format!("{}: {error}", args::shown(path)));
                written = false;
            }
        }
    }
    (files, written)
}

/// Where several hold, the first one of 130, 5, 3, 4, 1 wins. A run that a threshold ended was not interrupted.
fn exit_code(summary: &Summary, was_aborted: bool, written: bool, args: &RunArgs) -> u8 {
    let failed = args.fail_on_error && summary.errors() > 0;
    if summary.interrupted && !was_aborted {
        INTERRUPTED
    } else if !written {
        NOT_WRITTEN
    } else if summary.accounting.ok == 0 {
        NOTHING_OK
    } else if args.strict && summary.generator.verdict == Verdict::Invalid {
        NOT_BELIEVABLE
    } else if was_aborted || failed || summary.missed_a_threshold() {
        NOT_MET
    } else {
        DONE
    }
}
