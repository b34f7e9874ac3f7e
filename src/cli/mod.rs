//! The command line: the only place that prints, and that decides how the process ends.

mod args;
mod body;
mod build;
mod compare;
mod curl;
mod form;
mod generate;
mod head;
mod interrupt;
mod list;
mod live;
mod outputs;
mod preflight;
mod progress;
mod protocol;
mod saved;
mod show;
mod target;
mod texts;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::net::limits;
use crate::plan::Plan;
use crate::report;
use crate::run::{self, Outcome, Setting};
use crate::serve::{Config, Server};
use crate::stats::{Board, Summary, Verdict};

use args::{Args, Command, RunArgs, ServeArgs};
use build::Names;
use live::{Live, Watching};
use outputs::Outputs;
use progress::Progress;

/// All went as asked.
const DONE: u8 = 0;
/// What was to hold of the results does not.
const NOT_MET: u8 = 1;
/// Wrong usage or an unusable plan: nothing was sent.
const UNUSABLE: u8 = 2;
/// No request was answered.
const NOTHING_ANSWERED: u8 = 3;
/// The measurement is INVALID, and the user wanted to know.
const NOT_BELIEVABLE: u8 = 4;
/// An output file could not be written to the end.
const NOT_WRITTEN: u8 = 5;
/// Ended by an interruption.
const INTERRUPTED: u8 = 130;

/// Does what the command line asks for; the exit code says how it went.
pub fn main() -> ExitCode {
    let code = match Args::try_parse() {
        Err(error) => usage(&error),
        Ok(Args { command: Some(Command::Serve(args)), .. }) => serve(&args),
        Ok(Args { command: Some(Command::Show(args)), .. }) => show::show(&args),
        Ok(Args { command: Some(Command::Compare(args)), .. }) => compare::compare(&args),
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

/// Prints to standard error. When nobody reads it any more there is nobody to tell.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "onrush: {message}");
}

/// Help and version go out as they are; an error becomes one line.
fn usage(error: &clap::Error) -> anyhow::Result<u8> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        error.print()?;
        return Ok(DONE);
    }
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let message: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("For more")).collect();
    let message = message.join(" ");
    anyhow::bail!("{} (see --help)", message.trim_start_matches("error: "));
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
    let outputs = Outputs::create(args)?;
    let stop = interrupt::ends_the_run()?;
    let (outcome, outputs) = watched(&plan, args, outputs, stop, notes)?;
    let written = print(args, &outcome, outputs);
    Ok(exit_code(&outcome, written, args.strict))
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

/// Runs the plan, with or without somebody watching: the engine does the same.
fn watched(
    plan: &Plan,
    args: &RunArgs,
    mut outputs: Outputs,
    stop: Arc<AtomicBool>,
    notes: Vec<String>,
) -> anyhow::Result<(Outcome, Outputs)> {
    let board = Board::new(plan.workers);
    let csv = outputs.csv.take();
    let live = Live::new(args, &stop);
    if live.is_none() {
        interrupt::second_ends_the_process(false)?;
    }
    let setting = Setting { board: &board, stop, csv, notes, route: curl::route(args) };
    let outcome = std::thread::scope(|scope| {
        let progress = Progress::start(scope, &board, plan, args, live.is_some());
        let live = live.map(|live| live.start(scope, &board, plan));
        let outcome = run::run(plan, setting);
        progress.stop();
        live.into_iter().for_each(Watching::stop);
        outcome
    })?;
    Ok((outcome, outputs))
}

/// Everything that is printed or written after a run. False if a file could not be written to its end.
fn print(args: &RunArgs, outcome: &Outcome, outputs: Outputs) -> bool {
    let summary = &outcome.summary;
    let mut files = Vec::new();
    let mut written = true;
    if let (Some(path), Some(saved)) = (&args.csv, &outcome.csv) {
        files.push(format!("{} ({})", args::shown(path), crate::units::count(saved.rows, "row")));
        if let Some(error) = &saved.error {
            complain(&format!("{}: {error}: {} rows were saved before that", args::shown(path), saved.rows));
            written = false;
        }
    }
    let mut save = |path: &Option<PathBuf>, file: Option<Box<dyn Write + Send>>, form: fn(&Summary) -> String| {
        let (Some(path), Some(mut file)) = (path, file) else { return };
        match file.write_all(form(summary).as_bytes()).and_then(|()| file.flush()) {
            Ok(()) => files.push(args::shown(path)),
            Err(error) => {
                complain(&format!("{}: {error}", args::shown(path)));
                written = false;
            }
        }
    };
    save(&args.json, outputs.json, report::json);
    save(&args.hdr, outputs.hdr, report::hlog);
    let text = match args.output {
        args::Output::None => String::new(),
        args::Output::Json => report::json(summary),
        args::Output::Text => {
            let to_terminal =
                if args.stdout_is_taken() { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
            let mut text = report::text(summary, args.color.paint(to_terminal));
            if !files.is_empty() {
                text += &format!("\n  {:<16}{}\n", "Files", files.join(", "));
            }
            text
        }
    };
    let shown = match args.stdout_is_taken() {
        true => io::stderr().write_all(text.as_bytes()),
        false => io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()),
    };
    // A reader that has seen enough (`| head`) is no failure.
    shown.is_ok_and(|()| written) || (written && args.output == args::Output::Text)
}

/// Where several hold, the first one of 130, 5, 3, 4 wins.
fn exit_code(outcome: &Outcome, written: bool, strict: bool) -> u8 {
    match () {
        () if outcome.summary.interrupted => INTERRUPTED,
        () if !written => NOT_WRITTEN,
        () if outcome.summary.answered() == 0 => NOTHING_ANSWERED,
        () if strict && outcome.summary.generator.verdict == Verdict::Invalid => NOT_BELIEVABLE,
        () => DONE,
    }
}

/// The built-in target, until it is interrupted.
fn serve(args: &ServeArgs) -> anyhow::Result<u8> {
    limits::raise_descriptor_limit();
    let mut signals = signal_hook::iterator::Signals::new(interrupt::SIGNALS)?;
    let server = start_server(args.listen, args.threads.map_or_else(target::cores, |n| n as usize))?;
    writeln!(io::stdout(), "listening on http://{}", server.address())?;
    io::stdout().flush()?;
    signals.forever().next();
    let (requests, connections) = (server.requests(), server.connections());
    server.stop();
    writeln!(io::stdout(), "answered {requests} requests on {connections} connections")?;
    Ok(DONE)
}
