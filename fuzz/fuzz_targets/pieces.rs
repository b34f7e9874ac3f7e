//! Inputs whose first bytes say how the others are split.

/// The bytes of an input, whole and in pieces. Its first bytes are the lengths
/// of the pieces: as many as the very first one says. None: it is empty.
pub fn split(input: &[u8]) -> Option<(&[u8], Vec<&[u8]>)> {
    let (&count, input) = input.split_first()?;
    let (lengths, bytes) = input.split_at(usize::from(count % 16).min(input.len()));
    let mut pieces = Vec::new();
    let mut rest = bytes;
    for &length in lengths {
        let (piece, others) = rest.split_at(usize::from(length).min(rest.len()));
        pieces.push(piece);
        rest = others;
    }
    pieces.push(rest);
    Some((bytes, pieces))
}
