//! `onrush compare --interleave`: two runs in turns.
//!
//! A turn is a whole run, with connections of its own, that leaves nothing but
//! its summary. The runs are read and checked before the first request.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{anyhow, bail};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::compare::{Comparison, FEWEST_BLOCKS};
use crate::plan::Plan;
use crate::run::{self, Setting};
use crate::stats::{Board, Summary};
use crate::units::count;

use super::args::{Args, Command, CompareArgs, OUTPUT, RunArgs, VERDICT};
use super::build::{self, Names};
use super::{complain, curl, interrupt, preflight};

/// One of the two runs.
struct Side {
    /// What the user wrote.
    text: String,
    plan: Plan,
    turns: Vec<Summary>,
}

/// What became of both runs.
pub(super) enum Made {
    /// All turns.
    Whole(Comparison),
    /// An interruption ended them, after so many turns that something can be said, or before.
    Interrupted(Option<Comparison>),
    /// In a turn no request was ok: it has been said which.
    NothingOk,
}

/// Makes both runs, and compares them.
///
/// # Errors
/// In one line: what was written is no run, or asks for what a turn cannot have. Nothing was sent then.
pub(super) fn comparison(args: &CompareArgs) -> anyhow::Result<Made> {
    let mut base = Side::new("the base", &args.base, &args.options)?;
    let mut new = Side::new("the new run", &args.new, &args.options)?;
    let stop = interrupt::ends_the_run()?;
    interrupt::second_ends_the_process(false)?;
    let shows_progress = !args.no_progress && io::stderr().is_terminal();
    for turn in 0..args.turns {
        // Neither is always the first: what a pair does to the next one, it does to both.
        let order = if turn % 2 == 0 { [&mut base, &mut new] } else { [&mut new, &mut base] };
        for side in order {
            side.take_turn(&stop)?;
            if let Some(outcome) = side.nothing_was_ok() {
                complain(&format!("{}: turn {}: {outcome}", side.text, turn + 1));
                return Ok(Made::NothingOk);
            }
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if shows_progress {
            complain(&format!("turn {} of {}: base {}, new {}", turn + 1, args.turns, base.shown(), new.shown()));
        }
    }
    let was_interrupted = stop.load(Ordering::Relaxed);
    // The turn that was cut short is no turn.
    let whole = if was_interrupted { base.whole().min(new.whole()) } else { args.turns as usize };
    if (whole as f64) < FEWEST_BLOCKS {
        let turns = count(whole as u64, "turn");
        complain(&format!("interrupted after {turns}, and fewer than {FEWEST_BLOCKS} tell nothing"));
        return Ok(Made::Interrupted(None));
    }
    let sides = [&base, &new].map(|side| (side.text.as_str(), &side.turns[..whole]));
    let mut comparison = Comparison::interleaved(sides[0], sides[1], args.delta, &args.fail_if_slower)
        .map_err(|e| anyhow!("{e}: this is a defect of onrush, please report it"))?;
    if !was_interrupted {
        return Ok(Made::Whole(comparison));
    }
    comparison.warnings.insert(0, format!("interrupted after {whole} of {} turns", args.turns));
    Ok(Made::Interrupted(Some(comparison)))
}

impl Side {
    fn new(role: &str, text: &Path, options: &[String]) -> anyhow::Result<Side> {
        let text = text.to_str().ok_or_else(|| anyhow!("{role}: it is not UTF-8"))?.to_owned();
        let (args, mut notes) = run_args(&text, options).map_err(|e| anyhow!("{role}: {e}"))?;
        let (mut plan, prepared) = build::plan(&args, Names::Resolved(None)).map_err(|e| anyhow!("{role}: {e:#}"))?;
        notes.extend(prepared.notes);
        notes.extend(preflight::check(&mut plan, false).map_err(|e| anyhow!("{role}: {e:#}"))?);
        notes.iter().for_each(|note| complain(&format!("{role}: {note}")));
        Ok(Side { text, plan, turns: Vec::new() })
    }

    /// A run from its first request to its last.
    fn take_turn(&mut self, stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
        let board = Board::new(self.plan.workers);
        let ended_early = OnceLock::new();
        let setting = Setting {
            board: &board,
            stop: Arc::clone(stop),
            csv: None,
            notes: Vec::new(),
            route: None,
            ended_early: &ended_early,
        };
        self.turns.push(run::run(&self.plan, setting)?.summary);
        Ok(())
    }

    /// What became of the last turn, if that was nothing.
    fn nothing_was_ok(&self) -> Option<&str> {
        let last = self.turns.last().filter(|summary| summary.accounting.ok == 0 && !summary.interrupted);
        last.map(|summary| summary.outcome.as_str())
    }

    /// The turns before the one that was interrupted.
    fn whole(&self) -> usize {
        self.turns.iter().take_while(|summary| !summary.interrupted).count()
    }

    /// The last turn's median.
    fn shown(&self) -> String {
        let p50 = self.turns.last().and_then(|summary| summary.response_ms.as_ref()).map(|response| response.p50);
        p50.map_or("nothing".into(), |p50| format!("p50 {p50:.2} ms"))
    }
}

/// What follows `onrush` on the command line of a run.
fn run_args(text: &str, options: &[String]) -> anyhow::Result<(RunArgs, Vec<String>)> {
    let words = crate::curl::split(text).map_err(|e| anyhow!(e))?;
    let words = ["onrush".to_owned()].into_iter().chain(words).chain(options.iter().cloned());
    let matches = Args::command().try_get_matches_from(words).map_err(|e| super::usage_error(&e))?;
    let run = matches.subcommand().map_or(&matches, |(_, matches)| matches);
    if let Some(option) = of_one_run(run) {
        bail!("--{option} is for a run by itself: a turn leaves nothing but its numbers");
    }
    match Args::from_arg_matches(&matches).map_err(|e| super::usage_error(&e))? {
        Args { command: None, run } if run.demo => bail!("--demo is gone after each turn: start onrush serve"),
        Args { command: None, run } => once_for_all_turns((run, Vec::new())),
        Args { command: Some(Command::Curl(args)), .. } => once_for_all_turns(curl::run_args(*args)?),
        _ => bail!("'{text}' is no run: give a URL, or what follows onrush on the command line of a run"),
    }
}

/// Each turn begins with the first row of a feed again.
fn once_for_all_turns(run: (RunArgs, Vec<String>)) -> anyhow::Result<(RunArgs, Vec<String>)> {
    match run.0.feed.iter().find(|feed| feed.ends_with(":unique")) {
        Some(feed) => bail!("--feed {feed}: each turn would use its rows again: choose another order"),
        None => Ok(run),
    }
}

/// An option that says where results go or what is to hold of them, if there is one.
fn of_one_run(matches: &ArgMatches) -> Option<String> {
    let command = Args::command();
    let about_results = command.get_arguments().filter(|arg| matches!(arg.get_help_heading(), Some(OUTPUT | VERDICT)));
    let given = |id: &str| {
        let is_known = matches.try_contains_id(id).is_ok();
        is_known && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let mut found = about_results.filter(|arg| arg.get_id() != "kernel_stamps" && given(arg.get_id().as_str()));
    found.find_map(|arg| arg.get_long().map(String::from))
}
