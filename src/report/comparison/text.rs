//! The comparison on one screen: 80 columns, readable without colour.

use crate::compare::{Change, Comparison, Held, MetricLine, RunLine};
use crate::report::Paint;
use crate::report::text::{BAD, BOLD, COLUMNS_OF_A_SCREEN, DIM, GOOD, WARN, nanos, shorten, wrap};
use crate::units::count;

use super::{difference, headline, interval, label, limit, reasons, same, value, verdict};

/// The whole comparison, with a newline at its end.
pub fn text(c: &Comparison, paint: Paint) -> String {
    let c = &c.printable();
    let mut out = format!("{}\n\n", paint.apply(BOLD, &headline(c)));
    out += &(run("base", &c.base, paint) + &run("new", &c.new, paint) + "\n");
    let header =
        format!("  {:<15}{:>10}{:>10}{:>10}  {:<19}{}", "", "base", "new", "change", "95% interval", "verdict");
    out += &format!("{}\n", paint.apply(DIM, &header));
    c.metrics.iter().for_each(|line| out += &metric(line, paint));
    out += &format!("  {}\n", paint.apply(DIM, &same(c)));
    reasons(c).iter().for_each(|reason| out += &words("  no interval: ", reason));
    if !c.limits.is_empty() {
        out.push('\n');
    }
    for line in &c.limits {
        let style = match line.result {
            Held::Held => GOOD,
            Held::Exceeded => BAD,
            Held::Undecided | Held::NotComparable | Held::Unknown => WARN,
        };
        out += &format!("{}\n", paint.apply(style, words("  limit: ", &limit(line, c)).trim_end()));
    }
    if !c.warnings.is_empty() {
        out.push('\n');
    }
    for warning in &c.warnings {
        out += &format!("{}\n", paint.apply(WARN, words("  warning: ", warning).trim_end()));
    }
    out
}

fn run(role: &str, run: &RunLine, paint: Paint) -> String {
    let title = shorten(&format!("{role:<5}{}", run.name), COLUMNS_OF_A_SCREEN);
    let lasted = nanos(run.wall_s * 1e3);
    let facts = format!("{}, {} in {lasted}, {}", run.started_at, count(run.requests, "request"), run.verdict.text());
    format!("{}\n     {}\n     {facts}\n", paint.apply(BOLD, &title), shorten(&run.url, COLUMNS_OF_A_SCREEN - 5))
}

fn metric(line: &MetricLine, paint: Paint) -> String {
    let style = match line.verdict {
        Some(Change::Faster | Change::Better) => GOOD,
        Some(Change::Slower | Change::Worse) => BAD,
        Some(Change::Inconclusive | Change::NotComparable) => WARN,
        Some(Change::Same) | None => DIM,
    };
    let base = value(line.metric, line.base, line.base_at_least);
    let new = value(line.metric, line.new, line.new_at_least);
    let cells = format!("{base:>10}{new:>10}{:>10}  {:<19}", difference(line), interval(line.ratio));
    let row = format!("  {:<15}{cells}", label(line.metric));
    match verdict(line) {
        "" => format!("{}\n", row.trim_end()),
        verdict => format!("{row}{}\n", paint.apply(style, verdict)),
    }
}

fn words(prefix: &str, text: &str) -> String {
    let words: Vec<String> = text.split(' ').map(String::from).collect();
    wrap(prefix, &words, " ")
}
