//! The waves: how sharp each was, and how long it took.

use crate::stats::{Summary, WaveLine, WavesLine};
use crate::units::{self, grouped};

use super::plot::{Drawing, Plot};
use super::scale::Scale;
use super::section::Section;
use super::table;
use super::words::{ms, seconds, tick, us};

/// Columns that can be pointed at; a chart of more waves tells the slowest of those in a column.
const MAX_COLUMNS: usize = 200;
/// Fewer waves are read from the table.
const FEWEST: usize = 3;

/// None if the run had no waves.
pub(super) fn section(s: &Summary) -> Option<Section> {
    let waves = s.waves.as_ref().filter(|waves| waves.count > 0)?;
    let together = match waves.together {
        n if n == waves.count => "each with all its requests in flight at once".into(),
        n => format!("{} with all their requests in flight at once", grouped(n)),
    };
    let size = format!("{} of {}", units::count(waves.count, "wave"), units::count(waves.size.into(), "user"));
    let spread = waves.release_spread_us.map_or(String::new(), |spread| {
        format!(" Release spread: p50 {}, p99 {}, max {}.", us(spread.p50), us(spread.p99), us(spread.max))
    });
    let plots = if waves.list.len() < FEWEST { vec![] } else { plots(waves) };
    Some(Section {
        title: "Waves".into(),
        lead: format!("{size}, {together}.{spread}"),
        plots,
        tables: vec![table::waves(&waves.list)],
        ..Section::default()
    })
}

fn plots(waves: &WavesLine) -> Vec<Plot> {
    let spread = |wave: &WaveLine| wave.spread_us / 1e3;
    let took = |wave: &WaveLine| wave.took_ms;
    vec![
        dots(&waves.list, "Release spread of each wave", "last sent − first sent", "spread", spread),
        dots(&waves.list, "Completion of each wave", "last done − first sent", "took", took),
    ]
}

fn dots(list: &[WaveLine], title: &str, note: &str, class: &str, value: impl Fn(&WaveLine) -> f64) -> Plot {
    let last = list.last().map_or(0, |wave| wave.wave);
    let place = |wave: &WaveLine| (wave.wave as f64 + 0.5) / (last as f64 + 1.0);
    let scale = Scale::linear(list.iter().map(&value).fold(1e-6, f64::max));
    let across = Scale::linear(last as f64 + 1.0);
    let mut x = across.labels(|n| grouped(n as u64));
    for label in &mut x {
        label.at = (across.value(label.at) + 0.5) / (last as f64 + 1.0);
    }
    x.retain(|label| label.at <= 1.0);
    let y = scale.labels(tick);
    let mut drawing = Drawing::new(150.0, &x, &y);
    drawing.dots(class, list.iter().map(|wave| (place(wave), scale.at(value(wave)))));
    let each = list.len().div_ceil(MAX_COLUMNS).max(1);
    let columns = list.chunks(each).filter_map(|waves| {
        let slowest = waves.iter().max_by(|a, b| value(a).total_cmp(&value(b)))?;
        let (first, last) = (waves.first()?, waves.last()?);
        Some(((place(first) + place(last)) / 2.0, told(slowest)))
    });
    drawing.columns(each as f64 / list.len() as f64, columns);
    Plot { title: title.into(), note: note.into(), x_title: "wave".into(), group: "waves", ..drawing.plot(x, y) }
}

fn told(wave: &WaveLine) -> String {
    let WaveLine { wave, at_s, released, spread_us, took_ms } = wave;
    let (at, spread, took) = (seconds(*at_s), us(*spread_us), ms(*took_ms));
    format!("wave {} at {at}\nreleased {}\nspread {spread}\ncompletion {took}", grouped(*wave), grouped(*released))
}
