//! Header blocks, one after the other: decoded or refused, and never more than was allowed.
//!
//! The first byte of each block is its length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onrush::proto::http2::hpack::Decoder;

const MAX_LIST: usize = 4096;

fuzz_target!(|input: &[u8]| {
    let mut decoder = Decoder::new(256);
    let mut rest = input;
    while let Some((&length, behind)) = rest.split_first() {
        let (block, behind) = behind.split_at(usize::from(length).min(behind.len()));
        rest = behind;
        let mut size = 0;
        let before = decoder.generation();
        let decoded = decoder.decode(block, MAX_LIST, &mut |name, value| size += name.len() + value.len() + 32);
        assert!(size <= MAX_LIST);
        if decoded.is_err() {
            return;
        }
        if decoder.generation() == before {
            // As long as the table is the same, the same block means the same.
            let mut again = 0;
            let decoded = decoder.decode(block, MAX_LIST, &mut |name, value| again += name.len() + value.len() + 32);
            assert_eq!((decoded, again), (Ok(()), size));
        }
    }
});
