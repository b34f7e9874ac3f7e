//! When the server did not answer: users who back off after a failure ask less while it is down, so that a success
//! rate alone makes an outage look small.

use serde::{Deserialize, Serialize};

use crate::record::{Cause, Failure, Phase};
use crate::stats::series::IntervalSum;
use crate::stats::{FailureCount, Totals};
use crate::time::Nanos;
use crate::units::{self, count};

/// A time in which no request was ok.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutageLine {
    /// When it began, in seconds from T0.
    pub from_s: f64,
    /// When it ended, or the run did.
    pub to_s: f64,
    /// It lasted to the end of the run.
    pub to_the_end: bool,
    /// Requests that failed in it.
    pub failed: u64,
    /// What most of them failed of; None: requests waited, and nothing came.
    pub failure: Option<Failure>,
    /// The same in a line.
    pub text: String,
}

/// So many requests fail one after the other before that is an outage: of fewer, chance may be the reason.
const FEWEST: u64 = 5;
/// Where nothing failed, nothing came for so many times the median response time, and for such a share of the run.
const SILENT: (u64, f64) = (10, 0.05);

/// Outages of a run in order of time, and the share of the run without one. No share: nothing was ok at all, or the
/// run had no length.
pub(super) fn availability(totals: &Totals) -> (Vec<OutageLine>, Option<f64>) {
    let lasted = totals.lasted;
    if totals.counts.ok == 0 || lasted == Nanos::ZERO {
        return (Vec::new(), None);
    }
    let mut spells: Vec<Spell> = Vec::new();
    let mut open: Option<Spell> = None;
    // A time that begins within an interval has failures in that one too.
    let mut before = 0;
    totals.series.for_each(totals.series.finest(), |interval| {
        if interval.counts.ok > 0 {
            spells.extend(open.take().map(|spell| Spell { to: interval.at, ..spell }));
        } else if errors(interval) > 0 || interval.mean_present() > 0.0 {
            let spell = open.get_or_insert(Spell { from: interval.at, to: lasted, failed: 0, before });
            spell.failed += errors(interval);
        }
        before = errors(interval);
    });
    spells.extend(open);
    let outages: Vec<OutageLine> = spells.iter().filter_map(|spell| spell.judge(totals, lasted)).collect();
    let down: f64 = outages.iter().map(|outage| outage.to_s - outage.from_s).sum();
    (outages, Some(1.0 - down / lasted.as_secs()))
}

fn errors(interval: &IntervalSum) -> u64 {
    interval.counts.http_error + interval.counts.failed + interval.counts.timeout
}

/// A time without any request that was ok, from T0.
struct Spell {
    from: Nanos,
    to: Nanos,
    failed: u64,
    /// Those of the interval before, which also had some that were ok.
    before: u64,
}

impl Spell {
    fn judge(&self, totals: &Totals, lasted: Nanos) -> Option<OutageLine> {
        let median = totals.service.clone().quantile(500_000)?;
        let (times, share) = SILENT;
        let length = self.to.since(self.from);
        let is_silence = length.0 > times * median.0 && length.0 as f64 > share * lasted.0 as f64;
        if self.failed < FEWEST && !is_silence {
            return None;
        }
        let (failure, from) = if self.failed < FEWEST { (None, self.from) } else { self.failure(totals) };
        let all_failed = self.failed + if from < self.from { self.before } else { 0 };
        let what = match failure {
            None if self.failed < FEWEST => "no response".into(),
            None => "HTTP errors alone".into(),
            Some(failure) => words(failure),
        };
        let to_the_end = self.to == lasted;
        let end = if to_the_end { "the end".into() } else { seconds(self.to) };
        let part = units::percent(self.to.since(from).0 as f64 / lasted.0 as f64);
        let failed = if all_failed > 0 { format!(": {} failed", count(all_failed, "request")) } else { String::new() };
        Some(OutageLine {
            from_s: from.as_secs(),
            to_s: self.to.as_secs(),
            to_the_end,
            failed: all_failed,
            failure,
            text: format!("{what} from {} to {end} ({part} of the run){failed}", seconds(from)),
        })
    }

    /// The most frequent failure that was seen in this time, and when the time began: with its first one, if that
    /// is known.
    fn failure(&self, totals: &Totals) -> (Option<Failure>, Nanos) {
        let in_it = |f: &&FailureCount| f.first < self.to && f.last >= self.from;
        let Some(most) = totals.failures.iter().filter(in_it).max_by_key(|f| f.count) else { return (None, self.from) };
        let (first, earliest) = (most.first, self.from.before(totals.series.finest()));
        (Some(most.failure), if (earliest..self.to).contains(&first) { first } else { self.from })
    }
}

/// A failure in the words of people.
pub(super) fn words(failure: Failure) -> String {
    let cause = failure.cause.text();
    match (failure.phase, failure.cause) {
        (Phase::Connect, Cause::Refused) => "connection refused".into(),
        (Phase::Connect, Cause::Unresolved) => "host cannot be resolved".into(),
        (Phase::Read | Phase::Write, Cause::Reset) => "connection reset".into(),
        (Phase::Timeout, _) => format!("timeout ({cause})"),
        (Phase::Check, _) => format!("unexpected {cause}"),
        (phase, _) => format!("{}: {cause}", phase.text()),
    }
}

fn seconds(at: Nanos) -> String {
    format!("{} s", units::decimals(at.as_secs(), 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{NO_WAVE, Record};
    use crate::stats::{Clocks, Tally, Traffic};

    const REFUSED: Failure = Failure::new(Phase::Connect, Cause::Refused);

    /// A request every 10 ms for so many seconds, each done after 2 ms; what became of each by its time in ms.
    fn run(seconds: u64, what: impl Fn(u64) -> (u16, Option<Failure>)) -> Totals {
        let mut tally = Tally::new(Nanos::ZERO, Nanos::NEVER, Clocks::default());
        for index in 0..seconds * 100 {
            let due = Nanos::from_millis(10 * index);
            let (status, failure) = what(10 * index);
            let done = due + Nanos::from_millis(2);
            tally.in_system.enter(due);
            tally.record(&Record {
                index,
                due,
                sent: due,
                first_byte: done,
                done,
                wave: NO_WAVE,
                status,
                failure,
                ..Record::default()
            });
        }
        tally.close(Traffic::default())
    }

    fn texts(totals: &Totals) -> (Vec<String>, Option<f64>) {
        let (outages, share) = availability(totals);
        (outages.into_iter().map(|outage| outage.text).collect(), share)
    }

    #[test]
    fn a_server_that_dies_is_down_from_its_first_failure() {
        let totals = run(10, |at| if at < 4_010 { (200, None) } else { (0, Some(REFUSED)) });
        let (said, share) = texts(&totals);
        assert_eq!(said, ["connection refused from 4.01 s to the end (59.85% of the run): 599 requests failed"]);
        assert!((share.unwrap() - 0.4).abs() < 0.005, "{share:?}");
    }

    #[test]
    fn an_outage_in_the_middle_ends() {
        let totals = run(10, |at| if (4_000..6_000).contains(&at) { (503, None) } else { (200, None) });
        let (outages, share) = availability(&totals);
        assert!(outages.len() == 1 && outages[0].failure.is_none() && !outages[0].to_the_end, "{outages:?}");
        assert!((outages[0].from_s - 4.0).abs() < 0.3 && (outages[0].to_s - 6.0).abs() < 0.3, "{outages:?}");
        assert!((share.unwrap() - 0.8).abs() < 0.05, "{share:?}");
    }

    #[test]
    fn requests_that_wait_for_nothing_are_an_outage_and_slow_ones_are_not() {
        let mut tally = Tally::new(Nanos::ZERO, Nanos::NEVER, Clocks::default());
        let cut = Failure::new(Phase::Cut, Cause::RunEnded);
        for index in 0..110 {
            let due = Nanos::from_millis(10 * index);
            let (done, failure) =
                if index < 100 { (due + Nanos::from_millis(2), None) } else { (Nanos::from_secs(3), Some(cut)) };
            tally.in_system.enter(due);
            let first_byte = done;
            tally.record(&Record {
                index,
                due,
                sent: due,
                first_byte,
                done,
                wave: NO_WAVE,
                status: 200,
                failure,
                ..Record::default()
            });
        }
        let (outages, _) = availability(&tally.close(Traffic::default()));
        assert!(outages.len() == 1 && outages[0].text.starts_with("no response from 1."), "{outages:?}");
        assert!(outages[0].to_the_end && outages[0].failed == 0, "{outages:?}");
    }

    #[test]
    fn single_failures_and_a_run_that_fails_as_a_whole_have_no_outage() {
        let seldom = run(10, |at| if at % 50 == 0 { (0, Some(REFUSED)) } else { (200, None) });
        assert_eq!(texts(&seldom), (vec![], Some(1.0)));
        assert_eq!(texts(&run(1, |_| (0, Some(REFUSED)))), (vec![], None));
    }
}
