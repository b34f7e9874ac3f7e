//! Large responses, of which only the number of bytes matters: each is counted to its last byte, however it comes.

use crate::scripted::{Hostile, Peer};
use crate::support::{Report, onrush};
use crate::tls::Authority;

const SIZE: usize = 1_000_000;

/// A response with a body of `size` bytes.
fn response(size: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
    let body = (0..size).map(|i| (i / 251) as u8);
    head.into_bytes().into_iter().chain(body).collect()
}

/// Two users that send four requests each, over TCP and over TLS.
fn run_both(arguments: &str, script: impl Fn(&mut Peer) + Clone + Send + Sync + 'static, check: impl Fn(&Report)) {
    let authority = Authority::new();
    let plain = Hostile::start(script.clone());
    check(&onrush(&format!("--model closed -c 2 -n 8 {arguments}")).arg(plain.url()).report());
    let secure = Hostile::start_tls(authority.localhost(), script);
    check(&onrush(&format!("-4 --insecure --model closed -c 2 -n 8 {arguments}")).arg(secure.https_url()).report());
}

#[track_caller]
fn assert_whole(report: &Report, connections: u64) {
    report.assert_all_ok(8);
    let sizes: Vec<u64> = report.rows.iter().map(|row| row.response_bytes).collect();
    assert_eq!(sizes, [SIZE as u64; 8]);
    assert_eq!(report.summary.connections, connections);
}

#[test]
fn bodies_that_come_in_pieces_of_any_size_are_counted_to_the_last_byte() {
    for piece in [7_001, 65_536, 131_072, 400_000, SIZE] {
        let pieces = move |peer: &mut Peer| {
            while peer.request().is_some() && response(SIZE).chunks(piece).all(|piece| peer.write(piece)) {}
        };
        run_both("", pieces, |report| assert_whole(report, 2));
    }
}

#[test]
fn a_small_response_follows_a_large_one_on_the_same_connection() {
    let in_turn = |peer: &mut Peer| {
        for size in [SIZE, 2, 300_000, 0, SIZE].into_iter().cycle() {
            if peer.request().is_none() || !peer.write(response(size)) {
                return;
            }
        }
    };
    run_both("", in_turn, |report| {
        report.assert_all_ok(8);
        let mut sizes: Vec<u64> = report.rows.iter().map(|row| row.response_bytes).collect();
        sizes.sort_unstable();
        let all = [0, 2, 300_000, SIZE as u64];
        assert!(sizes.iter().all(|size| all.contains(size)) && sizes.contains(&2), "{sizes:?}");
        assert_eq!(report.summary.connections, 2);
    });
}

#[test]
fn what_came_before_a_time_limit_or_an_early_end_is_counted() {
    for came in [300_000, 990_000, 999_999] {
        let stalls = move |peer: &mut Peer| {
            if peer.request().is_some() {
                let response = response(SIZE);
                peer.write(&response[..response.len() - (SIZE - came)]);
                peer.stall();
            }
        };
        let server = Hostile::start(stalls);
        let report = onrush("-c 2 -n 2 --timeout 1").arg(server.url()).report();
        assert_eq!(report.error(), "timeout: body");
        assert!(report.rows.iter().all(|row| row.response_bytes == came as u64), "{:#?}", report.rows);
        let ends = move |peer: &mut Peer| {
            if peer.request().is_some() {
                let response = response(SIZE);
                peer.write(&response[..response.len() - (SIZE - came)]);
            }
        };
        run_both("", ends, |report| {
            assert!(report.error().starts_with("read: "), "{}", report.error());
            assert!(report.rows.iter().all(|row| row.response_bytes == came as u64), "{:#?}", report.rows);
        });
    }
}

#[test]
fn bytes_behind_a_large_response_spend_the_connection_and_not_the_response() {
    let more = |peer: &mut Peer| {
        if peer.request().is_some() {
            peer.write([response(SIZE), b"more".to_vec()].concat());
            peer.read_to_end();
        }
    };
    run_both("", more, |report| assert_whole(report, 8));
}

#[test]
fn chunks_and_bodies_without_a_length_are_counted_as_well() {
    let chunked = |peer: &mut Peer| {
        while peer.request().is_some() {
            let body = vec![b'x'; SIZE];
            let mut response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for piece in body.chunks(180_000) {
                response.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                response.extend_from_slice(piece);
                response.extend_from_slice(b"\r\n");
            }
            response.extend_from_slice(b"0\r\n\r\n");
            if !peer.write(response) {
                return;
            }
        }
    };
    run_both("", chunked, |report| assert_whole(report, 2));
    let to_the_end = |peer: &mut Peer| {
        if peer.request().is_some() {
            peer.write([b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; SIZE]].concat());
            // With TLS, an end that is not said is none.
            let _ = peer.close_notify();
        }
    };
    run_both("", to_the_end, |report| assert_whole(report, 8));
}

#[test]
fn the_start_of_a_large_body_is_looked_at_and_the_rest_counted() {
    let marked = |peer: &mut Peer| {
        let mut response = response(SIZE);
        let start = response.len() - SIZE;
        response[start + 200_000..start + 200_006].copy_from_slice(b"needle");
        while peer.request().is_some() && peer.write(&response) {}
    };
    run_both("--expect-body needle", marked, |report| assert_whole(report, 2));
}
