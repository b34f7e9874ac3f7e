//! Whatever a server sends: every request comes to one end, and the split of the bytes means nothing.
#![no_main]

mod pieces;

use libfuzzer_sys::fuzz_target;
use onrush::proto::http2::{Codec, Session};
use onrush::proto::{Answer, End, Hold, Captured, Capture};
use onrush::record::Failure;
use onrush::request::{Body, Message, Payload, RequestHead};
use onrush::time::Nanos;

const REQUESTS: u32 = 4;
/// SETTINGS without any.
const GREETING: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// What became of the requests, in the order of their tickets, of the connection, and what was written.
type Outcome = (Vec<(u32, u16, u64, Option<Failure>, bool)>, Option<Failure>, bool, Vec<u8>);

fn run<'a>(body: &Body, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let head = RequestHead {
        method: "POST".into(),
        path: "/".into(),
        authority: "h".into(),
        headers: vec![],
        keep_alive: true,
    };
    let codec = Codec::new([(&head, body, false)]);
    let mut session = Session::keeping(Capture { location: true, body: true });
    let mut done: Vec<Answer> = Vec::new();
    session.receive(&GREETING, Nanos(1), &mut done);
    for ticket in 0..REQUESTS {
        session.submit(Message { target: 0, payload: Payload::Shared }, ticket, Hold::Nothing, &codec);
    }
    // The server knows of the requests.
    let mut written = session.transmit().to_vec();
    session.transmitted(written.len());
    // As nothing is written meanwhile, how much there is to write is bounded.
    for piece in pieces {
        session.receive(piece, Nanos(2), &mut done);
        assert!(session.transmit().len() < 4 << 20);
    }
    let (fault, exhausted) = (session.error(), session.is_exhausted());
    while !session.transmit().is_empty() {
        written.extend_from_slice(session.transmit());
        session.transmitted(session.transmit().len());
    }
    session.end(End::Closed, &mut done);
    let mut ended: Vec<_> =
        done.iter().map(|a| (a.ticket, a.status, a.body_bytes, a.failure, a.may_be_sent_again)).collect();
    ended.sort_by_key(|(ticket, ..)| *ticket);
    // Of whole responses something is kept, and of others nothing.
    assert!(done.iter().all(|a| a.captured.is_some() == a.failure.is_none()));
    assert!(done.iter().flat_map(|a| &a.captured).all(|captured| captured.body.len() <= Captured::MAX_BODY));
    assert!(ended.iter().map(|(ticket, ..)| *ticket).eq(0..REQUESTS), "each request ends once");
    (ended, fault, exhausted, written)
}

fuzz_target!(|input: &[u8]| {
    let Some((bytes, pieces)) = pieces::split(input) else { return };
    let small = Body::Fixed(b"x".as_slice().into());
    let whole = run(&small, [bytes]);
    assert!(run(&small, pieces.clone()) == whole, "all at once or in pieces");
    assert!(run(&small, bytes.chunks(1)) == whole, "all at once or byte for byte");
    // How much of a larger body a window lets out, and in how many frames, does depend on what is read together.
    let large = Body::Fixed(vec![b'x'; 30_000].into());
    let whole = but_written(run(&large, [bytes]));
    assert_eq!(but_written(run(&large, pieces)), whole);
    assert_eq!(but_written(run(&large, bytes.chunks(1))), whole);
});

fn but_written((ended, fault, exhausted, _): Outcome) -> impl PartialEq + std::fmt::Debug {
    (ended, fault, exhausted)
}
