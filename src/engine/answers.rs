//! What comes back: reading it, and what becomes of the requests that it ends.

use crate::net::Stop;
use crate::proto::{Answer, End};
use crate::record::{Cause, Failure, Phase, Record};
use crate::stats::ln_fast;
use crate::time::Nanos;

use super::connection::ConnectionState;
use super::judge::Judgement;
use super::user::Stage;
use super::worker::LoadModel;
use super::{Io, Worker};

/// A connection may be read so often in one turn: a flood on one does not stop the others.
const READS_PER_TURN: u32 = 16;

impl<I: Io> Worker<'_, I> {
    /// Reads what connection `c` has. A read that does not fill the buffer
    /// has emptied the socket, unless the peer has closed: then the end is still to be read.
    #[inline]
    pub(super) fn read(&mut self, c: u32, read_closed: bool) {
        let mut turns = 0;
        loop {
            let stamped = self.self_check.wants_stamp();
            if stamped {
                self.io.want_stamp(c);
            }
            match self.io.read(c, &mut self.buf) {
                Ok(0) => {
                    self.now = self.io.now();
                    self.note_read(stamped);
                    return self.end(c, End::Closed);
                }
                Ok(n) => {
                    // One reading of the clock serves every answer in these bytes.
                    self.now = self.io.now();
                    self.note_read(stamped);
                    self.tally.bytes_in += n as u64;
                    let connection = &mut self.connections[c as usize];
                    if connection.in_flight == 0 && !self.codec.is_multiplexed() {
                        // Nobody has asked: no answer could be told from this.
                        return self.end(c, End::Closed);
                    }
                    connection.session.receive(&self.buf[..n], self.now, &mut self.codec, &mut self.answers);
                    self.complete_all();
                    if self.codec.is_multiplexed() && !self.go_on(c) {
                        return;
                    }
                    let connection = &self.connections[c as usize];
                    if !matches!(connection.state, ConnectionState::Open | ConnectionState::Greeting)
                        || (connection.session.is_exhausted() && connection.in_flight == 0)
                        || (n < self.buf.len() && !read_closed && !self.io.has_more(c))
                    {
                        break;
                    }
                    turns += 1;
                    if turns == READS_PER_TURN {
                        self.unread.push(c);
                        break;
                    }
                }
                Err(Stop::Blocked) => {
                    self.note_read(stamped);
                    break;
                }
                Err(Stop::Failed(failure)) => {
                    self.now = self.io.now();
                    self.note_read(stamped);
                    return self.end(c, End::of(failure));
                }
            }
        }
        self.close_if_exhausted(c);
    }

    /// Something was read now, or nothing.
    #[inline]
    fn note_read(&mut self, stamped: bool) {
        if stamped {
            let arrived = self.io.arrived(self.now);
            self.self_check.read_stamped(arrived, self.now);
        } else {
            self.self_check.read(self.now);
        }
    }

    /// After what connection `c` received, beside answers: what it has to say to
    /// that is written, and who waited for that goes on. False: it has ended.
    fn go_on(&mut self, c: u32) -> bool {
        if let Some(failure) = self.connections[c as usize].session.error() {
            // The server is told, if it listens.
            let parts = self.connections[c as usize].session.transmit();
            let _ = self.io.write_parts(c, parts);
            self.end(c, End::Broken(failure));
            return false;
        }
        if self.connections[c as usize].session.has_unsent() {
            self.flush(c);
            self.ready_if_flushed(c);
        }
        self.on_ready_to_send(c);
        if let Some(allowed) = self.connections[c as usize].session.allowed_streams() {
            let least = self.tally.streams_allowed.unwrap_or(u32::MAX);
            self.tally.streams_allowed = Some(allowed.min(least));
        }
        self.send_queued_for_stream(c);
        true
    }

    /// The transport of connection `c` ended.
    pub(super) fn end(&mut self, c: u32, end: End) {
        let connection = &mut self.connections[c as usize];
        match connection.state {
            ConnectionState::Greeting => {
                let failure = match end {
                    End::Broken(failure) => failure,
                    End::Closed | End::Truncated => Failure::new(Phase::Connect, Cause::ClosedEarly),
                };
                self.connect_failed(c, failure);
            }
            _ if connection.in_flight > 0 => {
                connection.session.end(end, &mut self.codec, &mut self.answers);
                self.close(c);
                self.complete_all();
                self.return_spare(c);
                self.reopen_if_needed(c);
            }
            // The request knows nothing of a connection that was found closed before it was sent.
            _ => self.reopen(c, end),
        }
    }

    #[inline]
    fn complete_all(&mut self) {
        // The first to be answered is completed first.
        if self.answers.len() > 1 {
            self.answers.reverse();
        }
        while let Some(mut answer) = self.answers.pop() {
            let u = answer.ticket;
            if answer.may_be_sent_again && self.send_again(u) {
                self.send_when_open(u);
                continue;
            }
            if self.users[u as usize].stage != Stage::InFlight {
                self.answered_early(&answer);
                continue;
            }
            let mut failure = answer.failure;
            if self.judge.is_some() && failure.is_none() {
                match self.judge(&mut answer) {
                    Judgement::Moved => continue,
                    Judgement::Done(verdict) => failure = verdict,
                }
            }
            let user = &self.users[u as usize];
            let connection = &mut self.connections[user.connection as usize];
            let mut record = connection.record(&user.request, self.now, failure);
            record.first_byte = answer.first_byte;
            record.body_bytes = answer.body_bytes;
            // Half an answer is none: its status would be counted as a success.
            record.status = if answer.failure.is_none() { answer.status } else { 0 };
            record.read_lag_ns = self.self_check.read_lag_ns(&record);
            self.complete(u, &record);
        }
    }

    /// The request of `u` came to its end.
    #[inline]
    pub(super) fn complete(&mut self, u: u32, record: &Record) {
        self.deadlines.disarm(u);
        if let Some(judge) = &mut self.judge {
            judge.forget(u);
        }
        let user = &mut self.users[u as usize];
        let c = user.connection;
        let connection = &mut self.connections[c as usize];
        if std::mem::replace(&mut user.stage, Stage::Idle) == Stage::InFlight {
            connection.in_flight -= 1;
        }
        match record.failure {
            None => {
                connection.failures = 0;
                if !self.keep_alive {
                    self.close(c);
                }
            }
            // The failure of one of several is not the connection's, be it open or being opened for the
            // others, nor is that of one that has a moved_to.
            Some(_)
                if self.codec.is_multiplexed()
                    && (connection.state != ConnectionState::Closed || connection.moved_to.is_some()) => {}
            Some(failure) if failure.spares_connection() => {
                if !self.keep_alive {
                    self.close(c);
                }
            }
            // The schedule says when the next attempt is made.
            Some(_) if matches!(self.load, LoadModel::Open(_)) => {
                self.close(c);
                self.open_queued();
            }
            Some(_) => self.back_off(c),
        }
        self.follow(u);
        let c = self.users[u as usize].connection;
        if self.users[u as usize].request.slot.measured {
            self.count(record);
        } else if let Some(sample) = &mut self.warming
            && record.failure.is_none()
        {
            sample.count += 1;
            sample.sum_ln += ln_fast(record.response().0);
        }
        match &mut self.load {
            LoadModel::Waves(waves) => waves.done(record.done, record.sent != Nanos::NEVER),
            LoadModel::Closed(_)
                if self.connections[c as usize].state != ConnectionState::BackOff || !self.routes.has_one_origin() =>
            {
                self.free.push(u);
            }
            LoadModel::Closed(_) => {}
            LoadModel::Open(open) => {
                self.users[u as usize].freed = record.done.before(record.tool_error());
                open.busy -= 1;
                open.set_free(u);
            }
        }
    }

    /// Counts a measured request, and gives its row to the sink. A full queue
    /// makes this worker wait; no row is dropped, and no due instant moves.
    #[inline]
    pub(super) fn count(&mut self, record: &Record) {
        self.tally.record(record);
        if record.failure.is_none() {
            self.tally.error.record(record, self.self_check.weight());
        }
        if let Some(rows) = &mut self.rows
            && rows.push(record)
            && !rows.try_send(self.tally.t0)
        {
            let before = self.io.now();
            rows.send(self.tally.t0);
            self.now = self.io.now();
            self.tally.health.sink_wait += self.now.since(before);
            self.self_check.excuse(self.now);
            self.held_up = true;
        }
    }

    #[cold]
    pub(super) fn request_timed_out(&mut self, u: u32) {
        let c = self.users[u as usize].connection;
        self.attempt_failed(c);
        let (user, connection) = (&self.users[u as usize], &mut self.connections[c as usize]);
        if user.stage == Stage::InFlight {
            let (answer, waiting_for) = connection.session.give_up(u);
            let failure = Failure::new(Phase::Timeout, waiting_for);
            let mut record = connection.record(&user.request, self.now, Some(failure));
            record.first_byte = answer.first_byte;
            record.body_bytes = answer.body_bytes;
            self.complete(u, &record);
        } else {
            connection.waiting.retain(|&waiting| waiting != u);
            self.fail_unsent(u, Failure::new(Phase::Timeout, self.connecting_waits_for(c)));
        }
        if self.codec.is_multiplexed() && self.connections[c as usize].state == ConnectionState::Open {
            // The server is told that nobody waits for that answer any more.
            self.flush(c);
            self.send_queued_for_stream(c);
            self.close_if_exhausted(c);
        }
        self.reopen_if_needed(c);
    }

    /// Requests that are left without a connection get one.
    fn reopen_if_needed(&mut self, c: u32) {
        if self.connections[c as usize].state == ConnectionState::Closed
            && self.release.is_released()
            && self.has_user(c, |stage| stage == Stage::Pending)
        {
            self.open(c);
        }
    }

    /// An answer to a request that had not been sent whole: its user cannot take part in the
    /// coming release, unless the server only says that it will not look at the request here.
    #[cold]
    fn answered_early(&mut self, answer: &Answer) {
        let u = answer.ticket;
        if self.users[u as usize].stage != Stage::Primed {
            return;
        }
        if answer.may_be_sent_again {
            // It is encoded again when another connection is open, or sent after the release.
            self.users[u as usize].stage = Stage::Idle;
            self.release.mark_ready(u);
        } else {
            let since = self.users[u as usize].request.rendered;
            self.exclude(u, Failure::new(Phase::Protocol, Cause::AnsweredEarly), since);
        }
    }
}
