//! The truth about schedules on real sockets and a real clock.
//!
//! This is the one file of tests that may sleep and have tolerances: its
//! subject is time itself. The same cases are exact in `tests/it/sim/truth.rs`,
//! on a virtual clock. It is a binary of its own, so that no other test runs
//! beside it, and not more of its cases at a time than there are processors:
//! they mostly wait. A machine may be shared with others: a case that was
//! disturbed is tried again, three times in all.
#![expect(clippy::disallowed_methods, reason = "a server that stalls for a second needs a clock and has to wait")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use onrush::stats::{Summary, Verdict};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const MS: Duration = Duration::from_millis(1);

/// What a server does, by the time since its first request.
struct Script {
    /// The end of the stall that `at` lies in, if it does.
    stall: fn(Duration) -> Option<Duration>,
    /// Answers leave at least so far apart.
    apart: Duration,
}

/// A server with a thread for each connection.
struct Server {
    address: SocketAddr,
}

impl Server {
    fn start(script: Script) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new((script, OnceLock::new(), Mutex::new(None)));
        thread::spawn(move || {
            // The test's process ends some time; so do these threads.
            for connection in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                thread::spawn(move || answer_all(connection, &shared.0, &shared.1, &shared.2));
            }
        });
        Server { address }
    }
}

fn answer_all(mut stream: TcpStream, script: &Script, first: &OnceLock<Instant>, last: &Mutex<Option<Instant>>) {
    stream.set_nodelay(true).unwrap();
    let mut buf = [0; 4096];
    let mut got = 0;
    loop {
        match stream.read(&mut buf[got..]) {
            Ok(0) | Err(_) => return,
            Ok(n) => got += n,
        }
        if !buf[..got].ends_with(b"\r\n\r\n") {
            continue;
        }
        got = 0;
        let start = *first.get_or_init(Instant::now);
        if let Some(end) = (script.stall)(start.elapsed()) {
            wait_until(start + end);
        }
        if script.apart > Duration::ZERO {
            // One server with a queue: each answer takes its turn.
            let turn = {
                let mut last = lock(last);
                let turn = last.map_or_else(Instant::now, |last: Instant| (last + script.apart).max(Instant::now()));
                *last = Some(turn);
                turn
            };
            wait_until(turn);
        }
        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err() {
            return;
        }
    }
}

fn wait_until(at: Instant) {
    thread::sleep(at.saturating_duration_since(Instant::now()));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A run of the binary at 1,000/s over ten connections, and all that it said.
struct Run {
    code: i32,
    text: String,
    summary: Summary,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    latency_ms: f64,
    start_ms: f64,
    service_ms: f64,
    lag_ms: f64,
}

struct Started {
    child: Child,
    files: TempDir,
}

fn start(server: &Server, arguments: &str) -> Started {
    let files = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_onrush"));
    command.args("--rate 1000 -c 10 --workers 1".split(' ')).args(arguments.split(' '));
    command.arg("--csv").arg(files.path().join("rows.csv")).arg("--json").arg(files.path().join("summary.json"));
    let child = command.arg(format!("http://{}/", server.address)).stdout(Stdio::piped()).spawn().unwrap();
    Started { child, files }
}

impl Started {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn finish(self) -> Run {
        let output = self.child.wait_with_output().unwrap();
        let read = |name| std::fs::read_to_string(self.files.path().join(name)).unwrap();
        let field = |row: &[&str], i: usize| row[i].parse().unwrap_or(f64::NAN);
        let rows = read("rows.csv");
        let rows = rows.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
        Run {
            code: output.status.code().unwrap_or(-1),
            text: String::from_utf8(output.stdout).unwrap(),
            summary: serde_json::from_str(&read("summary.json")).unwrap(),
            rows: rows
                .map(|row| Row {
                    latency_ms: field(&row, 2),
                    start_ms: field(&row, 5),
                    service_ms: field(&row, 8),
                    lag_ms: field(&row, 11),
                })
                .collect(),
        }
    }
}

impl Run {
    /// x_p of the rows: the ceil(n p)-th smallest.
    fn x(&self, p_ppm: usize) -> f64 {
        let mut all: Vec<f64> = self.rows.iter().map(|row| row.latency_ms).collect();
        all.sort_by(f64::total_cmp);
        all[(all.len() * p_ppm).div_ceil(1_000_000) - 1]
    }

    /// How many requests a second were answered after a stall that ended at
    /// `end_ms`, while there was a backlog of those that had become due since `begin_ms`.
    fn drain_per_s(&self, begin_ms: f64, end_ms: f64) -> f64 {
        let waited = |row: &&Row| (begin_ms..end_ms).contains(&row.start_ms) && row.latency_ms > 5.0;
        let done: Vec<f64> = self.rows.iter().filter(waited).map(|row| row.start_ms + row.latency_ms).collect();
        let last = done.iter().fold(0.0, |a: f64, &b| a.max(b));
        let first = done.iter().fold(f64::MAX, |a: f64, &b| a.min(b));
        (done.len() - 1) as f64 / (last - first).max(0.01) * 1000.0
    }

    /// What holds in every run.
    fn check(&self) -> Result<(), String> {
        let a = self.summary.accounting;
        let sum = a.ok + a.http_error + a.failed + a.timeout + a.unfinished + a.unsent;
        expect(a.scheduled == sum, || format!("{a:?}"))?;
        let generator = &self.summary.generator;
        let (present, sum) = (generator.present_s, generator.response_sum_s);
        expect((present - sum).abs() <= 1e-9 * sum, || format!("Little's law: {present} and {sum}"))?;
        if a.ok == a.scheduled {
            let response = self.summary.response_ms.as_ref().unwrap();
            for (p, shown) in [(500_000, response.p50), (950_000, response.p95), (990_000, response.p99)] {
                let exact = self.x(p);
                expect((shown - exact).abs() <= exact * 0.002 + 0.002, || format!("{p}: {shown} for {exact}"))?;
            }
        }
        Ok(())
    }

    /// x_p is `expected`, within 0.3 % and 5 ms.
    fn is(&self, p_ppm: usize, expected_ms: f64) -> Result<(), String> {
        let x = self.x(p_ppm);
        let off = (x - expected_ms).abs();
        expect(off <= expected_ms * 0.003 + 5.0, || format!("p = {p_ppm} ppm: {x} ms, expected {expected_ms}"))
    }
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Runs a case until it is undisturbed, three times at most.
fn case(attempt: impl Fn() -> Result<(), String>) {
    let problems: Vec<String> = (0..3).map_while(|_| attempt().err()).collect();
    assert!(problems.len() < 3, "three times: {problems:#?}");
}

/// Formula B: T - (1 - p) D (1 - R / mu), in milliseconds.
fn formula(stall_ms: f64, run_ms: f64, p: f64, mu_per_s: f64) -> f64 {
    stall_ms - (1.0 - p) * run_ms * (1.0 - 1000.0 / mu_per_s)
}

fn a_second_after_five(at: Duration) -> Option<Duration> {
    (5_000 * MS..6_000 * MS).contains(&at).then_some(6_000 * MS)
}

#[test]
fn case_a_one_stall_of_a_second_in_ten() {
    case(|| {
        let server = Server::start(Script { stall: a_second_after_five, apart: Duration::ZERO });
        let run = start(&server, "-z 10s").finish();
        run.check()?;
        expect(run.rows.len() == 10_000, || format!("{} rows", run.rows.len()))?;
        let mu = run.drain_per_s(5_000.0, 6_000.0);
        for (p_ppm, p) in [(950_000, 0.95), (990_000, 0.99), (999_000, 0.999), (1_000_000, 1.0)] {
            run.is(p_ppm, formula(1_000.0, 10_000.0, p, mu))?;
        }
        run.is(500_000, 0.0)
    });
}

#[test]
fn case_b_a_stall_that_drains_at_a_capacity() {
    case(|| {
        let server = Server::start(Script { stall: a_second_after_five, apart: Duration::from_micros(500) });
        let run = start(&server, "-z 10s").finish();
        run.check()?;
        expect(run.rows.len() == 10_000, || format!("{} rows", run.rows.len()))?;
        let mu = run.drain_per_s(5_000.0, 6_000.0);
        expect((1_200.0..2_100.0).contains(&mu), || format!("the server drained {mu}/s"))?;
        for (p_ppm, p) in [(950_000, 0.95), (990_000, 0.99), (999_000, 0.999)] {
            run.is(p_ppm, formula(1_000.0, 10_000.0, p, mu) + 1000.0 / mu)?;
        }
        Ok(())
    });
}

#[test]
fn case_c_a_short_stall_every_second() {
    fn tenth_of_every_second(at: Duration) -> Option<Duration> {
        let into = Duration::from_nanos(u64::from(at.subsec_nanos()));
        (500 * MS..600 * MS).contains(&into).then_some(Duration::from_secs(at.as_secs()) + 600 * MS)
    }
    case(|| {
        let server = Server::start(Script { stall: tenth_of_every_second, apart: Duration::ZERO });
        let run = start(&server, "-z 10s").finish();
        run.check()?;
        let mu = run.drain_per_s(500.0, 600.0);
        for (p_ppm, p) in [(950_000, 0.95), (990_000, 0.99), (999_000, 0.999)] {
            run.is(p_ppm, formula(100.0, 1_000.0, p, mu))?;
        }
        Ok(())
    });
}

fn from_half_past_nine_to_twelve(at: Duration) -> Option<Duration> {
    (9_500 * MS..12_000 * MS).contains(&at).then_some(12_000 * MS)
}

#[test]
fn case_d_a_stall_that_outlasts_the_run() {
    case(|| {
        let server = Server::start(Script { stall: from_half_past_nine_to_twelve, apart: Duration::ZERO });
        let run = start(&server, "-z 10s").finish();
        run.check()?;
        expect(run.rows.len() == 10_000, || format!("{} rows", run.rows.len()))?;
        // The backlog of half a second drains after the run, so fast that it hardly counts.
        let mu = run.drain_per_s(9_500.0, 10_000.0);
        for (p_ppm, p) in [(960_000, 0.96), (990_000, 0.99), (1_000_000, 1.0)] {
            run.is(p_ppm, formula(2_500.0, 10_000.0, p, mu))?;
        }
        Ok(())
    });
}

#[test]
fn case_d_with_a_drain_that_is_cut() {
    case(|| {
        let server = Server::start(Script { stall: from_half_past_nine_to_twelve, apart: Duration::ZERO });
        let run = start(&server, "-z 10s --drain 1s").finish();
        run.check()?;
        let a = run.summary.accounting;
        let response = run.summary.response_ms.as_ref().unwrap();
        expect(a.scheduled == 10_000 && a.unfinished == 10, || format!("{a:?}"))?;
        expect((495..=505).contains(&response.censored), || format!("{} censored", response.censored))?;
        expect(response.at_least.iter().any(|name| name == "p99"), || format!("{:?}", response.at_least))?;
        expect((response.p99 - 1_400.0).abs() <= 0.003 * 1_400.0 + 5.0, || format!("p99 {}", response.p99))?;
        expect(run.text.contains(">=1.40s"), || run.text.clone())
    });
}

/// The tool itself stands still for 200 ms: all that comes of it is its own fault.
#[test]
fn a_stall_of_this_tool_is_charged_to_this_tool() {
    case(|| {
        let server = Server::start(Script { stall: |_| None, apart: Duration::ZERO });
        let run = start(&server, "-z 4s --strict");
        thread::sleep(2_000 * MS);
        kill_process(run.pid(), Signal::STOP).unwrap();
        thread::sleep(200 * MS);
        kill_process(run.pid(), Signal::CONT).unwrap();
        let run = run.finish();
        run.check()?;
        let late: Vec<Row> = run.rows.iter().copied().filter(|row| row.latency_ms > 10.0).collect();
        expect((170..=230).contains(&late.len()), || format!("{} were late", late.len()))?;
        let most = run.x(1_000_000);
        expect((190.0..260.0).contains(&most), || format!("by {most} ms at most"))?;
        for row in late {
            let wait = row.latency_ms - row.service_ms - row.lag_ms;
            expect(wait < 2.0 && row.lag_ms > row.latency_ms - 10.0, || format!("{row:?} waited {wait} ms"))?;
        }
        let generator = &run.summary.generator;
        expect(generator.verdict == Verdict::Invalid, || format!("{generator:?}"))?;
        expect(run.code == 4, || format!("exit code {} with --strict", run.code))
    });
}
