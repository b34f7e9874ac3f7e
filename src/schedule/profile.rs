//! A rate over time: held, or changing linearly, piece by piece.

use crate::time::Nanos;
use crate::units::{parse_duration, parse_rate};

/// One stage of a run: the rate goes from one value to another, which may be the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// How long it takes.
    pub lasting: Nanos,
    /// Requests per second at its start.
    pub from_per_s: f64,
    /// Requests per second at its end.
    pub to_per_s: f64,
}

impl Stage {
    /// Reads `30s@100, 1m@100..1000, 10s@0`: each stage lasts for a time at a
    /// rate, or goes from one rate to another.
    ///
    /// # Errors
    /// One line that says what is wrong with the text.
    pub fn parse_all(text: &str) -> Result<Vec<Stage>, String> {
        let stages: Vec<Stage> = text.split(',').map(Stage::parse).collect::<Result<_, _>>()?;
        let longest = Nanos::from_secs(1_000_000_000);
        if stages.iter().map(|stage| stage.lasting).fold(Nanos::ZERO, |sum, lasting| sum + lasting) > longest {
            return Err(format!("'{text}' is too long"));
        }
        match stages.iter().all(|stage| stage.from_per_s == 0.0 && stage.to_per_s == 0.0) {
            true => Err(format!("'{text}' has no request: give one stage a rate above 0")),
            false => Ok(stages),
        }
    }

    fn parse(text: &str) -> Result<Stage, String> {
        let text = text.trim();
        let Some((lasting, rates)) = text.split_once('@') else {
            return Err(format!("'{text}' is not a stage: write a time and a rate, as in 30s@100 or 1m@100..1000"));
        };
        let lasting = parse_duration(lasting)?;
        if lasting == Nanos::ZERO {
            return Err(format!("'{text}': a stage lasts longer than zero"));
        }
        // A stage, unlike a run, may have a rate of nothing.
        let rate = |text: &str| if text.trim() == "0" { Ok(0.0) } else { parse_rate(text) };
        let (from, to) = rates.split_once("..").unwrap_or((rates, rates));
        Ok(Stage { lasting, from_per_s: rate(from)?, to_per_s: rate(to)? })
    }
}

/// A rate over time, from T0. Its integral, the number of requests that were
/// due, can be inverted in closed form, so a schedule is arithmetic.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// In order; each begins where the one before ends. Never empty.
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    /// Seconds from T0.
    start_s: f64,
    /// Infinite if the rate is held for ever.
    lasting_s: f64,
    from_per_s: f64,
    to_per_s: f64,
    /// Requests before it.
    before: f64,
}

impl Profile {
    /// So many requests per second, for ever.
    pub fn constant(per_s: f64) -> Profile {
        let start = Piece { start_s: 0.0, lasting_s: f64::INFINITY, from_per_s: per_s, to_per_s: per_s, before: 0.0 };
        Profile { pieces: vec![start] }
    }

    /// Stages one after the other; at least one.
    pub fn stages(stages: &[Stage]) -> Profile {
        let (mut start, mut before) = (Nanos::ZERO, 0.0);
        let pieces = stages.iter().map(|stage| {
            let Stage { lasting, from_per_s, to_per_s } = *stage;
            let piece = Piece { start_s: start.as_secs(), lasting_s: lasting.as_secs(), from_per_s, to_per_s, before };
            start += lasting;
            before += piece.requests();
            piece
        });
        Profile { pieces: pieces.collect() }
    }

    /// Its stages; none if one rate is held for ever.
    pub fn stages_of(&self) -> impl Iterator<Item = Stage> + '_ {
        self.pieces.iter().filter(|piece| piece.lasting_s.is_finite()).map(|piece| Stage {
            lasting: from_secs(piece.lasting_s),
            from_per_s: piece.from_per_s,
            to_per_s: piece.to_per_s,
        })
    }

    /// The rate at T0.
    pub fn first_per_s(&self) -> f64 {
        self.pieces[0].from_per_s
    }

    /// The highest rate.
    pub fn peak_per_s(&self) -> f64 {
        self.pieces.iter().map(|piece| piece.from_per_s.max(piece.to_per_s)).fold(0.0, f64::max)
    }

    /// The end of the last stage. None: the rate is held for ever.
    pub fn length(&self) -> Option<Nanos> {
        let last = self.pieces.last()?;
        let end_s = last.start_s + last.lasting_s;
        end_s.is_finite().then(|| from_secs(end_s))
    }

    /// The mean rate up to `end`, or of the whole profile.
    pub fn mean_per_s(&self, end: Option<Nanos>) -> f64 {
        let end_s = match (end, self.length()) {
            (Some(end), Some(length)) => end.min(length).as_secs(),
            (Some(end), None) | (None, Some(end)) => end.as_secs(),
            (None, None) => return self.first_per_s(),
        };
        let requests = self.pieces.iter().filter(|piece| piece.start_s < end_s);
        let requests: f64 = requests.map(|piece| piece.requests_in(end_s - piece.start_s)).sum();
        if end_s > 0.0 { requests / end_s } else { 0.0 }
    }

    /// The instant (from T0) at which `x` requests were due, `x` of them before
    /// it. None: there never are so many. Looks at pieces from number `hint` on,
    /// which is updated, so that a rising `x` finds its piece at once.
    #[inline]
    pub(super) fn instant(&self, x: f64, hint: &mut usize) -> Option<Nanos> {
        loop {
            let piece = self.pieces.get(*hint)?;
            if let Some(after_s) = piece.after(x - piece.before) {
                return Some(from_secs(piece.start_s + after_s));
            }
            *hint += 1;
        }
    }
}

impl Piece {
    fn requests(&self) -> f64 {
        (self.from_per_s + self.to_per_s) / 2.0 * self.lasting_s
    }

    fn requests_in(&self, seconds: f64) -> f64 {
        let s = seconds.min(self.lasting_s);
        let slope =
            if self.from_per_s == self.to_per_s { 0.0 } else { (self.to_per_s - self.from_per_s) / self.lasting_s };
        (self.from_per_s + slope * s / 2.0) * s
    }

    /// Seconds from its start until `x` requests of it are due; None if it has no more than that.
    #[inline]
    fn after(&self, x: f64) -> Option<f64> {
        // The pieces before may add up to a hair more than they should.
        let x = x.max(0.0);
        if self.from_per_s == self.to_per_s {
            if self.from_per_s == 0.0 {
                return None;
            }
            let after_s = x / self.from_per_s;
            return (after_s < self.lasting_s).then_some(after_s);
        }
        if x >= self.requests() {
            return None;
        }
        // The root of from t + slope t^2 / 2 = x in the form that does not cancel.
        let slope = (self.to_per_s - self.from_per_s) / self.lasting_s;
        let root = (self.from_per_s * self.from_per_s + 2.0 * slope * x).max(0.0).sqrt();
        if x == 0.0 { Some(0.0) } else { Some(2.0 * x / (self.from_per_s + root)) }
    }
}

#[inline]
fn from_secs(s: f64) -> Nanos {
    Nanos((s * 1e9 + 0.5) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stage(seconds: u64, from_per_s: f64, to_per_s: f64) -> Stage {
        Stage { lasting: Nanos::from_secs(seconds), from_per_s, to_per_s }
    }

    fn at_ms(profile: &Profile, x: f64) -> Option<f64> {
        profile.instant(x, &mut 0).map(|at| at.as_millis())
    }

    #[test]
    fn stages_are_read_as_they_are_written() {
        let stages = Stage::parse_all("2s@10, 10s@10..110,1m@600/m..0").unwrap();
        assert_eq!(stages, [stage(2, 10.0, 10.0), stage(10, 10.0, 110.0), stage(60, 10.0, 0.0)]);
        for wrong in ["", "10s", "10s@", "@5", "0s@5", "10s@5..", "10s@-5", "10s@0", "10s@1e400", "1s@5,,1s@5"] {
            assert!(Stage::parse_all(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_held_rate_is_evenly_spaced() {
        let profile = Profile::constant(1000.0);
        assert_eq!([0.0, 1.0, 9_999.0].map(|x| at_ms(&profile, x)), [Some(0.0), Some(1.0), Some(9_999.0)]);
        assert_eq!((profile.length(), profile.mean_per_s(None)), (None, 1000.0));
    }

    #[test]
    fn stages_follow_each_other_without_a_gap() {
        let profile = Profile::stages(&[stage(2, 10.0, 10.0), stage(10, 10.0, 110.0), stage(1, 0.0, 0.0)]);
        // 20 requests in the first stage, 600 in the second: after t seconds of it 10 t + 5 t^2.
        assert_eq!([0.0, 19.0, 20.0].map(|x| at_ms(&profile, x)), [Some(0.0), Some(1900.0), Some(2000.0)]);
        assert_eq!([35.0, 60.0].map(|x| at_ms(&profile, x)), [Some(3000.0), Some(4000.0)]);
        assert_eq!(at_ms(&profile, 620.0), None, "the third has none");
        assert_eq!((profile.length(), profile.peak_per_s()), (Some(Nanos::from_secs(13)), 110.0));
        assert_eq!(profile.mean_per_s(Some(Nanos::from_secs(4))), 15.0);
    }

    #[test]
    fn a_ramp_may_begin_or_end_at_nothing() {
        let up = Profile::stages(&[stage(10, 0.0, 20.0)]);
        assert_eq!([0.0, 25.0].map(|x| at_ms(&up, x)), [Some(0.0), Some(5000.0)]);
        let down = Profile::stages(&[stage(10, 20.0, 0.0)]);
        assert_eq!([0.0, 75.0].map(|x| at_ms(&down, x)), [Some(0.0), Some(5000.0)]);
        assert_eq!((at_ms(&up, 100.0), at_ms(&down, 100.0)), (None, None));
    }

    #[test]
    fn a_stage_without_requests_is_passed_over() {
        let stages = Stage::parse_all("100ms@23, 3s@128.9, 1s@0, 1s@10").unwrap();
        let profile = Profile::stages(&stages);
        let mut hint = 0;
        let instants = (0..).map_while(|i| profile.instant(f64::from(i), &mut hint));
        // What is a hair before the end is the end, when it is rounded to nanoseconds.
        let instants: Vec<Nanos> = instants.take_while(|at| *at < profile.length().unwrap()).collect();
        assert!(instants.windows(2).all(|pair| pair[0] < pair[1]), "{instants:?}");
        let paused = Nanos::from_millis(3_100)..Nanos::from_millis(4_100);
        assert!(!instants.iter().any(|at| paused.contains(at)) && instants.len() == 399, "{}", instants.len());
    }

    proptest! {
        #[test]
        fn instants_rise_and_their_number_is_the_integral(
            stages in prop::collection::vec((1u64..5, 0u32..200, 0u32..200), 1..5),
        ) {
            let stages: Vec<Stage> = stages.iter().map(|&(s, a, b)| stage(s, a.into(), b.into())).collect();
            let profile = Profile::stages(&stages);
            let mut hint = 0;
            let instants: Vec<Nanos> = (0..).map_while(|i| profile.instant(f64::from(i), &mut hint)).collect();
            prop_assert!(instants.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(instants.iter().all(|&at| at < profile.length().unwrap()));
            let requests: f64 = profile.pieces.iter().map(Piece::requests).sum();
            prop_assert!((instants.len() as f64 - requests.ceil()).abs() <= 1.0, "{} of {requests}", instants.len());
        }
    }
}
