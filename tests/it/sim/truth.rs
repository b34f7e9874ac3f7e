//! The truth about a schedule, in closed form: the cases that tell an honest
//! clock from one that stops while the server does.
//!
//! A stall of T from S on in a run of D at rate R, with instant answers else:
//! x_p = T - (1 - p) D; where the backlog drains at a capacity of mu,
//! x_p = T - (1 - p) D (1 - R / mu) + 1 / mu.

use std::cell::Cell;
use std::sync::Arc;

use onrush::plan::Stop;
use onrush::rng::{Rng, SeedableRng, Xoshiro256PlusPlus};
use onrush::schedule::{Profile, Spacing, Stage};
use onrush::stats::{Circumstances, PlanLine, RunFacts, Summary};
use onrush::time::Nanos;

use super::scene::{Ran, Scene};
use super::server::{Reply, Server};
use super::world::ms;

/// A server that answers nobody while it stalls, and at once else.
fn stalls(stalls: impl Fn(Nanos) -> Nanos + Send + 'static) -> Server {
    Server::replies(move |asked| Reply::Ok(stalls(asked.at)))
}

/// What is left of a stall from `from` to `to`.
fn left(at: Nanos, from: u64, to: u64) -> Nanos {
    if (ms(from)..ms(to)).contains(&at) { ms(to).since(at) } else { Nanos::ZERO }
}

/// One queue with one server, who takes `service` for each request.
fn queue(
    mut service: impl FnMut() -> Nanos + Send + 'static,
    stalled: impl Fn(Nanos) -> Nanos + Send + 'static,
) -> Server {
    let mut free_at = Nanos::ZERO;
    Server::replies(move |asked| {
        free_at = free_at.max(asked.at + stalled(asked.at)) + service();
        Reply::Ok(free_at.since(asked.at))
    })
}

/// x_p of all requests, from the records themselves, in milliseconds.
fn exact(ran: &Ran, p_ppm: u64) -> f64 {
    let mut all: Vec<Nanos> = ran.records.iter().map(|r| r.response()).collect();
    all.sort_unstable();
    let rank = (all.len() as u64 * p_ppm).div_ceil(1_000_000) as usize;
    all[rank - 1].as_millis()
}

pub(super) fn summary(ran: &Ran, scene: PlanLine) -> Summary {
    let facts = RunFacts {
        plan: scene,
        started_at: String::new(),
        started_at_unix_s: 0.0,
        expects_status: false,
        interrupted: false,
        notes: vec![],
        warmup_s: None,
        targets: vec![],
        commands: vec![],
        csv: None,
        thresholds: vec![],
        circumstances: Circumstances { asked: 1, reached: 1, ..Circumstances::default() },
    };
    Summary::new(facts, &ran.totals)
}

/// The histogram says the same, within its thousandth; so does what is printed.
#[track_caller]
fn assert_quantiles(ran: &Ran, expected: &[(u64, f64)]) {
    let mut all = ran.totals.response.clone();
    all.merge(&ran.totals.censored.all());
    for &(p, ms) in expected {
        assert_eq!(exact(ran, p), ms, "p = {p} ppm");
        let shown = all.quantile(p).unwrap().as_millis();
        assert!((shown - ms).abs() <= ms / 1000.0 + 1e-6, "p = {p} ppm: {shown} for {ms}");
    }
}

#[test]
fn case_a_one_stall_of_a_second_in_ten() {
    let ran = Scene::open(1000.0, 10, ms(10_000)).run(stalls(|at| left(at, 5_000, 6_000)));
    assert_eq!(ran.records.len(), 10_000);
    assert_quantiles(
        &ran,
        &[(900_000, 0.0), (950_000, 500.0), (990_000, 900.0), (999_000, 990.0), (1_000_000, 1000.0)],
    );
    assert_eq!(ran.totals.response.mean(), Some(50.05e6));
    assert_eq!(ran.totals.lag.as_ref().unwrap().max(), Some(Nanos::ZERO), "nothing of it is this tool");
    assert_eq!(ran.totals.service.max(), Some(ms(1_000)), "ten requests were stalled at the server itself");
    assert_eq!(ran.records.iter().filter(|r| r.service() > Some(Nanos::ZERO)).count(), 10);
}

#[test]
fn case_a_in_a_run_of_a_minute() {
    let ran = Scene::open(1000.0, 10, ms(60_000)).run(stalls(|at| left(at, 5_000, 6_000)));
    assert_eq!(ran.records.len(), 60_000);
    assert_quantiles(&ran, &[(980_000, 0.0), (990_000, 400.0), (999_000, 940.0), (1_000_000, 1000.0)]);
}

#[test]
fn case_b_a_stall_that_drains_at_a_capacity() {
    for (mu, expected) in
        [(2_000u64, vec![(950_000, 750.5), (990_000, 950.5), (999_000, 995.5)]), (1_250, vec![(990_000, 980.8)])]
    {
        let service = Nanos(1_000_000_000 / mu);
        let server = queue(move || service, |at| left(at, 2_000, 3_000));
        let ran = Scene::open(1000.0, 10, ms(10_000)).run(server);
        assert_eq!(ran.records.len(), 10_000);
        assert_quantiles(&ran, &expected);
    }
}

#[test]
fn case_c_a_short_stall_every_second() {
    let every_second = |at: Nanos| left(Nanos(at.0 % 1_000_000_000), 500, 600);
    let ran = Scene::open(1000.0, 10, ms(10_000)).run(stalls(every_second));
    assert_eq!(ran.records.len(), 10_000);
    assert_quantiles(&ran, &[(900_000, 0.0), (950_000, 50.0), (990_000, 90.0), (999_000, 99.0)]);
}

#[test]
fn case_d_a_stall_that_outlasts_the_run() {
    let ran = Scene::open(1000.0, 10, ms(10_000)).run(stalls(|at| left(at, 9_500, 12_000)));
    assert_eq!(ran.records.len(), 10_000);
    assert_quantiles(&ran, &[(960_000, 2_100.0), (990_000, 2_400.0), (1_000_000, 2_500.0)]);
}

#[test]
fn case_d_with_a_drain_that_is_cut() {
    let mut scene = Scene::open(1000.0, 10, ms(10_000));
    scene.plan.limits.drain = ms(1_000);
    let plan = PlanLine::new(&scene.plan);
    let ran = scene.run(stalls(|at| left(at, 9_500, 12_000)));
    let counts = ran.totals.counts;
    assert_eq!((counts.ok, counts.unfinished, ran.totals.unsent), (9_500, 10, 490));
    let summary = summary(&ran, plan);
    let response = summary.response_ms.unwrap();
    assert_eq!((response.count, response.censored), (10_000, 500));
    assert_eq!(response.at_least, ["p99", "p99_9", "p99_99", "max"]);
    assert!((response.p99 - 1_400.0).abs() < 1.4, "{}", response.p99);
}

#[test]
fn case_e_more_than_the_server_can_do() {
    let service = Nanos::from_millis(1);
    let scene = Scene::open(1200.0, 10, ms(30_000));
    let plan = PlanLine::new(&scene.plan);
    let ran = scene.run(queue(move || service, |_| Nanos::ZERO));
    assert_eq!(ran.records.len(), 36_000);
    for (p, seconds) in [(500_000, 3.0), (990_000, 5.94), (1_000_000, 6.0)] {
        assert!((exact(&ran, p) / 1e3 - seconds).abs() < 0.01, "p = {p} ppm: {}", exact(&ran, p));
    }
    let summary = summary(&ran, plan);
    assert!(summary.notes.iter().any(|note| note == "not sustained: backlog grows 200/s"), "{:?}", summary.notes);
    assert_eq!(summary.generator.limited_by.map(|by| by.text()), Some("server"));
    assert_eq!((summary.generator.verdict.text(), summary.generator.reasons), ("VALID", vec![]));
}

/// What is said of growth in a run of this scene.
fn growth(scene: Scene, server: Server) -> (Option<f64>, Vec<String>) {
    let plan = PlanLine::new(&scene.plan);
    let summary = summary(&scene.run(server), plan);
    (summary.steady.growth_per_s, summary.notes.into_iter().filter(|note| note.contains("grows")).collect())
}

#[test]
fn a_backlog_that_grows_is_found_in_a_run_that_ends_by_requests() {
    let mut scene = Scene::open(1200.0, 10, ms(30_000));
    scene.plan.load.stop = Stop { requests: Some(3_600), duration: None };
    let (_, notes) = growth(scene, queue(|| ms(1), |_| Nanos::ZERO));
    assert_eq!(notes, ["not sustained: backlog grows 200/s"]);
}

#[test]
fn slow_answers_that_are_still_awaited_are_no_backlog() {
    for seconds in [2, 3, 4, 10] {
        let scene = Scene::open(100.0, 1_000, ms(1_000 * seconds));
        let (growth, notes) = growth(scene, Server::answers_after(ms(2_000)));
        assert!(notes.is_empty(), "{seconds} s: {growth:?} {notes:?}");
    }
}

#[test]
fn what_grows_with_the_rate_is_no_backlog() {
    let mut scene = Scene::open(100.0, 1_000, ms(10_000));
    scene.schedule().profile = Arc::new(Profile::stages(&Stage::parse_all("10s@100..1000").unwrap()));
    assert_eq!(growth(scene, Server::answers_after(ms(100))), (None, vec![]));
}

#[test]
fn throughput_is_counted_up_to_where_a_full_backlog_ended_the_run() {
    let mut scene = Scene::open(100.0, 1, ms(10_000));
    scene.schedule().max_backlog = 5;
    let plan = PlanLine::new(&scene.plan);
    let slow_from_the_third = |at| if at < ms(20) { ms(1) } else { ms(480) };
    let ran = scene.run(stalls(slow_from_the_third));
    let summary = summary(&ran, plan);
    assert_eq!((summary.wall_s, summary.throughput_per_s), (0.5, 6.0), "three answers in half a second");
}

/// One server with exponential service times of mean 1 ms, asked 500 times a second.
fn case_f(spacing: Spacing, seed: u64) -> Ran {
    let rng = Cell::new(Xoshiro256PlusPlus::seed_from_u64(seed));
    let service = move || {
        let mut drawn = rng.take_rng();
        let uniform = (drawn.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        rng.set(drawn);
        Nanos((-(1.0 - uniform).ln() * 1e6) as u64)
    };
    let mut scene = Scene::open(500.0, 64, ms(120_000));
    scene.schedule().spacing = spacing;
    scene.plan.seed = seed;
    scene.run(queue(service, |_| Nanos::ZERO))
}

/// A generator can be taken out of its cell and put back.
trait TakeRng {
    fn take_rng(&self) -> Xoshiro256PlusPlus;
}

impl TakeRng for Cell<Xoshiro256PlusPlus> {
    fn take_rng(&self) -> Xoshiro256PlusPlus {
        self.replace(Xoshiro256PlusPlus::seed_from_u64(0))
    }
}

#[test]
fn case_f_a_queue_is_as_theory_says_within_its_own_interval() {
    for (spacing, expected) in
        [(Spacing::Poisson, vec![("p50", 1.386), ("p99", 9.210)]), (Spacing::Uniform, vec![("p99", 5.78)])]
    {
        let scene = Scene::open(500.0, 64, ms(120_000));
        let summary = summary(&case_f(spacing, 11), PlanLine::new(&scene.plan));
        for (quantile, truth) in expected {
            let interval = summary.confidence.iter().find(|interval| interval.quantile == quantile).unwrap();
            let (low, high) = (interval.low_ms.unwrap(), interval.high_ms.unwrap());
            assert!(low <= truth && truth <= high, "{spacing:?} {quantile}: {truth} in {low}..{high}");
            assert!(high / low < 1.5, "{spacing:?} {quantile}: {low}..{high} says little");
        }
    }
}
