//! The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B).

use std::sync::LazyLock;

use super::HpackError;

/// The code of each octet, and of the end of a string (256): its bits, and how many they are (RFC 7541, appendix B).
#[rustfmt::skip]
pub(super) const CODES: [(u32, u8); 257] = [
    (0x1ff8, 13), (0x7fffd8, 23), (0xfffffe2, 28), (0xfffffe3, 28), (0xfffffe4, 28), (0xfffffe5, 28),
    (0xfffffe6, 28), (0xfffffe7, 28), (0xfffffe8, 28), (0xffffea, 24), (0x3ffffffc, 30), (0xfffffe9, 28),
    (0xfffffea, 28), (0x3ffffffd, 30), (0xfffffeb, 28), (0xfffffec, 28), (0xfffffed, 28), (0xfffffee, 28),
    (0xfffffef, 28), (0xffffff0, 28), (0xffffff1, 28), (0xffffff2, 28), (0x3ffffffe, 30), (0xffffff3, 28),
    (0xffffff4, 28), (0xffffff5, 28), (0xffffff6, 28), (0xffffff7, 28), (0xffffff8, 28), (0xffffff9, 28),
    (0xffffffa, 28), (0xffffffb, 28), (0x14, 6), (0x3f8, 10), (0x3f9, 10), (0xffa, 12),
    (0x1ff9, 13), (0x15, 6), (0xf8, 8), (0x7fa, 11), (0x3fa, 10), (0x3fb, 10),
    (0xf9, 8), (0x7fb, 11), (0xfa, 8), (0x16, 6), (0x17, 6), (0x18, 6),
    (0x0, 5), (0x1, 5), (0x2, 5), (0x19, 6), (0x1a, 6), (0x1b, 6),
    (0x1c, 6), (0x1d, 6), (0x1e, 6), (0x1f, 6), (0x5c, 7), (0xfb, 8),
    (0x7ffc, 15), (0x20, 6), (0xffb, 12), (0x3fc, 10), (0x1ffa, 13), (0x21, 6),
    (0x5d, 7), (0x5e, 7), (0x5f, 7), (0x60, 7), (0x61, 7), (0x62, 7),
    (0x63, 7), (0x64, 7), (0x65, 7), (0x66, 7), (0x67, 7), (0x68, 7),
    (0x69, 7), (0x6a, 7), (0x6b, 7), (0x6c, 7), (0x6d, 7), (0x6e, 7),
    (0x6f, 7), (0x70, 7), (0x71, 7), (0x72, 7), (0xfc, 8), (0x73, 7),
    (0xfd, 8), (0x1ffb, 13), (0x7fff0, 19), (0x1ffc, 13), (0x3ffc, 14), (0x22, 6),
    (0x7ffd, 15), (0x3, 5), (0x23, 6), (0x4, 5), (0x24, 6), (0x5, 5),
    (0x25, 6), (0x26, 6), (0x27, 6), (0x6, 5), (0x74, 7), (0x75, 7),
    (0x28, 6), (0x29, 6), (0x2a, 6), (0x7, 5), (0x2b, 6), (0x76, 7),
    (0x2c, 6), (0x8, 5), (0x9, 5), (0x2d, 6), (0x77, 7), (0x78, 7),
    (0x79, 7), (0x7a, 7), (0x7b, 7), (0x7ffe, 15), (0x7fc, 11), (0x3ffd, 14),
    (0x1ffd, 13), (0xffffffc, 28), (0xfffe6, 20), (0x3fffd2, 22), (0xfffe7, 20), (0xfffe8, 20),
    (0x3fffd3, 22), (0x3fffd4, 22), (0x3fffd5, 22), (0x7fffd9, 23), (0x3fffd6, 22), (0x7fffda, 23),
    (0x7fffdb, 23), (0x7fffdc, 23), (0x7fffdd, 23), (0x7fffde, 23), (0xffffeb, 24), (0x7fffdf, 23),
    (0xffffec, 24), (0xffffed, 24), (0x3fffd7, 22), (0x7fffe0, 23), (0xffffee, 24), (0x7fffe1, 23),
    (0x7fffe2, 23), (0x7fffe3, 23), (0x7fffe4, 23), (0x1fffdc, 21), (0x3fffd8, 22), (0x7fffe5, 23),
    (0x3fffd9, 22), (0x7fffe6, 23), (0x7fffe7, 23), (0xffffef, 24), (0x3fffda, 22), (0x1fffdd, 21),
    (0xfffe9, 20), (0x3fffdb, 22), (0x3fffdc, 22), (0x7fffe8, 23), (0x7fffe9, 23), (0x1fffde, 21),
    (0x7fffea, 23), (0x3fffdd, 22), (0x3fffde, 22), (0xfffff0, 24), (0x1fffdf, 21), (0x3fffdf, 22),
    (0x7fffeb, 23), (0x7fffec, 23), (0x1fffe0, 21), (0x1fffe1, 21), (0x3fffe0, 22), (0x1fffe2, 21),
    (0x7fffed, 23), (0x3fffe1, 22), (0x7fffee, 23), (0x7fffef, 23), (0xfffea, 20), (0x3fffe2, 22),
    (0x3fffe3, 22), (0x3fffe4, 22), (0x7ffff0, 23), (0x3fffe5, 22), (0x3fffe6, 22), (0x7ffff1, 23),
    (0x3ffffe0, 26), (0x3ffffe1, 26), (0xfffeb, 20), (0x7fff1, 19), (0x3fffe7, 22), (0x7ffff2, 23),
    (0x3fffe8, 22), (0x1ffffec, 25), (0x3ffffe2, 26), (0x3ffffe3, 26), (0x3ffffe4, 26), (0x7ffffde, 27),
    (0x7ffffdf, 27), (0x3ffffe5, 26), (0xfffff1, 24), (0x1ffffed, 25), (0x7fff2, 19), (0x1fffe3, 21),
    (0x3ffffe6, 26), (0x7ffffe0, 27), (0x7ffffe1, 27), (0x3ffffe7, 26), (0x7ffffe2, 27), (0xfffff2, 24),
    (0x1fffe4, 21), (0x1fffe5, 21), (0x3ffffe8, 26), (0x3ffffe9, 26), (0xffffffd, 28), (0x7ffffe3, 27),
    (0x7ffffe4, 27), (0x7ffffe5, 27), (0xfffec, 20), (0xfffff3, 24), (0xfffed, 20), (0x1fffe6, 21),
    (0x3fffe9, 22), (0x1fffe7, 21), (0x1fffe8, 21), (0x7ffff3, 23), (0x3fffea, 22), (0x3fffeb, 22),
    (0x1ffffee, 25), (0x1ffffef, 25), (0xfffff4, 24), (0xfffff5, 24), (0x3ffffea, 26), (0x7ffff4, 23),
    (0x3ffffeb, 26), (0x7ffffe6, 27), (0x3ffffec, 26), (0x3ffffed, 26), (0x7ffffe7, 27), (0x7ffffe8, 27),
    (0x7ffffe9, 27), (0x7ffffea, 27), (0x7ffffeb, 27), (0xffffffe, 28), (0x7ffffec, 27), (0x7ffffed, 27),
    (0x7ffffee, 27), (0x7ffffef, 27), (0x7fffff0, 27), (0x3ffffee, 26), (0x3fffffff, 30),
];

/// The number of the end-of-string symbol.
const EOS: usize = 256;

/// Where four more bits lead from a place in the tree of codes.
#[derive(Clone, Copy)]
struct Step {
    /// The place they lead to.
    to: u16,
    /// The octet whose code ended on the way; no code is shorter than five bits.
    octet: Option<u8>,
    /// The string may end here: what came since the last octet is a beginning of
    /// the end-of-string code, and shorter than an octet.
    may_end: bool,
    /// No string has these bits.
    is_bad: bool,
}

/// A step for each place in the tree and each four bits.
static STEPS: LazyLock<Vec<[Step; 16]>> = LazyLock::new(steps);

/// A node of the tree of codes: where 0 and 1 lead.
#[derive(Clone, Copy)]
enum Child {
    None,
    Node(u16),
    Symbol(u16),
}

fn tree() -> Vec<[Child; 2]> {
    let mut nodes = vec![[Child::None; 2]];
    for (symbol, &(code, length)) in CODES.iter().enumerate() {
        let mut at = 0;
        for bit in (0..length).rev() {
            let side = (code >> bit & 1) as usize;
            at = match nodes[at][side] {
                _ if bit == 0 => {
                    nodes[at][side] = Child::Symbol(symbol as u16);
                    0
                }
                Child::Node(next) => next.into(),
                _ => {
                    nodes.push([Child::None; 2]);
                    nodes[at][side] = Child::Node((nodes.len() - 1) as u16);
                    nodes.len() - 1
                }
            };
        }
    }
    nodes
}

fn steps() -> Vec<[Step; 16]> {
    let nodes = tree();
    // The first seven places on the way to the end-of-string code: all ones.
    let mut ends = vec![false; nodes.len()];
    let mut at = 0u16;
    for _ in 0..8 {
        ends[at as usize] = true;
        match nodes[at as usize][1] {
            Child::Node(next) => at = next,
            _ => break,
        }
    }
    let step = |from: usize, bits: usize| {
        let mut step = Step { to: from as u16, octet: None, may_end: false, is_bad: false };
        for bit in (0..4).rev() {
            match nodes[step.to as usize][bits >> bit & 1] {
                Child::Node(next) => step.to = next,
                Child::Symbol(symbol) if usize::from(symbol) != EOS => (step.to, step.octet) = (0, Some(symbol as u8)),
                Child::Symbol(_) | Child::None => step.is_bad = true,
            }
        }
        step.may_end = ends[step.to as usize];
        step
    };
    (0..nodes.len()).map(|from| std::array::from_fn(|bits| step(from, bits))).collect()
}

/// Appends what `bytes` stand for to `out`.
///
/// # Errors
/// [`HpackError::BadHuffman`]: the end-of-string code in the text, or padding
/// that is longer than seven bits or not ones.
pub(super) fn decode(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), HpackError> {
    let steps = &**STEPS;
    let mut at = Step { to: 0, octet: None, may_end: true, is_bad: false };
    for &byte in bytes {
        for bits in [byte >> 4, byte & 15] {
            at = steps[at.to as usize][bits as usize];
            if at.is_bad {
                return Err(HpackError::BadHuffman);
            }
            out.extend(at.octet);
        }
    }
    if at.may_end { Ok(()) } else { Err(HpackError::BadHuffman) }
}

/// So many octets the code of `text` takes.
pub(super) fn encoded_len(text: &[u8]) -> usize {
    text.iter().map(|&octet| usize::from(CODES[octet as usize].1)).sum::<usize>().div_ceil(8)
}

/// Appends the code of `text`, padded with ones to a whole octet.
pub(super) fn encode(text: &[u8], out: &mut Vec<u8>) {
    let (mut bits, mut count) = (0u64, 0u32);
    for &octet in text {
        let (code, length) = CODES[octet as usize];
        bits = bits << length | u64::from(code);
        count += u32::from(length);
        while count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    if count > 0 {
        out.push((bits << (8 - count)) as u8 | 0xff >> count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_code_is_complete_and_no_code_begins_another() {
        let kraft: u64 = CODES.iter().map(|&(_, length)| 1u64 << (32 - length)).sum();
        assert_eq!(kraft, 1 << 32);
        for (i, &(a, a_length)) in CODES.iter().enumerate() {
            for &(b, b_length) in CODES[i + 1..].iter() {
                let shorter = a_length.min(b_length);
                assert_ne!(a >> (a_length - shorter), b >> (b_length - shorter));
            }
        }
    }

    #[test]
    fn strings_that_no_encoder_makes_are_refused() {
        let mut out = Vec::new();
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff], &mut out), Err(HpackError::BadHuffman), "end of string");
        assert_eq!(decode(&[0b0001_1111, 0xff], &mut out), Err(HpackError::BadHuffman), "padding of eleven bits");
        assert_eq!(decode(&[0b0001_1000], &mut out), Err(HpackError::BadHuffman), "padding that is not ones");
        assert_eq!(decode(&[0b0001_1111], &mut out), Ok(()), "a and three ones");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let (mut code, mut back) = (Vec::new(), Vec::new());
            encode(&text, &mut code);
            prop_assert_eq!(code.len(), encoded_len(&text));
            decode(&code, &mut back).unwrap();
            prop_assert_eq!(back, text);
        }
    }
}
