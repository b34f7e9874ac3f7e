//! Whatever happens on a connection, in any order that the engine could cause,
//! every request that was submitted comes to one end.
//!
//! The input is a list of events: a byte that chooses one and, with
//! [`RECEIVE`], a length and so many bytes from the server.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onrush::feed::Lines;
use onrush::proto::http1::{Codec, Wire};
use onrush::proto::{Capture, Captured, End, Hold, Left};
use onrush::record::{Cause, Failure, Phase};
use onrush::request::{Body, Message, Payload, RequestHead};
use onrush::time::Nanos;

const RECEIVE: u8 = 4;

fn take<'a>(input: &mut &'a [u8], n: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(n.min(input.len()));
    *input = rest;
    taken
}

fn codec(choice: u8) -> Codec {
    let method = if choice & 1 == 0 { "POST" } else { "HEAD" };
    let body = match choice >> 1 & 3 {
        0 => Body::None,
        1 => Body::Lines(Lines::new(b"one\ntwo".to_vec()).expect("two lines").into()),
        2 => Body::Fixed((*b"body").into()),
        _ => Body::Fixed(vec![b'x'; 5_000].into()),
    };
    let head = RequestHead {
        method: method.into(),
        path: "/".into(),
        authority: "host".into(),
        headers: vec![],
        keep_alive: choice & 8 == 0,
    };
    Codec::new([(&head, &body)])
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, mut input)) = input.split_first() else { return };
    let captures = choice & 16 != 0;
    let mut wire = Wire::new(codec(choice), Capture { location: captures, body: captures });
    wire.grow(1);
    wire.open(0);
    let mut done = Vec::new();
    let mut now = 0;
    let mut next = 0;
    let mut under_way = None;
    while let [event, ..] = take(&mut input, 1) {
        now += 1;
        let mut gave_up = false;
        match event % 8 {
            0 | 1 if wire.session(0).capacity() > 0 => {
                assert!(under_way.is_none(), "room for a second request");
                let payload = if event % 8 == 0 { Payload::Shared } else { Payload::Own(b"{}") };
                let hold = match event >> 3 & 3 {
                    0 | 2 => Hold::Nothing,
                    1 => Hold::LastByte,
                    _ => Hold::All,
                };
                wire.submit(0, Message { target: 0, payload }, next, hold);
                under_way = Some(next);
                next += 1;
            }
            2 => wire.session_mut(0).release(),
            3 => {
                let n = wire.session(0).transmit().concat().len().min(usize::from(event >> 3) * 8);
                wire.session_mut(0).transmitted(n);
            }
            5 if event & 8 != 0 => {
                let length = take(&mut input, 1).first().map_or(0, |&n| u64::from(n));
                let may_skip = match wire.session(0).left_to_count() {
                    Left::Some(n) => n,
                    Left::All(n) => n + 1,
                    Left::Unknown => 0,
                };
                if may_skip > 0 {
                    wire.session_mut(0).skip(length.min(may_skip) as usize, &mut done);
                }
            }
            RECEIVE | 5 => {
                let length = take(&mut input, 1).first().map_or(0, |&n| usize::from(n));
                wire.receive(0, take(&mut input, length), Nanos(now), &mut done);
            }
            6 => {
                let failure = |cause| End::Broken(Failure::new(Phase::Read, cause));
                let ends = [End::Closed, failure(Cause::Reset), End::Truncated, failure(Cause::OsError)];
                let end = ends[usize::from(event >> 3 & 3)];
                wire.end(0, end, &mut done);
                assert!(done.len() == usize::from(under_way.is_some()), "the end leaves nothing under way");
            }
            7 => {
                if let Some(ticket) = under_way {
                    gave_up = true;
                    done.push(wire.session_mut(0).give_up(ticket).0);
                }
            }
            _ => {}
        }
        for answer in done.drain(..) {
            let kept = answer.captured.as_ref().map(|captured| captured.body.len());
            assert_eq!(kept.is_some(), captures && answer.failure.is_none() && !gave_up, "{answer:?}");
            assert!(kept.unwrap_or(0) as u64 <= answer.body_bytes && kept.unwrap_or(0) <= Captured::MAX_BODY);
            assert_eq!(Some(answer.ticket), under_way.take(), "an answer that nobody asked for");
            let came = answer.first_byte != Nanos::NEVER;
            assert!(came || answer.status == 0, "{answer:?}");
            assert!(!came || answer.first_byte.0 <= now, "{answer:?}");
        }
        assert_eq!(wire.session(0).capacity(), usize::from(under_way.is_none() && !wire.session(0).is_exhausted()));
    }
});
