//! `onrush compare`: two runs against each other, which were saved, or are made in turns.

use std::io::{self, IsTerminal};

use crate::cli::args::{CompareArgs, CompareForm, Undecided};
use crate::cli::{DONE, INTERRUPTED, NOT_COMPARABLE, NOT_MET, NOT_WRITTEN, NOTHING_OK, UNUSABLE, complain, outputs};
use crate::compare::{Comparison, Held};
use crate::report::comparison;

use super::interleave::{self, Made};
use super::saved;

/// Prints how the new run differs from the base. The exit code says whether the limits are held.
pub(crate) fn compare(args: &CompareArgs) -> anyhow::Result<u8> {
    if !args.interleave {
        return Ok(print(&of_files(args)?, args));
    }
    Ok(match interleave::comparison(args)? {
        Made::Whole(comparison) => print(&comparison, args),
        Made::Interrupted(comparison) => {
            comparison.map(|comparison| print(&comparison, args));
            INTERRUPTED
        }
        Made::NothingOk(comparison) => {
            comparison.map(|comparison| print(&comparison, args));
            NOTHING_OK
        }
    })
}

fn print(comparison: &Comparison, args: &CompareArgs) -> u8 {
    let text = match args.form() {
        CompareForm::Text => {
            outputs::encoded(comparison::text(comparison, args.color.paint(io::stdout().is_terminal())))
        }
        CompareForm::Markdown => comparison::markdown(comparison),
        CompareForm::Json => comparison::json(comparison),
    };
    // A reader that has seen enough (`| head`) changes nothing of what was found.
    let written = outputs::print(text.as_bytes(), args.form() == CompareForm::Text);
    if written { exit_code(comparison, args.undecided) } else { NOT_WRITTEN }
}

fn of_files(args: &CompareArgs) -> anyhow::Result<Comparison> {
    let (base, new) = (saved::load("the base", &args.base)?, saved::load("the new run", &args.new)?);
    let (base_name, new_name) = (saved::name(&args.base), saved::name(&args.new));
    Comparison::new((&base_name, &base), (&new_name, &new), args.delta, &args.fail_if_slower)
        .map_err(|e| anyhow::anyhow!("{e}: write it again with --json"))
}

/// Where several hold, the first one of 1, 2 and 6 wins. A limit that nothing could have shown to be exceeded is no
/// limit: that is said before it is relied upon.
fn exit_code(comparison: &Comparison, undecided: Undecided) -> u8 {
    let with = |result: Held| comparison.limits.iter().find(|line| line.result == result);
    let is_undecided = undecided == Undecided::Fail && with(Held::Undecided).is_some();
    if with(Held::Exceeded).is_some() || is_undecided {
        return NOT_MET;
    }
    if let Some(line) = with(Held::Unknown) {
        let name = line.limit.metric.name();
        let line = comparison.metrics.iter().find(|line| line.metric.name() == name);
        let why = line.and_then(|line| line.why.as_deref()).unwrap_or("a run has no such number");
        complain(&format!("--fail-if-slower {name}: it cannot be judged, as {why}: see the warnings"));
        return UNUSABLE;
    }
    if with(Held::NotComparable).is_some() { NOT_COMPARABLE } else { DONE }
}
