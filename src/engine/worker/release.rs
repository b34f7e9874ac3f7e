//! The release: users are made ready, and sent off together.

use crate::plan::ModelKind;
use crate::record::{Cause, Failure, NO_WAVE, Phase};
use crate::time::Nanos;

use crate::engine::load::Decision;
use crate::engine::pool::{ConnectionState, Io};
use crate::engine::users::{Ended, Exclusion, Stage};

use super::Worker;

impl<I: Io> Worker<'_, I> {
    /// Sends everything that is due; before a release, prepares what must go out at one instant.
    pub(super) fn release(&mut self) {
        loop {
            if !self.load.release.is_released() {
                self.make_ready();
            }
            if self.load.release.is_released() {
                self.start();
            }
            if !self.load.next_wave(self.pool.now, self.limits.connect) {
                return;
            }
        }
    }

    /// On to the next release: users are made ready, workers meet, all is sent when the instant has come.
    fn make_ready(&mut self) {
        if self.load.release.is_to_be_prepared(self.pool.now) {
            self.prepare();
        }
        // Connections may be open at once.
        self.settle();
        if self.load.release.arrives(self.pool.now) {
            self.arrive();
        }
        if let Some(round) = self.load.release.awaited_round()
            && let Some(decision) = self.shared.barrier.released(round)
        {
            self.take_decision(decision);
        }
        if let Some(at) = self.load.release.launches(self.pool.now) {
            self.launch(at);
        }
    }

    /// What is due now, after the release, is sent.
    #[inline]
    fn start(&mut self) {
        match self.load.kind() {
            ModelKind::Waves => {}
            ModelKind::Closed => self.start_free(),
            ModelKind::Open if self.load.is_schedule_over() => {
                self.drop_backlog();
                self.retire_all();
            }
            ModelKind::Open => self.start_due(),
        }
        self.settle();
    }

    /// Makes the users ready for the next release.
    pub(super) fn prepare(&mut self) {
        self.load.release.prepare(self.pool.now);
        let nobody = self.shared.nobody_connected();
        for u in 0..self.load.participants() {
            if let Some((slot, _)) = self.load.in_wave(u) {
                self.turn_to_origin(u, self.exchange.target(slot));
            }
            let c = self.users.connection(u);
            self.pool.forgive_idle_closes(c);
            if !nobody {
                self.users.get_mut(u).excluded = None;
            }
            if self.pool.keeps_alive() || self.pool.state(c) == ConnectionState::BackOff {
                self.load.release.expect(u);
            }
        }
        for u in 0..self.load.participants() {
            if !self.load.release.awaits(u) {
                continue;
            }
            let c = self.users.connection(u);
            match self.pool.state(c) {
                ConnectionState::Open => self.ready_for_release(u),
                // Others that share it find it queued.
                ConnectionState::Closed => self.pool.open(c),
                ConnectionState::Queued
                | ConnectionState::Connecting
                | ConnectionState::Greeting
                | ConnectionState::Failed
                | ConnectionState::BackOff => {}
            }
        }
    }

    /// Users whose turn to connect has not come within the limit of connecting
    /// fail in this release: many of them must not hold it up one round after the other.
    pub(super) fn fail_queued(&mut self) {
        let Some(since) = self.load.release.is_overdue(self.limits.connect, self.pool.now) else { return };
        for c in 0..self.pool.len() {
            if self.pool.state(c) == ConnectionState::Queued && self.release_waits_for(c) {
                if self.pool.is_first_attempt(c) {
                    self.shared.first_connect_failed();
                }
                self.pool.give_up_turn(c, since);
                self.exclude_all(c, Failure::new(Phase::Timeout, Cause::WaitConnect), Some(since));
            }
        }
    }

    /// The connection of `u` is open: its request is encoded, and sent but for
    /// the last byte if that is held back.
    pub(super) fn ready_for_release(&mut self, u: u32) {
        if self.load.release.is_released() {
            return self.join(u);
        }
        if u >= self.load.participants() || self.users.stage(u) == Stage::Primed {
            return;
        }
        match self.load.in_wave(u) {
            Some((slot, wave)) => self.prepare_request(u, slot, wave),
            None => self.ready_once_all_tried(u),
        }
    }

    /// The release waits for a user of connection `c`.
    pub(super) fn release_waits_for(&self, c: u32) -> bool {
        self.users.any_on(self.pool.users_of(c), c, |u| self.load.release.awaits(u))
    }

    /// Before a closed or open run, `u` has its connection to one origin, or
    /// cannot have it: it is ready when that can be said of all. One is enough.
    pub(super) fn ready_once_all_tried(&mut self, u: u32) {
        while self.turn_to_next_origin(u) {
            let c = self.users.connection(u);
            match self.pool.state(c) {
                ConnectionState::Closed => return self.pool.open(c),
                // It is open, or has been tried, for another user.
                ConnectionState::Open | ConnectionState::BackOff => {}
                ConnectionState::Queued
                | ConnectionState::Connecting
                | ConnectionState::Greeting
                | ConnectionState::Failed => return,
            }
        }
        let is_open = |c| self.pool.state(c) == ConnectionState::Open;
        if self.pool.routes.of_user(u).any(is_open) {
            self.users.get_mut(u).excluded = None;
        }
        self.load.release.mark_ready(u);
    }

    /// `u` turns to the origin after the one that it has a connection to. False: there is none left.
    fn turn_to_next_origin(&mut self, u: u32) -> bool {
        let origin = self.pool.origin(self.users.connection(u)) + 1;
        let next = self.pool.routes.connection(u, origin);
        if let Some(c) = next {
            self.users.get_mut(u).connection = c;
        }
        next.is_some()
    }

    /// This worker is ready. The last one decides for all.
    fn arrive(&mut self) {
        let facts = self.load.take_wave_facts();
        let Some(whole_wave) = self.shared.barrier.arrive(facts) else { return };
        if let Some(facts) = whole_wave {
            self.meter.tally.waves.add(&facts);
        }
        let (now, workers) = (self.pool.read_clock(), self.shared.barrier.workers());
        let decision = if self.shared.nobody_connected() {
            Decision::Nobody
        } else {
            self.load.decide(now, workers, self.shared.auto.t0().is_some())
        };
        self.shared.barrier.publish(decision);
        if workers > 1 {
            self.pool.io.wake_others();
        }
    }

    fn take_decision(&mut self, decision: Decision) {
        self.load.release.decided(decision);
        match decision {
            Decision::At { .. } => {}
            Decision::End => self.retire_all(),
            Decision::Nobody => self.report_nobody(),
        }
    }

    /// Sends at `at`: first all that is ready, in one tight loop; then the rest.
    fn launch(&mut self, at: Nanos) {
        self.pool.io.spin_until(at);
        self.pool.now = at;
        if self.load.launch(at) {
            self.begin_counting(at);
        }
        match self.load.kind() {
            ModelKind::Waves => self.launch_wave(at),
            ModelKind::Closed => self.launch_closed(),
            ModelKind::Open => self.launch_open(),
        }
        self.settle();
        // A release takes as long as it takes: it is no stall.
        self.meter.self_check.excuse(self.pool.now);
    }

    fn launch_wave(&mut self, at: Nanos) {
        let (participants, late) = (self.load.participants(), self.load.release.late);
        let planned = at.before(late);
        self.load.set_outstanding(participants);
        for c in 0..self.pool.len() {
            let (mut sent, mut requests) = (Nanos::NEVER, 0);
            let mut users = self.pool.users_of(c);
            while let Some(u) = self.users.next_on(&mut users, c) {
                if self.users.stage(u) == Stage::Primed {
                    if requests == 0 {
                        sent = self.pool.io.now();
                    }
                    requests += 1;
                    self.launch_primed(u, sent, (late, planned));
                }
            }
            // All of a connection's requests go out in one write.
            if requests > 0 {
                self.pool.release(c, requests);
            } else {
                self.pool.stop_holding(c);
            }
        }
        self.pool.read_clock();
        self.settle();
        for u in 0..participants {
            self.launch_unprimed(u, planned);
        }
    }

    #[inline]
    fn launch_primed(&mut self, u: u32, sent: Nanos, (late, planned): (Nanos, Nanos)) {
        self.users.release(u, sent, late, planned);
        self.load.sent_in_wave(sent);
        let request = &self.users.get(u).request;
        self.meter.count_due(request.slot.measured, request.due);
        self.pool.start_timeout(u, sent);
    }

    /// A user that could not be connected fails in this wave; one whose
    /// connection is to be opened after the release, or is being replaced, opens it now.
    fn launch_unprimed(&mut self, u: u32, planned: Nanos) {
        let Some((slot, wave)) = self.load.in_wave(u) else { return };
        let (request, stage) = (&self.users.get(u).request, self.users.stage(u));
        // Its request went out with the others', and has come to its end if writing failed, or is to be sent again.
        if request.slot == slot && (request.sent != Nanos::NEVER || stage == Stage::Pending) {
            return;
        }
        self.take(u, slot, wave);
        self.users.get_mut(u).request.ready = planned;
        if self.users.get(u).excluded.is_some() {
            self.report_excluded(u);
        } else {
            self.send_when_open(u);
        }
    }

    fn launch_closed(&mut self) {
        for u in 0..self.users.len() {
            if self.users.get(u).excluded.is_some() && self.meter.is_counting() {
                match self.next_slot() {
                    Some(slot) => {
                        self.take(u, slot, NO_WAVE);
                        self.report_excluded(u);
                    }
                    None => self.retire(u),
                }
            }
            self.users.get_mut(u).excluded = None;
            if self.users.stage(u) == Stage::Idle && !self.waits_after_failure(u) {
                self.load.set_free(u);
            }
        }
    }

    /// A connection that could not be opened is no request: the schedule says what is one.
    fn launch_open(&mut self) {
        for u in 0..self.users.len() {
            self.users.get_mut(u).excluded = None;
            let state = self.pool.state(self.users.connection(u));
            let is_free = matches!(state, ConnectionState::Open | ConnectionState::Closed);
            if is_free || !self.pool.routes.has_one_origin() {
                self.load.set_free(u);
            } else {
                // It is being opened once more, or waits for that: its user is free when it is, or has failed.
                self.users.get_mut(u).stage = Stage::Joining;
            }
        }
        self.start_due();
    }

    /// The request that `u` has taken failed before the release.
    pub(super) fn report_excluded(&mut self, u: u32) {
        let user = self.users.get_mut(u);
        let Some(Exclusion { failure, since, at }) = user.excluded.take() else { return };
        let (c, request) = (user.connection, &mut user.request);
        request.due = since;
        if request.ready == Nanos::NEVER {
            request.ready = request.due;
        }
        let measured = request.slot.measured;
        self.meter.count_due(measured, since);
        let ended = Ended::without_response(at, failure, self.pool.for_record(c));
        let record = self.users.record(u, &ended);
        if measured {
            self.count(&record);
        }
        self.load.done_unsent();
    }
}
