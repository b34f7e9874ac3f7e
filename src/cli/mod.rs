//! The command line: the only place that prints, and that decides how the process ends.

mod args;
mod command;
mod file;
mod hints;
mod interrupt;
mod outputs;
mod plan;
mod values;
mod watch;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::printable::printable;

use args::{Args, Command};

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
        Ok(Args { command: Some(Command::Serve(args)), .. }) => command::serve(&args),
        Ok(Args { command: Some(Command::Show(args)), .. }) => command::show(*args),
        Ok(Args { command: Some(Command::Compare(args)), .. }) => command::compare(&args),
        Ok(Args { command: Some(Command::Report(args)), .. }) => command::report(&args),
        Ok(Args { command: Some(Command::Generate(args)), .. }) => command::generate(&args),
        Ok(Args { command: Some(Command::Curl(args)), .. }) => {
            command::run_args(*args).and_then(|(run, notes)| command::run_load(&run, notes))
        }
        Ok(Args { run, .. }) => command::run_load(&run, Vec::new()),
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
    let _ = writeln!(io::stderr(), "onrush: {}", outputs::encoded(printable(message).into_owned()));
}

/// Help and version go out as they are; an error becomes one line.
fn usage(error: &clap::Error) -> anyhow::Result<u8> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let printed = error.print().and_then(|()| io::stdout().flush());
        return Ok(if outputs::told(printed, true) { DONE } else { NOT_WRITTEN });
    }
    Err(hints::usage_error(error))
}
