//! Servers that misbehave: each failure has its name, and every request is accounted for.

use std::net::TcpStream;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::scripted::{Hostile, OK, Peer};
use crate::support::{Invocation, Nobody, Report, onrush};

/// Both models, with more than one request for each user.
const MODELS: [&str; 2] = ["-c 2 -n 4", "-c 2 -n 4 --model closed"];

/// A run against a server, whose own counts have to be those of the report.
fn run(server: Hostile, arguments: &str) -> Report {
    run_with(server, arguments, |invocation| invocation)
}

fn run_with(server: Hostile, arguments: &str, with: impl FnOnce(Invocation) -> Invocation) -> Report {
    let report = with(onrush(arguments).arg(server.url())).report();
    let (requests, connections) = server.stop().counts();
    assert_eq!(requests, report.summary.accounting.scheduled, "requests at the server: {:#?}", report.rows);
    assert_eq!(connections, report.summary.connections, "connections at the server: {:#?}", report.rows);
    report
}

/// Every request fails as `error` says when the server does this after reading it.
#[track_caller]
fn fails(error: &str, script: impl Fn(&mut Peer) + Clone + Send + Sync + 'static) {
    for model in MODELS {
        let script = script.clone();
        let server = Hostile::start(move |peer| {
            if peer.request().is_some() {
                script(peer);
            }
        });
        let report = run(server, &format!("{model} --timeout 30"));
        assert_eq!(report.error(), error, "{model}");
        assert_eq!((report.code, report.summary.accounting.failed), (3, 4), "{model}: {}", report.stderr);
        assert_eq!(report.indexes(), [0, 1, 2, 3], "{model}");
        assert!(report.rows.iter().all(|row| row.service_ms.is_some() && row.latency_ms > 0.0), "{:#?}", report.rows);
    }
}

/// As [`fails`], after the server has written this, and then closed.
#[track_caller]
fn fails_on(error: &str, answer: impl Into<Vec<u8>>) {
    let answer = answer.into();
    fails(error, move |peer| {
        peer.write(&answer);
    });
}

/// Every request is answered when the server does this, connection by connection.
#[track_caller]
fn is_answered(script: impl Fn(&mut Peer) + Clone + Send + Sync + 'static) {
    for model in MODELS {
        let report = run(Hostile::start(script.clone()), model);
        report.assert_all_ok(4);
        assert_eq!(report.indexes(), [0, 1, 2, 3], "{model}");
    }
}

#[test]
fn refused_connections_end_the_run_at_once() {
    let nobody = Nobody::new();
    for model in
        ["", "--model closed", "--workers 3", "--model closed --workers 3", "--warmup 30", "--disable-keepalive"]
    {
        // No time limit ends it before the test is given up.
        let run = onrush(&format!("-c 20 -n 100 --timeout 1h {model}"));
        let report = run.arg(format!("http://{}/", nobody.address())).report();
        assert_eq!(report.error(), "connect: refused", "{model}");
        assert_eq!((report.code, report.rows.len()), (3, 20), "{model}");
        assert_eq!(report.indexes(), (0..20).collect::<Vec<_>>(), "{model}");
        assert_eq!(report.summary.connections, 0);
        for row in &report.rows {
            assert_eq!((row.service_ms, row.first_byte_ms, row.lag_ms), (None, None, None), "it was never sent");
        }
    }
}

#[test]
fn a_reset_before_the_first_byte_is_named() {
    fails("read: reset", |peer| peer.reset());
}

#[test]
fn a_reset_in_the_answer_is_named() {
    for part in [&OK[..5], &OK[..OK.len() - 1]] {
        fails("read: reset in answer", move |peer| {
            peer.write(part);
            peer.reset();
        });
    }
}

#[test]
fn a_close_before_the_answer_is_named() {
    fails_on("read: closed before answer", "");
}

#[test]
fn a_half_close_before_the_answer_is_named() {
    fails("read: closed before answer", |peer| {
        peer.half_close();
        peer.read_to_end();
    });
}

#[test]
fn a_close_on_a_reused_connection_is_told_from_that_on_a_fresh_one() {
    for model in ["", "--model closed"] {
        let server = Hostile::start(|peer| {
            if peer.request().is_some() && peer.write(OK) {
                peer.request();
            }
        });
        let report = run(server, &format!("-c 1 -n 4 {model}"));
        let errors: Vec<&str> = report.rows.iter().map(|row| row.error.as_str()).collect();
        let reused = "read: closed before answer (reused connection)";
        assert_eq!(errors, ["", reused, "", reused], "{model}");
        assert_eq!(report.code, 0, "two answers came");
    }
}

#[test]
fn a_close_in_the_head_is_named() {
    for answer in ["H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r"] {
        fails_on("read: closed early", answer);
    }
}

#[test]
fn a_short_body_is_named() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
    ] {
        fails_on("read: short body", answer);
    }
}

#[test]
fn a_bad_head_is_named() {
    for answer in ["220 mail.example ESMTP\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "\x16\x03\x01", "<html>"]
    {
        fails_on("protocol: bad head", answer);
    }
}

#[test]
fn an_endless_head_is_given_up() {
    fails("protocol: oversize head", |peer| {
        peer.write("HTTP/1.1 200 OK\r\nA: ");
        peer.write("x".repeat(300 * 1024));
        peer.read_to_end();
    });
}

#[test]
fn too_many_headers_are_given_up() {
    fails_on("protocol: too many headers", format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(300)));
}

#[test]
fn a_bad_length_is_named() {
    for length in ["", " ", "-1", "+2", "two", "2,3", "99999999999999999999", "2\r\nContent-Length: 3", "\r\n two"] {
        fails_on("protocol: bad content-length", format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nok"));
    }
}

#[test]
fn a_bad_chunk_is_named() {
    for chunk in ["xyz\r\n", "2\r\nok!\r\n", "fffffffffffffffff\r\n"] {
        fails_on("protocol: bad chunk", format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"));
    }
}

#[test]
fn an_endless_chunk_line_is_given_up() {
    let line = format!("2;{}", "x".repeat(17 * 1024));
    fails_on("protocol: oversize chunk line", format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{line}"));
}

/// Every request times out as `error` says; the server may not have read them.
#[track_caller]
fn times_out(error: &str, server: &Hostile, body: &str) {
    for model in MODELS {
        let report = onrush(&format!("{model} --timeout 120ms {body}")).arg(server.url()).report();
        assert_eq!(report.error(), error, "{model}");
        assert_eq!((report.code, report.summary.accounting.timeout), (3, 4), "{model}");
        assert!(report.rows.iter().all(|row| row.latency_ms >= 120.0), "{:#?}", report.rows);
        let response = report.summary.response_ms.unwrap();
        assert!(response.censored == 4 && response.at_least.contains(&"p50".into()), "time-outs are lower bounds");
    }
}

#[test]
fn a_timeout_says_what_was_awaited() {
    let waiting = Hostile::start(|peer| {
        peer.request();
        peer.read_to_end();
    });
    times_out("timeout: first byte", &waiting, "");
    assert_eq!(waiting.stop().counts(), (8, 8));
    let in_head = Hostile::start(|peer| {
        peer.request();
        peer.write("HTTP/1.1 200 OK\r\n");
        peer.read_to_end();
    });
    times_out("timeout: first byte", &in_head, "");
    let in_body = Hostile::start(|peer| {
        peer.request();
        peer.write(&OK[..OK.len() - 1]);
        peer.read_to_end();
    });
    times_out("timeout: body", &in_body, "");
}

#[test]
fn a_timeout_while_sending_says_so() {
    let files = TempDir::new().unwrap();
    let body = files.path().join("body");
    std::fs::write(&body, vec![b'x'; 24_000_000]).unwrap();
    let server = Hostile::start(Peer::stall);
    times_out("timeout: sending", &server, &format!("--data-file {}", body.display()));
}

#[test]
fn a_drip_of_bytes_does_not_outlast_the_timeout() {
    let server = Hostile::start(|peer| {
        peer.request();
        while peer.write("HTTP/1.1 100 Continue\r\n\r\n") {}
    });
    times_out("timeout: first byte", &server, "");
}

#[test]
fn connecting_has_a_time_limit() {
    // Two wait to be accepted, which is more than the backlog: the next one's SYN is dropped.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    listener.listen(1).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let _waiting = [TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap()];
    if TcpStream::connect_timeout(&address, Duration::from_millis(50)).is_ok() {
        return; // Not a system that drops it.
    }
    for model in ["", "--model closed"] {
        let report = onrush(&format!("-c 3 -n 6 --connect-timeout 100ms {model}")).arg(format!("http://{address}/"));
        let report = report.report();
        assert_eq!(report.error(), "timeout: connect", "{model}");
        assert_eq!((report.code, report.summary.accounting.timeout, report.summary.connections), (3, 3, 0));
    }
}

fn large_body(files: &TempDir) -> String {
    let path = files.path().join("body");
    std::fs::write(&path, vec![b'x'; 12_000_000]).unwrap();
    format!("--data-file {}", path.display())
}

const TOO_LARGE: &str = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!";

/// The server reads the head and refuses the body.
#[track_caller]
fn an_early_answer_counts(after: impl Fn(&mut Peer) + Clone + Send + Sync + 'static) {
    let files = TempDir::new().unwrap();
    for model in MODELS {
        let after = after.clone();
        let server = Hostile::start(move |peer| {
            peer.read(1000);
            peer.write(TOO_LARGE);
            after(peer);
        });
        let report = onrush(&format!("{model} {}", large_body(&files))).arg(server.url()).report();
        assert_eq!((report.code, report.summary.accounting.http_error), (3, 4), "{:#?}", report.rows);
        assert!(report.rows.iter().all(|row| row.status == 413 && row.response_bytes == 3), "{:#?}", report.rows);
        assert_eq!(server.stop().connections, report.summary.connections);
    }
}

#[test]
fn an_early_413_counts_though_the_server_closes() {
    an_early_answer_counts(|_| {});
}

#[test]
fn an_early_413_counts_though_the_server_resets() {
    an_early_answer_counts(Peer::reset);
}

#[test]
fn an_early_413_counts_though_the_server_reads_no_more() {
    an_early_answer_counts(Peer::stall);
}

#[test]
fn interim_answers_are_passed_over() {
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"] {
        is_answered(move |peer| peer.answer_all(&[interim.as_bytes(), interim.as_bytes(), OK].concat()));
    }
}

#[test]
fn an_answer_may_come_byte_by_byte() {
    is_answered(|peer| while peer.request().is_some() && peer.drip(OK) {});
}

#[test]
fn header_lines_may_be_folded() {
    for head in
        ["X-A: b\r\n c\r\nContent-Length: 2\r\n", "Content-Length:\r\n \r\n\t2\r\n \r\n", "Content-Length:\n 2, 2\n"]
    {
        let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\nok");
        is_answered(move |peer| peer.answer_all(answer.as_bytes()));
    }
    fails_on("protocol: bad head", "HTTP/1.1 200 OK\r\n Content-Length: 2\r\n\r\nok");
}

/// How many connections four requests of one user take.
#[track_caller]
fn connections_for(answer: &'static str) -> u64 {
    let server = Hostile::start(move |peer| {
        let kept = answer.contains("keep-alive");
        while peer.request().is_some() && peer.write(answer) && kept {}
    });
    let report = run(server, "-c 1 -n 4");
    report.assert_all_ok(4);
    assert!(report.rows.iter().all(|row| row.response_bytes == 2), "{:#?}", report.rows);
    report.summary.connections
}

#[test]
fn http_1_0_closes_unless_it_says_keep_alive() {
    assert_eq!(connections_for("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), 4);
    assert_eq!(connections_for("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"), 1);
}

#[test]
fn a_body_may_end_with_the_connection() {
    assert_eq!(connections_for("HTTP/1.1 200 OK\r\n\r\nok"), 4);
    assert_eq!(connections_for("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok"), 4);
}

#[test]
fn an_answer_that_closes_its_connection_is_an_answer() {
    assert_eq!(connections_for("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"), 4);
    is_answered(|peer| {
        peer.request();
        peer.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    });
}

/// What happens between two requests costs the connection and not the next request.
#[track_caller]
fn is_replaced(after_the_answer: impl Fn(&mut Peer) + Send + Sync + 'static) -> Report {
    let server = Hostile::start(move |peer| {
        peer.request();
        peer.write(OK);
        after_the_answer(peer);
        peer.read_to_end();
    });
    // Between a wave and the next planned one there is time enough to notice.
    let report = onrush("-c 2 -n 6 --wave-every 100ms").arg(server.url()).report();
    report.assert_all_ok(6);
    assert_eq!(report.summary.connections, 6);
    assert_eq!(server.stop().counts(), (6, 6));
    report
}

#[test]
fn a_connection_that_closes_between_two_requests_is_replaced() {
    let report = is_replaced(Peer::half_close);
    assert_eq!(report.summary.connections_replaced, 4, "those of the last wave needed no other");
}

#[test]
fn a_connection_that_is_reset_between_two_requests_is_replaced() {
    is_replaced(|peer| {
        peer.reset();
        peer.close();
    });
}

#[test]
fn a_connection_that_speaks_unasked_between_two_requests_is_replaced() {
    is_replaced(|peer| {
        peer.write("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
    });
}

#[test]
fn bytes_after_an_answer_cost_the_connection_and_not_the_request() {
    is_answered(|peer| {
        peer.request();
        peer.write([OK, b"HTTP/1.1 408 Request Timeout\r\n\r\n"].concat());
        peer.read_to_end();
    });
}

#[test]
fn answers_that_have_no_body_are_complete_with_their_head() {
    for (method, answer, status) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 200),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n", 304),
    ] {
        let server = Hostile::start(move |peer| peer.answer_all(answer.as_bytes()));
        let report = run(server, &format!("-c 2 -n 6 --method {method}"));
        report.assert_all_ok(6);
        assert!(report.rows.iter().all(|row| row.status == status && row.response_bytes == 0), "{:#?}", report.rows);
        assert_eq!(report.summary.connections, 2, "they are kept");
    }
}

#[test]
fn chunks_are_counted_without_their_framing() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n";
    let report =
        run(Hostile::start(|peer| while peer.request().is_some() && peer.drip(chunked.as_bytes()) {}), "-c 2 -n 6");
    report.assert_all_ok(6);
    assert!(report.rows.iter().all(|row| row.response_bytes == 5), "{:#?}", report.rows);
}

#[test]
fn a_flood_ends_with_the_timeout_and_stops_nobody_else() {
    let server = Hostile::start(|peer| match peer.number {
        0 => {
            peer.request();
            peer.write("HTTP/1.1 200 OK\r\n\r\n");
            let flood = vec![b'x'; 256 * 1024];
            while peer.write(&flood) {}
        }
        _ => peer.answer_all(OK),
    });
    let report = run(server, "-c 2 -n 2000 --timeout 300ms --model closed --workers 1");
    let a = report.summary.accounting;
    assert_eq!((a.timeout, a.ok, report.code), (1, 1999, 0));
    let flooded = report.rows.iter().find(|row| !row.error.is_empty()).unwrap();
    assert_eq!(flooded.error, "timeout: body");
    assert!(flooded.response_bytes > 1_000_000, "what came was counted: {flooded:?}");
}

#[test]
fn a_server_that_dies_leaves_a_bounded_number_of_failures() {
    let server = Hostile::start(|peer| {
        if peer.number == 0 {
            let mut answered = 0;
            while answered < 20 && peer.request().is_some() && peer.write(OK) {
                answered += 1;
            }
            peer.stop_listening();
        } else {
            peer.answer_all(OK);
        }
    });
    let report = onrush("-c 1 -z 700ms --model closed").arg(server.url()).report();
    assert_eq!(server.stop().counts(), (20, 1));
    let a = report.summary.accounting;
    assert_eq!((a.ok, report.code), (20, 0));
    // Waits of 10, 20, 40, 80, 160, 320 ms lie between them.
    assert!((1..=8).contains(&a.failed), "{:#?}", report.rows);
    assert!(
        report
            .rows
            .iter()
            .filter(|row| row.status == 0)
            .all(|row| row.error == "connect: refused" || row.error.starts_with("read: "))
    );
}

#[test]
fn a_server_that_closes_every_connection_at_once_does_not_hold_up_the_run() {
    for model in ["", "--model closed"] {
        let server = Hostile::start(|_| {});
        let report = onrush(&format!("-c 3 -n 6 {model}")).arg(server.url()).report();
        assert_eq!((report.code, report.summary.accounting.failed), (3, 6), "{model}");
    }
}

#[test]
fn a_unix_socket_is_a_target_like_any_other() {
    let files = TempDir::new().unwrap();
    let path = files.path().join("socket");
    let server = Hostile::start_unix(&path, |peer| peer.answer_all(OK));
    let report = onrush("http://localhost/path -c 3 -n 30 --unix-socket").arg(&path).report();
    report.assert_all_ok(30);
    let seen = server.stop();
    assert_eq!(seen.counts(), (30, 3));
    assert!(
        seen.requests[0].head.starts_with("GET /path HTTP/1.1\r\nHost: localhost\r\n"),
        "{}",
        seen.requests[0].head
    );
}

#[test]
fn a_unix_socket_that_is_not_there_is_named() {
    let files = TempDir::new().unwrap();
    let report = onrush("http://localhost/ -c 3 -n 30 --unix-socket").arg(files.path().join("none")).report();
    assert_eq!((report.error(), report.code, report.rows.len()), ("connect: no such socket", 3, 3));
}
