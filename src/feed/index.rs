//! Where rows begin: of every eighth one, or of fewer if rows are short.

/// An offset is kept for so many rows, as a power of two, and for more of them where that would take too much.
const SHIFT: u32 = 3;
/// An offset takes 8 bytes, so the index takes at most an eighth of the file.
const BYTES_PER_OFFSET: usize = 64;
/// As many offsets are always kept, however small the file is.
const FEWEST: usize = 64;

/// The offsets of rows number 0, 2^shift, 2 * 2^shift and so on.
pub(super) struct Index {
    /// Its capacity is its bound, so it never grows.
    offsets: Vec<u64>,
    bound: usize,
    shift: u32,
    rows: u64,
}

impl Index {
    /// An index of a file of so many bytes, without rows as yet.
    pub(super) fn new(bytes: usize) -> Index {
        let bound = (bytes / BYTES_PER_OFFSET).max(FEWEST);
        Index { offsets: Vec::with_capacity(bound), bound, shift: SHIFT, rows: 0 }
    }

    /// The next row begins here.
    pub(super) fn push(&mut self, offset: usize) {
        if self.rows & self.mask() == 0 && self.offsets.len() == self.bound {
            let mut number = 0;
            self.offsets.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.shift += 1;
        }
        if self.rows & self.mask() == 0 {
            self.offsets.push(offset as u64);
        }
        self.rows += 1;
    }

    /// All rows are in: gives back what is not used.
    pub(super) fn finish(mut self) -> Index {
        self.offsets.shrink_to_fit();
        self
    }

    /// How many rows there are.
    #[inline]
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The last row at or before `row` (which is below `rows`) whose place is known, and its offset.
    #[inline]
    pub(super) fn before(&self, row: u64) -> (u64, usize) {
        (row & !self.mask(), self.offsets[(row >> self.shift) as usize] as usize)
    }

    #[inline]
    fn mask(&self) -> u64 {
        (1 << self.shift) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index_of(rows: u64, bytes_each: usize) -> Index {
        let mut index = Index::new(rows as usize * bytes_each);
        (0..rows).for_each(|row| index.push(row as usize * bytes_each));
        index.finish()
    }

    #[test]
    fn every_eighth_row_is_kept() {
        let index = index_of(1000, 40);
        assert_eq!([0, 7, 8, 999].map(|row| index.before(row)), [(0, 0), (0, 0), (8, 320), (992, 992 * 40)]);
        assert_eq!(index.offsets.len(), 125);
    }

    #[test]
    fn an_index_takes_an_eighth_of_the_file_however_short_rows_are() {
        for bytes_each in [2, 3, 7, 8, 40] {
            let index = index_of(100_000, bytes_each);
            assert!(index.offsets.capacity() * 8 <= 100_000 * bytes_each / 8, "{bytes_each}");
            for row in 0..100_000 {
                let (near, offset) = index.before(row);
                assert!(near <= row && row - near < 64 && offset == near as usize * bytes_each, "{row}");
            }
        }
    }
}
