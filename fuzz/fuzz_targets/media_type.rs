//! A boundary that is added to a media type is the one that is found in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onrush::request::{boundary, with_boundary};

fuzz_target!(|text: &str| {
    // Behind a quote that is not closed nothing can be found.
    if boundary(text).is_none() && !text.contains('"') {
        assert_eq!(boundary(&with_boundary(text, "x-1")).as_deref(), Some("x-1"));
    }
});
