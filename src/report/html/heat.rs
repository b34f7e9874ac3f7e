//! The heat map: how many answers took how long, over time.

use std::collections::BTreeMap;

use super::columns::Column;
use super::plot::{Drawing, Key, Plot};
use super::scale::Scale;
use super::timeline::Timeline;
use super::words::{ms, tick};
use crate::units;

/// Rows, from the quickest answer to the slowest.
const ROWS: usize = 32;
/// Shades, from few answers to many.
const SHADES: [&str; 7] = ["heat h1", "heat h2", "heat h3", "heat h4", "heat h5", "heat h6", "heat h7"];

/// None if no answer came.
pub(super) fn plot(time: &Timeline) -> Option<Plot> {
    let buckets = || time.responses().flat_map(|response| &response.buckets);
    let least = buckets().map(|(ms, _)| *ms).fold(f64::MAX, f64::min);
    let most = buckets().map(|(ms, _)| *ms).reduce(f64::max)?;
    let scale = Scale::log(least, most);
    let cells: Vec<[u64; ROWS]> = time.columns.iter().map(|(_, column)| cells(column, &scale)).collect();
    let fullest = cells.iter().flatten().copied().max().unwrap_or(1).max(1);

    let mut shaded: BTreeMap<usize, Vec<(f64, f64, f64)>> = BTreeMap::new();
    for row in 0..ROWS {
        let middle = (row as f64 + 0.5) / ROWS as f64;
        for ((x, _), cells) in time.columns.iter().zip(&cells).filter(|(_, cells)| cells[row] > 0) {
            let (left, right) = ((x - time.width / 2.0).max(0.0), (x + time.width / 2.0).min(1.0));
            let runs = shaded.entry(shade(cells[row], fullest)).or_default();
            // Neighbours of one shade are one rectangle.
            match runs.last_mut() {
                Some((_, end, y)) if *y == middle && (left - *end).abs() < 1e-4 => *end = right,
                _ => runs.push((left, right, middle)),
            }
        }
    }
    let y = scale.labels(tick);
    let mut drawing = Drawing::new(256.0, &time.x, &y);
    for (shade, runs) in shaded {
        drawing.rows(SHADES[shade], 1.0 / ROWS as f64, runs);
    }
    let told = |column: &Column| {
        let cells = self::cells(column, &scale);
        let fullest = (0..ROWS).max_by_key(|row| cells[*row]).filter(|row| cells[*row] > 0);
        fullest.map_or("no response".into(), |row| {
            let (low, high) = (scale.value(row as f64 / ROWS as f64), scale.value((row as f64 + 1.0) / ROWS as f64));
            let all = units::count(cells.iter().sum(), "response");
            format!("{all}\nmode: {} to {} ({})", ms(low), ms(high), units::count(cells[row], "request"))
        })
    };
    let legend =
        vec![Key::new(SHADES[0], "1 response"), Key::new(SHADES[3], ""), Key::new(SHADES[6], &units::grouped(fullest))];
    Some(Plot {
        title: "Heat map of response times".into(),
        note: "log scale, in time and in shade".into(),
        legend,
        ..time.plot(drawing, y, told)
    })
}

fn cells(column: &Column, scale: &Scale) -> [u64; ROWS] {
    let mut cells = [0; ROWS];
    for (ms, n) in column.response.iter().flat_map(|response| &response.buckets) {
        cells[((scale.at(*ms) * ROWS as f64) as usize).min(ROWS - 1)] += n;
    }
    cells
}

/// By the logarithm, so that a single slow answer is seen beside thousands of quick ones.
fn shade(count: u64, fullest: u64) -> usize {
    let share = (count as f64).ln_1p() / (fullest as f64).ln_1p();
    ((share * SHADES.len() as f64).ceil() as usize).clamp(1, SHADES.len()) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_is_seen_beside_thousands() {
        assert_eq!([1, 10, 100, 1000, 10_000].map(|n| shade(n, 10_000)), [0, 1, 3, 5, 6]);
        assert_eq!(shade(1, 1), 6);
    }
}
