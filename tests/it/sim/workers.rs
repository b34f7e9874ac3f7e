//! Several workers on one clock: they release together, share numbers and the schedule, and end together.

use onrush::plan::Warmup;
use onrush::time::Nanos;

use super::scene::{Scene, origin};
use super::server::{Accept, Asked, Reply, Server};
use super::world::{START, ms};

#[test]
fn a_wave_of_several_workers_is_released_at_one_instant() {
    // The users of one worker take 40 ms to connect: all others wait for them.
    let server =
        || Server::answers_after(ms(5)).accepting(|asked| Accept::After(ms(if asked.user > 4 { 40 } else { 0 })));
    for workers in 1..=4 {
        // So long before a release it is said to all workers, if there are others.
        let told = if workers > 1 { 0.1 } else { 0.0 };
        let ran = Scene::waves(7, 21).workers(workers).run(server());
        let release = |wave: u64| 40.0 + wave as f64 * 5.0 + told * (wave + 1) as f64;
        let expected: Vec<_> = (0..21).map(|n| (n, release(n / 7), 5.0)).collect();
        assert_eq!(ran.times(), expected, "{workers} workers");
        assert_eq!(ran.totals.waves.count, 3, "{workers} workers");
        ran.assert_accounted_for("waves");
    }
}

#[test]
fn a_closed_run_has_as_many_requests_however_many_workers_share_it() {
    for workers in 1..=4 {
        let ran = Scene::closed(8, 100).workers(workers).run(Server::answers_after(ms(3)));
        let mut indexes: Vec<u64> = ran.records.iter().map(|record| record.index).collect();
        indexes.sort_unstable();
        assert_eq!(indexes, (0..100).collect::<Vec<_>>(), "{workers} workers");
        assert_eq!(ran.totals.counts.ok, 100);
        ran.assert_accounted_for("closed");
    }
}

#[test]
fn a_schedule_is_the_same_however_many_workers_share_it() {
    let run = |workers| Scene::open(1_000.0, 8, ms(50)).workers(workers).run(Server::answers_after(ms(5)));
    let alone = run(1).times();
    assert_eq!(alone.len(), 50);
    for workers in 2..=4 {
        assert_eq!(run(workers).times(), alone, "{workers} workers");
    }
}

#[test]
fn a_full_backlog_of_one_worker_ends_the_schedule_of_all() {
    // One connection answers nothing; those of the other workers answer at once.
    let server = Server::replies(|asked| if asked.user == 0 { Reply::Never } else { Reply::Ok(ms(1)) });
    let mut scene = Scene::open(1_000.0, 3, Nanos::from_secs(10)).workers(3);
    scene.schedule().max_backlog = 30;
    scene.plan.limits.request = ms(2_000);
    let ran = scene.run(server);
    assert!(ran.totals.backlog_full);
    // Of 1,000 a second each worker has a third, and may have a third of the backlog: it is full after 33 ms.
    let last = ran.records.iter().map(|record| record.due.since(START)).max();
    assert!(last.is_some_and(|at| at < ms(200)), "{last:?}");
    ran.assert_accounted_for("backlog");
}

#[test]
fn the_end_of_a_warm_up_is_the_same_instant_for_all_workers() {
    for warmup in [Warmup::Requests(6), Warmup::Time(ms(50))] {
        let ran = Scene::closed_for(6, ms(200)).warmup(warmup).workers(3).run(Server::answers_after(ms(5)));
        let first = ran.records.iter().map(|record| record.due).min().unwrap();
        assert!(first >= START + ran.t0(), "{warmup:?}");
        ran.assert_accounted_for("warm-up");
    }
}

#[test]
fn workers_of_which_none_can_connect_report_each_user_once() {
    let refuses = || Server::answers_after(ms(1)).accepting(|_| Accept::Refuse(ms(2)));
    for scene in [Scene::waves(6, 60), Scene::closed(6, 60), Scene::open(100.0, 6, ms(600))] {
        let ran = scene.workers(3).run(refuses());
        assert_eq!(ran.outcomes(), ["connect: refused"; 6]);
    }
}

#[test]
fn one_worker_whose_users_cannot_connect_does_not_end_the_run_of_the_others() {
    let refuses = |user| user < 2;
    let server = Server::answers_after(ms(5))
        .accepting(move |asked| if refuses(asked.user) { Accept::Refuse(ms(1)) } else { Accept::After(Nanos::ZERO) });
    let ran = Scene::waves(6, 18).workers(3).run(server);
    assert_eq!((ran.totals.counts.ok, ran.totals.counts.failed), (12, 6));
    ran.assert_accounted_for("refused");
}

#[test]
fn an_interruption_ends_all_workers() {
    for scene in [Scene::waves(6, 6_000), Scene::closed(6, 6_000), Scene::open(100.0, 6, Nanos::from_secs(60))] {
        let ran = scene.workers(3).interrupted_after(ms(120)).run(Server::answers_after(ms(7)));
        assert!(ran.totals.counts.ok > 0 && ran.t0() + ran.totals.lasted <= ms(300), "{}", ran.totals.lasted);
        ran.assert_accounted_for("interrupted");
    }
}

#[test]
fn workers_share_origins_and_connections_of_http_2() {
    let mut scene = Scene::closed(12, 120).sharing(4, 3, 100).workers(2);
    scene.plan.origins = ["http://a"].map(origin).into();
    let ran = scene.run(Server::answers_after(ms(1)));
    assert_eq!((ran.totals.counts.ok, ran.totals.traffic.opened), (120, 4));
    ran.assert_accounted_for("http2");
}

#[test]
fn a_name_of_which_one_address_is_silent_costs_each_user_one_limit_and_no_more() {
    // Every other attempt goes to the silent one: of half of the users, the first.
    let server = || {
        let open = |asked: Asked| {
            if (asked.user + asked.before).is_multiple_of(2) { Accept::Never } else { Accept::After(ms(1)) }
        };
        Server::replies(|_| Reply::Ok(ms(2))).accepting(open)
    };
    for workers in [1, 3] {
        let ran = Scene::closed(6, 30).workers(workers).run(server());
        assert_eq!((ran.totals.counts.timeout, ran.totals.counts.ok), (3, 27), "{workers} workers");
        ran.assert_accounted_for("silent");
    }
}

#[test]
fn that_nobody_connects_is_decided_once_for_all_workers() {
    // The last first attempt fails at 3 ms; a second one of another worker would succeed at 4.
    let server = Server::answers_after(ms(1)).accepting(|asked| match (asked.user, asked.before) {
        (_, 0) => Accept::Refuse(ms(1 + u64::from(asked.user))),
        _ => Accept::After(ms(2)),
    });
    let ran = Scene::open(1_000.0, 2, ms(60)).workers(2).without_keep_alive().run(server);
    assert_eq!(ran.totals.counts.ok, 0, "{:?}", ran.outcomes());
    assert!(ran.totals.lasted <= ms(20), "{}", ran.totals.lasted);
    ran.assert_accounted_for("nobody");
}
