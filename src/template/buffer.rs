//! Where texts are put together.

/// Room that is longer than what is in it, so that blocks whose size the compiler
/// knows can be copied whole: what follows overwrites what is too much.
#[derive(Debug)]
pub(super) struct Buffer {
    room: Vec<u8>,
    /// Bytes written.
    at: usize,
}

/// No value is longer whose length nobody has to know: a UUID, a time of day, eight
/// fractions, four words; the padding of its last word included.
pub(super) const VALUE: usize = 128;

/// Fixed text. Its first bytes are copied as a block, and mostly there are no others.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Literal {
    first: [u8; Literal::BLOCK],
    rest: Box<[u8]>,
    len: usize,
}

impl Literal {
    const BLOCK: usize = 32;

    pub(super) fn new(text: &[u8]) -> Literal {
        let (head, rest) = text.split_at(text.len().min(Literal::BLOCK));
        let mut first = [0; Literal::BLOCK];
        first[..head.len()].copy_from_slice(head);
        Literal { first, rest: rest.into(), len: text.len() }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

impl Buffer {
    const LEAST: usize = 1024;

    pub(super) fn new() -> Buffer {
        Buffer { room: vec![0; Buffer::LEAST], at: 0 }
    }

    /// How much was written.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.at
    }

    /// Forgets all but the first `len` bytes.
    #[inline]
    pub(super) fn truncate(&mut self, len: usize) {
        debug_assert!(len <= self.at);
        self.at = len;
    }

    /// What was written.
    #[inline]
    pub(super) fn written(&self) -> &[u8] {
        &self.room[..self.at]
    }

    #[cold]
    fn grow(&mut self, n: usize) {
        self.room.resize((self.at + n).next_power_of_two(), 0);
    }

    #[inline]
    fn make_room(&mut self, n: usize) {
        if self.room.len() - self.at < n {
            self.grow(n);
        }
    }

    /// Writes fixed text.
    #[inline(always)]
    pub(super) fn literal(&mut self, literal: &Literal) {
        if !literal.rest.is_empty() {
            return self.long_literal(literal);
        }
        *self.chunk() = literal.first;
        self.at += literal.len;
    }

    #[inline(never)]
    fn long_literal(&mut self, literal: &Literal) {
        *self.chunk() = literal.first;
        self.at += Literal::BLOCK;
        self.bytes(&literal.rest);
    }

    /// The next `N` bytes.
    #[inline(always)]
    fn chunk<const N: usize>(&mut self) -> &mut [u8; N] {
        if self.room.len() - self.at < N {
            self.grow(N);
        }
        match self.room[self.at..].first_chunk_mut() {
            Some(room) => room,
            None => unreachable!("room was made"),
        }
    }

    /// Writes a text of at most `N` bytes over all there is: `write` says how long it is.
    #[inline]
    pub(super) fn page<const N: usize>(&mut self, write: impl FnOnce(&mut [u8; N]) -> usize) {
        const { assert!(N <= Buffer::LEAST) };
        match self.room.first_chunk_mut() {
            Some(room) => self.at = write(room),
            None => unreachable!("there is at least so much room"),
        }
    }

    /// Writes a value: `write` says how long it is.
    #[inline(always)]
    pub(super) fn value(&mut self, write: impl FnOnce(&mut [u8; VALUE]) -> usize) {
        let length = write(self.chunk());
        self.at += length;
    }

    /// Writes bytes of any number.
    #[inline]
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.room[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    /// Has somebody else write `n` bytes.
    pub(super) fn fill(&mut self, n: usize, write: impl FnOnce(&mut [u8])) {
        self.make_room(n);
        write(&mut self.room[self.at..self.at + n]);
        self.at += n;
    }
}
