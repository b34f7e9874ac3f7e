//! The open model from outside: schedules, outputs, and what they say together.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use onrush::plan::ModelKind;
use onrush::serve::Server;

use crate::scripted::{Hostile, OK};
use crate::support::{Report, Row, onrush, target};

fn url(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.address())
}

#[track_caller]
fn run(arguments: &str, requests: usize) -> Report {
    let server = target();
    let report = onrush(arguments).arg(url(&server, "/")).report();
    report.assert_all_ok(requests);
    assert_eq!(server.requests(), requests as u64, "requests at the server");
    report
}

#[test]
fn a_rate_and_a_time_make_a_number_of_requests() {
    for (arguments, requests) in [
        ("--rate 500 -z 400ms -c 5", 200),
        ("--rate 500/s -z 400ms -c 6 --workers 3", 200),
        ("-q 30000/m -n 100 -c 5", 100),
        ("--rate 10/ms -z 20ms -c 5 --model open", 200),
        ("--stages 200ms@100,200ms@100..300 -c 5", 60),
        ("--stages 200ms@100,10s@100 -z 400ms -c 5", 40),
        ("--rate 500 -z 400ms -c 5 --disable-keepalive", 200),
        ("--rate 500 -z 400ms -c 5 --kernel-stamps", 200),
    ] {
        let report = run(arguments, requests);
        assert_eq!(report.indexes(), (0..requests as u64).collect::<Vec<_>>(), "{arguments}");
        assert!(report.rows.iter().all(|row| row.wave.is_none()), "{arguments}");
    }
}

#[test]
fn requests_are_due_on_their_schedule_to_the_microsecond() {
    let report = run("--rate 250 -z 200ms -c 5 --workers 2", 50);
    for row in &report.rows {
        assert_eq!(row.start_ms, row.index as f64 * 4.0, "{row:?}");
        let wait = row.latency_ms - row.service_ms.unwrap() - row.lag_ms.unwrap();
        assert!(wait > -0.002, "{row:?}");
    }
    let plan = &report.summary.plan;
    assert_eq!((plan.model, plan.rate_per_s), (ModelKind::Open, Some(250.0)));
    assert_eq!((plan.arrivals.as_deref(), plan.max_backlog), (Some("uniform"), Some(1_000_000)));
}

#[test]
fn the_same_seed_is_the_same_schedule_with_any_number_of_workers() {
    let dues = |workers: u32| {
        let report = run(&format!("--rate 400 --arrivals poisson -n 100 -c 8 --seed 7 --workers {workers}"), 100);
        let mut dues: Vec<(u64, f64)> = report.rows.iter().map(|row| (row.index, row.start_ms)).collect();
        dues.sort_by_key(|(index, _)| *index);
        dues
    };
    let one = dues(1);
    assert_eq!(one, dues(3));
    assert!(one.windows(2).all(|pair| pair[0].1 <= pair[1].1), "numbers rise with time");
}

#[test]
fn a_warm_up_at_a_rate_is_sent_and_not_counted() {
    for (arguments, extra) in [("--warmup 20", 20), ("--warmup 100ms", 50), ("--warmup 20 --workers 2", 20)] {
        let server = target();
        let report = onrush(&format!("--rate 500 -z 200ms -c 4 {arguments}")).arg(url(&server, "/")).report();
        report.assert_all_ok(100);
        assert_eq!(server.requests(), 100 + extra, "{arguments}");
    }
}

#[test]
fn response_and_service_times_stand_side_by_side_with_what_is_this_tools() {
    let server = target();
    let report = onrush("--rate 200 -z 500ms -c 1").arg(url(&server, "/delay/20ms")).report();
    report.assert_all_ok(100);
    let (response, service) =
        (report.summary.response_ms.as_ref().unwrap(), report.summary.service_ms.as_ref().unwrap());
    assert!(service.p50 < 40.0 && response.p50 > 100.0, "{} {}", service.p50, response.p50);
    assert!(report.stdout.contains("\n    response ") && report.stdout.contains("\n    service "), "{}", report.stdout);
    let waiting = report.summary.intervals.iter().map(|interval| interval.waiting).fold(0.0, f64::max);
    assert!(waiting > 10.0, "{waiting}");
    assert_eq!(report.summary.generator.limited_by.map(|by| by.text()), Some("connections"));
    assert!(report.summary.notes.iter().any(|note| note.starts_with("not sustained: backlog grows")));
}

#[test]
fn a_full_backlog_ends_the_run_and_says_so() {
    let server = target();
    let report = onrush("--rate 1000 -z 30s -c 2 --max-backlog 50").arg(url(&server, "/delay/300ms")).report();
    assert_eq!((report.summary.accounting.ok, report.summary.accounting.unsent), (2, 50));
    assert!(report.summary.notes.iter().any(|note| note.contains("--max-backlog")), "{:?}", report.summary.notes);
}

#[test]
fn an_interrupted_schedule_counts_what_was_due() {
    let server = Hostile::start(|peer| {
        peer.request();
        peer.write(OK);
        peer.request();
        peer.stall();
    });
    let run = onrush("--rate 1000 -z 30s -c 4").arg(server.url()).start_report();
    server.wait_for_requests(8);
    run.interrupt();
    let report = run.report();
    let accounting = report.summary.accounting;
    assert_eq!((report.code, accounting.ok, accounting.unfinished), (130, 4, 4));
    assert_eq!(report.summary.response_ms.unwrap().censored, accounting.unfinished + accounting.unsent);
}

#[test]
fn kernel_stamps_say_how_long_answers_lay_unread() {
    for model in ["--rate 500 -n 50", "--model closed -n 50", "-n 50"] {
        let server = target();
        let report = onrush(&format!("{model} -c 5 --kernel-stamps")).arg(url(&server, "/")).report();
        report.assert_all_ok(50);
        assert_eq!(report.summary.generator.read_lag.as_deref(), Some("kernel stamps"), "{model}");
        let error = report.summary.generator.error_ms.expect("it is known");
        assert!(error.p50 <= report.summary.response_ms.unwrap().p50, "{model}");
    }
}

#[test]
fn the_histogram_log_is_read_by_another_library_and_loses_nothing() {
    let server = target();
    let log = tempfile::NamedTempFile::new().unwrap();
    let report = onrush("--rate 500 -z 1200ms -c 5 --hdr").arg(log.path()).arg(url(&server, "/")).report();
    report.assert_all_ok(600);
    let text = std::fs::read_to_string(log.path()).unwrap();
    assert!(text.contains("#[Histogram log format version 1.3]\n") && text.contains("#[StartTime: "), "{text}");
    assert!(
        text.contains("\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n")
    );
    let mut counts = BTreeMap::new();
    for entry in IntervalLogIterator::new(text.replace("\"StartTimestamp\"", "#\"StartTimestamp\"").as_bytes()) {
        let LogEntry::Interval(interval) = entry.unwrap() else { continue };
        let bytes = STANDARD.decode(interval.encoded_histogram()).unwrap();
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
        let (max, bucket) = (interval.max() * 1e6, histogram.max() as f64);
        assert!((max - bucket).abs() <= 0.01 * bucket, "the maximum is in milliseconds: {max} ns in {bucket} ns");
        *counts.entry(interval.tag().unwrap().as_str().to_string()).or_insert(0) += histogram.len();
    }
    let expected = ["lag", "response", "service"].map(|tag| (tag.to_string(), 600));
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn intervals_tell_what_was_due_and_in_flight() {
    let server = target();
    let report = onrush("--rate 100 -z 1100ms -c 50").arg(url(&server, "/delay/100ms")).report();
    report.assert_all_ok(110);
    let intervals = &report.summary.intervals;
    assert_eq!(intervals.iter().map(|interval| interval.due).sum::<u64>(), 110);
    // About 100/s x 0.1 s, or more on a busy machine: the rows know it exactly.
    let within = |row: &Row| (row.start_ms + row.latency_ms).min(1000.0) - row.start_ms.min(1000.0);
    let mean = report.rows.iter().map(within).sum::<f64>() / 1000.0;
    assert!((intervals[0].in_flight - mean).abs() <= 0.01, "{} for {mean}", intervals[0].in_flight);
    assert!(intervals.iter().all(|interval| interval.send_lag_ms.is_some()));
}
