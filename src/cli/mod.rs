//! The command line: the only place that prints, and that decides how the process ends.

mod abort;
mod args;
mod body;
mod build;
mod compare;
mod curl;
mod file;
mod form;
mod generate;
mod head;
mod interleave;
mod interrupt;
mod jsonl;
mod list;
mod live;
mod metrics;
mod outputs;
mod preflight;
mod progress;
mod protocol;
mod report;
mod saved;
mod show;
mod target;
mod texts;
mod watcher;
mod watchers;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::{ContextKind, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::net::limits;
use crate::plan::Plan;
use crate::printable::printable;
use crate::run::{self, Outcome, Setting};
use crate::serve::{Config, Server};
use crate::sink::CsvFile;
use crate::stats::{Board, Summary, Verdict};
use crate::units;

use args::{Args, Command, RunArgs, ServeArgs};
use build::Names;
use metrics::Metrics;
use outputs::{Outputs, RunOutputs};
use watchers::Prepared;

/// All went as asked.
const DONE: u8 = 0;
/// What was to hold of the results does not.
const NOT_MET: u8 = 1;
/// Wrong usage or an unusable plan: nothing was sent.
const UNUSABLE: u8 = 2;
/// No request at all was ok.
const NOTHING_OK: u8 = 3;
/// The measurement is INVALID, and the user wanted to know.
const NOT_BELIEVABLE: u8 = 4;
/// An output file could not be written to the end.
const NOT_WRITTEN: u8 = 5;
/// Two runs differ by no more than this tool's own delay in them.
const NOT_COMPARABLE: u8 = 6;
/// Ended by an interruption.
const INTERRUPTED: u8 = 130;

/// Does what the command line asks for; the exit code says how it went.
pub fn main() -> ExitCode {
    if let Err(error) = interrupt::survive_files_that_must_not_grow() {
        complain(&format!("cannot listen to signals: {error}"));
    }
    let code = match Args::try_parse() {
        Err(error) => usage(&error),
        Ok(Args { command: Some(Command::Serve(args)), .. }) => serve(&args),
        Ok(Args { command: Some(Command::Show(args)), .. }) => show::show(&args),
        Ok(Args { command: Some(Command::Compare(args)), .. }) => compare::compare(&args),
        Ok(Args { command: Some(Command::Report(args)), .. }) => report::report(&args),
        Ok(Args { command: Some(Command::Generate(args)), .. }) => generate::generate(&args),
        Ok(Args { command: Some(Command::Curl(args)), .. }) => {
            curl::run_args(*args).and_then(|(run, notes)| run_load(&run, notes))
        }
        Ok(Args { run, .. }) => run_load(&run, Vec::new()),
    };
    ExitCode::from(code.unwrap_or_else(|error| {
        complain(&format!("{error:#}"));
        UNUSABLE
    }))
}

/// The command with all its options, for the help's own test.
pub fn command() -> clap::Command {
    Args::command()
}

/// Prints a line to standard error, whatever is quoted in it. When nobody reads it any more there is nobody to tell.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "onrush: {}", printable(message));
}

/// Help and version go out as they are; an error becomes one line.
fn usage(error: &clap::Error) -> anyhow::Result<u8> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let printed = error.print().and_then(|()| io::stdout().flush());
        return Ok(if outputs::told(printed, true) { DONE } else { NOT_WRITTEN });
    }
    Err(usage_error(error))
}

/// What clap has to say of wrong usage, in one line.
fn usage_error(error: &clap::Error) -> anyhow::Error {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let message: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("For more")).collect();
    let message = message.join(" ");
    // Behind '--', as clap advises, it would not be the option's.
    let value = error.get(ContextKind::InvalidArg);
    let message = match (message.split_once(" tip: to pass "), value) {
        (Some((before, _)), Some(value)) => format!("{before}: if an option takes it, write --OPTION={value}"),
        _ => message,
    };
    anyhow::anyhow!("{} (see --help)", message.trim_start_matches("error: "))
}

/// A load run, of which something is to be noted already.
fn run_load(args: &RunArgs, mut notes: Vec<String>) -> anyhow::Result<u8> {
    let demo = args.demo.then(|| start_demo(args)).transpose()?;
    let (mut plan, prepared) = build::plan(args, Names::Resolved(demo.as_ref().map(Server::address)))?;
    if args.verbose {
        prepared.details.iter().for_each(|detail| complain(detail));
    }
    notes.extend(prepared.notes);
    notes.extend(preflight::check(&mut plan, demo.is_some())?);
    let metrics = args.metrics.map(Metrics::listen).transpose()?;
    let stop = interrupt::ends_the_run()?;
    // The last that can be in the way: what is in these files goes.
    let RunOutputs { outputs, csv, jsonl } = Outputs::of_run(args)?;
    if let Some(metrics) = &metrics {
        complain(&format!("metrics at {} while the run goes on", metrics.url()));
    }
    let watching = Prepared::new(args, stop, jsonl, metrics, outputs.stderr_is_taken())?;
    let Ran { outcome, was_aborted, jsonl } = watched(&plan, args, csv, watching, notes)?;
    let (files, streamed) = streamed(args, &outcome, jsonl);
    let written = outputs.write(&outcome.summary, files) && streamed;
    Ok(exit_code(&outcome.summary, was_aborted, written, args))
}

/// The built-in target, on a free port of the loopback interface.
fn start_demo(args: &RunArgs) -> anyhow::Result<Server> {
    if args.url().is_some() {
        anyhow::bail!("--demo and a URL contradict each other: --demo brings its own target");
    }
    start_server("127.0.0.1:0".parse()?, target::cores())
}

fn start_server(listen: std::net::SocketAddr, threads: usize) -> anyhow::Result<Server> {
    Server::start(&Config { listen, threads }).map_err(|e| anyhow::anyhow!("cannot listen on {listen}: {e}"))
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
    notes: Vec<String>,
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
    match () {
        () if summary.interrupted && !was_aborted => INTERRUPTED,
        () if !written => NOT_WRITTEN,
        () if summary.accounting.ok == 0 => NOTHING_OK,
        () if args.strict && summary.generator.verdict == Verdict::Invalid => NOT_BELIEVABLE,
        () if was_aborted || failed || summary.missed_a_threshold() => NOT_MET,
        () => DONE,
    }
}

/// The built-in target, until it is interrupted.
fn serve(args: &ServeArgs) -> anyhow::Result<u8> {
    limits::raise_descriptor_limit();
    let mut signals = signal_hook::iterator::Signals::new(interrupt::signals())?;
    let server = start_server(args.listen, args.threads.map_or_else(target::cores, |n| n as usize))?;
    let mut written = outputs::print(format!("listening on http://{}\n", server.address()).as_bytes(), true);
    signals.forever().next();
    let (requests, connections) = (server.requests(), server.connections());
    server.stop();
    let answered = format!("answered {requests} requests on {connections} connections\n");
    written &= outputs::print(answered.as_bytes(), true);
    Ok(if written { DONE } else { NOT_WRITTEN })
}
