//! Output files, created before the first request and written after the last.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::report;
use crate::stats::Summary;

use super::args::{Colour, Output, ReportArgs, RunArgs, is_stdio, shown};
use super::complain;

/// A file that is open for writing.
pub(super) type File = Box<dyn Write + Send>;
/// A form that a summary can be written in.
type Form = fn(&Summary) -> String;

/// What is written once there is a summary.
pub(super) struct Outputs {
    forms: Vec<(PathBuf, File, Form)>,
    /// What is printed, and in which colours if it is text.
    printed: Output,
    colour: Colour,
    /// Rows or a form go to standard output: what is printed has to go elsewhere.
    stdout_is_taken: bool,
}

/// A flag and the file that it names.
type Named<'a> = (&'static str, Option<&'a Path>);

impl Outputs {
    /// Creates the files of a run, those that are written while it goes on (`--csv`, `--jsonl`) beside the others.
    ///
    /// # Errors
    /// One line, before any file is created if flags contradict each other.
    pub(super) fn of_run(args: &RunArgs) -> anyhow::Result<(Outputs, Option<File>, Option<File>)> {
        let streamed = [("--csv", args.csv.as_deref()), ("--jsonl", args.jsonl.as_deref())];
        let forms: [(Named<'_>, Form); 4] = [
            (("--json", args.json.as_deref()), report::json),
            (("--hdr", args.hdr.as_deref()), report::hlog),
            (("--html", args.html.as_deref()), report::html),
            (("--junit", args.junit.as_deref()), report::junit),
        ];
        let outputs = Outputs::create(&streamed, &forms, args.output, args.color)?;
        let [csv, jsonl] = streamed.map(|(flag, path)| path.map(|path| create(flag, path)).transpose());
        Ok((outputs, csv?, jsonl?))
    }

    /// Creates the files of a report.
    ///
    /// # Errors
    /// Likewise.
    pub(super) fn of_report(args: &ReportArgs) -> anyhow::Result<Outputs> {
        let forms: [(Named<'_>, Form); 2] =
            [(("--html", args.html.as_deref()), report::html), (("--junit", args.junit.as_deref()), report::junit)];
        Outputs::create(&[], &forms, args.form(), args.color)
    }

    fn create(
        streamed: &[Named<'_>],
        forms: &[(Named<'_>, Form)],
        printed: Output,
        colour: Colour,
    ) -> anyhow::Result<Outputs> {
        let named = streamed.iter().copied().chain(forms.iter().map(|(named, _)| *named));
        let named: Vec<(&str, &Path)> = named.filter_map(|(flag, path)| Some((flag, path?))).collect();
        let mut taken: Vec<String> =
            named.iter().filter(|(_, path)| is_stdio(path)).map(|(flag, _)| format!("{flag} -")).collect();
        let stdout_is_taken = !taken.is_empty();
        taken.extend((printed == Output::Json).then(|| "--output json".into()));
        taken.extend((printed == Output::Markdown).then(|| "--output markdown".into()));
        if let [first, second, ..] = &taken[..] {
            bail!("{first} and {second} contradict each other: both write to standard output");
        }
        for (i, (flag, path)) in named.iter().enumerate() {
            if let Some((other, _)) = named[i + 1..].iter().find(|(_, other)| path == other) {
                bail!("{flag} and {other} name the same file");
            }
        }
        let created = forms.iter().filter_map(|((flag, path), form)| Some((flag, (*path)?, *form)));
        let forms = created.map(|(flag, path, form)| Ok((path.to_path_buf(), create(flag, path)?, form)));
        Ok(Outputs { forms: forms.collect::<anyhow::Result<_>>()?, printed, colour, stdout_is_taken })
    }

    /// Writes all forms, and prints the one that is to be printed. `files` have been written already, and
    /// are told with the others on standard error. False if a file could not be written to its end.
    pub(super) fn write(self, summary: &Summary, mut files: Vec<String>) -> bool {
        let mut written = true;
        for (path, mut file, form) in self.forms {
            match file.write_all(form(summary).as_bytes()).and_then(|()| file.flush()) {
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
            Output::Text => report::text(summary, self.colour.paint(is_terminal)),
        };
        let printed = match self.stdout_is_taken {
            true => io::stderr().write_all(text.as_bytes()),
            false => io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()),
        };
        if self.printed == Output::Text && !files.is_empty() {
            complain(&format!("wrote {}", files.join(", ")));
        }
        // A reader that has seen enough (`| head`) is no failure.
        written && (printed.is_ok() || self.printed == Output::Text)
    }
}

fn create(flag: &str, path: &Path) -> anyhow::Result<File> {
    if is_stdio(path) {
        return Ok(Box::new(io::stdout()));
    }
    let created = fs::File::create(path);
    Ok(Box::new(created.with_context(|| format!("{flag}: cannot write {}", shown(path)))?))
}
