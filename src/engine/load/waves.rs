//! The wave model: which wave comes next, and what the last worker to finish one decides.

use crate::plan::{Load, Warmup};
use crate::request::Slot;
use crate::schedule;
use crate::stats::WaveFacts;
use crate::time::Nanos;

use super::Decision;

/// The sequence of waves, as every worker follows it for itself.
#[derive(Debug)]
pub(crate) struct Waves {
    schedule: schedule::Waves,
    warmup: Warmup,
    duration: Option<Nanos>,
    pub(crate) hold_last_byte: bool,
    /// The wave under way or being prepared is counted.
    pub(crate) measured: bool,
    /// Its number, from 0 in the warm-up and from 0 again after it.
    number: u64,
    /// When wave 0 of the warm-up, or of the measured ones, was released.
    began: Nanos,
    /// What this worker's share of the wave did, if the wave counts.
    facts: Option<WaveFacts>,
    /// Requests of this worker that are not done yet.
    pub(crate) outstanding: u32,
}

/// All workers have to be awake when they are to send: so far ahead is a release published.
const AHEAD: Nanos = Nanos::from_micros(100);

impl Waves {
    pub(crate) fn new(load: &Load, every: Option<Nanos>, hold_last_byte: bool) -> Waves {
        Waves {
            schedule: schedule::Waves { users: load.users, requests: load.stop.requests, every },
            warmup: load.warmup,
            duration: load.stop.duration,
            hold_last_byte,
            measured: load.warmup == Warmup::None,
            number: 0,
            began: Nanos::ZERO,
            facts: None,
            outstanding: 0,
        }
    }

    /// Users of the wave that is being prepared.
    pub(crate) fn size(&self) -> u32 {
        if self.measured { self.schedule.size(self.number) } else { self.schedule.users }
    }

    /// Its number for the records.
    pub(crate) fn number(&self) -> u32 {
        self.number as u32
    }

    /// The slot of `user` (of the whole run) in it.
    pub(crate) fn slot(&self, user: u32) -> Slot {
        Slot { index: self.schedule.index(self.number, user), measured: self.measured }
    }

    /// The instant for which the coming release is planned. None: it comes as soon as all
    /// users are ready.
    fn planned(&self) -> Option<Nanos> {
        match self.number {
            0 => None,
            k => self.schedule.planned(self.began, k),
        }
    }

    /// A wave released at `at` would be none: the requests are used up, or the time is.
    fn is_past_end(&self, at: Nanos) -> bool {
        let over = |span: Nanos| self.number > 0 && at >= self.began + span;
        self.size() == 0 || (self.measured && self.duration.is_some_and(over))
    }

    /// The instant for which the coming release is planned, if it is, and if there is to be one.
    pub(crate) fn coming(&self) -> Option<Nanos> {
        self.planned().filter(|planned| !self.is_past_end(*planned))
    }

    /// When the wave under preparation is to be released, decided at `now` for
    /// all workers. `warm`: a warm-up that lasts until it is steady is over.
    pub(crate) fn decide(&self, now: Nanos, workers: u32, warm: bool) -> Decision {
        let soon = if workers == 1 { now } else { now + AHEAD };
        let planned = self.planned();
        let at = planned.map_or(soon, |planned| planned.max(soon));
        if self.is_past_end(at) {
            return Decision::End;
        }
        let next_is_measured = self.measured
            || match self.warmup {
                Warmup::None => true,
                Warmup::Requests(n) => (self.number + 1).saturating_mul(u64::from(self.schedule.users)) >= n,
                Warmup::Time(span) => at >= if self.number == 0 { at + span } else { self.began + span },
                Warmup::Auto => warm,
            };
        Decision::At { at, late: planned.map_or(Nanos::ZERO, |planned| at.since(planned)), next_is_measured }
    }

    /// The wave is released at `at`.
    pub(crate) fn released(&mut self, at: Nanos) {
        if self.number == 0 {
            self.began = at;
        }
        self.facts = self.measured.then(|| WaveFacts::new(self.number));
    }

    /// A request of the wave went out at `at`.
    #[inline]
    pub(crate) fn sent(&mut self, at: Nanos) {
        if let Some(facts) = &mut self.facts {
            facts.sent(at);
        }
    }

    /// A request of the wave was done at `at`; `sent` if it ever went out.
    #[inline]
    pub(crate) fn done(&mut self, at: Nanos, sent: bool) {
        self.outstanding -= 1;
        if let Some(facts) = self.facts.as_mut().filter(|_| sent) {
            facts.done(at);
        }
    }

    /// When the last wave was released, or the run's time was over while a wave was under way.
    pub(crate) fn ended(&self, now: Nanos, t0: Nanos) -> Option<Nanos> {
        if self.measured && self.outstanding > 0 && self.schedule.size(self.number + 1) == 0 {
            return Some(now);
        }
        self.duration.map(|duration| t0 + duration).filter(|end| now >= *end)
    }

    /// What this worker's share of the last wave did, if there was one and it counts.
    pub(crate) fn take_facts(&mut self) -> Option<WaveFacts> {
        self.facts.take()
    }

    /// On to the next wave.
    pub(crate) fn advance(&mut self, next_is_measured: bool) {
        self.number = if next_is_measured == self.measured { self.number + 1 } else { 0 };
        self.measured = next_is_measured;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Model, Stop};

    fn waves(requests: Option<u64>, duration: Option<u64>, warmup: Warmup, every: Option<u64>) -> Waves {
        let model = Model::Waves { every: every.map(Nanos), hold_last_byte: false };
        let stop = Stop { requests, duration: duration.map(Nanos) };
        Waves::new(&Load { model, users: 10, stop, warmup }, every.map(Nanos), false)
    }

    /// The (measured, number, at, late) of all waves if each is ready to be released `took` after the last.
    fn run(mut w: Waves, took: u64) -> Vec<(bool, u32, u64, u64)> {
        let mut now = Nanos(1000);
        let mut out = Vec::new();
        while let Decision::At { at, late, next_is_measured } = w.decide(now, 1, false) {
            w.released(at);
            out.push((w.measured, w.number(), at.0, late.0));
            w.advance(next_is_measured);
            now = at + Nanos(took);
            assert!(out.len() < 100, "the waves do not end");
        }
        out
    }

    #[test]
    fn waves_follow_each_other_until_the_requests_are_used_up() {
        let w = waves(Some(25), None, Warmup::None, None);
        assert_eq!(run(w, 7), [(true, 0, 1000, 0), (true, 1, 1007, 0), (true, 2, 1014, 0)]);
    }

    #[test]
    fn a_duration_ends_with_the_wave_begun_before_it() {
        let w = waves(None, Some(20), Warmup::None, None);
        assert_eq!(run(w, 15).len(), 2, "at 0 and 15; not at 30");
    }

    #[test]
    fn a_wave_that_is_planned_after_the_end_is_none() {
        let w = waves(None, Some(60), Warmup::None, Some(40));
        assert_eq!(run(w, 5).len(), 2, "at 0 and 40; not at 80");
    }

    #[test]
    fn a_warmup_is_whole_waves_and_numbers_begin_again_after_it() {
        let kinds = |w| run(w, 10).iter().map(|&(measured, k, ..)| (measured, k)).collect::<Vec<_>>();
        let by_count = waves(Some(10), None, Warmup::Requests(11), None);
        assert_eq!(kinds(by_count), [(false, 0), (false, 1), (true, 0)]);
        let by_time = waves(Some(10), None, Warmup::Time(Nanos(15)), None);
        assert_eq!(kinds(by_time), [(false, 0), (false, 1), (false, 2), (true, 0)]);
    }

    #[test]
    fn planned_waves_keep_their_plan_and_state_their_lateness() {
        let early = waves(Some(30), None, Warmup::None, Some(50));
        assert_eq!(run(early, 10), [(true, 0, 1000, 0), (true, 1, 1050, 0), (true, 2, 1100, 0)]);
        let late = waves(Some(30), None, Warmup::None, Some(50));
        assert_eq!(run(late, 60), [(true, 0, 1000, 0), (true, 1, 1060, 10), (true, 2, 1120, 20)]);
    }
}
