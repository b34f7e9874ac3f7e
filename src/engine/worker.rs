//! The loop: wait, read, complete, expire, release what is due, tick.

use std::collections::VecDeque;

use crate::net::Readiness;
use crate::plan::{Endpoint, Limits, Model, Plan, Warmup};
use crate::proto::{Answer, Capture, Codec};
use crate::record::{Cause, Failure, Outcome, Phase};
use crate::schedule;
use crate::source::Source;
use crate::stats::{Board, ByTarget, Clocks, Extra, Tally, TimelineSample};
use crate::time::{Nanos, WallClock};

use super::closed::Closed;
use super::connection::{Connection, ConnectionState};
use super::judge::Judge;
use super::open::Open;
use super::opening::{BACK_OFF, CONNECTING, REQUEST};
use super::release::Release;
use super::routes::{self, Routes};
use super::self_check::SelfCheck;
use super::user::{Stage, User};
use super::waves::Waves;
use super::{Deadlines, Io, LogQueue, Shared};

/// One worker: its users, their connections, and all that it counts.
pub struct Worker<'a, I> {
    pub(super) io: I,
    pub(super) shared: &'a Shared,
    pub(super) load: LoadModel,
    pub(super) release: Release,
    pub(super) users: Vec<User>,
    pub(super) routes: Routes,
    /// Answers are more than counted.
    pub(super) judge: Option<Box<Judge>>,
    pub(super) capture: Capture,
    /// By number: those that users begin with, and spare ones.
    pub(super) connections: Vec<Connection>,
    /// Connections of which nobody is a user.
    pub(super) spares: Vec<u32>,
    /// Connections with requests that are encoded, and not yet written.
    pub(super) unwritten: Vec<u32>,
    pub(super) deadlines: Deadlines,
    pub(super) codec: Codec,
    pub(super) source: Source,
    pub(super) tally: Tally,
    /// Users in the order in which they became free.
    pub(super) free: Vec<u32>,
    /// Connections that wait for their turn to be opened.
    pub(super) queue: VecDeque<u32>,
    /// Connections that are being opened.
    pub(super) connecting: u32,
    /// Queued connections are being opened.
    pub(super) opening: bool,
    /// Users that are not retired.
    pub(super) active: u32,
    /// The clock's last reading.
    pub(super) now: Nanos,
    /// Warm-up is over.
    pub(super) counting: bool,
    /// What the warm-up has answered since the last tick, if that decides when it ends.
    pub(super) warming: Option<TimelineSample>,
    /// When sending began.
    pub(super) launched: Nanos,
    pub(super) keep_alive: bool,
    /// What this worker knows of its own lateness.
    pub(super) self_check: SelfCheck,
    pub(super) number: u32,
    /// The number in the run of this worker's user 0.
    pub(super) first_user: u32,

    board: &'a Board,
    pub(super) rows: Option<LogQueue>,
    pub(super) limits: Limits,
    /// When no more requests were due: from then on answers are awaited for so long as the plan says.
    ended: Nanos,
    pub(super) buf: Box<[u8]>,
    pub(super) answers: Vec<Answer>,
    events: Vec<Readiness>,
    /// In this turn the worker has waited for the sink.
    pub(super) held_up: bool,
    /// Connections that had more to read than one turn allows.
    pub(super) unread: Vec<u32>,
    next_tick: Nanos,
}

/// The load model's own state.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a worker has one")]
pub(super) enum LoadModel {
    Waves(Waves),
    Closed(Closed),
    Open(Open),
}

/// Progress is shown, and rows move on, so often.
const TICK: Nanos = Nanos::from_millis(100);
/// Room for what one call reads.
const READ_BUFFER: usize = 64 * 1024;

impl<'a, I: Io> Worker<'a, I> {
    /// Worker `number` of the run, with its share of the users.
    pub fn new(
        plan: &Plan,
        number: u32,
        io: I,
        shared: &'a Shared,
        board: &'a Board,
        clock: WallClock,
        rows: Option<LogQueue>,
    ) -> Worker<'a, I> {
        let share = plan.share(number);
        let count = share.users.len() as u32;
        let codec = Codec::new(plan);
        let judge = Judge::new(plan);
        let capture = judge.as_ref().map_or(Capture::default(), |judge| judge.capture());
        let mut connections = Vec::with_capacity(share.slots());
        for origin in 0..plan.origins.len() as u32 {
            for c in share.connections.clone() {
                let users = schedule::share_of(c, plan.connections(), plan.load.users);
                let users = users.start - share.users.start..users.end - share.users.start;
                connections.push(Connection::new(codec.session(capture), users, origin));
            }
        }
        let users: Vec<User> = routes::of_users(&connections, 0).into_iter().map(User::new).collect();
        let routes = Routes::new(plan, &connections);
        let spares: Vec<u32> = (connections.len() as u32..share.slots() as u32).collect();
        connections.extend(spares.iter().map(|_| Connection::new(codec.session(capture), 0..0, 0)));
        let load = &plan.load;
        let model = match &load.model {
            Model::Waves { every, hold_last_byte } => LoadModel::Waves(Waves::new(load, *every, *hold_last_byte)),
            Model::Closed => LoadModel::Closed(Closed::new(load, count)),
            Model::Open(open) => LoadModel::Open(Open::new(open, load, plan.seed, number, plan.workers, count)),
        };
        let is_open = matches!(model, LoadModel::Open(_));
        let clocks = Clocks { lag: !matches!(model, LoadModel::Closed(_)) };
        // Elsewhere the kernel tells when answers came.
        let is_unstamped = !cfg!(target_os = "linux")
            || plan.origins.iter().any(|origin| matches!(origin.endpoint, Endpoint::Unix(_)));
        let mut tally = Tally::new(Nanos::ZERO, Nanos::NEVER, clocks);
        let targets = plan.targets.list.len();
        let by_target = (targets > 1).then(|| ByTarget::new(plan.targets.order.clone(), targets));
        let all_expected = plan.checks.status.is_some();
        if by_target.is_some() || all_expected {
            tally.extra = Some(Box::new(Extra { by_target, all_expected }));
        }
        let mut lanes = vec![Nanos::ZERO; BACK_OFF];
        lanes[REQUEST] = plan.limits.request;
        lanes[CONNECTING] = plan.limits.connect;
        lanes.extend(super::opening::BACK_OFFS);
        Worker {
            io,
            shared,
            load: model,
            release: Release::default(),
            deadlines: Deadlines::new(count as usize + connections.len(), &lanes),
            users,
            queue: VecDeque::with_capacity(connections.len()),
            unwritten: Vec::with_capacity(connections.len()),
            connections,
            spares,
            routes,
            judge,
            capture,
            source: Source::new(plan, clock),
            codec,
            tally,
            free: Vec::with_capacity(count as usize),
            connecting: 0,
            opening: false,
            active: count,
            now: Nanos::ZERO,
            counting: false,
            warming: (load.warmup == Warmup::Auto).then(TimelineSample::default),
            launched: Nanos::NEVER,
            keep_alive: plan.keep_alive(),
            self_check: SelfCheck::new(is_open || is_unstamped, is_unstamped, plan.stamps),
            number,
            first_user: share.users.start,
            board,
            rows,
            limits: plan.limits,
            ended: Nanos::NEVER,
            buf: vec![0; READ_BUFFER].into(),
            answers: Vec::with_capacity(16),
            events: Vec::with_capacity(1024),
            held_up: false,
            unread: Vec::new(),
            next_tick: Nanos::ZERO,
        }
    }

    /// Runs to the end, and returns what was counted.
    pub fn run(mut self) -> Tally {
        self.now = self.io.now();
        self.shared.begin(self.now);
        self.self_check.begin(self.now, self.io.usage());
        self.prepare();
        loop {
            self.release();
            if self.is_over() {
                break;
            }
            let (before, until) = (self.now, self.next_instant());
            self.io.wait(before, until, &mut self.events);
            if self.self_check.is_every_turn || self.events.is_empty() {
                self.now = self.io.now();
                self.self_check.woke(before, until, self.now, self.io.wake_up());
                // Requests that are due go out before answers are read: a late one is late for the
                // server too. But none goes out on a connection that is known to be closed.
                if self.events.iter().any(|ready| ready.read_closed && self.is_unused(ready.connection)) {
                    self.read_all();
                }
                self.start_due_requests();
                self.write_all();
                self.read_all();
            } else {
                self.read_all();
                // Where there was only room to write, nothing has read the clock: limits and ticks
                // must not wait until something is received.
                if self.now == before {
                    self.now = self.io.now();
                }
            }
            // While the sink held this worker up, answers may have come in time that are not read yet.
            if !std::mem::take(&mut self.held_up) {
                self.expire();
            }
            self.tick();
            if self.shared.is_interrupted() || self.now >= self.ended + self.limits.drain {
                self.cut();
                break;
            }
        }
        self.finish()
    }

    fn is_over(&self) -> bool {
        self.active == 0
    }

    /// The earliest instant at which there is something to do.
    fn next_instant(&self) -> Nanos {
        if !self.unread.is_empty() || (self.release.is_released() && !self.free.is_empty()) {
            return Nanos::ZERO;
        }
        let due = match &self.load {
            // The rest of the time is spent with polls that do not sleep.
            LoadModel::Open(open) if self.release.is_released() => open.next_instant().before(self.io.wake_up()),
            _ => Nanos::NEVER,
        };
        let drained = self.ended + self.limits.drain;
        let due = due.min(self.self_check.looks_at(self.now));
        self.deadlines.next().min(self.next_tick).min(self.release.next_instant()).min(due).min(drained)
    }

    /// Everything that is ready is looked at once.
    fn read_all(&mut self) {
        let mut ready = std::mem::take(&mut self.events);
        for c in self.unread.drain(..) {
            ready.push(Readiness { connection: c, readable: true, writable: false, read_closed: true });
        }
        for readiness in &ready {
            self.on_ready(readiness);
        }
        ready.clear();
        self.events = ready;
    }

    /// Nobody waits for an answer on connection `c`.
    fn is_unused(&self, c: u32) -> bool {
        self.connections[c as usize].in_flight == 0
    }

    #[inline]
    fn on_ready(&mut self, ready: &Readiness) {
        let c = ready.connection;
        let is_up = |state| matches!(state, ConnectionState::Open | ConnectionState::Greeting);
        match self.connections[c as usize].state {
            ConnectionState::Open | ConnectionState::Greeting => {
                if ready.readable || ready.read_closed {
                    self.read(c, ready.read_closed);
                }
                if ready.writable && is_up(self.connections[c as usize].state) {
                    self.write_on(c);
                }
            }
            ConnectionState::Connecting => {
                self.connect_on(c);
                // The same event may say that the peer has closed already.
                if ready.read_closed && is_up(self.connections[c as usize].state) {
                    self.read(c, true);
                }
            }
            ConnectionState::Closed | ConnectionState::Queued | ConnectionState::BackOff => {}
        }
        self.write_all();
    }

    /// Everything whose time has run out.
    fn expire(&mut self) {
        while let Some(node) = self.deadlines.expired(self.now) {
            let count = self.users.len() as u32;
            match node < count {
                true => self.request_timed_out(node),
                false => self.connection_timed_out(node - count),
            }
        }
        self.write_all();
    }

    /// A few times a second: progress is shown and rows move on.
    fn tick(&mut self) {
        if self.now < self.next_tick {
            return;
        }
        self.tally.health.stall = self.self_check.tick(self.now);
        self.next_tick = self.now + TICK;
        self.self_check.tick_at(self.next_tick);
        if self.self_check.is_second_over(self.now) {
            let usage = self.io.usage();
            self.self_check.end_second(self.now, usage);
        }
        self.update_backlog();
        self.check_warmup();
        if self.counting {
            self.tally.roll(self.now);
        }
        let t0 = if self.counting { self.tally.t0 } else { Nanos::ZERO };
        self.board.show(self.number, t0, self.self_check.busy, &self.tally);
        if let Some(rows) = &mut self.rows {
            // No room: the next full batch waits for it.
            rows.try_send(self.tally.t0);
        }
        self.fail_queued(self.limits.connect);
        self.end_if_nobody_connected();
        self.retire_backed_off();
        self.update_end();
    }

    /// The run ends here and now: what is under way is cut.
    fn cut(&mut self) {
        self.now = self.io.now();
        self.count_backlog();
        for u in 0..self.users.len() as u32 {
            let user = &self.users[u as usize];
            let request = user.request;
            match user.stage {
                Stage::InFlight if request.slot.measured => {
                    let cut = Failure::new(Phase::Cut, Cause::RunEnded);
                    let record = self.connections[user.connection as usize].record(&request, self.now, Some(cut));
                    debug_assert_eq!(record.outcome(), Outcome::Unfinished);
                    self.count(&record);
                }
                Stage::Pending if request.slot.measured => self.leave_unsent(u),
                _ => {}
            }
        }
        self.drop_backlog();
        if self.counting {
            self.tally.last_done = self.now;
        }
    }

    fn finish(mut self) -> Tally {
        let t0 = if self.counting { self.tally.t0 } else { Nanos::ZERO };
        self.board.show(self.number, t0, self.self_check.busy, &self.tally);
        if let Some(rows) = &mut self.rows {
            rows.send(self.tally.t0);
        }
        self.now = self.io.now();
        self.update_end();
        self.self_check.end(self.now, self.io.usage(), &mut self.tally.health);
        self.tally.close();
        self.tally
    }

    /// Counting begins at `t0`, for every worker.
    pub(super) fn begin_counting(&mut self, at: Nanos) {
        if !self.counting {
            self.counting = true;
            let t0 = self.shared.begin_counting(at);
            let window_end = match &mut self.load {
                LoadModel::Closed(closed) => closed.count_from(t0),
                LoadModel::Open(open) => open.window_end(),
                LoadModel::Waves(_) => Nanos::NEVER,
            };
            self.ended = window_end;
            self.tally.start(t0, window_end);
        }
    }

    /// A warm-up that lasts until it is steady: what this worker has seen of it, and when it ends.
    fn check_warmup(&mut self) {
        let Some(sample) = &mut self.warming else { return };
        if self.launched == Nanos::NEVER || self.now < self.launched {
            return;
        }
        self.shared.auto.add(std::mem::take(sample), self.launched, self.now);
        let Some(t0) = self.shared.auto.t0() else { return };
        self.warming = None;
        match &mut self.load {
            // Whoever decides on the next wave asks for it there.
            LoadModel::Waves(_) => {}
            LoadModel::Closed(closed) => closed.end_warmup(t0),
            LoadModel::Open(open) => open.count_from(t0),
        }
    }

    /// From some instant on, no more requests are due, and answers are not awaited for ever.
    fn update_end(&mut self) {
        if self.counting {
            let ended = match &self.load {
                LoadModel::Open(open) => open.ended(self.now),
                LoadModel::Closed(closed) => closed.ended(self.now, self.shared),
                LoadModel::Waves(waves) => waves.ended(self.now, self.tally.t0),
            };
            self.ended = self.ended.min(ended.unwrap_or(Nanos::NEVER));
            self.tally.due_until = self.ended;
        }
    }

    /// The measured request of `u` is due now: from here to its end it is present.
    #[inline]
    pub(super) fn count_due(&mut self, u: u32) {
        let request = &self.users[u as usize].request;
        if request.slot.measured {
            self.tally.in_system.enter(request.due);
        }
    }

    /// The time limits.
    pub(super) fn request_limit_starts(&mut self, u: u32, at: Nanos) {
        debug_assert!(self.limits.request > Nanos::ZERO);
        if !self.deadlines.is_armed(u) {
            self.deadlines.arm(u, REQUEST, at);
        }
    }
}
