//! What is said by a number: requests, waves, and how this tool fares.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::cli::watch::live::history::{History, Rates};
use crate::cli::watch::live::palette::Palette;
use crate::plan::ModelKind;
use crate::stats::SoFar;
use crate::units::{bytes, grouped, percent, rate, whole_percent};

use super::entry;

/// How many there were, are, and how quickly they end.
pub(in crate::cli::watch::live) fn requests(
    history: &History,
    kind: ModelKind,
    palette: Palette,
) -> Vec<Line<'static>> {
    let now = &history.now;
    let of = |rates: fn(&Rates) -> f64| history.rates.as_ref().map_or("none yet".into(), |known| rate(rates(known)));
    let (offered, reached) = (of(|rates| rates.offered), of(|rates| rates.reached));
    let ended = now.counts.ended();
    let in_flight = now.present.saturating_sub(now.waiting);
    let mut lines = Vec::new();
    if kind == ModelKind::Open {
        lines.push(entry("Rate offered", offered, Style::new()));
        lines.push(entry("Achieved rate", reached, palette.strong()));
    } else {
        lines.push(entry("Rate", reached, palette.strong()));
    }
    lines.push(entry("In flight", grouped(in_flight), Style::new()));
    if kind == ModelKind::Open || now.waiting > 0 {
        let style = if now.waiting > 0 { palette.warn() } else { Style::new() };
        lines.push(entry("Waiting", grouped(now.waiting), style));
    }
    lines.push(entry("Done", grouped(ended), Style::new()));
    let (errors, style) = match now.errors() {
        0 => ("none".into(), palette.good()),
        n => (format!("{} ({})", grouped(n), percent(n as f64 / ended.max(1) as f64)), palette.bad()),
    };
    lines.push(entry("Errors", errors, style));
    lines.push(entry("Received", bytes(now.bytes_in), Style::new()));
    lines
}

/// How simultaneous the waves are. Empty in other models.
pub(in crate::cli::watch::live) fn waves(history: &History, kind: ModelKind) -> Vec<Line<'static>> {
    if kind != ModelKind::Waves {
        return Vec::new();
    }
    let spread = |(name, p)| {
        let value = history.now.spread.quantile(p).map_or("none yet".into(), |spread| spread.to_string());
        entry(name, value, Style::new())
    };
    [("Spread p50", 500_000), ("Spread p99", 990_000), ("Spread max", 1_000_000)].map(spread).into()
}

/// This tool's health, held against the limits of the verdict.
pub(in crate::cli::watch::live) fn tool(history: &History, kind: ModelKind, palette: Palette) -> Vec<Line<'static>> {
    let now = &history.now;
    let so_far = SoFar::new(now, kind == ModelKind::Open);
    let line = |label, value: String, is_over| {
        let (word, style) = if is_over { ("high", palette.warn()) } else { ("fine", palette.good()) };
        let mut line = entry(label, format!("{value:>8}  "), Style::new());
        line.push_span(Span::styled(word, style));
        line
    };
    let mut lines = vec![line("Busy worker", whole_percent(now.busy), so_far.busy)];
    if kind == ModelKind::Open {
        let lag = now.lag.quantile(990_000).map_or("none yet".into(), |lag| lag.to_string());
        lines.push(line("Send lag p99", lag, so_far.late));
    }
    lines.push(entry("Longest stall", format!("{:>8}", now.stall.to_string()), Style::new()));
    lines
}
