//! The histogram of response times.

use crate::stats::Summary;
use crate::units;

use super::plot::{Drawing, Key, Plot};
use super::scale::Scale;
use super::words::{ms, tick, tick_number};

const BARS: usize = 60;

/// Bars of equal width on a logarithmic axis, from the quickest to the slowest. None without answers.
pub(super) fn plot(s: &Summary) -> Option<Plot> {
    let latency = s.response_ms.as_ref()?;
    let response = latency.distribution().ok()?;
    let scale = Scale::log(response.min()?.as_millis(), response.max()?.as_millis());
    let mut bars = [0; BARS];
    for (low, high, n) in response.buckets() {
        let at = scale.at(low.as_millis().midpoint(high.as_millis()));
        bars[((at * BARS as f64) as usize).min(BARS - 1)] += n;
    }
    let up = Scale::linear(bars.iter().copied().max()?.max(1) as f64);
    let (x, y) = (scale.labels(tick), up.labels(tick_number));

    let width = 1.0 / BARS as f64;
    let middle = |i: usize| (i as f64 + 0.5) * width;
    let mut drawing = Drawing::new(300.0, &x, &y);
    drawing.bars("bars", width * 0.88, bars.iter().enumerate().map(|(i, n)| (middle(i), 0.0, up.at(*n as f64))));
    for (class, value) in [("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99)] {
        drawing.line(class, [Some((scale.at(value), 0.0)), Some((scale.at(value), 1.0))]);
    }
    let from = |i: usize| ms(scale.value(i as f64 * width));
    let told =
        |(i, n): (usize, &u64)| (middle(i), format!("{} to {}\n{}", from(i), from(i + 1), units::count(*n, "request")));
    drawing.columns(width, bars.iter().enumerate().map(told));
    let lines = ["p50", "p90", "p99"].map(|class| Key::new(class, class));
    Some(Plot {
        title: "Histogram of response times".into(),
        note: "requests; log scale of time".into(),
        legend: [Key::new("bars", "requests")].into_iter().chain(lines).collect(),
        ..drawing.plot(x, y)
    })
}
