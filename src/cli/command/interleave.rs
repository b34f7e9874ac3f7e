//! `onrush compare --interleave`: two runs in turns.
//!
//! A turn is a whole run, with new connections, that leaves nothing but its
//! summary. The runs are read and checked before the first request.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{anyhow, bail};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::cli::args::{Args, Command, CompareArgs, OUTPUT, PASS_FAIL, RunArgs};
use crate::cli::plan::{self, Names};
use crate::cli::{complain, interrupt};
use crate::compare::{Comparison, FEWEST_BLOCKS};
use crate::note::Note;
use crate::plan::Plan;
use crate::rng;
use crate::run::{self, Setting};
use crate::stats::{Board, Summary};
use crate::units::count;

use super::curl;

/// One of the two runs.
struct Side {
    plan: Plan,
    turns: Vec<Summary>,
}

/// What became of both runs. Where they ended early, what is left is compared if it is enough for that.
pub(crate) enum Made {
    /// All turns.
    Whole(Comparison),
    /// An interruption ended them.
    Interrupted(Option<Comparison>),
    /// In a turn no request was ok: it has been said which.
    NothingOk(Option<Comparison>),
}

/// Makes both runs, and compares them.
///
/// # Errors
/// In one line: what was written is no run, or asks for what a turn cannot have, and nothing was sent; or this machine
/// has no threads or sockets for a turn.
pub(crate) fn comparison(args: &CompareArgs) -> anyhow::Result<Made> {
    let mut sides =
        [Side::new("the base", &args.base, &args.options)?, Side::new("the new run", &args.new, &args.options)?];
    let stop = interrupt::ends_the_run()?;
    interrupt::second_ends_the_process(false)?;
    let shows_progress = !args.no_progress && io::stderr().is_terminal();
    let seed = sides[0].plan.seed;
    for turn in 0..args.turns {
        // Neither is always the first: what one run leaves behind, the other one finds as often.
        let order: [usize; 2] = if turn % 2 == 0 { [0, 1] } else { [1, 0] };
        for side in order {
            // Both draw the same by chance, and something else in each turn.
            sides[side].take_turn(rng::mix(seed, turn.into()), &stop)?;
            if let Some(outcome) = sides[side].nothing_was_ok() {
                complain(&format!("{}: turn {}: {outcome}", sides[side].plan.url, turn + 1));
                let why = format!("ended in turn {} of {}, in which no request was ok", turn + 1, args.turns);
                return Ok(Made::NothingOk(compared(&sides, turn as usize, args, Some(why))?));
            }
            if stop.load(Ordering::Relaxed) {
                // A turn that was cut short does not count.
                let whole = sides.iter().map(Side::whole).min().unwrap_or(0);
                let why = format!("interrupted after {whole} of {} turns", args.turns);
                return Ok(Made::Interrupted(compared(&sides, whole, args, Some(why))?));
            }
        }
        if shows_progress {
            let [base, new] = sides.each_ref().map(Side::shown);
            complain(&format!("turn {} of {}: base {base}, new {new}", turn + 1, args.turns));
        }
    }
    let comparison = compared(&sides, args.turns as usize, args, None)?;
    Ok(Made::Whole(comparison.expect("so few turns cannot be asked for")))
}

/// The first `whole` turns of both. None, which is said, if these are too few.
fn compared(
    sides: &[Side; 2],
    whole: usize,
    args: &CompareArgs,
    why_so_few: Option<String>,
) -> anyhow::Result<Option<Comparison>> {
    if (whole as f64) < FEWEST_BLOCKS {
        let why = why_so_few.unwrap_or_default();
        complain(&format!("{why}: fewer than {FEWEST_BLOCKS} whole turns tell nothing"));
        return Ok(None);
    }
    let name = count(whole as u64, "turn");
    let [of_base, of_new] = sides.each_ref().map(|side| (name.as_str(), &side.turns[..whole]));
    let mut comparison = Comparison::interleaved(of_base, of_new, args.delta, &args.fail_if_slower)
        .map_err(|e| anyhow!("{e}: this is a defect of onrush, please report it"))?;
    comparison.warnings.splice(0..0, why_so_few);
    Ok(Some(comparison))
}

impl Side {
    fn new(role: &str, text: &Path, options: &[String]) -> anyhow::Result<Side> {
        let text = text.to_str().ok_or_else(|| anyhow!("{role}: it is not UTF-8"))?.to_owned();
        let (args, mut notes) = run_args(&text, options).map_err(|e| anyhow!("{role}: {e}"))?;
        let (plan, prepared) = plan::plan(&args, Names::Resolved(None)).map_err(|e| anyhow!("{role}: {e:#}"))?;
        notes.extend(prepared.notes);
        notes.iter().for_each(|note| complain(&format!("{role}: {note}")));
        Ok(Side { plan, turns: Vec::new() })
    }

    /// A run from its first request to its last.
    fn take_turn(&mut self, seed: u64, stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
        let plan = self.plan.with_seed(seed);
        let board = Board::new(plan.workers);
        let ended_early = OnceLock::new();
        let setting = Setting {
            board: &board,
            stop: Arc::clone(stop),
            csv: None,
            notes: Vec::new(),
            route: None,
            ended_early: &ended_early,
        };
        self.turns.push(run::run(&plan, setting)?.summary);
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

/// What a URL, or what follows `onrush` on the command line of a run, asks for.
fn run_args(text: &str, options: &[String]) -> anyhow::Result<(RunArgs, Vec<Note>)> {
    // A URL may have what a shell would take for its own.
    let is_word = !text.trim().is_empty() && !text.contains(char::is_whitespace);
    let mut words = if is_word { vec![text.to_owned()] } else { crate::curl::split(text).map_err(|e| anyhow!(e))? };
    // The options of both stand before those of one, which win, and behind the command.
    let at = usize::from(words.first().is_some_and(|word| word == "curl"));
    words.splice(at..at, options.iter().cloned());
    let words = ["onrush".to_owned()].into_iter().chain(words);
    let matches = Args::command().try_get_matches_from(words).map_err(|e| crate::cli::hints::usage_error(&e))?;
    let run = matches.subcommand().map_or(&matches, |(_, matches)| matches);
    if let Some(option) = of_one_run(run) {
        bail!("--{option} is for a run by itself: a turn leaves nothing but its numbers");
    }
    match Args::from_arg_matches(&matches).map_err(|e| crate::cli::hints::usage_error(&e))? {
        Args { command: None, run } if run.demo => bail!("--demo is gone after each turn: start onrush serve"),
        Args { command: None, run } => once_for_all_turns((run, Vec::new())),
        Args { command: Some(Command::Curl(args)), .. } => once_for_all_turns(curl::run_args(*args)?),
        _ => bail!("'{text}' is no run: give a URL, or what follows onrush on the command line of a run"),
    }
}

/// Each turn begins with the first row of a feed again.
fn once_for_all_turns(run: (RunArgs, Vec<Note>)) -> anyhow::Result<(RunArgs, Vec<Note>)> {
    match run.0.feed.iter().find(|feed| feed.ends_with(":unique")) {
        Some(feed) => bail!("--feed {feed}: each turn would use its rows again: choose another order"),
        None => Ok(run),
    }
}

/// An option that says where results go or what is to hold of them, if there is one.
fn of_one_run(matches: &ArgMatches) -> Option<String> {
    let command = Args::command();
    let about_results =
        command.get_arguments().filter(|arg| matches!(arg.get_help_heading(), Some(OUTPUT | PASS_FAIL)));
    let given = |id: &str| {
        let is_known = matches.try_contains_id(id).is_ok();
        is_known && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let mut found = about_results.filter(|arg| arg.get_id() != "kernel_stamps" && given(arg.get_id().as_str()));
    found.find_map(|arg| arg.get_long().map(String::from))
}
