//! What of an answer is looked at, beside its status and length.

/// What of answers is looked at, beside their status and length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Where redirects point to.
    pub location: bool,
    /// The start of bodies.
    pub body: bool,
}

impl Wanted {
    /// Nothing is.
    #[inline]
    pub fn is_nothing(self) -> bool {
        !self.location && !self.body
    }

    /// Room for what is wanted of one answer, if anything is.
    pub fn keeper(self) -> Option<Box<Kept>> {
        (!self.is_nothing()).then(|| Box::new(Kept { wanted: self, location: None, body: Vec::new() }))
    }
}

/// What was kept of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    wanted: Wanted,
    /// The value of `Location`, of a redirect (RFC 9110, 10.2.2).
    pub location: Option<Vec<u8>>,
    /// The first [`Kept::MOST`] bytes of its body.
    pub body: Vec<u8>,
}

impl Kept {
    /// So much of a body is kept.
    pub const MOST: usize = 256 * 1024;

    /// More of the body.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        if self.wanted.body {
            let room = Kept::MOST - self.body.len();
            self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// The place that an answer with this status points to.
    pub(super) fn point_to(&mut self, status: u16, location: Option<&[u8]>) {
        if self.wanted.location && (300..400).contains(&status) {
            self.location = location.map(<[u8]>::to_vec);
        }
    }
}
