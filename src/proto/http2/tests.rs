//! The machine against frames written by hand.

use std::sync::Arc;

use proptest::prelude::*;

use super::frame::{FrameHead, HEAD, code, flag, kind, setting};
use super::{Codec, Session, hpack};
use crate::proto::{Answer, Capture, End, Hold};
use crate::record::{Cause, Failure, Phase};
use crate::request::{Body, Header, Message, Payload, RequestHead};
use crate::time::Nanos;

mod uploads;

const SHARED: Message<'_> = Message { target: 0, payload: Payload::Shared };

/// A frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let head = FrameHead { length: payload.len() as u32, kind, flags, stream };
    [&head.bytes()[..], payload].concat()
}

fn settings(pairs: &[(u16, u32)]) -> Vec<u8> {
    let pair = |(name, value): &(u16, u32)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat();
    frame(kind::SETTINGS, 0, 0, &pairs.iter().flat_map(pair).collect::<Vec<_>>())
}

fn block(lines: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    lines.iter().for_each(|(name, value)| hpack::field(name.as_bytes(), value.as_bytes(), false, &mut out));
    out
}

/// HEADERS with these lines; END_HEADERS is set.
fn headers(stream: u32, flags: u8, lines: &[(&str, &str)]) -> Vec<u8> {
    frame(kind::HEADERS, flag::END_HEADERS | flags, stream, &block(lines))
}

fn ok(stream: u32) -> Vec<u8> {
    headers(stream, flag::END_STREAM, &[(":status", "200")])
}

fn data(stream: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(kind::DATA, flags, stream, payload)
}

fn goaway(last: u32, error: u32) -> Vec<u8> {
    frame(kind::GOAWAY, 0, 0, &[last.to_be_bytes(), error.to_be_bytes()].concat())
}

fn reset(stream: u32, error: u32) -> Vec<u8> {
    frame(kind::RST_STREAM, 0, stream, &error.to_be_bytes())
}

fn window_update(stream: u32, by: u32) -> Vec<u8> {
    frame(kind::WINDOW_UPDATE, 0, stream, &by.to_be_bytes())
}

/// A client, and what it has written.
struct Wire {
    session: Session,
    codec: Codec,
    now: u64,
    done: Vec<Answer>,
}

impl Wire {
    /// Before the server's SETTINGS.
    fn mute(method: &str, body: &Body) -> Wire {
        let head = RequestHead {
            method: method.into(),
            path: "/path?q".into(),
            authority: "host:1".into(),
            headers: vec![Header { name: "X-Name".into(), value: "value".into() }],
            keep_alive: true,
        };
        Wire { session: Session::new(), codec: Codec::new([(&head, body, false)]), now: 0, done: Vec::new() }
    }

    /// After them, with `requests` GET requests sent, tickets 0 on.
    fn with(requests: u32) -> Wire {
        let mut wire = Wire::mute("GET", &Body::None);
        wire.says(&settings(&[]));
        wire.submit(requests);
        wire
    }

    fn post(body: &[u8], pairs: &[(u16, u32)]) -> Wire {
        let mut wire = Wire::mute("POST", &Body::Fixed(Arc::from(body)));
        wire.says(&settings(pairs));
        wire.written();
        wire
    }

    fn submit(&mut self, requests: u32) {
        for ticket in 0..requests {
            self.session.submit(SHARED, ticket, Hold::Nothing, &self.codec);
        }
        self.written();
    }

    /// The server says this; returns the answers, by ticket.
    fn says(&mut self, bytes: &[u8]) -> Vec<Answer> {
        self.now += 1;
        self.session.receive(bytes, Nanos(self.now), &mut self.done);
        self.done.sort_by_key(|answer| answer.ticket);
        std::mem::take(&mut self.done)
    }

    /// The frames written since the last time.
    fn written(&mut self) -> Vec<(FrameHead, Vec<u8>)> {
        let mut bytes = Vec::new();
        while !self.session.transmit().is_empty() {
            bytes.extend_from_slice(self.session.transmit());
            let n = self.session.transmit().len();
            self.session.transmitted(n);
        }
        let mut rest = bytes.strip_prefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap_or(&bytes);
        let mut frames = Vec::new();
        while let Some((head, behind)) = rest.split_first_chunk::<HEAD>() {
            let head = FrameHead::parse(head);
            let (payload, behind) = behind.split_at(head.length as usize);
            frames.push((head, payload.to_vec()));
            rest = behind;
        }
        assert!(rest.is_empty());
        frames
    }

    /// (kind, flags, stream, length) of them.
    fn shapes(&mut self) -> Vec<(u8, u8, u32, u32)> {
        self.written().iter().map(|(head, _)| (head.kind, head.flags, head.stream, head.length)).collect()
    }

    /// The server says this, and the connection is at its end for that cause.
    #[track_caller]
    fn breaks_on(mut self, bytes: &[u8], cause: Cause, error: u32) {
        self.says(bytes);
        assert_eq!(self.session.error(), Some(Failure::new(Phase::Http2, cause)));
        let (head, payload) = self.written().pop().expect("the server is told");
        assert_eq!((head.kind, head.stream, &payload[4..]), (kind::GOAWAY, 0, &error.to_be_bytes()[..]));
        assert_eq!((self.session.capacity(), self.session.is_exhausted()), (0, true));
        let under_way = self.session.streams.len();
        self.session.end(End::Broken(Failure::new(Phase::Http2, cause)), &mut self.done);
        assert_eq!(std::mem::take(&mut self.done).len(), under_way);
        assert!(self.says(&ok(1)).is_empty(), "it takes no more");
    }
}

fn failed(answers: &[Answer]) -> Vec<(u32, String, bool)> {
    let text = |a: &Answer| a.failure.map_or(a.status.to_string(), |failure| failure.to_string());
    answers.iter().map(|a| (a.ticket, text(a), a.may_be_sent_again)).collect()
}

#[test]
fn the_preface_comes_first_and_requests_after_the_servers_settings() {
    let mut wire = Wire::mute("GET", &Body::None);
    assert!(wire.session.transmit().starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    let kinds: Vec<u8> = wire.written().iter().map(|(head, _)| head.kind).collect();
    assert_eq!(kinds, [kind::SETTINGS, kind::WINDOW_UPDATE]);
    assert_eq!((wire.session.capacity(), wire.session.is_ready()), (0, false));
    wire.says(&settings(&[(setting::MAX_CONCURRENT_STREAMS, 7)]));
    assert_eq!((wire.session.capacity(), wire.session.allowed_streams()), (7, Some(7)));
    assert_eq!(wire.shapes(), [(kind::SETTINGS, flag::ACK, 0, 0)]);
    wire.session.submit(SHARED, 9, Hold::Nothing, &wire.codec);
    let [(head, payload)] = &wire.written()[..] else { panic!("one frame") };
    assert_eq!((head.kind, head.flags, head.stream), (kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1));
    let mut lines = Vec::new();
    let line = |name: &[u8], value: &[u8]| format!("{}: {}", name.escape_ascii(), value.escape_ascii());
    hpack::Decoder::new(0).decode(payload, 4096, &mut |name, value| lines.push(line(name, value))).unwrap();
    assert_eq!(lines, [":method: GET", ":scheme: http", ":path: /path?q", ":authority: host:1", "x-name: value"]);
    assert_eq!(wire.session.capacity(), 6);
}

#[test]
fn answers_come_in_any_order_and_in_any_shape() {
    let mut wire = Wire::with(6);
    assert_eq!(failed(&wire.says(&ok(5))), [(2, "200".into(), false)]);
    // A head, a padded body in three frames, trailers.
    let mut long = headers(1, 0, &[(":status", "404"), ("content-length", "5")]);
    long.extend(data(1, 0, b"ab"));
    long.extend(data(1, flag::PADDED, b"\x03cd\0\0\0"));
    long.extend(frame(99, 0xff, 1, b"an extension"));
    long.extend(data(1, 0, b"e"));
    long.extend(headers(1, flag::END_STREAM, &[("x-checksum", "1")]));
    let answer = &wire.says(&long)[0];
    assert_eq!((answer.ticket, answer.status, answer.body_bytes, answer.failure), (0, 404, 5, None));
    // Interim heads, and a head with padding, priority and a continuation.
    let mut interim = headers(3, 0, &[(":status", "100")]);
    interim.extend(headers(3, 0, &[(":status", "103"), ("link", "x")]));
    wire.says(&interim);
    let whole = block(&[(":status", "200"), ("server", "nobody")]);
    let (first, second) = whole.split_at(3);
    let padded = [&[2, 0, 0, 0, 0, 9][..], first, &[0, 0]].concat();
    let mut pieces = frame(kind::HEADERS, flag::PADDED | flag::PRIORITY | flag::END_STREAM, 3, &padded);
    pieces.extend(frame(kind::CONTINUATION, 0, 3, second));
    pieces.extend(frame(kind::CONTINUATION, flag::END_HEADERS, 3, &[]));
    let answer = &wire.says(&pieces)[0];
    assert_eq!((answer.ticket, answer.status, answer.failure), (1, 200, None));
    assert_eq!(answer.first_byte, Nanos(wire.now), "of the final head");
    // That is when its first piece came.
    let mut pieces = frame(kind::HEADERS, 0, 11, first);
    pieces.extend(frame(kind::CONTINUATION, flag::END_HEADERS, 11, second));
    let (a, b) = pieces.split_at(5);
    wire.says(a);
    let began = wire.now;
    let (b, c) = b.split_at(12);
    wire.says(b);
    wire.says(c);
    assert_eq!(wire.says(&data(11, flag::END_STREAM, b""))[0].first_byte, Nanos(began));
    // An empty body, and one that ends with an empty frame.
    let mut empty = headers(7, 0, &[(":status", "204")]);
    empty.extend(data(7, flag::END_STREAM, b""));
    empty.extend(headers(9, 0, &[(":status", "200")]));
    empty.extend(data(9, 0, b"x"));
    empty.extend(data(9, flag::END_STREAM, b""));
    let answers = wire.says(&empty);
    assert_eq!(answers.iter().map(|a| (a.ticket, a.body_bytes)).collect::<Vec<_>>(), [(3, 0), (4, 1)]);
}

#[test]
fn an_answer_to_head_has_no_body_whatever_its_length_says() {
    let mut wire = Wire::mute("HEAD", &Body::None);
    wire.says(&settings(&[]));
    wire.submit(1);
    let answer = &wire.says(&headers(1, flag::END_STREAM, &[(":status", "200"), ("content-length", "5")]))[0];
    assert_eq!((answer.status, answer.failure), (200, None));
    for length in ["", "5,6", "x"] {
        wire.submit(1);
        let id = wire.session.next_id() - 2;
        let head = headers(id, flag::END_STREAM, &[(":status", "200"), ("content-length", length)]);
        assert_eq!(failed(&wire.says(&head)), [(0, "200".into(), false)], "{length:?}");
    }
}

#[test]
fn malformed_answers_fail_alone() {
    let bad_head = || "protocol: bad head".to_string();
    let bad_length = || "protocol: bad content-length".to_string();
    let end = flag::END_STREAM;
    let status = (":status", "200");
    let cases = [
        (headers(1, end, &[("server", "x")]), bad_head()),
        (headers(1, end, &[(":status", "100")]), bad_head()),
        (headers(1, 0, &[(":status", "101")]), bad_head()),
        (headers(1, end, &[status, ("connection", "close")]), bad_head()),
        (headers(1, end, &[status, ("content-length", "1")]), bad_length()),
        (headers(1, end, &[status, ("content-length", "")]), bad_length()),
        (headers(1, end, &[status, ("content-length", "0, 1")]), bad_length()),
        (headers(1, end, &[status, ("content-length", "0"), ("content-length", "")]), bad_length()),
        ([headers(1, 0, &[status, ("content-length", "1")]), data(1, end, b"ab")].concat(), bad_length()),
        (data(1, end, b"a body without a head"), bad_head()),
        ([headers(1, 0, &[status]), headers(1, 0, &[("trailer", "goes on")])].concat(), bad_head()),
        ([headers(1, 0, &[status]), headers(1, end, &[status])].concat(), bad_head()),
    ];
    for (bytes, failure) in cases {
        let mut wire = Wire::with(2);
        assert_eq!(failed(&wire.says(&bytes)), [(0, failure, false)], "{bytes:?}");
        assert_eq!(wire.session.error(), None);
        assert_eq!(failed(&wire.says(&ok(3))), [(1, "200".into(), false)], "{bytes:?}");
    }
}

#[test]
fn what_is_captured_of_a_response_goes_with_it() {
    let mut wire = Wire::with(0);
    wire.session.capture = Capture { location: true, body: true };
    let captured = |answers: &[Answer]| {
        answers[0].captured.as_ref().map(|captured| (captured.body.clone(), captured.location.clone()))
    };
    let status = (":status", "200");
    // A response that lies about its length fails, and the next one is judged by itself.
    wire.submit(1);
    let lie = [headers(1, 0, &[status, ("content-length", "1")]), data(1, flag::END_STREAM, b"ab")].concat();
    let answers = wire.says(&lie);
    assert_eq!((captured(&answers), answers[0].failure.is_some()), (None, true));
    wire.submit(1);
    let honest = [headers(3, 0, &[status]), data(3, flag::END_STREAM, b"good")].concat();
    assert_eq!(captured(&wire.says(&honest)), Some((b"good".to_vec(), None)));
    // So with those that are reset, given up or sent again.
    for end in [reset(5, code::CANCEL), goaway(3, 0)] {
        wire.submit(1);
        let begun = [headers(5, 0, &[(":status", "302"), ("location", "/a")]), data(5, 0, b"old")].concat();
        wire.says(&begun);
        assert_eq!(captured(&wire.says(&end)), None);
        wire = Wire::with(0);
        wire.session.capture = Capture { location: true, body: true };
        wire.submit(2);
        wire.session.give_up(0);
        assert_eq!(
            captured(&wire.says(&headers(3, flag::END_STREAM, &[(":status", "302"), ("location", "/b")]))),
            Some((vec![], Some(b"/b".to_vec())))
        );
    }
}

#[test]
fn what_breaks_the_connection_is_told_to_the_server() {
    let protocol = |bytes: &[u8]| Wire::with(2).breaks_on(bytes, Cause::BadFrame, code::PROTOCOL_ERROR);
    protocol(&headers(2, 0, &[(":status", "200")]));
    protocol(&headers(99, 0, &[(":status", "200")]));
    protocol(&data(0, 0, b"x"));
    protocol(&data(5, 0, b"x"));
    protocol(&[headers(1, 0, &[(":status", "200")]), data(1, flag::PADDED, b"\x02a")].concat());
    protocol(&frame(kind::SETTINGS, 0, 1, &[]));
    protocol(&settings(&[(setting::ENABLE_PUSH, 1)]));
    protocol(&settings(&[(setting::MAX_FRAME_SIZE, 16_383)]));
    protocol(&settings(&[(setting::MAX_FRAME_SIZE, 1 << 24)]));
    protocol(&frame(kind::PING, 0, 1, &[0; 8]));
    protocol(&frame(kind::GOAWAY, 0, 1, &[0; 8]));
    protocol(&reset(0, 0));
    protocol(&reset(5, 0));
    protocol(&window_update(0, 0));
    protocol(&window_update(5, 1));
    protocol(&frame(kind::PRIORITY, 0, 0, &[0; 5]));
    protocol(&frame(kind::CONTINUATION, flag::END_HEADERS, 1, &[]));
    let open_block = frame(kind::HEADERS, 0, 1, &block(&[(":status", "200")]));
    protocol(&[&open_block[..], &frame(kind::PING, 0, 0, &[0; 8])].concat());
    protocol(&[&open_block[..], &frame(kind::CONTINUATION, flag::END_HEADERS, 3, &[])].concat());

    let frame_size = |bytes: &[u8]| Wire::with(1).breaks_on(bytes, Cause::FrameSize, code::FRAME_SIZE_ERROR);
    frame_size(&FrameHead { length: 16_385, kind: kind::DATA, flags: 0, stream: 1 }.bytes());
    frame_size(&frame(kind::SETTINGS, 0, 0, &[0; 5]));
    frame_size(&frame(kind::SETTINGS, flag::ACK, 0, &[0; 6]));
    frame_size(&frame(kind::PING, 0, 0, &[0; 7]));
    frame_size(&frame(kind::GOAWAY, 0, 0, &[0; 7]));
    frame_size(&frame(kind::RST_STREAM, 0, 1, &[0; 3]));
    frame_size(&frame(kind::WINDOW_UPDATE, 0, 1, &[0; 5]));
    frame_size(&frame(kind::PRIORITY, 0, 1, &[0; 4]));
    frame_size(&frame(kind::DATA, flag::PADDED, 1, &[]));

    let flow = |bytes: &[u8]| Wire::with(1).breaks_on(bytes, Cause::FlowControl, code::FLOW_CONTROL_ERROR);
    flow(&window_update(0, (1 << 31) - 1));
    flow(&settings(&[(setting::INITIAL_WINDOW_SIZE, 1 << 31)]));
    let compression = |block: &[u8]| {
        let bytes = frame(kind::HEADERS, flag::END_HEADERS, 1, block);
        Wire::with(1).breaks_on(&bytes, Cause::Compression, code::COMPRESSION_ERROR);
    };
    compression(&[0x80]);
    compression(&[0x40]);
    let push = frame(kind::PUSH_PROMISE, flag::END_HEADERS, 1, &[0, 0, 0, 2, 0x82]);
    Wire::with(1).breaks_on(&push, Cause::PushPromise, code::PROTOCOL_ERROR);
    Wire::with(1).breaks_on(&[ok(1), data(1, 0, b"x")].concat(), Cause::StreamClosed, code::STREAM_CLOSED);
    Wire::with(1).breaks_on(&[ok(1), ok(1)].concat(), Cause::StreamClosed, code::STREAM_CLOSED);
}

#[test]
fn a_server_of_another_protocol_is_found_out() {
    for bytes in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"SSH-2.0-OpenSSH_9.9\r\n", &ok(1), &goaway(0, 0)] {
        Wire::mute("GET", &Body::None).breaks_on(bytes, Cause::NotHttp2, code::PROTOCOL_ERROR);
    }
}

#[test]
fn header_bombs_and_floods_are_bounded() {
    let calm = code::ENHANCE_YOUR_CALM;
    // An entry of 4,000 octets, and references to it.
    let mut bomb = vec![0x88, 0x40, 1, b'a', 0x7f, 0xa1, 0x1e];
    bomb.extend(vec![b'v'; 4000]);
    bomb.extend(vec![0xbe; 10_000]);
    Wire::with(1).breaks_on(&frame(kind::HEADERS, flag::END_HEADERS, 1, &bomb), Cause::OversizeHead, calm);
    // A block without an end.
    let mut endless = frame(kind::HEADERS, 0, 1, &[0x88]);
    for _ in 0..20 {
        endless.extend(frame(kind::CONTINUATION, 0, 1, &[0x88; 16_000]));
    }
    Wire::with(1).breaks_on(&endless, Cause::OversizeHead, calm);
    let flood = |first: &[u8], one: &[u8]| {
        let mut wire = Wire::with(2);
        wire.says(first);
        let many = one.repeat(1000);
        for _ in 0..11 {
            wire.says(&many);
            wire.written();
        }
        assert_eq!(wire.session.error(), Some(Failure::new(Phase::Http2, Cause::Flood)), "{one:?}");
    };
    flood(&[], &frame(kind::PING, 0, 0, &[0; 8]));
    flood(&[], &settings(&[]));
    flood(&[], &frame(99, 0, 0, b"?"));
    flood(&[], &window_update(1, 1));
    flood(&[], &reset(3, 8));
    flood(&[], &headers(1, 0, &[(":status", "103")]));
    flood(&headers(1, 0, &[(":status", "200")]), &data(1, 0, b""));
    flood(&headers(1, 0, &[(":status", "200")]), &data(1, flag::PADDED, b"\0"));
    flood(&frame(kind::HEADERS, 0, 1, &[0x88]), &frame(kind::CONTINUATION, 0, 1, &[]));
    // Replies that nobody reads.
    let mut wire = Wire::with(1);
    wire.says(&frame(kind::PING, 0, 0, &[0; 8]).repeat(9_000));
    assert!(wire.session.transmit().len() < 200_000);
}

#[test]
fn pings_are_answered() {
    let mut wire = Wire::with(1);
    wire.says(&frame(kind::PING, 0, 0, b"12345678"));
    wire.says(&frame(kind::PING, flag::ACK, 0, b"whatever"));
    let [(head, payload)] = &wire.written()[..] else { panic!("one frame") };
    assert_eq!((head.kind, head.flags, &payload[..]), (kind::PING, flag::ACK, &b"12345678"[..]));
}

#[test]
fn goaway_lets_the_first_finish_and_gives_the_others_back() {
    let mut wire = Wire::with(4);
    let again = "http2: GOAWAY ENHANCE_YOUR_CALM".to_string();
    let answers = wire.says(&goaway(3, code::ENHANCE_YOUR_CALM));
    assert_eq!(failed(&answers), [(2, again.clone(), true), (3, again, true)]);
    assert_eq!((wire.session.is_exhausted(), wire.session.capacity(), wire.session.error()), (true, 0, None));
    assert_eq!(failed(&wire.says(&ok(1))), [(0, "200".into(), false)]);
    // The last stream may get lower, and never higher.
    assert_eq!(wire.says(&goaway(99, 0)), []);
    assert_eq!(failed(&wire.says(&goaway(1, 0))), [(1, "http2: GOAWAY NO_ERROR".into(), true)]);
    // What is under way when the connection closes fails for what the server said.
    let mut wire = Wire::with(1);
    wire.says(&goaway(1, code::PROTOCOL_ERROR));
    wire.session.end(End::Closed, &mut wire.done);
    assert_eq!(failed(&wire.done), [(0, "http2: GOAWAY PROTOCOL_ERROR".into(), false)]);
}

#[test]
fn resets_fail_one_request_and_refusals_may_be_sent_again() {
    let mut wire = Wire::with(3);
    assert_eq!(failed(&wire.says(&reset(1, code::CANCEL))), [(0, "http2: RST_STREAM CANCEL".into(), false)]);
    assert!(!wire.session.is_exhausted());
    assert_eq!(failed(&wire.says(&reset(3, 77))), [(1, "http2: RST_STREAM with an unknown code".into(), false)]);
    let refused = wire.says(&reset(5, code::REFUSED_STREAM));
    assert_eq!(failed(&refused), [(2, "http2: RST_STREAM REFUSED_STREAM".into(), true)]);
    assert!(wire.session.is_exhausted(), "what is refused here goes elsewhere");
}

#[test]
fn a_reset_behind_an_answer_means_nothing() {
    let mut wire = Wire::post(&vec![b'x'; 100_000], &[]);
    wire.submit(1);
    let early = [headers(1, flag::END_STREAM, &[(":status", "413")]), reset(1, code::NO_ERROR)].concat();
    assert_eq!(failed(&wire.says(&early)), [(0, "413".into(), false)]);
    assert_eq!(wire.shapes(), [(kind::RST_STREAM, 0, 1, 4)], "the rest of the body is not sent");
    wire.says(&window_update(0, 1 << 20));
    assert_eq!((wire.shapes(), wire.session.has_unsent(), wire.session.error()), (vec![], false, None));
}

#[test]
fn a_request_that_is_given_up_is_cancelled_and_the_connection_stays() {
    let mut wire = Wire::with(3);
    wire.says(&headers(3, 0, &[(":status", "200")]));
    assert_eq!(wire.session.give_up(0).1, Cause::WaitFirstByte);
    let (answer, cause) = wire.session.give_up(1);
    assert_eq!((answer.first_byte != Nanos::NEVER, cause), (true, Cause::Body));
    let cancels = wire.written();
    let of = |(head, payload): &(FrameHead, Vec<u8>)| (head.kind, head.stream, payload[3]);
    assert_eq!(cancels.iter().map(of).collect::<Vec<_>>(), [(3, 1, 8), (3, 3, 8)]);
    // What the server had sent before it heard of that.
    let late = [ok(1), data(3, 0, b"late"), data(3, flag::END_STREAM, b"r"), ok(5)].concat();
    assert_eq!(failed(&wire.says(&late)), [(2, "200".into(), false)]);
    assert_eq!(wire.session.error(), None);
    // They have ended now: more is an error.
    wire.breaks_on(&data(3, 0, b"x"), Cause::StreamClosed, code::STREAM_CLOSED);
}

#[test]
fn long_heads_are_continued() {
    let long = "v".repeat(40_000);
    let head = RequestHead {
        method: "GET".into(),
        path: "/".into(),
        authority: "h".into(),
        headers: vec![Header { name: "cookie".into(), value: long.clone().into() }],
        keep_alive: true,
    };
    let mut wire = Wire { codec: Codec::new([(&head, &Body::None, true)]), ..Wire::mute("GET", &Body::None) };
    wire.says(&settings(&[]));
    wire.written();
    wire.session.submit(SHARED, 0, Hold::Nothing, &wire.codec);
    let frames = wire.written();
    let kinds: Vec<_> = frames.iter().map(|(head, _)| (head.kind, head.flags)).collect();
    assert_eq!(
        kinds,
        [(kind::HEADERS, flag::END_STREAM), (kind::CONTINUATION, 0), (kind::CONTINUATION, flag::END_HEADERS)]
    );
    let whole: Vec<u8> = frames.into_iter().flat_map(|(_, payload)| payload).collect();
    let mut cookie = Vec::new();
    hpack::Decoder::new(0).decode(&whole, 1 << 18, &mut |_, value| cookie = value.to_vec()).unwrap();
    assert_eq!(cookie, long.as_bytes());
}

#[test]
fn stream_numbers_that_are_used_up_end_a_connection() {
    let mut wire = Wire::with(0);
    wire.session.skip_to((1 << 31) - 3);
    wire.session.submit(SHARED, 0, Hold::Nothing, &wire.codec);
    assert!(!wire.session.is_exhausted());
    wire.session.submit(SHARED, 1, Hold::Nothing, &wire.codec);
    assert_eq!((wire.session.is_exhausted(), wire.session.capacity()), (true, 0));
    wire.written();
    assert_eq!(failed(&wire.says(&ok((1 << 31) - 1))), [(1, "200".into(), false)]);
}

#[test]
fn windows_for_downloads_are_kept_open() {
    let mut wire = Wire::with(1);
    wire.says(&headers(1, 0, &[(":status", "200")]));
    let piece = data(1, 0, &[0; 16_384]);
    let mut given = [0u64; 2];
    for _ in 0..40_000 {
        wire.says(&piece);
        for (head, payload) in wire.written() {
            assert_eq!(head.kind, kind::WINDOW_UPDATE);
            given[usize::from(head.stream == 1)] += u64::from(u32::from_be_bytes(payload.try_into().unwrap()));
        }
    }
    // 655 MB, of windows of 1,074 MB that are filled up by halves.
    assert!(given.iter().all(|&given| given > 1 << 29), "{given:?}");
}

fn frames_of_some_server() -> impl Strategy<Value = Vec<u8>> {
    let stream = (0u32..5).prop_map(|n| n * 2 + 1);
    let flags = prop::sample::select(vec![0, 1, 4, 5]);
    let block = prop::sample::select(vec![
        block(&[(":status", "200")]),
        block(&[(":status", "200"), ("content-length", "3")]),
        block(&[(":status", "103")]),
        block(&[("trailer", "x")]),
        vec![0x88, 0x40, 1, b'a', 1, b'b'],
        vec![0xbe, 0x88],
        vec![0x88, 0xbe],
    ]);
    let one = prop_oneof![
        4 => (stream.clone(), flags.clone(), block).prop_map(|(s, f, b)| frame(kind::HEADERS, f | 4, s, &b)),
        4 => (stream.clone(), flags, prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(s, f, p)| data(s, f, &p)),
        1 => (stream.clone(), 0u32..15).prop_map(|(s, e)| reset(s, e)),
        1 => (0u32..9, 0u32..3).prop_map(|(s, e)| goaway(s, e)),
        1 => (stream, 0u32..100).prop_map(|(s, by)| window_update(s, by)),
        1 => Just(settings(&[(setting::INITIAL_WINDOW_SIZE, 9)])),
        1 => Just(frame(kind::PING, 0, 0, &[7; 8])),
        1 => (0u8..12, 0u8..=255, 0u32..9, prop::collection::vec(any::<u8>(), 0..12)).prop_map(|(k, f, s, p)| frame(k, f, s, &p)),
    ];
    prop::collection::vec(one, 0..20).prop_map(|frames| frames.concat())
}

proptest! {
    /// Answers, faults and replies do not depend on how the bytes are split.
    #[test]
    fn any_split_gives_the_same(bytes in frames_of_some_server(), cuts in prop::collection::vec(1usize..30, 0..40)) {
        let run = |pieces: &[&[u8]]| {
            let mut wire = Wire::with(5);
            let mut answers: Vec<Answer> = pieces.iter().flat_map(|piece| wire.says(piece)).collect();
            answers.iter_mut().for_each(|answer| answer.first_byte = Nanos::ZERO);
            answers.sort_by_key(|answer| answer.ticket);
            (answers, wire.session.error(), wire.session.is_exhausted(), wire.shapes())
        };
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts {
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        prop_assert_eq!(run(&pieces), run(&[&bytes]));
    }

    /// Every request comes to one end, whatever the server sends, and takes with it what was captured: a
    /// body as long as the response's if that is whole, and nothing of others.
    #[test]
    fn every_request_ends_once(bytes in frames_of_some_server(), given_up in 0u32..6) {
        let mut wire = Wire::with(5);
        wire.session.capture = Capture { location: true, body: true };
        let mut ended = wire.says(&bytes);
        if given_up < 5 && ended.iter().all(|answer| answer.ticket != given_up) {
            let (answer, cause) = wire.session.give_up(given_up);
            ended.push(Answer { failure: Some(Failure::new(Phase::Timeout, cause)), ..answer });
        }
        wire.session.end(End::Closed, &mut wire.done);
        ended.append(&mut wire.done);
        ended.sort_by_key(|answer| answer.ticket);
        prop_assert!(ended.iter().map(|answer| answer.ticket).eq(0..5));
        for answer in ended {
            let body = answer.captured.as_ref().map(|captured| captured.body.len() as u64);
            prop_assert_eq!(body, answer.failure.is_none().then_some(answer.body_bytes));
        }
    }
}
