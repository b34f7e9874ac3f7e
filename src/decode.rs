//! Content codings (RFC 9110, 8.4.1): bodies that are looked at are decoded first.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status, bufread::GzDecoder};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The codings of a body, in the order in which they were applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codings([Coding; MAX_CODINGS]);

/// Maximum number of codings on top of each other. With more, what there is counts as unknown.
const MAX_CODINGS: usize = 4;

/// A zstd window may be this large (RFC 9659, 3).
const MAX_ZSTD_WINDOW: u64 = 8 * 1024 * 1024;

/// Maximum number of gzip members that are looked at: each costs a decoder.
const MAX_MEMBERS: usize = 256;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Coding {
    #[default]
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
    Unknown,
}

/// Why a body cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// It has a coding that is not known here.
    Unknown,
    /// It is not what its coding says, or ends in the middle of it.
    Corrupt,
}

impl Codings {
    /// Adds the codings of one more `Content-Encoding` line, a comma-separated list.
    pub fn add_list(&mut self, value: &[u8]) {
        value.split(|&b| b == b',').for_each(|name| self.add(name));
    }

    /// Adds a coding by its name, which is case-insensitive. Empty ones and `identity` are none.
    pub fn add(&mut self, name: &[u8]) {
        let name = name.trim_ascii();
        let is = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()));
        let coding = if is(&["", "identity"]) {
            return;
        } else if is(&["gzip", "x-gzip"]) {
            Coding::Gzip
        } else if is(&["deflate"]) {
            Coding::Deflate
        } else if is(&["br"]) {
            Coding::Brotli
        } else if is(&["zstd"]) {
            Coding::Zstd
        } else {
            Coding::Unknown
        };
        match self.0.iter_mut().find(|place| **place == Coding::Identity) {
            Some(place) => *place = coding,
            None => self.0[MAX_CODINGS - 1] = Coding::Unknown,
        }
    }

    /// Adds those of `other`, which were applied after these.
    pub fn append(&mut self, other: Codings) {
        for coding in other.0 {
            match self.0.iter_mut().find(|place| **place == Coding::Identity) {
                _ if coding == Coding::Identity => {}
                Some(place) => *place = coding,
                None => self.0[MAX_CODINGS - 1] = Coding::Unknown,
            }
        }
    }

    /// The first `limit` bytes of what `body` stands for. If the body goes on behind what is there (`is_cut`),
    /// it is decoded as far as that goes. No step of several gives more than `limit` bytes, whatever the body says.
    ///
    /// # Errors
    /// [`Undecodable`].
    pub fn decode(self, body: &[u8], is_cut: bool, limit: usize) -> Result<Cow<'_, [u8]>, Undecodable> {
        if self.0.contains(&Coding::Unknown) {
            return Err(Undecodable::Unknown);
        }
        let (mut body, mut is_cut) = (Cow::Borrowed(body), is_cut);
        for coding in self.0.into_iter().rev().filter(|&coding| coding != Coding::Identity) {
            // Nothing is sent in place of nothing, as in the response to a HEAD.
            if body.is_empty() {
                break;
            }
            let mut out = Vec::new();
            let end = match coding {
                Coding::Gzip => gunzip(&body, limit, &mut out),
                Coding::Deflate => inflate(&body, limit, &mut out),
                Coding::Brotli => brotli(&body, limit, &mut out),
                Coding::Zstd => zstd(&body, limit, &mut out),
                Coding::Identity | Coding::Unknown => End::Corrupt,
            };
            is_cut = match end {
                End::Whole => false,
                End::Enough => true,
                End::RanOut if is_cut => true,
                End::RanOut | End::Corrupt => return Err(Undecodable::Corrupt),
            };
            body = Cow::Owned(out);
        }
        Ok(body)
    }
}

/// How decoding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With the end of what is coded.
    Whole,
    /// There is as much as was asked for.
    Enough,
    /// The input ended before that.
    RanOut,
    Corrupt,
}

/// Input that knows whether more of it was asked for than there is.
struct Input<'a> {
    rest: &'a [u8],
    ran_out: bool,
}

impl<'a> Input<'a> {
    fn new(rest: &'a [u8]) -> Input<'a> {
        Input { rest, ran_out: false }
    }

    /// How decoding ended that failed.
    fn failed(&self) -> End {
        if self.ran_out { End::RanOut } else { End::Corrupt }
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.ran_out |= self.rest.is_empty() && !buf.is_empty();
        self.rest.read(buf)
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.ran_out |= self.rest.is_empty();
        Ok(self.rest)
    }

    fn consume(&mut self, n: usize) {
        self.rest = &self.rest[n..];
    }
}

/// RFC 1952. What follows the last member is passed over, as browsers do.
fn gunzip(body: &[u8], limit: usize, out: &mut Vec<u8>) -> End {
    let mut input = Input::new(body);
    for _ in 0..MAX_MEMBERS {
        let room = (limit - out.len()) as u64;
        let mut decoder = GzDecoder::new(&mut input);
        if (&mut decoder).take(room).read_to_end(out).is_err() {
            return input.failed();
        }
        if out.len() == limit {
            return End::Enough;
        }
        if !input.rest.starts_with(b"\x1f\x8b") {
            return End::Whole;
        }
    }
    End::Enough
}

/// `deflate` is the zlib format (RFC 1950), but some servers send what is inside it (RFC 1951).
fn inflate(body: &[u8], limit: usize, out: &mut Vec<u8>) -> End {
    let raw = |with_header: bool, out: &mut Vec<u8>| {
        out.clear();
        out.reserve_exact(limit);
        let mut decoder = Decompress::new(with_header);
        loop {
            let (before_in, before_out) = (decoder.total_in(), out.len());
            match decoder.decompress_vec(&body[before_in as usize..], out, FlushDecompress::None) {
                Ok(Status::StreamEnd) => return End::Whole,
                Ok(_) if out.len() >= limit => return End::Enough,
                Ok(_) if decoder.total_in() == before_in && out.len() == before_out => return End::RanOut,
                Ok(_) => {}
                Err(_) => return End::Corrupt,
            }
        }
    };
    match raw(true, out) {
        End::Corrupt => raw(false, out),
        end => end,
    }
}

/// RFC 7932.
fn brotli(body: &[u8], limit: usize, out: &mut Vec<u8>) -> End {
    let alloc = StandardAlloc::default;
    let mut state = BrotliState::new(alloc(), alloc(), alloc());
    out.resize(limit, 0);
    let (mut left, mut at, mut room, mut filled, mut total) = (body.len(), 0, limit, 0, 0);
    let result = BrotliDecompressStream(&mut left, &mut at, body, &mut room, &mut filled, out, &mut total, &mut state);
    out.truncate(filled);
    match result {
        BrotliResult::ResultSuccess => End::Whole,
        BrotliResult::NeedsMoreOutput => End::Enough,
        BrotliResult::NeedsMoreInput => End::RanOut,
        BrotliResult::ResultFailure => End::Corrupt,
    }
}

/// RFC 8878: frames one after the other.
fn zstd(body: &[u8], limit: usize, out: &mut Vec<u8>) -> End {
    let mut input = Input::new(body);
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(MAX_ZSTD_WINDOW);
    while !input.rest.is_empty() {
        match decoder.init(&mut input) {
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let Some(rest) = input.rest.get(length as usize..) else { return End::RanOut };
                input.rest = rest;
                continue;
            }
            Err(_) => return input.failed(),
        }
        let end = match decoder.decode_blocks(&mut input, BlockDecodingStrategy::UptoBytes(limit - out.len())) {
            Ok(true) => End::Whole,
            Ok(false) => End::Enough,
            Err(_) => input.failed(),
        };
        if end != End::Whole {
            // The decoder keeps its window to itself until the frame ends: with an empty block, and a checksum.
            let _ = decoder.decode_blocks(&[1, 0, 0, 0, 0, 0, 0][..], BlockDecodingStrategy::All);
        }
        out.extend(decoder.collect().unwrap_or_default());
        if end != End::Whole || out.len() >= limit {
            out.truncate(limit);
            return if end == End::Whole { End::Enough } else { end };
        }
    }
    End::Whole
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1000;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// Brotli without compression: a window of 64 KiB (a bit, 0), a metablock of the bytes as they are, and an
    /// empty last one (RFC 7932, 9).
    fn brotli(text: &[u8]) -> Vec<u8> {
        if text.is_empty() {
            return vec![6];
        }
        let head = (text.len() as u32 - 1) << 4 | 1 << 20;
        [&head.to_le_bytes()[..3], text, &[3]].concat()
    }

    fn decode(codings: &str, body: &[u8], is_cut: bool) -> Result<Vec<u8>, Undecodable> {
        let mut list = Codings::default();
        list.add_list(codings.as_bytes());
        list.decode(body, is_cut, LIMIT).map(Cow::into_owned)
    }

    #[test]
    fn each_coding_is_decoded_by_its_names() {
        let text = b"hello";
        for (codings, body) in [
            ("gzip", gzip(text)),
            ("x-gzip", gzip(text)),
            (" GZip ,", gzip(text)),
            ("deflate", zlib(text)),
            ("deflate", deflate(text)),
            ("br", brotli(text)),
            // As `brotli -c` writes it.
            ("br", b"\x0b\x02\x80hello\x03".to_vec()),
            ("zstd", zstd(text)),
            ("identity", text.to_vec()),
            ("", text.to_vec()),
            ("gzip, identity, deflate", zlib(&gzip(text))),
            ("zstd,br,gzip,deflate", zlib(&gzip(&brotli(&zstd(text))))),
        ] {
            assert_eq!(decode(codings, &body, false).as_deref(), Ok(&text[..]), "{codings}");
            assert_eq!(decode(codings, b"", false).as_deref(), Ok(&b""[..]), "{codings}: nothing");
        }
        for codings in ["compress", "gzip, aes128gcm", "gzip,gzip,gzip,gzip,gzip", "dcb", "g zip"] {
            assert_eq!(decode(codings, &gzip(text), false), Err(Undecodable::Unknown), "{codings}");
        }
    }

    #[test]
    fn members_and_frames_follow_each_other() {
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"any"].concat();
        assert_eq!(decode("gzip", &[gzip(b"ab"), gzip(b""), gzip(b"c")].concat(), false).as_deref(), Ok(&b"abc"[..]));
        assert_eq!(decode("gzip", &[&gzip(b"ab")[..], b"junk"].concat(), false).as_deref(), Ok(&b"ab"[..]));
        let frames = [&skippable[..], &zstd(b"ab"), &skippable, &zstd(b"c")].concat();
        assert_eq!(decode("zstd", &frames, false).as_deref(), Ok(&b"abc"[..]));
        assert_eq!(decode("zstd", &[&zstd(b"ab")[..], b"junk"].concat(), false), Err(Undecodable::Corrupt));
        assert_eq!(decode("zstd", &skippable[..10], false), Err(Undecodable::Corrupt));
        // More members than anybody sends cost no more than many.
        assert_eq!(decode("gzip", &gzip(b"").repeat(MAX_MEMBERS * 2), false).as_deref(), Ok(&b""[..]));
    }

    #[test]
    fn bombs_are_bounded() {
        let many = vec![b'x'; 50_000_000];
        let coded =
            [("gzip", gzip(&many)), ("deflate", zlib(&many)), ("deflate", deflate(&many)), ("zstd", zstd(&many))];
        for (coding, body) in coded {
            for is_cut in [false, true] {
                assert_eq!(decode(coding, &body, is_cut).as_deref(), Ok(&many[..LIMIT]), "{coding}");
            }
            let twice = format!("{coding}, gzip");
            assert_eq!(decode(&twice, &gzip(&body), false).map(|body| body.len()), Ok(LIMIT), "{twice}");
        }
        // A window of terabytes.
        let window = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff][..], &[0; 20]].concat();
        assert_eq!(decode("zstd", &window, false), Err(Undecodable::Corrupt));
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let repeated = (prop::collection::vec(any::<u8>(), 1..20), 1usize..80).prop_map(|(word, n)| word.repeat(n));
        prop_oneof![repeated, prop::collection::vec(any::<u8>(), 0..900)]
    }

    proptest! {
        /// What begins like a body is decoded as far as it goes, and a whole one to its end.
        #[test]
        fn the_beginning_of_a_body_gives_the_beginning_of_its_text(text in text(), cut in 0.0..1.0f64) {
            for (coding, body) in [
                ("gzip", gzip(&text)),
                ("deflate", zlib(&text)),
                ("deflate", deflate(&text)),
                ("br", brotli(&text)),
                ("zstd", zstd(&text)),
            ] {
                let start = &text[..text.len().min(LIMIT)];
                prop_assert_eq!(decode(coding, &body, false), Ok(start.to_vec()), "{}", coding);
                let piece = &body[..(body.len() as f64 * cut) as usize];
                let begun = decode(coding, piece, true);
                prop_assert!(begun.as_deref().is_ok_and(|begun| start.starts_with(begun)), "{}: {:?}", coding, begun);
                if !piece.is_empty() && start == text {
                    prop_assert_eq!(decode(coding, piece, false), Err(Undecodable::Corrupt), "{}", coding);
                }
            }
        }

        #[test]
        fn no_bytes_make_a_decoder_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..300), changed in 0usize..100, is_cut: bool,
        ) {
            for coding in ["gzip", "deflate", "br", "zstd", "gzip,br", "zstd,deflate"] {
                for mut body in [bytes.clone(), gzip(&bytes), zlib(&bytes), brotli(&bytes), zstd(&bytes)] {
                    if let Some(byte) = body.get_mut(changed) {
                        *byte ^= 0x55;
                    }
                    if let Ok(decoded) = decode(coding, &body, is_cut) {
                        prop_assert!(decoded.len() <= LIMIT);
                    }
                }
            }
        }
    }
}
