//! The summary as Markdown, with the tables of GitHub's dialect.

use crate::plan::ModelKind;
use crate::printable::printable;
use crate::stats::{Latency, Summary};
use crate::units::{self, count, grouped, percent};

use super::text::{micros, nanos, seconds};

/// So many kinds of failures, and so many targets.
const MAX_LISTED: usize = 20;

/// The whole summary, fit for a comment on a pull request or for the page of a job.
pub fn markdown(s: &Summary) -> String {
    let s = &s.printable();
    let mut out = format!("**{}**\n", plain(&s.outcome));
    if let Some(measurement) = s.measurement() {
        out += &format!("\n{}\n", plain(&measurement));
    }
    out += &format!("\n{} {}\n", plain(&s.plan.method), plain(&s.plan.url));
    out += &[thresholds(s), numbers(s), latency(s), failures(s), targets(s)].concat();
    let mut notes: Vec<String> = s.notes.iter().map(|note| format!("Note: {}", plain(note))).collect();
    notes.extend(s.interrupted.then(|| "Interrupted: requests in flight count as unfinished".into()));
    notes.extend(s.command.as_ref().map(|command| format!("Reproduce: {}", code(command))));
    notes.push(format!(
        "{} model, {}, seed {}, {}, {} {}",
        s.plan.model.name(),
        count(s.plan.concurrency.into(), if s.plan.model == ModelKind::Open { "connection" } else { "user" }),
        s.plan.seed,
        plain(&s.started_at),
        plain(&s.tool.name),
        plain(&s.tool.version),
    ));
    list(&mut out, notes.into_iter());
    out
}

fn thresholds(s: &Summary) -> String {
    let rows = s.thresholds.iter().map(|line| {
        let mark = if line.passed { "✓" } else { "**✗**" };
        let why = line.undetermined.as_ref().map_or(String::new(), |why| format!(" (not determined: {})", plain(why)));
        vec![mark.into(), plain(&line.threshold), format!("{}{why}", plain(line.shown.as_deref().unwrap_or("-")))]
    });
    table(&["", "threshold", "value"], 2, rows.collect())
}

fn numbers(s: &Summary) -> String {
    let a = &s.accounting;
    let states = [
        ("requests", a.scheduled),
        ("ok", a.ok),
        ("HTTP errors", a.http_error),
        ("failed", a.failed),
        ("timed out", a.timeout),
        ("unfinished", a.unfinished),
        ("unsent", a.unsent),
    ];
    let seen = states.iter().filter(|(name, n)| *n > 0 || *name == "requests");
    let mut rows: Vec<Vec<String>> = seen.map(|(name, n)| vec![(*name).into(), grouped(*n)]).collect();
    rows.extend(s.success_rate.map(|rate| vec!["success rate".into(), percent(rate)]));
    if let Some(share) = s.availability.filter(|_| !s.outages.is_empty()) {
        rows.push(vec!["availability".into(), percent(share)]);
        rows.extend(s.outages.iter().take(MAX_LISTED).map(|outage| vec!["outage".into(), plain(&outage.text)]));
    }
    rows.push(vec!["throughput".into(), units::rate(s.throughput_per_s)]);
    rows.push(vec!["wall-clock time".into(), seconds(s.wall_s)]);
    rows.extend(s.generator.limited_by.map(|by| vec!["limited by".into(), by.text().into()]));
    if let Some(spread) = s.waves.as_ref().and_then(|waves| waves.release_spread_us) {
        let shown = format!("p50 {}, p99 {}, max {}", micros(spread.p50), micros(spread.p99), micros(spread.max));
        rows.push(vec!["release spread".into(), shown]);
    }
    table(&["", ""], 1, rows)
}

fn latency(s: &Summary) -> String {
    let rows = [("response", &s.response_ms), ("service", &s.service_ms), ("connect", &s.connect_ms)];
    let row = |(name, latency): (&str, &Option<Latency>)| {
        let l = latency.as_ref()?;
        let cells = [
            ("min", l.min),
            ("p50", l.p50),
            ("p90", l.p90),
            ("p95", l.p95),
            ("p99", l.p99),
            ("p99_9", l.p99_9),
            ("max", l.max),
            ("mean", l.mean),
        ];
        let cells = cells.map(|(column, ms)| cell(l, column, ms));
        Some(std::iter::once(name.to_string()).chain(cells).collect())
    };
    let rows: Vec<Vec<String>> = rows.into_iter().filter_map(row).collect();
    let mut out = table(&["", "min", "p50", "p90", "p95", "p99", "p99.9", "max", "mean"], 1, rows);
    let unsure = |l: &Latency| !l.unsure.is_empty();
    if s.response_ms.as_ref().is_some_and(unsure) {
        out += "\n~ too few requests for a reliable value\n";
    }
    out
}

fn cell(l: &Latency, column: &str, ms: f64) -> String {
    let value = nanos(ms).to_string();
    match () {
        () if l.at_least.iter().any(|name| name == column) => format!("≥ {value}"),
        () if l.unsure.iter().any(|name| name == column) => format!("~ {value}"),
        () => value,
    }
}

fn failures(s: &Summary) -> String {
    let rows = s
        .failures
        .iter()
        .take(MAX_LISTED)
        .map(|f| vec![format!("{}: {}", f.phase.text(), f.cause.text()), plain(&f.example), grouped(f.count)]);
    let mut out = table(&["failures", "the first one", "requests"], 2, rows.collect());
    if s.failures.len() > MAX_LISTED {
        out += &format!("\nand {} more kinds\n", s.failures.len() - MAX_LISTED);
    }
    out
}

fn targets(s: &Summary) -> String {
    let rows = s.targets.iter().take(MAX_LISTED).map(|target| {
        let of = |value: fn(&Latency) -> f64| {
            target.response_ms.as_ref().map_or("-".into(), |latency| nanos(value(latency)).to_string())
        };
        let counts = [grouped(target.accounting.scheduled), grouped(target.not_ok())];
        [vec![plain(&target.target)], counts.into(), vec![of(|l| l.p50), of(|l| l.p99)]].concat()
    });
    let mut out = table(&["targets", "requests", "not ok", "p50", "p99"], 1, rows.collect());
    if s.targets.len() > MAX_LISTED {
        out += &format!("\nand {} more\n", s.targets.len() - MAX_LISTED);
    }
    out
}

/// A table behind an empty line, or nothing if it has no rows. So many columns, from the `left`, have words.
fn table(head: &[&str], left: usize, rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let aligned = (0..head.len()).map(|i| if i < left { "---" } else { "---:" });
    let mut out = format!("\n| {} |\n|{}|\n", head.join(" | "), aligned.collect::<Vec<_>>().join("|"));
    rows.into_iter().for_each(|row| out += &format!("| {} |\n", row.join(" | ")));
    out
}

fn list(out: &mut String, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.map(|item| format!("- {item}\n")).collect();
    if !items.is_empty() {
        *out += &format!("\n{}", items.concat());
    }
}

/// Text that means nothing else to Markdown: no markup, no HTML, no entity, no link, not even of a bare address.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        let begins_link = rest.starts_with("://") || at > 0 && rest.starts_with('.') && ends_with_www(&text[..at]);
        let is_markup =
            matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '!' | '&' | '~' | '$' | '@');
        if begins_link || is_markup {
            out.push('\\');
        }
        out.push(c);
    }
    printable(&out).into_owned()
}

/// A code span (CommonMark, 6.1): its fence is longer than any run of backticks in it.
fn code(text: &str) -> String {
    let text = printable(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// GitHub makes a link of `www.` too.
fn ends_with_www(text: &str) -> bool {
    text.len() >= 3 && text.is_char_boundary(text.len() - 3) && text[text.len() - 3..].eq_ignore_ascii_case("www")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{summary, thresholds};

    const EXPECTED: &str = "\
**2 of 100 requests failed: 1 connection reset, 1 HTTP 404**

POST http\\://127.0.0.1:8000/post

|  | threshold | value |
|---|---|---:|
| ✓ | p99\\<200ms | 12.3 ms |
| **✗** | p99.99\\<1s | - (not determined: p99.99 needs 36,887 requests, there were 100) |
| **✗** | max\\<1s | \\>= 900 ms (not determined: 2 requests got no answer and took longer than is known) |

|  |  |
|---|---:|
| requests | 100 |
| ok | 98 |
| HTTP errors | 1 |
| failed | 1 |
| success rate | 98.00% |
| throughput | 80.2/s |
| wall-clock time | 1.23 s |
| release spread | p50 180 µs, p99 240 µs, max 240 µs |

|  | min | p50 | p90 | p95 | p99 | p99.9 | max | mean |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
| response | 1.23 ms | 1.84 ms | 3.69 ms | 4.92 ms | ~ 6.15 ms | ~ 7.38 ms | 7.38 ms | 2.46 ms |
| service | 1.23 ms | 1.84 ms | 3.69 ms | 4.92 ms | ~ 6.15 ms | ~ 7.38 ms | 7.38 ms | 2.46 ms |
| connect | 50.0 µs | 75.0 µs | 150 µs | 200 µs | ~ 250 µs | ~ 300 µs | 300 µs | 100 µs |

~ too few requests for a reliable value

| failures | the first one | requests |
|---|---|---:|
| read: reset | request 17 after 3.40 ms | 1 |

- waves model, 20 users, seed 7, 2026-01-01T00:00:00.000Z, onrush 0.1.0
";

    #[test]
    fn a_summary_reads_like_this() {
        assert_eq!(markdown(&Summary { thresholds: thresholds(), ..summary() }), EXPECTED);
    }

    #[test]
    fn what_comes_from_outside_makes_no_markup() {
        let evil = "x | <b>*y*\n# `z` [a](b)";
        let mut s = Summary { notes: vec![evil.into()], ..summary() };
        s.plan.url = evil.into();
        s.failures[0].example = evil.into();
        let shown = markdown(&s);
        assert_eq!(shown.matches("x \\| \\<b\\>\\*y\\* \\# \\`z\\` \\[a\\](b)").count(), 3, "{shown}");
        let evil = "![x](http://evil) <img src=\"//evil\"> &lt;b&gt; www.evil @all ~~z~~ $x$ https://evil";
        let harmless = "\\!\\[x\\](http\\://evil) \\<img src=\"//evil\"\\> \\&lt;b\\&gt; www\\.evil \\@all \\~\\~z\\~\\~ \\$x\\$ https\\://evil";
        assert_eq!(plain(evil), harmless);
    }
}
