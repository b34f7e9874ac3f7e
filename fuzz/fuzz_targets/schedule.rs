//! No text makes the reading of rates and stages panic, and every schedule
//! that can be read is in order and within its time.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use onrush::schedule::{Arrivals, Profile, Schedule, Spacing, Stage};
use onrush::time::Nanos;
use onrush::units::parse_rate;

fuzz_target!(|text: &str| {
    if let Ok(rate) = parse_rate(text) {
        assert!(rate > 0.0 && rate < 1e9, "{text:?} is read as {rate}");
        walk(Profile::constant(rate), text);
    }
    if let Ok(stages) = Stage::parse_all(text) {
        walk(Profile::stages(&stages), text);
    }
});

fn walk(profile: Profile, text: &str) {
    let length = profile.length().unwrap_or(Nanos::NEVER);
    for spacing in [Spacing::Uniform, Spacing::Poisson] {
        let profile = Arc::new(profile.clone());
        let schedule = Schedule { profile, spacing, seed: 1, end: Nanos::NEVER, requests: 1_000 };
        let mut arrivals = Arrivals::new(&schedule, 0, 2);
        let mut last = Nanos::ZERO;
        while let Some(due) = arrivals.peek() {
            assert!(due.at >= last && due.at < length && due.index < 1_000, "{text:?}: {due:?} after {last}");
            last = due.at;
            arrivals.advance();
        }
    }
}
