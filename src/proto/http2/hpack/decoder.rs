//! Header blocks to header lists (RFC 7541, sections 3 and 6).

use super::huffman;
use super::static_table::STATIC;
use super::table::{ENTRY, Table};

/// Why a header block cannot be decoded: the connection's state is lost with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HpackError {
    /// It ends within a field.
    Truncated,
    /// An index that no entry has.
    BadIndex,
    /// An integer above 2^28.
    IntegerTooLong,
    /// A string that no Huffman encoder makes.
    BadHuffman,
    /// A table size above what was allowed, or not at the start.
    BadSizeUpdate,
    /// More octets of names and values than are taken.
    ListTooLong,
}

/// Decodes the header blocks of one connection, one after the other.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    limit: usize,
    name: Vec<u8>,
    value: Vec<u8>,
}

/// A name that a literal field refers to or spells out.
enum Name {
    Static(&'static str),
    Dynamic(usize),
    Own,
}

impl Name {
    fn text<'t>(&self, own: &'t [u8], table: &'t Table) -> &'t [u8] {
        match self {
            Name::Static(name) => name.as_bytes(),
            Name::Own => own,
            Name::Dynamic(index) => table.get(*index).map_or(&[], |(name, _)| name),
        }
    }
}

impl Decoder {
    /// With a dynamic table of at most `limit` octets: what was announced as SETTINGS_HEADER_TABLE_SIZE.
    pub fn new(limit: usize) -> Decoder {
        Decoder { table: Table::new(limit), limit, name: Vec::new(), value: Vec::new() }
    }

    /// Changes with the dynamic table: as long as it is the same, the same block means the same.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.table.generation
    }

    /// Calls `field` for each field of a whole block. The sizes of all, names
    /// and values and 32 octets each, are at most `max_list` (RFC 9113, 6.5.2).
    ///
    /// # Errors
    /// [`HpackError`].
    pub fn decode(
        &mut self,
        block: &[u8],
        max_list: usize,
        field: &mut impl FnMut(&[u8], &[u8]),
    ) -> Result<(), HpackError> {
        let mut input = Input { bytes: block };
        let mut left = max_list;
        let mut take = |name: &[u8], value: &[u8]| {
            left = left.checked_sub(name.len() + value.len() + ENTRY).ok_or(HpackError::ListTooLong)?;
            field(name, value);
            Ok(())
        };
        let mut at_start = true;
        while let Some(&first) = input.bytes.first() {
            if first & 0xe0 == 0x20 {
                let size = input.integer(5)?;
                if !at_start || size > self.limit {
                    return Err(HpackError::BadSizeUpdate);
                }
                self.table.resize(size);
                continue;
            }
            at_start = false;
            if first & 0x80 != 0 {
                let (name, value) = self.entry(input.integer(7)?)?;
                take(name, value)?;
                continue;
            }
            let with_indexing = first & 0x40 != 0;
            let name = self.name(&mut input, if with_indexing { 6 } else { 4 })?;
            let value = input.string(&mut self.value)?;
            take(name.text(&self.name, &self.table), value)?;
            match name {
                _ if !with_indexing => {}
                Name::Static(name) => self.table.insert(name.as_bytes(), value),
                Name::Own => self.table.insert(&self.name, value),
                Name::Dynamic(index) => self.table.insert_named_as(index, value),
            }
        }
        Ok(())
    }

    /// The entry at `index`, of both tables (RFC 7541, 2.3.3).
    #[inline]
    fn entry(&self, index: usize) -> Result<(&[u8], &[u8]), HpackError> {
        match index.checked_sub(STATIC.len() + 1) {
            Some(index) => self.table.get(index).ok_or(HpackError::BadIndex),
            None => {
                let (name, value) = index.checked_sub(1).map(|i| STATIC[i]).ok_or(HpackError::BadIndex)?;
                Ok((name.as_bytes(), value.as_bytes()))
            }
        }
    }

    fn name(&mut self, input: &mut Input<'_>, prefix: u32) -> Result<Name, HpackError> {
        let index = input.integer(prefix)?;
        if index == 0 {
            input.string_into(&mut self.name)?;
            return Ok(Name::Own);
        }
        self.entry(index)?;
        Ok(match index.checked_sub(STATIC.len() + 1) {
            Some(index) => Name::Dynamic(index),
            None => Name::Static(STATIC[index - 1].0),
        })
    }
}

/// What is left of a block.
struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    fn byte(&mut self) -> Result<u8, HpackError> {
        let (&first, rest) = self.bytes.split_first().ok_or(HpackError::Truncated)?;
        self.bytes = rest;
        Ok(first)
    }

    /// An integer whose first `prefix` bits are the last of the next octet (RFC 7541, 5.1).
    #[inline]
    fn integer(&mut self, prefix: u32) -> Result<usize, HpackError> {
        let full = (1usize << prefix) - 1;
        let mut value = usize::from(self.byte()?) & full;
        if value < full {
            return Ok(value);
        }
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(HpackError::IntegerTooLong)
    }

    /// A string's octets, and whether they are coded (RFC 7541, 5.2).
    fn raw_string(&mut self) -> Result<(&'a [u8], bool), HpackError> {
        let is_coded = self.bytes.first().is_some_and(|first| first & 0x80 != 0);
        let length = self.integer(7)?;
        if length > self.bytes.len() {
            return Err(HpackError::Truncated);
        }
        let (text, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        Ok((text, is_coded))
    }

    /// A string: a part of the block, or decoded into `scratch`.
    fn string<'s>(&mut self, scratch: &'s mut Vec<u8>) -> Result<&'s [u8], HpackError>
    where
        'a: 's,
    {
        let (text, is_coded) = self.raw_string()?;
        if !is_coded {
            return Ok(text);
        }
        scratch.clear();
        huffman::decode(text, scratch)?;
        Ok(scratch)
    }

    /// A string, over what `out` holds.
    fn string_into(&mut self, out: &mut Vec<u8>) -> Result<(), HpackError> {
        let (text, is_coded) = self.raw_string()?;
        out.clear();
        match is_coded {
            true => huffman::decode(text, out),
            false => {
                out.extend_from_slice(text);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::encoder;
    use super::*;
    use proptest::prelude::*;

    type List = Vec<(Vec<u8>, Vec<u8>)>;

    fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<List, HpackError> {
        let mut list = List::new();
        decoder.decode(block, 1 << 18, &mut |name, value| list.push((name.to_vec(), value.to_vec())))?;
        Ok(list)
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
    }

    /// The blocks decode, one after the other, to lists of these lines.
    #[track_caller]
    fn assert_decodes(limit: usize, blocks: &[(&str, &[&str])]) {
        let mut decoder = Decoder::new(limit);
        for (block, lines) in blocks {
            let list = decode(&mut decoder, &bytes(block)).unwrap();
            let text = |(name, value): &(Vec<u8>, Vec<u8>)| {
                format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
            };
            assert_eq!(list.iter().map(text).collect::<Vec<_>>(), *lines);
        }
    }

    #[test]
    fn single_fields_are_those_of_appendix_c_2() {
        let custom = "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572";
        assert_decodes(4096, &[(custom, &["custom-key: custom-header"]), ("be", &["custom-key: custom-header"])]);
        assert_decodes(4096, &[("040c 2f73 616d 706c 652f 7061 7468", &[":path: /sample/path"])]);
        assert_decodes(4096, &[("1008 7061 7373 776f 7264 0673 6563 7265 74", &["password: secret"])]);
        assert_decodes(4096, &[("82", &[":method: GET"])]);
    }

    #[test]
    fn requests_are_those_of_appendix_c_3_and_4() {
        let first: &[&str] = &[":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
        let second = &[first, &["cache-control: no-cache"]].concat();
        let third: &[&str] = &[
            ":method: GET",
            ":scheme: https",
            ":path: /index.html",
            ":authority: www.example.com",
            "custom-key: custom-value",
        ];
        let plain = [
            ("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", first),
            ("8286 84be 5808 6e6f 2d63 6163 6865", second),
            ("8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", third),
        ];
        let coded = [
            ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", first),
            ("8286 84be 5886 a8eb 1064 9cbf", second),
            ("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", third),
        ];
        assert_decodes(4096, &plain);
        assert_decodes(4096, &coded);
    }

    #[test]
    fn answers_with_evictions_are_those_of_appendix_c_5_and_6() {
        let date = |second| format!("date: Mon, 21 Oct 2013 20:13:{second} GMT");
        let (early, late) = (date(21), date(22));
        let location = "location: https://www.example.com";
        let first: &[&str] = &[":status: 302", "cache-control: private", &early, location];
        let second: &[&str] = &[":status: 307", "cache-control: private", &early, location];
        let cookie = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
        let third: &[&str] =
            &[":status: 200", "cache-control: private", &late, location, "content-encoding: gzip", cookie];
        let plain = [
            (
                "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 \
                 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
                first,
            ),
            ("4803 3330 37c1 c0bf", second),
            (
                "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 \
                 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 \
                 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
                third,
            ),
        ];
        let coded = [
            (
                "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad \
                 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
                first,
            ),
            ("4883 640e ffc1 c0bf", second),
            (
                "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 \
                 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
                third,
            ),
        ];
        assert_decodes(256, &plain);
        assert_decodes(256, &coded);
    }

    #[test]
    fn blocks_that_no_encoder_makes_are_refused() {
        let refused = |hex: &str| decode(&mut Decoder::new(4096), &bytes(hex)).unwrap_err();
        assert_eq!([refused("80"), refused("be"), refused("7f01")], [HpackError::BadIndex; 3]);
        assert_eq!([refused("00"), refused("ff"), refused("0405 61")], [HpackError::Truncated; 3]);
        assert_eq!(refused("ffff ffff ffff 7f"), HpackError::IntegerTooLong);
        assert_eq!([refused("3fe2 1f"), refused("8220")], [HpackError::BadSizeUpdate; 2], "4097; not at the start");
        assert_eq!(refused("0481 00"), HpackError::BadHuffman);
    }

    #[test]
    fn a_list_that_is_longer_than_taken_is_refused() {
        // One entry of 4,000 octets, and then references to it: a bomb.
        let mut block = vec![0x40, 1, b'a', 0x7f, 0xa1, 0x1e];
        block.extend(vec![b'v'; 4000]);
        block.extend(vec![0xbe; 100_000]);
        let mut fields = 0;
        let result = Decoder::new(4096).decode(&block, 1 << 18, &mut |_, _| fields += 1);
        assert_eq!((result, fields), (Err(HpackError::ListTooLong), (1 << 18) / (4000 + 1 + ENTRY)));
    }

    #[test]
    fn an_entry_that_does_not_fit_empties_the_table() {
        let mut decoder = Decoder::new(100);
        let mut block = bytes("4001 6101 62");
        decode(&mut decoder, &block).unwrap();
        assert_eq!(decode(&mut decoder, &[0xbe]).unwrap().len(), 1);
        block = vec![0x40, 1, b'a', 70];
        block.extend(vec![b'v'; 70]);
        decode(&mut decoder, &block).unwrap();
        assert_eq!(decode(&mut decoder, &[0xbe]), Err(HpackError::BadIndex));
    }

    proptest! {
        #[test]
        fn what_another_encoder_says_is_understood(
            lists in prop::collection::vec(prop::collection::vec(("[a-z-]{1,12}|:status|content-length|server|date", "[ -~]{0,80}"), 0..12), 1..30),
            size in 0usize..4096,
        ) {
            let mut encoder = loona_hpack::Encoder::new();
            encoder.set_max_table_size(size);
            let mut decoder = Decoder::new(4096);
            // The size that the encoder uses is said at the start.
            let mut update = Vec::new();
            let mut rest = size;
            if size < 31 { update.push(0x20 | size as u8) } else {
                update.push(0x3f);
                rest -= 31;
                while rest >= 0x80 { update.push(rest as u8 | 0x80); rest >>= 7; }
                update.push(rest as u8);
            }
            decode(&mut decoder, &update).unwrap();
            for list in lists {
                let list: List = list.into_iter().map(|(n, v)| (n.into_bytes(), v.into_bytes())).collect();
                let block = encoder.encode(list.iter().map(|(n, v)| (&n[..], &v[..])));
                prop_assert_eq!(decode(&mut decoder, &block).unwrap(), list);
            }
        }

        #[test]
        fn what_this_encoder_says_is_understood_by_another(
            list in prop::collection::vec(("[a-z-]{1,12}|:path|:authority|user-agent|accept", "[ -~]{0,80}", any::<bool>()), 0..12),
            length in 0usize..1 << 40,
        ) {
            let mut block = Vec::new();
            let mut expected = List::new();
            for (name, value, sensitive) in list {
                encoder::field(name.as_bytes(), value.as_bytes(), sensitive, &mut block);
                expected.push((name.into_bytes(), value.into_bytes()));
            }
            encoder::content_length(length, &mut block);
            expected.push((b"content-length".to_vec(), length.to_string().into_bytes()));
            prop_assert_eq!(&decode(&mut Decoder::new(4096), &block).unwrap(), &expected);
            let theirs = loona_hpack::Decoder::new().decode(&block).unwrap();
            let theirs: List = theirs.into_iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
            prop_assert_eq!(theirs, expected);
        }

        #[test]
        fn any_blocks_are_decoded_or_refused(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20)) {
            let mut decoder = Decoder::new(300);
            for block in blocks {
                let _ = decode(&mut decoder, &block);
                prop_assert!(decoder.table.octets_held() <= 2 * 300 + 2 * 60 * 8);
            }
        }
    }
}
