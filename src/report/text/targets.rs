//! The targets of a run that has several.

use crate::stats::{Summary, TargetLine};
use crate::units::grouped;

use super::latency::cell;
use super::layout::{BAD, DIM, GOOD, Paint, shorten};

/// So many are listed.
const MAX_LISTED: usize = 20;

/// The targets, worst first: by the share that did not succeed, then by p99.
pub(super) fn section(s: &Summary, paint: Paint) -> String {
    if s.targets.is_empty() {
        return String::new();
    }
    let mut targets: Vec<&TargetLine> = s.targets.iter().collect();
    let p99 = |target: &TargetLine| target.response_ms.as_ref().map_or(0.0, |latency| latency.p99);
    let worst_first = |a: &&TargetLine, b: &&TargetLine| {
        b.share_not_ok().total_cmp(&a.share_not_ok()).then(p99(b).total_cmp(&p99(a)))
    };
    targets.sort_by(worst_first);
    let header: String = ["requests", "not ok", "p50", "p99"].iter().map(|name| format!("{name:>9}")).collect();
    let mut out = format!("  {:<40}{}\n", "Targets", paint.apply(DIM, &header));
    for target in targets.iter().take(MAX_LISTED) {
        out += &row(target, paint);
    }
    if targets.len() > MAX_LISTED {
        out += &format!("    and {} better ones\n", grouped((targets.len() - MAX_LISTED) as u64));
    }
    out
}

fn row(target: &TargetLine, paint: Paint) -> String {
    let not_ok = match target.not_ok() {
        0 => paint.apply(GOOD, &format!("{:>9}", "-")),
        n => paint.apply(BAD, &format!("{:>9}", grouped(n))),
    };
    let (p50, p99) = match &target.response_ms {
        Some(latency) => (cell(latency, "p50", latency.p50), cell(latency, "p99", latency.p99)),
        None => (format!("{:>9}", "-"), format!("{:>9}", "-")),
    };
    let name = shorten(&target.target, 37);
    format!("    {name:<38}{:>7}{not_ok}{p50}{p99}\n", grouped(target.accounting.scheduled))
}
