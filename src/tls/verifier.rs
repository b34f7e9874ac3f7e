//! Servers are verified as `--cacert` or `--insecure` ask for.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::pem;

/// Verifies servers as `--cacert` or `--insecure` ask for.
#[derive(Debug)]
pub(super) struct Verifier {
    /// The given roots. None: every certificate is believed, though not a signature that does not fit it.
    pub(super) given: Option<GivenRoots>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

/// Certificates of authorities that the user has given.
#[derive(Debug)]
pub(super) struct GivenRoots {
    by_chain: Arc<WebPkiServerVerifier>,
    roots: Vec<CertificateDer<'static>>,
}

impl GivenRoots {
    pub(super) fn new(pem: &[u8], provider: &Arc<CryptoProvider>) -> Result<GivenRoots, String> {
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
