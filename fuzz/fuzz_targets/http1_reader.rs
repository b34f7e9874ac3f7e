//! No bytes, in whatever pieces, make the reader of answers panic or lose count.
//!
//! The first byte of the input says whether the request was HEAD. Pieces
//! follow, each with its length in front.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onrush::proto::http1::{HeadCache, Progress, Reader};

fuzz_target!(|input: &[u8]| {
    let Some((&head_request, mut input)) = input.split_first() else { return };
    let mut heads = HeadCache::new(head_request & 1 == 1);
    let mut reader = Reader::new();
    while let Some((&length, others)) = input.split_first() {
        let (mut piece, others) = others.split_at(usize::from(length).min(others.len()));
        input = others;
        while !piece.is_empty() {
            match reader.receive(piece, &mut heads) {
                Err(_) => return,
                Ok(Progress::More) => break,
                Ok(Progress::Complete { rest, .. }) => {
                    assert!(rest < piece.len(), "an answer takes bytes");
                    assert!((101..1000).contains(&reader.status()), "status {}", reader.status());
                    reader.reset();
                    piece = &piece[piece.len() - rest..];
                }
            }
        }
    }
    let in_body = reader.in_body();
    assert!(reader.end(&mut heads) != Ok(true) || in_body, "no answer ends before its head");
});
