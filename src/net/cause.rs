//! Errors of the system and of TLS, by the names they are counted under.

use std::io;

use rustix::io::Errno;
use rustls::{AlertDescription, CertificateError, Error};

use crate::record::{Cause, Failure, Phase};

/// What a system error means for the request that met it.
pub fn failure_of(phase: Phase, error: &io::Error) -> Failure {
    let cause = match Errno::from_io_error(error) {
        Some(Errno::CONNREFUSED) => Cause::Refused,
        Some(Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::NETDOWN | Errno::HOSTDOWN) => Cause::Unreachable,
        Some(Errno::CONNRESET | Errno::CONNABORTED) => Cause::Reset,
        Some(Errno::PIPE) => Cause::BrokenPipe,
        Some(Errno::MFILE | Errno::NFILE) => Cause::NoDescriptors,
        Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => Cause::NoPorts,
        // A Unix socket whose backlog is full says so at once, where TCP waits.
        Some(Errno::AGAIN) if phase == Phase::Connect => Cause::Refused,
        Some(Errno::NOBUFS | Errno::NOMEM) => Cause::NoMemory,
        Some(Errno::ACCESS | Errno::PERM) => Cause::Denied,
        Some(Errno::NOENT) => Cause::NotFound,
        Some(Errno::TIMEDOUT) => Cause::OsTimedOut,
        _ => Cause::OsError,
    };
    Failure::new(phase, cause)
}

/// What a TLS error is counted as.
pub fn tls_cause(error: &Error) -> Cause {
    match error {
        Error::InvalidCertificate(error) => certificate_cause(error),
        Error::AlertReceived(alert) => alert_cause(*alert),
        Error::PeerIncompatible(_) => Cause::NoCommonProtocol,
        Error::NoApplicationProtocol => Cause::NoAlpn,
        Error::InvalidMessage(_) | Error::DecryptError | Error::PeerSentOversizedRecord => Cause::BadRecord,
        _ => Cause::TlsOther,
    }
}

fn certificate_cause(error: &CertificateError) -> Cause {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Cause::CertExpired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Cause::CertNotYetValid,
        CertificateError::UnknownIssuer => Cause::CertUnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Cause::CertWrongName,
        CertificateError::Revoked => Cause::CertRevoked,
        CertificateError::BadSignature => Cause::CertBadSignature,
        _ => Cause::CertOther,
    }
}

fn alert_cause(alert: AlertDescription) -> Cause {
    match alert {
        AlertDescription::HandshakeFailure => Cause::AlertHandshakeFailure,
        AlertDescription::BadCertificate => Cause::AlertBadCertificate,
        AlertDescription::UnsupportedCertificate => Cause::AlertUnsupportedCertificate,
        AlertDescription::CertificateExpired => Cause::AlertCertificateExpired,
        AlertDescription::CertificateUnknown => Cause::AlertCertificateUnknown,
        AlertDescription::CertificateRequired => Cause::AlertCertificateRequired,
        AlertDescription::UnknownCA => Cause::AlertUnknownCa,
        AlertDescription::AccessDenied => Cause::AlertAccessDenied,
        AlertDescription::DecryptError => Cause::AlertDecryptError,
        AlertDescription::ProtocolVersion => Cause::AlertProtocolVersion,
        AlertDescription::InternalError => Cause::AlertInternalError,
        AlertDescription::UnrecognisedName => Cause::AlertUnrecognisedName,
        AlertDescription::NoApplicationProtocol => Cause::AlertNoApplicationProtocol,
        _ => Cause::AlertOther,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_have_names() {
        for (errno, text) in [
            (Errno::CONNREFUSED, "connect: refused"),
            (Errno::NETUNREACH, "connect: unreachable"),
            (Errno::MFILE, "connect: no descriptors"),
            (Errno::ADDRNOTAVAIL, "connect: no local ports"),
            (Errno::NOENT, "connect: no such socket"),
            (Errno::IO, "connect: system error"),
        ] {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            assert_eq!(failure_of(Phase::Connect, &error).to_string(), text);
        }
    }

    #[test]
    fn certificates_and_alerts_are_named() {
        let cause = |error| tls_cause(&error).text();
        assert_eq!(cause(CertificateError::UnknownIssuer.into()), "certificate issuer unknown");
        assert_eq!(cause(CertificateError::Expired.into()), "certificate expired");
        assert_eq!(cause(Error::AlertReceived(AlertDescription::UnknownCA)), "alert unknown_ca");
        assert_eq!(cause(Error::DecryptError), "bad record");
    }
}
