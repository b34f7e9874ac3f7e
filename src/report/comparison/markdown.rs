//! The comparison as Markdown, with the table of GitHub's dialect.

use crate::compare::{Change, Comparison, Held, MetricLine, RunLine};
use crate::report::markdown::plain;
use crate::report::text::nanos;
use crate::units::count;

use super::{difference, headline, interval, label, limit, reasons, same, value, verdict};

/// The whole comparison, fit for a comment on a pull request.
pub fn markdown(c: &Comparison) -> String {
    let c = &c.printable();
    let mut out = format!("**{}**\n", headline(c));
    // What nothing can be said of is folded: it would hide the rest.
    let is_told = |line: &&MetricLine| line.verdict != Some(Change::Inconclusive);
    let (told, inconclusive): (Vec<&MetricLine>, Vec<_>) = c.metrics.iter().partition(is_told);
    out += &table(&told);
    if !inconclusive.is_empty() {
        let summary = format!("{} inconclusive", count(inconclusive.len() as u64, "metric"));
        out += &format!("\n<details><summary>{summary}</summary>\n{}\n</details>\n", table(&inconclusive));
    }
    out += &format!("\n{}\n", same(c));
    let mut items: Vec<String> = Vec::new();
    for line in &c.limits {
        let mark = if line.result == Held::Exceeded { "**Limit**" } else { "Limit" };
        items.push(format!("{mark}: {}", limit(line, c)));
    }
    items.extend(reasons(c).iter().map(|reason| format!("No interval: {}", plain(reason))));
    items.extend(c.warnings.iter().map(|warning| format!("Warning: {}", plain(warning))));
    items.extend([("base", &c.base), ("new", &c.new)].map(|(role, line)| run(role, line)));
    out.push('\n');
    items.iter().for_each(|item| out += &format!("- {item}\n"));
    out
}

/// Behind an empty line, as GitHub needs it; nothing of no rows.
fn table(lines: &[&MetricLine]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let head = "\n| | base | new | change | 95% interval | verdict |\n|---|---:|---:|---:|---|---|\n";
    head.to_owned() + &lines.iter().map(|line| row(line)).collect::<String>()
}

fn row(line: &MetricLine) -> String {
    let base = value(line.metric, line.base, line.base_at_least);
    let new = value(line.metric, line.new, line.new_at_least);
    let verdict = match line.verdict {
        Some(Change::Same | Change::Inconclusive | Change::NotComparable) | None => verdict(line).to_string(),
        Some(told) => format!("**{}**", told.text()),
    };
    let cells = [label(line.metric), base, new, difference(line), interval(line.ratio), verdict];
    format!("| {} |\n", cells.join(" | "))
}

fn run(role: &str, run: &RunLine) -> String {
    let requests = count(run.requests, "request");
    let (name, url) = (plain(&run.name), plain(&run.url));
    format!(
        "{role}: {name}, {url}, {}, {requests} in {}, {}",
        plain(&run.started_at),
        nanos(run.wall_s * 1e3),
        run.verdict.text()
    )
}
