//! One connection, whatever it is made of.

use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::path::Path;

use mio::net::{TcpStream, UnixStream};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::record::{Failure, Phase};
use crate::time::Nanos;
use crate::tls::TlsSettings;

use super::Poller;
use super::cause::failure_of;
use super::low_water;
use super::stamps::Stamps;
use super::stop::{Handshake, Stop};
use super::tls_stream::TlsState;

/// So much of what TLS has read from a socket may not be decrypted yet: a record, and what came behind it.
const TLS_IN_PART: u32 = 64 * 1024;

/// A connection that is being opened or open. Dropping it closes it.
#[derive(Debug)]
pub struct Transport {
    socket: Socket,
    tls: Option<Box<TlsState>>,
    /// The socket itself is connected.
    connected: bool,
}

#[derive(Debug)]
struct Socket {
    stream: Stream,
    /// The next read takes the kernel's stamp with it.
    is_stamp_wanted: bool,
    /// The error that broke it. The system reports it once, to whichever call comes first, and from then on reading
    /// finds an end as if the peer had closed in order.
    broken: Option<i32>,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream, Option<Box<Stamps>>),
    Unix(UnixStream),
}

impl Transport {
    /// Begins to connect to a TCP address. With `stamps` the kernel is asked to stamp what arrives.
    ///
    /// # Errors
    /// What the system said at once.
    pub fn tcp(
        address: SocketAddr,
        poller: &Poller,
        number: u32,
        tls: Option<&TlsSettings>,
        stamps: bool,
    ) -> Result<Transport, Failure> {
        let failed = |e: io::Error| failure_of(Phase::Connect, &e);
        let mut stream = TcpStream::connect(address).map_err(failed)?;
        // Nagle's algorithm would hold back the end of a request until an acknowledgement comes.
        let _ = stream.set_nodelay(true);
        poller.register(&mut stream, number).map_err(failed)?;
        let stamps = if stamps { Stamps::ask_for(&stream) } else { None };
        Transport::begin(Stream::Tcp(stream, stamps), tls)
    }

    /// Connects to a Unix-domain socket.
    ///
    /// # Errors
    /// What the system said.
    pub fn unix(path: &Path, poller: &Poller, number: u32, tls: Option<&TlsSettings>) -> Result<Transport, Failure> {
        let failed = |e: io::Error| failure_of(Phase::Connect, &e);
        let mut stream = UnixStream::connect(path).map_err(failed)?;
        poller.register(&mut stream, number).map_err(failed)?;
        Transport::begin(Stream::Unix(stream), tls)
    }

    fn begin(stream: Stream, tls: Option<&TlsSettings>) -> Result<Transport, Failure> {
        let tls = tls.map(TlsState::new).transpose()?.map(Box::new);
        Ok(Transport { socket: Socket { stream, is_stamp_wanted: false, broken: None }, tls, connected: false })
    }

    /// Goes on with connecting, TLS included.
    ///
    /// # Errors
    /// Why the connection cannot be opened.
    pub fn handshake(&mut self, scratch: &mut [u8]) -> Result<Handshake, Failure> {
        if !self.connected {
            match self.socket.is_connected() {
                Ok(true) => self.connected = true,
                Ok(false) => return Ok(Handshake::Pending),
                Err(e) => return Err(failure_of(Phase::Connect, &e)),
            }
        }
        match &mut self.tls {
            None => Ok(Handshake::Done),
            Some(tls) => tls.handshake(&mut self.socket, scratch),
        }
    }

    /// The socket is connected; TLS may still be under way.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// The server chose HTTP/2 in the handshake, which is done.
    pub fn chose_h2(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.chose_h2())
    }

    /// Reads into `buf` as much as is there. 0: the peer sends no more.
    ///
    /// # Errors
    /// [`Stop`].
    #[inline]
    pub fn read(&mut self, buf: &mut [u8], scratch: &mut [u8]) -> Result<usize, Stop> {
        match &mut self.tls {
            None => loop {
                match self.socket.read(buf) {
                    Ok(n) => return Ok(n),
                    Err(e) => stop(Phase::Read, &e)?,
                }
            },
            Some(tls) => tls.read(&mut self.socket, scratch, buf),
        }
    }

    /// [`Self::discard`] copies nothing: there is no TLS, and the system can do that.
    pub fn can_discard(&self) -> bool {
        self.tls.is_none() && cfg!(target_os = "linux") && matches!(self.socket.stream, Stream::Tcp(..))
    }

    /// As [`Self::read`], where [`Self::can_discard`] says so; what was read is not in `buf`.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn discard(&mut self, buf: &mut [u8]) -> Result<usize, Stop> {
        loop {
            match self.socket.discard(buf) {
                Ok(n) => return Ok(n),
                Err(e) => stop(Phase::Read, &e)?,
            }
        }
    }

    /// The system reports the connection as readable only when `bytes` are there, or it has ended (socket(7),
    /// SO_RCVLOWAT). With TLS, what was read of a record that is not whole yet is not there any more.
    pub fn set_low_water(&self, bytes: u32) {
        if let Stream::Tcp(stream, _) = &self.socket.stream {
            let bytes = if self.tls.is_some() { bytes.saturating_sub(TLS_IN_PART).max(1) } else { bytes };
            low_water::set(stream, bytes);
        }
    }

    /// The kernel is asked when what the next read returns arrived.
    pub fn want_stamp(&mut self) {
        if let Stream::Tcp(_, Some(stamps)) = &mut self.socket.stream {
            stamps.last = None;
            self.socket.is_stamp_wanted = true;
        }
    }

    /// When the last byte of the read after [`Self::want_stamp`] arrived, by the wall clock, if the kernel has said so.
    pub fn arrived(&self) -> Option<Nanos> {
        match &self.socket.stream {
            Stream::Tcp(_, Some(stamps)) => stamps.last,
            Stream::Tcp(_, None) | Stream::Unix(_) => None,
        }
    }

    /// A read would give something, though the socket may be empty.
    #[inline]
    pub fn has_more(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.has_more())
    }

    /// Writes the first bytes of `bytes`; returns how many.
    ///
    /// # Errors
    /// [`Stop`].
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Stop> {
        match &mut self.tls {
            None => loop {
                match self.socket.write(bytes) {
                    Ok(n) => return Ok(n),
                    Err(e) => stop(Phase::Write, &e)?,
                }
            },
            Some(tls) => tls.write(&mut self.socket, bytes),
        }
    }

    /// Writes the first bytes of two parts that follow each other; returns how many. With TLS the first part goes alone.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn write_parts(&mut self, parts: [&[u8]; 2]) -> Result<usize, Stop> {
        if self.tls.is_some() {
            return self.write(if parts[0].is_empty() { parts[1] } else { parts[0] });
        }
        loop {
            match self.socket.write_vectored(&parts.map(IoSlice::new)) {
                Ok(n) => return Ok(n),
                Err(e) => stop(Phase::Write, &e)?,
            }
        }
    }

    /// Bytes that [`Self::write`] took are waiting for the socket.
    pub fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }
}

/// An error that ends the call; an interruption does not.
#[cold]
fn stop(phase: Phase, error: &io::Error) -> Result<(), Stop> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        io::ErrorKind::WouldBlock => Err(Stop::Blocked),
        _ => Err(Stop::Failed(failure_of(phase, error))),
    }
}

impl Socket {
    fn is_connected(&self) -> io::Result<bool> {
        let (error, peer) = match &self.stream {
            Stream::Tcp(s, _) => (s.take_error()?, s.peer_addr().map(drop)),
            Stream::Unix(s) => (s.take_error()?, s.peer_addr().map(drop)),
        };
        match (error, peer) {
            (Some(error), _) => Err(error),
            (None, Ok(())) => Ok(true),
            (None, Err(e)) if e.kind() == io::ErrorKind::NotConnected => Ok(false),
            (None, Err(e)) => Err(e),
        }
    }

    /// Keeps in mind what breaks the connection. A broken pipe is only found out by who writes: what the peer has
    /// sent before it closed in order can still be read.
    #[cold]
    fn note(&mut self, error: &io::Error) {
        use io::ErrorKind::{BrokenPipe, Interrupted, WouldBlock};
        if !matches!(error.kind(), WouldBlock | Interrupted | BrokenPipe) {
            self.broken = self.broken.or(error.raw_os_error());
        }
    }

    /// What a read of nothing means.
    #[cold]
    fn end(&self) -> io::Result<usize> {
        self.broken.map_or(Ok(0), |code| Err(io::Error::from_raw_os_error(code)))
    }
}

impl Socket {
    fn discard(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.stream {
            Stream::Tcp(s, Some(stamps)) if self.is_stamp_wanted => {
                self.is_stamp_wanted = false;
                stamps.discard(s, buf)
            }
            Stream::Tcp(s, _) => low_water::discard(s, buf),
            Stream::Unix(s) => s.read(buf),
        };
        match read {
            Ok(0) => self.end(),
            read => read,
        }
    }
}

impl Read for Socket {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.stream {
            // A stamp costs more than a read.
            Stream::Tcp(s, Some(stamps)) if self.is_stamp_wanted => {
                self.is_stamp_wanted = false;
                stamps.read(s, buf)
            }
            // Without libc, whose `recv` and `send` also look whether their thread is to be cancelled.
            Stream::Tcp(s, _) => recv(s, buf, RecvFlags::empty()).map(|(read, _)| read).map_err(io::Error::from),
            Stream::Unix(s) => s.read(buf),
        };
        match read {
            Ok(0) => self.end(),
            read => read,
        }
    }
}

impl Write for Socket {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = match &mut self.stream {
            Stream::Tcp(s, _) => send(s, buf, SendFlags::empty()).map_err(io::Error::from),
            Stream::Unix(s) => s.write(buf),
        };
        written.inspect_err(|error| self.note(error))
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = match &mut self.stream {
            Stream::Tcp(s, _) => s.write_vectored(parts),
            Stream::Unix(s) => s.write_vectored(parts),
        };
        written.inspect_err(|error| self.note(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::time::{Nanos, monotonic};

    /// A connection and the server's end of it.
    fn connected() -> (Transport, Poller, std::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut poller = Poller::new().unwrap();
        let mut transport = Transport::tcp(listener.local_addr().unwrap(), &poller, 0, None, false).unwrap();
        let until = monotonic() + Nanos::from_secs(30);
        while transport.handshake(&mut []).unwrap() == Handshake::Pending {
            poller.wait(monotonic(), until, &mut Vec::new()).unwrap();
        }
        (transport, poller, listener.accept().unwrap().0)
    }

    fn reset(peer: std::net::TcpStream) {
        let socket = socket2::Socket::from(peer);
        socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }

    fn failed(phase: Phase, cause: crate::record::Cause) -> Result<usize, Stop> {
        Err(Stop::Failed(Failure::new(phase, cause)))
    }

    #[test]
    fn a_reset_that_writing_was_told_of_is_no_orderly_end() {
        use crate::record::Cause::Reset;
        for in_parts in [false, true] {
            let (mut transport, _poller, mut peer) = connected();
            peer.write_all(b"ok").unwrap();
            reset(peer);
            let written =
                if in_parts { transport.write_parts([b"request", b"body"]) } else { transport.write(b"request") };
            assert_eq!(written, failed(Phase::Write, Reset));
            let mut buf = [0; 10];
            assert_eq!(transport.read(&mut buf, &mut []), Ok(2), "what came before it still counts");
            assert_eq!(transport.read(&mut buf, &mut []), failed(Phase::Read, Reset));
        }
    }

    #[test]
    fn an_orderly_end_stays_one_though_nothing_can_be_written_any_more() {
        let (mut transport, _poller, peer) = connected();
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        reset(peer);
        let _ = transport.write(b"request");
        assert_eq!(transport.read(&mut [0; 10], &mut []), Ok(0));
    }
}
