//! The closed model: cadence, ends, and the hand-over from warm-up.

use onrush::plan::Warmup;
use onrush::record::NO_WAVE;
use onrush::time::Nanos;

use super::scene::Scene;
use super::server::{Accept, Reply, Server};
use super::world::ms;

#[test]
fn a_user_sends_again_as_soon_as_its_answer_is_in() {
    let server = Server::replies(|asked| Reply::Ok(if asked.user == 0 { ms(10) } else { ms(4) }));
    let ran = Scene::closed(2, 5).run(server);
    assert_eq!(ran.times(), [(0, 0.0, 10.0), (1, 0.0, 4.0), (2, 4.0, 4.0), (3, 8.0, 4.0), (4, 10.0, 10.0)]);
    assert!(ran.records.iter().all(|r| r.due == r.sent && r.due == r.ready && r.wave == NO_WAVE));
}

#[test]
fn a_duration_ends_sending_and_awaits_what_is_in_flight() {
    let ran = Scene::closed_for(2, ms(95)).run(Server::answers_after(ms(10)));
    assert_eq!(ran.records.len(), 20, "at 0, 10, ..., 90 ms by two users");
    assert_eq!(ran.times().last(), Some(&(19, 90.0, 10.0)));
    assert_eq!(ran.totals.answered_in_window, 18, "those at 100 ms came after the end");
}

#[test]
fn of_two_ends_the_first_one_counts() {
    let mut scene = Scene::closed_for(1, ms(95));
    scene.plan.load.stop.requests = Some(3);
    assert_eq!(scene.run(Server::answers_after(ms(10))).records.len(), 3);
    let mut scene = Scene::closed_for(1, ms(25));
    scene.plan.load.stop.requests = Some(100);
    assert_eq!(scene.run(Server::answers_after(ms(10))).records.len(), 3);
}

#[test]
fn a_timed_warm_up_hands_over_without_draining() {
    let scene = Scene::closed_for(2, ms(30)).warmup(Warmup::Time(ms(15)));
    let server = Server::replies(|asked| Reply::Ok(if asked.user == 0 { ms(10) } else { ms(7) }));
    let ran = scene.run(server);
    // Warm-up requests at 0 and 10 (user 0), 0, 7 and 14 (user 1) are in flight at T0 and not counted.
    assert_eq!(ran.t0(), ms(15));
    let dues: Vec<f64> = ran.times().iter().map(|(_, due, _)| *due).collect();
    assert_eq!(dues, [20.0, 21.0, 28.0, 30.0, 35.0, 40.0, 42.0]);
    assert_eq!(ran.times()[0].0, 0, "measured indexes begin at 0");
}

#[test]
fn a_counted_warm_up_hands_over_to_the_first_user_that_is_free() {
    let scene = Scene::closed(2, 3).warmup(Warmup::Requests(3));
    let server = Server::replies(|asked| Reply::Ok(if asked.user == 0 { ms(10) } else { ms(4) }));
    let ran = scene.run(server);
    // Warm-up: both at 0, user 1 again at 4. User 1 is free at 8: T0.
    assert_eq!(ran.t0(), ms(8));
    assert_eq!(ran.times(), [(0, 8.0, 4.0), (1, 10.0, 10.0), (2, 12.0, 4.0)]);
}

#[test]
fn a_request_that_has_to_open_its_connection_is_due_when_connecting_begins() {
    let server = Server::replies(|_| Reply::OkAndClose(ms(5))).accepting(|_| Accept::After(ms(3)));
    let ran = Scene::closed(1, 3).run(server);
    // The first connection is opened before T0; the others inside their requests.
    assert_eq!(ran.times(), [(0, 3.0, 5.0), (1, 8.0, 8.0), (2, 16.0, 8.0)]);
    let second = ran.records[1];
    assert_eq!((second.service(), second.connect, second.lag()), (Some(ms(5)), ms(3), Some(Nanos::ZERO)));
}

#[test]
fn the_time_limit_covers_connecting() {
    let accept = |_| Accept::After(ms(30));
    let server = Server::replies(|_| Reply::Never).accepting(accept);
    let ran = Scene::closed(1, 1).without_keep_alive().run(server);
    assert_eq!(ran.outcomes(), ["timeout: first byte"]);
    assert_eq!(ran.times(), [(0, 0.0, 100.0)]);
}

#[test]
fn an_interruption_cuts_what_is_in_flight_and_counts_what_was_due() {
    let slow = Server::answers_after(ms(20)).accepting(|asked| match asked.before {
        0 => Accept::After(Nanos::ZERO),
        _ => Accept::Never,
    });
    let ran = Scene::closed_for(2, ms(1000)).interrupted_after(ms(33)).run(slow);
    assert_eq!(ran.outcomes(), ["200", "200", "cut: run ended", "cut: run ended"]);
    assert_eq!(ran.times()[2], (2, 20.0, 13.0));
    assert_eq!((ran.totals.counts.unfinished, ran.totals.unsent), (2, 0));

    let closing = Server::replies(|_| Reply::OkAndClose(ms(20))).accepting(|asked| match asked.before {
        0 => Accept::After(Nanos::ZERO),
        _ => Accept::Never,
    });
    let ran = Scene::closed_for(2, ms(1000)).interrupted_after(ms(33)).run(closing);
    assert_eq!((ran.records.len(), ran.totals.counts.unfinished, ran.totals.unsent), (2, 0, 2));
    assert_eq!(ran.totals.censored.all().max(), Some(ms(13)));
}

#[test]
fn at_most_128_connections_are_opened_at_a_time() {
    let server = Server::answers_after(ms(1)).accepting(|_| Accept::After(ms(2)));
    let ran = Scene::closed(500, 500).run(server);
    assert_eq!((ran.most_connecting, ran.records.len(), ran.totals.traffic.opened), (128, 500, 500));
    assert_eq!(ran.t0(), ms(8), "four rounds of 2 ms");
}
