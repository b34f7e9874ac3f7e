//! The open model: what is due when, what waits for what, and how a run ends.

use std::sync::Arc;

use onrush::plan::Warmup;
use onrush::schedule::{Profile, Spacing, Stage};
use onrush::time::Nanos;

use super::scene::Scene;
use super::server::{Accept, Reply, Server};
use super::world::ms;

#[test]
fn requests_are_due_on_the_schedule_whatever_the_server_does() {
    let ran = Scene::open(100.0, 2, ms(50)).run(Server::answers_after(ms(25)));
    // Two connections: the third request waits 5 ms for the first one's, and so on.
    assert_eq!(ran.times(), [(0, 0.0, 25.0), (1, 10.0, 25.0), (2, 20.0, 30.0), (3, 30.0, 30.0), (4, 40.0, 35.0)]);
    let third = ran.records[2];
    assert_eq!((third.service(), third.lag()), (Some(ms(25)), Some(Nanos::ZERO)));
    assert_eq!(third.ready.since(third.due), ms(5), "the wait for a connection");
}

#[test]
fn a_number_of_requests_ends_a_schedule() {
    let mut scene = Scene::open(100.0, 5, ms(60_000));
    scene.plan.load.stop.requests = Some(3);
    let ran = scene.run(Server::answers_after(ms(1)));
    assert_eq!(ran.times(), [(0, 0.0, 1.0), (1, 10.0, 1.0), (2, 20.0, 1.0)]);
}

#[test]
fn a_rate_may_change_in_stages() {
    let mut scene = Scene::open(1.0, 50, ms(3_000));
    let stage = |from_per_s, to_per_s| Stage { lasting: ms(1_000), from_per_s, to_per_s };
    scene.schedule().profile = Arc::new(Profile::stages(&[stage(10.0, 10.0), stage(10.0, 30.0), stage(2.0, 2.0)]));
    let ran = scene.run(Server::answers_after(ms(1)));
    let within = |from: f64| ran.times().iter().filter(|(_, due, _)| (from..from + 1000.0).contains(due)).count();
    assert_eq!([within(0.0), within(1000.0), within(2000.0)], [10, 20, 2]);
}

#[test]
fn poisson_arrivals_follow_from_the_seed() {
    let dues = |seed| {
        let mut scene = Scene::open(100.0, 50, ms(1_000));
        scene.schedule().spacing = Spacing::Poisson;
        scene.plan.seed = seed;
        scene.run(Server::answers_after(ms(1))).times().iter().map(|(_, due, _)| *due).collect::<Vec<_>>()
    };
    assert_eq!(dues(1), dues(1));
    assert_ne!(dues(1), dues(2));
    assert!((60..140).contains(&dues(1).len()));
}

#[test]
fn a_warm_up_hands_over_without_draining() {
    let scene = Scene::open(100.0, 3, ms(30)).warmup(Warmup::Time(ms(20)));
    let ran = scene.run(Server::answers_after(ms(15)));
    assert_eq!(ran.t0(), ms(20));
    assert_eq!(ran.times(), [(0, 20.0, 15.0), (1, 30.0, 15.0), (2, 40.0, 15.0)]);
    let counted = Scene::open(100.0, 3, ms(30)).warmup(Warmup::Requests(4)).run(Server::answers_after(ms(15)));
    assert_eq!((counted.t0(), counted.records.len()), (ms(40), 3));
}

#[test]
fn a_backlog_that_is_full_ends_the_run_there_and_the_rest_is_unsent() {
    let mut scene = Scene::open(100.0, 1, ms(10_000));
    scene.schedule().max_backlog = 5;
    let ran = scene.run(Server::replies(|asked| if asked.before < 2 { Reply::Ok(ms(1)) } else { Reply::Ok(ms(500)) }));
    // The third request takes half a second; five wait behind it, from 30 ms on; the next one is due at 80 ms.
    assert_eq!((ran.totals.counts.ok, ran.totals.unsent), (3, 5));
    assert_eq!(ran.totals.censored.all().count(), 5);
}

#[test]
fn a_drain_ends_what_is_still_under_way() {
    let mut scene = Scene::open(100.0, 2, ms(50));
    scene.plan.limits.drain = ms(20);
    let ran = scene.run(Server::replies(|asked| if asked.at < ms(15) { Reply::Never } else { Reply::Ok(ms(1)) }));
    assert_eq!((ran.totals.counts.unfinished, ran.totals.unsent), (2, 3));
    assert_eq!(ran.outcomes(), ["cut: run ended", "cut: run ended"]);
    assert_eq!(ran.totals.lasted, ms(70));
    assert_eq!(ran.totals.censored.all().min(), Some(ms(30)), "due at 40, given up at 70");
}

#[test]
fn an_interruption_leaves_what_waits_unsent() {
    let scene = Scene::open(100.0, 1, ms(10_000)).interrupted_after(ms(45));
    let ran = scene.run(Server::replies(|_| Reply::Never));
    assert_eq!((ran.totals.counts.unfinished, ran.totals.unsent), (1, 4));
}

#[test]
fn connecting_is_inside_the_response_time_and_not_the_fault_of_this_tool() {
    let server = Server::replies(|_| Reply::OkAndClose(ms(2))).accepting(|_| Accept::After(ms(3)));
    let ran = Scene::open(100.0, 1, ms(30)).run(server);
    // The first connection is opened before T0; the others inside their requests.
    assert_eq!(ran.times(), [(0, 3.0, 2.0), (1, 13.0, 5.0), (2, 23.0, 5.0)]);
    assert_eq!((ran.records[1].lag(), ran.records[1].connect), (Some(Nanos::ZERO), ms(3)));
}

#[test]
fn a_dead_server_fails_every_request_when_it_is_due() {
    let server = Server::replies(|asked| if asked.before == 0 { Reply::OkAndClose(ms(1)) } else { Reply::Never });
    let server = server.accepting(|asked| match asked.before {
        0 => Accept::After(Nanos::ZERO),
        _ => Accept::Refuse(ms(1)),
    });
    let ran = Scene::open(100.0, 2, ms(100)).run(server);
    assert_eq!((ran.totals.counts.ok, ran.totals.counts.failed), (2, 8));
    assert!(ran.times().iter().all(|(_, _, took)| *took == 1.0), "nobody waits after a failure");
}

#[test]
fn connections_that_could_not_be_opened_are_no_requests() {
    let server = Server::answers_after(ms(1)).accepting(|asked| match (asked.user, asked.before) {
        (0, 0) => Accept::Refuse(Nanos::ZERO),
        _ => Accept::After(Nanos::ZERO),
    });
    let ran = Scene::open(100.0, 2, ms(50)).run(server);
    assert_eq!((ran.totals.counts.ok, ran.totals.counts.failed), (5, 0));
}

#[test]
fn without_keep_alive_each_request_connects_when_it_is_due() {
    let server = Server::answers_after(ms(2)).accepting(|_| Accept::After(ms(3)));
    let ran = Scene::open(100.0, 4, ms(30)).without_keep_alive().run(server);
    assert_eq!(ran.times(), [(0, 0.0, 5.0), (1, 10.0, 5.0), (2, 20.0, 5.0)]);
    assert!(ran.records.iter().all(|r| r.lag() == Some(Nanos::ZERO) && r.service() == Some(ms(2))));
}

#[test]
fn a_warm_up_lasts_until_response_times_have_settled() {
    // Answers take 20 ms at first, and settle at 2 ms within some seconds.
    let settling = || {
        Server::replies(|asked| {
            let slow = (-asked.at.as_secs() / 1.5).exp() * 18.0;
            let wobble = f64::from(asked.before * 31 % 17) / 50.0;
            Reply::Ok(Nanos(((2.0 + slow + wobble) * 1e6) as u64))
        })
    };
    let mut closed = Scene::closed(4, 200);
    closed.plan.load.warmup = Warmup::Auto;
    let open = Scene::open(200.0, 20, ms(1_000)).warmup(Warmup::Auto);
    let waves = Scene::waves(4, 200).warmup(Warmup::Auto);
    for (model, scene) in [("closed", closed), ("open", open), ("waves", waves)] {
        let ran = scene.run(settling());
        assert!((ms(5_000)..ms(55_000)).contains(&ran.t0()), "{model}: {}", ran.t0());
        assert_eq!((ran.records.len(), ran.totals.counts.ok), (200, 200), "{model}");
        let slowest = ran.totals.response.max().unwrap();
        assert!(slowest < ms(4), "{model}: {slowest}");
        assert!(ran.records.iter().all(|r| r.due >= super::world::START + ran.t0()), "{model}");
    }
}

#[test]
fn a_connection_that_is_being_replaced_at_the_start_joins_when_it_is_open() {
    for again in [Accept::After(ms(100)), Accept::Refuse(ms(20)), Accept::Refuse(ms(6)), Accept::Never] {
        // User 0 is closed before the start, which waits for user 1.
        let server = Server::replies(|asked| Reply::Ok(ms(if asked.user == 1 { 40 } else { 2 })));
        let server = server.accepting(move |asked| match (asked.user, asked.before) {
            (0, 0) => Accept::AndClose(ms(5)),
            (0, 1) => again,
            (1, 0) => Accept::After(ms(10)),
            _ => Accept::After(ms(1)),
        });
        let ran = Scene::open(100.0, 2, ms(300)).run(server);
        ran.assert_accounted_for("replaced at the start");
        assert_eq!((ran.records.len(), ran.totals.counts.ok), (30, 30));
        let dues: Vec<f64> = ran.times().iter().map(|(_, due, _)| *due).collect();
        assert!(dues.iter().enumerate().all(|(i, due)| *due == 10.0 + 10.0 * i as f64), "{dues:?}");
    }
}

#[test]
fn a_run_that_reaches_nobody_ends_at_once() {
    for after in [Nanos::ZERO, Nanos::from_micros(20)] {
        let refusing = Server::answers_after(ms(1)).accepting(move |_| Accept::Refuse(after));
        let ran = Scene::open(200_000.0, 50, ms(60_000)).without_keep_alive().run(refusing);
        assert_eq!((ran.records.len(), ran.totals.counts.failed), (50, 50));
        assert!(ran.totals.lasted < ms(10), "every user has tried once");
    }
}

#[test]
fn failures_of_a_warm_up_that_is_over_are_no_requests() {
    // Thirty of fifty users have tried in the warm-up, in vain; the others do so while it counts.
    let server = Server::answers_after(ms(1)).accepting(|_| Accept::Refuse(Nanos::ZERO));
    let scene = Scene::open(20.0, 50, ms(10_000)).warmup(Warmup::Time(ms(1_500))).without_keep_alive();
    let ran = scene.run(server);
    let mut indexes: Vec<u64> = ran.records.iter().map(|r| r.index).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, (0..20).collect::<Vec<_>>(), "each number once");
    ran.assert_accounted_for("nobody after a warm-up");
}
