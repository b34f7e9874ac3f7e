//! What the keys do and what the numbers mean, over everything else.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Clear, Widget};

use crate::cli::watch::live::palette::Palette;

use super::frame;

const TEXT: &str = " q, Ctrl-C   stop gracefully; again: immediately
 p, space    pause drawing; the run goes on
 ?           this help, and back

 Response    from when a request was due; p50≥1s:
             at least that, some got no response
 Rates       of the last two seconds
 In flight   sent and not done
 Waiting     due, with no connection free
 Spread      first to last request sent of a wave
 Busy worker share of the last second
 Send lag    how late onrush sent
 Stall       longest gap between polls
 fine, high  against the limits of the verdict";

/// In the middle of `area`.
pub(in crate::cli::watch::live) fn draw(area: Rect, buffer: &mut Buffer, palette: Palette) {
    let height = TEXT.lines().count() as u16 + 2;
    let place = area.centered(Constraint::Length(54), Constraint::Length(height));
    Clear.render(place, buffer);
    let inner = frame(Line::styled(" Help ", palette.strong()), place, buffer, palette);
    Text::raw(TEXT).render(inner, buffer);
}
