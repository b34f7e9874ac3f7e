//! Answer heads: what their fields mean, and which are malformed (RFC 9113, 8).

use crate::decode::Codings;
use crate::proto::length::Length;
use crate::record::Cause;

use super::codec::OF_A_CONNECTION;
use super::hpack::{Decoder, HpackError};

/// What an answer's fields say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// 100 to 999, or 0 in trailers.
    pub(super) status: u16,
    /// `content-length`.
    pub(super) length: Length,
    /// `content-encoding`.
    pub(super) codings: Codings,
}

/// A block and what it meant: servers repeat theirs octet for octet, and as
/// long as the dynamic table is the same, the same octets mean the same.
#[derive(Debug, Default)]
pub(super) struct HeadCache {
    block: Vec<u8>,
    generation: u64,
    head: Head,
    /// `location` of the last head.
    location: Option<Vec<u8>>,
}

/// Why a head is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHead {
    /// The table is lost with it, and the connection.
    Block(HpackError),
    /// The answer is malformed, for this cause.
    Malformed(Cause),
}

/// Longer blocks are decoded each time.
const MAX_CACHED: usize = 1024;
/// Fields of one answer, and their sizes as RFC 9113, 6.5.2 counts them.
pub(super) const MAX_LIST: usize = 256 * 1024;

impl HeadCache {
    /// `location` of the head that was decoded last.
    pub(super) fn location(&self) -> Option<&[u8]> {
        self.location.as_deref()
    }

    /// What `block` says, in its turn for `decoder`.
    #[inline]
    pub(super) fn decode(&mut self, decoder: &mut Decoder, block: &[u8]) -> Result<Head, BadHead> {
        if self.generation == decoder.generation() && self.block == block && !block.is_empty() {
            return Ok(self.head);
        }
        self.decode_anew(decoder, block)
    }

    #[inline(never)]
    fn decode_anew(&mut self, decoder: &mut Decoder, block: &[u8]) -> Result<Head, BadHead> {
        let before = decoder.generation();
        let mut fields = Fields::default();
        let decoded = decoder.decode(block, MAX_LIST, &mut |name, value| fields.take(name, value));
        decoded.map_err(BadHead::Block)?;
        let head = fields.head()?;
        self.location = fields.location;
        self.block.clear();
        if decoder.generation() == before && block.len() <= MAX_CACHED && head.status >= 200 {
            self.block.extend_from_slice(block);
            (self.generation, self.head) = (before, head);
        }
        Ok(head)
    }
}

/// Decodes trailers: their fields mean nothing here, but may be malformed.
pub(super) fn decode_trailers(decoder: &mut Decoder, block: &[u8]) -> Result<(), BadHead> {
    let mut fields = Fields { regular: true, ..Fields::default() };
    decoder.decode(block, MAX_LIST, &mut |name, value| fields.take(name, value)).map_err(BadHead::Block)?;
    fields.bad.map_or(Ok(()), |cause| Err(BadHead::Malformed(cause)))
}

/// Fields as they come.
#[derive(Debug, Default)]
struct Fields {
    status: Option<u16>,
    length: Length,
    codings: Codings,
    /// A field that is no pseudo-header has come: no pseudo-header may follow (8.3).
    regular: bool,
    bad: Option<Cause>,
    /// Where a redirect points to.
    location: Option<Vec<u8>>,
}

impl Fields {
    fn take(&mut self, name: &[u8], value: &[u8]) {
        if let Err(cause) = self.look_at(name, value) {
            self.bad.get_or_insert(cause);
        }
    }

    fn look_at(&mut self, name: &[u8], value: &[u8]) -> Result<(), Cause> {
        if name.first() == Some(&b':') {
            let &[a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = value else { return Err(Cause::BadHead) };
            if self.regular || self.status.is_some() || name != b":status" {
                return Err(Cause::BadHead);
            }
            self.status = Some([a, b, c].iter().fold(0, |n, digit| n * 10 + u16::from(digit - b'0')));
            return Ok(());
        }
        self.regular = true;
        let bad_name = |&b: &u8| b <= b' ' || b.is_ascii_uppercase() || b >= 0x7f || b == b':';
        let bad_value = |b: &u8| matches!(b, 0 | b'\r' | b'\n');
        let spaced = |b: Option<&u8>| matches!(b, Some(b' ' | b'\t'));
        if name.is_empty() || name.iter().any(bad_name) || value.iter().any(bad_value) {
            return Err(Cause::BadHead);
        }
        if spaced(value.first()) || spaced(value.last()) || OF_A_CONNECTION.iter().any(|of| of.as_bytes() == name) {
            return Err(Cause::BadHead);
        }
        match name {
            b"location" => self.location = Some(value.to_vec()),
            b"content-length" => self.length = self.length.and(value),
            b"content-encoding" => self.codings.add_list(value),
            _ => {}
        }
        Ok(())
    }

    fn head(&self) -> Result<Head, BadHead> {
        match (self.bad, self.status) {
            (Some(cause), _) => Err(BadHead::Malformed(cause)),
            // There is no upgrade in HTTP/2 (8.6).
            (None, None | Some(101)) => Err(BadHead::Malformed(Cause::BadHead)),
            (None, Some(status)) => Ok(Head { status, length: self.length, codings: self.codings }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hpack;
    use super::*;

    fn head(lines: &[(&str, &str)]) -> Result<Head, BadHead> {
        let mut block = Vec::new();
        lines.iter().for_each(|(name, value)| hpack::field(name.as_bytes(), value.as_bytes(), false, &mut block));
        HeadCache::default().decode(&mut Decoder::new(4096), &block)
    }

    #[test]
    fn heads_that_are_malformed_are_told_from_those_that_are_not() {
        let ok = |status, length| Ok(Head { status, length, codings: Codings::default() });
        let bad = Err(BadHead::Malformed(Cause::BadHead));
        let status = (":status", "200");
        assert_eq!(head(&[status]), ok(200, Length::None));
        assert_eq!(head(&[status, ("content-length", "12"), ("content-length", "12")]), ok(200, Length::Bytes(12)));
        assert_eq!(head(&[(":status", "999")]), ok(999, Length::None));
        assert_eq!([head(&[]), head(&[("server", "x")]), head(&[(":status", "101")])], [bad; 3]);
        assert_eq!([head(&[(":status", "20")]), head(&[(":status", "2 0")]), head(&[(":status", "012")])], [bad; 3]);
        assert_eq!(head(&[("server", "x"), status]), bad, "a pseudo-header behind others");
        assert_eq!([head(&[status, status]), head(&[status, (":path", "/")])], [bad; 2]);
        for name in ["Server", "connection", "transfer-encoding", "a b", "", "a:b", "ö"] {
            assert_eq!(head(&[status, (name, "x")]), bad, "{name}");
        }
        for value in ["a\rb", "a\nb", "a\0b", " a", "a\t"] {
            assert_eq!(head(&[status, ("server", value)]), bad, "{value:?}");
        }
        assert_eq!(head(&[status, ("content-length", "1,1")]), ok(200, Length::Bytes(1)));
        for length in ["", "-1", "+1", "1,2", "99999999999999999999"] {
            assert_eq!(head(&[status, ("content-length", length)]), ok(200, Length::Bad), "{length}");
        }
        assert_eq!(head(&[status, ("content-length", "1"), ("content-length", "2")]), ok(200, Length::Bad));
        let mut codings = Codings::default();
        codings.add_list(b"br,gzip");
        let coded = head(&[status, ("content-encoding", "br"), ("content-encoding", "gzip")]);
        assert_eq!(coded.map(|head| head.codings), Ok(codings));
    }

    #[test]
    fn a_block_is_remembered_only_while_the_table_is_the_same() {
        let (mut cache, mut decoder) = (HeadCache::default(), Decoder::new(4096));
        // `:status: 404` with indexing, referred to; then `:status: 500` takes its index.
        assert_eq!(cache.decode(&mut decoder, b"\x48\x03404").unwrap().status, 404);
        for _ in 0..3 {
            assert_eq!(cache.decode(&mut decoder, b"\xbe").unwrap().status, 404);
        }
        assert_eq!(cache.decode(&mut decoder, b"\x48\x03500").unwrap().status, 500);
        for _ in 0..3 {
            assert_eq!(cache.decode(&mut decoder, b"\xbe").unwrap().status, 500);
        }
    }
}
