//! Runs against servers that behave: models, limits, outputs and the end of a run.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use onrush::serve::Server;
use onrush::stats::Summary;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::scripted::{Hostile, OK};
use crate::support::{ONRUSH, Report, Row, onrush, onrush_after, parse_rows, target};

fn url(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.address())
}

/// A run in which every request is answered; the server's own counts have to be those of the report.
#[track_caller]
fn run(arguments: &str, requests: usize) -> Report {
    let server = target();
    let report = onrush(arguments).arg(url(&server, "/")).report();
    report.assert_all_ok(requests);
    assert_eq!(server.requests(), requests as u64, "requests at the server");
    assert_eq!(server.connections(), report.summary.connections, "connections at the server");
    report
}

fn rows_of_wave(report: &Report, wave: u64) -> Vec<&Row> {
    report.rows.iter().filter(|row| row.wave == Some(wave)).collect()
}

#[test]
fn waves_are_released_until_all_requests_are_sent() {
    for workers in [1, 3] {
        let report = run(&format!("-n 50 -c 20 --workers {workers}"), 50);
        for (wave, indexes) in [(0, 0..20), (1, 20..40), (2, 40..50)] {
            let mut of_wave: Vec<u64> = rows_of_wave(&report, wave).iter().map(|row| row.index).collect();
            of_wave.sort_unstable();
            assert_eq!(of_wave, indexes.collect::<Vec<_>>(), "{workers} workers, wave {wave}");
        }
        let waves = report.summary.waves.as_ref().unwrap();
        assert_eq!((waves.count, waves.size, report.summary.connections), (3, 20, 20));
        assert_eq!(waves.list.iter().map(|wave| wave.released).collect::<Vec<_>>(), [20, 20, 10]);
        assert_eq!(report.summary.plan.workers, workers);
    }
}

#[test]
fn a_wave_begins_when_the_last_answer_of_the_one_before_is_in() {
    let report = run("-n 30 -c 10 --workers 2", 30);
    for wave in [1, 2] {
        let ended = rows_of_wave(&report, wave - 1).iter().map(|row| row.start_ms + row.latency_ms).fold(0.0, f64::max);
        let began = rows_of_wave(&report, wave).iter().map(|row| row.start_ms).fold(f64::MAX, f64::min);
        assert!(began >= ended - 0.002, "wave {wave} began at {began}, the one before ended at {ended}");
    }
}

#[test]
fn a_closed_run_sends_each_index_once() {
    for workers in [1, 3] {
        let report = run(&format!("-n 1000 -c 12 --model closed --workers {workers}"), 1000);
        assert_eq!(report.indexes(), (0..1000).collect::<Vec<_>>(), "{workers} workers");
        assert!(report.rows.iter().all(|row| row.wave.is_none()));
        assert!(report.summary.waves.is_none());
    }
}

#[test]
fn connections_are_numbered_and_opened_once() {
    for model in ["", "--model closed"] {
        let report = run(&format!("-n 60 -c 12 --workers 3 {model}"), 60);
        let mut of_connection = BTreeMap::<u64, Vec<&Row>>::new();
        report.rows.iter().for_each(|row| of_connection.entry(row.connection).or_default().push(row));
        assert!(of_connection.len() <= 12);
        for rows in of_connection.values() {
            assert_eq!(rows.iter().filter(|row| row.connect_ms > 0.0).count(), 1, "{rows:#?}");
        }
    }
}

#[test]
fn a_duration_ends_a_run() {
    for model in ["", "--model closed"] {
        let server = target();
        let report = onrush(&format!("-z 300ms -c 4 {model}")).arg(url(&server, "/")).report();
        report.assert_all_ok(report.rows.len());
        assert_eq!(server.requests(), report.rows.len() as u64);
        let mut indexes = report.indexes();
        indexes.dedup();
        assert_eq!(indexes.len(), report.rows.len(), "no index twice");
        assert!(report.rows.len() > 4, "{model}: nobody has sent twice");
        let wall_s = report.summary.wall_s;
        assert!(wall_s >= 0.29, "{model}: {wall_s} s");
    }
}

#[test]
fn answers_in_flight_at_the_end_are_awaited() {
    let server = target();
    let report = onrush("-z 100ms -c 4 --model closed").arg(url(&server, "/delay/250ms")).report();
    report.assert_all_ok(4);
    assert!(report.summary.wall_s >= 0.25);
    assert_eq!(report.summary.throughput_per_s, 0.0, "none came within the 100 ms");
}

#[test]
fn of_two_ends_the_first_one_counts() {
    for model in ["", "--model closed"] {
        // The other end would come long after the test is given up.
        run(&format!("-n 10 -z 1h -c 4 {model}"), 10);
        let server = target();
        let short = onrush(&format!("-n 100000000 -z 100ms -c 4 {model}")).arg(url(&server, "/")).report();
        assert!(short.summary.accounting.ok < 100_000_000);
        assert_eq!(server.requests(), short.summary.accounting.ok);
    }
}

#[test]
fn a_warmup_is_sent_and_not_counted() {
    for (arguments, extra) in [
        ("-n 50 -c 20 --warmup 30", 40),
        ("-n 50 -c 20 --warmup 30 --workers 3", 40),
        ("-n 50 -c 20 --warmup 30 --model closed", 30),
        ("-n 50 -c 20 --warmup 30 --model closed --workers 3", 30),
    ] {
        let server = target();
        let report = onrush(arguments).arg(url(&server, "/")).report();
        report.assert_all_ok(50);
        assert_eq!(server.requests(), 50 + extra, "{arguments}");
        assert_eq!(report.indexes(), (0..50).collect::<Vec<_>>(), "{arguments}");
        assert_eq!(report.summary.connections, 20, "{arguments}");
    }
}

#[test]
fn a_warmup_may_last_a_time() {
    for model in ["", "--model closed", "--model closed --workers 3"] {
        let server = target();
        let report = onrush(&format!("-n 20 -c 5 --warmup 100ms {model}")).arg(url(&server, "/")).report();
        report.assert_all_ok(20);
        assert!(server.requests() > 25, "{model}: {} requests at the server", server.requests());
        assert_eq!(report.summary.plan.warmup.as_deref(), Some("0.1 s"));
    }
}

#[test]
fn waves_can_be_planned_apart() {
    let report = run("-n 20 -c 5 --wave-every 50ms", 20);
    for row in &report.rows {
        let planned = 50.0 * row.wave.unwrap() as f64;
        assert!(row.start_ms >= planned, "{row:?}");
    }
    assert!(report.summary.wall_s >= 0.15);
}

#[test]
fn a_late_planned_wave_is_charged_its_lateness() {
    let server = target();
    let report = onrush("-n 3 -c 1 --wave-every 20ms").arg(url(&server, "/delay/50ms")).report();
    report.assert_all_ok(3);
    let last = report.rows.last().unwrap();
    // Two waves of at least 50 ms came before the third, which was planned for 40 ms.
    assert!(last.latency_ms >= 110.0 && last.service_ms.unwrap() >= 50.0, "{last:?}");
    // The server made it wait, not this tool.
    assert!(last.latency_ms - last.service_ms.unwrap() - last.lag_ms.unwrap() >= 59.9, "{last:?}");
}

#[test]
fn the_last_byte_of_a_request_can_be_held_back() {
    let server = Hostile::start(|peer| peer.answer_all(OK));
    let report = onrush("-n 12 -c 3 -d abcdef --hold-last-byte --wave-every 60ms").arg(server.url()).report();
    report.assert_all_ok(12);
    let seen = server.stop();
    assert_eq!(seen.counts(), (12, 3));
    assert!(seen.requests.iter().all(|request| request.body == b"abcdef"));
    // A busy machine may read late, and then both parts at once; not each time.
    assert!(seen.requests.iter().any(|request| request.last_read == 1), "the last byte came by itself");
    run("-n 50 -c 20 --hold-last-byte --workers 3", 50);
}

#[test]
fn without_keepalive_each_request_has_a_connection() {
    for model in ["", "--model closed", "--model closed --workers 3", "--warmup 5"] {
        let server = Hostile::start(|peer| {
            peer.request();
            peer.write(OK);
            peer.read_to_end();
        });
        let report = onrush(&format!("-n 50 -c 5 --disable-keepalive {model}")).arg(server.url()).report();
        report.assert_all_ok(50);
        let (seen, warmup) = (server.stop(), if model.contains("warmup") { 5 } else { 0 });
        assert_eq!(seen.counts(), (50 + warmup, 50 + warmup), "{model}");
        assert_eq!(report.summary.connections, 50 + warmup, "{model}");
        assert!(seen.requests.iter().all(|request| request.head.contains("\r\nConnection: close\r\n")));
        assert!(report.rows.iter().all(|row| row.connect_ms > 0.0), "{model}");
        assert!(report.rows.iter().all(|row| row.latency_ms >= row.service_ms.unwrap()), "connecting is inside");
    }
}

/// The bodies of a run by index, without their timestamps.
fn bodies(arguments: &str) -> BTreeMap<u64, Value> {
    let server = Hostile::start(|peer| peer.answer_all(OK));
    let report = onrush(&format!("--dynamic -n 40 {arguments}")).arg(server.url()).report();
    report.assert_all_ok(40);
    let bodies = server.stop().requests.into_iter().map(|request| {
        assert!(request.head.contains("\r\nContent-Type: application/json\r\n"), "{}", request.head);
        let mut body: Value = serde_json::from_slice(&request.body).unwrap();
        assert!(body.as_object_mut().unwrap().remove("timestamp").is_some());
        (body["request_id"].as_u64().unwrap(), body)
    });
    bodies.collect()
}

#[test]
fn the_same_seed_gives_the_same_bodies() {
    let first = bodies("--seed 7 -c 3");
    assert_eq!(first.keys().copied().collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
    assert_eq!(first, bodies("--seed 7 -c 20 --workers 3"));
    assert_eq!(first, bodies("--seed 7 -c 7 --model closed --workers 2"));
    assert_ne!(first, bodies("--seed 8 -c 3"));
}

#[test]
fn the_seed_that_was_drawn_is_in_the_summary() {
    let server = target();
    let report = onrush("--dynamic -c 1 -n 1").arg(url(&server, "/post")).report();
    assert!(report.stdout.contains(&format!("seed {}", report.summary.plan.seed)), "{}", report.stdout);
}

#[test]
fn bodies_come_from_the_command_line_a_file_or_standard_input() {
    let files = TempDir::new().unwrap();
    let file = files.path().join("body");
    std::fs::write(&file, b"{\"a\":1}").unwrap();
    let from_file = format!("--data-file {}", file.display());
    for (arguments, content_type, body) in [
        ("--data hello", "text/plain; charset=utf-8", "hello"),
        ("--data 12 --content-type a/b", "a/b", "12"),
        (from_file.as_str(), "application/json", "{\"a\":1}"),
        ("--data-file -", "application/octet-stream", "\u{0}"),
    ] {
        let server = Hostile::start(|peer| peer.answer_all(OK));
        let stdin = if body == "\u{0}" { b"\xff\xfe" } else { &b""[..] };
        onrush(&format!("-c 1 -n 2 {arguments}")).arg(server.url()).stdin(stdin).report().assert_all_ok(2);
        let request = &server.stop().requests[1];
        assert!(request.head.starts_with("POST / HTTP/1.1\r\n"), "{}", request.head);
        assert!(request.head.contains(&format!("\r\nContent-Type: {content_type}\r\n")), "{}", request.head);
        assert_eq!(request.body, if stdin.is_empty() { body.as_bytes() } else { stdin });
    }
}

#[test]
fn headers_are_sent_as_given_and_secrets_are_not_echoed() {
    let server = Hostile::start(|peer| peer.answer_all(OK));
    let url = format!("http://user:hidden@{}/a?b=c#d", server.address());
    let report = onrush("-c 1 -n 1 -A text/html --host example.com -m put -H").arg("X-Key:  secret value ").arg(url);
    let report = report.report();
    report.assert_all_ok(1);
    let head = &server.stop().requests[0].head;
    for line in [
        "PUT /a?b=c HTTP/1.1\r\n",
        "\r\nHost: example.com\r\n",
        "\r\nX-Key: secret value\r\n",
        "\r\nAccept: text/html\r\n",
        "\r\nAuthorization: Basic dXNlcjpoaWRkZW4=\r\n",
        "\r\nContent-Length: 0\r\n",
    ] {
        assert!(head.contains(line), "{line:?} in {head}");
    }
    let said = format!("{}{}{}", report.stdout, report.stderr, report.json);
    assert!(!said.contains("hidden") && !said.contains("dXNlcjpoaWRkZW4=") && !said.contains("secret"), "{said}");
}

/// A run on a server that answers the first few requests and no more, interrupted when it waits.
fn interrupted(arguments: &str, answered: usize, in_flight: usize) -> (Report, u64) {
    let server = Hostile::answering(answered);
    let run = onrush(arguments).arg(server.url()).start_report();
    server.wait_for_requests(answered + in_flight);
    run.interrupt();
    let report = run.report();
    (report, server.stop().counts().0)
}

#[test]
fn an_interruption_ends_the_run_in_order() {
    for (arguments, answered) in [
        ("-c 4 -n 100", 8),
        ("-c 4 -n 100 --workers 3", 8),
        ("-c 4 -n 100 --model closed", 9),
        ("-c 4 -z 60s --model closed --workers 3", 9),
        ("-c 4 -n 100 --warmup 4", 8),
    ] {
        let (report, requests) = interrupted(arguments, answered, 4);
        assert_eq!(report.code, 130, "{arguments}: {}", report.stderr);
        assert!(report.summary.interrupted && report.stdout.contains("interrupted"), "{}", report.stdout);
        let a = report.summary.accounting;
        let warmup = if arguments.contains("warmup") { 4 } else { 0 };
        assert_eq!((a.ok, a.unfinished, a.failed), (answered as u64 - warmup, 4, 0), "{arguments}");
        assert_eq!(requests, a.ok + a.unfinished + warmup, "{arguments}");
        let cut: Vec<&Row> = report.rows.iter().filter(|row| !row.error.is_empty()).collect();
        assert!(cut.len() == 4 && cut.iter().all(|row| row.error == "cut: run ended"), "{cut:#?}");
    }
}

#[test]
fn an_interruption_while_nothing_was_counted_leaves_empty_files() {
    let (report, _) = interrupted("-c 4 -n 100 --warmup 10s", 0, 4);
    assert_eq!((report.code, report.rows.len(), report.summary.accounting.scheduled), (130, 0, 0));
}

#[test]
fn rows_can_go_to_standard_output() {
    let server = target();
    let run = onrush("-n 5 -c 5 --csv -").arg(url(&server, "/")).finish();
    assert_eq!((run.code, parse_rows(&run.stdout).len()), (0, 5));
    assert!(run.stderr.contains("Requests        5 ok in "), "{}", run.stderr);
}

#[test]
fn the_summary_can_be_json_or_nothing() {
    let server = target();
    for arguments in ["-o json", "--json -"] {
        let run = onrush(&format!("-n 5 -c 5 {arguments}")).arg(url(&server, "/")).finish();
        let summary: Summary = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((run.code, summary.accounting.ok), (0, 5));
        assert_eq!(run.stderr.contains("Throughput"), arguments == "--json -", "{}", run.stderr);
    }
    let run = onrush("-n 5 -c 5 -o none").arg(url(&server, "/")).finish();
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
}

#[test]
fn a_pipe_gets_plain_text_and_no_progress() {
    let server = target();
    let plain = onrush("-n 5 -c 5").arg(url(&server, "/")).finish();
    assert!(!plain.stdout.contains('\u{1b}') && plain.stderr.is_empty(), "{}{}", plain.stdout, plain.stderr);
    let colour = onrush("-n 5 -c 5 --color always").arg(url(&server, "/")).finish();
    assert!(colour.stdout.contains('\u{1b}'));
}

#[test]
fn rows_can_go_to_a_device_or_a_fifo() {
    let server = target();
    assert_eq!(onrush("-n 5 -c 5 --csv /dev/null").arg(url(&server, "/")).finish().code, 0);
    let files = TempDir::new().unwrap();
    let fifo = files.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let run = onrush("-n 500 -c 5 --csv").arg(&fifo).arg(url(&server, "/")).start();
    let text = std::fs::read_to_string(&fifo).unwrap();
    assert_eq!((parse_rows(&text).len(), run.finish().code), (500, 0));
}

#[test]
fn a_reader_of_rows_that_goes_away_is_an_error_at_the_end() {
    let files = TempDir::new().unwrap();
    let fifo = files.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    // Answers come when the reader has gone.
    let server = Hostile::start(|peer| {
        peer.stall();
        peer.answer_all(OK);
    });
    let run = onrush("-n 5 -c 5 --csv").arg(&fifo).arg(server.url()).start();
    let mut header = [0; 20];
    std::fs::File::open(&fifo).unwrap().read_exact(&mut header).unwrap();
    server.end_stalls();
    let run = run.finish();
    assert_eq!(run.code, 5);
    assert!(run.stderr.contains("0 rows were saved"), "{}", run.stderr);
    assert!(run.stdout.contains("Requests        5 ok in "), "the summary comes all the same: {}", run.stdout);
}

#[test]
fn a_file_that_cannot_grow_keeps_what_was_saved() {
    let server = target();
    // A limit of 64 KiB for each file, which is an error and not a signal, whoever sees to that.
    let report = onrush_after("trap '' XFSZ; ulimit -f 128", "-n 5000 -c 5 -o text --csv");
    let files = TempDir::new().unwrap();
    let csv = files.path().join("rows.csv");
    let run = report.arg(&csv).arg(url(&server, "/")).finish();
    assert_eq!((run.code, server.requests()), (5, 5000), "{}", run.stderr);
    let saved = run.stderr.lines().next().unwrap();
    let saved = saved.split(": ").last().unwrap().split(' ').next().unwrap().parse::<usize>().unwrap();
    let text = std::fs::read_to_string(csv).unwrap();
    let complete = text.matches("\r\n").count() - 1;
    assert_eq!(saved, complete, "{}", run.stderr);
    assert!(run.stdout.contains("5,000 ok"), "{}", run.stdout);
}

#[test]
fn a_full_device_is_found_before_the_start() {
    let server = target();
    let run = onrush("-n 5 -c 5 --csv /dev/full").arg(url(&server, "/")).finish();
    assert_eq!((run.code, server.requests(), server.connections()), (2, 0, 0), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn a_timeout_bounds_each_request() {
    let server = target();
    for model in ["", "--model closed", "--disable-keepalive"] {
        let report = onrush(&format!("-n 4 -c 2 --timeout 100ms {model}")).arg(url(&server, "/delay/1h")).report();
        assert_eq!((report.error(), report.code), ("timeout: first byte", 3), "{model}");
    }
}

#[test]
fn failures_are_exit_code_1_if_that_is_asked_for_and_3_if_nothing_is_ok() {
    let server = target();
    let files = TempDir::new().unwrap();
    let list = files.path().join("targets");
    std::fs::write(&list, format!("{}\n{}\n", url(&server, "/"), url(&server, "/status/500"))).unwrap();
    let code = |arguments: &str, of: &[&str]| onrush(arguments).args(of).report().code;
    let (mixed, failing) = (["--targets", list.to_str().unwrap()], [&*url(&server, "/status/500")]);
    assert_eq!(code("-n 4 -c 2", &mixed), 0);
    assert_eq!(code("-n 4 -c 2 --fail-on-error", &mixed), 1);
    assert_eq!(code("-n 4 -c 2 --fail-on-error", &failing), 3);
    // Then they are ok, though not in the words of the rows.
    let expected = onrush("-n 4 -c 2 --fail-on-error --expect-status 500").args(failing).finish();
    assert_eq!(expected.code, 0, "{}", expected.stdout);
    assert!(expected.stdout.starts_with("4 requests, all ok\n"), "{}", expected.stdout);
}

#[test]
fn http_errors_are_answers() {
    let server = target();
    let report = onrush("-n 6 -c 3").arg(url(&server, "/status/503")).report();
    assert_eq!((report.code, report.summary.accounting.http_error, report.error()), (3, 6, ""));
    assert_eq!(report.json["outcome"], "6 of 6 requests failed: HTTP 503");
    assert_eq!(report.json["passed"], false);
    assert_eq!(report.summary.success_rate, Some(0.0));
    assert_eq!(report.summary.status, BTreeMap::from([("503".into(), 6)]));
}

#[test]
fn redirects_are_not_followed_and_that_is_said() {
    let server = target();
    let report = onrush("-n 6 -c 3").arg(url(&server, "/status/302")).report();
    report.assert_all_ok(6);
    assert!(report.stdout.contains("redirects"), "{}", report.stdout);
}

#[test]
fn a_low_descriptor_limit_leaves_fewer_users_and_a_note() {
    for workers in [1, 3] {
        let server = target();
        let arguments = format!("-c 100 -n 300 --workers {workers}");
        let report = onrush_after("ulimit -n 40", &arguments).arg(url(&server, "/")).report();
        report.assert_all_ok(300);
        let users = report.summary.plan.concurrency;
        assert!((5..40).contains(&users), "{users} users");
        assert!(report.summary.notes[0].contains("open files") && report.stdout.contains("note:"), "{}", report.stdout);
        assert_eq!((server.requests(), server.connections()), (300, u64::from(users)));
    }
}

#[test]
fn there_are_no_more_users_than_requests() {
    for model in ["", "--model closed --workers 4"] {
        let report = run(&format!("-c 50 -n 3 {model}"), 3);
        assert_eq!((report.summary.plan.concurrency, report.summary.connections), (3, 3), "{model}");
    }
}

#[test]
fn without_a_number_two_hundred_requests_are_sent() {
    let report = run("", 200);
    assert_eq!((report.summary.plan.concurrency, report.summary.plan.requests), (50, Some(200)));
}

#[test]
fn the_demo_brings_its_own_target() {
    let report = onrush("--demo --method POST --dynamic --concurrency 20 --requests 100 --timeout 10").report();
    report.assert_all_ok(100);
    assert!(report.summary.plan.url.ends_with("/post"));
}

#[test]
fn serve_runs_until_it_is_interrupted() {
    let mut command = Command::new(ONRUSH);
    command.args(["serve", "--listen", "127.0.0.1:0", "--threads", "2"]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap();
    onrush("-n 10 -c 5").arg(url).report().assert_all_ok(10);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), child.wait().unwrap().code()), ("answered 10 requests on 5 connections\n", Some(0)));
}

#[test]
fn many_users_and_few_workers_lose_nothing() {
    let report = run("-c 300 -n 900 --workers 2", 900);
    assert_eq!(report.summary.connections, 300);
}
