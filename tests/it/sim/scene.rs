//! Runs in the simulated world, and what they leave behind.

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread;

use onrush::engine::{LogQueue, Shared, Worker};
use onrush::plan::{
    Checks, Endpoint, Limits, Load, Model, Open, Order, Origin, Plan, Protocol, Stop, Target, Targets, Warmup,
};
use onrush::record::Record;
use onrush::request::{Body, RequestHead};
use onrush::schedule::{Profile, Spacing};
use onrush::stats::{Board, Totals};
use onrush::time::{Nanos, WallClock};

use super::absent::Absent;
use super::server::Server;
use super::turns::Turns;
use super::world::{Log, START, Setting, World, ms};

/// One of the servers that a run is for.
pub(super) fn origin(name: &str) -> Origin {
    Origin { name: name.into(), endpoint: Endpoint::Unix("/none".into()), tls: None }
}

/// GET / of that origin.
pub(super) fn target(origin: u32) -> Target {
    let (method, path, authority) = ("GET".into(), "/".into(), "h".into());
    let head = RequestHead { method, path, authority, headers: vec![], keep_alive: true };
    Target { name: format!("GET {origin}"), origin, head, body: Body::None }
}

/// A run to be made in the world: GET, one worker, a time limit of 100 ms.
pub(super) struct Scene {
    pub(super) plan: Plan,
    interrupt: Option<Nanos>,
    absent: Option<Absent>,
    /// With HTTP/2, how many streams the server allows.
    allowed: Option<u32>,
}

impl Scene {
    pub(super) fn new(model: Model, users: u32, requests: Option<u64>, duration: Option<Nanos>) -> Scene {
        let plan = Plan {
            url: "http://h/".into(),
            origins: vec![origin("http://h")],
            targets: Targets { list: vec![target(0)], order: Order::One },
            protocol: Protocol::Http1,
            checks: Checks::default(),
            redirects: None,
            load: Load { model, users, stop: Stop { requests, duration }, warmup: Warmup::None },
            connections_asked: users,
            limits: Limits { request: ms(100), connect: ms(50), drain: ms(100) },
            seed: 1,
            workers: 1,
            stamps: false,
            thresholds: vec![],
        };
        Scene { plan, interrupt: None, absent: None, allowed: None }
    }

    pub(super) fn waves(users: u32, requests: u64) -> Scene {
        Scene::new(Model::Waves { every: None, hold_last_byte: false }, users, Some(requests), None)
    }

    pub(super) fn closed(users: u32, requests: u64) -> Scene {
        Scene::new(Model::Closed, users, Some(requests), None)
    }

    pub(super) fn closed_for(users: u32, duration: Nanos) -> Scene {
        Scene::new(Model::Closed, users, None, Some(duration))
    }

    /// A schedule at a rate, with connections enough and long limits.
    pub(super) fn open(per_s: f64, connections: u32, duration: Nanos) -> Scene {
        let profile = Arc::new(Profile::constant(per_s));
        let open = Open { profile, spacing: Spacing::Uniform, max_backlog: 1_000_000 };
        let mut scene = Scene::new(Model::Open(open), connections, None, Some(duration));
        scene.plan.limits = Limits { request: ms(100_000), connect: ms(1_000), drain: ms(100_000) };
        scene
    }

    /// The open model's schedule.
    pub(super) fn schedule(&mut self) -> &mut Open {
        match &mut self.plan.load.model {
            Model::Open(open) => open,
            other => panic!("{other:?} has no schedule"),
        }
    }

    /// The users share connections; the server allows so many streams on each.
    pub(super) fn sharing(mut self, connections: u32, streams: u32, allowed: u32) -> Scene {
        self.plan.protocol = Protocol::Http2 { connections, streams };
        self.allowed = Some(allowed);
        self
    }

    pub(super) fn warmup(mut self, warmup: Warmup) -> Scene {
        self.plan.load.warmup = warmup;
        self
    }

    pub(super) fn without_keep_alive(mut self) -> Scene {
        self.plan.targets.list[0].head.keep_alive = false;
        self
    }

    /// Short limits, by the seed; one run in `interrupted` is interrupted. True: not all requests may come to be due.
    pub(super) fn hurried(self, seed: u64, interrupted: u64) -> (Scene, bool) {
        let is_interrupted = seed.is_multiple_of(interrupted);
        let mut scene = if is_interrupted { self.interrupted_after(ms(50 + seed)) } else { self };
        let drain = if seed.is_multiple_of(4) { ms(30) } else { ms(100) };
        scene.plan.limits = Limits { request: ms(100), connect: ms(50), drain };
        (scene, is_interrupted || seed.is_multiple_of(4))
    }

    pub(super) fn interrupted_after(mut self, at: Nanos) -> Scene {
        self.interrupt = Some(START + at);
        self
    }

    /// The worker is kept from its work.
    pub(super) fn absent(mut self, absent: Absent) -> Scene {
        self.absent = Some(absent);
        self
    }

    /// The kernel says of reads when what they return arrived, as it does of TCP.
    pub(super) fn stamped(mut self) -> Scene {
        for origin in &mut self.plan.origins {
            origin.endpoint = Endpoint::Tcp(vec![([127, 0, 0, 1], 80).into()]);
        }
        self
    }

    /// The users are shared by so many workers, which run in turn on one clock.
    pub(super) fn workers(mut self, workers: u32) -> Scene {
        self.plan.workers = workers;
        self
    }

    pub(super) fn run(self, server: Server) -> Ran {
        let Scene { plan, interrupt, absent, allowed } = self;
        let stop = Arc::new(AtomicBool::new(false));
        let log = Arc::new(Mutex::new(Log::default()));
        let setting = Setting {
            server: Arc::new(server),
            streams: allowed,
            is_stamped: matches!(plan.origins[0].endpoint, Endpoint::Tcp(_)),
            interrupt: interrupt.map(|at| (at, Arc::clone(&stop))),
            absent,
            log: Arc::clone(&log),
        };
        let shared = Shared::new(&plan, stop);
        let board = Board::new(plan.workers);
        let turns = Turns::new(plan.workers, START);
        let (full, batches) = sync_channel(10_000);
        let mut first = 0;
        let totals = thread::scope(|scope| {
            let mut running = Vec::new();
            for number in 0..plan.workers {
                let slots = plan.share(number).slots();
                let (setting, turns, full) = (setting.clone(), Arc::clone(&turns), full.clone());
                let (plan, shared, board, from) = (&plan, &shared, &board, first);
                first += slots as u32;
                running.push(scope.spawn(move || {
                    let world = World::new(setting, turns.begin(number), from, slots);
                    let (_empty, back) = sync_channel(1);
                    let rows = LogQueue::new(number, full, back);
                    Worker::new(plan, number, world, shared, board, WallClock::fixed(Nanos::ZERO), Some(rows)).run()
                }));
            }
            let all = running.into_iter().map(|worker| worker.join().expect("a worker panicked"));
            all.reduce(|mut sum, totals| {
                sum.merge(totals);
                sum
            })
        });
        let records = batches.try_iter().flat_map(|batch| batch.records).collect();
        let Log { writes, requests, connects, most_connecting } = std::mem::take(&mut *log.lock().unwrap());
        let (totals, t0) = (totals.expect("there is a worker"), shared.t0().unwrap_or(START));
        Ran { totals, t0, records, writes, requests, connects, most_connecting }
    }
}

/// What a run in the world left behind.
pub(super) struct Ran {
    pub(super) totals: Totals,
    /// When counting began, by the world's clock.
    t0: Nanos,
    pub(super) records: Vec<Record>,
    /// (user, instant from the start, bytes) of every write.
    pub(super) writes: Vec<(u32, Nanos, usize)>,
    /// The text of every request of HTTP/1.1, in the order of arrival.
    pub(super) requests: Vec<String>,
    /// (user, instant from the start) of every attempt to connect.
    pub(super) connects: Vec<(u32, Nanos)>,
    /// As many connections as were being opened at once.
    pub(super) most_connecting: usize,
}

impl Ran {
    /// Every request is counted once, and for as long as it was there: the
    /// number present over time adds up to the times of all requests.
    #[track_caller]
    pub(super) fn assert_accounted_for(&self, scene: &str) {
        let counts = self.totals.counts;
        assert_eq!(counts.ended() + counts.unfinished, self.records.len() as u64, "{scene}: rows");
        let present = &self.totals.in_system;
        assert_eq!(present.entered, counts.ended() + counts.unfinished + self.totals.unsent, "{scene}: requests");
        assert_eq!((present.count, self.totals.waiting.count), (0, 0), "{scene}: left over");
        let times = [&self.totals.response, &self.totals.censored.all(), &self.totals.failed];
        let sum: u128 = times.iter().map(|d| d.sum()).sum();
        assert_eq!(present.integral(), sum as i128, "{scene}: Little's law");
        let mut indexes: Vec<u64> = self.records.iter().map(|r| r.index).collect();
        indexes.sort_unstable();
        assert!(indexes.windows(2).all(|pair| pair[0] < pair[1]), "{scene}: a number twice");
    }

    /// (index, due from the start, response time) of all requests, by index, in milliseconds.
    pub(super) fn times(&self) -> Vec<(u64, f64, f64)> {
        let mut times: Vec<_> =
            self.records.iter().map(|r| (r.index, r.due.since(START).as_millis(), r.response().as_millis())).collect();
        times.sort_by_key(|(index, ..)| *index);
        times
    }

    /// Every request's failure, or its status, by index.
    pub(super) fn outcomes(&self) -> Vec<String> {
        let mut records = self.records.clone();
        records.sort_by_key(|r| r.index);
        records.iter().map(|r| r.failure.map_or(r.status.to_string(), |failure| failure.to_string())).collect()
    }

    /// When counting began, from the start.
    pub(super) fn t0(&self) -> Nanos {
        self.t0.since(START)
    }
}

/// Every request of every run is counted once, and for as long as it was there.
/// `schedule` gives a seed's scene, its server, and the number of its requests if that is known beforehand.
#[track_caller]
pub(super) fn assert_all_accounted_for(seeds: Range<u64>, schedule: impl Fn(u64) -> (Scene, Server, Option<u64>)) {
    for seed in seeds {
        let (scene, server, number) = schedule(seed);
        let ran = scene.run(server);
        ran.assert_accounted_for(&format!("seed {seed}"));
        if let Some(number) = number {
            // Nobody could connect: then each user has one row, and the rest was not due.
            let nobody = ran.records.iter().all(|record| record.sent == Nanos::NEVER);
            let scheduled = ran.totals.in_system.entered;
            assert!(scheduled == number || nobody, "seed {seed}: {scheduled} requests");
        }
    }
}
