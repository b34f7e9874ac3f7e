//! Saved summaries, as somebody may have changed them: whatever can be read can be shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use onrush::compare::Comparison;
use onrush::report::{self, Paint};
use onrush::stats::Summary;

fuzz_target!(|bytes: &[u8]| {
    let Ok(summary) = serde_json::from_slice::<Summary>(bytes) else { return };
    if summary.check().is_err() {
        return;
    }
    let json = report::json(&summary);
    let again: Summary = serde_json::from_str(&json).expect("what was written can be read");
    assert_eq!(report::json(&again), json);
    let _ = report::text(&summary, Paint::Colour);
    let _ = report::markdown(&summary);
    let _ = report::junit(&summary);
    let _ = report::html(&summary);
    let _ = report::hlog(&summary);
    // A longer run is compared as a short one is, in more time than there is here.
    if summary.wall_s > 5e3 * summary.interval_s {
        return;
    }
    if let Ok(comparison) = Comparison::new(("base", &summary), ("new", &summary), 0.02, &[]) {
        let _ = report::comparison::markdown(&comparison);
    }
});
