//! Comma-separated values: where fields and rows end (RFC 4180). What a file
//! does not clearly say is an error with its line. The `csv` crate takes any
//! bytes, and no row of it says what it had to guess; of files that are
//! accepted here it reads the same. The check of a file and the reading of its
//! rows are the same code, so that what was accepted can be read.
//!
//! Beyond the RFC there may be tabs or semicolons instead of commas, empty
//! lines, lines that all end with `\r`, and a quote within a field that does
//! not begin with one, which means itself.

use std::collections::HashMap;

use memchr::{memchr, memchr_iter, memchr2, memchr3};

use super::index::Index;
use super::seek;
use crate::encoding::line_of;

const DELIMITERS: [u8; 3] = [b',', b'\t', b';'];

/// How a file is written, and its header.
pub(super) struct Csv {
    delimiter: u8,
    /// No field is quoted, and every `\r` has its `\n`: a row ends where its line does.
    plain: bool,
    /// All differ, and none is empty.
    header: Vec<String>,
    /// Where each of them stands.
    numbers: HashMap<String, usize>,
}

/// Why a row is none.
enum Fault {
    /// The quote of the field that begins here is not closed.
    Unclosed(usize),
    /// Text stands here, behind a closing quote.
    BehindQuote(usize),
}

impl Csv {
    /// Checks all of `text`.
    pub(super) fn check(text: &str) -> Result<(Csv, Index), String> {
        let bytes = text.as_bytes();
        if let Some(at) = memchr(0, bytes) {
            return Err(format!("line {} has a NUL byte: save the file as text, in UTF-8", line_of(bytes, at)));
        }
        let bare = |at| bytes.get(at + 1) != Some(&b'\n');
        let plain = memchr(b'"', bytes).is_none() && !memchr_iter(b'\r', bytes).any(bare);
        let header = past_blank(bytes, 0);
        if header == bytes.len() {
            return Err("there is no header: write the names of the columns on the first line".into());
        }
        let with = |delimiter| Csv { delimiter, plain, header: Vec::new(), numbers: HashMap::new() };
        // The first of them that ends the first name of the header; if none does, there is one column.
        let parts = |delimiter: &u8| with(*delimiter).field(bytes, header).1.is_some();
        let mut csv = with(DELIMITERS.into_iter().find(parts).unwrap_or(DELIMITERS[0]));
        let (_, header_end) = csv.row(bytes, header).map_err(|fault| fault.explain(bytes))?;
        csv.read_header(text, header)?;
        let mut index = Index::new(bytes.len());
        let mut at = past_blank(bytes, header_end);
        while at < bytes.len() {
            index.push(at);
            let (fields, end) = csv.row(bytes, at).map_err(|fault| fault.explain(bytes))?;
            if splits_line(bytes, end) && !splits_line(bytes, header_end) {
                return Err(format!(
                    "line {}: a carriage return stands in the middle of the line: put quotes around the field",
                    line_of(bytes, at)
                ));
            }
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

    /// The number of the column with this name.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    /// The field that begins at `at`: its end, and where the next one of the row begins, if there is one.
    #[inline]
    pub(super) fn field(&self, bytes: &[u8], at: usize) -> (usize, Option<usize>) {
        let end = self.end(bytes, at);
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

    /// The end of the field that begins at `at`. If it begins with a quote, that is where its closing one is.
    #[inline]
    fn end(&self, bytes: &[u8], at: usize) -> usize {
        let delimiter = self.delimiter;
        if self.plain {
            let ends = |b| b == delimiter || b == b'\n';
            let end = seek(bytes, at, ends, |rest| memchr2(delimiter, b'\n', rest));
            let line_ends = end > at && bytes[end - 1] == b'\r' && bytes.get(end) == Some(&b'\n');
            return if line_ends { end - 1 } else { end };
        }
        if bytes.get(at) == Some(&b'"') {
            // No quote is open in a file that was checked.
            return quote_end(bytes, at + 1).unwrap_or(bytes.len());
        }
        let ends = |b| b == delimiter || b == b'\n' || b == b'\r';
        seek(bytes, at, ends, |rest| memchr3(delimiter, b'\n', b'\r', rest))
    }

    /// How many fields the row at `at` has, and its end.
    fn row(&self, bytes: &[u8], mut at: usize) -> Result<(usize, usize), Fault> {
        let mut fields = 1;
        loop {
            if bytes.get(at) == Some(&b'"') && quote_end(bytes, at + 1).is_none() {
                return Err(Fault::Unclosed(at));
            }
            let end = self.end(bytes, at);
            match bytes.get(end) {
                Some(b) if *b == self.delimiter => at = end + 1,
                None | Some(b'\n' | b'\r') => return Ok((fields, end)),
                Some(_) => return Err(Fault::BehindQuote(end)),
            }
            fields += 1;
        }
    }

    /// Takes the names of the columns from the row at `at`, in which no quote is open.
    fn read_header(&mut self, text: &str, mut at: usize) -> Result<(), String> {
        let bytes = text.as_bytes();
        let line = line_of(bytes, at);
        loop {
            let (end, next) = self.field(bytes, at);
            let mut unquoted = String::new();
            let name = value(&text[at..end], &mut unquoted);
            let number = self.header.len();
            if name.is_empty() {
                return Err(format!("line {line}: column {} has no name: give it one, or take it out", number + 1));
            }
            if self.numbers.insert(name.into(), number).is_some() {
                let name = name.escape_debug();
                return Err(format!("line {line}: the column '{name}' is there twice: give each a name of its own"));
            }
            self.header.push(name.into());
            match next {
                Some(next) => at = next,
                None => return Ok(()),
            }
        }
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

impl Fault {
    fn explain(&self, bytes: &[u8]) -> String {
        match *self {
            Fault::Unclosed(at) => format!(
                "line {}: a quote is not closed: end the field with \", and write a quote inside it as \"\"",
                line_of(bytes, at)
            ),
            Fault::BehindQuote(at) => format!(
                "line {}: text stands behind the closing quote of a field: write a quote inside it as \"\"",
                line_of(bytes, at)
            ),
        }
    }
}

/// What a field means: itself, or what is inside its quotes.
#[inline]
pub(super) fn value<'a>(field: &'a str, unquoted: &'a mut String) -> &'a str {
    let Some(inside) = field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return field };
    if memchr(b'"', inside.as_bytes()).is_none() {
        return inside;
    }
    unquoted.clear();
    let mut rest = inside;
    // Two of them are one that is meant.
    while let Some((before, behind)) = rest.split_once("\"\"") {
        unquoted.push_str(before);
        unquoted.push('"');
        rest = behind;
    }
    unquoted.push_str(rest);
    unquoted
}

/// Behind the quote that closes what begins at `at`, if there is one.
#[inline]
fn quote_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = seek(bytes, at, |b| b == b'"', |rest| memchr(b'"', rest)) + 1;
        if at > bytes.len() {
            return None;
        }
        // Two of them are one that is meant.
        if bytes.get(at) != Some(&b'"') {
            return Some(at);
        }
        at += 1;
    }
}

/// A carriage return is here, and neither the end of the text nor of a line behind it.
fn splits_line(bytes: &[u8], at: usize) -> bool {
    bytes.get(at) == Some(&b'\r') && !matches!(bytes.get(at + 1), None | Some(b'\r' | b'\n'))
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
            table("a,b\n\"x \"\"y\"\"\",\"one\r\n\r\ntwo\"\n5\",t\"u\"\n \"v\",{\\\"w\\\":1}\n\"\"\"\",\"\"\"\"\"\"\n"),
            [["a", "b"], ["x \"y\"", "one\r\n\r\ntwo"], ["5\"", "t\"u\""], [" \"v\"", "{\\\"w\\\":1}"], ["\"", "\"\""]]
        );
        assert_eq!(table("a\n\"\"\nx y"), [["a"], [""], ["x y"]]);
        assert_eq!(table("a\r\nx\r\r\ny\r"), [["a"], ["x"], ["y"]]);
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
            ("a\t\"b\n1\t2\n", "line 1: a quote is not closed: "),
            ("a,b\r1,2\r3\r", "line 3 has 1 field, and the header has 2: "),
            ("a,b\n\"Ada\"x,2\n", "line 2: text stands behind the closing quote of a field: "),
            ("a,b\n1,2\n3,\"4\" \n", "line 3: text stands behind the closing quote of a field: "),
            ("a,b\n\"{\\\"a\\\":1}\",2\n", "line 2: text stands behind the closing quote of a field: "),
            ("a,b\n\"\n\"\"\" \",2\n", "line 3: text stands behind the closing quote of a field: "),
            ("\"a\"b,c\n1,2\n", "line 1: text stands behind the closing quote of a field: "),
            ("a;b\n\"1\",\"2\"\n", "line 2: text stands behind the closing quote of a field: "),
            ("a\nx\ry\n", "line 2: a carriage return stands in the middle of the line: "),
            ("a,b\n\n1,2\n3,x\ry\r\n", "line 4: a carriage return stands in the middle of the line: "),
            ("a,b\n1,2\n3,\0\n", "line 3 has a NUL byte: "),
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
