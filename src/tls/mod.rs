//! TLS settings: what a client believes, and what it shows of itself.

mod pem;
mod verifier;

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, KeyLogFile, RootCertStore};

use crate::plan::{Tls, Trust};

use verifier::{GivenRoots, Verifier};

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

    /// A connection that has yet to shake hands.
    ///
    /// # Errors
    /// The settings do not fit together.
    pub fn connect(&self) -> Result<ClientConnection, rustls::Error> {
        ClientConnection::new(Arc::clone(&self.config), self.name.clone())
    }

    /// The server may choose this protocol and no other.
    pub fn needs(&self, protocol: &[u8]) -> bool {
        self.config.alpn_protocols == [protocol]
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
    if roots.is_empty() {
        return Err("this system has no root certificates: install them, or give --cacert or --insecure".into());
    }
    Ok(roots)
}
