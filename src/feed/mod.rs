//! Data files whose rows requests use, and bodies by line.
//!
//! A file stays in memory as it stands. Beside it there is only the place of
//! every eighth row; those between are found by going on from there, or from
//! the row that was read last.

mod csv;
mod index;
pub mod json;
mod lines;
mod order;

use std::sync::Arc;

use csv::Csv;
use index::Index;

pub use lines::Lines;
pub use order::Order;

use crate::encoding;
use crate::rng;

/// How a data file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A header and rows of as many fields, with commas between them, or if
    /// the header has none with tabs or else semicolons.
    Csv,
    /// An object on each line.
    JsonLines,
}

/// A data file. Immutable, shared by workers through `Arc`.
pub struct Feed {
    name: String,
    order: Order,
    /// What tells its rows from another feed's, so that two files in random order do not go hand in hand.
    salt: u64,
    text: String,
    table: Table,
    index: Index,
}

enum Table {
    Csv(Csv),
    Json,
}

/// A column of one feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column(Place);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// CSV: the field with this number, from 0.
    Field(usize),
    /// JSON lines: a key, and what leads on inside what it names.
    Path(Box<[Step]>),
}

/// What leads to a value within a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A column, or a key of an object.
    Key(String),
    /// An item of an array, from 0.
    Item(usize),
}

/// The value of one column in one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// A text, without quotes and escapes.
    Text(&'a str),
    /// A number of JSON, as it stands.
    Number(&'a str),
    /// True or false.
    Bool(bool),
    /// JSON's null.
    Null,
    /// A nested object or array, as it stands.
    Json(&'a str),
    /// JSON lines: the row has no such key.
    Missing,
}

impl Feed {
    /// Checks all of `bytes`, so that no row can fail later.
    ///
    /// # Errors
    /// One line without the file's name: where, what is wrong, what to do.
    pub fn new(name: &str, mut bytes: Vec<u8>, format: Format, order: Order) -> Result<Feed, String> {
        bytes.shrink_to_fit();
        let text = encoding::text(bytes)?;
        let (table, index) = match format {
            Format::Csv => Csv::check(&text).map(|(csv, index)| (Table::Csv(csv), index))?,
            Format::JsonLines => (Table::Json, json::check(&text)?),
        };
        Ok(Feed { name: name.into(), order, salt: order::salt(name), text, table, index })
    }

    /// By which templates know it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is written.
    pub fn format(&self) -> Format {
        match &self.table {
            Table::Csv(_) => Format::Csv,
            Table::Json => Format::JsonLines,
        }
    }

    /// In which order its rows are used.
    pub fn order(&self) -> Order {
        self.order
    }

    /// How many rows it has; at least one.
    pub fn rows(&self) -> u64 {
        self.index.rows()
    }

    /// CSV: the column with this header. JSON lines: any path of keys, as in
    /// `address.city`, whether or not a row has it.
    pub fn column(&self, name: &str) -> Option<Column> {
        match &self.table {
            Table::Csv(csv) => csv.number(name).map(|n| Column(Place::Field(n))),
            Table::Json => self.column_at(name.split('.').map(|key| Step::Key(key.into())).collect()),
        }
    }

    /// CSV: the column whose header is the only step. JSON lines: any path, whether or not a row has it.
    pub fn column_at(&self, path: Vec<Step>) -> Option<Column> {
        match (&self.table, &path[..]) {
            (Table::Csv(_), [Step::Key(name)]) => self.column(name),
            (Table::Csv(_), _) => None,
            (Table::Json, _) => Some(Column(Place::Path(path.into()))),
        }
    }

    /// CSV: the header. JSON lines: the keys of the first row.
    pub fn column_names(&self) -> Vec<String> {
        match &self.table {
            Table::Csv(csv) => csv.header().to_vec(),
            Table::Json => json::keys(json::row(&self.text, self.index.before(0).1)),
        }
    }

    /// The row of request `n`: of this feed, a function of (seed, n) alone.
    #[inline]
    pub fn row_of(&self, seed: u64, n: u64) -> u64 {
        self.order.row_of(self.rows(), rng::mix(seed, self.salt), n)
    }

    /// The start of the row behind the one that `at` is in, as `Csv::row_after` says.
    #[inline]
    fn row_after(&self, at: usize) -> usize {
        match &self.table {
            Table::Csv(csv) => csv.row_after(self.text.as_bytes(), at),
            Table::Json => json::row_after(self.text.as_bytes(), at),
        }
    }
}

/// Reads rows of one feed for one worker. It remembers where it is, so that
/// rows a little further on are found without going back.
pub struct Reader {
    feed: Arc<Feed>,
    row: u64,
    start: usize,
    /// CSV: starts and ends of the fields of this row that have been looked at, from the first on.
    fields: Vec<(usize, usize)>,
    /// Where the next field begins, or the last one ends; all before it belongs to this row.
    at: usize,
    /// A text without its quotes and escapes.
    unquoted: String,
}

impl Reader {
    /// A reader that has selected the first row.
    pub fn new(feed: Arc<Feed>) -> Reader {
        let (row, start) = feed.index.before(0);
        Reader { feed, row, start, fields: Vec::new(), at: start, unquoted: String::new() }
    }

    /// The feed whose rows it reads.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Goes to this row, which is below the feed's `rows`.
    #[inline]
    pub fn select(&mut self, row: u64) {
        if row == self.row {
            return;
        }
        let (mut near, mut start) = self.feed.index.before(row);
        if near <= self.row && self.row < row {
            (near, start) = (self.row + 1, self.feed.row_after(self.at));
        }
        for _ in near..row {
            start = self.feed.row_after(start);
        }
        (self.row, self.start, self.at) = (row, start, start);
        self.fields.clear();
    }

    /// The value of `column`, which is one of this feed's, in the selected row.
    /// Of CSV always a text. Does not allocate once it has read rows of this kind.
    #[inline]
    pub fn cell(&mut self, column: &Column) -> Cell<'_> {
        let text = self.feed.text.as_str();
        match (&self.feed.table, &column.0) {
            (Table::Csv(csv), Place::Field(number)) if *number < csv.header().len() => {
                while self.fields.len() <= *number {
                    let (end, next) = csv.field(text.as_bytes(), self.at);
                    self.fields.push((self.at, end));
                    self.at = next.unwrap_or(end);
                }
                let (start, end) = self.fields[*number];
                Cell::Text(csv::value(&text[start..end], &mut self.unquoted))
            }
            (Table::Json, Place::Path(path)) => match json::find(&text[self.start..], path) {
                Some(value) => json::cell(value, &mut self.unquoted),
                None => Cell::Missing,
            },
            _ => Cell::Missing,
        }
    }

    /// The whole row as JSON: of JSON lines the line as it stands, without the space around it; of CSV None.
    pub fn json(&self) -> Option<&str> {
        match self.feed.table {
            Table::Csv(_) => None,
            Table::Json => Some(json::row(&self.feed.text, self.start)),
        }
    }
}

/// What is sought is mostly near: so many bytes are looked at one by one, at less than a call to memchr costs.
const NEAR: usize = 24;

/// Where the first byte that `is` sought stands from `at` on, or the end. `far` finds it in what is left.
#[inline(always)]
fn seek(bytes: &[u8], at: usize, is: impl Fn(u8) -> bool, far: impl Fn(&[u8]) -> Option<usize>) -> usize {
    let (near, rest) = bytes[at..].split_at(NEAR.min(bytes.len() - at));
    match near.iter().position(|&b| is(b)) {
        Some(length) => at + length,
        None => far(rest).map_or(bytes.len(), |length| at + near.len() + length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(rows: usize, width: usize) -> Reader {
        let text: String = (0..rows).map(|row| format!("{row},{row:>width$}\n")).collect();
        let feed = Feed::new("rows", format!("a,b\n{text}").into_bytes(), Format::Csv, Order::Sequential);
        Reader::new(Arc::new(feed.unwrap()))
    }

    #[test]
    fn rows_are_found_forwards_backwards_and_with_a_stride() {
        for width in [0, 30] {
            let mut reader = reader(1_000, width);
            let [a, b] = ["a", "b"].map(|name| reader.feed().column(name).unwrap());
            let strides = [1, 3, 7, 8, 9, 64, 997, 999].map(|stride| (0..1_000).map(move |n| n * stride % 1_000));
            for row in strides.into_iter().flatten() {
                reader.select(row);
                // Some rows are left half read, or unread.
                if row % 3 != 0 {
                    assert_eq!(reader.cell(&a), Cell::Text(&row.to_string()));
                }
                if row % 3 == 2 {
                    assert_eq!(reader.cell(&b), Cell::Text(&format!("{row:>width$}")));
                    assert_eq!(reader.cell(&a), Cell::Text(&row.to_string()));
                }
            }
        }
    }

    #[test]
    fn feeds_of_equal_length_do_not_go_hand_in_hand() {
        let [a, b] = ["users", "goods"]
            .map(|name| Feed::new(name, b"id\n1\n2\n3\n4\n5\n6\n7\n8\n".to_vec(), Format::Csv, Order::Random).unwrap());
        let together = (0..8_000).filter(|&n| a.row_of(1, n) == b.row_of(1, n)).count();
        assert!((800..1_200).contains(&together), "{together}");
        assert_eq!((a.name(), a.order(), a.rows()), ("users", Order::Random, 8));
    }

    #[test]
    fn a_column_of_another_kind_of_feed_is_missing() {
        let json = Feed::new("j", b"{}".to_vec(), Format::JsonLines, Order::Random).unwrap();
        assert_eq!(reader(3, 0).cell(&json.column("a").unwrap()), Cell::Missing);
    }
}
