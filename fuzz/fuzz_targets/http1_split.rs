//! The same bytes give the same answers, however they are split.
#![no_main]

mod pieces;

use libfuzzer_sys::fuzz_target;
use onrush::proto::http1::{HeadCache, Progress, Reader};
use onrush::proto::{Captured, Capture};
use onrush::record::Cause;

/// Every answer's status and body bytes, whether its connection persists, what was captured of it, and how the
/// stream ended.
type Reading = (Vec<(u16, u64, bool, Option<Box<Captured>>)>, Result<bool, Cause>);

fn read_all<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Reading {
    let mut heads = HeadCache::new(false);
    let mut reader = Reader::keeping(Capture { location: true, body: true });
    let mut answers = Vec::new();
    for mut piece in pieces {
        while !piece.is_empty() {
            match reader.receive(piece, &mut heads) {
                Err(cause) => return (answers, Err(cause)),
                Ok(Progress::More) => break,
                Ok(Progress::Complete { keep_alive, rest }) => {
                    answers.push((reader.status(), reader.body_bytes(), keep_alive, reader.take_captured()));
                    reader.reset();
                    piece = &piece[piece.len() - rest..];
                }
            }
        }
    }
    let end = reader.end(&mut heads);
    if end == Ok(true) {
        answers.push((reader.status(), reader.body_bytes(), false, reader.take_captured()));
    }
    (answers, end)
}

fuzz_target!(|input: &[u8]| {
    let Some((bytes, pieces)) = pieces::split(input) else { return };
    let whole = read_all([bytes]);
    assert_eq!(read_all(pieces), whole);
    assert_eq!(read_all(bytes.chunks(1)), whole);
});
