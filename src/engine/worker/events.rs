//! What becomes of connections, and what that means for their users.

use crate::plan::ModelKind;
use crate::proto::End;
use crate::record::{Cause, Failure, Phase};
use crate::time::Nanos;

use crate::engine::pool::{ClosedIdle, ConnectionState, Event, Io, OpenFailed};
use crate::engine::users::{Exclusion, Stage};

use super::Worker;

impl<I: Io> Worker<'_, I> {
    /// Deals with one event.
    pub(super) fn on(&mut self, event: Event) {
        match event {
            Event::Connecting(c, at) => self.on_connecting(c, at),
            Event::Opened(c) => self.on_opened(c),
            Event::OpenFailed(failed) => self.on_open_failed(failed),
            Event::Ended(c) => {
                self.pool.return_spare(c);
                self.reopen_if_needed(c);
            }
            Event::ClosedIdle(closed) => self.on_closed_idle(closed),
            Event::Exhausted(c) => self.on_exhausted(c),
            Event::Moved { from, to } => self.on_moved(from, to),
            Event::Room(c) => {
                while let Some(u) = self.pool.next_with_room(c) {
                    if self.users.connection(u) == c && self.users.stage(u) == Stage::Pending {
                        self.send(u);
                    }
                }
            }
            Event::WriteFailed { c, attempt, failure } => self.write_failed(c, attempt, failure),
            Event::Held(c) => self.on_held(c),
            Event::HoldTimedOut(c) => {
                if !self.load.release.is_released() {
                    self.pool.back_off(c);
                    self.exclude_all(c, Failure::new(Phase::Timeout, Cause::WaitWrite), None);
                }
            }
            Event::BackOffOver(c) => self.on_back_off_over(c),
        }
    }

    /// Some user of connection `c` is in such a stage.
    fn has_user(&self, c: u32, is: impl Fn(Stage) -> bool) -> bool {
        self.users.any_on(self.pool.users_of(c), c, |u| is(self.users.stage(u)))
    }

    /// Requests that wait for connection `c` are due when it begins to connect.
    fn on_connecting(&mut self, c: u32, at: Nanos) {
        let mut users = self.pool.users_of(c);
        while let Some(u) = self.users.next_on(&mut users, c) {
            if self.users.stage(u) == Stage::Pending {
                self.becomes_due(u, at);
            }
        }
    }

    fn on_opened(&mut self, c: u32) {
        if !self.shared.connected() {
            self.end_if_nobody_connected();
        }
        let users = self.pool.users_of(c);
        if users.len() == 1 {
            self.take_part(users.start, c);
        } else {
            // The oldest requests first: a server that takes few of them takes each in its turn.
            let mut users: Vec<u32> = users.collect();
            users.sort_by_key(|&u| self.users.get(u).request.due);
            for u in users {
                self.take_part(u, c);
            }
        }
    }

    /// Connection `c` is open: `u`, if it is a user of it, sends what it has, or makes ready to.
    fn take_part(&mut self, u: u32, c: u32) {
        // It may have been lost since.
        if self.users.connection(u) != c || self.pool.state(c) != ConnectionState::Open {
            return;
        }
        match self.users.stage(u) {
            Stage::Pending => self.send(u),
            Stage::InFlight | Stage::Retired => {}
            Stage::Idle | Stage::Joining | Stage::Primed => self.ready_for_release(u),
        }
    }

    /// Connection `c` could not be opened: that is what becomes of the requests
    /// that waited for it.
    fn on_open_failed(&mut self, OpenFailed { c, failure, began, is_first }: OpenFailed) {
        if is_first {
            self.shared.first_connect_failed();
        }
        let mut some_joins = false;
        let mut users = self.pool.users_of(c);
        while let Some(u) = self.users.next_on(&mut users, c) {
            match self.users.stage(u) {
                Stage::Pending => self.fail_unsent(u, failure),
                stage @ (Stage::Idle | Stage::Joining | Stage::Primed) => {
                    some_joins |= stage == Stage::Joining;
                    self.exclude(u, failure, began);
                }
                Stage::InFlight | Stage::Retired => {}
            }
        }
        // The schedule says when the next attempt is made.
        let by_schedule = self.load.kind() == ModelKind::Open && self.load.release.is_released() && !some_joins;
        match self.pool.state(c) {
            ConnectionState::Failed if by_schedule => self.pool.close(c),
            ConnectionState::Failed | ConnectionState::Closed if !by_schedule => self.pool.back_off(c),
            _ => {}
        }
        self.end_if_nobody_connected();
    }

    /// No further request may use connection `c`, and none is under way on it.
    fn on_exhausted(&mut self, c: u32) {
        if self.pool.state(c) != ConnectionState::Open || !self.pool.is_exhausted(c) || !self.pool.is_unused(c) {
            return;
        }
        if self.pool.moved_to(c).is_some() {
            self.pool.close(c);
            self.pool.return_spare(c);
        } else if self.has_user(c, |stage| matches!(stage, Stage::Pending | Stage::Primed))
            || !self.load.release.is_released()
        {
            self.pool.closed_idle(c, End::Closed);
        } else {
            self.pool.close(c);
        }
    }

    /// Connection `from` takes no more requests: its users that have none under way go on with `to`.
    #[cold]
    fn on_moved(&mut self, from: u32, to: u32) {
        let mut users = self.pool.users_of(to);
        while let Some(u) = self.users.next_on(&mut users, from) {
            if self.users.stage(u) != Stage::InFlight {
                self.users.get_mut(u).connection = to;
                if self.users.stage(u) == Stage::Pending {
                    self.send_when_open(u);
                }
            }
        }
    }

    /// Connection `c` was closed while no request was under way on it.
    fn on_closed_idle(&mut self, ClosedIdle { c, end, began, has_lasted }: ClosedIdle) {
        let mut users = self.pool.users_of(c);
        while let Some(u) = self.users.next_on(&mut users, c) {
            self.users.unprime(u);
        }
        if self.pool.state(c) != ConnectionState::Closed {
            return;
        }
        if self.load.release.is_released() {
            self.reopen_if_needed(c);
            return;
        }
        // It is opened when the release is prepared.
        if self.load.release.is_waiting() {
            return;
        }
        // The server closes idle connections: however often it does while others are being made
        // ready, this one holds up nothing.
        if has_lasted && !self.release_waits_for(c) {
            return self.pool.open(c);
        }
        // A server that closes every connection at once must not hold up the release for ever.
        if self.pool.is_first_idle_close(c) {
            self.pool.open(c);
        } else {
            self.pool.back_off(c);
            let failure = match end {
                // A server says only after the handshake that it does not like the client's certificate.
                End::Broken(failure) if failure.phase == Phase::Tls => failure,
                _ => Failure::new(Phase::Connect, Cause::ClosedIdle),
            };
            self.exclude_all(c, failure, Some(began));
        }
    }

    /// All that goes out before the release has, on connection `c`.
    fn on_held(&mut self, c: u32) {
        // Another user may have prepared a request on it since, which has not gone out: another event will come.
        if self.load.release.is_released() || self.pool.is_holding(c) {
            return;
        }
        let mut users = self.pool.users_of(c);
        while let Some(u) = self.users.next_on(&mut users, c) {
            if self.users.stage(u) == Stage::Primed {
                self.load.release.mark_ready(u);
            }
        }
    }

    /// The wait of connection `c` after a failure is over.
    fn on_back_off_over(&mut self, c: u32) {
        if self.load.release.is_waiting() || self.pool.state(c) != ConnectionState::Closed {
            return;
        }
        let mut users = self.pool.users_of(c);
        if !self.load.release.is_released() {
            if self.pool.keeps_alive() && self.release_waits_for(c) {
                return self.pool.open(c);
            }
            while let Some(u) = self.users.next_on(&mut users, c) {
                self.load.release.mark_ready(u);
            }
            return;
        }
        self.reopen_if_needed(c);
        while let Some(u) = self.users.next_on(&mut users, c) {
            let is_closed = self.load.kind() == ModelKind::Closed;
            if is_closed && self.users.stage(u) == Stage::Idle && self.pool.routes.has_one_origin() {
                self.load.set_free(u);
            } else {
                self.join(u);
            }
        }
    }

    /// Requests that are left without connection `c` get it again.
    pub(super) fn reopen_if_needed(&mut self, c: u32) {
        if self.pool.state(c) == ConnectionState::Closed
            && self.load.release.is_released()
            && self.has_user(c, |stage| stage == Stage::Pending)
        {
            self.pool.open(c);
        }
    }

    /// No user of connection `c` can take part in the coming release: what failed began at
    /// `since`, or when each one's request was encoded.
    pub(super) fn exclude_all(&mut self, c: u32, failure: Failure, since: Option<Nanos>) {
        let mut users = self.pool.users_of(c);
        while let Some(u) = self.users.next_on(&mut users, c) {
            let user = self.users.get(u);
            if user.stage != Stage::Retired {
                let since = since.unwrap_or(user.request.rendered.min(self.pool.now));
                self.exclude(u, failure, since);
            }
        }
    }

    /// `u` cannot take part in the coming release: what it has tried since `since` has failed.
    pub(super) fn exclude(&mut self, u: u32, failure: Failure, since: Nanos) {
        let at = self.pool.now;
        let user = self.users.get_mut(u);
        if user.stage != Stage::Joining {
            user.stage = Stage::Idle;
        }
        user.excluded = Some(Exclusion { failure, since, at });
        if !self.load.release.is_released() {
            if self.load.kind() == ModelKind::Waves {
                self.load.release.mark_ready(u);
            } else {
                self.ready_once_all_tried(u);
            }
        }
    }

    /// `u`, if it had no connection when all others were released, can be given requests from now on.
    pub(super) fn join(&mut self, u: u32) {
        if self.load.kind() == ModelKind::Open && self.users.stage(u) == Stage::Joining {
            self.users.get_mut(u).stage = Stage::Idle;
            self.load.join(u, self.pool.now);
        }
    }
}
