//! Can this measurement be believed, and what was in the way?
//!
//! The thresholds are here, each with its reason, and so are the rules. What
//! counts is what this tool may have done to a printed number: why it was late,
//! or whether it had much to do, spoils no run by itself.

use serde::{Deserialize, Serialize};

use crate::record::Cause;
use crate::time::Nanos;

use super::{Distribution, Ppm, Tally, ToolError, independent_ranks};

mod so_far;

pub use so_far::SoFar;

/// Whether a measurement can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// What is printed is the server's.
    Valid,
    /// Some of it is this tool's, or not all was as asked: see the reasons.
    Degraded,
    /// A printed quantile is this tool's to a large part, or the run was not the one asked for.
    Invalid,
}

impl Verdict {
    /// As users see it.
    pub fn text(self) -> &'static str {
        match self {
            Verdict::Valid => "VALID",
            Verdict::Degraded => "DEGRADED",
            Verdict::Invalid => "INVALID",
        }
    }
}

/// What kept the run from being faster, or its requests from being answered sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitedBy {
    /// Requests waited for answers that took long.
    #[serde(rename = "server")]
    Server,
    /// Requests waited for a connection, though answers were quick.
    #[serde(rename = "connections")]
    Connections,
    /// This tool had no more processor time, or sent late.
    #[serde(rename = "this tool")]
    Tool,
    /// There were no more local ports or descriptors.
    #[serde(rename = "ports")]
    Ports,
    /// Connections opened only at the second attempt of the kernel.
    #[serde(rename = "network")]
    Network,
}

impl LimitedBy {
    /// As users see it.
    pub fn text(self) -> &'static str {
        match self {
            LimitedBy::Server => "server",
            LimitedBy::Connections => "connections",
            LimitedBy::Tool => "this tool",
            LimitedBy::Ports => "ports",
            LimitedBy::Network => "network",
        }
    }
}

/// Two limits: where a check begins to matter, and where it spoils the run.
struct Limits<T> {
    degraded: T,
    invalid: T,
}

/// The quantiles that are judged: those of the text summary. Above them, on a
/// shared machine, there is always somebody else's millisecond.
const JUDGED: [(&str, Ppm); 4] = [("p50", 500_000), ("p90", 900_000), ("p95", 950_000), ("p99", 990_000)];

/// So much of a printed quantile may be this tool's own: from a twentieth on it is noisy,
/// as that is what users compare for; from a fifth on it is not the server's.
const ERROR_SHARE: Limits<f64> = Limits { degraded: 0.05, invalid: 0.20 };
/// Below these nobody looks: half a millisecond is what sleepers on shared machines wake late, and more than reading
/// the answers of a wave of a hundred takes; a millisecond is seen on a screen.
const ERROR: Limits<Nanos> = Limits { degraded: Nanos::from_micros(500), invalid: Nanos::from_millis(1) };
/// A stall of ten milliseconds spoils no run by itself, however short it is: so long is a program now and then
/// without a processor on a shared machine. What it does to x_p is that of another p (docs/methodology.md).
const STALL: Nanos = Nanos::from_millis(10);
/// But a run of less than a fifth of a second has to do with less.
const MOST_STALLED: f64 = 0.05;
/// From this share of its busiest second on, a worker has no processor time left that would be worth having.
const FULL: f64 = 0.90;
/// The share of the scheduled requests that were sent.
const SENT: Limits<f64> = Limits { degraded: 0.999, invalid: 0.99 };
/// The share of the users that had a connection: one that is missing is worth a word.
const CONNECTED: Limits<f64> = Limits { degraded: 1.0, invalid: 0.90 };
/// Shorter runs have used too little of anything to be judged by shares of time.
const LONG_ENOUGH: Nanos = Nanos::from_millis(200);
/// Waiting for a connection matters from this share of the time in the system on.
const WAITING: f64 = 0.10;
/// This tool is to blame where more than this share of the time that requests took
/// is its own: more than everybody else's together.
const BLAME: f64 = 0.5;
/// The server is slow if answers take so many times as long as the quickest one,
/// at the median: nothing else is known of a server at rest.
const SLOW: u64 = 2;
/// It has stalled in an answer that takes so many times the median.
const STALLED: u64 = 10;
/// Such answers are what others waited for if they had this share of the time
/// that connections were busy with answers: a few slow ones among many are not.
const STALLED_SHARE: f64 = 0.2;
/// Where the other answers left connections idle for half of the run, nobody
/// would have waited for these alone: then a hundredth is enough.
const STALLED_IDLE: (f64, f64) = (0.5, 0.01);
/// A lost SYN is sent again after a second, then after two more.
const RETRIED: [(Nanos, Nanos); 2] =
    [(Nanos::from_millis(1_000), Nanos::from_millis(1_250)), (Nanos::from_millis(3_000), Nanos::from_millis(3_250))];

/// One connection may have been unlucky; of fewer than a hundredth nobody is kept waiting.
const RETRIED_FEWEST: u64 = 2;
const RETRIED_SHARE: f64 = 0.01;

/// What is known of a run beside what its workers counted.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// Users, or connections, that were asked for.
    pub asked: u64,
    /// Those that could connect at the first attempt.
    pub reached: u64,
    /// How late an idle thread wakes on this machine, where that was measured.
    pub noise: Option<Distribution>,
    /// A warm-up that was to last until it was steady did so. None: there was none.
    pub warmed_up: Option<bool>,
    /// The share of the local ports in use at the end of the run.
    pub ports: Option<f64>,
    /// The share of the allowed descriptors in use.
    pub descriptors: Option<f64>,
}

/// What a run's tool did to its measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeneratorLine {
    /// Whether the measurement can be believed.
    pub verdict: Verdict,
    /// Why not, or not entirely.
    pub reasons: Vec<String>,
    /// What was in the way. None: nothing was noticed.
    pub limited_by: Option<LimitedBy>,
    /// sent - max(due, ready) of all requests sent, in microseconds; in waves, from the planned release.
    pub send_lag_us: Option<LagLine>,
    /// At most so much of each quantile of the response time is this tool's own, in milliseconds.
    pub error_ms: Option<ErrorLine>,
    /// How it is known how long answers lay unread: `kernel stamps` or `estimate`; None if it is not.
    pub read_lag: Option<String>,
    /// The share of their time that the workers spent on the processor.
    pub cpu: f64,
    /// The same of one worker's busiest second, without polls that found nothing to do.
    pub busiest_cpu: f64,
    /// The share of their time for which workers were ready and no processor was free.
    pub run_queue: Option<f64>,
    /// The longest time for which a worker did not look at its connections, in milliseconds.
    pub stall_ms: f64,
    /// How late an idle thread wakes on this machine, in microseconds, where that was measured.
    pub wake_up_us: Option<LagLine>,
    /// Users, or connections, that were asked for.
    pub connections_asked: u64,
    /// Those that could connect at the first attempt.
    pub connections_reached: u64,
    /// The share of the local ports in use at the end of the run.
    pub ports: Option<f64>,
    /// The share of the allowed descriptors in use.
    pub descriptors: Option<f64>,
    /// The integral of the requests present over time, in seconds: counted by events.
    pub present_s: f64,
    /// The sum of the times of all requests, in seconds: counted by requests. The two are equal.
    pub response_sum_s: f64,
}

/// A lag, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the definition")]
pub struct LagLine {
    pub p50: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub max: f64,
}

/// A bound on the error of each quantile, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the definition")]
pub struct ErrorLine {
    pub p50: f64,
    pub p75: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub p99_99: f64,
    pub max: f64,
}

impl GeneratorLine {
    /// Judges a run that is over.
    pub(super) fn new(tally: &Tally, model: &str, circumstances: &Circumstances) -> GeneratorLine {
        let case = Case::new(tally, model, circumstances);
        let (verdict, reasons) = case.judge();
        let health = &tally.health;
        GeneratorLine {
            verdict,
            reasons,
            limited_by: case.limited_by(),
            send_lag_us: tally.lag().and_then(LagLine::new),
            error_ms: case.errors(),
            read_lag: match (tally.error.is_unknown(), health.stamped > 0) {
                (true, _) => None,
                (false, true) => Some("kernel stamps".into()),
                (false, false) => Some("estimate".into()),
            },
            cpu: health.cpu_share(),
            busiest_cpu: health.busiest,
            run_queue: health.run_queue_share(),
            stall_ms: health.stall.as_millis(),
            wake_up_us: circumstances.noise.as_ref().and_then(LagLine::new),
            connections_asked: circumstances.asked,
            connections_reached: circumstances.reached,
            ports: circumstances.ports,
            descriptors: circumstances.descriptors,
            present_s: tally.present.area() as f64 / 1e9,
            response_sum_s: case.time_of_all() as f64 / 1e9,
        }
    }
}

impl LagLine {
    fn new(d: &Distribution) -> Option<LagLine> {
        let us = |p| d.quantile(p).map(Nanos::as_micros);
        Some(LagLine { p50: us(500_000)?, p99: us(990_000)?, p99_9: us(999_000)?, max: us(1_000_000)? })
    }
}

/// One run before its judge.
struct Case<'a> {
    tally: &'a Tally,
    is_open: bool,
    facts: &'a Circumstances,
    /// Answers, and requests that were cut off at their age.
    response: Distribution,
    /// What of it is this tool's.
    error: ToolError,
    /// Of all requests that were sent: those that were not answered at their age.
    service: Distribution,
    scheduled: u64,
}

/// What a check found.
type Finding = (Verdict, String);

impl<'a> Case<'a> {
    fn new(tally: &'a Tally, model: &str, facts: &'a Circumstances) -> Case<'a> {
        let mut response = tally.response();
        response.merge(&tally.censored().all());
        let counts = tally.counts();
        let scheduled = counts.ended() + counts.unfinished + tally.unsent;
        let mut service = tally.service();
        service.merge(tally.unanswered());
        let error = tally.error.clone().and(&tally.censored().all());
        Case { tally, is_open: model == "open", facts, response, error, service, scheduled }
    }

    fn judge(&self) -> (Verdict, Vec<String>) {
        let findings = [
            self.own_delay(),
            self.sink(),
            self.sent(),
            self.connections(),
            self.exhausted(),
            self.warm_up(),
            self.lost(),
        ];
        let mut findings: Vec<Finding> = findings.into_iter().flatten().collect();
        // The gravest first; of equals, in the order of the checks.
        findings.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
        let verdict = findings.first().map_or(Verdict::Valid, |(verdict, _)| *verdict);
        (verdict, findings.into_iter().map(|(_, reason)| reason).collect())
    }

    fn errors(&self) -> Option<ErrorLine> {
        if self.tally.error.is_unknown() {
            return None;
        }
        let ms = |p| self.error.at(p, self.response.quantile(p)?).map(Nanos::as_millis);
        Some(ErrorLine {
            p50: ms(500_000)?,
            p75: ms(750_000)?,
            p90: ms(900_000)?,
            p95: ms(950_000)?,
            p99: ms(990_000)?,
            p99_9: ms(999_000)?,
            p99_99: ms(999_900)?,
            max: ms(1_000_000)?,
        })
    }

    /// How much of the printed quantiles is this tool's. What moves a quantile by less than the interval that is
    /// printed with it does not count, and neither does what one short stall does, which any machine has.
    fn own_delay(&self) -> Option<Finding> {
        let (count, lasted) = (self.response.count(), self.tally.last_done.since(self.tally.t0));
        let stalled = (STALL.0 as f64 / lasted.0.max(1) as f64).min(MOST_STALLED);
        let findings = JUDGED.iter().filter_map(|&(name, p)| {
            let (lowest, _) = independent_ranks(count, p)?;
            let but_stalled = ((p as f64 / 1e6 - stalled) * count as f64).ceil() as u64;
            let printed = self.response.quantile(p)?;
            let own = self.error.at(p, printed)?;
            let at_least = self.response.value_at_rank(lowest.min(but_stalled).max(1))?;
            let limit = |share, least: Nanos| scaled(printed, share).max(least);
            let limits = (limit(ERROR_SHARE.degraded, ERROR.degraded), limit(ERROR_SHARE.invalid, ERROR.invalid));
            // Values in one bucket are not told apart.
            let rest = printed.since(own);
            let verdict = above(own, limits).filter(|_| rest.0 + rest.0 / 500 < at_least.0)?;
            let stall = self.tally.health.stall;
            let why = if stall > own { format!(", which stood still for up to {stall}") } else { String::new() };
            Some((verdict, own, format!("up to {own} of the {name} of {printed} is the delay of onrush itself{why}")))
        });
        // The quantile that moved most speaks for all.
        findings.max_by_key(|(verdict, own, _)| (*verdict, *own)).map(|(verdict, _, reason)| (verdict, reason))
    }

    fn sink(&self) -> Option<Finding> {
        let wait = self.tally.health.sink_wait;
        (wait > Nanos::from_millis(100))
            .then(|| (Verdict::Degraded, format!("CSV slower than the run: workers waited {wait} for it")))
    }

    /// Requests that were due and not sent, with connections to send them on.
    fn sent(&self) -> Option<Finding> {
        let share = 1.0 - self.tally.unsent as f64 / self.scheduled.max(1) as f64;
        if !self.is_open || self.limited_by() != Some(LimitedBy::Tool) {
            return None;
        }
        let verdict = below(share, (SENT.degraded, SENT.invalid))?;
        Some((verdict, format!("this tool sent {} of the requests that were due", percent(share))))
    }

    fn connections(&self) -> Option<Finding> {
        let Circumstances { asked, reached, .. } = *self.facts;
        let verdict = below(reached as f64 / asked.max(1) as f64, (CONNECTED.degraded, CONNECTED.invalid))?;
        Some((verdict, format!("{reached} of {asked} connections could be opened")))
    }

    fn exhausted(&self) -> Option<Finding> {
        let count = |causes: &[Cause]| {
            let found = self.tally.failures.iter().filter(|f| causes.contains(&f.failure.cause));
            found.map(|f| f.count).sum::<u64>()
        };
        let (ports, descriptors) = (count(&[Cause::NoPorts]), count(&[Cause::NoDescriptors, Cause::NoMemory]));
        match (ports, descriptors) {
            (0, 0) => None,
            (0, n) => {
                Some((Verdict::Invalid, format!("this machine had no more descriptors or memory: {n} requests failed")))
            }
            (n, _) => Some((Verdict::Invalid, format!("this machine had no more local ports: {n} requests failed"))),
        }
    }

    fn warm_up(&self) -> Option<Finding> {
        let text = "response times were not steady when the warm-up had lasted as long as it may";
        (self.facts.warmed_up == Some(false)).then(|| (Verdict::Degraded, text.into()))
    }

    /// Little's law, and the number of requests: two counts of one thing have to agree.
    fn lost(&self) -> Option<Finding> {
        let present = &self.tally.present;
        let kept = present.area() == self.time_of_all() && present.present == 0 && present.come == self.scheduled;
        (!kept).then(|| {
            let text = "requests were lost or counted twice: a defect of this tool, please report it";
            (Verdict::Invalid, text.into())
        })
    }

    fn time_of_all(&self) -> i128 {
        let parts = [&self.response, self.tally.failed()];
        parts.iter().map(|d| d.sum() as i128).sum()
    }

    fn limited_by(&self) -> Option<LimitedBy> {
        let health = &self.tally.health;
        let out_of_ports = self.tally.failures.iter().any(|f| f.failure.cause == Cause::NoPorts);
        let quantile = |p| self.service.quantile(p).unwrap_or(Nanos::ZERO);
        let slow = quantile(500_000).0 > SLOW * quantile(0).0 || self.has_stalled();
        let waited = self.tally.waiting.area() as f64 > WAITING * self.tally.present.area() as f64;
        let busy = health.wall >= LONG_ENOUGH && health.busy_share() > FULL;
        let late = self.is_late();
        let held_up = health.sink_wait.0 as f64 > WAITING * health.wall.0 as f64;
        match () {
            () if out_of_ports => Some(LimitedBy::Ports),
            // Before the server: where this tool stands still, requests wait for
            // connections whose answers lie unread, as they do if the server is slow.
            () if held_up || (late && (busy || self.error.share() > BLAME)) => Some(LimitedBy::Tool),
            () if self.is_open && waited => Some(if slow { LimitedBy::Server } else { LimitedBy::Connections }),
            () if busy || late => Some(LimitedBy::Tool),
            () if self.was_retried() => Some(LimitedBy::Network),
            () => None,
        }
    }

    /// Few answers that took much longer than most kept connections from all others.
    fn has_stalled(&self) -> bool {
        let Some(median) = self.service.quantile(500_000) else { return false };
        let all = self.service.sum() as f64;
        let others = self.service.sum_up_to(Nanos(STALLED * median.0));
        let share = if all > 0.0 { 1.0 - others / all } else { 0.0 };
        let lasted = self.tally.due_until.min(self.tally.last_done).since(self.tally.t0);
        let idle = others < STALLED_IDLE.0 * self.facts.asked as f64 * lasted.0 as f64;
        share > STALLED_SHARE || (idle && share > STALLED_IDLE.1)
    }

    /// Connections opened at the kernel's second attempt only, and requests waited as long.
    /// Those opened before T0 have kept nobody waiting.
    fn was_retried(&self) -> bool {
        let retried = retried_connects(self.tally);
        let waited = self.response.max().max(self.tally.failed().max()) >= Some(RETRIED[0].0);
        let share = retried as f64 / self.tally.connect.count().max(1) as f64;
        waited && retried >= RETRIED_FEWEST && share >= RETRIED_SHARE
    }

    /// Much of a quantile of the response time is this tool's.
    fn is_late(&self) -> bool {
        self.own_delay().is_some_and(|(verdict, _)| verdict == Verdict::Invalid)
    }
}

/// Connections that took as long to open as a lost SYN, or a full listen backlog, makes them.
pub(super) fn retried_connects(tally: &Tally) -> u64 {
    let within = |n: Nanos| RETRIED.iter().any(|(low, high)| *low <= n && n <= *high);
    tally.connect.buckets().filter(|(low, ..)| within(*low)).map(|(.., count)| count).sum()
}

fn above<T: PartialOrd + Copy>(value: T, (degraded, invalid): (T, T)) -> Option<Verdict> {
    match () {
        () if value > invalid => Some(Verdict::Invalid),
        () if value > degraded => Some(Verdict::Degraded),
        () => None,
    }
}

fn below(value: f64, (degraded, invalid): (f64, f64)) -> Option<Verdict> {
    above(-value, (-degraded, -invalid))
}

fn scaled(n: Nanos, share: f64) -> Nanos {
    Nanos((n.0 as f64 * share) as u64)
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        v if v > 0.0 && v < 0.05 => "<0.1 %".into(),
        v if (99.95..100.0).contains(&v) => ">99.9 %".into(),
        v => format!("{v:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Clocks;
    use super::*;
    use crate::record::{NO_WAVE, Record};

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

    fn run(world: World) -> Tally {
        run_with(world, |_| world.takes)
    }

    /// What workers would have counted: first come, first served, on the connection that is free first.
    /// `takes` says how long the server takes for which request.
    fn run_with(world: World, takes: impl Fn(u64) -> Nanos) -> Tally {
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
            tally.present.come(record.due);
            tally.waiting.come(record.due);
            tally.waiting.go(record.sent);
        }
        records.sort_by_key(|record| record.done);
        for record in &records {
            tally.record(record);
            tally.error.record(record, 1);
        }
        tally.health.wall = Nanos::from_secs(3);
        tally
    }

    fn judged(tally: &Tally, model: &str) -> GeneratorLine {
        let all = CONNECTIONS as u64;
        GeneratorLine::new(tally, model, &Circumstances { asked: all, reached: all, ..Circumstances::default() })
    }

    fn said(line: &GeneratorLine) -> (Verdict, Option<LimitedBy>) {
        (line.verdict, line.limited_by)
    }

    #[test]
    fn nothing_is_in_the_way_of_a_run_that_goes_well() {
        assert_eq!(said(&judged(&run(WELL), "open")), (Verdict::Valid, None));
    }

    #[test]
    fn a_tool_that_stood_still_does_not_blame_the_server() {
        let stop = (SECOND, SECOND + Nanos::from_millis(200));
        let mut tally = run(World { tool_stands: stop, ..WELL });
        tally.health.stall = Nanos::from_millis(200);
        let line = judged(&tally, "open");
        assert_eq!(said(&line), (Verdict::Invalid, Some(LimitedBy::Tool)), "{:?}", line.reasons);
        assert!(
            line.reasons.iter().any(|reason| reason.contains("stood still for up to 200 ms")),
            "{:?}",
            line.reasons
        );
    }

    /// So many requests, all but `late` of which took `takes`, and those longer by what this tool left them unread.
    fn left_unread(count: u64, late: u64, takes: Nanos, unread: Nanos) -> Tally {
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
            tally.present.come(due);
            tally.record(&record);
            tally.error.record(&record, 1);
        }
        tally
    }

    #[test]
    fn this_tools_part_counts_from_its_limits_on_and_not_below() {
        let (ten, two) = (Nanos::from_millis(10), Nanos::from_millis(2));
        for (takes, unread_us, expected) in [
            // 5 % and 20 % of what is printed.
            (ten, 515, Verdict::Valid),
            (ten, 540, Verdict::Degraded),
            (ten, 2_450, Verdict::Degraded),
            (ten, 2_550, Verdict::Invalid),
            // Half a millisecond and a whole one.
            (two, 495, Verdict::Valid),
            (two, 510, Verdict::Degraded),
            (two, 990, Verdict::Degraded),
            (two, 1_010, Verdict::Invalid),
        ] {
            for model in ["waves", "closed", "open"] {
                let line = judged(&left_unread(2_000, 2_000, takes, Nanos::from_micros(unread_us)), model);
                assert_eq!(line.verdict, expected, "{model}, {unread_us} us of {takes}: {:?}", line.reasons);
            }
        }
    }

    #[test]
    fn what_moves_a_number_within_its_own_interval_is_no_reason() {
        let verdict =
            |late| judged(&left_unread(2_000, late, Nanos::from_millis(5), Nanos::from_millis(25)), "closed").verdict;
        // p99 is the 1,980th of 2,000, and its interval begins at the 1,971st.
        assert_eq!((verdict(21), verdict(29), verdict(31)), (Verdict::Valid, Verdict::Valid, Verdict::Invalid));
        // Of fewer than 368 requests nothing is known of p99, whatever is printed.
        let few =
            |late| judged(&left_unread(300, late, Nanos::from_millis(5), Nanos::from_millis(25)), "closed").verdict;
        assert_eq!((few(10), few(40)), (Verdict::Valid, Verdict::Invalid));
    }

    #[test]
    fn stalls_waits_and_a_busy_processor_spoil_nothing_by_themselves() {
        let mut tally = run(WELL);
        tally.health.stall = SECOND;
        (tally.health.busiest, tally.health.run_queue) = (0.96, Some(SECOND));
        let noise = Some(tally.response());
        let facts = Circumstances {
            asked: 10,
            reached: 10,
            noise,
            ports: Some(0.9),
            descriptors: Some(0.9),
            ..Circumstances::default()
        };
        for model in ["waves", "closed", "open"] {
            assert_eq!(GeneratorLine::new(&tally, model, &facts).verdict, Verdict::Valid);
        }
    }

    #[test]
    fn a_server_that_never_answers_is_blamed_and_not_the_pool() {
        let mut tally = run(World { takes: Nanos::from_millis(9), ..WELL });
        for index in 0..CONNECTIONS as u64 {
            let (due, done) = (SECOND, SECOND + SECOND + SECOND);
            let failure = Some(crate::record::Failure::new(crate::record::Phase::Cut, Cause::RunEnded));
            tally.present.come(due);
            tally.waiting.come(due);
            tally.waiting.go(done);
            tally.record(&Record { index, due, sent: due, done, wave: NO_WAVE, failure, ..Record::default() });
        }
        let line = judged(&tally, "open");
        assert_eq!(line.limited_by, Some(LimitedBy::Server), "{:?}", line.reasons);
    }

    #[test]
    fn a_server_that_stood_still_is_blamed() {
        let stop = (SECOND, SECOND + SECOND);
        let line = judged(&run(World { server_stands: stop, ..WELL }), "open");
        assert_eq!(said(&line), (Verdict::Valid, Some(LimitedBy::Server)), "{:?}", line.reasons);
    }

    #[test]
    fn a_server_that_stood_still_for_longer_than_the_tool_is_blamed() {
        let world = World {
            server_stands: (SECOND, SECOND + SECOND),
            tool_stands: (Nanos::from_millis(2_500), Nanos::from_millis(2_600)),
            ..WELL
        };
        let line = judged(&run(world), "open");
        assert_eq!(line.limited_by, Some(LimitedBy::Server), "{:?}", line.reasons);
    }

    #[test]
    fn quick_answers_on_too_few_connections_blame_these() {
        let line = judged(&run(World { takes: Nanos::from_millis(20), ..WELL }), "open");
        assert_eq!(said(&line), (Verdict::Valid, Some(LimitedBy::Connections)), "{:?}", line.reasons);
    }

    #[test]
    fn a_few_slow_answers_do_not_make_a_pool_large_enough() {
        let slow = Nanos::from_millis(300);
        let one_in_500 = |index| if index % 500 == 7 { slow } else { Nanos::from_millis(20) };
        let line = judged(&run_with(WELL, one_in_500), "open");
        assert_eq!(line.limited_by, Some(LimitedBy::Connections), "3 % of the time: {:?}", line.reasons);
        let one_in_50 = |index| if index % 50 == 7 { slow } else { Nanos::from_millis(10) };
        let line = judged(&run_with(WELL, one_in_50), "open");
        assert_eq!(line.limited_by, Some(LimitedBy::Server), "a third of the time: {:?}", line.reasons);
    }

    #[test]
    fn a_short_stall_is_blamed_where_connections_were_idle_else() {
        let world =
            World { takes: Nanos::from_millis(4), server_stands: (SECOND, SECOND + Nanos::from_millis(150)), ..WELL };
        let line = judged(&run(world), "open");
        assert_eq!(line.limited_by, Some(LimitedBy::Server), "{:?}", line.reasons);
    }

    #[test]
    fn a_log_that_holds_up_the_workers_is_this_tools() {
        for model in ["open", "closed"] {
            let mut tally = run(World { server_stands: (SECOND, SECOND + SECOND), ..WELL });
            tally.health.sink_wait = SECOND;
            let line = judged(&tally, model);
            assert_eq!(said(&line), (Verdict::Degraded, Some(LimitedBy::Tool)), "{model}: {:?}", line.reasons);
        }
    }

    #[test]
    fn connections_that_were_retried_blame_the_network_if_they_are_more_than_a_few() {
        let limited_by = |retried: u64, quick: u64, takes: Nanos| {
            let mut tally = run_with(WELL, |index| if index == 5 { takes } else { WELL.takes });
            (0..retried).for_each(|_| tally.connect.record(Nanos::from_millis(1_030)));
            (0..quick).for_each(|_| tally.connect.record(Nanos::from_millis(1)));
            judged(&tally, "open").limited_by
        };
        let (long, short) = (Nanos::from_millis(1_040), WELL.takes);
        assert_eq!(limited_by(2, 100, long), Some(LimitedBy::Network));
        assert_eq!(limited_by(1, 10, long), None, "one");
        assert_eq!(limited_by(2, 1_000, long), None, "of a thousand");
        assert_eq!(limited_by(10, 10, short), None, "no request had to wait for them");
    }

    #[test]
    fn a_closed_run_at_full_speed_is_limited_by_this_tool_and_valid() {
        let mut tally = run(WELL);
        tally.health.cpu = Nanos::from_millis(2_940);
        tally.health.busiest = 0.99;
        assert_eq!(said(&judged(&tally, "closed")), (Verdict::Valid, Some(LimitedBy::Tool)));
    }
}
