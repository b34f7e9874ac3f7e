//! No text makes the reading of durations panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onrush::units::parse_duration;

fuzz_target!(|text: &str| {
    if let Ok(nanos) = parse_duration(text) {
        assert!(nanos.0 < u64::MAX, "{text:?} is read as never");
    } else {
        assert!(!text.bytes().all(|b| b.is_ascii_digit()) || text.is_empty() || text.len() > 9, "{text:?}");
    }
});
