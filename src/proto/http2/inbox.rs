//! Frames that have come in part.

use crate::time::Nanos;

/// What has come in part.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// A frame that came in pieces, without its end.
    pub(super) partial: Vec<u8>,
    /// When its first piece was read.
    pub(super) began: Nanos,
    /// A DATA frame whose payload is coming.
    pub(super) data: Option<Data>,
    /// A header block whose frames are coming: its stream, whether the stream ends with it, and when it began.
    pub(super) block: Vec<u8>,
    pub(super) block_of: Option<(u32, bool, Nanos)>,
    /// Octets received and not yet given back to the peer as window.
    pub(super) received: u32,
    /// Frames since the last one that brought an answer or an upload further.
    pub(super) idle: u32,
}

/// A DATA frame under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data {
    pub(super) stream: u32,
    pub(super) ends: bool,
    /// The next octet says how many of the last ones are padding.
    pub(super) pad_length_next: bool,
    /// Octets of body, then of padding, that are still to come.
    pub(super) body: u32,
    pub(super) padding: u32,
}
