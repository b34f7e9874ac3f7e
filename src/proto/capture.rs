//! What of an answer is looked at, beside its status and length.

use std::borrow::Cow;

use crate::decode::{Codings, Undecodable};
use crate::record::Cause;

/// What of answers is looked at, beside their status and length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    /// Where redirects point to.
    pub location: bool,
    /// The start of bodies.
    pub body: bool,
}

impl Capture {
    /// Nothing is.
    #[inline]
    pub fn is_nothing(self) -> bool {
        !self.location && !self.body
    }

    /// Room for what is wanted of one answer, if anything is.
    pub fn keeper(self) -> Option<Box<Captured>> {
        (!self.is_nothing()).then(|| Box::new(Captured { capture: self, ..Captured::default() }))
    }
}

/// What was kept of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    capture: Capture,
    /// The value of `Location`, of a redirect (RFC 9110, 10.2.2).
    pub location: Option<Vec<u8>>,
    /// The first [`Captured::MAX_BODY`] bytes of its body, as they came.
    pub body: Vec<u8>,
    /// How the body is coded.
    pub codings: Codings,
    /// The body goes on behind what was kept of it.
    is_cut: bool,
}

impl Captured {
    /// So much of a body is kept.
    pub const MAX_BODY: usize = 256 * 1024;

    /// More of the body.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        if self.capture.body {
            let room = Captured::MAX_BODY - self.body.len();
            self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            self.is_cut |= bytes.len() > room;
        }
    }

    /// The next bytes of the body are looked at.
    pub(super) fn takes_more(&self) -> bool {
        self.capture.body && self.body.len() < Captured::MAX_BODY
    }

    /// More of the body came and is not here.
    pub(super) fn skip(&mut self) {
        self.is_cut |= self.capture.body;
    }

    /// The first [`Captured::MAX_BODY`] bytes of what the body stands for: it is decoded if it is coded.
    ///
    /// # Errors
    /// The cause, if it has a coding that is not known, or is not what its coding says.
    pub fn decoded(&self) -> Result<Cow<'_, [u8]>, Cause> {
        self.codings.decode(&self.body, self.is_cut, Captured::MAX_BODY).map_err(|undecodable| match undecodable {
            Undecodable::Unknown => Cause::UnknownEncoding,
            Undecodable::Corrupt => Cause::BadEncoding,
        })
    }

    /// The place that an answer with this status points to.
    pub(super) fn set_location(&mut self, status: u16, location: Option<&[u8]>) {
        if self.capture.location && (300..400).contains(&status) {
            self.location = location.map(<[u8]>::to_vec);
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    #[test]
    fn a_body_that_was_cut_is_decoded_as_far_as_it_goes() {
        let numbers: String = (0..200_000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string()).collect();
        let mut body = Vec::with_capacity(numbers.len());
        let mut encoder = Compress::new(Compression::fast(), true);
        encoder.compress_vec(numbers.as_bytes(), &mut body, FlushCompress::Finish).unwrap();
        assert!(body.len() > 2 * Captured::MAX_BODY);
        for piece in [1_000, body.len()] {
            let mut captured = Capture { location: false, body: true }.keeper().unwrap();
            captured.codings.add_list(b"deflate");
            body.chunks(piece).for_each(|piece| captured.add(piece));
            assert_eq!(captured.decoded().as_deref(), Ok(&numbers.as_bytes()[..Captured::MAX_BODY]));
        }
        // Whole, but broken, or of an unknown coding.
        let mut captured = Capture { location: false, body: true }.keeper().unwrap();
        captured.codings.add_list(b"deflate");
        captured.add(&body[..100]);
        assert_eq!(captured.decoded(), Err(Cause::BadEncoding));
        captured.codings.add_list(b"compress");
        assert_eq!(captured.decoded(), Err(Cause::UnknownEncoding));
    }
}
