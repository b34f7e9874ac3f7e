//! Comma-separated values: where fields and rows end (RFC 4180, and what the
//! `csv` crate makes of the rest). The check of a file and the reading of its
//! rows are the same code, so that what was accepted can be read.

use memchr::{memchr, memchr_iter, memchr2, memchr3};

use super::index::Index;
use super::{line_of, seek};

const DELIMITERS: [u8; 3] = [b',', b'\t', b';'];

/// How a file is written, and its header.
pub(super) struct Csv {
    delimiter: u8,
    /// No field is quoted, and every `\r` has its `\n`: a row ends where its line does.
    plain: bool,
    /// All differ, and none is empty.
    header: Vec<String>,
}

impl Csv {
    /// Checks all of `text` from `start` on, behind what may stand before the header.
    pub(super) fn check(text: &str, start: usize) -> Result<(Csv, Index), String> {
        let bytes = text.as_bytes();
        let bare = |at| bytes.get(at + 1) != Some(&b'\n');
        let plain = memchr(b'"', bytes).is_none() && !memchr_iter(b'\r', bytes).any(bare);
        let mut csv = Csv { delimiter: DELIMITERS[0], plain, header: Vec::new() };
        let mut at = past_blank(bytes, start);
        if at == bytes.len() {
            return Err("there is no header: write the names of the columns on the first line".into());
        }
        let header = at;
        // The first of them that parts the header; if none does, there is one column.
        let parts = |delimiter: &u8| Csv { delimiter: *delimiter, plain, header: Vec::new() }.row(bytes, header).0 > 1;
        csv.delimiter = DELIMITERS.into_iter().find(parts).unwrap_or(DELIMITERS[0]);
        csv.header = csv.names(text, header)?;
        at = csv.row_after(bytes, header);
        let mut index = Index::new(bytes.len());
        while at < bytes.len() {
            index.push(at);
            let (fields, end) = csv.row(bytes, at);
            let Some(end) = end else { return Err(csv.unclosed(bytes, at)) };
            if fields != csv.header.len() {
                return Err(csv.ragged(line_of(bytes, at), fields));
            }
            at = past_blank(bytes, end);
        }
        match index.rows() {
            0 => Err("there is no row beneath the header".into()),
            _ => Ok((csv, index.finish())),
        }
    }

    /// The names of the columns.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// The field that begins at `at`: its end, and where the next one of the row begins, if there is one.
    #[inline]
    pub(super) fn field(&self, bytes: &[u8], at: usize) -> (usize, Option<usize>) {
        // No quote is open in a file that was checked.
        let end = self.end(bytes, at).unwrap_or(bytes.len());
        (end, (bytes.get(end) == Some(&self.delimiter)).then_some(end + 1))
    }

    /// The start of the row behind the one of which a field begins or the last one ends at `at`.
    #[inline]
    pub(super) fn row_after(&self, bytes: &[u8], mut at: usize) -> usize {
        if self.plain {
            return past_blank(bytes, memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length));
        }
        loop {
            match self.field(bytes, at) {
                (_, Some(next)) => at = next,
                (end, None) => return past_blank(bytes, end),
            }
        }
    }

    /// The end of the field that begins at `at`. None: its quote is not closed.
    #[inline]
    fn end(&self, bytes: &[u8], mut at: usize) -> Option<usize> {
        let delimiter = self.delimiter;
        if self.plain {
            let ends = |b| b == delimiter || b == b'\n';
            let end = seek(bytes, at, ends, |rest| memchr2(delimiter, b'\n', rest));
            let line_ends = end > at && bytes[end - 1] == b'\r' && bytes.get(end) == Some(&b'\n');
            return Some(if line_ends { end - 1 } else { end });
        }
        if bytes.get(at) == Some(&b'"') {
            at += 1;
            loop {
                at = seek(bytes, at, |b| b == b'"', |rest| memchr(b'"', rest)) + 1;
                if at > bytes.len() {
                    return None;
                }
                // Two of them are one that is meant.
                if bytes.get(at) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
        }
        let ends = |b| b == delimiter || b == b'\n' || b == b'\r';
        Some(seek(bytes, at, ends, |rest| memchr3(delimiter, b'\n', b'\r', rest)))
    }

    /// How many fields the row at `at` has, and its end, or None if a quote is not closed.
    fn row(&self, bytes: &[u8], mut at: usize) -> (usize, Option<usize>) {
        let mut fields = 1;
        loop {
            match self.end(bytes, at) {
                Some(end) if bytes.get(end) == Some(&self.delimiter) => at = end + 1,
                end => return (fields, end),
            }
            fields += 1;
        }
    }

    fn names(&self, text: &str, mut at: usize) -> Result<Vec<String>, String> {
        let bytes = text.as_bytes();
        if self.row(bytes, at).1.is_none() {
            return Err(self.unclosed(bytes, at));
        }
        let line = line_of(bytes, at);
        let mut names: Vec<String> = Vec::new();
        loop {
            let (end, next) = self.field(bytes, at);
            let mut unquoted = String::new();
            let name = value(&text[at..end], &mut unquoted);
            if name.is_empty() {
                let number = names.len() + 1;
                return Err(format!("line {line}: column {number} has no name: give it one, or take it out"));
            }
            if names.iter().any(|other| other == name) {
                let name = name.escape_debug();
                return Err(format!("line {line}: the column '{name}' is there twice: give each a name of its own"));
            }
            names.push(name.into());
            match next {
                Some(next) => at = next,
                None => return Ok(names),
            }
        }
    }

    /// Only a row's last field can have an open quote, since it takes all that is left.
    fn unclosed(&self, bytes: &[u8], mut at: usize) -> String {
        while let Some(end) = self.end(bytes, at) {
            at = end + 1;
        }
        let line = line_of(bytes, at);
        format!("line {line}: a quote is not closed: end the field with \", and write a quote inside it as \"\"")
    }

    fn ragged(&self, line: u64, fields: usize) -> String {
        let (columns, delimiter) = (self.header.len(), char::from(self.delimiter).escape_debug());
        let plural = if fields == 1 { "" } else { "s" };
        format!(
            "line {line} has {fields} field{plural}, and the header has {columns}: \
             give each row as many, with quotes around a field that has a '{delimiter}' in it"
        )
    }
}

/// What a field means: itself, or what is inside its quotes. Text behind the closing quote belongs to it.
#[inline]
pub(super) fn value<'a>(field: &'a str, unquoted: &'a mut String) -> &'a str {
    let Some(mut rest) = field.strip_prefix('"') else { return field };
    if let Some(inside) = rest.strip_suffix('"').filter(|inside| !inside.contains('"')) {
        return inside;
    }
    unquoted.clear();
    while let Some((before, behind)) = rest.split_once('"') {
        unquoted.push_str(before);
        let Some(behind) = behind.strip_prefix('"') else {
            rest = behind;
            break;
        };
        unquoted.push('"');
        rest = behind;
    }
    unquoted.push_str(rest);
    unquoted
}

/// The first byte from `at` on that ends no line.
#[inline]
fn past_blank(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::super::{Cell, Feed, Format, Order, Reader};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn feed(bytes: impl AsRef<[u8]>) -> Result<Feed, String> {
        Feed::new("rows", bytes.as_ref().to_vec(), Format::Csv, Order::Sequential)
    }

    /// The header, and all cells in the order in which `rows` are read.
    fn read(feed: Feed, rows: impl Iterator<Item = u64>) -> Vec<Vec<String>> {
        let columns: Vec<_> = feed.column_names().iter().map(|name| feed.column(name).unwrap()).collect();
        let mut table = vec![feed.column_names()];
        let mut reader = Reader::new(Arc::new(feed));
        for row in rows {
            reader.select(row);
            let cells = columns.iter().map(|column| match reader.cell(column) {
                Cell::Text(text) => text.to_string(),
                other => panic!("{other:?}"),
            });
            table.push(cells.collect());
        }
        table
    }

    fn table(bytes: impl AsRef<[u8]>) -> Vec<Vec<String>> {
        let feed = feed(bytes).unwrap();
        let rows = feed.rows();
        read(feed, 0..rows)
    }

    #[test]
    fn rows_are_read_as_they_are_meant() {
        let plain = [["id", "name"], ["1", "Ann"], ["2", ""], ["", "Zoë"]];
        assert_eq!(table("id,name\n1,Ann\n2,\n,Zoë"), plain);
        assert_eq!(table("\u{feff}id,name\r\n\r\n1,Ann\r\n2,\r\n,Zoë\r\n\r\n"), plain);
        assert_eq!(table("id\tname\n1\tAnn\n2\t\n\tZoë\n"), plain);
        assert_eq!(table("id;name\r1;Ann\r2;\r;Zoë\r"), plain);
        assert_eq!(table("\n\"id\",\"name\"\n1,\"Ann\"\n2,\"\"\n\"\",Zoë"), plain);
        assert_eq!(table("\"a,b\";c\n1;2"), [["a,b", "c"], ["1", "2"]]);
        assert_eq!(
            table("a,b\n\"x \"\"y\"\"\",\"one\r\n\r\ntwo\"\n\"q\"r\"s,t\"u\"\n"),
            [["a", "b"], ["x \"y\"", "one\r\n\r\ntwo"], ["qr\"s", "t\"u\""]]
        );
        assert_eq!(table("a\n\"\"\nx y"), [["a"], [""], ["x y"]]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (bytes, error) in [
            (&b""[..], "there is no header: write the names of the columns on the first line"),
            (b"\r\n\n", "there is no header: write the names of the columns on the first line"),
            (b"\xef\xbb\xbfa,b\n\n", "there is no row beneath the header"),
            (b"a,id,id\n", "line 1: the column 'id' is there twice: give each a name of its own"),
            (b"\n\"a\nb\",\"a\nb\"\n", "line 2: the column 'a\\nb' is there twice: give each a name of its own"),
            (b"a,,\n", "line 1: column 2 has no name: give it one, or take it out"),
            (b"a,b\n1,2\n3,\xff\n", "line 3 is not UTF-8: save the file as UTF-8"),
        ] {
            assert_eq!(feed(bytes).err().as_deref(), Some(error));
        }
        for (bytes, error) in [
            ("a,b\r\n\r\n1,2\r\n1,2,3\r\n", "line 4 has 3 fields, and the header has 2: "),
            ("a,b\n\"1\n\n\",2\n3\n", "line 5 has 1 field, and the header has 2: "),
            ("a,b\n1,2\n3,\"4\n5,6\n", "line 3: a quote is not closed: "),
            ("a,b\n\"1\n1\",\"", "line 3: a quote is not closed: "),
            ("a,\"b\n", "line 1: a quote is not closed: "),
            ("a,b\r1,2\r3\r", "line 3 has 1 field, and the header has 2: "),
        ] {
            assert!(feed(bytes).err().is_some_and(|given| given.starts_with(error)), "{bytes:?}: {error}");
        }
    }

    #[test]
    fn only_columns_of_the_header_are_there() {
        let feed = feed("id,name\n1,Ann\n").unwrap();
        assert!(feed.column("name").is_some() && feed.column("Name").is_none() && feed.column("").is_none());
    }

    /// A table as the `csv` crate writes it, with blank lines behind some rows: the header, the rows, the text.
    fn written() -> impl Strategy<Value = (Vec<Vec<String>>, Vec<u8>)> {
        let cell = prop_oneof![3 => "[a-z0-9 é]{0,12}", 1 => "[a,;\t\"\r\n ]{0,6}"];
        let rows = (1_usize..6).prop_flat_map(move |columns| {
            prop::collection::vec((prop::collection::vec(cell.clone(), columns), 0_usize..3), 1..60)
        });
        (rows, any::<bool>(), any::<bool>()).prop_map(|(rows, crlf, quoted)| {
            let mut table = vec![(0..rows[0].0.len()).map(|n| format!("column {n}")).collect::<Vec<_>>()];
            let mut bytes = Vec::new();
            let blanks = [0].into_iter().chain(rows.iter().map(|(_, blanks)| *blanks));
            table.extend(rows.iter().map(|(row, _)| row.clone()));
            if !quoted {
                // So that files without any quote are tried as often.
                let plain =
                    |cell: &mut String| *cell = format!("{}.", cell.replace([',', ';', '\t', '"', '\r', '\n'], ""));
                table.iter_mut().flatten().for_each(plain);
            }
            for (row, blanks) in table.iter().zip(blanks) {
                let terminator = if crlf { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') };
                let mut writer = ::csv::WriterBuilder::new().terminator(terminator).from_writer(&mut bytes);
                writer.write_record(row).unwrap();
                drop(writer);
                (0..blanks).for_each(|_| bytes.extend_from_slice(if crlf { b"\r\n" } else { b"\n" }));
            }
            (table, bytes)
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read((expected, bytes) in written()) {
            prop_assert_eq!(&table(&bytes), &expected);
            let mut reader = ::csv::Reader::from_reader(&bytes[..]);
            let theirs: Vec<Vec<String>> = reader.deserialize().map(Result::unwrap).collect();
            prop_assert_eq!(&theirs, &expected[1..]);
        }

        #[test]
        fn rows_are_the_same_in_any_order((expected, bytes) in written(), order in prop::collection::vec(any::<u64>(), 0..100)) {
            let feed = feed(&bytes).unwrap();
            let rows = feed.rows();
            let found = read(feed, order.iter().map(|n| n % rows));
            let chosen = order.iter().map(|n| &expected[1 + (n % rows) as usize]);
            prop_assert!(found[1..].iter().eq(chosen));
        }
    }
}
