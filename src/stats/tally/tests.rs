//! Records, and where they are counted.

use super::*;
use crate::record::{Cause, NO_WAVE};
use proptest::prelude::*;

const T0: Nanos = Nanos(1_000);

fn record(sent_after: u64, took: u64, status: u16) -> Record {
    let due = T0 + Nanos(sent_after);
    let done = due + Nanos(took);
    Record {
        index: 0,
        target: 0,
        due,
        ready: due,
        sent: due,
        first_byte: done,
        done,
        body_bytes: 2,
        connect: Nanos::ZERO,
        connection: 0,
        wave: NO_WAVE,
        read_lag_ns: 0,
        status,
        failure: None,
    }
}

fn failed(at: u64, phase: Phase, cause: Cause) -> Record {
    Record { failure: Some(Failure::new(phase, cause)), ..record(at, 10, 0) }
}

fn count(tally: &mut Tally, r: &Record) {
    tally.in_system.enter(r.due);
    tally.record(r);
}

/// The parts of a run's series: (start in seconds, requests, answers).
fn seconds(t: &Totals) -> Vec<(u64, u64, u64)> {
    let mut list = Vec::new();
    let second = Nanos::from_secs(1);
    t.series.for_each(second, |sum| list.push((sum.at.0 / second.0, sum.counts.ended(), sum.response.count())));
    list.retain(|(_, ended, _)| *ended > 0);
    list
}

fn tally(records: &[Record]) -> Tally {
    let mut tally = Tally::new(T0, Nanos::NEVER, Clocks::default());
    records.iter().for_each(|r| count(&mut tally, r));
    tally
}

/// All that a run with these records counted.
fn totals(records: &[Record]) -> Totals {
    tally(records).close(Traffic::default())
}

#[test]
fn every_outcome_has_its_counter() {
    let t = totals(&[
        record(0, 5, 200),
        record(0, 6, 302),
        record(0, 7, 404),
        failed(0, Phase::Read, Cause::Reset),
        failed(0, Phase::Timeout, Cause::WaitFirstByte),
        failed(0, Phase::Cut, Cause::RunEnded),
    ]);
    assert_eq!(t.counts, Counts { ok: 2, http_error: 1, failed: 1, timeout: 1, unfinished: 1 });
    assert_eq!(t.statuses, [(200, 1), (302, 1), (404, 1)]);
    assert_eq!((t.response.count(), t.censored.all().count(), t.failed.count()), (3, 2, 1));
    assert_eq!(t.failures.len(), 2, "cut by the run's end is not a failure");
}

#[test]
fn one_record_serves_three_clocks_only_where_they_agree() {
    let alike = record(0, 50, 200);
    let late = Record { due: T0, sent: T0 + Nanos(20), ..alike };
    let t = totals(&[alike, late, Record { first_byte: alike.sent + Nanos(30), ..alike }]);
    let all = |d: &Distribution| (d.count(), d.min().unwrap().0, d.max().unwrap().0);
    assert_eq!(all(&t.response), (3, 50, 50));
    assert_eq!(all(&t.service), (3, 30, 50));
    assert_eq!(all(&t.first_byte), (3, 30, 50));
}

#[test]
fn seconds_are_told_apart_and_gaps_leave_no_entry() {
    let second = 1_000_000_000;
    let t = totals(&[record(0, 10, 200), record(second - 5, 10, 200), record(5 * second, 10, 500)]);
    assert_eq!(seconds(&t), [(0, 1, 1), (1, 1, 1), (5, 1, 1)]);
}

#[test]
fn a_request_that_takes_long_is_present_all_the_while() {
    let mut t = tally(&[]);
    let long = record(500_000_000, 3_000_000_000, 200);
    t.roll(long.due);
    count(&mut t, &long);
    let t = t.close(Traffic::default());
    let mut present = Vec::new();
    t.series.for_each(Nanos::from_secs(1), |sum| present.push((sum.at.as_secs(), sum.mean_present())));
    assert_eq!(present, [(0.0, 0.5), (1.0, 1.0), (2.0, 1.0), (3.0, 1.0)], "the last one lasts half a second");
    assert_eq!(t.in_system.integral(), 3_000_000_000);
    assert_eq!(t.timeline.samples().iter().filter(|sample| sample.present == 1).count(), 30);
}

#[test]
fn the_last_interval_lasts_as_long_as_the_last_worker() {
    let ran = |took| totals(&[record(0, took, 200)]);
    let mut t = ran(1_500_000_000);
    t.merge(ran(1_250_000_000));
    let mut present = Vec::new();
    t.series.for_each(Nanos::from_secs(1), |sum| present.push(sum.mean_present()));
    assert_eq!(present, [2.0, 1.5]);
}

#[test]
fn a_request_that_was_sent_and_not_answered_has_an_age() {
    let late = Record { sent: T0 + Nanos(20), ..record(0, 50, 200) };
    let cut = |record: Record, phase| Record { failure: Some(Failure::new(phase, Cause::RunEnded)), ..record };
    let mut t = Tally::new(T0, Nanos::NEVER, Clocks { lag: true });
    count(&mut t, &cut(late, Phase::Cut));
    count(&mut t, &cut(Record { sent: Nanos::NEVER, ..late }, Phase::Timeout));
    let t = t.close(Traffic::default());
    assert_eq!((t.censored.all().count(), t.unanswered.count()), (2, 1));
    assert_eq!((t.censored.all().max(), t.unanswered.max()), (Some(Nanos(50)), Some(Nanos(30))));
}

#[test]
fn answers_after_the_window_are_no_throughput() {
    let mut t = Tally::new(T0, T0 + Nanos(100), Clocks::default());
    count(&mut t, &record(0, 100, 200));
    count(&mut t, &record(50, 51, 200));
    assert_eq!((t.answered_in_window, t.counts().ok), (1, 2));
}

proptest! {
    #[test]
    fn merging_equals_counting_in_one(
        events in prop::collection::vec((0u64..4_000_000_000, 1u64..50_000_000, 0u8..4, any::<bool>()), 0..60),
    ) {
        let mut records: Vec<(Record, bool)> = events.iter().map(|&(at, took, kind, mine)| {
            let r = match kind {
                0 => failed(at, Phase::Read, Cause::Reset),
                1 => failed(at, Phase::Timeout, Cause::Body),
                2 => Record { ready: T0, due: T0, ..record(at, took, 200) },
                _ => record(at, took, 503),
            };
            (r, mine)
        }).collect();
        records.sort_by_key(|(r, _)| r.done);
        let all: Vec<Record> = records.iter().map(|(r, _)| *r).collect();
        let part = |want| records.iter().filter(|(_, m)| *m == want).map(|(r, _)| *r).collect::<Vec<_>>();
        let whole = totals(&all);
        let mut merged = totals(&part(true));
        // As it comes from another process.
        let other = serde_json::to_string(&totals(&part(false))).unwrap();
        merged.merge(serde_json::from_str(&other).unwrap());
        prop_assert_eq!(merged.counts, whole.counts);
        prop_assert!(merged.response.buckets().eq(whole.response.buckets()));
        prop_assert!(merged.service.buckets().eq(whole.service.buckets()));
        prop_assert_eq!(seconds(&merged), seconds(&whole));
        prop_assert_eq!(merged.in_system.integral(), whole.in_system.integral());
        let failures = |t: &Totals| {
            let mut list: Vec<_> = t.failures.iter().map(|f| (f.failure, f.count, f.first, f.last)).collect();
            list.sort();
            list
        };
        prop_assert_eq!(failures(&merged), failures(&whole));
    }

    /// However workers are added up, and whatever was sent as text on the way, the sum is the same.
    #[test]
    fn merging_is_exact_and_associative(
        parts in prop::collection::vec(
            prop::collection::vec((0u64..4_000_000_000, 1u64..50_000_000, 0u8..3), 0..20), 3,
        ),
    ) {
        let part = |events: &Vec<(u64, u64, u8)>| {
            let of = |&(at, took, kind): &(u64, u64, u8)| match kind {
                0 => failed(at, Phase::Read, Cause::Reset),
                1 => failed(at, Phase::Cut, Cause::RunEnded),
                _ => record(at, took, 200),
            };
            let mut records: Vec<Record> = events.iter().map(of).collect();
            records.sort_by_key(|r| r.done);
            totals(&records)
        };
        let [a, b, c] = [0, 1, 2].map(|i| part(&parts[i]));
        let sum = |mut mine: Totals, theirs: &Totals| {
            mine.merge(theirs.clone());
            mine
        };
        let text = |t: &Totals| serde_json::to_string(t).unwrap();
        let (left, right) = (sum(sum(a.clone(), &b), &c), sum(a, &sum(b, &c)));
        prop_assert_eq!(text(&left), text(&right));
        prop_assert_eq!(text(&serde_json::from_str::<Totals>(&text(&left)).unwrap()), text(&left));
    }
}
