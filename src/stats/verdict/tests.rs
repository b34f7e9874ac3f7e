//! Runs with a story each, and what is said of them.

use super::super::{Clocks, Tally, Traffic};
use super::*;
use crate::plan::ModelKind;
use crate::record::{Cause, NO_WAVE, Record};

const CONNECTIONS: usize = 10;
const RATE: u64 = 1_000;
const REQUESTS: u64 = 3_000;

/// What a run at a rate meets.
#[derive(Clone, Copy)]
struct World {
    /// How long the server takes for an answer.
    takes: Nanos,
    /// From when to when the server answers nobody.
    server_stands: (Nanos, Nanos),
    /// From when to when this tool does nothing.
    tool_stands: (Nanos, Nanos),
}

const WELL: World = World {
    takes: Nanos::from_micros(100),
    server_stands: (Nanos::ZERO, Nanos::ZERO),
    tool_stands: (Nanos::ZERO, Nanos::ZERO),
};

const SECOND: Nanos = Nanos::from_secs(1);

fn run(world: World) -> Totals {
    run_with(world, |_| world.takes)
}

/// What workers would have counted: first come, first served, on the connection that is free first.
/// `takes` says how long the server takes for which request.
fn run_with(world: World, takes: impl Fn(u64) -> Nanos) -> Totals {
    counted(world, takes).close(Traffic::default())
}

fn counted(world: World, takes: impl Fn(u64) -> Nanos) -> Tally {
    let after = |at: Nanos, (from, to): (Nanos, Nanos)| if from <= at && at < to { to } else { at };
    let mut tally = Tally::new(Nanos::ZERO, Nanos::NEVER, Clocks { lag: true });
    // When each has been read, and when it was free but for this tool.
    let mut connections = [(Nanos::ZERO, Nanos::ZERO); CONNECTIONS];
    let mut records = Vec::new();
    for index in 0..REQUESTS {
        let due = Nanos(index * 1_000_000_000 / RATE);
        let connection = connections.iter_mut().min_by_key(|(read, _)| *read).unwrap();
        let (read, ready) = *connection;
        let sent = after(due.max(read), world.tool_stands);
        let arrived = after(sent, world.server_stands) + takes(index);
        let done = after(arrived, world.tool_stands);
        let record = Record {
            index,
            due,
            ready,
            sent,
            first_byte: done,
            done,
            wave: NO_WAVE,
            read_lag_ns: done.since(arrived).0 as u32,
            status: 200,
            ..Record::default()
        };
        *connection = (done, done.before(record.tool_error()));
        records.push(record);
    }
    for record in &records {
        tally.in_system.enter(record.due);
        tally.waiting.enter(record.due);
        tally.waiting.leave(record.sent);
    }
    records.sort_by_key(|record| record.done);
    for record in &records {
        tally.record(record);
        tally.error.record(record, 1);
    }
    tally.health.wall = Nanos::from_secs(3);
    tally
}

fn judged(totals: &Totals, model: ModelKind) -> GeneratorLine {
    let all = CONNECTIONS as u64;
    GeneratorLine::new(totals, model, &Circumstances { asked: all, reached: all, ..Circumstances::default() })
}

fn said(line: &GeneratorLine) -> (Verdict, Option<LimitedBy>) {
    (line.verdict, line.limited_by)
}

#[test]
fn nothing_is_in_the_way_of_a_run_that_goes_well() {
    assert_eq!(said(&judged(&run(WELL), ModelKind::Open)), (Verdict::Valid, None));
}

#[test]
fn a_tool_that_stood_still_does_not_blame_the_server() {
    let stop = (SECOND, SECOND + Nanos::from_millis(200));
    let mut totals = run(World { tool_stands: stop, ..WELL });
    totals.health.stall = Nanos::from_millis(200);
    let line = judged(&totals, ModelKind::Open);
    assert_eq!(said(&line), (Verdict::Invalid, Some(LimitedBy::Tool)), "{:?}", line.reasons);
    assert!(line.reasons.iter().any(|reason| reason.contains("stood still for up to 200 ms")), "{:?}", line.reasons);
}

/// So many requests, all but `late` of which took `takes`, and those longer by what this tool left them unread.
fn left_unread(count: u64, late: u64, takes: Nanos, unread: Nanos) -> Totals {
    let mut tally = Tally::new(Nanos::ZERO, Nanos::NEVER, Clocks::default());
    for index in 0..count {
        let lag = if index < late { unread } else { Nanos::ZERO };
        let due = Nanos::from_millis(10 * index);
        let done = due + takes + lag;
        let read_lag_ns = lag.0 as u32;
        let record = Record {
            index,
            due,
            sent: due,
            first_byte: done,
            done,
            wave: NO_WAVE,
            read_lag_ns,
            status: 200,
            ..Record::default()
        };
        tally.in_system.enter(due);
        tally.record(&record);
        tally.error.record(&record, 1);
    }
    tally.close(Traffic::default())
}

#[test]
fn this_tools_part_counts_from_its_limits_on_and_not_below() {
    let (ten, one) = (Nanos::from_millis(10), Nanos::from_millis(1));
    for (takes, unread_us, expected) in [
        // 5 % and 20 % of what is printed.
        (ten, 515, Verdict::Valid),
        (ten, 540, Verdict::Degraded),
        (ten, 2_450, Verdict::Degraded),
        (ten, 2_550, Verdict::Invalid),
        // 400 us and 750 us.
        (one, 395, Verdict::Valid),
        (one, 410, Verdict::Degraded),
        (one, 740, Verdict::Degraded),
        (one, 760, Verdict::Invalid),
    ] {
        for model in [ModelKind::Waves, ModelKind::Closed, ModelKind::Open] {
            let line = judged(&left_unread(2_000, 2_000, takes, Nanos::from_micros(unread_us)), model);
            assert_eq!(line.verdict, expected, "{model:?}, {unread_us} us of {takes}: {:?}", line.reasons);
        }
    }
}

#[test]
fn what_moves_a_number_within_its_own_interval_is_no_reason() {
    let verdict = |late| {
        judged(&left_unread(2_000, late, Nanos::from_millis(5), Nanos::from_millis(25)), ModelKind::Closed).verdict
    };
    // p99 is the 1,980th of 2,000, and its interval begins at the 1,971st.
    assert_eq!((verdict(21), verdict(29), verdict(31)), (Verdict::Valid, Verdict::Valid, Verdict::Invalid));
    // Of fewer than 368 requests nothing is known of p99, whatever is printed.
    let few = |late| {
        judged(&left_unread(300, late, Nanos::from_millis(5), Nanos::from_millis(25)), ModelKind::Closed).verdict
    };
    assert_eq!((few(10), few(40)), (Verdict::Valid, Verdict::Invalid));
}

#[test]
fn stalls_waits_and_a_busy_processor_spoil_nothing_by_themselves() {
    let mut totals = run(WELL);
    totals.health.stall = SECOND;
    (totals.health.busiest, totals.health.run_queue) = (0.96, Some(SECOND));
    let noise = Some(totals.response.clone());
    let facts = Circumstances {
        asked: 10,
        reached: 10,
        noise,
        ports: Some(0.9),
        descriptors: Some(0.9),
        ..Circumstances::default()
    };
    for model in [ModelKind::Waves, ModelKind::Closed, ModelKind::Open] {
        assert_eq!(GeneratorLine::new(&totals, model, &facts).verdict, Verdict::Valid);
    }
}

#[test]
fn a_server_that_never_answers_is_blamed_and_not_the_pool() {
    let world = World { takes: Nanos::from_millis(9), ..WELL };
    let mut tally = counted(world, |_| world.takes);
    for index in 0..CONNECTIONS as u64 {
        let (due, done) = (SECOND, SECOND + SECOND + SECOND);
        let failure = Some(crate::record::Failure::new(crate::record::Phase::Cut, Cause::RunEnded));
        tally.in_system.enter(due);
        tally.waiting.enter(due);
        tally.waiting.leave(done);
        tally.record(&Record { index, due, sent: due, done, wave: NO_WAVE, failure, ..Record::default() });
    }
    let line = judged(&tally.close(Traffic::default()), ModelKind::Open);
    assert_eq!(line.limited_by, Some(LimitedBy::Server), "{:?}", line.reasons);
}

#[test]
fn a_server_that_stood_still_is_blamed() {
    let stop = (SECOND, SECOND + SECOND);
    let line = judged(&run(World { server_stands: stop, ..WELL }), ModelKind::Open);
    assert_eq!(said(&line), (Verdict::Valid, Some(LimitedBy::Server)), "{:?}", line.reasons);
}

#[test]
fn a_server_that_stood_still_for_longer_than_the_tool_is_blamed() {
    let world = World {
        server_stands: (SECOND, SECOND + SECOND),
        tool_stands: (Nanos::from_millis(2_500), Nanos::from_millis(2_600)),
        ..WELL
    };
    let line = judged(&run(world), ModelKind::Open);
    assert_eq!(line.limited_by, Some(LimitedBy::Server), "{:?}", line.reasons);
}

#[test]
fn quick_answers_on_too_few_connections_blame_these() {
    let line = judged(&run(World { takes: Nanos::from_millis(20), ..WELL }), ModelKind::Open);
    assert_eq!(said(&line), (Verdict::Valid, Some(LimitedBy::Connections)), "{:?}", line.reasons);
}

#[test]
fn a_few_slow_answers_do_not_make_a_pool_large_enough() {
    let slow = Nanos::from_millis(300);
    let one_in_500 = |index| if index % 500 == 7 { slow } else { Nanos::from_millis(20) };
    let line = judged(&run_with(WELL, one_in_500), ModelKind::Open);
    assert_eq!(line.limited_by, Some(LimitedBy::Connections), "3 % of the time: {:?}", line.reasons);
    let one_in_50 = |index| if index % 50 == 7 { slow } else { Nanos::from_millis(10) };
    let line = judged(&run_with(WELL, one_in_50), ModelKind::Open);
    assert_eq!(line.limited_by, Some(LimitedBy::Server), "a third of the time: {:?}", line.reasons);
}

#[test]
fn a_short_stall_is_blamed_where_connections_were_idle_else() {
    let world =
        World { takes: Nanos::from_millis(4), server_stands: (SECOND, SECOND + Nanos::from_millis(150)), ..WELL };
    let line = judged(&run(world), ModelKind::Open);
    assert_eq!(line.limited_by, Some(LimitedBy::Server), "{:?}", line.reasons);
}

#[test]
fn a_log_that_holds_up_the_workers_is_this_tools() {
    for model in [ModelKind::Open, ModelKind::Closed] {
        let mut totals = run(World { server_stands: (SECOND, SECOND + SECOND), ..WELL });
        totals.health.sink_wait = SECOND;
        let line = judged(&totals, model);
        assert_eq!(said(&line), (Verdict::Degraded, Some(LimitedBy::Tool)), "{model:?}: {:?}", line.reasons);
    }
}

#[test]
fn connections_that_were_retried_blame_the_network_if_they_are_more_than_a_few() {
    let limited_by = |retried: u64, quick: u64, takes: Nanos| {
        let mut totals = run_with(WELL, |index| if index == 5 { takes } else { WELL.takes });
        (0..retried).for_each(|_| totals.traffic.connect.record(Nanos::from_millis(1_030)));
        (0..quick).for_each(|_| totals.traffic.connect.record(Nanos::from_millis(1)));
        judged(&totals, ModelKind::Open).limited_by
    };
    let (long, short) = (Nanos::from_millis(1_040), WELL.takes);
    assert_eq!(limited_by(2, 100, long), Some(LimitedBy::Network));
    assert_eq!(limited_by(1, 10, long), None, "one");
    assert_eq!(limited_by(2, 1_000, long), None, "of a thousand");
    assert_eq!(limited_by(10, 10, short), None, "no request had to wait for them");
}

#[test]
fn a_closed_run_at_full_speed_is_limited_by_this_tool_and_valid() {
    let mut totals = run(WELL);
    totals.health.cpu = Nanos::from_millis(2_940);
    totals.health.busiest = 0.99;
    assert_eq!(said(&judged(&totals, ModelKind::Closed)), (Verdict::Valid, Some(LimitedBy::Tool)));
}
