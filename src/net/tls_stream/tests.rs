//! One TLS connection's state against a server in memory.

use std::collections::VecDeque;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::*;
use crate::plan::{Tls, Trust};

/// What the socket says when it has no more to read.
#[derive(Clone, Copy)]
enum Then {
    Blocks,
    Ends,
    Resets,
}

/// A socket: what the server has written, and what it has not read yet.
struct Wire {
    incoming: VecDeque<u8>,
    outgoing: Vec<u8>,
    then: Then,
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match (self.incoming.is_empty(), self.then) {
            (false, _) => self.incoming.read(buf),
            (true, Then::Blocks) => Err(io::ErrorKind::WouldBlock.into()),
            (true, Then::Ends) => Ok(0),
            (true, Then::Resets) => {
                // The system says it once.
                self.then = Then::Ends;
                Err(io::Error::from_raw_os_error(rustix::io::Errno::CONNRESET.raw_os_error()))
            }
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.outgoing.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Pair {
    client: TlsState,
    server: ServerConnection,
    wire: Wire,
    scratch: Vec<u8>,
}

impl Pair {
    /// Before the handshake, with this the server's to say right behind its part of it.
    fn new(version: &'static SupportedProtocolVersion, says: &[u8]) -> Pair {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".into()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_protocol_versions(&[version]).unwrap().with_no_client_auth();
        let mut config = builder.with_single_cert(vec![cert.der().clone()], key).unwrap();
        config.send_half_rtt_data = true;
        let mut server = ServerConnection::new(Arc::new(config)).unwrap();
        server.set_buffer_limit(None);
        server.writer().write_all(says).unwrap();
        let tls = Tls { server_name: "localhost".into(), trust: Trust::Anything, identity: None };
        let client = TlsState::new(&TlsSettings::new(&tls, &[]).unwrap()).unwrap();
        let wire = Wire { incoming: VecDeque::new(), outgoing: Vec::new(), then: Then::Blocks };
        Pair { client, server, wire, scratch: vec![0; 64 * 1024] }
    }

    /// After the handshake, with nothing left to read.
    fn connected(version: &'static SupportedProtocolVersion) -> Pair {
        let mut pair = Pair::new(version, b"");
        pair.handshake();
        pair.serve();
        assert_eq!(pair.read(100), Err(Stop::Blocked));
        pair
    }

    fn handshake(&mut self) {
        for _ in 0..10 {
            match self.client.handshake(&mut self.wire, &mut self.scratch).unwrap() {
                Handshake::Done => return,
                Handshake::Pending => self.serve(),
            }
        }
        panic!("the handshake does not end");
    }

    /// The server reads and writes all that there is.
    fn serve(&mut self) {
        let outgoing = std::mem::take(&mut self.wire.outgoing);
        let mut rest = &outgoing[..];
        while !rest.is_empty() {
            self.server.read_tls(&mut rest).unwrap();
            self.server.process_new_packets().unwrap();
        }
        while self.server.wants_write() {
            self.server.write_tls(&mut self.wire.incoming).unwrap();
        }
    }

    fn says(&mut self, bytes: &[u8]) {
        self.server.writer().write_all(bytes).unwrap();
        self.serve();
    }

    /// One read into so many bytes.
    fn read(&mut self, room: usize) -> Result<usize, Stop> {
        self.client.read(&mut self.wire, &mut self.scratch, &mut vec![0; room])
    }
}

fn failed(cause: Cause) -> Result<usize, Stop> {
    Err(Stop::Failed(Failure::new(Phase::Read, cause)))
}

#[test]
fn only_close_notify_is_an_orderly_end() {
    for version in [&TLS12, &TLS13] {
        let mut orderly = Pair::connected(version);
        orderly.says(b"hello");
        orderly.server.send_close_notify();
        orderly.serve();
        orderly.wire.then = Then::Ends;
        assert_eq!((orderly.read(100), orderly.client.has_more(), orderly.read(100)), (Ok(5), true, Ok(0)));

        let mut truncated = Pair::connected(version);
        truncated.says(b"hello");
        truncated.wire.then = Then::Ends;
        assert_eq!(truncated.read(100), Ok(5));
        assert_eq!(truncated.read(100), failed(Cause::Truncated));

        let mut within_a_record = Pair::connected(version);
        within_a_record.says(b"hello");
        within_a_record.wire.incoming.pop_back();
        within_a_record.wire.then = Then::Ends;
        assert_eq!(within_a_record.read(100), failed(Cause::Truncated));

        let mut empty = Pair::connected(version);
        empty.wire.then = Then::Ends;
        assert_eq!(empty.read(100), failed(Cause::Truncated));
    }
}

#[test]
fn a_reset_behind_what_was_read_is_not_forgotten() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Pair::connected(version);
        pair.says(b"hello");
        // The read fills it, so there may be more, and the next one is told of the reset.
        pair.scratch = vec![0; pair.wire.incoming.len()];
        pair.wire.then = Then::Resets;
        assert_eq!((pair.read(100), pair.client.has_more()), (Ok(5), true));
        assert_eq!(pair.read(100), failed(Cause::Reset));
    }
}

#[test]
fn what_comes_with_the_handshake_is_there_to_be_read() {
    for length in [1, 100, 16_384, 100_000] {
        for scratch in [1_000, 64 * 1024, 1 << 20] {
            let says: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let mut pair = Pair::new(&TLS13, &says);
            pair.scratch = vec![0; scratch];
            pair.handshake();
            let whole_flight = scratch > length + 4096;
            assert!(pair.client.has_more() || !whole_flight, "{length} in reads of {scratch}");
            let mut read = Vec::new();
            let mut buf = vec![0; 5_000];
            while read.len() < length {
                let n = pair.client.read(&mut pair.wire, &mut pair.scratch, &mut buf).unwrap();
                read.extend_from_slice(&buf[..n]);
            }
            assert!(read == says, "{length} in reads of {scratch}");
        }
    }
}

#[test]
fn a_handshake_that_brings_nothing_more_leaves_nothing_to_read() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Pair::new(version, b"");
        pair.handshake();
        assert!(!pair.client.has_more());
    }
}
