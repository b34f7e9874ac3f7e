//! What is to be written: frames one after the other.

use super::frame::{FrameHead, HEAD, code, flag, kind};

/// Frames to be written, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    written: usize,
}

/// So much of bodies is put here at a time: the rest waits with its stream,
/// so that no body stands before the others.
pub(super) const ENOUGH: usize = 256 * 1024;
/// A peer that asks for more replies than these without reading any is hostile.
pub(super) const TOO_MUCH: usize = 4 * ENOUGH;
/// Room that is kept when nothing is to be written.
const KEPT: usize = 64 * 1024;

impl Outbox {
    #[inline]
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// The first `n` octets were written.
    #[inline]
    pub(super) fn written(&mut self, n: usize) {
        self.written += n;
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
            if self.bytes.capacity() > ENOUGH {
                self.bytes.shrink_to(KEPT);
            }
        } else if self.written >= ENOUGH {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
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
                std::mem::swap(self, other);
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
        self.frame(kind::WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    }

    pub(super) fn reset(&mut self, stream: u32, code: u32) {
        self.frame(kind::RST_STREAM, 0, stream, &code.to_be_bytes());
    }

    /// This side opens no streams of the peer's: the last one that it has seen is 0.
    pub(super) fn goaway(&mut self, code: u32) {
        debug_assert_ne!(code, code::NO_ERROR);
        let [a, b, c, d] = code.to_be_bytes();
        self.frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 0, a, b, c, d]);
    }
}
