//! Failures: each is a row, each is waited after, none holds up the others.

use std::sync::Arc;

use onrush::plan::{Family, Model, Redirects, Trust, Warmup};
use onrush::request::{Header, Text};
use onrush::template::Template;
use onrush::time::Nanos;

use super::scene::{Scene, assert_all_accounted_for};
use super::server::{Accept, Asked, Reply, Server};
use super::world::ms;

#[test]
fn a_dead_server_is_asked_again_at_growing_intervals() {
    let server = Server::replies(|_| Reply::OkAndClose(ms(1))).accepting(|asked| match asked.at {
        Nanos::ZERO => Accept::After(Nanos::ZERO),
        _ => Accept::Refuse(Nanos::ZERO),
    });
    let ran = Scene::closed(1, 10).run(server);
    // The first answer comes at 1 ms; from then on every attempt is refused.
    let attempts: Vec<f64> = ran.connects.iter().map(|(_, at)| at.as_millis()).collect();
    assert_eq!(attempts, [0.0, 1.0, 11.0, 31.0, 71.0, 151.0, 311.0, 631.0, 1131.0, 1631.0]);
    assert_eq!(ran.totals.counts.failed, 9);
    assert!(ran.times().iter().skip(1).all(|(_, _, took)| *took == 0.0), "waiting is no latency");
}

#[test]
fn an_answer_ends_the_waiting_after_failures() {
    let server = Server::replies(|asked| if asked.before % 2 == 0 { Reply::Reset(ms(1)) } else { Reply::Ok(ms(1)) });
    let ran = Scene::closed(1, 6).run(server);
    assert_eq!(ran.outcomes(), ["read: reset", "200", "read: reset", "200", "read: reset", "200"]);
    assert_eq!(ran.times().last(), Some(&(5, 35.0, 1.0)), "three waits of 10 ms, none of 20");
}

#[test]
fn when_every_user_is_refused_each_has_one_row_and_the_run_is_over() {
    let refused = || Server::answers_after(ms(1)).accepting(|_| Accept::Refuse(ms(2)));
    let scenes = [
        Scene::waves(3, 100),
        Scene::closed(3, 100),
        Scene::closed_for(3, Nanos::from_secs(60)),
        Scene::waves(3, 100).warmup(Warmup::Requests(10)),
        Scene::closed(3, 100).warmup(Warmup::Time(Nanos::from_secs(10))),
        Scene::waves(3, 100).without_keep_alive(),
        Scene::closed(3, 100).without_keep_alive(),
        Scene::closed(3, 100).without_keep_alive().warmup(Warmup::Requests(10)),
        Scene::waves(3, 100).without_keep_alive().warmup(Warmup::Requests(10)),
    ];
    for (i, scene) in scenes.into_iter().enumerate() {
        let ran = scene.run(refused());
        assert_eq!(ran.outcomes(), ["connect: refused"; 3], "scene {i}");
        assert_eq!(ran.times(), [(0, 0.0, 2.0), (1, 0.0, 2.0), (2, 0.0, 2.0)], "scene {i}");
        assert_eq!(ran.connects.len(), 3, "scene {i}");
    }
}

#[test]
fn a_user_that_cannot_be_connected_fails_in_its_wave_and_the_others_go_on() {
    let server = Server::answers_after(ms(5)).accepting(|asked| match (asked.user, asked.before) {
        (1, 0) => Accept::Never,
        _ => Accept::After(Nanos::ZERO),
    });
    let ran = Scene::waves(2, 4).run(server);
    assert_eq!(ran.outcomes(), ["200", "timeout: connect", "200", "200"]);
    // The release waits for the connect limit of 50 ms; the next one for a back-off of 10.
    assert_eq!(ran.times(), [(0, 50.0, 5.0), (1, 0.0, 50.0), (2, 60.0, 5.0), (3, 60.0, 5.0)]);
}

#[test]
fn a_closed_run_goes_on_with_the_users_that_are_connected() {
    let server = Server::answers_after(ms(5)).accepting(|asked| match asked.user {
        1 => Accept::Refuse(Nanos::ZERO),
        _ => Accept::After(Nanos::ZERO),
    });
    let ran = Scene::closed(2, 6).run(server);
    let refused = ran.outcomes().iter().filter(|text| *text == "connect: refused").count();
    assert_eq!((ran.totals.counts.ok, ran.totals.counts.failed), (4, 2));
    assert_eq!(refused, 2, "at the start, and 10 ms later");
}

#[test]
fn timeouts_name_what_was_awaited() {
    let body = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf ";
    let server = Server::replies(move |asked| match asked.before {
        0 => Reply::Never,
        _ => Reply::Bytes(ms(3), body),
    });
    let ran = Scene::closed(1, 2).run(server);
    assert_eq!(ran.outcomes(), ["timeout: first byte", "timeout: body"]);
    let half = ran.records[1];
    assert_eq!((half.body_bytes, half.status, half.first_byte_after()), (5, 0, Some(ms(3))));
    assert_eq!(ran.times(), [(0, 0.0, 100.0), (1, 110.0, 100.0)]);
}

#[test]
fn the_requests_limit_is_exact_for_each_of_many_users() {
    let ran = Scene::closed(50, 50).run(Server::replies(|asked| match asked.user % 2 {
        0 => Reply::Never,
        _ => Reply::Ok(ms(99)),
    }));
    assert_eq!((ran.totals.counts.timeout, ran.totals.counts.ok), (25, 25));
    assert!(ran.times().iter().all(|(_, due, took)| *due == 0.0 && (*took == 99.0 || *took == 100.0)));
}

#[test]
fn a_server_that_closes_every_connection_at_once_cannot_hold_up_a_wave() {
    // Closed before anything was asked: seen as bytes that nobody asked for would be.
    let server = Server::replies(|_| Reply::Close(Nanos::ZERO));
    let ran = Scene::waves(2, 4).run(server);
    assert_eq!(ran.outcomes(), ["read: closed before answer"; 4]);
}

#[test]
fn thousands_of_users_that_fail_at_once_do_not_exhaust_the_stack() {
    let server = Server::answers_after(ms(1)).accepting(|asked| match asked.user {
        0..128 => Accept::Refuse(ms(2)),
        _ => Accept::Refuse(Nanos::ZERO),
    });
    let ran = Scene::closed(9_000, 9_000).run(server);
    assert_eq!((ran.records.len(), ran.totals.counts.failed), (9_000, 9_000));
}

#[test]
fn a_server_that_accepts_nobody_is_reported_soon_however_many_users_there_are() {
    for scene in [Scene::waves(5_000, 5_000), Scene::closed(5_000, 5_000)] {
        let ran = scene.run(Server::answers_after(ms(1)).accepting(|_| Accept::Never));
        assert_eq!((ran.records.len(), ran.totals.counts.timeout), (5_000, 5_000));
        assert!(ran.t0() + ran.totals.lasted <= ms(300), "{}", ran.totals.lasted);
    }
}

/// A server that does what chance says, in a run whose kind and end chance decides too.
fn fault_schedule(seed: u64) -> (Scene, Server, Option<u64>) {
    let chance = move |asked: Asked, kind: u64| {
        onrush::rng::mix(seed * 7 + kind, u64::from(asked.user) << 32 | u64::from(asked.before))
    };
    let stalled =
        move |at: Nanos| if seed.is_multiple_of(5) && at.0 / 60_000_000 % 2 == 1 { ms(70) } else { Nanos::ZERO };
    let server = Server::replies(move |asked| match chance(asked, 0) % 11 {
        0 => Reply::Reset(ms(1)),
        1 => Reply::Close(ms(2)),
        2 => Reply::Never,
        3 => Reply::OkAndClose(ms(3)),
        4 => Reply::Bytes(ms(1), b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"),
        5 => Reply::Bytes(ms(1), b"garbage"),
        6 => Reply::Bytes(ms(1), b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf "),
        n => Reply::Ok(ms(n) + stalled(asked.at)),
    })
    .accepting(move |asked| match chance(asked, 1) % 7 {
        0 => Accept::Refuse(ms(1)),
        1 => Accept::Never,
        2 => Accept::NoDescriptor,
        n => Accept::After(ms(n)),
    });
    let number = Some(60);
    let (scene, number) = match seed % 8 {
        0 => (Scene::waves(7, 60), number),
        1 => (Scene::closed(7, 60), number),
        2 => (Scene::closed(7, 60).without_keep_alive(), number),
        3 => (Scene::waves(7, 60).without_keep_alive(), number),
        4 => (Scene::closed_for(7, ms(300)), None),
        // 60 requests, with more to do than seven connections can.
        5 => (Scene::open(1_000.0, 7, ms(60)), number),
        6 => (Scene::open(200.0, 7, ms(300)).without_keep_alive(), number),
        _ => {
            let mut scene = Scene::open(2_000.0, 3, ms(200));
            scene.schedule().max_backlog = 40 + seed;
            (scene, None)
        }
    };
    let (scene, cut) = scene.hurried(seed, 3);
    (scene, server, number.filter(|_| !cut))
}

#[test]
fn accounting_and_littles_law_hold_whatever_the_server_does() {
    assert_all_accounted_for(0..200, fault_schedule);
}

#[test]
fn a_redirect_sends_the_request_again_as_it_was_sent() {
    let mut scene = Scene::closed(1, 2);
    let system = (Family::Any, Trust::System);
    scene.plan.redirects =
        Some(Redirects { most: 3, routes: Default::default(), family: system.0, trust: system.1, identity: None });
    let now = Template::compile("now", "{{ timestamp_ms() }}", &[]).unwrap();
    let value = Text::Template(Arc::new(now));
    scene.plan.targets.list[0].head.headers.push(Header { name: "X-Now".into(), value });
    let moved = b"HTTP/1.1 307 Moved\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
    let ran = scene.run(Server::replies(move |asked| match asked.before % 2 {
        0 => Reply::Bytes(ms(7), moved),
        _ => Reply::Ok(ms(1)),
    }));
    assert_eq!(ran.outcomes(), ["200", "200"]);
    let head = |request: &str| {
        (request.split(' ').nth(1).unwrap().to_string(), request.split("X-Now: ").nth(1).unwrap().trim().to_string())
    };
    let heads: Vec<_> = ran.requests.iter().map(|request| head(request)).collect();
    let expected = [("/", "1000"), ("/there", "1000"), ("/", "1008"), ("/there", "1008")];
    assert_eq!(heads, expected.map(|(path, now)| (path.to_string(), now.to_string())));
}

/// GET with a head of 10,000 bytes and a little.
fn large(mut scene: Scene) -> Scene {
    let value = Text::Fixed("x".repeat(10_000));
    scene.plan.targets.list[0].head.headers.push(Header { name: "X-Large".into(), value });
    scene
}

#[test]
fn a_request_that_is_taken_slowly_is_sent_whole() {
    let ran = large(Scene::closed(2, 4)).run(Server::answers_after(ms(1)).taking(1_000));
    assert_eq!(ran.outcomes(), ["200"; 4]);
    assert_eq!(ran.times(), [(0, 0.0, 11.0), (1, 0.0, 11.0), (2, 11.0, 11.0), (3, 11.0, 11.0)]);
}

#[test]
fn time_limits_are_exact_while_there_is_only_something_to_write() {
    // The limit of 100 ms comes when nine tenths are sent.
    for scene in [Scene::closed(1, 1), Scene::waves(1, 1), Scene::open(1.0, 1, ms(1))] {
        let mut scene = large(scene);
        scene.plan.limits.request = ms(100);
        let ran = scene.run(Server::answers_after(ms(1)).taking(90));
        assert_eq!(ran.outcomes(), ["timeout: sending"]);
        assert_eq!(ran.times(), [(0, 0.0, 100.0)]);
    }
}

#[test]
fn what_could_not_be_sent_before_a_release_is_dated_from_when_it_was_encoded() {
    let hold = Model::Waves { every: Some(Nanos::from_secs(100)), hold_last_byte: true };
    let scene = large(Scene::new(hold, 1, Some(2), None));
    let ran = scene.run(Server::answers_after(ms(1)).taking(100));
    assert_eq!(ran.outcomes(), ["timeout: sending"; 2]);
    // Each was given the limit of connecting, 50 ms: the second one after a wait of 10.
    assert!(ran.records.iter().all(|record| record.response() == ms(50)), "{:?}", ran.times());
}

#[test]
fn a_run_goes_on_if_users_connect_at_their_second_attempts_before_the_first_of_another_has_failed() {
    // The first attempts of all four fail, the last of them after 50 ms; meanwhile the others have connected.
    let server = || {
        Server::answers_after(ms(1)).accepting(|asked| match (asked.user, asked.before) {
            (3, 0) => Accept::Never,
            (_, 0) => Accept::Refuse(ms(1)),
            _ => Accept::After(Nanos::ZERO),
        })
    };
    for scene in [Scene::open(1_000.0, 4, ms(200)).without_keep_alive(), Scene::closed(4, 200).without_keep_alive()] {
        let ran = scene.run(server());
        assert_eq!((ran.totals.counts.ok, ran.totals.counts.ended()), (196, 200));
    }
}
