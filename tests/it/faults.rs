//! Servers that do what chance says: whatever it is, every request is accounted
//! for, and the number present over time adds up to the times of all of them.
//! `Report` checks both; the same on a virtual clock is in `sim::failures`.

use onrush::rng::mix;

use crate::scripted::{Hostile, OK, Peer};
use crate::support::{Nobody, onrush_after, target};

/// What the server does with one connection, drawn from (seed, connection, request).
fn misbehave(peer: &mut Peer, seed: u64) {
    for request in 0.. {
        if peer.request().is_none() {
            return;
        }
        match mix(seed, peer.number << 16 | request) % 12 {
            0 => return peer.reset(),
            1 => return peer.close(),
            2 => return peer.stall(),
            3 => {
                peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it");
                return peer.reset();
            }
            4 => {
                peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it");
                return peer.stall();
            }
            5 => {
                peer.write(b"no HTTP at all\r\n\r\n");
            }
            6 => {
                peer.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                return;
            }
            7 if peer.number > 20 => return peer.stop_listening(),
            _ => {
                peer.write(OK);
            }
        }
    }
}

#[test]
fn every_request_is_accounted_for_whatever_the_server_does() {
    for seed in 0..20 {
        let server = Hostile::start(move |peer| misbehave(peer, seed));
        let model = match seed % 5 {
            0 => "-c 5 -n 60",
            1 => "-c 5 -n 60 --model closed",
            2 => "-c 5 -n 60 --rate 500",
            3 => "-c 5 -z 150ms --rate 2000 --arrivals poisson --max-backlog 100",
            _ => "-c 20 -n 60 --rate 500 --disable-keepalive",
        };
        let limits = "--timeout 100ms --drain 150ms --no-progress";
        // Now and then there are fewer descriptors than users.
        let preparation = if seed % 7 == 3 { "ulimit -n 20" } else { "true" };
        let run =
            onrush_after(preparation, &format!("{model} {limits} --seed {seed}")).arg(server.url()).start_report();
        let interrupted = seed % 6 == 5;
        if interrupted {
            server.wait_for_requests(10);
            run.interrupt();
        }
        let report = run.report();
        let expected: &[i32] = if interrupted { &[130, 0] } else { &[0, 3] };
        assert!(expected.contains(&report.code), "seed {seed}: exit code {}: {}", report.code, report.stderr);
        assert!(report.summary.accounting.scheduled >= 10 || report.code != 0, "seed {seed}");
    }
}

#[test]
fn users_without_a_descriptor_are_named_in_the_verdict() {
    let server = target();
    let url = format!("http://{}/", server.address());
    let report = onrush_after("ulimit -n 40", "--rate 500 -z 200ms -c 60").arg(url).report();
    report.assert_all_ok(100);
    let generator = &report.summary.generator;
    assert!(generator.connections_reached < 60 && generator.connections_asked == 60, "{generator:?}");
    assert!(generator.reasons.iter().any(|reason| reason.contains("of 60 connections")), "{:?}", generator.reasons);
    assert_eq!(generator.verdict.text(), "INVALID", "more than a tenth are missing");
}

#[test]
fn shared_connections_without_a_descriptor_are_named_in_the_verdict_too() {
    let nobody = Nobody::new();
    let url = format!("http://{}/", nobody.address());
    let arguments = "--http-version 2 --model closed -n 60 -c 60 --connections 60 --streams 1";
    let report = onrush_after("ulimit -n 60", arguments).arg(url).report();
    let generator = &report.summary.generator;
    assert_eq!(generator.connections_asked, 60, "{generator:?}");
    assert_eq!(generator.verdict.text(), "INVALID");
}
