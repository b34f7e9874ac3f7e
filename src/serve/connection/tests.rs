use proptest::prelude::*;

use super::*;
use crate::time::Nanos;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nserver: onrush\r\n\r\nok";

fn close(answer: &str) -> String {
    answer.replace("server: onrush\r\n", "server: onrush\r\nconnection: close\r\n")
}

/// Gives the connection these pieces as it wants them, with a socket that
/// takes `step` bytes at a time and waits that are over at once. Returns all
/// that was sent, the number of answers, and how it ended.
fn converse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, step: usize) -> (String, u64, Ending) {
    let mut connection = Connection::default();
    let mut sent = Vec::new();
    for piece in pieces {
        while !connection.wants_input() && connection.ending() == Ending::None {
            deliver(&mut connection, &mut sent, step);
        }
        connection.receive(piece);
    }
    while deliver(&mut connection, &mut sent, step) {}
    (String::from_utf8(sent).unwrap(), connection.take_answered(), connection.ending())
}

/// Whether anything happened.
fn deliver(connection: &mut Connection, sent: &mut Vec<u8>, step: usize) -> bool {
    let n = connection.transmit().len().min(step);
    sent.extend_from_slice(&connection.transmit()[..n]);
    if n > 0 {
        connection.transmitted(n);
    }
    let waits = connection.take_wait().is_some();
    if waits {
        connection.wake();
    }
    n > 0 || waits
}

fn answer_to(input: &str) -> (String, u64, Ending) {
    converse([input.as_bytes()], usize::MAX)
}

#[test]
fn requests_are_answered_in_order() {
    let echo = r#"{"method":"POST","path":"/post","headers":{"transfer-encoding":"chunked"},"body_length":2}"#;
    let echo_head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\nserver: onrush\r\n\r\n";
    for (input, output, answered, ending) in [
        ("GET / HTTP/1.1\r\n\r\n", OK.to_string(), 1, Ending::None),
        ("GET / HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\n\r\nGET ", OK.repeat(2), 2, Ending::None),
        ("\r\nHEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", OK[..OK.len() - 2].to_string() + OK, 2, Ending::None),
        ("GET /delay/1s HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", OK.repeat(2), 2, Ending::None),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", close(OK), 1, Ending::Close),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n", close(OK), 1, Ending::Linger),
        ("GET /delay/1s HTTP/1.0\r\n\r\n", close(OK), 1, Ending::Close),
        ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n", OK.repeat(2), 2, Ending::None),
        ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", String::new(), 0, Ending::None),
        (
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx",
            format!("HTTP/1.1 100 Continue\r\n\r\n{OK}"),
            1,
            Ending::None,
        ),
        (
            "POST /post HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            format!("{echo_head}{echo}"),
            1,
            Ending::None,
        ),
    ] {
        assert_eq!(answer_to(input), (output, answered, ending), "{input:?}");
    }
}

#[test]
fn what_is_not_http_is_answered_once_and_ends_the_connection() {
    let chunks = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    for (input, status) in [
        ("nonsense\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_string(), "400 Bad Request"),
        (chunks.to_string(), "400 Bad Request"),
        (format!("GET / HTTP/1.1\r\na: {}", "x".repeat(64 * 1024)), "431 Request Header Fields Too Large"),
    ] {
        let (output, answered, ending) = answer_to(&input);
        assert!(output.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{output}");
        assert!(output.contains("connection: close\r\n"), "{output}");
        assert_eq!((answered, ending), (1, Ending::Linger), "{status}");
    }
}

#[test]
fn output_is_bounded_however_many_requests_are_pipelined() {
    let mut connection = Connection::default();
    let input = "GET / HTTP/1.1\r\n\r\n".repeat(10_000);
    connection.receive(input.as_bytes());
    let mut sent = 0;
    while !connection.transmit().is_empty() {
        let n = connection.transmit().len();
        assert!(n < OUTPUT_LIMIT + PLAIN.len(), "{n} bytes wait");
        assert_eq!(connection.wants_input(), !connection.held && n < OUTPUT_LIMIT);
        connection.transmitted(n);
        sent += n;
    }
    assert_eq!(sent, 10_000 * PLAIN.len());
    assert!(connection.wants_input() && connection.input.is_empty());
}

#[test]
fn an_answer_that_waits_stops_the_reading_and_survives_the_end_of_input() {
    let mut connection = Connection::default();
    connection.receive(b"GET /delay/2s HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    assert!(!connection.wants_input());
    assert_eq!(connection.take_wait(), Some(Wait::Delay(Nanos::from_secs(2))));
    assert_eq!(connection.take_wait(), None);
    connection.end_of_input();
    assert_eq!((connection.transmit().len(), connection.ending()), (0, Ending::None));
    connection.wake();
    assert_eq!(connection.transmit(), OK.repeat(2).as_bytes());
    connection.transmitted(2 * OK.len());
    assert_eq!(connection.ending(), Ending::Close);
}

#[test]
fn a_peer_that_ends_in_the_middle_of_a_request_is_let_go() {
    for input in ["", "GET / HT", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"] {
        let mut connection = Connection::default();
        connection.receive(input.as_bytes());
        connection.end_of_input();
        assert_eq!((connection.ending(), connection.take_answered()), (Ending::Close, 0), "{input:?}");
    }
}

fn request() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_string()),
        Just("HEAD /bytes/5 HTTP/1.1\r\n\r\n".to_string()),
        Just("GET /delay/5ms HTTP/1.1\r\n\r\n".to_string()),
        Just("GET /status/304 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_string()),
        Just("GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_string()),
        Just("rubbish\n\n".to_string()),
        (0..70_000u64).prop_map(|n| format!("GET /bytes/{n} HTTP/1.1\r\n\r\n")),
        (1..99usize).prop_map(|n| {
            format!("POST /post HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {n}\r\n\r\n{}", "b".repeat(n))
        }),
        (1..99usize).prop_map(|n| {
            let body = "c".repeat(n);
            format!("PUT /post HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{n:x}\r\n{body}\r\n0\r\nT: u\r\n\r\n")
        }),
    ]
}

proptest! {
    #[test]
    fn the_same_bytes_in_any_pieces_have_the_same_answers(
        requests in prop::collection::vec(request(), 1..12),
        piece in 1..200usize,
        step in 1..100_000usize,
    ) {
        let input = requests.concat();
        let whole = answer_to(&input);
        let split = converse(input.as_bytes().chunks(piece), step);
        prop_assert_eq!(whole.0, split.0);
        prop_assert_eq!(whole.1, split.1);
    }

    #[test]
    fn no_bytes_make_it_panic(input in prop::collection::vec(any::<u8>(), 0..300), piece in 1..50usize) {
        converse(input.chunks(piece), 7);
    }
}
