//! A server that does what a script says, however wrong that is.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::support::HANGS_AFTER;

/// A whole answer of two bytes.
pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server on a port of its own, with a thread for each connection that runs the script.
pub(crate) struct Hostile {
    address: Option<SocketAddr>,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// What the server saw.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Requests that were read to their end.
    pub(crate) requests: Vec<Request>,
    pub(crate) connections: u64,
}

impl Seen {
    /// Requests and connections.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.requests.len() as u64, self.connections)
    }
}

/// A request that was read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Bytes that the last read brought.
    pub(crate) last_read: usize,
}

type Script = dyn Fn(&mut Peer) + Send + Sync;

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// A byte in here ends the acceptor.
    bell: Mutex<UnixStream>,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    connections: u64,
    peers: Vec<JoinHandle<()>>,
    /// Nobody listens any more.
    deaf: bool,
    /// Whoever stalls need not any longer.
    over: bool,
}

impl Hostile {
    /// Runs `script` on each connection, which is closed when it returns.
    pub(crate) fn start(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Hostile {
        Hostile::listen(None, None, Arc::new(script))
    }

    /// Answers the first requests with 200, and then no more.
    pub(crate) fn answering(first: usize) -> Hostile {
        let left = Mutex::new(first);
        Hostile::start(move |peer| {
            while peer.request().is_some() {
                let mut left = left.lock().unwrap();
                if *left == 0 {
                    break;
                }
                *left -= 1;
                drop(left);
                peer.write(OK);
            }
            peer.stall();
        })
    }

    /// As [`Hostile::start`], on a Unix-domain socket.
    pub(crate) fn start_unix(path: &Path, script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Hostile {
        Hostile::listen(Some(path), None, Arc::new(script))
    }

    /// As above, with TLS.
    pub(crate) fn start_tls(config: ServerConfig, script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Hostile {
        Hostile::listen(None, Some(Arc::new(config)), Arc::new(script))
    }

    fn listen(path: Option<&Path>, tls: Option<Arc<ServerConfig>>, script: Arc<Script>) -> Hostile {
        let (domain, address) = match path {
            Some(path) => (Domain::UNIX, SockAddr::unix(path).unwrap()),
            None => (Domain::IPV4, "127.0.0.1:0".parse::<SocketAddr>().unwrap().into()),
        };
        let listener = Socket::new(domain, Type::STREAM, None).unwrap();
        listener.bind(&address).unwrap();
        listener.listen(1024).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().as_socket();
        let (bell, wire) = UnixStream::pair().unwrap();
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), bell: Mutex::new(bell) });
        let for_acceptor = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accept_all(listener, &wire, tls.as_ref(), &for_acceptor, &script));
        Hostile { address, shared, acceptor: Some(acceptor) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("it listens on TCP")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address())
    }

    pub(crate) fn https_url(&self) -> String {
        format!("https://localhost:{}/", self.address().port())
    }

    /// Waits until so many requests have been read.
    pub(crate) fn wait_for_requests(&self, requests: usize) {
        self.shared.wait_until(|state| state.requests.len() >= requests);
    }

    /// Ends the stalls.
    pub(crate) fn end_stalls(&self) {
        self.shared.change(|state| state.over = true);
    }

    /// Ends all, and says what there was: nothing that arrived is missing.
    pub(crate) fn stop(mut self) -> Seen {
        self.end();
        let mut state = self.shared.state.lock().unwrap();
        Seen { requests: std::mem::take(&mut state.requests), connections: state.connections }
    }

    fn end(&mut self) {
        self.end_stalls();
        self.shared.stop_listening();
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().unwrap();
        }
        let peers = std::mem::take(&mut self.shared.state.lock().unwrap().peers);
        for peer in peers {
            peer.join().unwrap();
        }
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.end();
        }
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn wait_until(&self, holds: impl Fn(&State) -> bool) {
        let state = self.state.lock().unwrap();
        let limit: Duration = HANGS_AFTER;
        let (_state, result) = self.changed.wait_timeout_while(state, limit, |state| !holds(state)).unwrap();
        assert!(!result.timed_out(), "what the test waits for has not come");
    }

    /// Returns when nobody listens any more.
    fn stop_listening(&self) {
        // Ringing twice is harmless.
        let _ = self.bell.lock().unwrap().write_all(&[1]);
        self.wait_until(|state| state.deaf);
    }
}

fn accept_all(
    listener: Socket,
    wire: &UnixStream,
    tls: Option<&Arc<ServerConfig>>,
    shared: &Arc<Shared>,
    script: &Arc<Script>,
) {
    loop {
        let mut fds = [PollFd::new(&listener, PollFlags::IN), PollFd::new(wire, PollFlags::IN)];
        poll(&mut fds, None).unwrap();
        let rung = !fds[1].revents().is_empty();
        while let Ok((socket, _)) = listener.accept() {
            let (shared, script, tls) = (Arc::clone(shared), Arc::clone(script), tls.cloned());
            let mut state = shared.state.lock().unwrap();
            let number = state.connections;
            state.connections += 1;
            let for_peer = Arc::clone(&shared);
            state.peers.push(thread::spawn(move || script(&mut Peer::new(socket, tls, number, for_peer))));
        }
        if rung {
            drop(listener);
            return shared.change(|state| state.deaf = true);
        }
    }
}

/// The server's end of one connection.
pub(crate) struct Peer {
    /// The connection's number, from 0.
    pub(crate) number: u64,
    socket: Socket,
    tls: Option<StreamOwned<ServerConnection, Socket>>,
    /// What was read behind the last request.
    buffer: Vec<u8>,
    shared: Arc<Shared>,
}

impl Peer {
    fn new(socket: Socket, tls: Option<Arc<ServerConfig>>, number: u64, shared: Arc<Shared>) -> Peer {
        socket.set_nonblocking(false).unwrap();
        // Each write is a segment of its own; a Unix-domain socket knows nothing of it.
        let _ = socket.set_tcp_nodelay(true);
        let tls =
            tls.map(|config| StreamOwned::new(ServerConnection::new(config).unwrap(), socket.try_clone().unwrap()));
        Peer { number, socket, tls, buffer: Vec::new(), shared }
    }

    /// The next request: its head, and the body that its content-length announces. None: the client is gone.
    pub(crate) fn request(&mut self) -> Option<Request> {
        let mut last_read = 0;
        let head_end = loop {
            match self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => last_read = self.more()?,
            }
        };
        let head = String::from_utf8(self.buffer[..head_end].to_vec()).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let end = head_end + length.map_or(0, |n| n.parse().unwrap());
        while self.buffer.len() < end {
            last_read = self.more()?;
        }
        let body = self.buffer[head_end..end].to_vec();
        self.buffer.drain(..end);
        let request = Request { head, body, last_read };
        self.shared.change(|state| state.requests.push(request.clone()));
        Some(request)
    }

    /// Reads until at least `n` bytes are there.
    pub(crate) fn read(&mut self, n: usize) {
        while self.buffer.len() < n && self.more().is_some() {}
    }

    /// The next `n` bytes. None: the client is gone.
    pub(crate) fn take(&mut self, n: usize) -> Option<Vec<u8>> {
        self.read(n);
        (self.buffer.len() >= n).then(|| self.buffer.drain(..n).collect())
    }

    /// So many bytes were read and not looked at.
    pub(crate) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// A request that the script itself has read was whole.
    pub(crate) fn count_request(&self) {
        let request = Request { head: String::new(), body: Vec::new(), last_read: 0 };
        self.shared.change(|state| state.requests.push(request));
    }

    fn more(&mut self) -> Option<usize> {
        let mut piece = [0; 64 * 1024];
        let read = match &mut self.tls {
            Some(tls) => tls.read(&mut piece),
            None => self.socket.read(&mut piece),
        };
        let n = read.ok().filter(|&n| n > 0)?;
        self.buffer.extend_from_slice(&piece[..n]);
        Some(n)
    }

    /// Writes all of it; false if the client would not have it.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let written = match &mut self.tls {
            Some(tls) => tls.write_all(bytes.as_ref()).and_then(|()| tls.flush()),
            None => self.socket.write_all(bytes.as_ref()),
        };
        written.is_ok()
    }

    /// Has TLS say this right behind its part of the handshake, which has not begun.
    pub(crate) fn write_with_handshake(&mut self, bytes: &[u8]) {
        if let Some(tls) = &mut self.tls {
            tls.conn.writer().write_all(bytes).unwrap();
        }
    }

    /// Writes byte by byte.
    pub(crate) fn drip(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().all(|byte| self.write([*byte]))
    }

    /// Answers every request with these bytes until the client is gone.
    pub(crate) fn answer_all(&mut self, answer: &[u8]) {
        while self.request().is_some() && self.write(answer) {}
    }

    /// The connection will end with a reset.
    pub(crate) fn reset(&mut self) {
        self.socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Closes the connection now.
    pub(crate) fn close(&mut self) {
        self.tls = None;
        self.socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    }

    /// Nothing more will be written.
    pub(crate) fn half_close(&mut self) {
        self.socket.shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Does nothing until the test ends it.
    pub(crate) fn stall(&mut self) {
        self.shared.wait_until(|state| state.over);
    }

    /// Reads and forgets, until the client is gone.
    pub(crate) fn read_to_end(&mut self) {
        while self.more().is_some() {
            self.buffer.clear();
        }
    }

    /// Nobody else is let in. Returns when new connections are refused.
    pub(crate) fn stop_listening(&mut self) {
        self.shared.stop_listening();
    }

    /// The TLS session was resumed.
    pub(crate) fn is_resumed(&self) -> bool {
        let kind = self.tls.as_ref().and_then(|tls| tls.conn.handshake_kind());
        kind == Some(rustls::HandshakeKind::Resumed)
    }

    /// Ends the TLS session in order.
    pub(crate) fn close_notify(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        tls.conn.send_close_notify();
        tls.flush()
    }
}
