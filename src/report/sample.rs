//! The summary that the tests of all reporters show.

use std::collections::BTreeMap;

use crate::plan::ModelKind;
use crate::record::{Cause, Phase};
use crate::stats::{
    Accounting, Confidence, FailureLine, GeneratorLine, Latency, Micros, PlanLine, SCHEMA, SteadyLine, Summary,
    ThresholdLine, Tool, Verdict, WavesLine,
};

/// Five waves of twenty users, with an HTTP error and a failure.
pub(crate) fn summary() -> Summary {
    Summary {
        targets: vec![],
        schema: SCHEMA,
        outcome: "2 of 100 requests failed: 1 connection reset, 1 HTTP 404".into(),
        passed: false,
        tool: Tool { name: "onrush".into(), version: "0.1.0".into() },
        started_at: "2026-01-01T00:00:00.000Z".into(),
        started_at_unix_s: 1_767_225_600.0,
        plan: PlanLine {
            url: "http://127.0.0.1:8000/post".into(),
            method: "POST".into(),
            model: ModelKind::Waves,
            concurrency: 20,
            wave_every_s: None,
            requests: Some(100),
            duration_s: None,
            rate_per_s: None,
            stages: vec![],
            arrivals: None,
            max_backlog: None,
            warmup: None,
            timeout_s: 10.0,
            drain_s: 10.0,
            seed: 7,
            workers: 1,
            http_version: "1.1".into(),
            connections: None,
            streams: None,
        },
        thresholds: vec![],
        interrupted: false,
        wall_s: 1.2345,
        accounting: Accounting { scheduled: 100, ok: 98, http_error: 1, failed: 1, ..Accounting::default() },
        throughput_per_s: 80.19,
        success_rate: Some(0.98),
        outages: vec![],
        availability: Some(1.0),
        bytes_in: 45_200,
        bytes_out: 61_000,
        connections: 20,
        connections_replaced: 0,
        requests_retried: 0,
        streams_allowed: None,
        response_ms: Some(latency_of(1.23)),
        service_ms: Some(latency_of(1.23)),
        first_byte_ms: Some(latency_of(1.2)),
        connect_ms: Some(latency_of(0.05)),
        failed_ms: None,
        confidence: vec![
            Confidence {
                quantile: "p50".into(),
                low_ms: Some(1.8),
                high_ms: Some(1.9),
                n_eff: Some(98.0),
                needs: 6,
                run_for_s: None,
            },
            Confidence {
                quantile: "p99_9".into(),
                low_ms: None,
                high_ms: None,
                n_eff: None,
                needs: 3_688,
                run_for_s: None,
            },
        ],
        steady: SteadyLine { warmup_s: None, stationary: None, from_s: None, growth_per_s: None, growth_r2: None },
        generator: generator(),
        status: BTreeMap::from([("200".into(), 98), ("404".into(), 1)]),
        failures: vec![FailureLine {
            phase: Phase::Read,
            cause: Cause::Reset,
            count: 1,
            first_s: 0.5,
            last_s: 0.5,
            example: "request 17 after 3.40 ms".into(),
            curl: Some("curl -H 'Authorization: ***' --data-raw '{}' http://127.0.0.1:8000/post".into()),
        }],
        waves: Some(WavesLine {
            count: 5,
            size: 20,
            together: 5,
            release_spread_us: Some(Micros { p50: 180.0, p99: 240.0, max: 240.0 }),
            list: vec![],
        }),
        intervals: vec![],
        interval_s: 1.0,
        histogram: vec![(2.0, 90), (4.0, 0), (7.38, 9)],
        csv: None,
        sink_wait_s: 0.0,
        notes: vec![],
        command: None,
    }
}

/// One that is met, one without enough requests, and one that is not known to be met.
pub(crate) fn thresholds() -> Vec<ThresholdLine> {
    let line = |threshold: &str, passed, value, shown: Option<&str>, undetermined: Option<&str>| ThresholdLine {
        threshold: threshold.into(),
        passed,
        value,
        shown: shown.map(Into::into),
        undetermined: undetermined.map(Into::into),
    };
    let (few, censored) =
        ("p99.99 needs 36,887 requests, there were 100", "2 requests got no answer and took longer than is known");
    vec![
        line("p99<200ms", true, Some(12.3), Some("12.3 ms"), None),
        line("p99.99<1s", false, None, None, Some(few)),
        line("max<1s", false, Some(900.0), Some(">= 900 ms"), Some(censored)),
    ]
}

/// Numbers around a smallest one, without buckets.
pub(crate) fn latency_of(ms: f64) -> Latency {
    Latency {
        count: 98,
        min: ms,
        mean: ms * 2.0,
        stddev: ms,
        p50: ms * 1.5,
        p75: ms * 2.0,
        p90: ms * 3.0,
        p95: ms * 4.0,
        p99: ms * 5.0,
        p99_9: ms * 6.0,
        p99_99: ms * 6.0,
        max: ms * 6.0,
        censored: 0,
        at_least: vec![],
        unsure: vec!["p99".into(), "p99_9".into()],
        histogram: String::new(),
    }
}

fn generator() -> GeneratorLine {
    GeneratorLine {
        verdict: Verdict::Valid,
        reasons: vec![],
        limited_by: None,
        send_lag_us: None,
        error_ms: None,
        shares_cpu: false,
        read_lag: None,
        cpu: 0.1,
        busiest_cpu: 0.2,
        run_queue: None,
        stall_ms: 0.0,
        wake_up_us: None,
        connections_asked: 20,
        connections_reached: 20,
        ports: None,
        descriptors: None,
        present_s: 0.1,
        response_sum_s: 0.1,
    }
}
