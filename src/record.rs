//! One request's facts: what happened to it, and when.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Nanos;

/// One request's facts. Instants are on the run's monotonic clock;
/// [`Nanos::NEVER`] stands for an instant that did not come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The request's number in the schedule, from 0.
    pub index: u64,
    /// Which of the plan's targets it was for.
    pub target: u32,
    /// When the schedule wanted it.
    pub due: Nanos,
    /// When a connection was free for it; in waves, the instant for which the release was planned.
    pub ready: Nanos,
    /// When its first byte (its last, if the last byte is held back) went to the kernel.
    pub sent: Nanos,
    /// When the first byte of its answer was read.
    pub first_byte: Nanos,
    /// When its answer was complete, or its failure noticed.
    pub done: Nanos,
    /// Body bytes of the answer that arrived.
    pub body_bytes: u64,
    /// How long the connection took to open, if this is the first request on it; else zero.
    pub connect: Nanos,
    /// The connection's number, from 0, unique in the run.
    pub connection: u32,
    /// The wave's number, from 0, or [`NO_WAVE`].
    pub wave: u32,
    /// How long the answer's last byte lay unread, as far as that is known:
    /// nanoseconds, 4.29 s at most.
    pub read_lag_ns: u32,
    /// The answer's status, or 0 where no answer came.
    pub status: u16,
    /// Why there is no complete answer.
    pub failure: Option<Failure>,
}

/// `Record::wave` outside waves.
pub const NO_WAVE: u32 = u32::MAX;

const _: () = assert!(size_of::<Record>() <= 88);

/// Records of one worker on their way to the sinks.
#[derive(Debug)]
pub struct Batch {
    /// The worker, to whom the emptied vector goes back.
    pub worker: u32,
    /// T0 of the run: rows give instants relative to it.
    pub t0: Nanos,
    /// In order of completion.
    pub records: Vec<Record>,
}

/// How a request is counted: every scheduled request is in exactly one of these, or unsent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Status 200 to 399.
    Ok,
    /// Any other status.
    HttpError,
    /// Our own time limit ran out.
    Timeout,
    /// Sent, but not answered when the run ended.
    Unfinished,
    /// Every other failure.
    Failed,
}

impl Record {
    /// How this request is counted.
    #[inline]
    pub fn outcome(&self) -> Outcome {
        match self.failure {
            None if (200..400).contains(&self.status) => Outcome::Ok,
            None => Outcome::HttpError,
            Some(Failure { phase: Phase::Timeout, .. }) => Outcome::Timeout,
            Some(Failure { phase: Phase::Cut, .. }) => Outcome::Unfinished,
            Some(_) => Outcome::Failed,
        }
    }

    /// What a user waited: done - due.
    #[inline]
    pub fn response(&self) -> Nanos {
        self.done.since(self.due)
    }

    /// What the server took once asked: done - sent. None if it was never sent.
    #[inline]
    pub fn service(&self) -> Option<Nanos> {
        (self.sent != Nanos::NEVER).then(|| self.done.since(self.sent))
    }

    /// first byte - sent. None if no byte came.
    #[inline]
    pub fn first_byte_after(&self) -> Option<Nanos> {
        (self.first_byte != Nanos::NEVER).then(|| self.first_byte.since(self.sent))
    }

    /// How late this tool was: in waves against the planned release, else
    /// after both the schedule and a connection were ready. None if it was never sent.
    #[inline]
    pub fn lag(&self) -> Option<Nanos> {
        let lag = match self.wave {
            NO_WAVE => self.sent.since(self.due.max(self.ready)),
            _ => self.due.since(self.ready),
        };
        (self.sent != Nanos::NEVER).then_some(lag)
    }

    /// What of the response time is this tool's own: the send lag, but in waves,
    /// whose requests are due when they are sent, and the read lag.
    #[inline]
    pub fn tool_error(&self) -> Nanos {
        let send_lag = if self.wave == NO_WAVE { self.lag().unwrap_or(Nanos::ZERO) } else { Nanos::ZERO };
        send_lag + Nanos(self.read_lag_ns.into())
    }
}

/// Why a request got no complete answer: where it was, and what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Failure {
    /// What was being done.
    pub phase: Phase,
    /// What went wrong.
    pub cause: Cause,
}

impl Failure {
    /// `phase: cause`.
    pub const fn new(phase: Phase, cause: Cause) -> Failure {
        Failure { phase, cause }
    }
}

impl Failure {
    /// The connection is as good as before: it is the request, or the answer, that was not as wanted.
    #[inline]
    pub fn spares_connection(self) -> bool {
        matches!(self.phase, Phase::Check | Phase::Template)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.phase.text(), self.cause.text())
    }
}

/// Declares an enum whose variants have a fixed text each.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $(#[doc = concat!("`", $text, "`")] $(#[$vdoc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// The words that users see.
            pub const fn text(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
    };
}

texts! {
    /// What was being done when a request failed.
    Phase {
        Connect = "connect",
        Tls = "tls",
        Write = "write",
        Read = "read",
        Protocol = "protocol",
        Http2 = "http2",
        Timeout = "timeout",
        Cut = "cut",
        Check = "check",
        Template = "template",
    }
}

texts! {
    /// What went wrong.
    Cause {
        Refused = "refused",
        Unreachable = "unreachable",
        Unresolved = "cannot resolve",
        Reset = "reset",
        ResetMidAnswer = "reset in answer",
        ClosedBeforeAnswer = "closed before answer",
        ClosedReused = "closed before answer (reused connection)",
        ClosedEarly = "closed early",
        ShortBody = "short body",
        Truncated = "closed without close_notify",
        ClosedIdle = "closed before the request",
        BrokenPipe = "broken pipe",
        NoDescriptors = "no descriptors",
        NoPorts = "no local ports",
        NoMemory = "no buffer memory",
        Denied = "permission denied",
        NotFound = "no such socket",
        OsTimedOut = "timed out by the system",
        OsError = "system error",
        BadHead = "bad head",
        OversizeHead = "oversize head",
        TooManyHeaders = "too many headers",
        BadLength = "bad content-length",
        BadChunk = "bad chunk",
        OversizeChunkLine = "oversize chunk line",
        AnsweredEarly = "answered before the release",
        GoawayNoError = "GOAWAY NO_ERROR",
        GoawayProtocolError = "GOAWAY PROTOCOL_ERROR",
        GoawayInternalError = "GOAWAY INTERNAL_ERROR",
        GoawayFlowControlError = "GOAWAY FLOW_CONTROL_ERROR",
        GoawaySettingsTimeout = "GOAWAY SETTINGS_TIMEOUT",
        GoawayStreamClosed = "GOAWAY STREAM_CLOSED",
        GoawayFrameSizeError = "GOAWAY FRAME_SIZE_ERROR",
        GoawayRefusedStream = "GOAWAY REFUSED_STREAM",
        GoawayCancel = "GOAWAY CANCEL",
        GoawayCompressionError = "GOAWAY COMPRESSION_ERROR",
        GoawayConnectError = "GOAWAY CONNECT_ERROR",
        GoawayEnhanceYourCalm = "GOAWAY ENHANCE_YOUR_CALM",
        GoawayInadequateSecurity = "GOAWAY INADEQUATE_SECURITY",
        GoawayHttp11Required = "GOAWAY HTTP_1_1_REQUIRED",
        GoawayOther = "GOAWAY with an unknown code",
        RstNoError = "RST_STREAM NO_ERROR",
        RstProtocolError = "RST_STREAM PROTOCOL_ERROR",
        RstInternalError = "RST_STREAM INTERNAL_ERROR",
        RstFlowControlError = "RST_STREAM FLOW_CONTROL_ERROR",
        RstSettingsTimeout = "RST_STREAM SETTINGS_TIMEOUT",
        RstStreamClosed = "RST_STREAM STREAM_CLOSED",
        RstFrameSizeError = "RST_STREAM FRAME_SIZE_ERROR",
        RstRefusedStream = "RST_STREAM REFUSED_STREAM",
        RstCancel = "RST_STREAM CANCEL",
        RstCompressionError = "RST_STREAM COMPRESSION_ERROR",
        RstConnectError = "RST_STREAM CONNECT_ERROR",
        RstEnhanceYourCalm = "RST_STREAM ENHANCE_YOUR_CALM",
        RstInadequateSecurity = "RST_STREAM INADEQUATE_SECURITY",
        RstHttp11Required = "RST_STREAM HTTP_1_1_REQUIRED",
        RstOther = "RST_STREAM with an unknown code",
        BadFrame = "bad frame",
        FrameSize = "frame size",
        FlowControl = "flow control",
        Compression = "compression",
        StreamClosed = "frame of a closed stream",
        PushPromise = "push promise",
        Flood = "flood of frames",
        NotHttp2 = "server does not speak HTTP/2",
        ServerChoseHttp1 = "server chose HTTP/1.1",
        WaitConnect = "connect",
        WaitSettings = "settings",
        WaitStream = "free stream",
        WaitTls = "tls handshake",
        WaitWrite = "sending",
        WaitFirstByte = "first byte",
        Body = "body",
        RunEnded = "run ended",
        Unrendered = "cannot be rendered",
        UnexpectedStatus = "status",
        UnknownEncoding = "body has an unknown content-encoding",
        BadEncoding = "body is not as its content-encoding says",
        TooManyRedirects = "too many redirects",
        BadRedirect = "bad redirect",
        CertExpired = "certificate expired",
        CertNotYetValid = "certificate not yet valid",
        CertUnknownIssuer = "certificate issuer unknown",
        CertWrongName = "certificate not valid for the name",
        CertRevoked = "certificate revoked",
        CertBadSignature = "certificate signature bad",
        CertOther = "certificate invalid",
        NoCommonProtocol = "no common version or cipher",
        NoAlpn = "no common application protocol",
        BadRecord = "bad record",
        AlertHandshakeFailure = "alert handshake_failure",
        AlertBadCertificate = "alert bad_certificate",
        AlertUnsupportedCertificate = "alert unsupported_certificate",
        AlertCertificateExpired = "alert certificate_expired",
        AlertCertificateUnknown = "alert certificate_unknown",
        AlertCertificateRequired = "alert certificate_required",
        AlertUnknownCa = "alert unknown_ca",
        AlertAccessDenied = "alert access_denied",
        AlertDecryptError = "alert decrypt_error",
        AlertProtocolVersion = "alert protocol_version",
        AlertInternalError = "alert internal_error",
        AlertUnrecognisedName = "alert unrecognized_name",
        AlertNoApplicationProtocol = "alert no_application_protocol",
        AlertOther = "alert",
        TlsOther = "protocol error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered() -> Record {
        Record {
            index: 0,
            target: 0,
            due: Nanos(100),
            ready: Nanos(130),
            sent: Nanos(140),
            first_byte: Nanos(190),
            done: Nanos(200),
            body_bytes: 2,
            connect: Nanos::ZERO,
            connection: 0,
            wave: NO_WAVE,
            read_lag_ns: 5,
            status: 200,
            failure: None,
        }
    }

    #[test]
    fn durations_follow_from_the_five_clocks() {
        let r = answered();
        assert_eq!(r.response(), Nanos(100));
        assert_eq!(r.service(), Some(Nanos(60)));
        assert_eq!(r.first_byte_after(), Some(Nanos(50)));
        assert_eq!((r.lag(), r.tool_error()), (Some(Nanos(10)), Nanos(15)));
        let wave = Record { wave: 3, due: Nanos(140), ready: Nanos(137), ..r };
        assert_eq!((wave.lag(), wave.tool_error()), (Some(Nanos(3)), Nanos(5)));
        let unsent = Record { sent: Nanos::NEVER, first_byte: Nanos::NEVER, ..r };
        assert_eq!((unsent.service(), unsent.first_byte_after(), unsent.lag()), (None, None, None));
    }

    #[test]
    fn success_is_a_status_of_200_to_399() {
        for (status, outcome) in [
            (199, Outcome::HttpError),
            (200, Outcome::Ok),
            (399, Outcome::Ok),
            (400, Outcome::HttpError),
            (500, Outcome::HttpError),
        ] {
            assert_eq!(Record { status, ..answered() }.outcome(), outcome);
        }
        let failed = |phase, cause| Record { failure: Some(Failure::new(phase, cause)), ..answered() }.outcome();
        assert_eq!(failed(Phase::Timeout, Cause::Body), Outcome::Timeout);
        assert_eq!(failed(Phase::Cut, Cause::RunEnded), Outcome::Unfinished);
        assert_eq!(failed(Phase::Read, Cause::ShortBody), Outcome::Failed);
    }

    #[test]
    fn no_failure_text_needs_quoting_in_csv() {
        for phase in Phase::ALL {
            for cause in Cause::ALL {
                let text = Failure::new(*phase, *cause).to_string();
                assert!(!text.contains([',', '"', '\r', '\n']), "{text}");
            }
        }
    }
}
