//! The release: all users are made ready, all workers meet, all send at one instant.
//!
//! Waves go through it once a wave. Closed and open runs go through it once, at their start.

use crate::time::Nanos;

use super::Decision;

/// How far the next release is.
#[derive(Debug)]
pub(crate) struct Release {
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
    pub(crate) late: Nanos,
    /// The wave after the next one counts.
    pub(crate) next_is_measured: bool,
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

impl Release {
    /// Of a worker with `users` users, before its first preparation.
    pub(super) fn new(users: u32) -> Release {
        Release {
            stage: ReleaseStage::Preparing,
            round: 0,
            not_ready_count: 0,
            not_ready: vec![false; users as usize],
            since: Nanos::ZERO,
            longest: Nanos::ZERO,
            late: Nanos::ZERO,
            next_is_measured: false,
        }
    }

    /// When this worker must be awake for the release.
    pub(crate) fn next_instant(&self) -> Nanos {
        match self.stage {
            ReleaseStage::Armed(at) => at.before(SPIN),
            ReleaseStage::Waiting(until) => until,
            _ => Nanos::NEVER,
        }
    }

    /// The next release is far off.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.stage, ReleaseStage::Waiting(_))
    }

    /// The last release is past, and the next not under preparation.
    #[inline]
    pub(crate) fn is_released(&self) -> bool {
        self.stage == ReleaseStage::Released
    }

    /// The next release is planned for `at`, or, without a plan, to come as soon as users are ready: until shortly
    /// before it nothing is done for it. That is twice as long as the longest preparation took, within the `limit` of
    /// connecting.
    pub(crate) fn wait_for(&mut self, at: Option<Nanos>, limit: Nanos, now: Nanos) {
        let lead = (self.longest + self.longest).min(limit).max(MIN_LEAD);
        self.stage = ReleaseStage::Waiting(at.map_or(now, |at| at.before(lead)));
    }

    /// The wait of [`Self::wait_for`] is over at `now`.
    pub(crate) fn is_to_be_prepared(&self, now: Nanos) -> bool {
        matches!(self.stage, ReleaseStage::Waiting(until) if now >= until)
    }

    /// Users are being made ready from `now` on: those for which [`Self::expect`] is called.
    pub(crate) fn prepare(&mut self, now: Nanos) {
        self.stage = ReleaseStage::Preparing;
        self.since = now;
    }

    /// The release waits for `u`.
    pub(crate) fn expect(&mut self, u: u32) {
        self.not_ready[u as usize] = true;
        self.not_ready_count += 1;
    }

    /// The release waits for `u`, which is not ready.
    pub(crate) fn awaits(&self, u: u32) -> bool {
        self.not_ready[u as usize]
    }

    /// `u` is ready, or cannot take part.
    pub(crate) fn mark_ready(&mut self, u: u32) {
        if std::mem::take(&mut self.not_ready[u as usize]) {
            self.not_ready_count -= 1;
        }
    }

    /// When the preparation began that has lasted for `limit` at `now`.
    pub(crate) fn is_overdue(&self, limit: Nanos, now: Nanos) -> Option<Nanos> {
        (self.stage == ReleaseStage::Preparing && now >= self.since + limit).then_some(self.since)
    }

    /// All users are ready at `now`, for the first time: this worker arrives at the barrier.
    pub(crate) fn arrives(&mut self, now: Nanos) -> bool {
        let is_ready = self.stage == ReleaseStage::Preparing && self.not_ready_count == 0;
        if is_ready {
            self.stage = ReleaseStage::Arrived;
            self.longest = self.longest.max(now.since(self.since));
        }
        is_ready
    }

    /// The round of the barrier whose decision this worker waits for.
    pub(crate) fn awaited_round(&self) -> Option<u64> {
        (self.stage == ReleaseStage::Arrived).then_some(self.round)
    }

    /// What was decided of [`Self::awaited_round`].
    pub(crate) fn decided(&mut self, decision: Decision) {
        self.round += 1;
        if let Decision::At { at, late, next_is_measured } = decision {
            self.late = late;
            self.next_is_measured = next_is_measured;
            self.stage = ReleaseStage::Armed(at);
        }
    }

    /// The instant of the release, if it is so close at `now` that the rest is spent spinning.
    pub(crate) fn launches(&self, now: Nanos) -> Option<Nanos> {
        match self.stage {
            ReleaseStage::Armed(at) if now + SPIN >= at => Some(at),
            _ => None,
        }
    }

    /// All are released.
    pub(crate) fn released(&mut self) {
        self.stage = ReleaseStage::Released;
    }
}
