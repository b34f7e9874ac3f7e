//! Summaries that earlier runs saved.

use std::path::Path;

use anyhow::{anyhow, bail};
use serde_json::Value;

use crate::cli::args::{is_stdio, shown};
use crate::cli::file;
use crate::stats::{SCHEMA, Summary};

/// Reads what `--json` wrote (- is standard input); `role` is what messages call it where it meets another file.
///
/// # Errors
/// One line, if there is no such file or it is no summary of this version.
pub(crate) fn load(role: &str, path: &Path) -> anyhow::Result<Summary> {
    let name = name(path);
    let read = if is_stdio(path) { file::standard_input(role) } else { file::read(role, path) };
    let bytes = read.map_err(|e| anyhow!("{name}: {e}"))?;
    parse(&bytes).map_err(|e| anyhow!("{name}: {e}"))
}

/// What messages call it.
pub(crate) fn name(path: &Path) -> String {
    if is_stdio(path) { "standard input".into() } else { shown(path) }
}

fn parse(bytes: &[u8]) -> anyhow::Result<Summary> {
    let wants = "give the file that a run wrote with --json";
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(_) if bytes.iter().all(u8::is_ascii_whitespace) => bail!("it is empty: {wants}"),
        Err(error) => bail!("it is not JSON ({error}): {wants}"),
    };
    if value["tool"]["name"] != "onrush" {
        bail!("it is JSON, but no summary of onrush: {wants}");
    }
    match value["schema"].as_u64() {
        Some(schema) if schema == u64::from(SCHEMA) => {}
        Some(other) => bail!("its schema is version {other}, and this onrush reads version {SCHEMA}: run it again"),
        None => bail!("its schema has no version: {wants}"),
    }
    let summary: Summary =
        serde_json::from_value(value).map_err(|e| anyhow!("it is not a whole summary ({e}): {wants}"))?;
    summary.check().map_err(|e| anyhow!("it is no summary of a run, as {e}: {wants}"))?;
    Ok(summary.with_outcome())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_summary_is_said_in_one_line() {
        for (text, what) in [
            ("", "it is empty"),
            ("index,status\r\n", "it is not JSON"),
            ("[1]", "no summary of onrush"),
            ("{\"tool\":{\"name\":\"onrush\"}}", "no version"),
            ("{\"tool\":{\"name\":\"onrush\"},\"schema\":2}", "version 2, and this onrush reads version 1"),
            ("{\"tool\":{\"name\":\"onrush\"},\"schema\":1}", "not a whole summary (missing field"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(what) && !error.contains('\n'), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_summary_that_contradicts_itself_is_refused() {
        let summary = crate::report::sample::summary();
        type Change = fn(&mut Summary);
        let read = |change: Change| {
            let mut summary = summary.clone();
            change(&mut summary);
            parse(crate::report::json(&summary).as_bytes()).map_err(|e| e.to_string())
        };
        assert_eq!(read(|_| {}), Ok(summary.clone()));
        let changes: [(Change, &str); 3] = [
            (|s| s.accounting.ok += 1, "its requests do not add up"),
            (|s| s.wall_s = 1e300, "its intervals are too short or too many"),
            (|s| s.interval_s = 0.0, "its intervals are too short or too many"),
        ];
        for (change, message) in changes {
            let error = read(change).unwrap_err();
            assert!(error.contains(message) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = load("a summary", Path::new("/no/such/file.json")).unwrap_err().to_string();
        assert!(error.contains("/no/such/file.json: No such file"), "{error}");
    }
}
