//! Frames: their heads, kinds, flags and error codes (RFC 9113, 4, 6 and 7).

use crate::record::Cause;

/// A frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    /// Octets of payload.
    pub(super) length: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
    /// The stream, or 0 for the connection.
    pub(super) stream: u32,
}

/// Octets of a frame's head.
pub(super) const HEAD: usize = 9;

pub(super) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const PRIORITY: u8 = 2;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PUSH_PROMISE: u8 = 5;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
}

pub(super) mod flag {
    pub(crate) const END_STREAM: u8 = 0x1;
    pub(crate) const ACK: u8 = 0x1;
    pub(crate) const END_HEADERS: u8 = 0x4;
    pub(crate) const PADDED: u8 = 0x8;
    pub(crate) const PRIORITY: u8 = 0x20;
}

pub(super) mod setting {
    pub(crate) const ENABLE_PUSH: u16 = 2;
    pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 6;
}

/// Error codes that this side sends, or looks for (RFC 9113, 7).
pub(super) mod code {
    pub(crate) const NO_ERROR: u32 = 0;
    pub(crate) const PROTOCOL_ERROR: u32 = 1;
    pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
    pub(crate) const STREAM_CLOSED: u32 = 5;
    pub(crate) const FRAME_SIZE_ERROR: u32 = 6;
    pub(crate) const REFUSED_STREAM: u32 = 7;
    pub(crate) const CANCEL: u32 = 8;
    pub(crate) const COMPRESSION_ERROR: u32 = 9;
    pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;
}

impl FrameHead {
    #[inline]
    pub(super) fn parse(bytes: &[u8; HEAD]) -> FrameHead {
        let [a, b, c, kind, flags, s, t, u, v] = *bytes;
        FrameHead {
            length: u32::from_be_bytes([0, a, b, c]),
            kind,
            flags,
            // The first bit is reserved (4.1).
            stream: u32::from_be_bytes([s, t, u, v]) & MAX_STREAM,
        }
    }

    #[inline]
    pub(super) fn bytes(self) -> [u8; HEAD] {
        let [_, a, b, c] = self.length.to_be_bytes();
        let [s, t, u, v] = self.stream.to_be_bytes();
        [a, b, c, self.kind, self.flags, s, t, u, v]
    }

    #[inline]
    pub(super) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The highest stream number, and the largest window.
pub(super) const MAX_STREAM: u32 = (1 << 31) - 1;

/// What a GOAWAY with this error code is called.
pub(super) fn goaway_cause(code: u32) -> Cause {
    use Cause as C;
    const CAUSES: [Cause; 14] = [
        C::GoawayNoError,
        C::GoawayProtocolError,
        C::GoawayInternalError,
        C::GoawayFlowControlError,
        C::GoawaySettingsTimeout,
        C::GoawayStreamClosed,
        C::GoawayFrameSizeError,
        C::GoawayRefusedStream,
        C::GoawayCancel,
        C::GoawayCompressionError,
        C::GoawayConnectError,
        C::GoawayEnhanceYourCalm,
        C::GoawayInadequateSecurity,
        C::GoawayHttp11Required,
    ];
    CAUSES.get(code as usize).copied().unwrap_or(C::GoawayOther)
}

/// What an RST_STREAM with this error code is called.
pub(super) fn rst_cause(code: u32) -> Cause {
    use Cause as C;
    const CAUSES: [Cause; 14] = [
        C::RstNoError,
        C::RstProtocolError,
        C::RstInternalError,
        C::RstFlowControlError,
        C::RstSettingsTimeout,
        C::RstStreamClosed,
        C::RstFrameSizeError,
        C::RstRefusedStream,
        C::RstCancel,
        C::RstCompressionError,
        C::RstConnectError,
        C::RstEnhanceYourCalm,
        C::RstInadequateSecurity,
        C::RstHttp11Required,
    ];
    CAUSES.get(code as usize).copied().unwrap_or(C::RstOther)
}
