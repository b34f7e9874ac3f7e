//! Bodies, one on each line of a file.

use std::fmt;

use memchr::memchr;

use super::index::Index;
use crate::encoding::without_mark;

/// The lines of a file, empty ones apart.
pub struct Lines {
    bytes: Vec<u8>,
    index: Index,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lines({})", self.count())
    }
}

impl Lines {
    /// Lines end with `\n` or `\r\n`; empty ones are passed over. A byte order mark belongs to the file, not to
    /// its first line.
    ///
    /// # Errors
    /// One line without the file's name, if there is no line, or if lines of such a file do not end so.
    pub fn new(mut bytes: Vec<u8>) -> Result<Lines, String> {
        bytes.shrink_to_fit();
        let mut index = Index::new(bytes.len());
        let mut at = bytes.len() - without_mark(&bytes)?.len();
        while let Some(line) = line_from(&bytes, at) {
            index.push(line.start);
            at = line.end;
        }
        match index.rows() {
            0 => Err("there is no line with anything on it: write one body on each line".into()),
            _ => Ok(Lines { bytes, index: index.finish() }),
        }
    }

    /// How many there are; at least one.
    pub fn count(&self) -> u64 {
        self.index.rows()
    }

    /// Line `n`, which is below `count`, without its end.
    pub fn get(&self, n: u64) -> &[u8] {
        let (near, mut at) = self.index.before(n);
        for _ in near..n {
            at = memchr(b'\n', &self.bytes[at..]).map_or(self.bytes.len(), |length| at + length + 1);
            at = line_from(&self.bytes, at).map_or(at, |line| line.start);
        }
        line_from(&self.bytes, at).map_or(&[], |line| &self.bytes[line])
    }
}

/// The first line that is not empty from `at` on, which begins a line or ends one.
fn line_from(bytes: &[u8], mut at: usize) -> Option<std::ops::Range<usize>> {
    loop {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let length = if rest[..end].ends_with(b"\r") { end - 1 } else { end };
        if length > 0 {
            return Some(at..at + length);
        }
        at += end + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(bytes: &[u8]) -> Vec<Vec<u8>> {
        let lines = Lines::new(bytes.to_vec()).unwrap();
        (0..lines.count()).map(|n| lines.get(n).to_vec()).collect()
    }

    #[test]
    fn either_end_of_line_is_taken_off() {
        assert_eq!(all(b"\r\n\na\r\nb c\n\n\r\n\xff\r\r\nd"), [&b"a"[..], b"b c", b"\xff\r", b"d"]);
        assert_eq!(all(b"x\r"), [b"x"]);
    }

    #[test]
    fn a_file_without_lines_is_refused() {
        for empty in [&b""[..], b"\n", b"\r\n\r\n", b"\r", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"] {
            assert!(Lines::new(empty.to_vec()).is_err(), "{empty:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        assert_eq!(all(b"\xef\xbb\xbfa\n\xef\xbb\xbfb"), [&b"a"[..], b"\xef\xbb\xbfb"]);
        let error = Lines::new(b"\xff\xfea\0\n\0".to_vec()).err();
        assert_eq!(error.as_deref(), Some("the file is UTF-16: save it as UTF-8"));
    }

    proptest! {
        #[test]
        fn lines_are_those_of_a_plain_split(text in "[ab\r\n]{0,400}") {
            let expected = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).as_bytes().to_vec());
            let expected: Vec<_> = expected.filter(|line| !line.is_empty()).collect();
            prop_assume!(!expected.is_empty());
            prop_assert_eq!(all(text.as_bytes()), expected);
        }
    }
}
