//! Curves over the run's time, drawn in dots.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::Widget;
use ratatui::widgets::canvas::{Canvas, Line as Stroke, Points};

use crate::cli::watch::live::palette::Palette;
use crate::time::Nanos;

use super::tenths;

/// Columns for what stands at the ticks, and the axis.
const NAMES: u16 = 9;

/// A curve: (seconds since T0, value). Where there is no value it is broken, for a line would claim one.
pub(super) struct Curve {
    pub(super) points: Vec<(f64, Option<f64>)>,
    pub(super) style: Style,
}

/// A value that has a name on the axis.
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) name: String,
}

/// Curves and their axes. The first and the last tick are the ends of the axis.
pub(super) struct Chart {
    pub(super) curves: Vec<Curve>,
    pub(super) ticks: Vec<Tick>,
    /// How long the run has lasted: the right end.
    pub(super) seconds: f64,
}

impl Chart {
    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer, palette: Palette) {
        let (Some(low), Some(high)) = (self.ticks.first(), self.ticks.last()) else { return };
        let [upper, times] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(area);
        let columns = Layout::horizontal([Constraint::Length(NAMES), Constraint::Min(0)]);
        let [names, plot] = columns.areas(upper);
        let [_, times] = columns.areas(times);
        if plot.is_empty() {
            return;
        }
        self.names(names, (low.at, high.at), buffer, palette);
        times_at_both_ends(self.seconds, times, buffer, palette);
        Canvas::default()
            .marker(Marker::Braille)
            .x_bounds([0.0, self.seconds.max(1e-3)])
            .y_bounds([low.at, high.at])
            .paint(|context| {
                for curve in &self.curves {
                    let color = curve.style.fg.unwrap_or_default();
                    // A point between two gaps has no stroke.
                    let coords: Vec<(f64, f64)> = curve.points.iter().filter_map(|&(x, y)| Some((x, y?))).collect();
                    context.draw(&Points { coords: &coords, color });
                    for pair in curve.points.windows(2) {
                        if let [(x1, Some(y1)), (x2, Some(y2))] = *pair {
                            context.draw(&Stroke { x1, y1, x2, y2, color });
                        }
                    }
                }
            })
            .render(plot, buffer);
    }

    /// Those that fit, the ends first.
    fn names(&self, area: Rect, (low, high): (f64, f64), buffer: &mut Buffer, palette: Palette) {
        let rows = area.height.saturating_sub(1);
        let row = |tick: &Tick| ((high - tick.at) / (high - low) * f64::from(rows)).round() as u16;
        let mut taken = vec![false; usize::from(area.height)];
        let last = self.ticks.len() - 1;
        let inner = self.ticks.iter().take(last).skip(1);
        for tick in [&self.ticks[0], &self.ticks[last]].into_iter().chain(inner) {
            let row = row(tick);
            let near = usize::from(row.saturating_sub(1))..=usize::from(row + 1).min(taken.len() - 1);
            if taken[near].iter().any(|taken| *taken) {
                continue;
            }
            taken[usize::from(row)] = true;
            let line = Line::styled(format!("{:>7} ┤", tick.name), palette.dim());
            line.render(Rect { y: area.y + row, height: 1, ..area }, buffer);
        }
        for y in (0..area.height).filter(|y| !taken[usize::from(*y)]) {
            Line::styled(format!("{:>7} │", ""), palette.dim())
                .render(Rect { y: area.y + y, height: 1, ..area }, buffer);
        }
    }
}

fn times_at_both_ends(seconds: f64, area: Rect, buffer: &mut Buffer, palette: Palette) {
    let end = tenths(Nanos((seconds * 1e9) as u64));
    Line::styled("0", palette.dim()).render(area, buffer);
    Line::styled(end, palette.dim()).right_aligned().render(area, buffer);
}
