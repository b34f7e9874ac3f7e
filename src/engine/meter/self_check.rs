//! What a worker knows of its own lateness.

use crate::record::Record;
use crate::stats::{Health, Usage};
use crate::time::Nanos;

/// A worker's watch over itself: how long answers lay unread, how long it did
/// not look, and what it used.
///
/// The kernel says of some reads when what they return arrived: of so many that
/// the sample tells of all, and of so few that it costs next to nothing. Where
/// it says nothing, as of Unix sockets, the read lag is an estimate: an
/// answer may have come at any time since the worker could last see none. If it
/// slept, it was woken as quickly as sleepers are here, unless it overslept an
/// instant that it had set; if it did not sleep, that was in the turn before.
#[derive(Debug)]
pub(crate) struct SelfCheck {
    sample: StampSampler,
    /// The answers of the last read speak for so many; 0: they do not speak of this tool's error.
    weight: u32,
    /// Every turn of the loop is looked at, with a reading of the clock of its own.
    pub(crate) is_every_turn: bool,
    /// So the loop looks around more often, and knows from that when it was away.
    is_unstamped: bool,
    /// When the last wait was over.
    woke: Nanos,
    /// When it looked at the connections, at the earliest.
    looked: Nanos,
    /// What kept the loop until then is no stall.
    excused: Nanos,
    /// No answer that is read in this turn arrived before, as far as can be told.
    blind_since: Nanos,
    /// When the bytes that were read last had arrived.
    arrived: Option<Nanos>,
    stamped: u64,
    stall: Nanos,
    /// When the loop is to tick at the latest, if it does not stall.
    ticks_at: Nanos,
    began: Nanos,
    at_first: Usage,
    /// Time spent on polls that found nothing to do, ahead of a request.
    polling: Nanos,
    /// When the second under way began, and what had been worked by then.
    second: (Nanos, Nanos),
    /// The share of the last second that was worked.
    pub(crate) busy: f64,
    busiest: f64,
}

/// So much later than usual nobody wakes who could run.
const OVERSLEPT: Nanos = Nanos::from_micros(50);
/// Where the kernel stamps nothing, the loop looks around at least so often.
const LOOK: Nanos = Nanos::from_millis(1);
/// A wait that was over so soon has not slept.
const NO_SLEEP: Nanos = Nanos::from_micros(20);

impl SelfCheck {
    /// `is_unstamped`: the kernel says of no read when it arrived. With `all`, every read is to be stamped.
    pub(crate) fn new(is_every_turn: bool, is_unstamped: bool, all: bool) -> SelfCheck {
        SelfCheck {
            sample: StampSampler::new(all),
            weight: 0,
            is_every_turn,
            is_unstamped,
            woke: Nanos::ZERO,
            looked: Nanos::ZERO,
            excused: Nanos::ZERO,
            blind_since: Nanos::ZERO,
            arrived: None,
            stamped: 0,
            stall: Nanos::ZERO,
            ticks_at: Nanos::NEVER,
            began: Nanos::ZERO,
            at_first: Usage::default(),
            polling: Nanos::ZERO,
            second: (Nanos::ZERO, Nanos::ZERO),
            busy: 0.0,
            busiest: 0.0,
        }
    }

    pub(crate) fn begin(&mut self, now: Nanos, usage: Usage) {
        (self.began, self.at_first, self.second) = (now, usage, (now, usage.cpu));
        (self.woke, self.looked) = (now, now);
    }

    /// A wait that began at `before` and was to last until `until` was over at
    /// `now`; waking up takes about `wake_up` here.
    #[inline]
    pub(crate) fn woke(&mut self, before: Nanos, until: Nanos, now: Nanos, wake_up: Nanos) {
        if !self.is_every_turn {
            return;
        }
        if now.since(before) < NO_SLEEP {
            if before == self.woke {
                self.polling += now.since(before);
            }
            self.blind_since = self.looked;
            self.looked = before;
            self.stall = self.stall.max(now.since(self.woke.max(self.excused)));
        } else {
            let slept_until = until.max(before);
            // One that overslept may have been kept from running at any time since it lay down,
            // before it looked or after.
            (self.blind_since, self.looked) = if now.since(slept_until) > wake_up + OVERSLEPT {
                (before, before)
            } else {
                (now.min(slept_until).before(wake_up).max(before), now)
            };
            self.stall = self.stall.max(before.since(self.woke.max(self.excused))).max(now.since(until.max(before)));
        }
        self.woke = now;
    }

    /// When the loop is to look around, whatever it waits for.
    #[inline]
    pub(crate) fn looks_at(&self, now: Nanos) -> Nanos {
        if self.is_unstamped { now + LOOK } else { Nanos::NEVER }
    }

    /// The coming read is to be stamped.
    #[inline]
    pub(crate) fn wants_stamp(&mut self) -> bool {
        self.sample.is_next()
    }

    /// Bytes were read at `now`.
    #[inline]
    pub(crate) fn read(&mut self, now: Nanos) {
        if self.is_every_turn {
            // Where some have stamps, these speak for the others.
            (self.arrived, self.weight) = (Some(self.blind_since.min(now)), u32::from(self.stamped == 0));
        } else {
            (self.arrived, self.weight) = (None, 0);
        }
    }

    /// Bytes were read at `now` that were to be stamped; `arrived` is when they came, if the kernel says so.
    pub(crate) fn read_stamped(&mut self, arrived: Option<Nanos>, now: Nanos) {
        self.read(now);
        if arrived.is_some() {
            self.stamped += 1;
            (self.arrived, self.weight) = (arrived, self.sample.stride);
        }
        self.sample.adapt(now);
    }

    /// For how many answers those of the last read speak, as far as this tool's error goes.
    #[inline]
    pub(crate) fn weight(&self) -> u32 {
        self.weight
    }

    /// How long the answer in this record lay unread: never longer than it took.
    #[inline]
    pub(crate) fn read_lag_ns(&self, record: &Record) -> u32 {
        let Some(arrived) = self.arrived else { return 0 };
        let lag = record.done.since(arrived).min(record.done.since(record.sent));
        u32::try_from(lag.0).unwrap_or(u32::MAX)
    }

    /// What has kept the loop until `now` is named elsewhere. Answers lay unread meanwhile all the same.
    pub(crate) fn excuse(&mut self, now: Nanos) {
        self.excused = now;
        self.ticks_at = self.ticks_at.max(now);
    }

    /// The loop ticks, as it does every so often; returns the longest stall so far.
    pub(crate) fn tick(&mut self, now: Nanos) -> Nanos {
        if !self.is_every_turn {
            self.stall = self.stall.max(now.since(self.ticks_at));
        }
        self.stall
    }

    /// The loop is to tick again at `at`; by now the thread has used so much processor time.
    pub(crate) fn tick_at(&mut self, at: Nanos) {
        self.ticks_at = at;
    }

    /// Once a second.
    pub(crate) fn is_second_over(&self, now: Nanos) -> bool {
        now.since(self.second.0) >= Nanos::from_secs(1)
    }

    /// The second is over, and the thread has used so much.
    pub(crate) fn end_second(&mut self, now: Nanos, usage: Usage) {
        let (began, worked) = self.second;
        let working = usage.cpu.since(self.polling);
        self.busy = working.since(worked).0 as f64 / now.since(began).0.max(1) as f64;
        self.busiest = self.busiest.max(self.busy);
        self.second = (now, working);
    }

    pub(crate) fn end(&mut self, now: Nanos, usage: Usage, health: &mut Health) {
        if now.since(self.second.0) >= Nanos::from_millis(100) {
            self.end_second(now, usage);
        }
        health.cpu = usage.cpu.since(self.at_first.cpu);
        health.polling = self.polling;
        health.wall = now.since(self.began);
        health.busiest = self.busiest;
        health.run_queue = usage.run_queue.zip(self.at_first.run_queue).map(|(last, first)| last.since(first));
        health.stall = self.stall;
        health.stamped = self.stamped;
    }
}

/// Which reads are stamped: one of `stride` on average. The steps are random,
/// so that no place among the connections is favoured.
#[derive(Debug)]
struct StampSampler {
    stride: u32,
    /// Reads up to the next one of the sample.
    left: u32,
    /// The state of the random steps.
    seed: u32,
    /// In how many reads of the sample the stride is thought over, and when it was last.
    until_adapted: u32,
    adapted: Nanos,
    all: bool,
}

/// The stride is thought over so often.
const ADAPTED_AFTER: u32 = 256;
/// [`ADAPTED_AFTER`] reads of the sample take no less and no more time than that: in a fast run 1,000 a second at most, which is
/// some thousandth of what a processor does; in a slower one all are in the sample.
const QUICK: Nanos = Nanos::from_millis(256);
const SLOW: Nanos = Nanos::from_millis(1_024);
/// Also of the fastest run one read of so many is stamped.
const LARGEST_STRIDE: u32 = 256;

impl StampSampler {
    fn new(all: bool) -> StampSampler {
        StampSampler { stride: 1, left: 1, seed: 1, until_adapted: ADAPTED_AFTER, adapted: Nanos::ZERO, all }
    }

    #[inline]
    fn is_next(&mut self) -> bool {
        self.left -= 1;
        self.left == 0
    }

    /// A read of the sample is over.
    fn adapt(&mut self, now: Nanos) {
        self.until_adapted -= 1;
        if self.until_adapted == 0 {
            self.until_adapted = ADAPTED_AFTER;
            let took = now.since(std::mem::replace(&mut self.adapted, now));
            if took < QUICK && !self.all {
                self.stride = (2 * self.stride).min(LARGEST_STRIDE);
            } else if took > SLOW {
                self.stride = (self.stride / 2).max(1);
            }
        }
        // Numerical Recipes' generator, whose upper bits are random enough; uniform in 1..2 * stride, so `stride` on average.
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let range = u64::from(2 * self.stride - 1);
        self.left = 1 + ((u64::from(self.seed) * range) >> 32) as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stride at the end, and how many of `reads` were in the sample, that came so far apart.
    fn sampled(reads: u64, apart: Nanos, all: bool) -> (u32, u64, u64) {
        let mut sample = StampSampler::new(all);
        let (mut taken, mut spoken_for) = (0, 0);
        for n in 0..reads {
            if sample.is_next() {
                (taken, spoken_for) = (taken + 1, spoken_for + u64::from(sample.stride));
                sample.adapt(Nanos(n * apart.0));
            }
        }
        (sample.stride, taken, spoken_for)
    }

    #[test]
    fn slow_runs_are_sampled_whole_and_fast_ones_in_part() {
        assert_eq!(sampled(10_000, Nanos::from_millis(3), false), (1, 10_000, 10_000));
        assert_eq!(sampled(10_000, Nanos::from_micros(5), true), (1, 10_000, 10_000));
        let (stride, taken, spoken_for) = sampled(1_000_000, Nanos::from_micros(5), false);
        assert_eq!(stride, 256);
        assert!(taken < 10_000, "{taken}");
        assert!(spoken_for.abs_diff(1_000_000) < 40_000, "{spoken_for}");
    }
}
