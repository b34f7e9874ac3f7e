//! TLS settings, and one TLS connection's state.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConnection, Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, KeyLogFile, RootCertStore, SignatureScheme};

use crate::plan::{Protocol, Tls, Trust};
use crate::record::{Cause, Failure, Phase};

use super::cause::{failure_of, tls_cause};
use super::pem;
use super::transport::{Handshake, Stop};

/// What a TLS connection needs to begin.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl TlsSettings {
    /// Settings with a session cache of their own: resumption shares nothing between workers.
    /// The server may choose one of the protocols `alpn`.
    ///
    /// # Errors
    /// One line: what is wrong with the name, the certificates or the key.
    pub fn new(tls: &Tls, alpn: &[&[u8]]) -> Result<TlsSettings, String> {
        let name = ServerName::try_from(tls.server_name.clone())
            .map_err(|_| format!("'{}' is neither a host name nor an IP address", tls.server_name))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        // The generator seeds itself at its first use, which takes tens of
        // milliseconds: they are no part of any handshake.
        provider.secure_random.fill(&mut [0; 32]).map_err(|_| "the system has no randomness to give".to_string())?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?;
        let builder = match &tls.trust {
            Trust::System => builder.with_root_certificates(system_roots()?),
            Trust::Roots(_) | Trust::Anything => {
                let given = match &tls.trust {
                    Trust::Roots(pem) => Some(GivenRoots::new(pem, &provider)?),
                    _ => None,
                };
                let verifier = Verifier { given, algorithms: provider.signature_verification_algorithms };
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
        };
        let mut config = match &tls.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = pem::identity(identity)?;
                builder.with_client_auth_cert(chain, key).map_err(|e| match e {
                    rustls::Error::InconsistentKeys(_) => {
                        "--cert and --key do not fit together: the key is not that of the certificate".into()
                    }
                    e => format!("--cert and --key do not fit together: {e}"),
                })?
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config.resumption = Resumption::in_memory_sessions(256);
        config.key_log = Arc::new(KeyLogFile::new());
        Ok(TlsSettings { config: Arc::new(config), name })
    }

    /// A certificate can be for this host.
    pub fn can_verify(host: &str) -> bool {
        ServerName::try_from(host).is_ok()
    }

    /// The same settings with a session cache of their own, for another worker.
    pub fn for_another_worker(&self) -> TlsSettings {
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = Resumption::in_memory_sessions(256);
        TlsSettings { config: Arc::new(config), name: self.name.clone() }
    }
}

fn system_roots() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    match roots.is_empty() {
        false => Ok(roots),
        true => Err("this system has no root certificates: install them, or give --cacert or --insecure".into()),
    }
}

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
        ClientConnection::new(Arc::clone(&settings.config), settings.name.clone())
            .map(|connection| TlsState {
                connection,
                needs_h2: settings.config.alpn_protocols == [Protocol::ALPN_H2],
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

/// Verifies servers as `--cacert` or `--insecure` ask for.
#[derive(Debug)]
struct Verifier {
    /// The given roots. None: every certificate is believed, though not a signature that does not fit it.
    given: Option<GivenRoots>,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
struct GivenRoots {
    by_chain: Arc<WebPkiServerVerifier>,
    roots: Vec<CertificateDer<'static>>,
}

impl GivenRoots {
    fn new(pem: &[u8], provider: &Arc<CryptoProvider>) -> Result<GivenRoots, String> {
        let roots = pem::certificates("--cacert", pem)?;
        let mut store = RootCertStore::empty();
        for root in &roots {
            store.add(root.clone()).map_err(|e| format!("--cacert: {e}"))?;
        }
        let by_chain = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
            .build()
            .map_err(|e| format!("--cacert: {e}"))?;
        Ok(GivenRoots { by_chain, roots })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(given) = &self.given else { return Ok(ServerCertVerified::assertion()) };
        match given.by_chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // An authority's certificate may not be a server's, unless the user gave this very
            // one: a self-signed certificate of the usual kind is both. Its validity in time
            // was checked before that.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_)))
                if given.roots.iter().any(|root| root == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
