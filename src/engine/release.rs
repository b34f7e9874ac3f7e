//! The release: all users are made ready, all workers meet, all send at one instant.
//!
//! Waves go through it once a wave. A closed run goes through it once, at its start.

use crate::proto::Hold;
use crate::record::{Cause, Failure, NO_WAVE, Phase};
use crate::time::Nanos;

use super::connection::Link;
use super::links::CONNECTING;
use super::user::{Stage, Unable};
use super::worker::Pace;
use super::{Io, Release, Worker};

/// How far the next release is.
#[derive(Debug)]
pub(super) struct Gate {
    stage: GateStage,
    /// Rounds of the barrier so far.
    round: u64,
    /// Users of this worker that are not ready yet.
    awaited: u32,
    is_awaited: Vec<bool>,
    /// When the preparation began.
    since: Nanos,
    /// The longest preparation so far.
    longest: Nanos,
    /// How long after its plan the last release came.
    pub(super) late: Nanos,
    next_is_measured: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GateStage {
    /// The next release is far off: until this instant nothing is done for it, and connections
    /// that the server closes stay closed.
    Waiting(Nanos),
    /// Users are being connected, requests encoded.
    Preparing,
    /// This worker is ready; another one is not.
    Arrived,
    /// All are to send at this instant.
    Armed(Nanos),
    /// The release is past.
    Open,
}

/// A worker wakes so long before the release and spins the rest: a sleeper wakes too late.
const SPIN: Nanos = Nanos::from_micros(80);

/// Users are made ready at least this long before a planned release: longer than a thread may
/// be late, and shorter than servers let a connection idle.
const MIN_LEAD: Nanos = Nanos::from_millis(50);

impl Default for Gate {
    fn default() -> Self {
        let stage = GateStage::Preparing;
        Gate {
            stage,
            round: 0,
            awaited: 0,
            is_awaited: Vec::new(),
            since: Nanos::ZERO,
            longest: Nanos::ZERO,
            late: Nanos::ZERO,
            next_is_measured: false,
        }
    }
}

impl Gate {
    /// When this worker must be awake for the release.
    pub(super) fn next_instant(&self) -> Nanos {
        match self.stage {
            GateStage::Armed(at) => at.before(SPIN),
            GateStage::Waiting(until) => until,
            _ => Nanos::NEVER,
        }
    }

    /// How long before a planned release its preparation begins: twice as long as the longest
    /// took, within the limit of connecting.
    fn lead(&self, limit: Nanos) -> Nanos {
        (self.longest + self.longest).min(limit).max(MIN_LEAD)
    }

    /// The next release is far off.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.stage, GateStage::Waiting(_))
    }

    /// The last release is past, and the next not under preparation.
    pub(super) fn is_open(&self) -> bool {
        self.stage == GateStage::Open
    }

    pub(super) fn settle(&mut self, u: u32) {
        if std::mem::take(&mut self.is_awaited[u as usize]) {
            self.awaited -= 1;
        }
    }
}

impl<I: Io> Worker<'_, I> {
    /// Everything that is due.
    pub(super) fn release(&mut self) {
        if let GateStage::Waiting(until) = self.gate.stage
            && self.now >= until
        {
            self.prepare();
        }
        if self.gate.stage == GateStage::Preparing && self.gate.awaited == 0 {
            self.arrive();
        }
        if self.gate.stage == GateStage::Arrived
            && let Some(release) = self.shared.barrier.released(self.gate.round)
        {
            self.gate.round += 1;
            self.take_release(release);
        }
        match self.gate.stage {
            GateStage::Armed(at) if self.now + SPIN >= at => self.launch(at),
            _ => {}
        }
        if self.gate.is_open() {
            match &mut self.pace {
                Pace::Closed(_) => self.start_the_free(),
                Pace::Open(open) if open.is_over() => {
                    self.leave_the_waiting();
                    self.retire_all();
                }
                Pace::Open(_) => self.start_the_due(),
                Pace::Waves(waves) if waves.outstanding == 0 => {
                    waves.advance(self.gate.next_is_measured);
                    let lead = self.gate.lead(self.limits.connect);
                    self.gate.stage = GateStage::Waiting(waves.coming().map_or(self.now, |at| at.before(lead)));
                    self.release();
                }
                Pace::Waves(_) => {}
            }
            self.write_all();
        }
    }

    /// Users of this worker that take part in the next release: the first so many.
    fn participants(&self) -> u32 {
        match &self.pace {
            Pace::Waves(waves) => waves.size().saturating_sub(self.first_user).min(self.users.len() as u32),
            Pace::Closed(_) | Pace::Open(_) => self.users.len() as u32,
        }
    }

    /// Makes the users ready for the next release.
    pub(super) fn prepare(&mut self) {
        self.gate.stage = GateStage::Preparing;
        self.gate.since = self.now;
        self.gate.is_awaited.resize(self.users.len(), false);
        let nobody = self.shared.nobody_connected();
        for u in 0..self.participants() {
            self.turn_to_release(u);
            let user = &mut self.users[u as usize];
            let connection = &mut self.connections[user.connection as usize];
            connection.replaced = 0;
            if !nobody {
                user.unable = None;
            }
            if self.keep_alive || connection.link == Link::BackOff {
                self.gate.is_awaited[u as usize] = true;
                self.gate.awaited += 1;
            }
        }
        for u in 0..self.participants() {
            // Opening the connection of one may make another ready that shares it.
            if !self.gate.is_awaited[u as usize] {
                continue;
            }
            let c = self.users[u as usize].connection;
            match self.connections[c as usize].link {
                Link::Open => self.ready_for_release(u),
                Link::Closed => self.open(c),
                Link::Queued | Link::Connecting | Link::Greeting | Link::BackOff => {}
            }
        }
    }

    /// `u` turns to the origin that its part in the next release is for.
    #[inline]
    fn turn_to_release(&mut self, u: u32) {
        if let Pace::Waves(waves) = &self.pace
            && !self.homes.is_one()
        {
            let slot = waves.slot(self.first_user + u);
            self.users[u as usize].connection = self.home(u, slot);
        }
    }

    /// Users whose turn to connect has not come within the limit of connecting
    /// fail in this release: many of them must not hold it up one round after the other.
    pub(super) fn give_up_the_queued(&mut self, limit: Nanos) {
        if self.gate.stage != GateStage::Preparing || self.now < self.gate.since + limit {
            return;
        }
        for c in 0..self.connections.len() as u32 {
            let connection = &mut self.connections[c as usize];
            if connection.link == Link::Queued && self.is_awaited(c) {
                self.connections[c as usize].began = self.gate.since;
                self.attempt_failed(c);
                self.back_off(c);
                self.all_unable(c, Failure::new(Phase::Timeout, Cause::WaitConnect), Some(self.gate.since));
            }
        }
    }

    /// The connection of `u` is open: its request is encoded, and sent but for
    /// the last byte if that is held back.
    pub(super) fn ready_for_release(&mut self, u: u32) {
        if self.gate.is_open() {
            return self.join(u);
        }
        if u >= self.participants() || self.users[u as usize].stage == Stage::Primed {
            return;
        }
        let Pace::Waves(waves) = &self.pace else { return self.settle_for_all_origins(u) };
        let hold = waves.hold_last_byte;
        let (slot, wave) = (waves.slot(self.first_user + u), waves.number());
        let user = &mut self.users[u as usize];
        let c = user.connection;
        let connection = &mut self.connections[c as usize];
        if connection.session.capacity() == 0 {
            // It waits for room from the release on.
            return self.gate.settle(u);
        }
        user.take(slot, wave);
        user.request.rendered = self.now;
        let Ok(message) = self.source.message(slot, self.first_user + u, Some(wave), self.now) else {
            return self.unable(u, Failure::new(Phase::Template, Cause::Unrendered), self.now);
        };
        connection.session.submit(message, u, if hold { Hold::LastByte } else { Hold::All }, &mut self.codec);
        user.stage = Stage::Primed;
        if hold {
            let node = self.link_node(c);
            if !self.deadlines.is_armed(node) {
                self.deadlines.arm(node, CONNECTING, self.now);
            }
            self.flush(c);
            self.ready_if_flushed(c);
        } else {
            self.gate.settle(u);
        }
    }

    /// All but the held bytes of connection `c` have gone out.
    pub(super) fn ready_if_flushed(&mut self, c: u32) {
        if self.gate.is_open() || self.connections[c as usize].session.has_unsent() || self.io.wants_write(c) {
            return;
        }
        for u in self.connections[c as usize].users.clone() {
            if self.is_user_of(u, c) && self.users[u as usize].stage == Stage::Primed {
                self.deadlines.disarm(self.link_node(c));
                self.gate.settle(u);
            }
        }
    }

    /// The release waits for a user of connection `c`.
    pub(super) fn is_awaited(&self, c: u32) -> bool {
        let mut users = self.connections[c as usize].users.clone();
        users.any(|u| self.is_user_of(u, c) && self.gate.is_awaited[u as usize])
    }

    /// `u` cannot take part in the coming release: what it has tried since `since` has failed.
    pub(super) fn unable(&mut self, u: u32, failure: Failure, since: Nanos) {
        let user = &mut self.users[u as usize];
        if user.stage != Stage::Joining {
            user.stage = Stage::Idle;
        }
        user.unable = Some(Unable { failure, since, at: self.now });
        if !self.gate.is_open() {
            match &self.pace {
                Pace::Waves(_) => self.gate.settle(u),
                Pace::Closed(_) | Pace::Open(_) => self.settle_for_all_origins(u),
            }
        }
    }

    /// Before a closed or open run, `u` has its connection to one origin, or
    /// cannot have it: it is ready when that can be said of all. One is enough.
    fn settle_for_all_origins(&mut self, u: u32) {
        if self.turn_to_next_origin(u) {
            return;
        }
        if self.has_some_connection(u) {
            self.users[u as usize].unable = None;
        }
        self.gate.settle(u);
    }

    /// The wait of connection `c` after a failure is over.
    pub(super) fn back_from_back_off(&mut self, c: u32) {
        if self.gate.is_waiting() {
            return;
        }
        if !self.gate.is_open() {
            if self.keep_alive && self.is_awaited(c) {
                return self.open(c);
            }
            for u in self.connections[c as usize].users.clone() {
                if self.is_user_of(u, c) {
                    self.gate.settle(u);
                }
            }
            return;
        }
        if self.has_user(c, |stage| stage == Stage::Pending) {
            self.open(c);
        }
        for u in self.connections[c as usize].users.clone() {
            if self.is_user_of(u, c) {
                match (&self.pace, self.users[u as usize].stage) {
                    (Pace::Closed(_), Stage::Idle) if self.homes.is_one() => self.free.push(u),
                    _ => self.join(u),
                }
            }
        }
    }

    /// `u`, if it had no connection when all others were released, can be given requests from now on.
    fn join(&mut self, u: u32) {
        let user = &mut self.users[u as usize];
        if let Pace::Open(open) = &mut self.pace
            && user.stage == Stage::Joining
        {
            (user.stage, user.freed) = (Stage::Idle, self.now);
            open.set_free(u);
        }
    }

    /// This worker is ready. The last one decides for all.
    fn arrive(&mut self) {
        self.gate.stage = GateStage::Arrived;
        self.gate.longest = self.gate.longest.max(self.now.since(self.gate.since));
        let facts = match &mut self.pace {
            Pace::Waves(waves) => waves.take_facts(),
            Pace::Closed(_) | Pace::Open(_) => None,
        };
        let Some(whole_wave) = self.shared.barrier.arrive(facts) else { return };
        if let Some(facts) = whole_wave {
            self.tally.waves.add(&facts);
        }
        self.now = self.io.now();
        let release = match &self.pace {
            _ if self.shared.nobody_connected() => Release::Nobody,
            Pace::Waves(waves) => {
                waves.decide(self.now, self.shared.barrier.workers(), self.shared.auto.t0().is_some())
            }
            Pace::Closed(_) | Pace::Open(_) => Release::At { at: self.now, late: Nanos::ZERO, next_is_measured: true },
        };
        self.shared.barrier.publish(release);
        if self.shared.barrier.workers() > 1 {
            self.io.wake_others();
        }
    }

    fn take_release(&mut self, release: Release) {
        match release {
            Release::At { at, late, next_is_measured } => {
                self.gate.late = late;
                self.gate.next_is_measured = next_is_measured;
                self.gate.stage = GateStage::Armed(at);
            }
            Release::End => self.retire_all(),
            Release::Nobody => self.report_nobody(),
        }
    }

    /// Sends at `at`: first all that is ready, in one tight loop; then the rest.
    fn launch(&mut self, at: Nanos) {
        self.io.spin_until(at);
        self.now = at;
        self.gate.stage = GateStage::Open;
        self.launched = self.launched.min(at);
        match &mut self.pace {
            Pace::Waves(waves) => {
                waves.released(at);
                if waves.measured {
                    self.begin_counting(at);
                }
                self.launch_wave(at);
            }
            Pace::Closed(closed) => {
                if closed.begin(at) {
                    self.begin_counting(at);
                }
                self.launch_closed();
            }
            Pace::Open(open) => {
                open.begin(at);
                // A connection that could not be opened is no request: the schedule says what is one.
                // Users whose connection is being opened once more are free when it is, or has failed.
                for (u, user) in self.users.iter_mut().enumerate() {
                    user.unable = None;
                    match self.connections[user.connection as usize].link {
                        Link::Open | Link::Closed => open.set_free(u as u32),
                        _ if !self.homes.is_one() => open.set_free(u as u32),
                        _ => user.stage = Stage::Joining,
                    }
                }
                self.start_the_due();
            }
        }
        self.write_all();
        // A release takes as long as it takes: it is no stall.
        self.watch.excuse(self.now);
    }

    fn launch_wave(&mut self, at: Nanos) {
        let participants = self.participants();
        let planned = at.before(self.gate.late);
        let Pace::Waves(waves) = &mut self.pace else { return };
        waves.outstanding = participants;
        for c in 0..self.connections.len() as u32 {
            let mut sent = Nanos::NEVER;
            for u in self.connections[c as usize].users.clone() {
                if self.users[u as usize].stage == Stage::Primed && self.is_user_of(u, c) {
                    if sent == Nanos::NEVER {
                        sent = self.io.now();
                    }
                    self.launch_primed(u, sent, planned);
                }
            }
            // All of a connection's requests go out in one write.
            if sent != Nanos::NEVER {
                self.connections[c as usize].session.release();
                self.deadlines.disarm(self.link_node(c));
                self.flush(c);
            }
        }
        self.now = self.io.now();
        for u in 0..participants {
            self.launch_unprimed(u, planned);
        }
    }

    #[inline]
    fn launch_primed(&mut self, u: u32, sent: Nanos, planned: Nanos) {
        let user = &mut self.users[u as usize];
        user.stage = Stage::InFlight;
        self.connections[user.connection as usize].in_flight += 1;
        user.request.sent = sent;
        user.request.due = sent.before(self.gate.late);
        user.request.ready = planned;
        if let Pace::Waves(waves) = &mut self.pace {
            waves.sent(sent);
        }
        self.came(u);
        self.request_limit_starts(u, sent);
    }

    /// A user that could not be connected fails in this wave; one whose
    /// connection is to be opened after the release, or is being replaced, opens it now.
    fn launch_unprimed(&mut self, u: u32, planned: Nanos) {
        let Pace::Waves(waves) = &self.pace else { return };
        let (slot, wave) = (waves.slot(self.first_user + u), waves.number());
        let user = &self.users[u as usize];
        // Its request went out with the others', and has come to its end if writing failed.
        if user.request.slot == slot && user.request.sent != Nanos::NEVER {
            return;
        }
        self.take(u, slot, wave);
        let user = &mut self.users[u as usize];
        user.request.ready = planned;
        if user.unable.is_some() {
            self.report_unable(u);
            return;
        }
        self.send_when_open(u);
    }

    fn launch_closed(&mut self) {
        for u in 0..self.users.len() as u32 {
            if self.users[u as usize].unable.is_some() && self.counting {
                match self.next_slot() {
                    Some(slot) => {
                        self.take(u, slot, NO_WAVE);
                        self.report_unable(u);
                    }
                    None => self.retire(u),
                }
            }
            let user = &mut self.users[u as usize];
            user.unable = None;
            if user.stage == Stage::Idle && !self.waits_after_failure(u) {
                self.free.push(u);
            }
        }
    }

    /// The request that `u` has taken failed before the release.
    pub(super) fn report_unable(&mut self, u: u32) {
        let user = &mut self.users[u as usize];
        let Some(Unable { failure, since, at }) = user.unable.take() else { return };
        let c = user.connection as usize;
        user.request.due = since;
        if user.request.ready == Nanos::NEVER {
            user.request.ready = user.request.due;
        }
        self.came(u);
        let user = &self.users[u as usize];
        let record = self.connections[c].record(&user.request, at, Some(failure));
        if user.request.slot.measured {
            self.count(&record);
        }
        if let Pace::Waves(waves) = &mut self.pace {
            waves.outstanding -= 1;
        }
    }
}
