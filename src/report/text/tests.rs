use super::failures::MAX_COMMANDS;
use super::latency::COLUMNS;
use super::layout::width;
use super::*;
use crate::plan::ModelKind;
use crate::record::{Cause, Phase};
use crate::report::sample::{latency_of, summary, thresholds};
use crate::stats::{Accounting, Confidence, ErrorLine, FailureLine, PlanLine, WavesLine};

const EXPECTED: &str = "\
2 of 100 requests failed: 1 connection reset, 1 HTTP 404

POST http://127.0.0.1:8000/post
waves of 20 users, 100 requests, timeout 10.0 s, seed 7

  Requests        100 = 98 ok + 1 HTTP error + 1 failed in 1.23 s
  Success rate    98.00%
  Status          200: 98   404: 1
  Throughput      80.2/s, limited by the slowest response of each wave;
                  --model closed sends like oha or hey
  Data            45.2 kB received, 61.0 kB sent, 20 connections

  Latency             min      p50      p90      p95      p99      max     mean
    response      1.23 ms  1.84 ms  3.69 ms  4.92 ms ~6.15 ms  7.38 ms  2.46 ms
    connect       50.0 µs  75.0 µs   150 µs   200 µs  ~250 µs   300 µs   100 µs
  ~ too few requests for a reliable value
  95% intervals   p50 1.80-1.90 ms

    <=     2 ms           90  ■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■
    <=     4 ms            0
    <=  7.38 ms            9  ■■■■
  Waves           5 of 20 users, released within 180 µs (p50), 240 µs (max)

  Failures              1  read: reset
                           at 500 ms; request 17 after 3.40 ms
    curl -H 'Authorization: ***' --data-raw '{}' http://127.0.0.1:8000/post
";

#[test]
fn a_summary_reads_like_this() {
    assert_eq!(text(&summary(), Paint::Plain), EXPECTED);
}

#[test]
fn what_is_this_tools_is_said_first_and_beside_the_numbers() {
    let mut late = summary();
    late.plan = PlanLine {
        model: ModelKind::Open,
        requests: None,
        duration_s: Some(10.0),
        rate_per_s: Some(1000.0),
        arrivals: Some("poisson".into()),
        ..late.plan
    };
    late.service_ms = Some(latency_of(1.1));
    late.generator.verdict = Verdict::Degraded;
    late.generator.reasons = vec!["up to 950 us of the p99 of 6.15 ms is the delay of onrush itself".into()];
    late.generator.limited_by = Some(LimitedBy::Server);
    let zero = ErrorLine { p50: 0.0, p75: 0.0, p90: 0.0, p95: 0.0, p99: 0.0, p99_9: 0.0, p99_99: 0.0, max: 0.0 };
    late.generator.error_ms = Some(ErrorLine { p50: 0.001, p95: 0.041, p99: 0.095, max: 2.2, ..zero });
    let text = text(&late, Paint::Plain);
    let expected = "\
2 of 100 requests failed: 1 connection reset, 1 HTTP 404
Measurement: noisy (up to 950 us of the p99 of 6.15 ms is the delay of onrush
itself)

POST http://127.0.0.1:8000/post
open model, 20 connections, 1,000/s poisson, for 10.0 s, timeout 10.0 s, seed 7
";
    assert!(text.starts_with(expected), "{text}");
    let row = "\
    service       1.10 ms  1.65 ms  3.30 ms  4.40 ms ~5.50 ms  6.60 ms  2.20 ms
    onrush overhead <=                       41.0 µs  95.0 µs  2.20 ms
";
    assert!(text.contains(row) && text.contains("  Limited by      the server\n"), "{text}");
}

#[test]
fn what_is_zero_is_not_shown() {
    let clean = Summary {
        accounting: Accounting { scheduled: 98, ok: 98, ..Accounting::default() },
        failures: vec![],
        waves: None,
        connect_ms: None,
        ..summary()
    }
    .with_outcome();
    let text = text(&clean, Paint::Plain);
    for word in ["failed", "HTTP errors", "timed out", "unfinished", "Failures", "Waves", "connect ", "note", "service"]
    {
        assert!(!text.contains(word), "{word} in\n{text}");
    }
}

#[test]
fn the_largest_numbers_fit_80_columns_with_and_without_colour() {
    let n = 1_234_567_890;
    let mut most = summary();
    most.plan.url = format!("http://127.0.0.1/{}", "x".repeat(200));
    most.plan.warmup = Some("1234567 requests".into());
    most.plan.requests = Some(n);
    most.plan.duration_s = Some(86_399.0);
    most.plan.workers = 64;
    most.plan.seed = u64::MAX;
    most.interrupted = true;
    most.accounting =
        Accounting { scheduled: 6 * n, ok: n, http_error: n, failed: n, timeout: n, unfinished: n, unsent: n };
    (most.bytes_in, most.bytes_out, most.connections) = (u64::MAX, u64::MAX, n);
    (most.connections_replaced, most.requests_retried) = (n, n);
    let mut response = latency_of(599_999.0);
    response.at_least = COLUMNS.iter().map(|name| String::from(*name)).collect();
    response.censored = n;
    most.failed_ms = Some(response.clone());
    most.response_ms = Some(response);
    most.status = (200..599).map(|code: u16| (code.to_string(), n)).collect();
    most.failures = Cause::ALL
        .iter()
        .map(|&cause| FailureLine { phase: Phase::Protocol, cause, count: n, ..summary().failures[0].clone() })
        .collect();
    most.waves = summary().waves.map(|waves| WavesLine { count: n, size: 1_000_000, together: n - 1, ..waves });
    most.generator.verdict = Verdict::Invalid;
    most.generator.limited_by = Some(LimitedBy::Connections);
    most.generator.reasons =
        vec!["a reason that is long enough to need more than one line of eighty columns, as they are".into()];
    let ms = 599_999.0;
    most.generator.error_ms =
        Some(ErrorLine { p50: ms, p75: ms, p90: ms, p95: ms, p99: ms, p99_9: ms, p99_99: ms, max: ms });
    most.confidence = ["p50", "p90", "p99", "p99_9"]
        .map(|name| Confidence {
            quantile: name.into(),
            low_ms: Some(0.999_4),
            high_ms: Some(ms),
            n_eff: None,
            needs: 1,
            run_for_s: None,
        })
        .into();
    most.histogram = vec![(1.0, n), (3_599_999.0, n)];
    most.thresholds = thresholds();
    most.notes = vec!["a note that is long enough to need more than one line of eighty columns, as many are".into()];
    for paint in [Paint::Plain, Paint::Colour] {
        let text = text(&most, paint);
        assert_eq!(text.matches("curl -H").count(), MAX_COMMANDS);
        for line in text.lines().filter(|line| !line.contains("curl -H")) {
            assert!(width(line) <= 80, "{} columns: {line}", width(line));
        }
    }
}

#[test]
fn without_colour_there_is_no_escape_sequence() {
    assert!(!text(&summary(), Paint::Plain).contains('\x1b'));
    assert!(text(&summary(), Paint::Colour).contains('\x1b'));
}

const THRESHOLDS: &str = "
  Thresholds      ✓ p99<200ms                12.3 ms
                  ✗ p99.99<1s                -
                    not determined: p99.99 needs 36,887 requests, there were 100
                  ✗ max<1s                   >= 900 ms
                    not determined: 2 requests got no answer and took longer
                    than is known
";

#[test]
fn thresholds_come_first_with_a_tick_or_a_cross() {
    let s = Summary { thresholds: thresholds(), ..summary() };
    let shown = text(&s, Paint::Plain);
    assert!(shown.starts_with(&format!("{}\n{THRESHOLDS}\nPOST ", s.outcome)), "{shown}");
    let coloured = text(&s, Paint::Colour);
    assert!(coloured.contains("\u{1b}[32m✓\u{1b}[0m") && coloured.contains("\u{1b}[31m✗\u{1b}[0m"), "{coloured}");
}
