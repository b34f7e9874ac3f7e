//! Runs the binary, and reads what it wrote.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use onrush::serve::{Config, Server};
use onrush::stats::Summary;
use rustix::process::{Pid, Signal, kill_process};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

/// The binary under test.
pub(crate) const ONRUSH: &str = env!("CARGO_BIN_EXE_onrush");

/// No run of these tests takes nearly as long: one that does hangs.
pub(crate) const HANGS_AFTER: Duration = Duration::from_secs(60);

/// A command line of the binary, its arguments separated by spaces.
pub(crate) fn onrush(arguments: &str) -> Invocation {
    let mut command = Command::new(ONRUSH);
    command.args(arguments.split_whitespace());
    Invocation::new(command)
}

/// The binary, started by a shell that runs `preparation` first and so can set limits.
pub(crate) fn onrush_after(preparation: &str, arguments: &str) -> Invocation {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{preparation}; exec \"$0\" \"$@\""), ONRUSH]);
    command.args(arguments.split_whitespace());
    Invocation::new(command)
}

/// The binary, hung up as a terminal does it, whatever the tests were started by.
pub(crate) fn onrush_by_default(arguments: &str) -> Invocation {
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP", ONRUSH]).args(arguments.split_whitespace());
    Invocation::new(command)
}

/// One run of the binary, being prepared.
pub(crate) struct Invocation {
    command: Command,
    stdin: Vec<u8>,
    files: TempDir,
}

/// What became of it.
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Invocation {
    fn new(mut command: Command) -> Invocation {
        command.env_remove("SSLKEYLOGFILE").env_remove("NO_COLOR").env_remove("GITHUB_STEP_SUMMARY");
        command.env("LC_ALL", "C.UTF-8");
        Invocation { command, stdin: Vec::new(), files: TempDir::new().unwrap() }
    }

    /// One more argument, which may have spaces.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Invocation {
        self.command.arg(argument);
        self
    }

    /// More arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Invocation {
        arguments.into_iter().fold(self, |invocation, argument| invocation.arg(argument))
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Invocation {
        self.command.env(name, value);
        self
    }

    pub(crate) fn stdin(mut self, bytes: &[u8]) -> Invocation {
        self.stdin = bytes.to_vec();
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let piped = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let pid = Pid::from_child(&child);
        // It may end without having read it.
        let _ = child.stdin.take().unwrap().write_all(&self.stdin);
        let (send, finished) = channel();
        thread::spawn(move || send.send(finish(child)));
        Running { pid, finished, _files: self.files }
    }

    /// Runs to the end.
    pub(crate) fn finish(self) -> Finished {
        self.start().finish()
    }

    /// Runs to the end, its standard output going elsewhere.
    pub(crate) fn finish_into(mut self, stdout: impl Into<Stdio>) -> Finished {
        let output = self.command.stdin(Stdio::null()).stdout(stdout).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        Finished { code: output.status.code().unwrap_or(-1), stdout: String::new(), stderr }
    }

    /// Runs to the end with a CSV and a JSON file, which have to agree with each other.
    pub(crate) fn report(self) -> Report {
        self.start_report().report()
    }

    pub(crate) fn start_report(self) -> RunningReport {
        let (csv, json) = (self.files.path().join("rows.csv"), self.files.path().join("summary.json"));
        let run = self.arg("--csv").arg(&csv).arg("--json").arg(&json).start();
        RunningReport { run, csv, json }
    }
}

fn finish(mut child: Child) -> Finished {
    let mut stderr = child.stderr.take().unwrap();
    let errors = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text).unwrap()
    });
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    let status = child.wait().unwrap();
    Finished { code: status.code().unwrap_or(-1), stdout, stderr: errors.join().unwrap() }
}

/// The binary, running.
pub(crate) struct Running {
    pid: Pid,
    finished: Receiver<Finished>,
    _files: TempDir,
}

impl Running {
    /// As Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    pub(crate) fn finish(&self) -> Finished {
        self.finished.recv_timeout(HANGS_AFTER).unwrap_or_else(|_| {
            let _ = kill_process(self.pid, Signal::KILL);
            panic!("onrush hangs");
        })
    }
}

/// The binary, running and writing a CSV and a JSON file.
pub(crate) struct RunningReport {
    run: Running,
    csv: PathBuf,
    json: PathBuf,
}

impl RunningReport {
    pub(crate) fn interrupt(&self) {
        self.run.interrupt();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.run.signal(signal);
    }

    pub(crate) fn report(self) -> Report {
        let Finished { code, stdout, stderr } = self.run.finish();
        let read = |path| std::fs::read_to_string(path).unwrap_or_else(|e| panic!("exit {code}: {e}: {stderr}"));
        let rows = parse_rows(&read(&self.csv));
        let json: serde_json::Value = serde_json::from_str(&read(&self.json)).unwrap();
        let summary = serde_json::from_value(json.clone()).unwrap();
        let report = Report { code, stdout, stderr, rows, json, summary };
        report.assert_consistent();
        report
    }
}

/// All that a run said.
pub(crate) struct Report {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) json: serde_json::Value,
    pub(crate) summary: Summary,
}

impl Report {
    /// The accounting identity, and rows that are counted as the summary says.
    fn assert_consistent(&self) {
        let a = self.summary.accounting;
        assert_eq!(a.scheduled, a.ok + a.http_error + a.failed + a.timeout + a.unfinished + a.unsent, "{a:?}");
        let count = |is: &dyn Fn(&Row) -> bool| self.rows.iter().filter(|row| is(row)).count() as u64;
        let failed_in = |row: &Row, phase: &str| row.error.starts_with(phase);
        let rows = [
            count(&|row| row.error.is_empty() && (200..400).contains(&row.status)),
            count(&|row| row.error.is_empty() && !(200..400).contains(&row.status)),
            count(&|row| !row.error.is_empty() && !failed_in(row, "timeout: ") && !failed_in(row, "cut: ")),
            count(&|row| failed_in(row, "timeout: ")),
            count(&|row| failed_in(row, "cut: ")),
        ];
        assert_eq!(rows, [a.ok, a.http_error, a.failed, a.timeout, a.unfinished], "rows against the summary");
        let mut failures = BTreeMap::new();
        for row in self.rows.iter().filter(|row| !row.error.is_empty()) {
            assert_eq!(row.status > 0, failed_in(row, "check: "), "{row:?}");
            if failed_in(row, "cut: ") {
                continue; // Unfinished is no failure.
            }
            *failures.entry(row.error.clone()).or_insert(0) += 1;
        }
        let summed = self.summary.failures.iter().map(|f| (format!("{}: {}", f.phase.text(), f.cause.text()), f.count));
        assert_eq!(failures, summed.collect::<BTreeMap<_, _>>(), "failures in rows and in the summary");
        let generator = &self.summary.generator;
        let (present, sum) = (generator.present_s, generator.response_sum_s);
        assert!((present - sum).abs() <= 1e-9 * sum + 1e-9, "Little's law: {present} s present, {sum} s in all");
        assert!(!generator.reasons.iter().any(|reason| reason.contains("defect")), "{:?}", generator.reasons);
        let statuses: u64 = self.summary.status.values().sum();
        assert_eq!(statuses, a.ok + a.http_error, "answers by status");
        // Commands are copied: they stand on one line.
        let has_width = |line: &&str| !line.trim_start().starts_with("curl ") && !line.starts_with("Reproduce: ");
        for line in self.stdout.lines().filter(has_width) {
            assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
        }
    }

    /// The error of each row, which is the same in all of them.
    pub(crate) fn error(&self) -> &str {
        let error = &self.rows.first().expect("at least one row").error;
        assert!(self.rows.iter().all(|row| row.error == *error), "{:#?}", self.rows);
        error
    }

    /// The indexes of all rows, in order.
    pub(crate) fn indexes(&self) -> Vec<u64> {
        let mut indexes: Vec<u64> = self.rows.iter().map(|row| row.index).collect();
        indexes.sort_unstable();
        indexes
    }

    #[track_caller]
    pub(crate) fn assert_all_ok(&self, requests: usize) {
        assert_eq!(self.code, 0, "{}", self.stderr);
        assert_eq!(
            self.summary.accounting.ok, requests as u64,
            "{:?} {:?}",
            self.summary.accounting, self.summary.failures
        );
        assert_eq!(self.rows.len(), requests);
    }

    /// The run had all the connections that it was to have.
    #[track_caller]
    pub(crate) fn assert_all_connected(&self) {
        let generator = &self.summary.generator;
        assert_eq!(generator.connections_reached, generator.connections_asked, "connections: {:?}", generator.reasons);
    }
}

/// One row of the CSV. None: the field is empty.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) index: u64,
    pub(crate) status: u16,
    pub(crate) latency_ms: f64,
    pub(crate) response_bytes: u64,
    pub(crate) error: String,
    pub(crate) start_ms: f64,
    pub(crate) wave: Option<u64>,
    pub(crate) connection: u64,
    pub(crate) service_ms: Option<f64>,
    pub(crate) first_byte_ms: Option<f64>,
    pub(crate) connect_ms: f64,
    pub(crate) lag_ms: Option<f64>,
    pub(crate) target: String,
}

/// A whole CSV file: no field of ours has a comma, a quote or a line break.
pub(crate) fn parse_rows(text: &str) -> Vec<Row> {
    assert!(text.ends_with("\r\n"), "the last line is complete");
    let mut lines = text.split_terminator("\r\n");
    assert_eq!(
        lines.next(),
        Some(
            "index,status,latency_ms,response_bytes,error,start_ms,wave,connection,service_ms,first_byte_ms,connect_ms,lag_ms,target"
        )
    );
    lines.map(parse_row).collect()
}

fn parse_row(line: &str) -> Row {
    let fields: Vec<&str> = line.split(',').collect();
    assert_eq!(fields.len(), 13, "{line}");
    let millis = |field: &str| {
        assert_eq!(field.split_once('.').map(|(_, decimals)| decimals.len()), Some(3), "three decimals: {line}");
        field.parse::<f64>().unwrap()
    };
    let some = |field: &str| (!field.is_empty()).then(|| millis(field));
    Row {
        index: fields[0].parse().unwrap(),
        status: fields[1].parse().unwrap(),
        latency_ms: millis(fields[2]),
        response_bytes: fields[3].parse().unwrap(),
        error: fields[4].into(),
        start_ms: millis(fields[5]),
        wave: (!fields[6].is_empty()).then(|| fields[6].parse().unwrap()),
        connection: fields[7].parse().unwrap(),
        service_ms: some(fields[8]),
        first_byte_ms: some(fields[9]),
        connect_ms: millis(fields[10]),
        lag_ms: some(fields[11]),
        target: fields[12].into(),
    }
}

/// The built-in target.
pub(crate) fn target() -> Server {
    Server::start(&Config { listen: "127.0.0.1:0".parse().unwrap(), threads: 2 }).unwrap()
}

/// An address on which nobody listens, as long as this is kept.
pub(crate) struct Nobody(Socket);

impl Nobody {
    pub(crate) fn new() -> Nobody {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        Nobody(socket)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap().as_socket().unwrap()
    }
}
