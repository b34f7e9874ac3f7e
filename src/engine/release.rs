//! The release: all users are made ready, all workers meet, all send at one instant.
//!
//! Waves go through it once a wave. A closed run goes through it once, at its start.

use crate::proto::Hold;
use crate::record::{Cause, Failure, NO_WAVE, Phase};
use crate::time::Nanos;

use super::connection::ConnectionState;
use super::opening::CONNECTING;
use super::user::{Exclusion, Stage};
use super::worker::LoadModel;
use super::{Decision, Io, Worker};

/// How far the next release is.
#[derive(Debug)]
pub(super) struct Release {
    stage: ReleaseStage,
    /// Rounds of the barrier so far.
    round: u64,
    /// Users of this worker that are not ready yet.
    not_ready_count: u32,
    not_ready: Vec<bool>,
    /// When the preparation began.
    since: Nanos,
    /// The longest preparation so far.
    longest: Nanos,
    /// How long after its plan the last release came.
    pub(super) late: Nanos,
    next_is_measured: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReleaseStage {
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
    Released,
}

/// A worker wakes so long before the release and spins the rest: a sleeper wakes too late.
const SPIN: Nanos = Nanos::from_micros(80);

/// Users are made ready at least this long before a planned release: longer than a thread may
/// be late, and shorter than servers let a connection idle.
const MIN_LEAD: Nanos = Nanos::from_millis(50);

impl Default for Release {
    fn default() -> Self {
        let stage = ReleaseStage::Preparing;
        Release {
            stage,
            round: 0,
            not_ready_count: 0,
            not_ready: Vec::new(),
            since: Nanos::ZERO,
            longest: Nanos::ZERO,
            late: Nanos::ZERO,
            next_is_measured: false,
        }
    }
}

impl Release {
    /// When this worker must be awake for the release.
    pub(super) fn next_instant(&self) -> Nanos {
        match self.stage {
            ReleaseStage::Armed(at) => at.before(SPIN),
            ReleaseStage::Waiting(until) => until,
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
        matches!(self.stage, ReleaseStage::Waiting(_))
    }

    /// The last release is past, and the next not under preparation.
    pub(super) fn is_released(&self) -> bool {
        self.stage == ReleaseStage::Released
    }

    pub(super) fn mark_ready(&mut self, u: u32) {
        if std::mem::take(&mut self.not_ready[u as usize]) {
            self.not_ready_count -= 1;
        }
    }
}

impl<I: Io> Worker<'_, I> {
    /// Everything that is due.
    pub(super) fn release(&mut self) {
        if let ReleaseStage::Waiting(until) = self.release.stage
            && self.now >= until
        {
            self.prepare();
        }
        if self.release.stage == ReleaseStage::Preparing && self.release.not_ready_count == 0 {
            self.arrive();
        }
        if self.release.stage == ReleaseStage::Arrived
            && let Some(release) = self.shared.barrier.released(self.release.round)
        {
            self.release.round += 1;
            self.take_release(release);
        }
        match self.release.stage {
            ReleaseStage::Armed(at) if self.now + SPIN >= at => self.launch(at),
            _ => {}
        }
        if self.release.is_released() {
            match &mut self.load {
                LoadModel::Closed(_) => self.start_free_users(),
                LoadModel::Open(open) if open.is_over() => {
                    self.drop_backlog();
                    self.retire_all();
                }
                LoadModel::Open(_) => self.start_due_requests(),
                LoadModel::Waves(waves) if waves.outstanding == 0 => {
                    waves.advance(self.release.next_is_measured);
                    let lead = self.release.lead(self.limits.connect);
                    self.release.stage = ReleaseStage::Waiting(waves.coming().map_or(self.now, |at| at.before(lead)));
                    self.release();
                }
                LoadModel::Waves(_) => {}
            }
            self.write_all();
        }
    }

    /// Users of this worker that take part in the next release: the first so many.
    fn participants(&self) -> u32 {
        match &self.load {
            LoadModel::Waves(waves) => waves.size().saturating_sub(self.first_user).min(self.users.len() as u32),
            LoadModel::Closed(_) | LoadModel::Open(_) => self.users.len() as u32,
        }
    }

    /// Makes the users ready for the next release.
    pub(super) fn prepare(&mut self) {
        self.release.stage = ReleaseStage::Preparing;
        self.release.since = self.now;
        self.release.not_ready.resize(self.users.len(), false);
        let nobody = self.shared.nobody_connected();
        for u in 0..self.participants() {
            self.turn_to_release(u);
            let user = &mut self.users[u as usize];
            let connection = &mut self.connections[user.connection as usize];
            connection.idle_closes = 0;
            if !nobody {
                user.excluded = None;
            }
            if self.keep_alive || connection.state == ConnectionState::BackOff {
                self.release.not_ready[u as usize] = true;
                self.release.not_ready_count += 1;
            }
        }
        for u in 0..self.participants() {
            // Opening the connection of one may make another ready that shares it.
            if !self.release.not_ready[u as usize] {
                continue;
            }
            let c = self.users[u as usize].connection;
            match self.connections[c as usize].state {
                ConnectionState::Open => self.ready_for_release(u),
                ConnectionState::Closed => self.open(c),
                ConnectionState::Queued
                | ConnectionState::Connecting
                | ConnectionState::Greeting
                | ConnectionState::BackOff => {}
            }
        }
    }

    /// `u` turns to the origin that its part in the next release is for.
    #[inline]
    fn turn_to_release(&mut self, u: u32) {
        if let LoadModel::Waves(waves) = &self.load
            && !self.routes.has_one_origin()
        {
            let slot = waves.slot(self.first_user + u);
            self.users[u as usize].connection = self.connection_for(u, slot);
        }
    }

    /// Users whose turn to connect has not come within the limit of connecting
    /// fail in this release: many of them must not hold it up one round after the other.
    pub(super) fn fail_queued(&mut self, limit: Nanos) {
        if self.release.stage != ReleaseStage::Preparing || self.now < self.release.since + limit {
            return;
        }
        for c in 0..self.connections.len() as u32 {
            let connection = &mut self.connections[c as usize];
            if connection.state == ConnectionState::Queued && self.release_waits_for(c) {
                self.connections[c as usize].began = self.release.since;
                self.attempt_failed(c);
                self.back_off(c);
                self.exclude_all(c, Failure::new(Phase::Timeout, Cause::WaitConnect), Some(self.release.since));
            }
        }
    }

    /// The connection of `u` is open: its request is encoded, and sent but for
    /// the last byte if that is held back.
    pub(super) fn ready_for_release(&mut self, u: u32) {
        if self.release.is_released() {
            return self.join(u);
        }
        if u >= self.participants() || self.users[u as usize].stage == Stage::Primed {
            return;
        }
        let LoadModel::Waves(waves) = &self.load else { return self.ready_once_all_tried(u) };
        let hold = waves.hold_last_byte;
        let (slot, wave) = (waves.slot(self.first_user + u), waves.number());
        let user = &mut self.users[u as usize];
        let c = user.connection;
        let connection = &mut self.connections[c as usize];
        if connection.session.capacity() == 0 {
            // It waits for room from the release on.
            return self.release.mark_ready(u);
        }
        user.take(slot, wave);
        user.request.rendered = self.now;
        let Ok(message) = self.source.message(slot, self.first_user + u, Some(wave), self.now) else {
            return self.exclude(u, Failure::new(Phase::Template, Cause::Unrendered), self.now);
        };
        connection.session.submit(message, u, if hold { Hold::LastByte } else { Hold::All }, &mut self.codec);
        user.stage = Stage::Primed;
        if hold {
            let node = self.connection_node(c);
            if !self.deadlines.is_armed(node) {
                self.deadlines.arm(node, CONNECTING, self.now);
            }
            self.flush(c);
            self.ready_if_flushed(c);
        } else {
            self.release.mark_ready(u);
        }
    }

    /// All but the held bytes of connection `c` have gone out.
    pub(super) fn ready_if_flushed(&mut self, c: u32) {
        if self.release.is_released() || self.connections[c as usize].session.has_unsent() || self.io.wants_write(c) {
            return;
        }
        for u in self.connections[c as usize].users.clone() {
            if self.is_user_of(u, c) && self.users[u as usize].stage == Stage::Primed {
                self.deadlines.disarm(self.connection_node(c));
                self.release.mark_ready(u);
            }
        }
    }

    /// The release waits for a user of connection `c`.
    pub(super) fn release_waits_for(&self, c: u32) -> bool {
        let mut users = self.connections[c as usize].users.clone();
        users.any(|u| self.is_user_of(u, c) && self.release.not_ready[u as usize])
    }

    /// `u` cannot take part in the coming release: what it has tried since `since` has failed.
    pub(super) fn exclude(&mut self, u: u32, failure: Failure, since: Nanos) {
        let user = &mut self.users[u as usize];
        if user.stage != Stage::Joining {
            user.stage = Stage::Idle;
        }
        user.excluded = Some(Exclusion { failure, since, at: self.now });
        if !self.release.is_released() {
            match &self.load {
                LoadModel::Waves(_) => self.release.mark_ready(u),
                LoadModel::Closed(_) | LoadModel::Open(_) => self.ready_once_all_tried(u),
            }
        }
    }

    /// Before a closed or open run, `u` has its connection to one origin, or
    /// cannot have it: it is ready when that can be said of all. One is enough.
    fn ready_once_all_tried(&mut self, u: u32) {
        if self.turn_to_next_origin(u) {
            return;
        }
        if self.has_some_connection(u) {
            self.users[u as usize].excluded = None;
        }
        self.release.mark_ready(u);
    }

    /// The wait of connection `c` after a failure is over.
    pub(super) fn back_from_back_off(&mut self, c: u32) {
        if self.release.is_waiting() {
            return;
        }
        if !self.release.is_released() {
            if self.keep_alive && self.release_waits_for(c) {
                return self.open(c);
            }
            for u in self.connections[c as usize].users.clone() {
                if self.is_user_of(u, c) {
                    self.release.mark_ready(u);
                }
            }
            return;
        }
        if self.has_user(c, |stage| stage == Stage::Pending) {
            self.open(c);
        }
        for u in self.connections[c as usize].users.clone() {
            if self.is_user_of(u, c) {
                match (&self.load, self.users[u as usize].stage) {
                    (LoadModel::Closed(_), Stage::Idle) if self.routes.has_one_origin() => self.free.push(u),
                    _ => self.join(u),
                }
            }
        }
    }

    /// `u`, if it had no connection when all others were released, can be given requests from now on.
    fn join(&mut self, u: u32) {
        let user = &mut self.users[u as usize];
        if let LoadModel::Open(open) = &mut self.load
            && user.stage == Stage::Joining
        {
            (user.stage, user.freed) = (Stage::Idle, self.now);
            open.set_free(u);
        }
    }

    /// This worker is ready. The last one decides for all.
    fn arrive(&mut self) {
        self.release.stage = ReleaseStage::Arrived;
        self.release.longest = self.release.longest.max(self.now.since(self.release.since));
        let facts = match &mut self.load {
            LoadModel::Waves(waves) => waves.take_facts(),
            LoadModel::Closed(_) | LoadModel::Open(_) => None,
        };
        let Some(whole_wave) = self.shared.barrier.arrive(facts) else { return };
        if let Some(facts) = whole_wave {
            self.tally.waves.add(&facts);
        }
        self.now = self.io.now();
        let release = match &self.load {
            _ if self.shared.nobody_connected() => Decision::Nobody,
            LoadModel::Waves(waves) => {
                waves.decide(self.now, self.shared.barrier.workers(), self.shared.auto.t0().is_some())
            }
            LoadModel::Closed(_) | LoadModel::Open(_) => {
                Decision::At { at: self.now, late: Nanos::ZERO, next_is_measured: true }
            }
        };
        self.shared.barrier.publish(release);
        if self.shared.barrier.workers() > 1 {
            self.io.wake_others();
        }
    }

    fn take_release(&mut self, release: Decision) {
        match release {
            Decision::At { at, late, next_is_measured } => {
                self.release.late = late;
                self.release.next_is_measured = next_is_measured;
                self.release.stage = ReleaseStage::Armed(at);
            }
            Decision::End => self.retire_all(),
            Decision::Nobody => self.report_nobody(),
        }
    }

    /// Sends at `at`: first all that is ready, in one tight loop; then the rest.
    fn launch(&mut self, at: Nanos) {
        self.io.spin_until(at);
        self.now = at;
        self.release.stage = ReleaseStage::Released;
        self.launched = self.launched.min(at);
        match &mut self.load {
            LoadModel::Waves(waves) => {
                waves.released(at);
                if waves.measured {
                    self.begin_counting(at);
                }
                self.launch_wave(at);
            }
            LoadModel::Closed(closed) => {
                if closed.begin(at) {
                    self.begin_counting(at);
                }
                self.launch_closed();
            }
            LoadModel::Open(open) => {
                open.begin(at);
                // A connection that could not be opened is no request: the schedule says what is one.
                // Users whose connection is being opened once more are free when it is, or has failed.
                for (u, user) in self.users.iter_mut().enumerate() {
                    user.excluded = None;
                    match self.connections[user.connection as usize].state {
                        ConnectionState::Open | ConnectionState::Closed => open.set_free(u as u32),
                        _ if !self.routes.has_one_origin() => open.set_free(u as u32),
                        _ => user.stage = Stage::Joining,
                    }
                }
                self.start_due_requests();
            }
        }
        self.write_all();
        // A release takes as long as it takes: it is no stall.
        self.self_check.excuse(self.now);
    }

    fn launch_wave(&mut self, at: Nanos) {
        let participants = self.participants();
        let planned = at.before(self.release.late);
        let LoadModel::Waves(waves) = &mut self.load else { return };
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
                self.deadlines.disarm(self.connection_node(c));
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
        user.request.due = sent.before(self.release.late);
        user.request.ready = planned;
        if let LoadModel::Waves(waves) = &mut self.load {
            waves.sent(sent);
        }
        self.count_due(u);
        self.request_limit_starts(u, sent);
    }

    /// A user that could not be connected fails in this wave; one whose
    /// connection is to be opened after the release, or is being replaced, opens it now.
    fn launch_unprimed(&mut self, u: u32, planned: Nanos) {
        let LoadModel::Waves(waves) = &self.load else { return };
        let (slot, wave) = (waves.slot(self.first_user + u), waves.number());
        let user = &self.users[u as usize];
        // Its request went out with the others', and has come to its end if writing failed.
        if user.request.slot == slot && user.request.sent != Nanos::NEVER {
            return;
        }
        self.take(u, slot, wave);
        let user = &mut self.users[u as usize];
        user.request.ready = planned;
        if user.excluded.is_some() {
            self.report_excluded(u);
            return;
        }
        self.send_when_open(u);
    }

    fn launch_closed(&mut self) {
        for u in 0..self.users.len() as u32 {
            if self.users[u as usize].excluded.is_some() && self.counting {
                match self.next_slot() {
                    Some(slot) => {
                        self.take(u, slot, NO_WAVE);
                        self.report_excluded(u);
                    }
                    None => self.retire(u),
                }
            }
            let user = &mut self.users[u as usize];
            user.excluded = None;
            if user.stage == Stage::Idle && !self.waits_after_failure(u) {
                self.free.push(u);
            }
        }
    }

    /// The request that `u` has taken failed before the release.
    pub(super) fn report_excluded(&mut self, u: u32) {
        let user = &mut self.users[u as usize];
        let Some(Exclusion { failure, since, at }) = user.excluded.take() else { return };
        let c = user.connection as usize;
        user.request.due = since;
        if user.request.ready == Nanos::NEVER {
            user.request.ready = user.request.due;
        }
        self.count_due(u);
        let user = &self.users[u as usize];
        let record = self.connections[c].record(&user.request, at, Some(failure));
        if user.request.slot.measured {
            self.count(&record);
        }
        if let LoadModel::Waves(waves) = &mut self.load {
            waves.outstanding -= 1;
        }
    }
}
