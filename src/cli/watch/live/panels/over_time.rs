//! Response times and rates, over the run up to now.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::cli::watch::live::history::{History, Rates};
use crate::cli::watch::live::palette::Palette;
use crate::time::Nanos;
use crate::units::rate;

use super::chart::{Chart, Curve, Tick};
use super::{frame, round};

/// p50, p90 and p99 of each stretch of the run, on a log scale; the title has those of the whole run.
pub(in crate::cli::watch::live) fn response(history: &History, area: Rect, buffer: &mut Buffer, palette: Palette) {
    let styles = palette.quantiles();
    let mut title = Line::from(" Response ");
    if let Some(quantiles) = history.response().quantiles([500_000, 900_000, 990_000]) {
        for ((name, value), style) in ["p50", "p90", "p99"].iter().zip(quantiles).zip(styles) {
            // Among requests without an answer it is a lower bound.
            let is = if history.now.censored.min().is_some_and(|least| least <= value) { '≥' } else { ' ' };
            let compact = value.to_string().replace(' ', "");
            title.push_span(Span::styled(format!(" {name}{is}{compact}"), style));
        }
        title.push_span(" ");
    }
    let inner = frame(title, area, buffer, palette);
    let at = |n: usize| {
        let points = history.points.iter().map(|p| (p.at.as_secs(), p.response.map(|response| log(response[n]))));
        Curve { points: points.collect(), style: styles[n] }
    };
    let known = || history.points.iter().filter_map(|point| point.response);
    let (Some(low), Some(high)) = (known().map(|r| r[0]).min(), known().map(|r| r[2]).max()) else { return };
    let ticks: Vec<Tick> = steps(low, high).into_iter().map(|step| Tick { at: log(step), name: round(step) }).collect();
    // What is seen best is drawn last.
    Chart { curves: vec![at(2), at(1), at(0)], ticks, seconds: history.elapsed.as_secs() }.draw(inner, buffer, palette);
}

/// Requests that end, and in the open model those that become due.
pub(in crate::cli::watch::live) fn rates(
    history: &History,
    is_open: bool,
    area: Rect,
    buffer: &mut Buffer,
    palette: Palette,
) {
    let [offered, reached] = palette.rates();
    let mut title = Line::from(" Rate ");
    if let Some(now) = history.rates {
        if is_open {
            title.push_span(Span::styled(format!(" offered {} ", rate(now.offered)), offered));
        }
        title.push_span(Span::styled(format!(" reached {} ", rate(now.reached)), reached));
    }
    let inner = frame(title, area, buffer, palette);
    let known = history.points.iter().filter_map(|point| point.rates);
    let top = known.map(|rates| if is_open { rates.offered.max(rates.reached) } else { rates.reached });
    let top = top.fold(0.0, f64::max);
    if top <= 0.0 {
        return;
    }
    let curve = |of: fn(Rates) -> f64, style| {
        let points = history.points.iter().map(|point| (point.at.as_secs(), point.rates.map(of)));
        Curve { points: points.collect(), style }
    };
    let mut curves = Vec::new();
    if is_open {
        curves.push(curve(|rates| rates.offered, offered));
    }
    curves.push(curve(|rates| rates.reached, reached));
    let step = above(top / 4.0);
    let ticks = (0..=(top / step).ceil() as u32).map(f64::from).map(|n| Tick { at: n * step, name: short(n * step) });
    Chart { curves, ticks: ticks.collect(), seconds: history.elapsed.as_secs() }.draw(inner, buffer, palette);
}

fn log(time: Nanos) -> f64 {
    (time.0.max(1) as f64).log10()
}

/// The smallest of 1, 2 or 5 times a power of ten that is not below `value`.
fn above(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| *step >= value * 0.999_999).unwrap_or(value)
}

/// 1, 2 and 5 times powers of ten, from not above `low` to not below `high`.
fn steps(low: Nanos, high: Nanos) -> Vec<Nanos> {
    let all: Vec<u64> = (0..19).flat_map(|power| [1, 2, 5].map(|n| n * 10u64.pow(power))).collect();
    let first = all.partition_point(|step| *step <= low.0).saturating_sub(1);
    let last = all.partition_point(|step| *step < high.0).min(all.len() - 1).max(first + 1);
    all[first..=last].iter().map(|step| Nanos(*step)).collect()
}

/// `800/s`, `20k/s`.
fn short(per_s: f64) -> String {
    match per_s {
        r if r >= 1e6 => format!("{}M/s", r / 1e6),
        r if r >= 1e3 => format!("{}k/s", r / 1e3),
        r if r >= 10.0 || r == 0.0 => format!("{r:.0}/s"),
        r => rate(r),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_ends_that_hold_everything() {
        let names = |low, high| steps(Nanos(low), Nanos(high)).into_iter().map(round).collect::<Vec<_>>();
        assert_eq!(names(1_200_000, 9_000_000), ["1 ms", "2 ms", "5 ms", "10 ms"]);
        assert_eq!(names(2_000_000, 2_000_000), ["2 ms", "5 ms"]);
        assert_eq!(names(0, 1), ["1 ns", "2 ns"]);
        assert_eq!([0.3, 1.0, 17.0, 250.0].map(above), [0.5, 1.0, 20.0, 500.0]);
        assert_eq!([0.0, 0.5, 20.0, 2_500.0, 2e6].map(short), ["0/s", "0.50/s", "20/s", "2.5k/s", "2M/s"]);
    }
}
