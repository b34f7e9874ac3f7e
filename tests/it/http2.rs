//! The binary over HTTP/2 against servers that misbehave, frame by frame.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::scripted::{Hostile, Peer};
use crate::support::{Nobody, Report, onrush};
use crate::tls::Authority;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;

/// A frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (payload.len() as u32).to_be_bytes();
    let [s, t, u, v] = stream.to_be_bytes();
    [&[a, b, c, kind, flags, s, t, u, v], payload].concat()
}

/// `200`, and the end.
fn ok(stream: u32) -> Vec<u8> {
    frame(HEADERS, 5, stream, &[0x88])
}

fn goaway(last: u32, code: u8) -> Vec<u8> {
    let [a, b, c, d] = last.to_be_bytes();
    frame(GOAWAY, 0, 0, &[a, b, c, d, 0, 0, 0, code])
}

fn reset(stream: u32, code: u8) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &[0, 0, 0, code])
}

/// The server's side of a connection.
struct Talk<'a> {
    peer: &'a mut Peer,
}

impl Talk<'_> {
    /// Reads the preface, and greets.
    fn greet<'a>(peer: &'a mut Peer, settings: &[u8]) -> Talk<'a> {
        if let Some(preface) = peer.take(24) {
            assert_eq!(preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            peer.write(frame(SETTINGS, 0, 0, settings));
        }
        Talk { peer }
    }

    /// The next frame: its kind, flags, stream and payload. None: the client is gone.
    fn frame(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let head = self.peer.take(9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some((head[3], head[4], stream, self.peer.take(length)?))
    }

    /// The stream of the next request that is whole.
    fn request(&mut self) -> Option<u32> {
        loop {
            let (kind, flags, stream, _) = self.frame()?;
            if kind <= HEADERS && flags & END_STREAM != 0 {
                self.peer.count_request();
                return Some(stream);
            }
        }
    }

    fn says(&mut self, bytes: impl AsRef<[u8]>) {
        self.peer.write(bytes);
    }
}

/// A server that answers each request so.
fn answering(answer: impl Fn(u32, u64) -> Vec<u8> + Send + Sync + 'static) -> Hostile {
    let before = AtomicU64::new(0);
    Hostile::start(move |peer| {
        let mut talk = Talk::greet(peer, &[]);
        while let Some(stream) = talk.request() {
            talk.says(answer(stream, before.fetch_add(1, Ordering::Relaxed)));
        }
    })
}

fn run(server: &Hostile, arguments: &str) -> Report {
    onrush(&format!("--http-version 2 {arguments}")).arg(server.url()).report()
}

#[test]
fn users_share_connections_in_every_model() {
    for model in ["", "--model closed", "--rate 1000", "--hold-last-byte", "--model closed --workers 2"] {
        let server = answering(|stream, _| ok(stream));
        let report = run(&server, &format!("-c 10 --streams 4 -n 50 {model}"));
        report.assert_all_ok(50);
        assert_eq!(server.stop().counts(), (50, 3), "{model}");
        let plan = &report.summary.plan;
        assert_eq!((plan.http_version.as_str(), plan.connections, plan.streams), ("2", Some(3), Some(4)));
    }
    let server = answering(|stream, _| ok(stream));
    run(&server, "-c 10 -n 50 --disable-keepalive --model closed").assert_all_ok(50);
    assert_eq!(server.stop().counts(), (50, 50), "a connection for each request");
}

#[test]
fn what_the_server_allows_is_obeyed_and_said() {
    let most = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&most);
    let server = Hostile::start(move |peer| {
        let mut talk = Talk::greet(peer, &[0, 3, 0, 0, 0, 2]);
        // Two at a time: the server answers when it has two, and no third one comes.
        while let (Some(first), Some(second)) = (talk.request(), talk.request()) {
            seen.fetch_max(2, Ordering::Relaxed);
            talk.says([ok(first), ok(second)].concat());
        }
    });
    let text = onrush("--http-version 2 --model closed -c 6 -n 30").arg(server.url()).finish();
    assert_eq!(text.code, 0, "{}", text.stderr);
    assert!(text.stdout.contains("6 users, 1 HTTP/2 connection of 100 streams (2 allowed)"), "{}", text.stdout);
    assert_eq!((server.stop().counts(), most.load(Ordering::Relaxed)), ((30, 1), 2));
}

#[test]
fn what_was_not_looked_at_is_sent_again_on_a_new_connection() {
    let server = Hostile::start(|peer| {
        let number = peer.number;
        let mut talk = Talk::greet(peer, &[]);
        while let Some(stream) = talk.request() {
            match (number, stream) {
                (0, 3) => talk.says(goaway(3, 0)),
                (1, 1) => talk.says(reset(1, 7)),
                _ => {}
            }
            // What is above the last stream is not looked at.
            if (number, stream) != (1, 1) && (number > 0 || stream <= 3) {
                talk.says(ok(stream));
            }
        }
    });
    let report = run(&server, "-c 4 -n 12 --model closed");
    report.assert_all_ok(12);
    assert!(report.summary.requests_retried >= 3, "{}", report.summary.requests_retried);
    assert_eq!(report.summary.connections, 3);
}

#[test]
fn refusals_without_end_are_failures_by_name_and_connections_are_bounded() {
    for (answer, error) in [
        (reset as fn(u32, u8) -> Vec<u8>, "http2: RST_STREAM REFUSED_STREAM"),
        (|_, _| goaway(0, 11), "http2: GOAWAY ENHANCE_YOUR_CALM"),
    ] {
        let server = answering(move |stream, _| answer(stream, 7));
        let report = run(&server, "-c 2 -n 4 --model closed");
        assert_eq!((report.code, report.error(), report.rows.len()), (3, error, 4));
        let (_, connections) = server.stop().counts();
        assert!(connections <= 16, "{connections} connections for 4 requests, sent 4 times each");
    }
}

#[test]
fn failures_of_a_stream_are_its_own() {
    let server = answering(|stream, before| match before % 3 {
        0 => reset(stream, 2),
        1 => frame(HEADERS, 5, stream, b"\x88\x5c\x013"),
        _ => ok(stream),
    });
    let report = run(&server, "-c 3 -n 30 --model closed");
    let mut failures: Vec<String> =
        report.summary.failures.iter().map(|f| format!("{}: {} {}", f.phase.text(), f.cause.text(), f.count)).collect();
    failures.sort();
    assert_eq!(failures, ["http2: RST_STREAM INTERNAL_ERROR 10", "protocol: bad content-length 10"]);
    assert_eq!((report.summary.accounting.ok, report.summary.connections), (10, 1));
}

#[test]
fn what_breaks_a_connection_fails_its_requests_by_name() {
    let cases: [(&str, Vec<u8>); 7] = [
        ("http2: compression", frame(HEADERS, 5, 1, &[0x80])),
        ("http2: flow control", frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
        ("http2: frame size", vec![0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]),
        ("http2: push promise", frame(5, 4, 1, &[0, 0, 0, 2, 0x82])),
        ("http2: bad frame", frame(0, 0, 0, b"x")),
        ("http2: flood of frames", frame(6, 0, 0, &[0; 8]).repeat(20_000)),
        ("http2: GOAWAY INTERNAL_ERROR", goaway(99, 2)),
    ];
    for (error, bytes) in cases {
        let server = Hostile::start(move |peer| {
            let mut talk = Talk::greet(peer, &[]);
            if talk.request().is_some() && talk.request().is_some() {
                talk.says(&bytes);
                if bytes.len() > 1000 {
                    // Who closes with replies unread resets the connection.
                    talk.peer.read_to_end();
                }
            }
        });
        let report = run(&server, "-c 2 -n 4 --model closed --timeout 30");
        assert_eq!((report.code, report.error(), report.rows.len()), (3, error, 4));
    }
}

#[test]
fn a_server_that_dies_is_not_stormed() {
    let server = Hostile::start(|peer| {
        let mut talk = Talk::greet(peer, &[]);
        talk.request();
    });
    let report = run(&server, "-c 8 --connections 2 -z 500ms --model closed");
    assert_eq!((report.code, report.error()), (3, "read: closed before answer"));
    let (_, connections) = server.stop().counts();
    // After 10, 20, 40, 80, 160 ms, and so on.
    assert!(connections <= 16, "{connections}");
}

#[test]
fn a_time_out_cancels_the_stream_and_nothing_else() {
    let cancelled = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&cancelled);
    let server = Hostile::start(move |peer| {
        let mut talk = Talk::greet(peer, &[]);
        let mut silent = None;
        while let Some((kind, flags, stream, payload)) = talk.frame() {
            match kind {
                HEADERS if flags & END_STREAM != 0 && silent.is_none() => silent = Some(stream),
                HEADERS => talk.says(ok(stream)),
                RST_STREAM => {
                    assert_eq!((Some(stream), &payload[..]), (silent, &[0, 0, 0, 8][..]));
                    seen.fetch_add(1, Ordering::Relaxed);
                    // It was on its way already.
                    talk.says([frame(HEADERS, 4, stream, &[0x88]), frame(0, 1, stream, b"late")].concat());
                }
                _ => {}
            }
        }
    });
    let report = run(&server, "-c 2 -z 1s --timeout 200ms --model closed");
    let accounting = &report.summary.accounting;
    assert_eq!((accounting.timeout, accounting.failed, report.summary.connections), (1, 0, 1));
    assert!(accounting.ok > 100, "{accounting:?}");
    drop(server);
    assert_eq!(cancelled.load(Ordering::Relaxed), 1);
}

#[test]
fn a_response_is_checked_by_its_own_body_after_one_that_lied() {
    // The second response announces one octet and sends two.
    let lies_once = |stream: u32, number: u64| {
        let (length, body): (&[u8], &[u8]) = if number == 1 { (b"1", b"no") } else { (b"4", b"good") };
        // `content-length` is number 28 of the static table.
        let block = [&[0x88, 0x0f, 13, length.len() as u8][..], length].concat();
        [frame(HEADERS, 4, stream, &block), frame(0, END_STREAM, stream, body)].concat()
    };
    let server = answering(lies_once);
    let report = run(&server, "-c 1 -n 6 --model closed --expect-body ^good$");
    let errors: Vec<&str> = report.rows.iter().map(|row| row.error.as_str()).collect();
    assert_eq!(errors, ["", "protocol: bad content-length", "", "", "", ""]);
    assert_eq!(server.stop().connections, 1);
}

#[test]
fn bodies_are_decoded_before_they_are_looked_at() {
    // `content-encoding` is number 26 of the static table.
    let gzip = [
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..],
        &[1, 5, 0, 0xfa, 0xff],
        b"hello",
        &[0x86, 0xa6, 0x10, 0x36, 5, 0, 0, 0],
    ];
    let gzip = gzip.concat();
    let server = answering(move |stream, _| {
        let head = frame(HEADERS, 4, stream, b"\x88\x0f\x0b\x04gzip");
        let (a, b) = gzip.split_at(13);
        [head, frame(0, 0, stream, a), frame(0, END_STREAM, stream, b)].concat()
    });
    run(&server, "-c 3 -n 9 --model closed --expect-body ^hello$").assert_all_ok(9);
}

#[test]
fn a_server_of_http_1_1_is_told_from_one_that_is_silent() {
    let old = Hostile::start(|peer| {
        peer.take(24);
        peer.write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        peer.read_to_end();
    });
    let report = run(&old, "-c 3 -n 9 --timeout 30");
    assert_eq!((report.code, report.rows.len()), (3, 3));
    assert_eq!(report.error(), "http2: server does not speak HTTP/2");
    let silent = Hostile::start(|peer| peer.stall());
    let report = run(&silent, "-c 3 -n 9 --timeout 200ms");
    silent.end_stalls();
    assert_eq!((report.code, report.error(), report.rows.len()), (3, "timeout: settings", 3));
    let nobody = Nobody::new();
    let report =
        onrush("--http-version 2 -c 30 --streams 10 -n 90").arg(format!("http://{}/", nobody.address())).report();
    assert_eq!((report.code, report.error(), report.rows.len()), (3, "connect: refused", 30));
}

#[test]
fn the_ends_of_all_requests_of_a_connection_come_in_one_piece() {
    let server = Hostile::start(|peer| {
        let mut talk = Talk::greet(peer, &[]);
        let mut ends = 0;
        while let Some((kind, flags, stream, payload)) = talk.frame() {
            if kind == 0 && flags & END_STREAM != 0 {
                assert_eq!(payload.len(), 1, "the last octet, and the end");
                ends += 1;
                if ends == 1 {
                    // The others are there already.
                    assert_eq!(talk.peer.buffered(), 19 * 10);
                }
                talk.says(ok(stream));
            }
        }
    });
    run(&server, "-c 20 -n 20 --hold-last-byte -d hello").assert_all_ok(20);
}

/// Bodies that are larger together than the windows go out before the release all the same, all but their last octets.
#[test]
fn no_last_octet_is_sent_before_all_bodies_are_out_but_for_theirs() {
    const SIZE: usize = 40_000;
    let server = Hostile::start(|peer| {
        let mut talk = Talk::greet(peer, &[]);
        let mut received = BTreeMap::<u32, usize>::new();
        while let Some((kind, flags, stream, payload)) = talk.frame() {
            if kind == HEADERS {
                received.insert(stream, 0);
            }
            if kind != 0 {
                continue;
            }
            *received.entry(stream).or_default() += payload.len();
            if flags & END_STREAM == 0 {
                let by = payload.len() as u32;
                talk.says([window_update(0, by), window_update(stream, by)].concat());
            } else {
                assert!(received.len() == 4 && received.values().all(|&octets| octets >= SIZE - 1), "{received:?}");
                talk.says(ok(stream));
            }
        }
    });
    run(&server, &format!("-c 4 -n 4 --hold-last-byte -d {}", "x".repeat(SIZE))).assert_all_ok(4);
}

/// A server that takes uploads, and opens windows as `open` says: for a frame, its kind, its stream and octets of body.
fn taking(settings: &'static [u8], open: impl Fn(u8, u32, usize) -> Vec<u8> + Send + Sync + 'static) -> Hostile {
    Hostile::start(move |peer| {
        let mut talk = Talk::greet(peer, settings);
        let mut received = BTreeMap::<u32, u64>::new();
        while let Some((kind, flags, stream, payload)) = talk.frame() {
            if kind > HEADERS {
                continue;
            }
            talk.says(open(kind, stream, payload.len()));
            if kind == 0 {
                *received.entry(stream).or_default() += payload.len() as u64;
            }
            if flags & END_STREAM != 0 {
                let length = received.remove(&stream).unwrap_or(0).to_string();
                let block = [&[0x88, 0, 6][..], b"x-took", &[length.len() as u8], length.as_bytes()].concat();
                talk.says(
                    [frame(HEADERS, 4, stream, &block), frame(0, END_STREAM, stream, length.as_bytes())].concat(),
                );
            }
        }
    })
}

fn window_update(stream: u32, by: u32) -> Vec<u8> {
    frame(8, 0, stream, &by.to_be_bytes())
}

#[test]
fn uploads_of_any_size_go_through_windows_and_frames_of_any_size() {
    // As nginx does: frames of 16 MiB, small windows that are opened behind each request.
    let nginx = || {
        taking(&[0, 4, 0, 1, 0, 0, 0, 5, 0, 0xff, 0xff, 0xff], |kind, stream, _| match (kind, stream) {
            (HEADERS, 1) => [window_update(0, 0x7fff_0000), window_update(1, 0x7ffe_0000)].concat(),
            (HEADERS, _) => window_update(stream, 0x7ffe_0000),
            _ => vec![],
        })
    };
    // No window to begin with, then a frame for each octets that came, on both levels.
    let narrow = || {
        taking(&[0, 4, 0, 0, 0, 0], |kind, stream, octets| match kind {
            HEADERS => window_update(stream, 1),
            _ => [window_update(0, 1), window_update(stream, 1)].concat().repeat(octets),
        })
    };
    for (server, size, users) in [(nginx(), 1_200_000, 1), (nginx(), 10_000_000, 3), (narrow(), 12_000, 2)] {
        let body = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(body.path(), vec![b'z'; size]).unwrap();
        let report = onrush(&format!("--http-version 2 -c {users} -n {} --connections 1", 2 * users))
            .args(["--expect-body", &format!("^{size}$"), "--data-file"])
            .arg(body.path())
            .arg(server.url())
            .report();
        report.assert_all_ok(2 * users);
    }
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let refused = |arguments: &str| {
        let finished = onrush(arguments).arg("http://127.0.0.1:9/").finish();
        assert_eq!((finished.code, finished.stdout.as_str()), (2, ""), "{arguments}");
        finished.stderr
    };
    assert!(refused("--streams 5").contains("--streams is about HTTP/2"));
    assert!(refused("--connections 5").contains("--connections is about HTTP/2"));
    let too_many = refused("--http-version 2 -c 50 -n 50 --connections 2 --streams 10");
    assert!(too_many.contains("50 users need more than 2 connections of 10 streams"), "{too_many}");
    assert!(refused("--http-version 2 -H Upgrade:x").contains("HTTP/2 has no such header"));
    assert!(refused("--http-version 2 --disable-keepalive --streams 5").contains("contradict"));
    assert!(refused("--http-version 3").contains("3"));
    let demo = onrush("--demo --http-version 2").finish();
    assert!(demo.code == 2 && demo.stderr.contains("speaks HTTP/1.1"), "{}", demo.stderr);
}

#[test]
fn settings_that_come_with_the_handshake_are_read_though_nothing_follows_them() {
    let authority = Authority::new();
    let mut config = authority.localhost();
    config.send_half_rtt_data = true;
    // They would wake whoever waits.
    config.send_tls13_tickets = 0;
    let server = Hostile::start_tls(config, |peer| {
        peer.write_with_handshake(&frame(SETTINGS, 0, 0, &[]));
        assert!(peer.take(24).is_some(), "the preface");
        let mut talk = Talk { peer };
        while let Some(stream) = talk.request() {
            talk.says(ok(stream));
        }
    });
    for model in ["waves", "closed", "open --rate 400"] {
        let arguments = format!("-4 --http-version 2 --model {model} -c 2 -n 6 {}", authority.believed());
        onrush(&arguments).arg(server.https_url()).report().assert_all_ok(6);
    }
}
