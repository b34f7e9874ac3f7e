//! `--metrics`: the run as Prometheus reads it, over HTTP, while it goes on.
//!
//! One connection at a time, one request on each, a second for all of it: whoever
//! reads metrics comes every few seconds, and nobody else is to cost the run anything.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::plan::Plan;
use crate::report::{Exposition, RunLabels, metrics};
use crate::stats::Board;
use crate::time::{Nanos, monotonic};

/// A request with a longer head is not answered.
const LONGEST_HEAD: usize = 8 << 10;
/// A connection may take so long in all.
const AT_MOST: Nanos = Nanos::from_secs(1);
/// After a connection that could not be accepted, 100 ms.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A port that is listened on already.
pub(crate) struct Metrics {
    listener: TcpListener,
    at: SocketAddr,
    /// Closed when the run is over, which ends the wait for connections.
    over: UnixStream,
    is_over: UnixStream,
}

/// A thread that answers.
pub(crate) struct Serving<'scope> {
    over: UnixStream,
    thread: ScopedJoinHandle<'scope, ()>,
}

impl Metrics {
    /// Takes the port. From here on connections are accepted; they are answered once the run goes on.
    ///
    /// # Errors
    /// The port cannot be had.
    pub(crate) fn listen(at: SocketAddr) -> anyhow::Result<Metrics> {
        let listen = || {
            let listener = TcpListener::bind(at)?;
            listener.set_nonblocking(true)?;
            let at = listener.local_addr()?;
            let (over, is_over) = UnixStream::pair()?;
            Ok::<_, io::Error>(Metrics { listener, at, over, is_over })
        };
        listen().with_context(|| format!("--metrics: cannot listen on {at}"))
    }

    /// Where metrics are to be had.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/metrics", self.at)
    }

    pub(crate) fn start<'scope, 'env>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        board: &'env Board,
        plan: &'env Plan,
    ) -> Serving<'scope> {
        let Metrics { listener, is_over, over, .. } = self;
        let thread = scope.spawn(move || {
            while let Some(stream) = next(&listener, &is_over) {
                match stream {
                    // Who hangs up, or says nothing for a second, gets no answer and is no matter of the run's.
                    Ok(stream) => drop(answer(stream, board, plan)),
                    // Without a descriptor to spare it would fail again at once.
                    Err(_) => drop(poll(&mut [PollFd::new(&is_over, PollFlags::IN)], Some(&PAUSE))),
                }
            }
        });
        Serving { over, thread }
    }
}

impl Serving<'_> {
    /// The run is over: nobody is answered any more.
    pub(crate) fn stop(self) {
        drop(self.over);
        // Had it panicked, the run is none the worse for it.
        let _ = self.thread.join();
    }
}

/// Waits for a connection; None once the run is over, or nothing can be waited for any more.
fn next(listener: &TcpListener, is_over: &UnixStream) -> Option<io::Result<TcpStream>> {
    let mut waits = [PollFd::new(listener, PollFlags::IN), PollFd::new(is_over, PollFlags::IN)];
    match poll(&mut waits, None) {
        Ok(_) if !waits[1].revents().is_empty() => None,
        Ok(_) => Some(listener.accept().map(|(stream, _)| stream)),
        Err(Errno::INTR) => Some(Err(io::ErrorKind::Interrupted.into())),
        Err(_) => None,
    }
}

/// Reads one request and answers it.
fn answer(mut stream: TcpStream, board: &Board, plan: &Plan) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    let deadline = monotonic() + AT_MOST;
    let mut head = Vec::new();
    let (status, exposition) = loop {
        if let Some(asked) = understand(&head) {
            break asked;
        }
        let left = deadline.since(monotonic());
        if left == Nanos::ZERO {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(Duration::from_nanos(left.0)))?;
        let mut some = [0; 1024];
        match stream.read(&mut some)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => head.extend_from_slice(&some[..n]),
        }
    };
    let body = match status {
        "200 OK" => metrics(&board.snapshot(), &RunLabels::new(plan), exposition),
        _ => format!("{status}: GET /metrics\n"),
    };
    let kind = exposition.content_type();
    let length = body.len();
    stream.set_write_timeout(Some(Duration::from_nanos(AT_MOST.0)))?;
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    stream.shutdown(Shutdown::Write)
}

/// The status to answer with, and the form that was asked for; None while the head has no end.
fn understand(head: &[u8]) -> Option<(&'static str, Exposition)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let form = Exposition::Text;
    match request.parse(head) {
        Ok(httparse::Status::Partial) if head.len() < LONGEST_HEAD => None,
        Ok(httparse::Status::Partial) => Some(("431 Request Header Fields Too Large", form)),
        Err(_) => Some(("400 Bad Request", form)),
        Ok(httparse::Status::Complete(_)) => {
            let path = request.path.unwrap_or_default().split('?').next().unwrap_or_default();
            let is_accept = |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case("accept");
            let accepts = request.headers.iter().filter(is_accept);
            let is_open = accepts.into_iter().any(|header| {
                String::from_utf8_lossy(header.value).to_ascii_lowercase().contains("application/openmetrics-text")
            });
            let form = if is_open { Exposition::OpenMetrics } else { Exposition::Text };
            Some(match (request.method, path) {
                (Some("GET"), "/metrics" | "/") => ("200 OK", form),
                (Some("GET"), _) => ("404 Not Found", Exposition::Text),
                _ => ("405 Method Not Allowed", Exposition::Text),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_understood_once_it_is_whole() {
        let whole = b"GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(understand(&whole[..end]), None, "{end}");
        }
        assert_eq!(understand(whole), Some(("200 OK", Exposition::OpenMetrics)));
        for (request, status) in [
            ("GET / HTTP/1.0\r\n\r\n", "200 OK"),
            ("GET /other HTTP/1.1\r\n\r\n", "404 Not Found"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
            ("\x16\x03\x01 hello", "400 Bad Request"),
        ] {
            assert_eq!(understand(request.as_bytes()), Some((status, Exposition::Text)), "{request:?}");
        }
        let endless = [b"GET / HTTP/1.1\r\nA: ".as_slice(), &[b'a'; LONGEST_HEAD]].concat();
        assert_eq!(understand(&endless).map(|(status, _)| status), Some("431 Request Header Fields Too Large"));
    }
}
