//! Thresholds, as somebody may write them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use onrush::threshold::Threshold;

fuzz_target!(|text: &str| {
    match Threshold::parse(text) {
        Ok(threshold) => assert_eq!(Threshold::parse(&threshold.text).as_ref(), Ok(&threshold)),
        Err(message) => {
            assert!(message.starts_with("column ") && !message.chars().any(char::is_control), "{message:?}")
        }
    }
});
