//! The run over time: charts with one axis and the same columns, above each other.

use crate::stats::Summary;
use crate::units;

use super::columns::{Column, Response, columns};
use super::plot::{Drawing, Key, Plot, points};
use super::scale::{Label, Scale};
use super::section::Section;
use super::table::over_time;
use super::words::{ms, seconds, tick, tick_number};
use super::{heat, outcomes};

/// As many columns as can be told apart on a screen.
const MAX_COLUMNS: usize = 240;
/// Fewer show nothing over time.
const FEWEST: usize = 3;

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

/// All of it. None for a run that is too short to have a course.
pub(super) fn section(s: &Summary) -> Option<Section> {
    let time = Timeline::new(s).filter(|time| time.columns.len() >= FEWEST)?;
    let open = s.plan.model == "open";
    let plots = [latency(&time), Some(rates(&time, open)), heat::plot(&time), Some(present(&time))];
    let mut plots: Vec<Plot> = plots.into_iter().flatten().collect();
    plots.extend(outcomes::plots(&time));
    let columns = format!("Each column is {}.", seconds(time.full_s));
    Some(Section { title: "Over time".into(), lead: columns, plots, tables: vec![over_time(s)], ..Section::default() })
}

impl Timeline {
    fn new(s: &Summary) -> Option<Timeline> {
        let columns = columns(s, MAX_COLUMNS);
        let (first, last) = columns.first().zip(columns.last())?;
        let full_s = first.width_s.max(1e-9);
        let end_s = last.at_s + last.width_s;
        let scale = Scale::seconds(end_s);
        let x = scale.labels(|s| tick(s * 1e3));
        // The last column may be cut off by the end of the run, and so it is by that of the drawing.
        let middle = |column: &Column| (column.at_s + full_s / 2.0) / end_s.max(1e-9);
        let columns = columns.into_iter().map(|column| (middle(&column), column)).collect();
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

/// A line's class, which is its name, too, and its value.
type Line = (&'static str, fn(&Response) -> f64);

fn latency(time: &Timeline) -> Option<Plot> {
    let least = time.responses().map(|response| response.p50).fold(f64::MAX, f64::min);
    let most = time.responses().map(|response| response.max).reduce(f64::max)?;
    let scale = Scale::log(least, most);
    let y = scale.labels(tick);
    let mut drawing = Drawing::new(240.0, &time.x, &y);
    let lines: [Line; 4] = [("max", |r| r.max), ("p99", |r| r.p99), ("p90", |r| r.p90), ("p50", |r| r.p50)];
    for (class, of) in lines {
        drawing.line(class, points(&time.columns, &scale, |column| column.response.as_ref().map(of)));
    }
    let told = |column: &Column| match &column.response {
        Some(r) => format!("max {}\np99 {}\np90 {}\np50 {}", ms(r.max), ms(r.p99), ms(r.p90), ms(r.p50)),
        None => "no answer".into(),
    };
    Some(Plot {
        title: "Response time of answers".into(),
        note: "log scale".into(),
        legend: lines.map(|(class, _)| Key::new(class, class)).into(),
        ..time.plot(drawing, y, told)
    })
}

fn rates(time: &Timeline, open: bool) -> Plot {
    let offered = |column: &Column| column.per_s(column.due, time.full_s).filter(|_| open);
    let done = |column: &Column| column.per_s(column.done(), time.full_s);
    let all = time.columns.iter().flat_map(|(_, column)| [offered(column), done(column)]);
    let scale = Scale::linear(all.flatten().fold(1e-3, f64::max));
    let y = scale.labels(|rate| format!("{}/s", tick_number(rate)));
    let mut drawing = Drawing::new(150.0, &time.x, &y);
    drawing.line("offered", points(&time.columns, &scale, offered));
    drawing.line("done", points(&time.columns, &scale, done));
    let mut legend = vec![Key::new("done", "done")];
    legend.extend(open.then(|| Key::new("offered", "due")));
    let told = |column: &Column| {
        let rate = |of: Option<f64>| of.map_or("too short for a rate".into(), units::rate);
        let offered = if open { format!("\ndue {}", rate(offered(column))) } else { String::new() };
        format!("done {}{offered}", rate(done(column)))
    };
    Plot { title: "Requests per second".into(), legend, ..time.plot(drawing, y, told) }
}

fn present(time: &Timeline) -> Plot {
    let waits = time.columns.iter().any(|(_, column)| column.waiting > 0.0);
    let all = time.columns.iter().flat_map(|(_, column)| [column.in_flight, column.waiting]);
    let scale = Scale::linear(all.fold(1e-3, f64::max));
    let y = scale.labels(tick_number);
    let mut drawing = Drawing::new(110.0, &time.x, &y);
    if waits {
        drawing.line("waiting", points(&time.columns, &scale, |column| Some(column.waiting)));
    }
    drawing.line("flight", points(&time.columns, &scale, |column| Some(column.in_flight)));
    let mut legend = vec![Key::new("flight", "in flight")];
    legend.extend(waits.then(|| Key::new("waiting", "waiting for a connection")));
    let told = |column: &Column| {
        format!("in flight {}\nwaiting {}", units::tenths(column.in_flight), units::tenths(column.waiting))
    };
    Plot { title: "Requests at a time, on average".into(), legend, ..time.plot(drawing, y, told) }
}
