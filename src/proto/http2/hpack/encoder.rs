//! Header lists to header blocks, for a client that says the same again and
//! again: its block is encoded once, and never refers to the peer's dynamic table.

use super::huffman;
use super::static_table;

/// `content-length` in the static table.
const CONTENT_LENGTH: usize = 28;

/// Appends one field: indexed where the static table has it, else a literal
/// without indexing (RFC 7541, 6.2.2), one that is never to be indexed if it is
/// `sensitive` (6.2.3). Names are in lower case (RFC 9113, 8.2).
pub fn field(name: &[u8], value: &[u8], sensitive: bool, out: &mut Vec<u8>) {
    let (both, of_name) = static_table::find(name, value);
    match both {
        Some(index) if !sensitive => integer(index, 7, 0x80, out),
        _ => {
            integer(of_name.unwrap_or(0), 4, if sensitive { 0x10 } else { 0 }, out);
            if of_name.is_none() {
                string(name, out);
            }
            string(value, out);
        }
    }
}

/// Appends `content-length: n`, without allocating.
pub fn content_length(n: usize, out: &mut Vec<u8>) {
    integer(CONTENT_LENGTH, 4, 0, out);
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(n).as_bytes();
    integer(digits.len(), 7, 0, out);
    out.extend_from_slice(digits);
}

/// An integer with a prefix of so many bits, behind the bits of `first` (RFC 7541, 5.1).
fn integer(value: usize, prefix: u32, first: u8, out: &mut Vec<u8>) {
    let full = (1usize << prefix) - 1;
    if value < full {
        return out.push(first | value as u8);
    }
    out.push(first | full as u8);
    let mut rest = value - full;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A string, coded where that is shorter (RFC 7541, 5.2).
fn string(text: &[u8], out: &mut Vec<u8>) {
    let coded = huffman::encoded_len(text);
    if coded < text.len() {
        integer(coded, 7, 0x80, out);
        huffman::encode(text, out);
    } else {
        integer(text.len(), 7, 0, out);
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_those_of_appendix_c_1() {
        let encoded = |value, prefix| {
            let mut out = Vec::new();
            integer(value, prefix, 0, &mut out);
            out
        };
        assert_eq!(encoded(10, 5), [0b01010]);
        assert_eq!(encoded(1337, 5), [0b11111, 0b1001_1010, 0b0000_1010]);
        assert_eq!(encoded(42, 8), [42]);
    }
}
