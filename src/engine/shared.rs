//! What the workers of a run share: a few words that are touched at the start,
//! at a hand-over, and in batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use crate::plan::Plan;
use crate::time::Nanos;

use super::load::{AutoWarmup, Barrier, Numbers};

// Values of `Shared::reached`.
const UNDECIDED: u8 = 0;
const CONNECTED: u8 = 1;
const UNREACHABLE: u8 = 2;

/// What the workers of a run share.
#[derive(Debug)]
pub struct Shared {
    /// Where they meet before a release.
    pub(crate) barrier: Barrier,
    /// Numbers of the requests of a closed run.
    pub(crate) numbers: Numbers,
    /// What is seen of a warm-up that lasts until it is steady.
    pub(crate) auto: AutoWarmup,
    /// When the first worker began; zero before that.
    began: AtomicU64,
    /// When counting began; zero before that.
    t0: AtomicU64,
    /// The run is to end now: an interruption.
    stop: Arc<AtomicBool>,
    /// A backlog is full: nothing more is due.
    schedule_ended: AtomicBool,
    connections: u32,
    /// Connections whose first opening failed.
    first_failures: AtomicU32,
    /// Whether a server could be reached: decided once, for all workers.
    reached: AtomicU8,
}

impl Shared {
    /// For this run, which ends early when somebody sets `stop`.
    pub fn new(plan: &Plan, stop: Arc<AtomicBool>) -> Shared {
        Shared {
            barrier: Barrier::new(plan.workers),
            numbers: Numbers::new(&plan.load, plan.workers),
            auto: AutoWarmup::default(),
            began: AtomicU64::new(0),
            t0: AtomicU64::new(0),
            stop,
            schedule_ended: AtomicBool::new(false),
            connections: plan.all_connections(),
            first_failures: AtomicU32::new(0),
            reached: AtomicU8::new(UNDECIDED),
        }
    }

    /// Ends the run now.
    pub fn interrupt(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// The run is to end now.
    #[inline]
    pub fn is_interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The backlog of a worker is full: the schedule ends for all.
    pub fn end_schedule(&self) {
        self.schedule_ended.store(true, Ordering::Relaxed);
    }

    /// The schedule ended before its time.
    pub fn has_schedule_ended(&self) -> bool {
        self.schedule_ended.load(Ordering::Relaxed)
    }

    /// A worker begins at `at`; returns when the first one did.
    pub fn begin(&self, at: Nanos) -> Nanos {
        set_once(&self.began, at)
    }

    /// Counting begins at `at`, unless it has begun; returns when it did.
    pub fn begin_counting(&self, at: Nanos) -> Nanos {
        set_once(&self.t0, at)
    }

    /// The first attempt to open a connection failed.
    pub fn first_connect_failed(&self) {
        self.first_failures.fetch_add(1, Ordering::AcqRel);
    }

    /// A connection is open. False: it was decided before that no server can be reached, and the run ends.
    pub fn connected(&self) -> bool {
        // Written once: who opens thousands shares the word with others.
        match self.reached.load(Ordering::Acquire) {
            UNDECIDED => self.decide(CONNECTED) == CONNECTED,
            decided => decided == CONNECTED,
        }
    }

    /// Connections whose first attempt to open failed.
    pub fn first_failures(&self) -> u64 {
        self.first_failures.load(Ordering::Acquire).into()
    }

    /// When counting began, if it has.
    pub fn t0(&self) -> Option<Nanos> {
        match self.t0.load(Ordering::Acquire) {
            0 => None,
            t0 => Some(Nanos(t0)),
        }
    }

    /// The opening of every connection has been tried, and none has been open before: not at a second
    /// attempt either, which may come before another one's first has failed.
    pub fn nobody_connected(&self) -> bool {
        self.first_failures.load(Ordering::Acquire) == self.connections && self.decide(UNREACHABLE) == UNREACHABLE
    }

    /// Decides so unless it is decided; returns what is.
    fn decide(&self, reached: u8) -> u8 {
        match self.reached.compare_exchange(UNDECIDED, reached, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => reached,
            Err(decided) => decided,
        }
    }
}

/// Sets `word` to `at` if it is zero; returns what it is then.
fn set_once(word: &AtomicU64, at: Nanos) -> Nanos {
    match word.compare_exchange(0, at.0, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => at,
        Err(earlier) => Nanos(earlier),
    }
}
