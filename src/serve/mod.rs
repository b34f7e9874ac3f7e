//! The built-in target: an HTTP/1.1 server that answers as fast as a loop over
//! sockets can, so that the load tester has a floor to measure itself against.
//!
//! One thread a core, each with a listener of its own on the shared port
//! (SO_REUSEPORT) and a readiness loop of its own. Threads share nothing while
//! they serve, except the instant at which the first `/stall` request came.
//! What each path answers is written in `routes`.

mod answer;
mod body;
mod connection;
mod counters;
mod peer;
mod request;
mod routes;
mod slab;
mod timers;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use mio::Waker;
use socket2::{Domain, Protocol, Socket, Type};

use connection::{Connection, Ending};
use counters::Counters;
use peer::StallOrigin;
use worker::Worker;

/// Connections that the kernel may hold for a listener that has not accepted
/// them yet: a wave of thousands of users may connect at once. The kernel
/// lowers it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Where the server listens, and on how many threads.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The address to listen on. Port 0 lets the kernel choose one.
    pub listen: SocketAddr,
    /// Threads, each with its own listener; 0 counts as 1.
    pub threads: usize,
}

/// A running server. Dropping it stops the threads, closes every connection
/// and waits until the threads have ended.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    threads: Vec<Thread>,
}

#[derive(Debug)]
struct Thread {
    counters: Arc<Counters>,
    waker: Waker,
    handle: Option<JoinHandle<()>>,
}

impl Server {
    /// Binds and starts to serve. Connections are accepted from the moment this returns.
    ///
    /// # Errors
    /// What the kernel said when the address could not be bound, in particular
    /// [`io::ErrorKind::AddrInUse`], or when a thread could not be started.
    pub fn start(config: &Config) -> io::Result<Server> {
        let mut address = config.listen;
        refuse_a_port_in_use(address)?;
        let mut listeners = Vec::new();
        for _ in 0..config.threads.max(1) {
            let listener = listen(address)?;
            address = listener.local_addr()?;
            listeners.push(listener);
        }
        let origin = Arc::new(StallOrigin::default());
        let mut server = Server { address, threads: Vec::new() };
        for (n, listener) in listeners.into_iter().enumerate() {
            let counters = Arc::new(Counters::default());
            let (worker, waker) = Worker::new(listener, Arc::clone(&counters), Arc::clone(&origin))?;
            let handle = thread::Builder::new().name(format!("serve-{n}")).spawn(move || worker.run())?;
            server.threads.push(Thread { counters, waker, handle: Some(handle) });
        }
        Ok(server)
    }

    /// The address that is listened on, with the port that the kernel chose if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests answered so far, errors included. An answer is counted just
    /// before its first byte is handed to the kernel, so whoever has read n
    /// answers sees a count of at least n.
    pub fn requests(&self) -> u64 {
        self.threads.iter().map(|thread| thread.counters.requests()).sum()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.threads.iter().map(|thread| thread.counters.connections()).sum()
    }

    /// Stops the threads, closes every connection and waits until the threads have ended.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for thread in &self.threads {
            // A wake-up that fails means that the thread's poller is gone, and the thread with it.
            let _ = thread.waker.wake();
        }
        for thread in &mut self.threads {
            if let Some(handle) = thread.handle.take() {
                // A panic was printed by its own thread; the others are still to be joined.
                let _ = handle.join();
            }
        }
    }
}

/// SO_REUSEPORT lets a second server of the same user share the port in
/// silence and take half of the first one's connections. A bind without that
/// option finds out.
fn refuse_a_port_in_use(address: SocketAddr) -> io::Result<()> {
    match address.port() {
        0 => Ok(()),
        _ => tcp_socket(address)?.bind(&address.into()),
    }
}

fn listen(address: SocketAddr) -> io::Result<mio::net::TcpListener> {
    let socket = tcp_socket(address)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(mio::net::TcpListener::from_std(socket.into()))
}

/// SO_REUSEADDR lets a restarted server bind while connections of the last one are in TIME_WAIT.
fn tcp_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    Ok(socket)
}

/// For the fuzz targets: gives a connection `bytes` in two pieces, cut at
/// `cut`, and then the end of input; waits are over at once. Returns what it
/// sent, of which it takes no more than 128 KiB.
///
/// # Panics
/// If the connection comes to a halt: it asks for nothing, sends nothing and is not at its end.
#[doc(hidden)]
pub fn fuzz_connection(bytes: &[u8], cut: usize) -> Vec<u8> {
    const MAX_INPUT: usize = 128 * 1024;
    let mut connection = Connection::default();
    let mut sent = Vec::new();
    let (first, second) = bytes.split_at(cut.min(bytes.len()));
    for piece in [Some(first), Some(second), None] {
        match piece {
            Some(piece) => connection.receive(piece),
            None => connection.end_of_input(),
        }
        while !connection.wants_input() && connection.ending() == Ending::None {
            let waits = connection.take_wait().is_some();
            if waits {
                connection.wake();
            }
            let out = connection.transmit();
            let n = out.len().min(MAX_INPUT - sent.len());
            assert!(n > 0 || waits, "the connection halts");
            sent.extend_from_slice(&out[..n]);
            connection.transmitted(n);
            if sent.len() == MAX_INPUT {
                return sent;
            }
        }
    }
    sent
}
