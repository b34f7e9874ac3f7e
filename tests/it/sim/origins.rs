//! Several origins: whom requests go to, and that one does not hold up the others.

use onrush::plan::{Order, Targets, Turns};
use onrush::record::{Cause, Failure, Phase};

use super::scene::{Scene, origin, target};
use super::server::{Accept, Reply, Server};
use super::world::ms;

/// The requests go in turn to three origins.
fn three(mut scene: Scene) -> Scene {
    scene.plan.origins = ["http://a", "http://b", "http://c"].map(origin).into();
    let list = (0..3).map(target).collect();
    scene.plan.targets = Targets { list, order: Order::InTurn(Turns::new(&[1, 1, 1])) };
    scene
}

/// Each answers after its own time; the last is dead.
fn one_dead() -> Server {
    let server = Server::replies(|asked| Reply::Ok(ms(1 + u64::from(asked.origin) * 4)));
    server.accepting(|asked| if asked.origin == 2 { Accept::Refuse(ms(1)) } else { Accept::After(ms(1)) })
}

fn refused() -> Option<Failure> {
    Some(Failure::new(Phase::Connect, Cause::Refused))
}

#[test]
fn every_request_goes_to_the_origin_of_its_target() {
    for scene in [Scene::waves(4, 12), Scene::closed(4, 12), Scene::open(100.0, 4, ms(120))] {
        let ran = three(scene).run(Server::replies(|asked| Reply::Ok(ms(1 + u64::from(asked.origin)))));
        assert_eq!(ran.records.len(), 12);
        for record in &ran.records {
            assert_eq!(record.service(), Some(ms(1 + record.index % 3)), "request {}", record.index);
        }
        assert!(ran.totals.targets.len() == 3 && ran.totals.targets.iter().all(|target| target.counts.ok == 4));
    }
}

#[test]
fn a_dead_origin_fails_its_own_requests_and_no_others() {
    for scene in [Scene::waves(5, 60), Scene::closed(5, 60), Scene::open(500.0, 5, ms(120))] {
        let ran = three(scene).run(one_dead());
        assert_eq!(ran.records.len(), 60);
        for record in &ran.records {
            let expected = if record.index % 3 == 2 { refused() } else { None };
            assert_eq!(record.failure, expected, "request {}", record.index);
        }
        let counts = ran.totals.targets.iter().map(|kind| (kind.counts.ok, kind.counts.failed));
        assert_eq!(counts.collect::<Vec<_>>(), [(20, 0), (20, 0), (0, 20)]);
    }
}

#[test]
fn origins_share_connections_over_http_2_each_its_own() {
    let scene = three(Scene::closed(6, 60)).sharing(2, 3, 100);
    let ran = scene.run(Server::replies(|asked| Reply::Ok(ms(1 + u64::from(asked.origin)))));
    assert_eq!(ran.totals.counts.ok, 60);
    assert_eq!(ran.connects.len(), 6, "two to each of three");
    assert!(ran.records.iter().all(|record| record.service() == Some(ms(1 + record.index % 3))));
}

#[test]
fn a_run_whose_origins_are_all_dead_ends() {
    for scene in [Scene::waves(3, 30), Scene::closed(3, 30), Scene::open(100.0, 3, ms(300))] {
        let ran = three(scene).run(Server::answers_after(ms(1)).accepting(|_| Accept::Refuse(ms(1))));
        let counts = ran.totals.counts;
        assert_eq!(counts.ok, 0);
        assert!(counts.failed >= 3, "{counts:?}");
    }
}
