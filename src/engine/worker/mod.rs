//! The loop: wait, read, settle, expire, send what is due, tick.
//!
//! The loop is where the five owners meet: it polls them, and calls into each. Nothing calls into the loop.

mod end;
mod events;
mod release;
mod send;
mod settle;

use crate::net::Readiness;
use crate::plan::{Limits, ModelKind, Plan};
use crate::stats::{Board, Totals};
use crate::time::{Nanos, WallClock};

use super::exchange::Exchange;
use super::load::Load;
use super::meter::{LogQueue, Meter};
use super::pool::{ConnectionState, Expired, Io, Pool};
use super::shared::Shared;
use super::users::Users;

/// One worker: its load, users, requests, connections, and all that it counts.
pub struct Worker<'a, I> {
    load: Load,
    users: Users,
    exchange: Exchange,
    pool: Pool<I>,
    meter: Meter<'a>,
    shared: &'a Shared,
    limits: Limits,
    next_tick: Nanos,
    /// When no more requests were due: from then on responses are awaited for as long as the plan says.
    ended: Nanos,
}

/// Progress is shown, and rows move on, so often.
const TICK: Nanos = Nanos::from_millis(100);

impl<'a, I: Io> Worker<'a, I> {
    /// Worker `number` of the run, with its share of the users.
    pub fn new(
        plan: &Plan,
        number: u32,
        io: I,
        shared: &'a Shared,
        board: &'a Board,
        clock: WallClock,
        log: Option<LogQueue>,
    ) -> Worker<'a, I> {
        let exchange = Exchange::new(plan, clock);
        let (pool, connections) = Pool::new(plan, number, io, exchange.capture());
        Worker {
            load: Load::new(plan, number),
            users: Users::new(connections, plan.share(number).users.start),
            exchange,
            pool,
            meter: Meter::new(plan, number, board, log, Load::settles(plan)),
            shared,
            limits: plan.limits,
            next_tick: Nanos::ZERO,
            ended: Nanos::NEVER,
        }
    }

    /// Runs to the end, and returns what was counted.
    pub fn run(mut self) -> Totals {
        let now = self.pool.read_clock();
        self.shared.begin(now);
        self.meter.self_check.begin(now, self.pool.io.usage());
        self.prepare();
        loop {
            self.release();
            if self.users.active() == 0 {
                break;
            }
            let (before, until) = (self.pool.now, self.next_instant());
            let is_idle = self.pool.wait(until).is_empty();
            if self.meter.self_check.is_every_turn || is_idle {
                let now = self.pool.read_clock();
                self.meter.self_check.woke(before, until, now, self.pool.io.wake_up());
                // Requests that are due go out before responses are read: a late one is late for the
                // server too. But none goes out on a connection that is known to be closed.
                if self.pool.has_closed_unused() {
                    self.read_all();
                }
                self.start_due();
                self.settle();
                self.read_all();
            } else {
                self.read_all();
                // Where there was only room to write, nothing has read the clock: limits and ticks
                // must not wait until something is received.
                if self.pool.now == before {
                    self.pool.read_clock();
                }
            }
            // While the log held this worker up, responses may have arrived in time that are not read yet.
            if !self.meter.was_held_up() {
                self.expire();
            }
            self.tick();
            if self.shared.is_interrupted() || self.pool.now >= self.ended + self.limits.drain {
                self.cut();
                break;
            }
        }
        self.finish()
    }

    /// The earliest instant at which there is something to do.
    fn next_instant(&self) -> Nanos {
        if self.pool.has_unread() {
            return Nanos::ZERO;
        }
        let due = self.load.next_instant(self.pool.io.wake_up());
        let looks = self.meter.self_check.looks_at(self.pool.now);
        let drained = self.ended + self.limits.drain;
        due.min(looks).min(self.pool.next_deadline()).min(self.next_tick).min(drained)
    }

    /// Everything that is ready is looked at once.
    fn read_all(&mut self) {
        let ready = self.pool.take_ready();
        // Users of one connection send together what follows from one read: were all connections read first, a server
        // with one thread would have nothing to do meanwhile.
        let sends_between =
            self.pool.is_shared() && self.load.kind() == ModelKind::Closed && self.load.release.is_released();
        for readiness in &ready {
            self.on_ready(readiness);
            if sends_between {
                self.start_free();
                self.settle();
            }
        }
        self.pool.looked_at(ready);
    }

    #[inline]
    fn on_ready(&mut self, ready: &Readiness) {
        let c = ready.connection;
        match self.pool.state(c) {
            ConnectionState::Open | ConnectionState::Greeting => {
                if ready.readable || ready.read_closed {
                    self.read(c, ready.read_closed);
                }
                if ready.writable && self.pool.state(c).is_up() {
                    self.pool.write_on(c);
                }
            }
            ConnectionState::Connecting => {
                self.pool.connect_on(c);
                self.settle();
                // The same event may say that the peer has closed already.
                if ready.read_closed && self.pool.state(c).is_up() {
                    self.read(c, true);
                }
            }
            ConnectionState::Closed | ConnectionState::Queued | ConnectionState::Failed | ConnectionState::BackOff => {}
        }
        self.settle();
    }

    /// Everything whose time has run out.
    fn expire(&mut self) {
        while let Some(expired) = self.pool.expired() {
            match expired {
                Expired::Request(u) => self.request_timed_out(u),
                Expired::Connection(c) => self.pool.timed_out(c),
            }
            self.settle();
        }
    }

    /// A few times a second: progress is shown and rows move on.
    fn tick(&mut self) {
        if self.pool.now < self.next_tick {
            return;
        }
        let now = self.pool.now;
        self.next_tick = now + TICK;
        self.meter.tick(now, self.next_tick);
        if self.meter.self_check.is_second_over(now) {
            let usage = self.pool.io.usage();
            self.meter.self_check.end_second(now, usage);
        }
        self.update_backlog();
        self.check_warmup();
        self.meter.show(now, &self.pool.traffic);
        self.fail_queued();
        self.end_if_nobody_connected();
        self.retire_backed_off();
        self.update_end();
        self.settle();
    }
}
