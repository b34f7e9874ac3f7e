//! Text files: what their first bytes say, and where they are not UTF-8.

/// The text of a file, without a byte order mark.
///
/// # Errors
/// One line without the file's name: which encoding it is in, or which line is not UTF-8, and what to do.
pub fn text(mut bytes: Vec<u8>) -> Result<String, String> {
    let mark = bytes.len() - without_mark(&bytes)?.len();
    bytes.drain(..mark);
    String::from_utf8(bytes).map_err(|error| {
        let line = line_of(error.as_bytes(), error.utf8_error().valid_up_to());
        format!("line {line} is not UTF-8: save the file as UTF-8")
    })
}

/// A file without the byte order mark of UTF-8.
///
/// # Errors
/// One line without the file's name: it has the mark of another encoding.
pub fn without_mark(bytes: &[u8]) -> Result<&[u8], String> {
    let other = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => return Ok(rest),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => "UTF-32",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16",
        _ => return Ok(bytes),
    };
    Err(format!("the file is {other}: save it as UTF-8"))
}

/// The number of the line that the byte at `at` is on, from 1: one more than
/// there are line ends before it. For errors, which come once.
pub fn line_of(bytes: &[u8], at: usize) -> u64 {
    let bytes = &bytes[..at.min(bytes.len())];
    let ends =
        bytes.iter().enumerate().filter(|&(i, b)| *b == b'\n' || *b == b'\r' && bytes.get(i + 1) != Some(&b'\n'));
    ends.count() as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_of_utf_8_is_dropped_and_others_are_named() {
        let utf_16 = "the file is UTF-16: save it as UTF-8";
        let utf_32 = "the file is UTF-32: save it as UTF-8";
        for (bytes, expected) in [
            (&b"\xef\xbb\xbfa\xef\xbb\xbf"[..], Ok("a\u{feff}")),
            (b"\xef\xbb", Err("line 1 is not UTF-8: save the file as UTF-8")),
            (b"", Ok("")),
            (b"\xff\xfea\0", Err(utf_16)),
            (b"\xfe\xff\0a", Err(utf_16)),
            (b"\xff\xfe", Err(utf_16)),
            (b"\xff\xfe\0\0a\0\0\0", Err(utf_32)),
            (b"\0\0\xfe\xff\0\0\0a", Err(utf_32)),
            (b"a\r\nb\rc\n\xff", Err("line 4 is not UTF-8: save the file as UTF-8")),
        ] {
            assert_eq!(text(bytes.to_vec()).as_deref().map_err(String::as_str), expected, "{bytes:?}");
        }
    }
}
