//! Users that share connections: HTTP/2.

use onrush::plan::Limits;
use onrush::time::Nanos;

use super::scene::{Scene, assert_all_accounted_for};
use super::server::{Accept, Asked, Reply, Server};
use super::world::ms;

#[test]
fn users_of_one_connection_are_sent_at_one_instant_in_one_write() {
    let ran = Scene::waves(6, 12).sharing(2, 3, 100).run(Server::answers_after(ms(5)));
    let expected: Vec<_> = (0..12).map(|n| (n, if n < 6 { 0.0 } else { 5.0 }, 5.0)).collect();
    assert_eq!(ran.times(), expected);
    // The preface, then the acknowledgement of the server's, then a write for each wave.
    let of = |c| ran.writes.iter().filter(|write| write.0 == c).count();
    assert_eq!((of(0), of(1)), (4, 4));
    assert_eq!(ran.totals.traffic.opened, 2);
}

#[test]
fn closed_users_share_connections_and_go_on_for_themselves() {
    let server = Server::replies(|asked| Reply::Ok(ms(1 + u64::from(asked.before % 2))));
    let ran = Scene::closed(6, 60).sharing(2, 3, 100).run(server);
    assert_eq!((ran.records.len(), ran.totals.counts.ok, ran.totals.traffic.opened), (60, 60, 2));
    ran.assert_accounted_for("closed");
}

#[test]
fn a_lower_limit_of_the_server_makes_users_wait_as_for_a_connection() {
    for scene in [Scene::closed(6, 6), Scene::waves(6, 6)] {
        let ran = scene.sharing(1, 6, 2).run(Server::answers_after(ms(10)));
        let times: Vec<(f64, f64)> = ran.times().iter().map(|(_, due, took)| (*due, *took)).collect();
        assert_eq!(times, [(0.0, 10.0), (0.0, 10.0), (0.0, 20.0), (0.0, 20.0), (0.0, 30.0), (0.0, 30.0)]);
        assert!(ran.records.iter().all(|r| r.service() == Some(ms(10))));
        assert_eq!(ran.totals.traffic.streams_allowed, Some(2));
    }
    let ran = Scene::open(1000.0, 6, ms(6)).sharing(1, 6, 2).run(Server::answers_after(ms(10)));
    let times: Vec<f64> = ran.times().iter().map(|(_, _, took)| *took).collect();
    assert_eq!(times, [10.0, 10.0, 18.0, 18.0, 26.0, 26.0]);
    let waits: Vec<Nanos> = ran.records.iter().map(|r| r.ready.since(r.due)).collect();
    assert_eq!(waits.iter().max(), Some(&ms(16)));
    assert!(ran.records.iter().all(|r| r.lag() == Some(Nanos::ZERO)));
}

#[test]
fn what_a_server_that_goes_away_has_not_looked_at_is_sent_again() {
    // The third request makes the first connection go away; it and those behind it are sent again.
    let server = Server::replies(|asked| match (asked.user, asked.before) {
        (0, 2) => Reply::GoAway(ms(1), 0),
        _ => Reply::Ok(ms(10)),
    });
    let ran = Scene::closed(4, 8).sharing(1, 4, 100).run(server);
    assert_eq!((ran.totals.counts.ok, ran.totals.retried, ran.totals.traffic.opened), (8, 2, 2));
    assert_eq!(ran.times()[..4], [(0, 0.0, 10.0), (1, 0.0, 10.0), (2, 0.0, 11.0), (3, 0.0, 11.0)]);
    ran.assert_accounted_for("goaway");
}

#[test]
fn a_request_is_sent_again_three_times_at_most() {
    for (reply, failure) in [
        (Reply::GoAway(ms(1), 11), "http2: GOAWAY ENHANCE_YOUR_CALM"),
        (Reply::ResetStream(ms(1), 7), "http2: RST_STREAM REFUSED_STREAM"),
    ] {
        let ran = Scene::closed(1, 3).sharing(1, 1, 100).run(Server::replies(move |_| reply.clone()));
        assert_eq!(ran.outcomes(), [failure; 3]);
        assert_eq!(ran.totals.retried, 9);
        assert_eq!(ran.times()[0], (0, 0.0, 4.0), "four times a millisecond");
        ran.assert_accounted_for(failure);
    }
}

#[test]
fn a_request_that_times_out_leaves_its_connection_to_the_others() {
    let server = Server::replies(|asked| if asked.before == 1 { Reply::Never } else { Reply::Ok(ms(30)) });
    let ran = Scene::closed(3, 12).sharing(1, 3, 100).run(server);
    assert_eq!((ran.totals.counts.ok, ran.totals.counts.timeout, ran.totals.traffic.opened), (11, 1, 1));
    assert_eq!(ran.outcomes()[1], "timeout: first byte");
}

#[test]
fn a_connection_that_ends_fails_its_requests_and_is_opened_again_after_a_while() {
    let server = Server::replies(|asked| match (asked.user, asked.before) {
        (0, 2) => Reply::Close(ms(1)),
        _ => Reply::Ok(ms(10)),
    });
    let ran = Scene::closed(4, 8).sharing(1, 4, 100).run(server);
    assert_eq!(ran.outcomes()[..4], ["read: closed before answer"; 4]);
    let again: Vec<f64> = ran.times()[4..].iter().map(|(_, due, _)| *due).collect();
    assert_eq!(again, [11.0; 4], "one attempt, after 10 ms");
    assert_eq!(ran.connects.len(), 2);
}

#[test]
fn a_server_that_never_greets_or_refuses_everybody_is_reported() {
    for scene in [Scene::closed(4, 8), Scene::waves(4, 8), Scene::open(1000.0, 4, ms(8))] {
        let refuses = Server::answers_after(ms(1)).accepting(|_| Accept::Refuse(ms(1)));
        let ran = scene.sharing(2, 2, 100).run(refuses);
        assert_eq!(ran.outcomes(), ["connect: refused"; 4]);
    }
}

/// As for HTTP/1.1, with what only HTTP/2 has.
fn fault_schedule(seed: u64) -> (Scene, Server, Option<u64>) {
    let chance = move |asked: Asked, kind: u64| {
        onrush::rng::mix(seed * 13 + kind, u64::from(asked.user) << 32 | u64::from(asked.before))
    };
    let server = Server::replies(move |asked| match chance(asked, 0) % 16 {
        0 => Reply::Reset(ms(1)),
        1 => Reply::Close(ms(2)),
        2 => Reply::Never,
        3 => Reply::OkAndClose(ms(3)),
        4 => Reply::Bytes(ms(1), b"\0\0\0\x06\0\0\0\0\0 not a PING"),
        5 => Reply::GoAway(ms(2), 0),
        6 => Reply::GoAway(ms(1), 11),
        7 => Reply::ResetStream(ms(1), 7),
        8 => Reply::ResetStream(ms(2), 8),
        n => Reply::Ok(ms(n)),
    })
    .accepting(move |asked| match chance(asked, 1) % 9 {
        0 => Accept::Refuse(ms(1)),
        1 => Accept::Never,
        2 => Accept::NoDescriptor,
        3 => Accept::AndClose(ms(2)),
        n => Accept::After(ms(n)),
    });
    let number = Some(60);
    let (scene, number) = match seed % 6 {
        0 => (Scene::waves(7, 60), number),
        1 => (Scene::closed(7, 60), number),
        2 => (Scene::closed(7, 60).without_keep_alive(), number),
        3 => (Scene::closed_for(7, ms(300)), None),
        4 => (Scene::open(1_000.0, 7, ms(60)), number),
        _ => {
            let mut scene = Scene::open(2_000.0, 7, ms(200));
            scene.schedule().max_backlog = 40 + seed;
            (scene, None)
        }
    };
    let scene = match seed % 6 {
        2 => scene.sharing(7, 1, 100),
        _ => scene.sharing(1 + (seed / 6 % 3) as u32, 7, [100, 2, 4][(seed / 18 % 3) as usize]),
    };
    let (scene, cut) = scene.hurried(seed, 7);
    (scene, server, number.filter(|_| !cut))
}

#[test]
fn accounting_and_littles_law_hold_whatever_the_server_does() {
    assert_all_accounted_for(0..400, fault_schedule);
}

#[test]
fn a_request_that_times_out_does_not_end_the_opening_of_a_connection_for_the_others() {
    // The connection is lost at 5 ms, and opening the next one takes from 100 to 350 ms: longer than a
    // request may wait, and shorter than the limit of connecting.
    let mut scene = Scene::open(10.0, 4, ms(400)).sharing(1, 4, 100);
    scene.plan.limits = Limits { request: ms(100), connect: ms(1_000), drain: ms(1_000) };
    let server = Server::answers_after(ms(1)).accepting(|asked| match asked.before {
        0 => Accept::AndClose(ms(5)),
        _ => Accept::After(ms(250)),
    });
    let ran = scene.run(server);
    assert_eq!(ran.connects.len(), 2, "{:?}", ran.connects);
    assert_eq!(ran.outcomes(), ["200", "timeout: connect", "timeout: connect", "200"]);
}
