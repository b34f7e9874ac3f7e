//! Output files, created before the first request.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};

use crate::sink::CsvFile;

use super::args::{Output, RunArgs, is_stdio, shown};

/// Files that are open for writing.
pub(super) struct Outputs {
    pub(super) csv: Option<CsvFile<Box<dyn Write + Send>>>,
    pub(super) json: Option<Box<dyn Write + Send>>,
    pub(super) hdr: Option<Box<dyn Write + Send>>,
}

impl Outputs {
    /// Creates all files that the flags name.
    pub(super) fn create(args: &RunArgs) -> anyhow::Result<Outputs> {
        let to_stdout = [
            ("--csv -", args.csv.as_deref().is_some_and(is_stdio)),
            ("--json -", args.json.as_deref().is_some_and(is_stdio)),
            ("--hdr -", args.hdr.as_deref().is_some_and(is_stdio)),
            ("--output json", args.output == Output::Json),
        ];
        let taken: Vec<&str> = to_stdout.iter().filter(|(_, taken)| *taken).map(|(flag, _)| *flag).collect();
        if let [first, second, ..] = taken[..] {
            bail!("{first} and {second} contradict each other: both write to standard output");
        }
        let files = [("--csv", &args.csv), ("--json", &args.json), ("--hdr", &args.hdr)];
        for (i, (flag, path)) in files.iter().enumerate() {
            if let Some((other, _)) = files[i + 1..].iter().find(|(_, other)| path.is_some() && other == path) {
                bail!("{flag} and {other} name the same file");
            }
        }
        let csv = match &args.csv {
            None => None,
            Some(path) => Some(CsvFile::new(create("--csv", path)?).with_context(|| cannot("--csv", path))?),
        };
        let json = args.json.as_ref().map(|path| create("--json", path)).transpose()?;
        let hdr = args.hdr.as_ref().map(|path| create("--hdr", path)).transpose()?;
        Ok(Outputs { csv, json, hdr })
    }
}

fn create(flag: &str, path: &Path) -> anyhow::Result<Box<dyn Write + Send>> {
    if is_stdio(path) {
        return Ok(Box::new(io::stdout()));
    }
    Ok(Box::new(File::create(path).with_context(|| cannot(flag, path))?))
}

fn cannot(flag: &str, path: &Path) -> String {
    format!("{flag}: cannot write {}", shown(path))
}
