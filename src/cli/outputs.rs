//! Output files: all looked at before any is created or changed, created before the first request, and written after the last.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::printable::printable;
use crate::report;
use crate::sink::CsvFile;
use crate::stats::Summary;

use super::args::{Colour, Output, ReportArgs, RunArgs, is_stdio, shown};
use super::complain;
use super::file::{self, Created, Input, Place, Writing};

/// A file that is open for writing.
pub(super) type File = Box<dyn Write + Send>;
/// A form that a summary can be written in.
type Form = fn(&Summary) -> String;

/// What is written once there is a summary.
pub(super) struct Outputs {
    forms: Vec<(PathBuf, Writing, Form)>,
    /// What is printed, and in which colours if it is text.
    printed: Output,
    colour: Colour,
    /// Rows or a form go to standard output: what is printed has to go elsewhere.
    stdout_is_taken: bool,
    /// Rows or a form go to standard error: nothing else is told there but errors.
    stderr_is_taken: bool,
    /// The text says how to make the run again.
    is_verbose: bool,
    /// The text can be had again: a reader that has seen enough of it (`| head`) is no failure.
    may_be_cut: bool,
}

/// The outputs of a run.
pub(super) struct RunOutputs {
    /// Those that are written at its end.
    pub(super) outputs: Outputs,
    /// With its header.
    pub(super) csv: Option<CsvFile<File>>,
    pub(super) jsonl: Option<File>,
}

/// A flag and the file that it names.
#[derive(Clone, Copy, Debug)]
struct Named<'a> {
    flag: &'static str,
    path: &'a Path,
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.flag, self.path.display())
    }
}

/// Where an output goes.
enum To {
    Stdout,
    Stderr,
    File(file::Output),
}

/// What is printed beside the files, and where.
struct Printed<'a> {
    form: Output,
    /// A flag that shows the run on standard error.
    on_stderr: Option<&'a str>,
}

impl Outputs {
    /// Creates the files of a run, those that are written while it goes on (`--csv`, `--jsonl`) beside the others.
    ///
    /// # Errors
    /// One line; then nothing was created and nothing changed.
    pub(super) fn of_run(args: &RunArgs) -> anyhow::Result<RunOutputs> {
        let named = |flag, path: &'_ Option<PathBuf>| path.clone().map(|path| (flag, path));
        let paths = [
            named("--csv", &args.csv),
            named("--jsonl", &args.jsonl),
            named("--json", &args.json),
            named("--hdr", &args.hdr),
            named("--html", &args.html),
            named("--junit", &args.junit),
        ];
        let forms: [Option<Form>; 6] =
            [None, None, Some(report::json), Some(report::hlog), Some(report::html), Some(report::junit)];
        let given = paths.iter().zip(forms).filter_map(|(named, form)| Some((named.as_ref()?, form)));
        let (named, forms): (Vec<Named<'_>>, Vec<_>) =
            given.map(|((flag, path), form)| (Named { flag, path }, form)).unzip();
        let on_stderr = [(args.live, "--live"), (args.progress, "--progress")];
        let on_stderr = on_stderr.iter().find(|(given, _)| *given).map(|(_, flag)| *flag);
        let (opened, created, taken) = open(&named, &Printed { form: args.output, on_stderr })?;
        let mut outputs = Outputs::new(taken, args.output, args.color, false);
        outputs.is_verbose = args.verbose;
        let (mut csv, mut jsonl) = (None, None);
        for ((named, mut file), form) in named.iter().zip(opened).zip(forms) {
            let cannot = || format!("{}: cannot write {}", named.flag, shown(named.path));
            file.begin().with_context(cannot)?;
            match form {
                Some(form) => outputs.forms.push((named.path.into(), file, form)),
                // The first in the list: on a full disk the others are as they were.
                None if named.flag == "--csv" => {
                    csv = Some(CsvFile::new(Box::new(file) as File).with_context(cannot)?);
                }
                None => jsonl = Some(Box::new(file) as File),
            }
        }
        created.keep();
        Ok(RunOutputs { outputs, csv, jsonl })
    }

    /// Creates the files of a report.
    ///
    /// # Errors
    /// Likewise.
    pub(super) fn of_report(args: &ReportArgs) -> anyhow::Result<Outputs> {
        let forms: [(_, _, Form); 2] = [("--html", &args.html, report::html), ("--junit", &args.junit, report::junit)];
        let given = forms.iter().filter_map(|(flag, path, form)| Some((Named { flag, path: path.as_deref()? }, *form)));
        let (named, forms): (Vec<Named<'_>>, Vec<Form>) = given.unzip();
        let (opened, created, taken) = open(&named, &Printed { form: args.form(), on_stderr: None })?;
        let mut outputs = Outputs::new(taken, args.form(), args.color, true);
        for ((named, mut file), form) in named.iter().zip(opened).zip(forms) {
            file.begin().with_context(|| format!("{}: cannot write {}", named.flag, shown(named.path)))?;
            outputs.forms.push((named.path.into(), file, form));
        }
        created.keep();
        Ok(outputs)
    }

    fn new(taken: Taken, printed: Output, colour: Colour, may_be_cut: bool) -> Outputs {
        let Taken { stdout: stdout_is_taken, stderr: stderr_is_taken } = taken;
        Outputs { forms: Vec::new(), printed, colour, stdout_is_taken, stderr_is_taken, is_verbose: false, may_be_cut }
    }

    /// Nothing but an output and errors goes to standard error.
    pub(super) fn stderr_is_taken(&self) -> bool {
        self.stderr_is_taken
    }

    /// Writes all forms, and prints the one that is to be printed. `files` have been written already, and
    /// are told with the others on standard error. False if a file could not be written to its end.
    pub(super) fn write(self, summary: &Summary, mut files: Vec<String>) -> bool {
        let mut written = true;
        for (path, mut file, form) in self.forms {
            match file.write_all(form(summary).as_bytes()) {
                Ok(()) => files.push(shown(&path)),
                Err(error) => {
                    complain(&format!("{}: {error}", shown(&path)));
                    written = false;
                }
            }
        }
        let is_terminal = if self.stdout_is_taken { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
        let text = match self.printed {
            Output::None => String::new(),
            Output::Json => report::json(summary),
            Output::Markdown => report::markdown(summary),
            Output::Short => encoded(report::short(summary)),
            Output::Github => {
                written &= job_summary(summary);
                report::github(summary)
            }
            Output::Text => {
                let paint = self.colour.paint(is_terminal);
                let mut text = report::text(summary, paint);
                if let Some(command) = summary.command.as_ref().filter(|_| self.is_verbose) {
                    text += &format!("\nReproduce: {}\n", printable(command));
                }
                if is_terminal && scrolls(&text) {
                    // What stands first is out of sight.
                    text += &format!("\n{}", report::outcome(summary, paint));
                }
                encoded(text)
            }
        };
        let may_be_cut = self.may_be_cut && self.printed == Output::Text;
        written &= if self.stdout_is_taken {
            // Were it gone, there would be no place for a message.
            io::stderr().write_all(text.as_bytes()).is_ok()
        } else {
            print(text.as_bytes(), may_be_cut)
        };
        if self.printed == Output::Text && !files.is_empty() && !self.stderr_is_taken {
            complain(&format!("wrote {}", files.join(", ")));
        }
        written
    }
}

/// A text that the encoding of the environment has: without UTF-8, its signs are replaced.
pub(super) fn encoded(text: String) -> String {
    if is_utf_8() { text } else { text.replace('µ', "u").replace('■', "#").replace('✓', "+").replace('✗', "x") }
}

/// The locale's encoding is UTF-8 (locale(7)): the first of these variables that is set says so.
fn is_utf_8() -> bool {
    let set = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set);
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Appends the summary as Markdown to the file that GitHub Actions names, if it does. False if it cannot.
fn job_summary(summary: &Summary) -> bool {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else { return true };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
    match file.and_then(|mut file| file.write_all(format!("{}\n", report::markdown(summary)).as_bytes())) {
        Ok(()) => true,
        Err(error) => {
            complain(&format!("GITHUB_STEP_SUMMARY {}: {error}", Path::new(&path).display()));
            false
        }
    }
}

/// The terminal has fewer rows than a text, and the prompt behind it, need.
fn scrolls(text: &str) -> bool {
    let rows = ratatui::crossterm::terminal::size().map_or(u16::MAX, |(_, rows)| rows);
    text.lines().count() + 1 > usize::from(rows)
}

/// Writes to standard output and says on standard error what was in the way. False if it could not be written
/// to its end; a reader that has seen enough (`| head`) is no failure if the text `may_be_cut`.
pub(super) fn print(text: &[u8], may_be_cut: bool) -> bool {
    told(Writing::standard(io::stdout().as_fd()).and_then(|mut stdout| stdout.write_all(text)), may_be_cut)
}

/// The same of what was written there already.
pub(super) fn told(written: io::Result<()>, may_be_cut: bool) -> bool {
    match written {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::BrokenPipe && may_be_cut => true,
        Err(error) => {
            complain(&format!("standard output: {error}"));
            false
        }
    }
}

/// The standard streams that outputs go to.
#[derive(Clone, Copy)]
struct Taken {
    stdout: bool,
    stderr: bool,
}

/// Opens all outputs. What is in them stays as it is.
fn open(named: &[Named<'_>], printed: &Printed<'_>) -> anyhow::Result<(Vec<Writing>, Created, Taken)> {
    let to = named.iter().map(to).collect::<anyhow::Result<Vec<To>>>()?;
    let taken = streams(named, &to, printed)?;
    let inputs = file::inputs();
    // Where rustls writes the secrets of connections.
    let key_log = std::env::var_os("SSLKEYLOGFILE").map(PathBuf::from);
    for (i, (a, output)) in named.iter().zip(&to).enumerate() {
        let To::File(output) = output else { continue };
        let is_same = |other: &To| matches!(other, To::File(other) if meets(other.place(), output.place()));
        if let Some((b, _)) = named[..i].iter().zip(&to).find(|(_, other)| is_same(other)) {
            bail!("{b} and {a} name the same file");
        }
        if let Some(Input { flag, path, .. }) = inputs.iter().find(|input| meets(&input.place, output.place())) {
            bail!("{a} and {flag} {} name the same file: what was read would be written over", path.display());
        }
        let keys = key_log.as_ref().and_then(|path| file::Output::find(path).ok());
        if keys.is_some_and(|keys| meets(keys.place(), output.place())) {
            bail!("{a} and SSLKEYLOGFILE name the same file");
        }
    }
    let mut created = Created::default();
    let mut opened: Vec<Writing> = Vec::new();
    for (i, (named_here, to)) in named.iter().zip(&to).enumerate() {
        let file = match to {
            To::Stdout => Writing::standard(io::stdout().as_fd()),
            To::Stderr => Writing::standard(io::stderr().as_fd()),
            To::File(output) => output.open(&mut created),
        };
        let Named { flag, path } = named_here;
        let file = file.with_context(|| format!("{flag}: cannot write {}", shown(path)))?;
        // Where file systems take names for equal that are not, the second is the first.
        if let Some(other) = (0..i).find(|other| meets(opened[*other].place(), file.place())) {
            bail!("{} and {named_here} name the same file", named[other]);
        }
        opened.push(file);
    }
    Ok((opened, created, taken))
}

fn meets(a: &Place, b: &Place) -> bool {
    a == b && *a != Place::Nowhere
}

/// Where an output goes. A name of a standard stream is that stream, as it was opened.
fn to(named: &Named<'_>) -> anyhow::Result<To> {
    let Named { flag, path } = named;
    if is_stdio(path) {
        return Ok(To::Stdout);
    }
    match file::descriptor(path) {
        Some(1) => return Ok(To::Stdout),
        Some(2) => return Ok(To::Stderr),
        _ => {}
    }
    let output = file::Output::find(path).with_context(|| format!("{flag}: cannot write {}", shown(path)))?;
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let streams = [
        (stdout.as_fd(), To::Stdout, "standard output", "/dev/stdout"),
        (stderr.as_fd(), To::Stderr, "standard error", "/dev/stderr"),
    ];
    for (descriptor, to, name, short) in streams {
        let is_same = |place: &Place| meets(place, output.place());
        if !file::metadata(descriptor).is_ok_and(|metadata| is_same(&Place::of(&metadata))) {
            continue;
        }
        if output.is_regular() {
            bail!("{named} and {name} are the same file: one would write over the other; give {flag} {short}");
        }
        return Ok(to);
    }
    Ok(To::File(output))
}

/// What goes to the standard streams, if it does not meet there.
fn streams(named: &[Named<'_>], to: &[To], printed: &Printed<'_>) -> anyhow::Result<Taken> {
    let on = |stream: fn(&To) -> bool| {
        named.iter().zip(to).filter(move |(_, to)| stream(to)).map(|(named, _)| named.to_string()).collect::<Vec<_>>()
    };
    let mut stdout = on(|to| matches!(to, To::Stdout));
    let stderr = on(|to| matches!(to, To::Stderr));
    let taken = Taken { stdout: !stdout.is_empty(), stderr: !stderr.is_empty() };
    stdout.extend((printed.form == Output::Json).then(|| "--output json".into()));
    stdout.extend((printed.form == Output::Markdown).then(|| "--output markdown".into()));
    for (name, flags) in [("output", &stdout), ("error", &stderr)] {
        if let [first, second, ..] = &flags[..] {
            bail!("{first} and {second} contradict each other: both write to standard {name}");
        }
    }
    match (stderr.first(), stdout.first(), printed.on_stderr) {
        (Some(here), _, Some(flag)) => {
            bail!("{here} and {flag} contradict each other: both write to standard error");
        }
        (Some(here), Some(other), None) if printed.form == Output::Text => {
            bail!("{here} and {other} leave no place for the text: give --output none too");
        }
        _ => Ok(taken),
    }
}
