//! What became of the requests over time, stacked.

use super::columns::Column;
use super::plot::{Drawing, Key, Plot};
use super::scale::Scale;
use super::timeline::Timeline;
use super::words::tick_number;
use crate::units::grouped;

/// An outcome: its class, its name and its count.
type Kind = (&'static str, &'static str, fn(&Column) -> u64);

const KINDS: [Kind; 4] = [
    ("ok", "ok", |column| column.ok),
    ("http-error", "HTTP error", |column| column.http_error),
    ("failed", "failed", |column| column.failed),
    ("timeout", "timed out", |column| column.timeout),
];

/// All outcomes; and those that are not ok by themselves, as a few of them would not be seen among the others.
pub(super) fn plots(time: &Timeline) -> Vec<Plot> {
    let seen = |kinds: &[Kind]| -> Vec<Kind> {
        let any = |kind: &&Kind| time.columns.iter().any(|(_, column)| kind.2(column) > 0);
        kinds.iter().filter(any).copied().collect()
    };
    let mut plots = vec![stacked(time, "Outcomes over time", &seen(&KINDS), 130.0)];
    let bad = seen(&KINDS[1..]);
    if !bad.is_empty() {
        plots.push(stacked(time, "Errors over time", &bad, 110.0));
    }
    plots
}

fn stacked(time: &Timeline, title: &str, kinds: &[Kind], height: f64) -> Plot {
    let total = |column: &Column| kinds.iter().map(|kind| kind.2(column)).sum::<u64>();
    let most = time.columns.iter().map(|(_, column)| total(column)).max().unwrap_or(0);
    let scale = Scale::linear(most.max(1) as f64);
    let y = scale.labels(tick_number);
    let mut drawing = Drawing::new(height, &time.x, &y);
    for (i, (class, _, of)) in kinds.iter().enumerate() {
        let below = |column: &Column| kinds[..i].iter().map(|kind| kind.2(column)).sum::<u64>();
        let bars = time.columns.iter().map(|(x, column)| {
            let below = below(column);
            (*x, scale.at(below as f64), scale.at((below + of(column)) as f64))
        });
        drawing.bars(class, time.width * 0.92, bars);
    }
    let told = |column: &Column| {
        let each = kinds.iter().map(|(_, name, of)| format!("{name} {}", grouped(of(column))));
        each.collect::<Vec<_>>().join("\n")
    };
    Plot {
        title: title.into(),
        note: "requests per interval".into(),
        legend: kinds.iter().map(|(class, name, _)| Key::new(class, name)).collect(),
        ..time.plot(drawing, y, told)
    }
}
