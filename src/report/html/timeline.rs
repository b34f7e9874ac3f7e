//! The columns and the axis that all charts over time share.

use crate::stats::Summary;

use super::columns::{Column, Response, columns};
use super::plot::{Drawing, Plot};
use super::scale::{Label, Scale};
use super::words::{seconds, tick};

/// As many columns as can be told apart on a screen.
const MAX_COLUMNS: usize = 240;
/// A column that is shorter than this share of the others is not drawn.
const MIN_WHOLE: f64 = 0.5;

/// What all charts over time share.
pub(super) struct Timeline {
    /// Where each column is, and what is in it.
    pub(super) columns: Vec<(f64, Column)>,
    pub(super) x: Vec<Label>,
    /// The share of the width that a column has.
    pub(super) width: f64,
    /// How long a whole column is, in seconds.
    pub(super) full_s: f64,
}

impl Timeline {
    pub(super) fn new(s: &Summary) -> Option<Timeline> {
        let columns = columns(s, MAX_COLUMNS);
        let (first, last) = columns.first().zip(columns.last())?;
        let full_s = first.width_s.max(1e-9);
        let end_s = last.at_s + last.width_s;
        let scale = Scale::seconds(end_s);
        let x = scale.labels(|s| tick(s * 1e3));
        // The last column may be cut off by the end of the run, and so it is by that of the drawing.
        let middle = |column: &Column| (column.at_s + full_s / 2.0) / end_s.max(1e-9);
        // One that is short is none like the others: it is in the table only.
        let is_whole = |column: &Column| column.at_s == 0.0 || column.width_s >= full_s * MIN_WHOLE;
        let columns = columns.into_iter().filter(is_whole).map(|column| (middle(&column), column)).collect();
        Some(Timeline { columns, x, width: (full_s / end_s.max(1e-9)).min(1.0), full_s })
    }

    /// Every column's answer times, where it has any.
    pub(super) fn responses(&self) -> impl Iterator<Item = &Response> {
        self.columns.iter().filter_map(|(_, column)| column.response.as_ref())
    }

    /// Makes a chart of what has been drawn, whose columns tell what `text` says.
    pub(super) fn plot(&self, mut drawing: Drawing, y: Vec<Label>, text: impl Fn(&Column) -> String) -> Plot {
        let columns = self.columns.iter();
        let told = columns.map(|(x, column)| (*x, format!("at {}\n{}", seconds(column.at_s), text(column))));
        drawing.columns(self.width, told);
        Plot { group: "time", ..drawing.plot(self.x.clone(), y) }
    }
}
