//! What is to be written: frames one after the other.

use super::frame::{FrameHead, HEAD, code, flag, kind};

/// Frames to be written, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    written: usize,
    /// Octets that were written of all that there were since the connection was opened.
    total_written: u64,
    /// Octets of replies among them: behind `mark`, and before it.
    replies: [usize; 2],
    /// When so many more octets are written, all replies before the mark are.
    mark: usize,
}

/// DATA is queued up to this size, and queued again as it is written: the rest of a body waits with its stream.
pub(super) const SOFT_LIMIT: usize = 256 * 1024;
/// The maximum of a DATA frame, whatever larger frames the peer allows: bodies take turns frame by frame.
pub(super) const MAX_DATA: usize = 64 * 1024;
/// A peer that makes this side queue more replies than these, in octets, without reading them is hostile.
pub(super) const MAX_REPLIES: usize = 1024 * 1024;
/// Capacity that is kept when nothing is to be written.
const KEPT_CAPACITY: usize = 64 * 1024;

impl Outbox {
    #[inline]
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// Where in all that is written on the connection the next frame begins.
    #[inline]
    pub(super) fn end(&self) -> u64 {
        self.total_written + self.len() as u64
    }

    /// A frame that began there has gone out, at least in part.
    #[inline]
    pub(super) fn has_begun(&self, at: u64) -> bool {
        at < self.total_written
    }

    /// The first `n` octets were written.
    #[inline]
    pub(super) fn written(&mut self, n: usize) {
        self.written += n;
        self.total_written += n as u64;
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
            (self.replies, self.mark) = ([0; 2], 0);
            if self.bytes.capacity() > SOFT_LIMIT {
                self.bytes.shrink_to(KEPT_CAPACITY);
            }
            return;
        }
        self.mark = self.mark.saturating_sub(n);
        if self.mark == 0 {
            self.replies = [0, self.replies[0]];
            self.mark = self.len();
        }
        if self.written >= SOFT_LIMIT {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
    }

    /// Octets of replies that are not written yet. Requests are not among them, however large: only what the
    /// peer made this side say. It may be too high by what was written since the mark was set, never too low.
    pub(super) fn unread_replies(&self) -> usize {
        self.replies[0] + self.replies[1]
    }

    /// A frame that answers one of the peer's.
    pub(super) fn reply(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.frame(kind, flags, stream, payload);
        self.replies[0] += HEAD + payload.len();
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes over what another one holds.
    pub(super) fn append(&mut self, other: &mut Outbox) {
        match self.len() {
            // The usual case: nothing is copied.
            0 => {
                self.written(0);
                std::mem::swap(&mut self.bytes, &mut other.bytes);
                std::mem::swap(&mut self.written, &mut other.written);
            }
            _ => {
                self.bytes.extend_from_slice(other.rest());
                other.written(other.len());
            }
        }
    }

    #[inline]
    pub(super) fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let head = FrameHead { length: payload.len() as u32, kind, flags, stream };
        self.bytes.extend_from_slice(&head.bytes());
        self.bytes.extend_from_slice(payload);
    }

    /// HEADERS, and CONTINUATION if the peer's frames are too small for them
    /// (RFC 9113, 6.2 and 6.10). The block is in two parts.
    #[inline]
    pub(super) fn headers(&mut self, stream: u32, block: [&[u8]; 2], ends: bool, max_frame: usize) {
        let end = if ends { flag::END_STREAM } else { 0 };
        let length = block[0].len() + block[1].len();
        if length > max_frame {
            return self.long_headers(stream, &block.concat(), end, max_frame);
        }
        let head = FrameHead { length: length as u32, kind: kind::HEADERS, flags: end | flag::END_HEADERS, stream };
        self.bytes.reserve(HEAD + length);
        self.bytes.extend_from_slice(&head.bytes());
        self.bytes.extend_from_slice(block[0]);
        self.bytes.extend_from_slice(block[1]);
    }

    #[cold]
    fn long_headers(&mut self, stream: u32, block: &[u8], end: u8, max_frame: usize) {
        let pieces = block.len().div_ceil(max_frame);
        for (i, piece) in block.chunks(max_frame).enumerate() {
            let last = if i + 1 == pieces { flag::END_HEADERS } else { 0 };
            match i {
                0 => self.frame(kind::HEADERS, end | last, stream, piece),
                _ => self.frame(kind::CONTINUATION, last, stream, piece),
            }
        }
    }

    pub(super) fn window_update(&mut self, stream: u32, by: u32) {
        self.reply(kind::WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    }

    pub(super) fn reset(&mut self, stream: u32, code: u32) {
        self.reply(kind::RST_STREAM, 0, stream, &code.to_be_bytes());
    }

    /// This side opens no streams of the peer's: the last one that it has seen is 0.
    pub(super) fn goaway(&mut self, code: u32) {
        debug_assert_ne!(code, code::NO_ERROR);
        let [a, b, c, d] = code.to_be_bytes();
        self.frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 0, a, b, c, d]);
    }
}
