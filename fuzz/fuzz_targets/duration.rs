//! No text makes the reading of durations panic or go beyond its bound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onrush::time::Nanos;
use onrush::units::parse_duration;

fuzz_target!(|text: &str| {
    if let Ok(nanos) = parse_duration(text) {
        assert!(nanos < Nanos::from_secs(9_000_000_000), "{text:?} is read as {}", nanos.0);
    } else {
        assert!(!text.bytes().all(|b| b.is_ascii_digit()) || text.is_empty() || text.len() > 9, "{text:?}");
    }
});
