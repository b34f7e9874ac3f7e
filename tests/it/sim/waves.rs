//! Waves: who is released when, and what is charged to whom.

use std::sync::Arc;

use onrush::plan::{Model, Warmup};
use onrush::request::Body;
use onrush::template::Template;
use onrush::time::Nanos;

use super::scene::Scene;
use super::server::{Accept, Reply, Server};
use super::world::{START, ms};

#[test]
fn a_wave_is_released_when_the_last_answer_of_the_one_before_is_in() {
    let slow_first_user = Server::replies(|asked| Reply::Ok(if asked.user == 0 { ms(7) } else { ms(5) }));
    let ran = Scene::waves(3, 7).run(slow_first_user);
    let expected =
        [(0, 0.0, 7.0), (1, 0.0, 5.0), (2, 0.0, 5.0), (3, 7.0, 7.0), (4, 7.0, 5.0), (5, 7.0, 5.0), (6, 14.0, 7.0)];
    assert_eq!(ran.times(), expected);
    let waves: Vec<u32> = ran.records.iter().map(|r| r.wave).collect();
    assert_eq!(waves, [0, 0, 0, 1, 1, 1, 2]);
    assert_eq!((ran.totals.waves.count, ran.totals.waves.together), (3, 3));
}

#[test]
fn users_are_connected_before_the_first_wave_and_connecting_is_not_part_of_it() {
    let server = Server::answers_after(ms(1)).accepting(|asked| Accept::After(ms(10 * u64::from(asked.user))));
    let ran = Scene::waves(3, 3).run(server);
    assert_eq!(ran.times(), [(0, 20.0, 1.0), (1, 20.0, 1.0), (2, 20.0, 1.0)]);
    assert_eq!(ran.t0(), ms(20));
    let connects: Vec<f64> = ran.records.iter().map(|r| r.connect.as_millis().round()).collect();
    assert_eq!(connects, [0.0, 10.0, 20.0]);
}

#[test]
fn a_wave_is_never_held_longer_than_the_time_limit() {
    let server = Server::replies(|asked| if asked.user == 1 { Reply::Never } else { Reply::Ok(ms(5)) });
    let ran = Scene::waves(2, 4).run(server);
    assert_eq!(ran.outcomes(), ["200", "timeout: first byte", "200", "timeout: first byte"]);
    // The second wave waits for the back-off of the user that timed out: 10 ms.
    assert_eq!(ran.times(), [(0, 0.0, 5.0), (1, 0.0, 100.0), (2, 110.0, 5.0), (3, 110.0, 100.0)]);
}

#[test]
fn planned_waves_are_released_on_their_plan_and_late_ones_are_charged() {
    let every = Model::Waves { every: Some(ms(50)), hold_last_byte: false };
    let server = Server::replies(|asked| Reply::Ok(if asked.before == 1 { ms(70) } else { ms(5) }));
    let ran = Scene::new(every, 2, Some(8), None).run(server);
    let by_user_0: Vec<_> = ran.times().into_iter().step_by(2).collect();
    // Wave 2 was planned at 100 ms, and released when wave 1 was over at 120.
    assert_eq!(by_user_0, [(0, 0.0, 5.0), (2, 50.0, 70.0), (4, 100.0, 25.0), (6, 150.0, 5.0)]);
    let late = ran.records.iter().find(|r| r.index == 4).unwrap();
    assert_eq!((late.service(), late.lag()), (Some(ms(5)), Some(Nanos::ZERO)), "not the server's, not the loop's");
}

#[test]
fn the_last_byte_is_held_until_all_users_have_sent_the_rest() {
    let hold = Model::Waves { every: None, hold_last_byte: true };
    let server = Server::answers_after(ms(5)).accepting(|asked| Accept::After(ms(10 * u64::from(asked.user))));
    let ran = Scene::new(hold, 2, Some(2), None).run(server);
    let length = "GET / HTTP/1.1\r\nHost: h\r\n\r\n".len();
    let expected = [(0, ms(0), length - 1), (1, ms(10), length - 1), (0, ms(10), 1), (1, ms(10), 1)];
    assert_eq!(ran.writes, expected);
    assert_eq!(ran.times(), [(0, 10.0, 5.0), (1, 10.0, 5.0)]);
}

#[test]
fn a_duration_lets_the_wave_under_way_finish() {
    let waves = Model::Waves { every: None, hold_last_byte: false };
    let ran = Scene::new(waves, 2, None, Some(ms(25))).run(Server::answers_after(ms(10)));
    assert_eq!(ran.times().last(), Some(&(5, 20.0, 10.0)), "at 0, 10 and 20 ms; not at 30");
}

#[test]
fn warm_up_waves_are_whole_and_leave_no_trace() {
    let scene = Scene::waves(2, 4).warmup(Warmup::Requests(3));
    let ran = scene.run(Server::answers_after(ms(10)));
    assert_eq!(ran.times(), [(0, 20.0, 10.0), (1, 20.0, 10.0), (2, 30.0, 10.0), (3, 30.0, 10.0)]);
    assert_eq!((ran.t0(), ran.totals.counts.ok, ran.totals.waves.count), (ms(20), 4, 2));
}

#[test]
fn without_keep_alive_users_connect_after_the_release_inside_their_latency() {
    let server = Server::answers_after(ms(5)).accepting(|_| Accept::After(ms(3)));
    let ran = Scene::waves(2, 4).without_keep_alive().run(server);
    assert_eq!(ran.times(), [(0, 0.0, 8.0), (1, 0.0, 8.0), (2, 8.0, 8.0), (3, 8.0, 8.0)]);
    assert_eq!(ran.totals.traffic.opened, 4);
    assert!(ran.records.iter().all(|r| r.service() == Some(ms(5)) && r.connect == ms(3)));
}

#[test]
fn a_connection_that_the_server_closes_after_its_answer_is_reopened_before_the_next_wave() {
    let server = Server::replies(|_| Reply::OkAndClose(ms(5))).accepting(|_| Accept::After(ms(3)));
    let ran = Scene::waves(2, 4).run(server);
    assert_eq!(ran.times(), [(0, 3.0, 5.0), (1, 3.0, 5.0), (2, 11.0, 5.0), (3, 11.0, 5.0)]);
    assert_eq!((ran.totals.traffic.opened, ran.totals.traffic.reopened), (4, 0));
}

#[test]
fn a_late_wave_has_its_whole_time_limit() {
    let every = Model::Waves { every: Some(ms(10)), hold_last_byte: false };
    let ran = Scene::new(every, 1, Some(8), None).run(Server::answers_after(ms(60)));
    // Each takes 60 ms of its 100, and is later than the one before by 50.
    assert_eq!((ran.totals.counts.ok, ran.totals.counts.timeout), (8, 0));
    assert_eq!(ran.times().last(), Some(&(7, 70.0, 410.0)));
}

/// Waves of `users`, planned `every` so long, until each has sent `rounds` requests.
fn planned(users: u32, rounds: u64, every: Nanos) -> Scene {
    let model = Model::Waves { every: Some(every), hold_last_byte: false };
    Scene::new(model, users, Some(u64::from(users) * rounds), None)
}

const MINUTES: Nanos = Nanos::from_secs(180);

#[test]
fn a_server_that_closes_idle_connections_between_waves_fails_no_request() {
    for idle in [ms(20), ms(100), Nanos::from_secs(1), Nanos::from_secs(60)] {
        let ran = planned(3, 4, MINUTES).run(Server::answers_after(ms(1)).closing_idle(idle));
        let expected: Vec<_> = (0..12).map(|n| (n, (n / 3 * 180_000) as f64, 1.0)).collect();
        assert_eq!(ran.times(), expected, "idle for {idle}");
        assert_eq!(ran.outcomes(), ["200"; 12], "idle for {idle}");
    }
}

#[test]
fn connections_are_left_alone_while_the_next_wave_is_far_off() {
    let ran = planned(2, 3, MINUTES).run(Server::answers_after(ms(1)).closing_idle(Nanos::from_secs(1)));
    let connects: Vec<f64> = ran.connects.iter().map(|(_, at)| at.as_millis()).collect();
    assert_eq!(connects, [0.0, 0.0, 179_950.0, 179_950.0, 359_950.0, 359_950.0]);
    assert_eq!(ran.totals.traffic.reopened, 4);
}

#[test]
fn users_are_prepared_early_enough_for_connections_that_open_slowly() {
    let server = Server::answers_after(ms(1)).closing_idle(Nanos::from_secs(1)).accepting(|_| Accept::After(ms(40)));
    let ran = planned(2, 4, MINUTES).run(server);
    let connects: Vec<f64> = ran.connects.iter().step_by(2).map(|(_, at)| at.as_millis()).collect();
    // The first preparation took 40 ms, and the limit of connecting is 50.
    assert_eq!(connects, [0.0, 179_990.0, 359_990.0, 539_990.0]);
    assert!(ran.times().iter().all(|(_, _, took)| *took == 1.0), "{:?}", ran.times());
}

#[test]
fn a_goaway_between_waves_costs_nothing() {
    // In the gap, and while the next wave is prepared.
    for then in [Nanos::from_secs(60), Nanos::from_secs(179) + ms(970)] {
        let server = Server::replies(move |_| Reply::OkThenGoAway(ms(1), then));
        let ran = planned(4, 3, MINUTES).sharing(2, 2, 100).run(server);
        assert_eq!(ran.outcomes(), ["200"; 12], "goes away after {then}");
        assert!(ran.times().iter().all(|(_, _, took)| *took == 1.0), "{:?}", ran.times());
        ran.assert_accounted_for("goaway");
    }
}

#[test]
fn a_user_that_is_slow_to_connect_does_not_fail_those_that_wait_for_it() {
    // The first user connects after 45 ms; meanwhile the server closes the others' connections.
    let server = Server::answers_after(ms(1))
        .closing_idle(ms(12))
        .accepting(|asked| Accept::After(if asked.user == 0 { ms(45) } else { Nanos::ZERO }));
    let ran = Scene::waves(3, 3).run(server);
    assert_eq!(ran.outcomes(), ["200"; 3]);
}

#[test]
fn a_failure_before_a_release_is_dated_from_the_request_and_not_from_its_old_connection() {
    let mut scene = planned(2, 4, MINUTES);
    let text = "{% if index == 5 %}{{ index.none.such }}{% endif %}x";
    let template = Template::compile("body", text, &[]).unwrap();
    scene.plan.targets.list[0].body = Body::Template(Arc::new(template));
    let ran = scene.run(Server::replies(|_| Reply::Ok(ms(1))));
    let failed = ran.records.iter().find(|record| record.index == 5).unwrap();
    assert_eq!(failed.failure.unwrap().to_string(), "template: cannot be rendered");
    assert_eq!(failed.response(), Nanos::ZERO);
    assert_eq!(failed.due.since(START + ran.t0()), Nanos::from_secs(360).before(ms(50)));
    ran.assert_accounted_for("template");
}

#[test]
fn waves_at_one_instant_of_a_coarse_clock_are_told_apart() {
    let ran = Scene::waves(2, 6).without_keep_alive().run(Server::answers_after(Nanos::ZERO));
    assert_eq!(ran.outcomes(), ["200"; 6]);
    assert!(ran.times().iter().all(|(_, due, took)| (*due, *took) == (0.0, 0.0)));
}
