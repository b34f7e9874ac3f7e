//! What came back, and what did not.

use std::cmp::Reverse;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::cli::watch::live::history::History;
use crate::cli::watch::live::palette::Palette;
use crate::units::{count, grouped};

/// At most `rows` lines: each status where there is room, else their classes; then failures, the most frequent first.
pub(in crate::cli::watch::live) fn lines(history: &History, rows: usize, palette: Palette) -> Vec<Line<'static>> {
    let now = &history.now;
    let mut status = now.status.clone();
    status.sort_unstable();
    let mut failures = now.failures.clone();
    failures.sort_by_key(|&(failure, n)| (Reverse(n), failure));
    if status.is_empty() && failures.is_empty() {
        return vec![Line::styled(" none yet", palette.dim())];
    }
    let most = status.iter().map(|(_, n)| *n).chain(failures.iter().map(|(_, n)| *n)).max().unwrap_or(0);
    // Room for it to grow, so that names do not move all the time.
    let width = grouped(most).len().max(7);
    let one = |n: u64, name: String, style: Style| {
        Line::from_iter([Span::raw(format!(" {:>width$}  ", grouped(n))), Span::styled(name, style)])
    };
    let mut lines: Vec<Line<'static>> = if status.len() + failures.len() <= rows {
        status.iter().map(|&(status, n)| one(n, status.to_string(), palette.status(status))).collect()
    } else {
        classes(&status, palette)
    };
    let room = rows.saturating_sub(lines.len());
    let shown = if failures.len() > room { room.saturating_sub(1) } else { failures.len() };
    lines.extend(failures[..shown].iter().map(|(failure, n)| one(*n, failure.to_string(), palette.bad())));
    if shown < failures.len() && room > 0 {
        let others: u64 = failures[shown..].iter().map(|(_, n)| n).sum();
        let kinds = count((failures.len() - shown) as u64, "kind");
        lines.push(one(others, format!("failures of {kinds}"), palette.bad()));
    }
    lines
}

/// `2xx 1,234  5xx 3`: one line, none if nothing was answered.
fn classes(status: &[(u16, u64)], palette: Palette) -> Vec<Line<'static>> {
    let mut line = Line::default();
    for class in 1..=9 {
        let n: u64 = status.iter().filter(|(status, _)| status / 100 == class).map(|(_, n)| n).sum();
        if n > 0 {
            line.push_span(Span::styled(format!(" {class}xx "), palette.status(class * 100)));
            line.push_span(Span::raw(format!("{} ", grouped(n))));
        }
    }
    if line.spans.is_empty() { Vec::new() } else { vec![line] }
}
