//! The line that stands first in all forms.

use super::sample::summary;
use crate::record::{Cause, Phase};
use crate::stats::{Accounting, FailureLine, Summary, ThresholdLine, Verdict};

fn said(s: Summary) -> (String, bool) {
    let s = s.with_outcome();
    (s.outcome, s.passed)
}

fn failure(phase: Phase, cause: Cause, count: u64) -> FailureLine {
    FailureLine { phase, cause, count, first_s: 0.0, last_s: 0.0, example: String::new(), curl: None }
}

fn line(accounting: Accounting, failures: Vec<FailureLine>, status: &[(&str, u64)]) -> (String, bool) {
    let status = status.iter().map(|(status, n)| (status.to_string(), *n)).collect();
    let s = Summary { accounting, failures, status, thresholds: vec![], interrupted: false, ..summary() };
    said(s)
}

#[test]
fn requests_are_told_with_what_they_failed_of() {
    let none = Accounting::default();
    let refused = |n| failure(Phase::Connect, Cause::Refused, n);
    let late = |n| failure(Phase::Timeout, Cause::WaitFirstByte, n);
    for (accounting, failures, status, expected) in [
        (Accounting { ok: 1_000, ..none }, vec![], &[("200", 1_000)][..], "1,000 requests, all ok"),
        (Accounting { ok: 1, unfinished: 13, ..none }, vec![], &[("200", 1)], "1 request, all ok, +13 unfinished"),
        (Accounting { http_error: 200, ..none }, vec![], &[("503", 200)], "200 of 200 requests failed: HTTP 503"),
        (Accounting { failed: 20, ..none }, vec![refused(20)], &[], "20 of 20 requests failed: connection refused"),
        (
            Accounting { ok: 90, http_error: 3, failed: 2, timeout: 5, unsent: 4, ..none },
            vec![refused(2), late(5)],
            &[("200", 90), ("500", 2), ("404", 1)],
            "10 of 100 requests failed: 5 timeout (waiting for the first byte), 2 connection refused, 2 HTTP 500 \
             and 1 more, +4 unsent",
        ),
        (Accounting { unfinished: 2, ..none }, vec![], &[], "no request came to an end, +2 unfinished"),
        (none, vec![], &[], "no request came to an end"),
    ] {
        let (said, passed) = line(accounting, failures, status);
        let expected = expected.replace("waiting for the first byte", Cause::WaitFirstByte.text());
        assert_eq!(said, expected);
        assert_eq!(passed, said.contains("all ok"), "{said}");
    }
}

#[test]
fn thresholds_decide_where_there_are_any() {
    let threshold = |text: &str, passed, shown: &str, why: Option<&str>| ThresholdLine {
        threshold: text.into(),
        passed,
        value: None,
        shown: (!shown.is_empty()).then(|| shown.into()),
        undetermined: why.map(String::from),
    };
    let of = |thresholds: Vec<ThresholdLine>| {
        let s = Summary { thresholds, interrupted: false, ..summary() };
        said(s)
    };
    let met = || threshold("errors<1%", true, "0%", None);
    let missed = || threshold("p99<20ms", false, "34.1 ms", None);
    let unknown = || threshold("p99.9<1s", false, "", Some("p99.9 needs 3,688 requests, there were 100"));
    assert_eq!(of(vec![met(), met()]), ("PASSED 2 of 2 thresholds".into(), true));
    assert_eq!(of(vec![missed()]), ("FAILED p99<20ms: 34.1 ms".into(), false));
    assert_eq!(of(vec![met(), missed()]), ("FAILED 1 of 2 thresholds: p99<20ms: 34.1 ms".into(), false));
    let (line, passed) = of(vec![unknown()]);
    assert_eq!(line, "FAILED p99.9<1s: not determined (p99.9 needs 3,688 requests, there were 100)");
    assert!(!passed);
    let s = Summary { thresholds: vec![met()], interrupted: true, ..summary() };
    assert_eq!(said(s), ("PASSED 1 of 1 threshold, ended early".into(), true));
}

#[test]
fn the_measurement_is_told_only_where_there_is_something_to_say() {
    let mut s = summary();
    assert_eq!(s.measurement(), None);
    s.generator.verdict = Verdict::Degraded;
    s.generator.reasons = vec!["up to 140 us of the p99 of 150 us is the delay of onrush itself".into()];
    let said = "Measurement: noisy (up to 140 us of the p99 of 150 us is the delay of onrush itself)";
    assert_eq!(s.measurement().as_deref(), Some(said));
}
