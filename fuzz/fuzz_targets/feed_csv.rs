//! Any bytes are refused in one line, or all rows have all columns and say
//! what the `csv` crate reads, in whatever order they are read.
#![no_main]

use std::sync::Arc;

use csv::{ByteRecord, ReaderBuilder};
use libfuzzer_sys::fuzz_target;
use onrush::feed::{Cell, Feed, Format, Order, Reader};

fuzz_target!(|input: &[u8]| {
    let feed = match Feed::new("fuzz", input.to_vec(), Format::Csv, Order::Sequential) {
        Ok(feed) => Arc::new(feed),
        Err(error) => return assert!(!error.is_empty() && !error.contains(char::is_control), "{error:?}"),
    };
    let read = |delimiter| {
        let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(input);
        let header = reader.byte_headers().expect("a header").clone();
        (header, reader)
    };
    // What ends the first name is told by `Csv::check`; what comes of it is told by both.
    let names = ByteRecord::from(feed.column_names());
    let delimiter = *b",\t;".iter().find(|delimiter| read(**delimiter).0 == names).expect("a delimiter of this header");
    let (_, mut theirs) = read(delimiter);
    let columns: Vec<_> = feed.column_names().iter().map(|name| feed.column(name).expect("a column")).collect();
    let (mut forwards, mut jumping) = (Reader::new(feed.clone()), Reader::new(feed.clone()));
    let mut rows = 0;
    for (row, expected) in theirs.byte_records().enumerate() {
        let expected = expected.expect("a row that was checked");
        assert_eq!(expected.len(), columns.len());
        forwards.select(row as u64);
        jumping.select(feed.rows() - 1);
        jumping.select(row as u64);
        for (column, expected) in columns.iter().zip(&expected) {
            for reader in [&mut forwards, &mut jumping] {
                let Cell::Text(text) = reader.cell(column) else { panic!("a cell of CSV is text") };
                assert_eq!(text.as_bytes(), expected, "row {row}");
            }
        }
        rows += 1;
    }
    assert_eq!(feed.rows(), rows);
});
