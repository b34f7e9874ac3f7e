//! How response times are distributed: bars over ranges that grow by one factor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::Widget;

use crate::cli::watch::live::history::History;
use crate::cli::watch::live::palette::Palette;
use crate::stats::Distribution;
use crate::time::Nanos;
use crate::units::grouped;

use super::frame;

/// More bars are more than anybody reads.
const MAX_BARS: usize = 24;

/// All answers since T0.
pub(in crate::cli::watch::live) fn draw(history: &History, area: Rect, buffer: &mut Buffer, palette: Palette) {
    let all = history.response();
    let inner = frame(Line::from(" Response times, all (log scale) "), area, buffer, palette);
    let bins = bins(&all, usize::from(inner.height).min(MAX_BARS));
    let most = bins.iter().map(|(_, n)| *n).max().unwrap_or(0).max(1);
    let room = usize::from(inner.width).saturating_sub(28);
    let styles = palette.quantiles();
    let edges = all.quantiles([500_000, 990_000]).unwrap_or([Nanos::ZERO; 2]);
    let lines = bins.iter().map(|&(top, n)| {
        let length = (n as f64 / most as f64 * room as f64).round() as usize;
        let style = styles[edges.iter().filter(|edge| top > **edge).count()];
        Line::from_iter([
            Span::raw(format!(" <= {:>8} {:>11}  ", top.to_string(), grouped(n))),
            Span::styled("■".repeat(if n > 0 { length.max(1) } else { 0 }), style),
        ])
    });
    Text::from_iter(lines).render(inner, buffer);
}

/// (the largest value of the range, how many are in it): `most` ranges, or fewer where all is in one place.
fn bins(all: &Distribution, most: usize) -> Vec<(Nanos, u64)> {
    let (Some(min), Some(max)) = (all.min(), all.max()) else { return Vec::new() };
    let factor = (max.0.max(1) as f64 / min.0.max(1) as f64).powf(1.0 / most.max(1) as f64);
    let mut bins = Vec::with_capacity(most);
    let mut below = 0;
    for n in 1..=most {
        let top = if n == most { max } else { Nanos((min.0.max(1) as f64 * factor.powi(n as i32)) as u64) };
        let up_to = all.count_up_to(top);
        bins.push((top, up_to.saturating_sub(below)));
        below = up_to;
    }
    bins.dedup_by(|next, kept| {
        let same = next.0.to_string() == kept.0.to_string();
        kept.1 += if same { next.1 } else { 0 };
        same
    });
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_one_range() {
        let mut all = Distribution::new();
        (1..=1000).for_each(|n| all.record(Nanos::from_micros(n * n)));
        let bins = bins(&all, 7);
        assert_eq!(bins.len(), 7);
        assert_eq!(bins.iter().map(|(_, n)| n).sum::<u64>(), 1000);
        assert_eq!(bins[6].0, Nanos::from_secs(1));
        assert!(bins.iter().all(|(_, n)| *n > 0), "{bins:?}");
    }

    #[test]
    fn equal_values_are_one_bar_and_none_are_none() {
        let mut all = Distribution::new();
        assert_eq!(bins(&all, 7), []);
        (0..5).for_each(|_| all.record(Nanos::from_millis(3)));
        assert_eq!(bins(&all, 7), [(Nanos::from_millis(3), 5)]);
        assert_eq!(bins(&all, 0), []);
    }
}
