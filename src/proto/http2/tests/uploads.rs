//! Request bodies against windows, frame sizes and peers of every kind.

use super::super::outbox::{MAX_DATA, MAX_REPLIES, SOFT_LIMIT};
use super::*;

/// DATA frames as (stream, octets, END_STREAM).
fn data_of(wire: &mut Wire) -> Vec<(u32, usize, bool)> {
    let frames = wire.written().into_iter().filter(|(head, _)| head.kind == kind::DATA);
    frames.map(|(head, payload)| (head.stream, payload.len(), head.has(flag::END_STREAM))).collect()
}

fn flooded(wire: &Wire) -> bool {
    wire.session.error() == Some(Failure::new(Phase::Http2, Cause::Flood))
}

#[test]
fn bodies_obey_both_windows_and_are_fair_to_each_other() {
    // 10 octets a stream; 65,535 for all.
    let mut wire = Wire::post(&[b'x'; 25], &[(setting::INITIAL_WINDOW_SIZE, 10)]);
    wire.submit(0);
    for ticket in 0..2 {
        wire.session.submit(SHARED, ticket, Hold::Nothing, &wire.codec);
    }
    let data_of = |wire: &mut Wire| -> Vec<(u32, u32, u8)> {
        let shapes = wire.shapes().into_iter().filter(|shape| shape.0 == kind::DATA);
        shapes.map(|(_, flags, stream, length)| (stream, length, flags)).collect()
    };
    assert_eq!(data_of(&mut wire), [(1, 10, 0), (3, 10, 0)]);
    wire.says(&window_update(1, 5));
    assert_eq!(data_of(&mut wire), [(1, 5, 0)]);
    // The windows of streams that are open change with the initial one, below zero too.
    wire.says(&settings(&[(setting::INITIAL_WINDOW_SIZE, 5)]));
    wire.says(&window_update(3, 5));
    assert_eq!(data_of(&mut wire), []);
    wire.says(&settings(&[(setting::INITIAL_WINDOW_SIZE, 15)]));
    assert_eq!(data_of(&mut wire), [(1, 5, 0), (3, 10, 0)]);
    wire.says(&[window_update(3, 100), window_update(1, 100)].concat());
    assert_eq!(data_of(&mut wire), [(3, 5, 1), (1, 5, 1)]);
    assert!(!wire.session.has_unsent());
    // A window too far is the stream's own error.
    wire.session.submit(SHARED, 7, Hold::Nothing, &wire.codec);
    wire.written();
    let answers = wire.says(&window_update(5, (1 << 31) - 1).repeat(2));
    assert_eq!(failed(&answers), [(7, "http2: flow control".into(), false)]);
    assert_eq!(wire.session.error(), None);
}

#[test]
fn large_bodies_take_turns_frame_by_frame() {
    let window = [(setting::INITIAL_WINDOW_SIZE, 1 << 20)];
    let mut wire = Wire::post(&vec![b'x'; 200_000], &window);
    for ticket in 0..3 {
        wire.session.submit(
            Message { target: 0, payload: Payload::Own(&vec![b'y'; 40_000]) },
            ticket,
            Hold::Nothing,
            &wire.codec,
        );
    }
    // 65,535 for all streams together.
    let data: Vec<_> = wire.shapes().into_iter().filter(|shape| shape.0 == kind::DATA).map(|s| (s.2, s.3)).collect();
    assert_eq!(data, [(1, 16_384), (1, 16_384), (1, 7_232), (3, 16_384), (3, 9_151)]);
    wire.says(&window_update(0, 1 << 20));
    let data: Vec<_> = wire.shapes().into_iter().map(|s| (s.2, s.3)).collect();
    assert_eq!(data, [(3, 14_465), (5, 16_384), (5, 16_384), (5, 7_232)]);
    assert!(!wire.session.has_unsent());
}

#[test]
fn a_release_lets_all_go_in_one_piece() {
    let mut wire = Wire::post(b"body", &[]);
    for ticket in 0..3 {
        wire.session.submit(SHARED, ticket, Hold::All, &wire.codec);
    }
    assert_eq!((wire.session.transmit(), wire.session.has_unsent()), (&[][..], false));
    // What else is to be said need not wait.
    wire.says(&frame(kind::PING, 0, 0, &[0; 8]));
    assert_eq!(wire.shapes(), [(kind::PING, flag::ACK, 0, 8)]);
    wire.session.release();
    let kinds: Vec<u8> = wire.written().iter().map(|(head, _)| head.kind).collect();
    assert_eq!(kinds, [1, 0, 1, 0, 1, 0]);
    for ticket in 0..2 {
        wire.session.submit(SHARED, ticket, Hold::LastByte, &wire.codec);
    }
    let before = wire.shapes();
    assert!(before.iter().all(|(_, flags, ..)| flags & flag::END_STREAM == 0), "{before:?}");
    wire.session.release();
    assert_eq!(wire.shapes(), [(kind::DATA, flag::END_STREAM, 7, 1), (kind::DATA, flag::END_STREAM, 9, 1)]);
}

#[test]
fn the_last_octet_is_held_whatever_the_windows() {
    for (window, body) in [(4, 4), (3, 4), (1, 4), (4, 1), (40_000, 40_000), (40_000, 20_000)] {
        let mut wire = Wire::post(&vec![b'x'; body], &[(setting::INITIAL_WINDOW_SIZE, window)]);
        wire.session.submit(SHARED, 0, Hold::LastByte, &wire.codec);
        let sum = |wire: &mut Wire| -> usize {
            let frames = wire.shapes().into_iter().filter(|shape| shape.0 == kind::DATA);
            frames.map(|(_, flags, _, length)| length as usize + 100_000 * usize::from(flags)).sum()
        };
        let mut before = sum(&mut wire);
        for _ in 0..4 {
            assert_eq!(wire.session.has_unsent(), before < body - 1, "{window} for {body}");
            wire.says(&window_update(1, 1));
            before += sum(&mut wire);
        }
        assert_eq!(before, body - 1, "{window} for {body}");
        wire.session.release();
        assert_eq!(sum(&mut wire), 100_001, "the last one, with the end");
    }
    let mut wire = Wire::with(0);
    wire.session.submit(SHARED, 0, Hold::LastByte, &wire.codec);
    assert_eq!(wire.shapes()[0].1, flag::END_HEADERS);
    wire.session.release();
    assert_eq!(wire.shapes(), [(kind::DATA, flag::END_STREAM, 1, 0)]);
}

#[test]
fn a_large_body_waits_for_the_release_too() {
    let mut wire = Wire::post(&vec![b'x'; 50_000], &[]);
    wire.session.submit(SHARED, 0, Hold::All, &wire.codec);
    assert!(!wire.session.has_unsent());
    wire.says(&window_update(0, 100_000));
    assert_eq!(wire.shapes(), []);
    wire.session.release();
    assert_eq!(wire.shapes().len(), 5, "HEADERS and four DATA frames");
}

#[test]
fn what_this_side_queues_is_no_flood_of_the_peer() {
    // As nginx greets: frames of 16 MiB, and the window of each stream opened behind its request.
    let pairs = [(setting::INITIAL_WINDOW_SIZE, 65_536), (setting::MAX_FRAME_SIZE, 16_777_215)];
    for size in [1_000_000, 1_200_000, 10_000_000] {
        let mut wire = Wire::post(&vec![b'z'; size], &pairs);
        wire.says(&window_update(0, 0x7fff_0000));
        wire.session.submit(SHARED, 0, Hold::Nothing, &wire.codec);
        let mut sent: usize = data_of(&mut wire).iter().map(|(_, octets, _)| octets).sum();
        // The socket takes nothing, then all, and the peer goes on talking.
        for _ in 0..3 {
            wire.says(&window_update(1, 0x1000_0000));
            wire.says(&frame(kind::PING, 0, 0, &[0; 8]));
            assert!(wire.session.transmit().len() <= SOFT_LIMIT + MAX_DATA + 1000, "a frame is staged, not a body");
        }
        while sent < size {
            let frames = data_of(&mut wire);
            assert!(
                !frames.is_empty() && frames.iter().all(|(_, octets, _)| *octets <= MAX_DATA),
                "{size}: {frames:?}"
            );
            sent += frames.iter().map(|(_, octets, _)| octets).sum::<usize>();
        }
        assert_eq!((sent, wire.session.error(), wire.session.has_unsent()), (size, None, false));
        assert_eq!(failed(&wire.says(&ok(1))), [(0, "200".into(), false)]);
    }
}

#[test]
fn a_window_opened_octet_by_octet_is_progress() {
    let size = 50_000;
    // Of the stream, of the connection (which has 65,535 to begin with), or of both by turns.
    for (opened, used_up) in [(vec![1], 0), (vec![0], 65_535), (vec![1, 0], 0)] {
        let initial = if opened == [0] { 1 << 20 } else { 0 };
        let mut wire = Wire::post(&vec![b'z'; size + used_up], &[(setting::INITIAL_WINDOW_SIZE, initial)]);
        wire.session.submit(SHARED, 0, Hold::Nothing, &wire.codec);
        let mut sent: usize = data_of(&mut wire).iter().map(|(_, octets, _)| octets).sum();
        assert_eq!(sent, used_up);
        // Thousands at a time, read and written or not.
        let updates = opened.iter().flat_map(|&id| window_update(id, 1)).collect::<Vec<_>>();
        for step in 0..size / 5_000 {
            wire.says(&updates.repeat(5_000));
            assert_eq!(wire.session.error(), None, "{opened:?}");
            if step % 4 == 3 || step + 1 == size / 5_000 {
                sent += data_of(&mut wire).iter().map(|(_, octets, _)| octets).sum::<usize>();
            }
        }
        assert_eq!((sent, wire.session.has_unsent()), (size + used_up, false), "{opened:?}");
        // What no body waits for, and no octet has earned, is a flood.
        wire.says(&window_update(1, 1).repeat(2 * sent + 10_001));
        assert!(flooded(&wire));
    }
}

#[test]
fn replies_that_the_peer_does_not_read_are_a_flood_whatever_else_is_queued() {
    let chatter = [data(1, 0, b"x"), frame(kind::PING, 0, 0, &[0; 8])].concat().repeat(500);
    for read in [0, 100] {
        let mut wire = Wire::post(&vec![b'z'; 1 << 20], &[(setting::INITIAL_WINDOW_SIZE, 1 << 20)]);
        wire.session.submit(SHARED, 0, Hold::Nothing, &wire.codec);
        wire.session.transmitted(1);
        wire.says(&headers(1, 0, &[(":status", "200")]));
        // Every second frame brings the response further, so that only the replies' size is left to go by.
        let mut most = 0;
        for _ in 0..200 {
            wire.says(&chatter);
            most = most.max(wire.session.transmit().len());
            wire.session.transmitted(read.min(wire.session.transmit().len()));
        }
        assert!(flooded(&wire), "{read}");
        assert!(most < MAX_REPLIES + SOFT_LIMIT + 2 * MAX_DATA, "{most}");
    }
    // A peer that reads them may ask for more.
    let mut wire = Wire::with(1);
    wire.says(&headers(1, 0, &[(":status", "200")]));
    for _ in 0..200 {
        wire.says(&chatter);
        assert!(!wire.written().is_empty());
    }
    assert_eq!(wire.session.error(), None);
}

#[test]
fn a_window_of_nothing_is_waited_for() {
    let mut wire = Wire::post(b"body", &[(setting::INITIAL_WINDOW_SIZE, 0)]);
    for ticket in 0..3 {
        wire.session.submit(SHARED, ticket, Hold::Nothing, &wire.codec);
    }
    assert_eq!((data_of(&mut wire), wire.session.has_unsent()), (vec![], true));
    wire.says(&window_update(3, 4));
    assert_eq!(data_of(&mut wire), [(3, 4, true)]);
    wire.says(&settings(&[(setting::INITIAL_WINDOW_SIZE, 3)]));
    assert_eq!(data_of(&mut wire), [(1, 3, false), (5, 3, false)]);
    // Thousands of values in a frame: the last one counts.
    let many: Vec<_> =
        (0..2_000).map(|n| (setting::INITIAL_WINDOW_SIZE, n)).chain([(setting::INITIAL_WINDOW_SIZE, 4)]).collect();
    wire.says(&settings(&many));
    assert_eq!(data_of(&mut wire), [(1, 1, true), (5, 1, true)]);
    assert!(!wire.session.has_unsent());
    wire.breaks_on(&settings(&[(4, 1 << 31), (4, 9)]), Cause::FlowControl, code::FLOW_CONTROL_ERROR);
}

#[test]
fn what_is_staged_obeys_the_windows_and_frames_of_its_release() {
    // The windows of ten octets become some of four; the connection's is given back with them.
    for hold in [Hold::All, Hold::LastByte] {
        let mut wire = Wire::post(&[b'x'; 10], &[(setting::INITIAL_WINDOW_SIZE, 10)]);
        for ticket in 0..2 {
            wire.session.submit(SHARED, ticket, hold, &wire.codec);
        }
        let before = if hold == Hold::All { 0 } else { 9 };
        assert_eq!(data_of(&mut wire).iter().map(|(_, octets, _)| octets).sum::<usize>(), before * 2);
        wire.says(&settings(&[(setting::INITIAL_WINDOW_SIZE, 4)]));
        assert_eq!((data_of(&mut wire), wire.session.has_unsent()), (vec![], false));
        wire.session.release();
        let expected = if hold == Hold::All { vec![(1, 4, false), (3, 4, false)] } else { vec![] };
        assert_eq!((data_of(&mut wire), wire.session.has_unsent()), (expected, true), "{hold:?}");
        wire.says(&[window_update(3, 6), window_update(1, 6)].concat());
        let rest = if hold == Hold::All { 6 } else { 1 };
        assert_eq!((data_of(&mut wire), wire.session.has_unsent()), (vec![(3, rest, true), (1, rest, true)], false));
        assert_eq!(wire.session.send_window, 65_535 - 20);
    }
    // Raised, they change nothing: all goes as it was staged.
    let mut wire = Wire::post(&[b'x'; 10], &[(setting::INITIAL_WINDOW_SIZE, 10)]);
    wire.session.submit(SHARED, 0, Hold::All, &wire.codec);
    wire.says(&settings(&[(setting::INITIAL_WINDOW_SIZE, 11)]));
    wire.session.release();
    assert_eq!(data_of(&mut wire), [(1, 10, true)]);
    // Smaller frames than those that were allowed then.
    let body = vec![b'x'; 40_000];
    let mut wire = Wire::post(&body, &[(setting::MAX_FRAME_SIZE, 50_000)]);
    wire.session.submit(SHARED, 0, Hold::All, &wire.codec);
    wire.says(&settings(&[(setting::MAX_FRAME_SIZE, 16_384)]));
    wire.written();
    wire.session.release();
    assert_eq!(data_of(&mut wire), [(1, 16_384, false), (1, 16_384, false), (1, 7_232, true)]);
}

#[test]
fn a_response_before_the_end_of_its_upload_counts() {
    for end in [&[][..], &reset(1, code::NO_ERROR)] {
        let mut wire = Wire::post(&vec![b'x'; 1_000_000], &[(setting::INITIAL_WINDOW_SIZE, 1 << 20)]);
        wire.session.submit(SHARED, 0, Hold::Nothing, &wire.codec);
        wire.session.submit(SHARED, 1, Hold::Nothing, &wire.codec);
        wire.written();
        let whole = [&headers(1, 0, &[(":status", "200")])[..], &data(1, flag::END_STREAM, b"early"), end].concat();
        assert_eq!(failed(&wire.says(&whole)), [(0, "200".into(), false)]);
        // The other one goes on with the windows that are left.
        wire.says(&window_update(0, 1 << 22));
        let frames = data_of(&mut wire);
        assert!(frames.iter().all(|(stream, ..)| *stream == 3), "{frames:?}");
        assert_eq!(frames.last().map(|(.., ends)| *ends), Some(true));
        assert_eq!(failed(&wire.says(&ok(3))), [(1, "200".into(), false)]);
        assert_eq!((wire.session.error(), wire.session.to_upload), (None, 0));
    }
}

#[test]
fn what_was_not_sent_cannot_be_answered() {
    let ends = [ok(3), reset(3, code::CANCEL), window_update(3, 1), data(3, flag::END_STREAM, b"x")];
    for end in ends {
        for hold in [Hold::Nothing, Hold::All] {
            let mut wire = Wire::post(b"body", &[]);
            wire.session.submit(SHARED, 0, Hold::Nothing, &wire.codec);
            wire.written();
            wire.session.submit(SHARED, 1, hold, &wire.codec);
            wire.breaks_on(&end, Cause::BadFrame, code::PROTOCOL_ERROR);
        }
    }
    // A part of it is enough, and so is the beginning of a release.
    let mut wire = Wire::post(b"body", &[]);
    wire.session.submit(SHARED, 0, Hold::Nothing, &wire.codec);
    wire.session.transmitted(10);
    assert_eq!(failed(&wire.says(&ok(1))), [(0, "200".into(), false)]);
    let rest = wire.session.transmit().len();
    wire.session.transmitted(rest);
    for wave in 0..3 {
        for ticket in 0..2 {
            wire.session.submit(SHARED, ticket, Hold::All, &wire.codec);
        }
        wire.session.release();
        wire.written();
        wire.session.release();
        let first = 3 + wave * 4;
        assert_eq!(failed(&wire.says(&[ok(first), ok(first + 2)].concat())).len(), 2);
    }
}

#[test]
fn a_peer_that_reads_nothing_gets_no_more() {
    let mut wire = Wire::post(&[b'x'; 200], &[]);
    let mut given_up = 0;
    while wire.session.capacity() > 0 {
        wire.session.submit(SHARED, 0, Hold::Nothing, &wire.codec);
        wire.session.give_up(0);
        given_up += 1;
    }
    assert!(given_up > 1_000 && wire.session.transmit().len() < MAX_REPLIES + 1_000);
}

proptest! {
    /// Whatever windows, frames and writes: every body arrives whole and in order, within the windows.
    #[test]
    fn bodies_arrive_whole(
        sizes in prop::collection::vec(0usize..100_000, 1..6),
        events in prop::collection::vec((0u8..5, any::<u16>()), 0..60),
        initial in prop::sample::select(vec![0u32, 1, 1_000, 65_535, 1 << 20]),
    ) {
        let mut wire = Wire::post(b"", &[(setting::INITIAL_WINDOW_SIZE, initial)]);
        let bodies: Vec<Vec<u8>> = sizes.iter().map(|&n| (0..n).map(|i| (i * 7 / 3) as u8).collect()).collect();
        for (ticket, body) in bodies.iter().enumerate() {
            let hold = [Hold::Nothing, Hold::All, Hold::LastByte][ticket % 3];
            wire.session.submit(Message { target: 0, payload: Payload::Own(body) }, ticket as u32, hold, &wire.codec);
        }
        let (mut arrived, mut ended) = (vec![Vec::new(); bodies.len()], vec![false; bodies.len()]);
        let (mut windows, mut window) = (vec![i64::from(initial); bodies.len()], 65_535i64);
        let (mut current, mut max_frame) = (i64::from(initial), 16_384);
        let mut released = false;
        let finish = [(4, 0), (1, 0), (1, 0)];
        // What is written before the acknowledgement of SETTINGS is measured by those before.
        for (event, n) in [(3, 0)].into_iter().chain(events).chain(finish) {
            match event {
                0 => {
                    let by = u32::from(n) + 1;
                    let id = u32::from(n) as usize % bodies.len();
                    if id % 3 == 1 && !released {
                        // It does not know of that one.
                        continue;
                    }
                    windows[id] += i64::from(by);
                    window += i64::from(by);
                    wire.says(&[window_update(id as u32 * 2 + 1, by), window_update(0, by)].concat());
                }
                1 => {
                    // All is opened in the end.
                    let open = released && n == 0;
                    let value = if open { 1 << 24 } else { u32::from(n) };
                    let frames = 16_384 + u32::from(n) * 3;
                    windows.iter_mut().for_each(|window| *window += i64::from(value) - current);
                    (current, max_frame) = (value.into(), frames as usize);
                    wire.says(&settings(&[(setting::INITIAL_WINDOW_SIZE, value), (setting::MAX_FRAME_SIZE, frames)]));
                    if open {
                        window += 1 << 24;
                        wire.says(&window_update(0, 1 << 24));
                    }
                }
                2 => released = true,
                _ => {}
            }
            if event == 2 || event == 4 {
                released = true;
                wire.session.release();
            }
            for (head, payload) in wire.written() {
                if head.kind == kind::DATA {
                    let id = head.stream as usize / 2;
                    prop_assert!(!ended[id] && payload.len() <= max_frame);
                    windows[id] -= payload.len() as i64;
                    window -= payload.len() as i64;
                    prop_assert!(payload.is_empty() || (windows[id] >= 0 && window >= 0), "windows are obeyed");
                    arrived[id].extend_from_slice(&payload);
                    ended[id] = head.has(flag::END_STREAM);
                } else if head.kind == kind::HEADERS {
                    ended[head.stream as usize / 2] = head.has(flag::END_STREAM);
                }
            }
        }
        prop_assert!(arrived == bodies, "{:?} octets came", arrived.iter().map(Vec::len).collect::<Vec<_>>());
        prop_assert!(ended.iter().all(|&ended| ended));
        prop_assert_eq!((wire.session.has_unsent(), wire.session.error()), (false, None));
    }
}

#[test]
fn windows_that_are_opened_in_parts_are_filled_in_one_frame() {
    let mut wire = Wire::post(&vec![b'x'; 10_000], &[(setting::INITIAL_WINDOW_SIZE, 0)]);
    wire.session.submit(SHARED, 0, Hold::Nothing, &wire.codec);
    assert_eq!(data_of(&mut wire), []);
    wire.says(&window_update(1, 100).repeat(40));
    assert_eq!(data_of(&mut wire), [(1, 4_000, false)]);
    wire.says(&[window_update(1, 1_000), window_update(0, 500), window_update(1, 5_000)].concat());
    assert_eq!(data_of(&mut wire), [(1, 6_000, true)]);
}

#[test]
fn the_windows_of_octets_that_were_sent_may_be_given_back_one_by_one() {
    let mut wire = Wire::post(&vec![b'x'; 60_000], &[(setting::INITIAL_WINDOW_SIZE, 1 << 20)]);
    wire.session.submit(SHARED, 0, Hold::Nothing, &wire.codec);
    assert_eq!(data_of(&mut wire).iter().map(|(_, n, _)| n).sum::<usize>(), 60_000);
    for _ in 0..60_000 {
        wire.says(&[window_update(1, 1), window_update(0, 1)].concat());
    }
    assert_eq!(wire.session.error(), None, "each of them was due");
    for _ in 0..10_001 {
        wire.says(&window_update(0, 1));
    }
    assert!(flooded(&wire), "these were not");
}
