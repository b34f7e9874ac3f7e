//! A world without sockets: a clock that moves when somebody waits, and a
//! server that does what a test says. Everything in it is exact.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use onrush::engine::{Io, LogQueue, Received, Shared, Worker};
use onrush::net::{Handshake, Readiness, Stop as IoStop};
use onrush::plan::{
    Checks, Endpoint, Limits, Load, Model, Open, Order, Origin, Plan, Protocol, Stop, Target, Targets, Warmup,
};
use onrush::record::{Cause, Failure, Phase, Record};
use onrush::request::{Body, RequestHead};
use onrush::schedule::{Profile, Spacing};
use onrush::stats::{Board, Totals};
use onrush::time::{Nanos, WallClock};

pub(super) use super::absent::{Absent, Where};
pub(super) use super::server::{Accept, Asked, Reply, Server};

/// The run begins at this instant, so that nothing is zero by accident.
pub(super) const START: Nanos = Nanos::from_secs(1);

pub(super) const fn ms(n: u64) -> Nanos {
    Nanos::from_millis(n)
}

/// What a user's connection has for the worker, and when.
#[derive(Clone)]
enum Incoming {
    Bytes(VecDeque<u8>),
    Closed,
    IdleClose,
    Reset,
}

#[derive(Default)]
struct Connection {
    /// None: closed or failed. Else the instant from which it is open.
    open_at: Option<Nanos>,
    refused_at: Option<Nanos>,
    attempts: u32,
    requests: u32,
    origin: u32,
    /// Streams that were opened and not cancelled.
    streams: u32,
    written: Vec<u8>,
    /// It takes no more bytes before this instant.
    full_until: Nanos,
    incoming: VecDeque<(Nanos, Incoming)>,
    /// Instants at which the worker is told to look.
    wake: Vec<Nanos>,
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

struct World {
    /// With HTTP/2, how many streams it allows.
    streams: Option<u32>,
    now: Nanos,
    /// When what was read last had come.
    arrived: Option<Nanos>,
    /// And it is said.
    is_stamped: bool,
    server: Server,
    connections: Vec<Connection>,
    interrupt: Option<(Nanos, Arc<AtomicBool>)>,
    absent: Option<Absent>,
    log: Arc<std::sync::Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    writes: Vec<(u32, Nanos, usize)>,
    requests: Vec<String>,
    connects: Vec<(u32, Nanos)>,
    most_connecting: usize,
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const OK_AND_CLOSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, d] = stream.to_be_bytes();
    [&[0, 0, payload.len() as u8, kind, flags, a, b, c, d], payload].concat()
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Connection {
    /// What comes at `at`, in the order of time.
    fn coming(&mut self, at: Nanos, what: Incoming) {
        let place = self.incoming.partition_point(|(other, _)| *other <= at);
        self.incoming.insert(place, (at, what));
        self.wake.push(at);
    }

    /// Whatever happened last happens at `at`: an idle connection is closed so long after it.
    fn used_at(&mut self, at: Nanos, idle: Option<Nanos>) {
        if let Some(idle) = idle {
            self.incoming.retain(|(_, what)| !matches!(what, Incoming::IdleClose));
            self.coming(at + idle, Incoming::IdleClose);
        }
    }
}

impl World {
    /// The server reads frames: it greets, and looks at requests.
    fn take_frames(&mut self, c: u32, streams: u32) {
        let now = self.now;
        let connection = &mut self.connections[c as usize];
        if connection.written.starts_with(PREFACE) {
            connection.written.drain(..PREFACE.len());
            let settings = frame(4, 0, 0, &[&[0, 3][..], &streams.to_be_bytes()].concat());
            connection.coming(now, Incoming::Bytes(settings.into()));
        }
        loop {
            let connection = &mut self.connections[c as usize];
            let Some(head) = connection.written.first_chunk::<9>() else { return };
            let (length, kind) = (u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize, head[3]);
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            if connection.written.len() < 9 + length {
                return;
            }
            connection.written.drain(..9 + length);
            connection.streams = match kind {
                1 => connection.streams + 1,
                3 => connection.streams - 1,
                _ => connection.streams,
            };
            if kind == 1 {
                self.request(c, stream);
            }
        }
    }

    fn since_start(&self) -> Nanos {
        self.now.since(START)
    }

    /// The worker does nothing there, if it is time for that.
    fn is_at(&mut self, place: Where) {
        let left = self.absent.map_or(Nanos::ZERO, |absent| absent.left(place, self.since_start()));
        self.now += left;
    }

    /// The server has a whole request of user `c`; with HTTP/2, on this stream.
    fn request(&mut self, c: u32, stream: u32) {
        let Connection { origin, requests: before, .. } = self.connections[c as usize];
        let asked = Asked { user: c, origin, before, at: self.since_start() };
        let now = self.now;
        let connection = &mut self.connections[c as usize];
        connection.requests += 1;
        let mut coming = |after: Nanos, what: Incoming| {
            connection.coming(now + after, what);
        };
        let bytes = |bytes: &[u8]| Incoming::Bytes(bytes.iter().copied().collect());
        let h2 = self.streams.is_some();
        let ok = frame(1, 5, stream, &[0x88]);
        let go_away = |stream: u32, code| {
            let [a, b, c, d] = stream.to_be_bytes();
            bytes(&frame(7, 0, 0, &[a, b, c, d, 0, 0, 0, code]))
        };
        let reply = (self.server.reply)(asked);
        match reply {
            Reply::Ok(after) => coming(after, bytes(if h2 { &ok } else { OK })),
            Reply::Bytes(after, text) => coming(after, bytes(text)),
            Reply::OkAndClose(after) => {
                coming(after, bytes(if h2 { &ok } else { OK_AND_CLOSE }));
                coming(after, Incoming::Closed);
            }
            Reply::ResetStream(after, code) => coming(after, bytes(&frame(3, 0, stream, &[0, 0, 0, code]))),
            Reply::GoAway(after, code) => coming(after, go_away(stream.saturating_sub(2), code)),
            Reply::OkThenGoAway(after, then) => {
                coming(after, bytes(&ok));
                coming(after + then, go_away(stream, 0));
            }
            Reply::Close(after) => coming(after, Incoming::Closed),
            Reply::Reset(after) => coming(after, Incoming::Reset),
            Reply::Never => {}
        }
        if let Reply::Ok(after) = reply {
            let idle = self.server.idle;
            self.connections[c as usize].used_at(now + after, idle);
        }
    }
}

impl Io for World {
    fn now(&mut self) -> Nanos {
        self.is_at(Where::Runnable);
        self.now
    }

    fn wait(&mut self, _now: Nanos, until: Nanos, ready: &mut Vec<Readiness>) {
        let wakes = self.connections.iter().flat_map(|connection| connection.wake.iter().copied());
        let interrupt = self.interrupt.iter().map(|(at, _)| *at).filter(|at| *at > self.now);
        let next = wakes.chain(interrupt).chain([until]).min().expect("there is at least until");
        assert_ne!(next, Nanos::NEVER, "the worker waits for nothing");
        self.now = self.now.max(next);
        self.is_at(Where::Asleep);
        if let Some((at, stop)) = &self.interrupt
            && self.now >= *at
        {
            stop.store(true, Ordering::Relaxed);
        }
        for (c, connection) in self.connections.iter_mut().enumerate() {
            let before = connection.wake.len();
            let now = self.now;
            connection.wake.retain(|at| *at > now);
            if connection.wake.len() < before {
                let closed = |what: &(Nanos, Incoming)| what.0 <= now && !matches!(what.1, Incoming::Bytes(_));
                ready.push(Readiness {
                    connection: c as u32,
                    readable: true,
                    writable: true,
                    read_closed: connection.incoming.iter().any(closed),
                });
            }
        }
    }

    fn wake_up(&self) -> Nanos {
        Nanos::ZERO
    }

    fn spin_until(&mut self, at: Nanos) {
        self.now = self.now.max(at);
    }

    fn wake_others(&mut self) {}

    fn connect(&mut self, c: u32, origin: u32) -> Result<Handshake, Failure> {
        let asked = Asked { user: c, origin, before: self.connections[c as usize].attempts, at: self.since_start() };
        let now = self.now;
        let accept = (self.server.accept)(asked);
        let connection = &mut self.connections[c as usize];
        let requests = connection.requests;
        let idle = self.server.idle;
        *connection = Connection { attempts: asked.before + 1, requests, origin, ..Connection::default() };
        match accept {
            Accept::After(after) => {
                connection.open_at = Some(now + after);
                connection.wake.push(now + after);
                connection.used_at(now + after, idle);
            }
            Accept::Refuse(after) => {
                connection.refused_at = Some(now + after);
                connection.wake.push(now + after);
            }
            Accept::AndClose(after) => {
                connection.open_at = Some(now);
                connection.incoming.push_back((now + after, Incoming::Closed));
                connection.wake.push(now + after);
            }
            Accept::NoDescriptor => return Err(Failure::new(Phase::Connect, Cause::NoDescriptors)),
            Accept::Never => connection.open_at = Some(Nanos::NEVER),
        }
        let opening = |c: &&Connection| c.open_at.is_some_and(|at| at > now) || c.refused_at.is_some_and(|at| at > now);
        let connecting = self.connections.iter().filter(opening).count();
        let mut log = self.log.lock().unwrap();
        log.connects.push((c, asked.at));
        log.most_connecting = log.most_connecting.max(connecting);
        drop(log);
        self.handshake(c)
    }

    fn add_origin(&mut self, _https: bool, _host: &str, _port: u16, slots: usize) -> bool {
        self.connections.resize_with(slots, Connection::default);
        true
    }

    fn handshake(&mut self, c: u32) -> Result<Handshake, Failure> {
        let connection = &self.connections[c as usize];
        if connection.refused_at.is_some_and(|at| at <= self.now) {
            return Err(Failure::new(Phase::Connect, Cause::Refused));
        }
        let open = connection.open_at.is_some_and(|at| at <= self.now);
        Ok(if open { Handshake::Done } else { Handshake::Pending })
    }

    fn is_connected(&self, c: u32) -> bool {
        self.connections[c as usize].open_at.is_some_and(|at| at <= self.now)
    }

    fn read(&mut self, c: u32, buf: &mut [u8]) -> Result<Received, IoStop> {
        let connection = &mut self.connections[c as usize];
        let Some((_, what)) = connection.incoming.front_mut().filter(|(at, _)| *at <= self.now) else {
            return Err(IoStop::Blocked);
        };
        match what {
            Incoming::Closed | Incoming::IdleClose => return Ok(Received { bytes: 0, is_drained: true }),
            Incoming::Reset => return Err(IoStop::Failed(Failure::new(Phase::Read, Cause::Reset))),
            Incoming::Bytes(_) => {}
        }
        let mut n = 0;
        while let Some((at, Incoming::Bytes(bytes))) = connection.incoming.front_mut().filter(|(at, _)| *at <= self.now)
            && n < buf.len()
        {
            let piece = bytes.len().min(buf.len() - n);
            bytes.drain(..piece).zip(&mut buf[n..]).for_each(|(byte, place)| *place = byte);
            n += piece;
            self.arrived = Some(*at);
            if bytes.is_empty() {
                connection.incoming.pop_front();
            }
        }
        self.is_at(Where::Running);
        Ok(Received { bytes: n, is_drained: n < buf.len() })
    }

    fn arrived(&mut self, _now: Nanos) -> Option<Nanos> {
        self.arrived.filter(|_| self.is_stamped)
    }

    fn usage(&mut self) -> onrush::stats::Usage {
        onrush::stats::Usage::default()
    }

    fn has_more(&self, _c: u32) -> bool {
        false
    }

    fn write(&mut self, c: u32, bytes: &[u8]) -> Result<usize, IoStop> {
        let (now, at) = (self.now, self.since_start());
        let connection = &mut self.connections[c as usize];
        if connection.full_until > now {
            return Err(IoStop::Blocked);
        }
        let room = self.server.bytes_per_ms.unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(room)];
        if room < usize::MAX {
            connection.full_until = now + ms(1);
            connection.wake.push(now + ms(1));
        }
        self.log.lock().unwrap().writes.push((c, at, bytes.len()));
        connection.written.extend_from_slice(bytes);
        match self.streams {
            None if connection.written.ends_with(b"\r\n\r\n") => {
                let request = std::mem::take(&mut connection.written);
                self.log.lock().unwrap().requests.push(String::from_utf8(request).unwrap());
                self.request(c, 0);
            }
            None => {}
            Some(streams) => self.take_frames(c, streams),
        }
        Ok(bytes.len())
    }

    fn wants_write(&self, _c: u32) -> bool {
        false
    }

    fn close(&mut self, c: u32) {
        let connection = &mut self.connections[c as usize];
        let Connection { attempts, requests, origin, .. } = *connection;
        let kept = Connection { attempts, requests, origin, ..Connection::default() };
        *connection = kept;
    }
}

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
        let mut scene = match seed.is_multiple_of(interrupted) {
            true => self.interrupted_after(ms(50 + seed)),
            false => self,
        };
        let drain = if seed.is_multiple_of(4) { ms(30) } else { ms(100) };
        scene.plan.limits = Limits { request: ms(100), connect: ms(50), drain };
        (scene, seed.is_multiple_of(interrupted) || seed.is_multiple_of(4))
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
        self.plan.origins[0].endpoint = Endpoint::Tcp(vec![([127, 0, 0, 1], 80).into()]);
        self
    }

    pub(super) fn run(self, server: Server) -> Ran {
        let stop = Arc::new(AtomicBool::new(false));
        let log = Arc::new(std::sync::Mutex::new(Log::default()));
        let connections = (0..self.plan.share(0).slots()).map(|_| Connection::default()).collect();
        let interrupt = self.interrupt.map(|at| (at, Arc::clone(&stop)));
        let (streams, absent) = (self.allowed, self.absent);
        let is_stamped = matches!(self.plan.origins[0].endpoint, Endpoint::Tcp(_));
        let world = World {
            streams,
            now: START,
            arrived: None,
            is_stamped,
            server,
            connections,
            interrupt,
            absent,
            log: Arc::clone(&log),
        };
        let shared = Shared::new(&self.plan, stop);
        let board = Board::new(1);
        let (full, batches) = std::sync::mpsc::sync_channel(10_000);
        let (_empty, back) = std::sync::mpsc::sync_channel(1);
        let rows = LogQueue::new(0, full, back);
        let clock = WallClock::fixed(Nanos::ZERO);
        let totals = Worker::new(&self.plan, 0, world, &shared, &board, clock, Some(rows)).run();
        let records: Vec<Record> = batches.try_iter().flat_map(|batch| batch.records).collect();
        let Log { writes, requests, connects, most_connecting } = std::mem::take(&mut *log.lock().unwrap());
        Ran { totals, t0: shared.t0().unwrap_or(START), records, writes, requests, connects, most_connecting }
    }
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
            let nobody = ran.totals.traffic.opened == 0;
            let scheduled = ran.totals.in_system.entered;
            assert!(scheduled == number || nobody, "seed {seed}: {scheduled} requests");
        }
    }
}
