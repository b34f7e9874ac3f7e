//! The quantile curve, with the tail drawn out as HdrHistogram's plots have it.

use crate::stats::{Distribution, Latency, Summary};
use crate::time::Nanos;

use super::plot::{Drawing, Key, Plot};
use super::scale::{Label, Scale};
use super::words::{interval, ms, name, tick};

/// Points of the curve.
const POINTS: usize = 160;
/// What is written along it: each step is half or a fifth of the rest.
const NAMED: [f64; 8] = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];

/// Response and service times. None without answers.
pub(super) fn plot(s: &Summary) -> Option<Plot> {
    let latency = s.response_ms.as_ref()?;
    let response = latency.distribution().ok()?;
    let service = s.service_ms.as_ref().and_then(|service| service.distribution().ok());
    let nines = (response.count() as f64).log10();
    if nines < 1.0 {
        return None;
    }
    let place = |p: f64| -(1.0 - p).log10() / nines;
    let least = [Some(&response), service.as_ref()].into_iter().flatten().filter_map(Distribution::min).min()?;
    let scale = Scale::log(least.as_millis(), response.max()?.as_millis());
    let named = NAMED.into_iter().filter(|p| place(*p) <= 1.0);
    let x: Vec<Label> = named.map(|p| Label { at: place(p), text: percent(p) }).collect();
    let y = scale.labels(tick);

    let mut drawing = Drawing::new(300.0, &x, &y);
    if let Some(p) = bounds_from(latency) {
        let from = place(p).clamp(0.0, 1.0);
        drawing.rows("bound", 1.0, [(from, 1.0, 0.5)]);
    }
    let curve = |of: &Distribution| {
        let at = |i: usize| Some((i as f64 / POINTS as f64, scale.at(value(of, p_at(i, nines))?.as_millis())));
        (0..=POINTS).map(at).collect::<Vec<_>>()
    };
    if let Some(service) = &service {
        drawing.line("service", curve(service));
    }
    drawing.line("response", curve(&response));
    for confidence in &s.confidence {
        let p = p_of(&confidence.quantile).map(place).filter(|x| (0.0..=1.0).contains(x));
        if let (Some(x), Some(low)) = (p, confidence.low_ms) {
            let top = confidence.high_ms.map_or(1.0, |high| scale.at(high));
            drawing.line("interval", [Some((x, scale.at(low))), Some((x, top))]);
        }
    }
    drawing.columns(
        1.0 / POINTS as f64,
        (0..=POINTS).map(|i| {
            let p = p_at(i, nines);
            let of =
                |d: Option<&Distribution>| d.and_then(|d| value(d, p)).map_or("none".into(), |at| ms(at.as_millis()));
            (
                i as f64 / POINTS as f64,
                format!("{}\nresponse {}\nservice {}", percent(p), of(Some(&response)), of(service.as_ref())),
            )
        }),
    );
    let mut legend = vec![Key::new("response", "response")];
    legend.extend(service.is_some().then(|| Key::new("service", "service")));
    legend.extend(s.confidence.iter().any(|c| interval(c).is_some()).then(|| Key::new("interval", "95% interval")));
    legend.extend((latency.censored > 0).then(|| Key::new("bound", "at least")));
    Some(Plot { title: "Quantiles".into(), note: "log-log percentile axis".into(), legend, ..drawing.plot(x, y) })
}

/// The share of values below the point `i`.
fn p_at(i: usize, nines: f64) -> f64 {
    1.0 - 10f64.powf(-nines * i as f64 / POINTS as f64)
}

fn value(of: &Distribution, p: f64) -> Option<Nanos> {
    of.quantile((p * 1e6).round() as u64).filter(|_| p < 0.999_999).or_else(|| of.max())
}

/// Where lower bounds begin.
fn bounds_from(latency: &Latency) -> Option<f64> {
    latency.at_least.iter().filter_map(|name| p_of(name)).reduce(f64::min)
}

/// 0.999 of `p99_9`.
fn p_of(quantile: &str) -> Option<f64> {
    let percent: f64 = name(quantile).strip_prefix('p')?.parse().ok()?;
    Some(percent / 100.0).filter(|p| (0.0..1.0).contains(p))
}

/// `p99.9` of 0.999: as many digits as its nines need.
fn percent(p: f64) -> String {
    let nines = -(1.0 - p).log10();
    let decimals = (nines - 1.0).max(0.0).ceil() as usize;
    let text = format!("{:.decimals$}", p * 100.0);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if p == 0.0 { "min".into() } else { format!("p{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_named_with_their_nines() {
        assert_eq!(NAMED.map(percent), ["min", "p50", "p90", "p99", "p99.9", "p99.99", "p99.999", "p99.9999"]);
        assert_eq!(["p50", "max", "p100", "p"].map(p_of), [Some(0.5), None, None, None]);
        assert!(p_of("p99_9").is_some_and(|p| (p - 0.999).abs() < 1e-12));
    }
}
