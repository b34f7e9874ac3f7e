//! One TLS connection, without its socket.

use std::io::{self, Read, Write};

use rustls::ClientConnection;

use crate::plan::Protocol;
use crate::record::{Cause, Failure, Phase};
use crate::tls::TlsSettings;

use super::cause::{failure_of, tls_cause};
use super::stop::{Handshake, Stop};

/// One TLS connection's state, without its socket.
#[derive(Debug)]
pub(super) struct TlsState {
    connection: ClientConnection,
    /// Nothing but HTTP/2 will do. A server that does not know ALPN speaks HTTP/1.1.
    needs_h2: bool,
    /// The peer said that nothing follows (close_notify), or the socket ended.
    ended: bool,
    /// The last read filled its buffer, or the handshake read too far: plaintext may be
    /// left, and this of what was read from the socket.
    left_over: bool,
    undecrypted: Vec<u8>,
    /// What ended the connection, if something that came before it was to be delivered first.
    failed: Option<Failure>,
}

impl TlsState {
    pub(super) fn new(settings: &TlsSettings) -> Result<TlsState, Failure> {
        settings
            .connect()
            .map(|connection| TlsState {
                connection,
                needs_h2: settings.needs(Protocol::ALPN_H2),
                ended: false,
                left_over: false,
                undecrypted: Vec::new(),
                failed: None,
            })
            .map_err(|e| Failure::new(Phase::Tls, tls_cause(&e)))
    }

    /// The server chose HTTP/2, by ALPN.
    pub(super) fn chose_h2(&self) -> bool {
        self.connection.alpn_protocol() == Some(Protocol::ALPN_H2)
    }

    /// Goes on with the handshake as far as the socket allows.
    pub(super) fn handshake(
        &mut self,
        socket: &mut (impl Read + Write),
        scratch: &mut [u8],
    ) -> Result<Handshake, Failure> {
        loop {
            match self.flush(socket, Phase::Tls) {
                Ok(()) => {}
                Err(Stop::Blocked) if self.connection.wants_read() => {}
                Err(Stop::Blocked) => return Ok(Handshake::Pending),
                Err(Stop::Failed(failure)) => return Err(failure),
            }
            if !self.connection.is_handshaking() {
                return match self.needs_h2 && !self.chose_h2() {
                    true => Err(Failure::new(Phase::Tls, Cause::ServerChoseHttp1)),
                    false => Ok(Handshake::Done),
                };
            }
            match socket.read(scratch) {
                Ok(0) => return Err(Failure::new(Phase::Tls, Cause::ClosedEarly)),
                Ok(n) => {
                    let mut bytes = &scratch[..n];
                    while !bytes.is_empty() && !self.ended && self.connection.is_handshaking() {
                        let plaintext = self.take_some(&mut bytes).inspect_err(|_| {
                            // The alert that says why tells the server, if it listens.
                            let _ = self.flush(socket, Phase::Tls);
                        })?;
                        self.left_over |= plaintext > 0;
                    }
                    // The server may go on right behind its part of the handshake (RFC 8446, 2):
                    // no readiness will tell of what has been read of that.
                    self.left_over |= !bytes.is_empty();
                    self.undecrypted.extend_from_slice(bytes);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(Handshake::Pending),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(failure_of(Phase::Tls, &e)),
            }
        }
    }

    /// Decrypts into `buf` until it is full or the socket has no more. 0: the peer said that
    /// nothing follows (close_notify). A socket that ends without that fails as truncated (RFC 8446, 6.1).
    pub(super) fn read(
        &mut self,
        socket: &mut (impl Read + Write),
        scratch: &mut [u8],
        buf: &mut [u8],
    ) -> Result<usize, Stop> {
        if let Some(failure) = self.failed.take() {
            return Err(Stop::Failed(failure));
        }
        let mut filled = 0;
        let mut fed = Ok(());
        if std::mem::take(&mut self.left_over) {
            filled = self.plaintext(buf);
            let undecrypted = std::mem::take(&mut self.undecrypted);
            fed = self.feed(&undecrypted, buf, &mut filled);
        }
        loop {
            match fed {
                // What was decrypted before it still counts.
                Err(failure) if filled > 0 => {
                    self.failed = Some(failure);
                    return Ok(filled);
                }
                Err(failure) => return Err(Stop::Failed(failure)),
                Ok(()) if filled == buf.len() || self.ended => return Ok(filled),
                Ok(()) => {}
            }
            match socket.read(scratch) {
                Ok(0) => {
                    self.ended = true;
                    fed = Err(Failure::new(Phase::Read, Cause::Truncated));
                }
                Ok(n) => {
                    fed = self.feed(&scratch[..n], buf, &mut filled);
                    // An answer to a change of keys, say; what does not go now goes with the next request.
                    let _ = self.flush(socket, Phase::Read);
                    // The socket is empty.
                    if n < scratch.len() && filled > 0 && fed.is_ok() {
                        return Ok(filled);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    return if filled > 0 { Ok(filled) } else { Err(Stop::Blocked) };
                }
                Err(e) => fed = Err(failure_of(Phase::Read, &e)),
            }
        }
    }

    /// Decrypts `bytes` into `buf` from `filled` on. What finds no room in it
    /// stays undecrypted until the next read: rustls holds back at most 16 KiB of plaintext.
    fn feed(&mut self, mut bytes: &[u8], buf: &mut [u8], filled: &mut usize) -> Result<(), Failure> {
        while !bytes.is_empty() && !self.ended && *filled < buf.len() {
            self.take_some(&mut bytes)?;
            *filled += self.plaintext(&mut buf[*filled..]);
        }
        if *filled == buf.len() {
            self.left_over = true;
            self.undecrypted.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Encrypts and writes `bytes`; returns how many were taken. What the
    /// socket does not take now goes out with the next call, which may be for no bytes.
    pub(super) fn write(&mut self, socket: &mut (impl Read + Write), bytes: &[u8]) -> Result<usize, Stop> {
        self.flush(socket, Phase::Write)?;
        let taken = self.connection.writer().write(bytes).map_err(|e| Stop::Failed(failure_of(Phase::Write, &e)))?;
        match self.flush(socket, Phase::Write) {
            Err(Stop::Blocked) | Ok(()) => Ok(taken),
            Err(failed) => Err(failed),
        }
    }

    /// The end, a failure or more bytes are known already and were not delivered yet.
    pub(super) fn has_more(&self) -> bool {
        self.ended || self.failed.is_some() || self.left_over
    }

    /// Ciphertext is waiting for the socket.
    pub(super) fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// Hands the first of `bytes`, as many as rustls takes at once, to the connection; how much plaintext there is then.
    fn take_some(&mut self, bytes: &mut &[u8]) -> Result<usize, Failure> {
        self.connection.read_tls(bytes).map_err(|_| Failure::new(Phase::Tls, Cause::TlsOther))?;
        let state = self.connection.process_new_packets().map_err(|e| Failure::new(Phase::Tls, tls_cause(&e)))?;
        self.ended |= state.peer_has_closed();
        Ok(state.plaintext_bytes_to_read())
    }

    /// The plaintext that is there, as far as `buf` has room.
    fn plaintext(&mut self, buf: &mut [u8]) -> usize {
        // "Would block" and "closed without close_notify" both mean that there is no more here.
        self.connection.reader().read(buf).unwrap_or(0)
    }

    fn flush(&mut self, socket: &mut impl Write, phase: Phase) -> Result<(), Stop> {
        while self.connection.wants_write() {
            match self.connection.write_tls(socket) {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Err(Stop::Blocked),
                Err(e) => return Err(Stop::Failed(failure_of(phase, &e))),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
