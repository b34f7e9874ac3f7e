//! What is in the boxes.

pub(super) mod answers;
pub(super) mod help;
pub(super) mod histogram;
pub(super) mod numbers;
pub(super) mod over_time;

mod chart;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Widget};

use crate::time::Nanos;

use super::palette::Palette;

/// A box with a title and lines in it; without lines there is none.
pub(super) fn lines(title: &str, lines: Vec<Line<'_>>, area: Rect, buffer: &mut Buffer, palette: Palette) {
    if lines.is_empty() {
        return;
    }
    let inner = frame(Line::from(format!(" {title} ")), area, buffer, palette);
    Text::from(lines).render(inner, buffer);
}

/// Draws a frame and returns what is inside of it.
fn frame(title: Line<'_>, area: Rect, buffer: &mut Buffer, palette: Palette) -> Rect {
    let block = Block::bordered().border_style(palette.dim()).title(title);
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

/// A label and its value.
fn entry(label: &str, value: String, style: Style) -> Line<'static> {
    Line::from_iter([Span::raw(format!(" {label:<14}")), Span::styled(value, style)])
}

/// A time at a tick of an axis, without digits that say nothing: `10 ms`.
fn round(time: Nanos) -> String {
    time.to_string().replace(".00 ", " ").replace(".0 ", " ")
}

/// A clock that does not show more than tenths, the one that is under way.
pub(super) fn tenths(time: Nanos) -> String {
    match time.0 {
        0..100_000_000_000 => format!("{:.1} s", time.0.div_ceil(100_000_000) as f64 / 10.0),
        _ => time.to_string(),
    }
}
