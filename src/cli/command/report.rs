//! `onrush report`: a saved summary in the forms that a run has.

use crate::cli::args::ReportArgs;
use crate::cli::outputs::Outputs;
use crate::cli::{DONE, NOT_WRITTEN};

use super::saved;

/// Prints and writes what a run would have. What the summary says of the run changes no exit code.
pub(crate) fn report(args: &ReportArgs) -> anyhow::Result<u8> {
    let summary = saved::load("the summary", &args.summary)?;
    if args.junit.is_some() && summary.thresholds.is_empty() {
        let name = saved::name(&args.summary);
        anyhow::bail!(
            "--junit: {name} has no thresholds, and so there are no test cases: give the run some with --threshold"
        );
    }
    let outputs = Outputs::of_report(args)?;
    Ok(if outputs.write(&summary, Vec::new()) { DONE } else { NOT_WRITTEN })
}
