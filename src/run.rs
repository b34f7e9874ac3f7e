//! A run from plan to summary: the only file that knows both the engine and the sinks.

mod example;

use std::io::{self, Write};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use mio::Waker;

use crate::curl::Route;
use crate::engine::{BATCH, LogQueue, Shared, Sockets, Worker};
use crate::net::lookup::Lookups;
use crate::net::resolve::resolve;
use crate::net::{Poller, Stamping, limits, noise};
use crate::note::Note;
use crate::plan::{Endpoint, Model, Origin, Plan};
use crate::record::{Batch, Record};
use crate::sink::{CsvFile, Saved};
use crate::stats::{Board, Circumstances, CsvLine, Distribution, PlanLine, RunFacts, Summary, Totals};
use crate::time::{Nanos, WallClock};
use crate::tls::TlsSettings;

/// What a run is given beside its plan.
pub struct Setting<'a> {
    /// Where workers show how far they are: as many cells as the plan has workers.
    pub board: &'a Board,
    /// Ends the run early when somebody sets it.
    pub stop: Arc<AtomicBool>,
    /// The log of all requests, its header written.
    pub csv: Option<CsvFile<Box<dyn Write + Send>>>,
    /// What the user should know of the preparations.
    pub notes: Vec<Note>,
    /// How curl would reach the servers; None if it could not.
    pub route: Option<Route>,
    /// Why the run was ended early, where whoever did it had a reason.
    pub ended_early: &'a OnceLock<Note>,
}

/// What a run leaves behind.
pub struct Outcome {
    /// Every number.
    pub summary: Summary,
    /// What became of the log.
    pub csv: Option<Saved>,
}

/// Why a run could not be.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Pollers or threads could not be had.
    #[error("failed to set up worker {0}: {1}")]
    Setup(u32, io::Error),
    /// The TLS settings are unusable.
    #[error("{0}")]
    Tls(String),
    /// A worker or a sink panicked: a defect of this tool.
    #[error("a thread of onrush panicked: please report it with the message above")]
    Panicked,
}

/// Batches that wait for the log: about 650 kB of records a worker.
const QUEUE_PER_WORKER: usize = 16;

/// The kernel begins to stamp within a few of them. Where all answers are to have a stamp, a run waits for it longer.
const TRIES_FOR_ALL: u32 = 50;
const TRIES_FOR_SOME: u32 = 3;

/// Runs the plan to its end.
///
/// # Errors
/// [`RunError`]; failures of requests are part of the summary.
pub fn run(plan: &Plan, setting: Setting<'_>) -> Result<Outcome, RunError> {
    let Setting { board, stop, csv, mut notes, route, ended_early } = setting;
    let tls =
        |origin: &Origin| origin.tls.as_ref().map(|tls| TlsSettings::new(tls, &[plan.protocol.alpn()])).transpose();
    let tls: Vec<_> = plan.origins.iter().map(tls).collect::<Result<_, String>>().map_err(RunError::Tls)?;
    let clock = WallClock::read();
    let shared = Shared::new(plan, stop);
    let mut sockets = all_sockets(plan, &tls)?;
    // To the end of the run.
    let _stamping = Stamping::begin(if plan.stamps { TRIES_FOR_ALL } else { TRIES_FOR_SOME });
    let noise = idle_noise(plan).map_err(|e| RunError::Setup(0, e))?;
    let early = noise.as_ref().and_then(|noise| noise.quantile(500_000)).map_or(Nanos::ZERO, |late| early(late, plan));
    for sockets in &mut sockets {
        sockets.set_wake_up(early);
        sockets.set_connect_limit(plan.limits.connect.min(plan.limits.request));
        sockets.ask_for_stamps();
    }
    let (queue, log) = match csv {
        Some(_) => queue(plan.workers),
        None => (Vec::new(), None),
    };
    let (totals, saved) = thread::scope(|scope| {
        let mut queue = queue.into_iter();
        let log = csv
            .zip(log)
            .map(|(csv, log)| scope.spawn(move || csv.naming(&plan.targets).write_all(&log.full, &log.empty)));
        let mut workers = Vec::new();
        for (number, io) in sockets.drain(..).enumerate() {
            let rows = queue.next();
            let shared = &shared;
            let work = move || {
                let _guard = InterruptOnPanic(shared);
                Worker::new(plan, number as u32, io, shared, board, clock, rows).run()
            };
            let worker = thread::Builder::new().name(format!("worker {number}")).spawn_scoped(scope, work);
            workers.push(worker.map_err(|e| {
                shared.interrupt();
                RunError::Setup(number as u32, e)
            })?);
        }
        let mut all = workers.into_iter().map(|worker| worker.join().map_err(|_| RunError::Panicked));
        let mut sum = all.next().expect("a plan has at least one worker")?;
        for totals in all {
            sum.merge(totals?);
        }
        let saved = log.map(|log| log.join().map_err(|_| RunError::Panicked)).transpose()?;
        Ok::<(Totals, Option<Saved>), RunError>((sum, saved))
    })?;
    notes.extend(ended_early.get().cloned());
    // When counting began; now, if it never did.
    let started = clock.unix_at(shared.t0().unwrap_or_else(crate::time::monotonic));
    let facts = RunFacts {
        plan: PlanLine::new(plan),
        started_at: rfc3339(started),
        started_at_unix_s: started.as_secs(),
        expects_status: plan.checks.status.is_some(),
        interrupted: shared.is_interrupted(),
        notes,
        warmup_s: shared.auto.lasted().map(Nanos::as_secs),
        commands: route.map_or(Vec::new(), |route| example::commands(plan, &totals, clock, &route)),
        targets: plan.targets.list.iter().map(|target| target.name.clone()).collect(),
        thresholds: plan.thresholds.clone(),
        csv: saved.as_ref().map(csv_line),
        circumstances: Circumstances { noise, ..circumstances(plan, &shared) },
    };
    Ok(Outcome { summary: Summary::new(facts, &totals), csv: saved })
}

/// Sockets for each worker, each with the means to wake all others.
fn all_sockets(plan: &Plan, tls: &[Option<TlsSettings>]) -> Result<Vec<Sockets>, RunError> {
    let mut pollers = Vec::new();
    let mut wakers: Vec<Arc<Waker>> = Vec::new();
    for worker in 0..plan.workers {
        let setup = |e| RunError::Setup(worker, e);
        let poller = Poller::new().map_err(setup)?;
        // Lookups wake their worker too.
        if plan.workers > 1 || plan.redirects.is_some() {
            wakers.push(Arc::new(poller.waker().map_err(setup)?));
        }
        pollers.push(poller);
    }
    let sockets = pollers.into_iter().enumerate().map(|(number, poller)| {
        let others = wakers.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, w)| Arc::clone(w));
        let slots = plan.share(number as u32).slots();
        let tls = tls.iter().map(|tls| tls.as_ref().map(TlsSettings::for_another_worker));
        let origins = plan.origins.iter().map(|origin| &origin.endpoint).zip(tls);
        let mut sockets = Sockets::new(origins, number as u32, slots, poller, others.collect());
        if let (Some(redirects), Some(waker)) = (&plan.redirects, wakers.get(number)) {
            sockets.follow(redirects.clone(), plan.protocol.alpn(), Lookups::new(resolve, Arc::clone(waker)));
        }
        sockets
    });
    Ok(sockets.collect())
}

/// The log's end of the queue.
struct LogEnd {
    full: Receiver<Batch>,
    empty: Vec<SyncSender<Vec<Record>>>,
}

/// A bounded queue from the workers to the log, and the way back for emptied vectors.
fn queue(workers: u32) -> (Vec<LogQueue>, Option<LogEnd>) {
    let (to_log, full) = sync_channel(QUEUE_PER_WORKER * workers as usize);
    let (rows, empty) = (0..workers)
        .map(|worker| {
            let (empty, back) = sync_channel(QUEUE_PER_WORKER);
            // Written once, so that its memory is there from the start and does not seem to grow.
            for _ in 0..QUEUE_PER_WORKER {
                let _ = empty.try_send(vec![Record::default(); BATCH]);
            }
            (LogQueue::new(worker, to_log.clone(), back), empty)
        })
        .unzip();
    (rows, Some(LogEnd { full, empty }))
}

/// How late an idle thread wakes here: a tenth of a second is spent on finding
/// out, where requests are to be sent at instants.
fn idle_noise(plan: &Plan) -> io::Result<Option<Distribution>> {
    const LOOKS: u32 = 100;
    const APART: Nanos = Nanos::from_millis(1);
    match plan.load.model {
        Model::Open(_) => noise::idle_wake_ups(LOOKS, APART).map(Some),
        Model::Waves { .. } | Model::Closed => Ok(None),
    }
}

/// How much earlier than needed workers wake: half as much again as an idle
/// sleeper is usually late. With it the send lag was 0.6 us at the median
/// instead of 37, and p99 a third, for half a hundredth of a core at 1,000/s
/// (BENCHMARKS.md). More than 60 us, or half the gap between requests, costs
/// more than it gains; and where requests follow so closely that a worker would
/// do little but poll, it sleeps as long as it may.
fn early(usually_late: Nanos, plan: &Plan) -> Nanos {
    let Model::Open(open) = &plan.load.model else { return Nanos::ZERO };
    let gap = Nanos((1e9 * f64::from(plan.workers) / open.profile.peak_per_s()) as u64);
    if gap < Nanos::from_micros(80) {
        return Nanos::ZERO;
    }
    Nanos(usually_late.0 / 2 * 3).min(Nanos::from_micros(60)).min(Nanos(gap.0 / 2))
}

/// What the verdict has to know of the system.
fn circumstances(plan: &Plan, shared: &Shared) -> Circumstances {
    let addresses: Vec<_> = plan.origins.iter().flat_map(|origin| origin.endpoint.addresses()).copied().collect();
    let ports = limits::waiting_ports(&addresses).zip(limits::local_ports());
    Circumstances {
        asked: plan.connections_asked.into(),
        reached: u64::from(plan.all_connections()) - shared.first_failures(),
        noise: None,
        warmed_up: match shared.auto.t0() {
            Some(_) if shared.auto.gave_up() => Some(false),
            t0 => t0.map(|_| true),
        },
        ports: ports.map(|(used, all)| used as f64 / all.max(1) as f64),
        descriptors: limits::descriptor_limit()
            .map(|limit| (limits::open_descriptors() + u64::from(plan.all_connections())) as f64 / limit as f64),
        shares_cpu: plan.origins.iter().any(|origin| is_here(&origin.endpoint)),
    }
}

/// The server is on this machine, as far as its first address tells.
fn is_here(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Unix(_) => true,
        Endpoint::Tcp(addresses) => addresses.first().is_some_and(|address| limits::is_local(address.ip())),
    }
}

/// What a summary says of the log.
fn csv_line(saved: &Saved) -> CsvLine {
    CsvLine { rows: saved.rows, lost: saved.lost, error: saved.error.as_ref().map(ToString::to_string) }
}

/// A worker that is gone would leave the others waiting at the barrier.
struct InterruptOnPanic<'a>(&'a Shared);

impl Drop for InterruptOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.interrupt();
        }
    }
}

fn rfc3339(unix: Nanos) -> String {
    let timestamp = jiff::Timestamp::from_nanosecond(i128::from(unix.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{timestamp:.3}")
}
