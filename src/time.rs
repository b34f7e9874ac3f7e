//! Time: one type for instants and spans, and the only place that reads a clock.

use std::fmt;
use std::ops::{Add, AddAssign};

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Nanoseconds: either a span, or an instant of the monotonic clock.
///
/// Arithmetic saturates: an instant before the clock's origin or beyond its
/// range (584 years) cannot be expressed and is not an error worth a panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanos(pub u64);

impl Nanos {
    /// No time, or the clock's origin.
    pub const ZERO: Nanos = Nanos(0);
    /// Later than any instant: never.
    pub const NEVER: Nanos = Nanos(u64::MAX);

    /// `n` microseconds.
    pub const fn from_micros(n: u64) -> Nanos {
        Nanos(n.saturating_mul(1_000))
    }

    /// `n` milliseconds.
    pub const fn from_millis(n: u64) -> Nanos {
        Nanos(n.saturating_mul(1_000_000))
    }

    /// `n` seconds.
    pub const fn from_secs(n: u64) -> Nanos {
        Nanos(n.saturating_mul(1_000_000_000))
    }

    /// The span from `earlier` to `self`; zero if `earlier` is later.
    #[inline]
    pub const fn since(self, earlier: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }

    /// `span` before `self`; the clock's origin if that is later.
    #[inline]
    pub const fn before(self, span: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(span.0))
    }

    /// In seconds.
    pub fn as_secs(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// In milliseconds.
    pub fn as_millis(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// In microseconds.
    pub fn as_micros(self) -> f64 {
        self.0 as f64 / 1e3
    }
}

impl Add for Nanos {
    type Output = Nanos;

    #[inline]
    fn add(self, span: Nanos) -> Nanos {
        Nanos(self.0.saturating_add(span.0))
    }
}

impl AddAssign for Nanos {
    #[inline]
    fn add_assign(&mut self, span: Nanos) {
        *self = *self + span;
    }
}

/// Three significant digits in the unit that fits: `812 ns`, `1.38 ms`, `12.0 s`, `2m05s`.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            0..1_000 => format!("{} ns", self.0),
            1_000..999_500 => three_digits(self.as_micros(), "µs"),
            999_500..999_500_000 => three_digits(self.as_millis(), "ms"),
            999_500_000..99_950_000_000 => three_digits(self.as_secs(), "s"),
            _ => {
                let seconds = self.0.saturating_add(500_000_000) / 1_000_000_000;
                match seconds {
                    0..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
                    _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
                }
            }
        };
        f.pad(&text)
    }
}

fn three_digits(value: f64, unit: &str) -> String {
    let decimals = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// The monotonic clock, now.
#[inline]
pub fn monotonic() -> Nanos {
    clock(ClockId::CLOCK_MONOTONIC)
}

/// One reading of both clocks, so that the wall-clock time of any monotonic
/// instant can be computed: the run never asks the wall clock again, and a
/// step of it changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    monotonic: Nanos,
    /// Nanoseconds since 1970-01-01T00:00:00Z at `monotonic`.
    unix: Nanos,
}

impl WallClock {
    /// Reads both clocks.
    pub fn read() -> WallClock {
        WallClock { monotonic: monotonic(), unix: clock(ClockId::CLOCK_REALTIME) }
    }

    /// A clock that shows `unix` at the monotonic instant zero, for tests.
    pub fn fixed(unix: Nanos) -> WallClock {
        WallClock { monotonic: Nanos::ZERO, unix }
    }

    /// The monotonic instant at which the wall clock shows `unix`, nanoseconds since 1970-01-01T00:00:00Z.
    pub fn monotonic_at(&self, unix: Nanos) -> Nanos {
        match unix >= self.unix {
            true => self.monotonic + unix.since(self.unix),
            false => self.monotonic.before(self.unix.since(unix)),
        }
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z at the monotonic instant `at`.
    pub fn unix_at(&self, at: Nanos) -> Nanos {
        match at >= self.monotonic {
            true => self.unix + at.since(self.monotonic),
            false => self.unix.before(self.monotonic.since(at)),
        }
    }
}

/// Processor time that this thread has used so far, in user space and in the kernel.
pub fn thread_cpu() -> Nanos {
    clock(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

/// What this clock shows.
#[inline]
fn clock(id: ClockId) -> Nanos {
    let t = clock_gettime(id).expect("POSIX has this clock");
    Nanos(t.tv_sec().max(0) as u64 * 1_000_000_000 + t.tv_nsec() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_picks_a_unit_and_three_digits() {
        for (ns, text) in [
            (0, "0 ns"),
            (812, "812 ns"),
            (1_380, "1.38 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (12_340_000, "12.3 ms"),
            (999_999_999, "1.00 s"),
            (59_940_000_000, "59.9 s"),
            (125_000_000_000, "2m05s"),
            (3_725_000_000_000, "1h02m"),
        ] {
            assert_eq!(Nanos(ns).to_string(), text);
        }
    }

    #[test]
    fn a_wall_clock_converts_instants_on_both_sides_of_its_reading() {
        let clock = WallClock { monotonic: Nanos(100), unix: Nanos(1_000) };
        assert_eq!(clock.unix_at(Nanos(150)), Nanos(1_050));
        assert_eq!(clock.unix_at(Nanos(40)), Nanos(940));
        assert_eq!((clock.monotonic_at(Nanos(1_050)), clock.monotonic_at(Nanos(940))), (Nanos(150), Nanos(40)));
    }

    #[test]
    fn the_monotonic_clock_does_not_run_backwards() {
        let first = monotonic();
        assert!(monotonic() >= first);
    }
}
