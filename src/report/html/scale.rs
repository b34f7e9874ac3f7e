//! From values to places on an axis, and what is written along it.

use serde::Serialize;

/// What is written at a place of an axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Label {
    /// From 0, where the axis begins, to 1.
    pub(super) at: f64,
    pub(super) text: String,
}

/// An axis from `low` to `high`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Linear,
    Seconds,
    Log,
}

/// About so many labels are on an axis.
const LABELS: f64 = 5.0;
/// Steps between labels of seconds, as clocks have them; shorter ones are 1, 2 and 5 of a decimal.
const CLOCK_S: [f64; 13] = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0];

impl Scale {
    /// From zero.
    pub(super) fn linear(high: f64) -> Scale {
        Scale { low: 0.0, high: high.clamp(1e-9, 1e18) * 1.04, kind: Kind::Linear }
    }

    /// Seconds from T0.
    pub(super) fn seconds(high: f64) -> Scale {
        Scale { low: 0.0, high: high.clamp(1e-9, 1e9), kind: Kind::Seconds }
    }

    /// From the logarithm of one value to that of another, with some room at both ends.
    pub(super) fn log(low: f64, high: f64) -> Scale {
        let low = low.clamp(1e-6, 1e12);
        Scale { low: low / 1.08, high: high.clamp(low, 1e12) * 1.08, kind: Kind::Log }
    }

    /// Where a value is: 0 at the low end, 1 at the high one, and never beyond.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = match self.kind {
            Kind::Log => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
            Kind::Linear | Kind::Seconds => (value - self.low) / (self.high - self.low),
        };
        share.clamp(0.0, 1.0)
    }

    /// The value at a place.
    pub(super) fn value(&self, at: f64) -> f64 {
        match self.kind {
            Kind::Log => self.low * (self.high / self.low).powf(at),
            Kind::Linear | Kind::Seconds => self.low + at * (self.high - self.low),
        }
    }

    /// Round values along the axis.
    pub(super) fn labels(&self, text: impl Fn(f64) -> String) -> Vec<Label> {
        let within = |value: &f64| (self.low..=self.high).contains(value);
        let ticks = self.ticks().into_iter().filter(within);
        ticks.map(|value| Label { at: self.at(value), text: text(value) }).collect()
    }

    fn ticks(&self) -> Vec<f64> {
        let decades = (self.high / self.low.max(1e-12)).log10();
        match self.kind {
            Kind::Log if decades > 0.7 => {
                // Labels at 1, 2 and 5 where there is room for three in each decade.
                let (steps, every): (&[f64], i32) = match decades {
                    d if d < 2.2 => (&[1.0, 2.0, 5.0], 1),
                    d if d < 8.0 => (&[1.0], 1),
                    _ => (&[1.0], 2),
                };
                let first = self.low.log10().floor() as i32;
                let powers = (first..=first + decades as i32 + 1).filter(|n| n % every == 0);
                powers.flat_map(|n| steps.iter().map(move |step| step * 10f64.powi(n))).collect()
            }
            _ => {
                let step = self.step();
                let first = (self.low / step).ceil();
                (0..=2 * LABELS as u32).map(|n| (first + f64::from(n)) * step).collect()
            }
        }
    }

    fn step(&self) -> f64 {
        let least = (self.high - self.low) / LABELS;
        let clock = CLOCK_S.into_iter().find(|step| *step >= least);
        if let (Kind::Seconds, true) = (self.kind, least > 0.5) {
            return clock.unwrap_or_else(|| (least / 3600.0).ceil() * 3600.0);
        }
        let power = 10f64.powf(least.log10().floor());
        [1.0, 2.0, 5.0].into_iter().map(|n| n * power).find(|step| *step >= least).unwrap_or(10.0 * power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: Scale) -> Vec<String> {
        scale.labels(|value| format!("{}", (value * 1e6).round() / 1e6)).into_iter().map(|label| label.text).collect()
    }

    #[test]
    fn labels_are_round() {
        assert_eq!(texts(Scale::linear(10.0)), ["0", "5", "10"]);
        assert_eq!(texts(Scale::linear(2000.0)), ["0", "500", "1000", "1500", "2000"]);
        assert_eq!(texts(Scale::seconds(20.0)), ["0", "5", "10", "15", "20"]);
        assert_eq!(texts(Scale::seconds(1200.0)), ["0", "300", "600", "900", "1200"]);
        assert_eq!(texts(Scale::seconds(0.9)), ["0", "0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(texts(Scale::log(0.9, 30.0)), ["1", "2", "5", "10", "20"]);
        assert_eq!(texts(Scale::log(0.02, 900.0)), ["0.1", "1", "10", "100"]);
        assert_eq!(texts(Scale::log(3.0, 3.1)), ["2.8", "3", "3.2"]);
    }

    #[test]
    fn places_lie_on_the_axis_whatever_the_value() {
        for scale in [Scale::linear(0.0), Scale::seconds(f64::MAX), Scale::log(0.0, 0.0), Scale::log(5.0, 1.0)] {
            for value in [0.0, -1.0, 1.0, 1e300] {
                assert!((0.0..=1.0).contains(&scale.at(value)), "{scale:?} {value}");
            }
            assert!(scale.labels(|value| value.to_string()).len() < 15);
        }
        let scale = Scale::log(1.0, 1000.0);
        assert!((scale.value(scale.at(40.0)) - 40.0).abs() < 1e-9);
    }
}
