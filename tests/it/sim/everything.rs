//! All of it at once, by chance: workers, protocols, models, gaps, slow sockets, faults, checks and redirects.

use std::sync::Arc;

use onrush::plan::{Checks, Family, Limits, Model, Order, Redirects, Targets, Trust, Turns};
use onrush::rng::mix;
use onrush::time::Nanos;

use super::scene::{Scene, assert_all_accounted_for, origin, target};
use super::server::{Accept, Asked, Reply, Server};
use super::world::ms;

/// Redirects within the one origin, and to no other.
fn following(mut scene: Scene) -> Scene {
    let (family, trust) = (Family::Any, Trust::System);
    scene.plan.redirects = Some(Redirects { most: 2, routes: Arc::default(), family, trust, identity: None });
    scene
}

fn expecting(mut scene: Scene, body: &str) -> Scene {
    scene.plan.checks = Checks { body: vec![regex::bytes::Regex::new(body).unwrap()], ..Checks::default() };
    scene
}

#[test]
fn each_response_is_judged_by_its_own_body() {
    // One request in three gets another body; over HTTP/2 three are under way at a time.
    let server = || {
        Server::replies(|asked| match asked.before % 3 {
            2 => Reply::Body(ms(2), "no"),
            _ => Reply::Body(ms(2), "yes"),
        })
    };
    for scene in [Scene::closed(1, 30), Scene::closed(3, 30).sharing(1, 3, 100)] {
        let ran = expecting(scene, "^yes$").run(server());
        let expected = (0..30).map(|n| if n % 3 == 2 { "check: body" } else { "200" });
        assert!(ran.outcomes().iter().map(String::as_str).eq(expected), "{:?}", ran.outcomes());
        ran.assert_accounted_for("bodies");
    }
}

#[test]
fn redirects_are_followed_over_both_protocols() {
    // Each is moved once, and answered after.
    let server = || {
        Server::replies(|asked| match asked.before / 3 % 2 {
            0 => Reply::Moved(ms(2)),
            _ => Reply::Body(ms(3), "yes"),
        })
    };
    for scene in [Scene::closed(3, 9).sharing(1, 3, 100), Scene::waves(3, 9).sharing(1, 3, 100)] {
        let ran = expecting(following(scene), "yes").run(server());
        assert_eq!(ran.outcomes(), ["200"; 9]);
        let expected: Vec<_> = (0..9).map(|n| (n, (n / 3 * 5) as f64, 5.0)).collect();
        assert_eq!(ran.times(), expected);
        ran.assert_accounted_for("redirects");
    }
}

/// A draw of a seed, for one thing that the server is asked.
fn chance(seed: u64, kind: u64, asked: Asked) -> u64 {
    mix(seed * 31 + kind, u64::from(asked.user) << 32 | u64::from(asked.before))
}

fn reply(seed: u64, asked: Asked) -> Reply {
    match chance(seed, 0, asked) % 20 {
        0 => Reply::Reset(ms(1)),
        1 => Reply::Close(ms(2)),
        2 => Reply::Never,
        3 => Reply::OkAndClose(ms(3)),
        4..7 => Reply::Moved(ms(1)),
        7 => Reply::Body(ms(1), "no"),
        8..12 => Reply::Body(ms(3), "yes"),
        n => Reply::Ok(ms(n)),
    }
}

fn accept(seed: u64, asked: Asked) -> Accept {
    match chance(seed, 1, asked) % 9 {
        0 => Accept::Refuse(ms(1)),
        1 => Accept::Never,
        2 => Accept::NoDescriptor,
        3 => Accept::AndClose(ms(2)),
        n => Accept::After(ms(n)),
    }
}

fn schedule(seed: u64) -> (Scene, Server, Option<u64>) {
    // Each property has a draw of its own, so that all combinations occur.
    let draw = |kind: u64, of: u64| mix(seed, 100 + kind) % of;
    let users = 3 + draw(0, 6) as u32;
    let requests = 60;
    let (scene, number) = match draw(1, 6) {
        0 => (Scene::waves(users, requests), Some(requests)),
        1 => {
            let every = Some([ms(20), Nanos::from_secs(1), Nanos::from_secs(10)][draw(2, 3) as usize]);
            let model = Model::Waves { every, hold_last_byte: draw(3, 2) == 0 };
            (Scene::new(model, users, Some(requests), None), Some(requests))
        }
        2 => (Scene::closed(users, requests), Some(requests)),
        3 => (Scene::closed_for(users, ms(300)), None),
        4 => (Scene::open(1_000.0, users, ms(60)), Some(requests)),
        _ => {
            let mut scene = Scene::open(2_000.0, users, ms(200));
            scene.schedule().max_backlog = 40 + draw(4, 40);
            (scene, None)
        }
    };
    let is_shared = draw(5, 2) == 0;
    let mut scene = if is_shared {
        scene.sharing(1 + draw(6, 3) as u32, users, [100, 2, 4][draw(7, 3) as usize])
    } else if draw(8, 4) == 0 {
        scene.without_keep_alive()
    } else {
        scene
    };
    if draw(9, 3) == 0 {
        scene.plan.origins = ["http://a", "http://b"].map(origin).into();
        scene.plan.targets = Targets { list: (0..2).map(target).collect(), order: Order::InTurn(Turns::new(&[2, 1])) };
    }
    if draw(10, 2) == 0 {
        scene = following(scene);
    }
    if draw(11, 2) == 0 {
        scene = expecting(scene, "yes");
    }
    // Without stamps the loop looks around every millisecond: in gaps of seconds that would be most of it.
    if draw(19, 4) > 0 || matches!(scene.plan.load.model, Model::Waves { every: Some(_), .. }) {
        scene = scene.stamped();
    }
    let connections = scene.plan.connections_asked;
    let most = if is_shared { 1 } else { connections.min(4) };
    scene = scene.workers(1 + draw(12, u64::from(most)) as u32);
    let is_cut = draw(13, 5) == 0;
    if is_cut {
        scene = scene.interrupted_after(ms(20 + draw(14, 200)));
    }
    scene.plan.limits = Limits { request: ms(100), connect: ms(50), drain: ms(200) };
    let mut server = Server::replies(move |asked| reply(seed, asked)).accepting(move |asked| accept(seed, asked));
    if draw(15, 3) == 0 {
        server = server.closing_idle(ms(5 + draw(16, 200)));
    }
    if draw(17, 3) == 0 {
        server = server.taking(20 + draw(18, 400) as usize);
    }
    (scene, server, number.filter(|_| !is_cut))
}

#[test]
fn every_request_is_accounted_for_whatever_comes_together() {
    assert_all_accounted_for(0..600, schedule);
}
