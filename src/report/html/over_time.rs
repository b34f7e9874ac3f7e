//! The run over time: charts with one axis and the same columns, above each other.

use crate::plan::ModelKind;
use crate::stats::Summary;
use crate::units;

use super::columns::{Column, Response};
use super::plot::{Drawing, Key, Plot, points};
use super::scale::Scale;
use super::section::Section;
use super::table::over_time;
use super::timeline::Timeline;
use super::words::{ms, seconds, tick, tick_number};
use super::{heat, outcomes};

/// Fewer show nothing over time.
const FEWEST: usize = 3;

/// All of it. None for a run that is too short to have a course.
pub(super) fn section(s: &Summary) -> Option<Section> {
    let time = Timeline::new(s).filter(|time| time.columns.len() >= FEWEST)?;
    let open = s.plan.model == ModelKind::Open;
    let plots = [latency(&time), Some(rates(&time, open)), heat::plot(&time), Some(present(&time))];
    let mut plots: Vec<Plot> = plots.into_iter().flatten().collect();
    plots.extend(outcomes::plots(&time));
    let columns = format!("Each column is {}.", seconds(time.full_s));
    Some(Section { title: "Over time".into(), lead: columns, plots, tables: vec![over_time(s)], ..Section::default() })
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
        None => "no response".into(),
    };
    Some(Plot {
        title: "Response time".into(),
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
    Plot { title: "Average concurrency".into(), legend, ..time.plot(drawing, y, told) }
}
