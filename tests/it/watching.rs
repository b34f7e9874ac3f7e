//! A run as machines see it while it goes on: `--jsonl` and `--metrics`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{HANGS_AFTER, ONRUSH, onrush, target};

/// A run that is killed if the test ends before it.
struct Run(Child);

impl Run {
    /// Against the built-in target; its standard error comes with it.
    fn start(arguments: &str) -> (Run, impl BufRead) {
        let mut command = Command::new(ONRUSH);
        command.args(arguments.split_whitespace()).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        (Run(child), errors)
    }

    /// Interrupts it: its exit code.
    fn end(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.0), Signal::INT).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(HANGS_AFTER)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Where a run said that it answers.
fn address(line: &str) -> &str {
    line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect(line)
}

#[test]
fn metrics_are_answered_while_the_run_goes_on() {
    let (run, mut errors) = Run::start("--demo --rate 500 -z 60s -c 4 --metrics 0");
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    let address = address(&line);
    assert!(address.starts_with("127.0.0.1:"), "{line}");
    // Workers show themselves ten times a second: after a while they will have answers.
    let answers = (0..100_000).map(|_| ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    let has_answers = |text: &String| !text.contains("onrush_response_time_seconds_count 0\n");
    let text = answers.into_iter().find(has_answers).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"), "{text}");
    assert!(text.contains("onrush_run_info{version=") && text.contains("model=\"open\""), "{text}");
    let accept = "Accept: application/openmetrics-text; version=1.0.0";
    let open = ask(address, &format!("GET / HTTP/1.1\r\nHost: x\r\n{accept}\r\n\r\n"));
    assert!(open.contains("application/openmetrics-text") && open.ends_with("# EOF\n"), "{open}");
    assert!(ask(address, "DELETE / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
    // Who says nothing holds up neither the run nor its end.
    let _silent = TcpStream::connect(address).unwrap();
    assert_eq!(run.end(), Some(130));
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn a_port_that_is_taken_is_an_error_before_the_run() {
    let server = target();
    let taken = server.address();
    let run = onrush(&format!("http://{taken}/ --metrics {taken}")).finish();
    assert_eq!((run.code, server.requests()), (2, 0));
    assert!(run.stderr.contains(&format!("--metrics: cannot listen on {taken}: ")), "{}", run.stderr);
    let run = onrush(&format!("http://{taken}/ --metrics nowhere")).finish();
    assert!(run.code == 2 && run.stderr.contains("write a port"), "{}", run.stderr);
}

#[test]
fn lines_of_json_come_while_the_run_goes_on() {
    let (mut run, _errors) = Run::start("--demo --rate 500 -z 60s -c 4 --jsonl -");
    let mut lines = BufReader::new(run.0.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let second: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert!(first["ok"].as_u64() > Some(0) && first["response_ms"]["p99"].as_f64() > Some(0.0), "{first}");
    let (at, lasted) = (first["at_s"].as_f64().unwrap(), first["lasted_s"].as_f64().unwrap());
    assert!((at, second["at_s"].as_f64().unwrap() - (at + lasted)).0 == 0.0, "{first} {second}");
    kill_process(Pid::from_child(&run.0), Signal::INT).unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(rest.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert_eq!(run.0.wait().unwrap().code(), Some(130));
}

#[test]
fn lines_of_json_account_for_every_request() {
    let server = target();
    let files = TempDir::new().unwrap();
    let path = files.path().join("lines.jsonl");
    let run = onrush("-n 3000 -c 10 --jsonl").arg(&path).arg(format!("http://{}/", server.address()));
    let report = run.report();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let sums = lines.fold((0, 0, 0), |(ok, due, bytes), line| {
        let of = |key: &str| line[key].as_u64().unwrap();
        (ok + of("ok"), due + of("due"), bytes + of("bytes_in"))
    });
    assert_eq!((report.code, sums), (0, (3000, 3000, report.summary.bytes_in)), "{}", report.stderr);
}

#[test]
fn lines_that_cannot_be_written_are_an_error_at_the_end() {
    let server = target();
    let run = onrush("-n 30 -c 10 --jsonl /dev/full").arg(format!("http://{}/", server.address())).finish();
    assert_eq!((run.code, server.requests()), (5, 30), "{}", run.stderr);
    assert!(run.stderr.contains("/dev/full: No space left on device"), "{}", run.stderr);
}
