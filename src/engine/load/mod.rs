//! When: the load model decides which request is due at which instant, and for whom.

mod barrier;
mod closed;
mod numbers;
mod open;
mod release;
mod warmup;
mod waves;

use crate::plan::{Model, ModelKind, Plan, Warmup};
use crate::record::{NO_WAVE, Record};
use crate::request::Slot;
use crate::stats::WaveFacts;
use crate::time::Nanos;

pub(crate) use barrier::{Barrier, Decision};
use closed::Closed;
pub(crate) use closed::Next;
pub(crate) use numbers::Numbers;
use open::Open;
use release::Release;
pub(crate) use warmup::AutoWarmup;
use waves::Waves;

/// One worker's share of the load.
#[derive(Debug)]
pub(crate) struct Load {
    model: LoadModel,
    /// How far the next release is.
    pub(crate) release: Release,
    /// When sending began.
    launched: Nanos,
    /// How many users this worker has, and the number in the run of the first one.
    users: u32,
    first_user: u32,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a worker has one")]
enum LoadModel {
    Waves(Waves),
    Closed(Closed),
    Open(Open),
}

/// A request that is due, in the open model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) slot: Slot,
    /// When it was due.
    pub(crate) at: Nanos,
}

impl Load {
    /// The share of worker `number` in the load of this plan.
    pub(crate) fn new(plan: &Plan, number: u32) -> Load {
        let (load, share) = (&plan.load, plan.share(number).users);
        let users = share.len() as u32;
        let model = match &load.model {
            Model::Waves { every, hold_last_byte } => LoadModel::Waves(Waves::new(load, *every, *hold_last_byte)),
            Model::Closed => LoadModel::Closed(Closed::new(load, users)),
            Model::Open(open) => LoadModel::Open(Open::new(open, load, plan.seed, number, plan.workers, users)),
        };
        Load { model, release: Release::new(users), launched: Nanos::NEVER, users, first_user: share.start }
    }

    /// Which model it is.
    #[inline]
    pub(crate) fn kind(&self) -> ModelKind {
        match self.model {
            LoadModel::Waves(_) => ModelKind::Waves,
            LoadModel::Closed(_) => ModelKind::Closed,
            LoadModel::Open(_) => ModelKind::Open,
        }
    }

    /// A warm-up of this load lasts until response times have settled.
    pub(crate) fn settles(plan: &Plan) -> bool {
        plan.load.warmup == Warmup::Auto
    }

    /// When this worker must be awake for what it is to send; a sleeper is late by `wake_up`.
    #[inline]
    pub(crate) fn next_instant(&self, wake_up: Nanos) -> Nanos {
        let release = self.release.next_instant();
        match &self.model {
            LoadModel::Closed(closed) if self.release.is_released() && !closed.free.is_empty() => Nanos::ZERO,
            // The rest of the time is spent with polls that do not sleep.
            LoadModel::Open(open) if self.release.is_released() => release.min(open.next_instant().before(wake_up)),
            _ => release,
        }
    }

    /// When sending began, if it had at `now`.
    pub(crate) fn launched(&self, now: Nanos) -> Option<Nanos> {
        (self.launched <= now).then_some(self.launched)
    }

    /// All are released at `at`. True: counting begins with that.
    pub(crate) fn launch(&mut self, at: Nanos) -> bool {
        self.release.released();
        self.launched = self.launched.min(at);
        match &mut self.model {
            LoadModel::Waves(waves) => {
                waves.released(at);
                waves.measured
            }
            LoadModel::Closed(closed) => closed.begin(at),
            LoadModel::Open(open) => {
                open.begin(at);
                false
            }
        }
    }

    /// Counting begins at `t0`: the end of what is part of the throughput.
    pub(crate) fn begin_counting(&mut self, t0: Nanos) -> Nanos {
        match &mut self.model {
            LoadModel::Waves(_) => Nanos::NEVER,
            LoadModel::Closed(closed) => closed.count_from(t0),
            LoadModel::Open(open) => open.window_end(),
        }
    }

    /// A warm-up that lasts until response times have settled ends at `t0`.
    pub(crate) fn end_warmup(&mut self, t0: Nanos) {
        match &mut self.model {
            // The worker that decides on the next wave asks for it there.
            LoadModel::Waves(_) => {}
            LoadModel::Closed(closed) => closed.end_warmup(t0),
            LoadModel::Open(open) => open.count_from(t0),
        }
    }

    /// From when on no more requests are due, once that is known at `now`. `t0`: when counting began.
    pub(crate) fn ended(&self, now: Nanos, t0: Nanos, numbers: &Numbers) -> Option<Nanos> {
        match &self.model {
            LoadModel::Waves(waves) => waves.ended(now, t0),
            LoadModel::Closed(closed) => closed.ended(now, numbers),
            LoadModel::Open(open) => open.ended(now),
        }
    }

    /// When a request becomes due that must wait for its connection, or for room on it, from `now` on. In the open
    /// model it was due before it was given to a user.
    pub(crate) fn due_when_blocked(&mut self, now: Nanos) -> Nanos {
        match &mut self.model {
            LoadModel::Waves(waves) => {
                waves.sent(now);
                now.before(self.release.late)
            }
            LoadModel::Closed(_) | LoadModel::Open(_) => now,
        }
    }

    /// The request of `u` is done, and `u` may send the next one, or will when its connection `may_send` again.
    #[inline]
    pub(crate) fn done(&mut self, u: u32, record: &Record, may_send: bool) {
        match &mut self.model {
            LoadModel::Waves(waves) => waves.done(record.done, record.sent != Nanos::NEVER),
            LoadModel::Closed(closed) => {
                if may_send {
                    closed.free.push(u);
                }
            }
            LoadModel::Open(open) => {
                open.busy -= 1;
                open.set_free_since(u, record.done.before(record.tool_error()));
            }
        }
    }

    /// `u`, which had no connection when all were released, can be given requests from `now` on.
    pub(crate) fn join(&mut self, u: u32, now: Nanos) {
        if let LoadModel::Open(open) = &mut self.model {
            open.set_free_since(u, now);
        }
    }

    // --- Waves ---

    /// How many users of this worker take part in the next release: they are the first ones.
    pub(crate) fn participants(&self) -> u32 {
        match &self.model {
            LoadModel::Waves(waves) => waves.size().saturating_sub(self.first_user).min(self.users),
            LoadModel::Closed(_) | LoadModel::Open(_) => self.users,
        }
    }

    /// The slot of `u` in the wave that is under way or being prepared, and the wave's number. None: there are no waves.
    pub(crate) fn in_wave(&self, u: u32) -> Option<(Slot, u32)> {
        match &self.model {
            LoadModel::Waves(waves) => Some((waves.slot(self.first_user + u), waves.number())),
            LoadModel::Closed(_) | LoadModel::Open(_) => None,
        }
    }

    /// All but the last byte of a wave's requests are sent before the release.
    pub(crate) fn holds_last_byte(&self) -> bool {
        matches!(&self.model, LoadModel::Waves(waves) if waves.hold_last_byte)
    }

    /// Sets how many requests of the wave are not done.
    pub(crate) fn set_outstanding(&mut self, requests: u32) {
        if let LoadModel::Waves(waves) = &mut self.model {
            waves.outstanding = requests;
        }
    }

    /// A request of the wave has been sent at `at`.
    #[inline]
    pub(crate) fn sent_in_wave(&mut self, at: Nanos) {
        if let LoadModel::Waves(waves) = &mut self.model {
            waves.sent(at);
        }
    }

    /// A request of the wave is done that was never sent.
    pub(crate) fn done_unsent(&mut self) {
        if let LoadModel::Waves(waves) = &mut self.model {
            waves.outstanding -= 1;
        }
    }

    /// What this worker's share of the last wave did, if it counts.
    pub(crate) fn take_wave_facts(&mut self) -> Option<WaveFacts> {
        match &mut self.model {
            LoadModel::Waves(waves) => waves.take_facts(),
            LoadModel::Closed(_) | LoadModel::Open(_) => None,
        }
    }

    /// What the last worker to be ready decides for all, at `now`. `is_warm`: a warm-up that lasts until response times
    /// have settled is over.
    pub(crate) fn decide(&self, now: Nanos, workers: u32, is_warm: bool) -> Decision {
        match &self.model {
            LoadModel::Waves(waves) => waves.decide(now, workers, is_warm),
            LoadModel::Closed(_) | LoadModel::Open(_) => {
                Decision::At { at: now, late: Nanos::ZERO, next_is_measured: true }
            }
        }
    }

    /// If the wave under way is over: on to the next one, within the `limit` of connecting. True: it was.
    pub(crate) fn next_wave(&mut self, now: Nanos, limit: Nanos) -> bool {
        let LoadModel::Waves(waves) = &mut self.model else { return false };
        if !self.release.is_released() || waves.outstanding > 0 {
            return false;
        }
        waves.advance(self.release.next_is_measured);
        self.release.wait_for(waves.coming(), limit, now);
        true
    }

    /// The number of the wave that stands for a run without any: its first.
    pub(crate) fn first_wave(&self) -> u32 {
        if self.kind() == ModelKind::Waves { 0 } else { NO_WAVE }
    }

    // --- Closed ---

    /// Users that are free, to be given back with [`Self::return_free`].
    #[inline]
    pub(crate) fn take_free(&mut self) -> Vec<u32> {
        match &mut self.model {
            LoadModel::Closed(closed) => std::mem::take(&mut closed.free),
            LoadModel::Waves(_) | LoadModel::Open(_) => Vec::new(),
        }
    }

    /// The list of [`Self::take_free`]; users that have become free meanwhile stay free.
    #[inline]
    pub(crate) fn return_free(&mut self, mut free: Vec<u32>) {
        if let LoadModel::Closed(closed) = &mut self.model {
            free.clear();
            free.append(&mut closed.free);
            closed.free = free;
        }
    }

    /// What a free user does at `now`.
    #[inline]
    pub(crate) fn next(&mut self, now: Nanos, numbers: &Numbers) -> Next {
        match &mut self.model {
            LoadModel::Closed(closed) => closed.next(now, numbers),
            LoadModel::Waves(_) | LoadModel::Open(_) => Next::Stop,
        }
    }

    /// No user needs to wait after a failure any more, as the run is over. `Some(true)`: its time is.
    pub(crate) fn is_closed_over(&self, now: Nanos, numbers: &Numbers) -> Option<bool> {
        match &self.model {
            LoadModel::Closed(closed) if closed.is_over(now, numbers) => Some(closed.is_past_end(now)),
            _ => None,
        }
    }

    // --- Open ---

    /// The request that is due at `now` and next to be sent.
    #[inline]
    pub(crate) fn due(&self, now: Nanos) -> Option<Due> {
        let LoadModel::Open(open) = &self.model else { return None };
        open.due(now).map(|(slot, at)| Due { slot, at })
    }

    /// The user that sends the request that [`Self::due`] gave; one for whom `has_room`, if there is one. None: no user
    /// is free.
    #[inline]
    pub(crate) fn next_free(&mut self, has_room: impl Fn(u32) -> bool) -> Option<u32> {
        let LoadModel::Open(open) = &mut self.model else { return None };
        open.next_free(has_room)
    }

    /// `u` takes the request that [`Self::due`] gave: since when it was free, and whether the request had waited.
    #[inline]
    pub(crate) fn take_due(&mut self, u: u32) -> (Nanos, bool) {
        let LoadModel::Open(open) = &mut self.model else { return (Nanos::ZERO, false) };
        (open.freed(u), open.take())
    }

    /// The next request that is due at `now` and has to wait for a free user.
    pub(crate) fn next_waiting(&mut self, now: Nanos) -> Option<Due> {
        let LoadModel::Open(open) = &mut self.model else { return None };
        open.wait(now).map(|(slot, at)| Due { slot, at })
    }

    /// More requests would have waited than may: the schedule has ended.
    pub(crate) fn has_overflowed(&self) -> bool {
        matches!(&self.model, LoadModel::Open(open) if open.overflowed)
    }

    /// The schedule ends, as another worker's backlog is full.
    pub(crate) fn end_schedule(&mut self) {
        if let LoadModel::Open(open) = &mut self.model {
            open.overflowed = true;
        }
    }

    /// Some user is free.
    pub(crate) fn has_free(&self) -> bool {
        matches!(&self.model, LoadModel::Open(open) if open.has_free())
    }

    /// The first of the requests that wait is not sent any more.
    pub(crate) fn drop_waiting(&mut self) -> Option<Due> {
        let LoadModel::Open(open) = &mut self.model else { return None };
        open.give_up().map(|(slot, at)| Due { slot, at })
    }

    /// All that was due has been sent and has come to its end, and nothing else will be due.
    pub(crate) fn is_schedule_over(&self) -> bool {
        matches!(&self.model, LoadModel::Open(open) if open.is_over())
    }

    /// `u` can be given requests.
    pub(crate) fn set_free(&mut self, u: u32) {
        match &mut self.model {
            LoadModel::Waves(_) => {}
            LoadModel::Closed(closed) => closed.free.push(u),
            LoadModel::Open(open) => open.set_free(u),
        }
    }

    /// When counting begins, in the open model, once that is known.
    pub(crate) fn planned_t0(&self) -> Nanos {
        match &self.model {
            LoadModel::Open(open) => open.t0,
            LoadModel::Waves(_) | LoadModel::Closed(_) => Nanos::NEVER,
        }
    }
}
