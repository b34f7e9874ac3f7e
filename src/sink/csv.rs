//! The log of all requests: CSV by RFC 4180.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender};

use crate::plan::Targets;
use crate::record::{Batch, NO_WAVE, Record};
use crate::time::Nanos;

/// The header line.
pub const HEADER: &str = "index,status,latency_ms,response_bytes,error,start_ms,wave,connection,service_ms,first_byte_ms,connect_ms,lag_ms,target\r\n";

/// A CSV log being written.
pub struct CsvFile<W> {
    to: W,
    /// The names of the targets as fields, if there are several.
    targets: Option<Vec<String>>,
    /// Rows that are formatted and not written yet.
    buffer: Vec<u8>,
    buffered_rows: u64,
    saved: Saved,
}

/// What became of a log.
#[derive(Debug)]
pub struct Saved {
    /// Rows of which all bytes were written, the line end included.
    pub rows: u64,
    /// Rows that were not written, or not to their end.
    pub lost: u64,
    /// Why they were not.
    pub error: Option<io::Error>,
}

/// Rows are written in pieces of about this size.
const PIECE: usize = 64 * 1024;

impl<W: Write> CsvFile<W> {
    /// A log that begins with its header line.
    ///
    /// # Errors
    /// Those of writing the header: the file cannot be used.
    pub fn new(mut to: W) -> io::Result<CsvFile<W>> {
        to.write_all(HEADER.as_bytes())?;
        to.flush()?;
        let buffer = Vec::with_capacity(PIECE + LONGEST_ROW);
        Ok(CsvFile { to, targets: None, buffer, buffered_rows: 0, saved: Saved { rows: 0, lost: 0, error: None } })
    }

    /// The same, with the names of these targets in the last column. One target has no need of a name.
    #[must_use]
    pub fn naming(mut self, targets: &Targets) -> CsvFile<W> {
        let names: Vec<String> = targets.list.iter().map(|target| field(&target.name)).collect();
        self.targets = (targets.list.len() > 1).then_some(names);
        self
    }

    /// Writes all batches that come until the last sender is gone. Emptied
    /// vectors go back to the worker they came from.
    ///
    /// After a write has failed the rest is taken and not written: the run goes on.
    pub fn write_all(mut self, full: &Receiver<Batch>, empty: &[SyncSender<Vec<Record>>]) -> Saved {
        // When nothing is waiting, whoever follows the file should see what came.
        while let Some(batch) = full.try_recv().ok().or_else(|| self.flush_and_wait(full)) {
            for record in &batch.records {
                self.write(record, batch.t0);
            }
            // A worker that has ended, or has vectors enough, does not need it back.
            let _ = empty[batch.worker as usize].try_send(batch.records);
        }
        self.flush();
        self.saved
    }

    fn flush_and_wait(&mut self, full: &Receiver<Batch>) -> Option<Batch> {
        self.flush();
        full.recv().ok()
    }

    #[inline]
    fn write(&mut self, record: &Record, t0: Nanos) {
        if self.buffer.len() >= PIECE {
            self.flush();
        }
        let mut room = [0; LONGEST_ROW];
        self.buffer.extend_from_slice(Row { room: &mut room, at: 0 }.write(record, t0));
        if let Some(names) = &self.targets {
            self.buffer.extend_from_slice(names[record.target as usize].as_bytes());
        }
        self.buffer.extend_from_slice(b"\r\n");
        self.buffered_rows += 1;
    }

    fn flush(&mut self) {
        let whole = match self.saved.error {
            Some(_) => 0,
            None => {
                let (written, error) = write_counting(&mut self.to, &self.buffer);
                self.saved.error = error;
                if self.saved.error.is_none() { self.buffered_rows } else { whole_rows(&self.buffer[..written]) }
            }
        };
        self.saved.rows += whole;
        self.saved.lost += self.buffered_rows - whole;
        self.buffer.clear();
        self.buffered_rows = 0;
    }
}

/// Writes all, and says how many bytes were written before an error.
fn write_counting(to: &mut impl Write, bytes: &[u8]) -> (usize, Option<io::Error>) {
    let mut written = 0;
    while written < bytes.len() {
        match to.write(&bytes[written..]) {
            Ok(0) => return (written, Some(io::ErrorKind::WriteZero.into())),
            Ok(n) => written += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Some(error)),
        }
    }
    (written, to.flush().err())
}

/// Rows whose line end is among these bytes. A line end in quotes ends no row.
fn whole_rows(bytes: &[u8]) -> u64 {
    let (mut rows, mut is_quoted) = (0, false);
    for byte in bytes {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' if !is_quoted => rows += 1,
            _ => {}
        }
    }
    rows
}

/// A text as a field (RFC 4180, 2).
fn field(text: &str) -> String {
    match text.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.into(),
    }
}

/// No row is longer: twelve numbers of at most 24 characters, and the longest failure.
const LONGEST_ROW: usize = 384;

/// One row being formatted.
struct Row<'a> {
    room: &'a mut [u8; LONGEST_ROW],
    at: usize,
}

impl<'a> Row<'a> {
    #[inline]
    fn write(mut self, r: &Record, t0: Nanos) -> &'a [u8] {
        self.number(r.index);
        self.byte(b',');
        self.number(r.status.into());
        self.byte(b',');
        let latency = self.millis(r.response());
        self.byte(b',');
        self.number(r.body_bytes);
        self.byte(b',');
        if let Some(failure) = r.failure {
            self.text(failure.phase.text());
            self.text(": ");
            self.text(failure.cause.text());
        }
        self.byte(b',');
        // A user whose first connecting failed began before T0.
        if r.due < t0 && self.millis_of(t0.since(r.due)) > 0 {
            self.byte(b'-');
            self.millis(t0.since(r.due));
        } else {
            self.millis(r.due.since(t0));
        }
        self.byte(b',');
        if r.wave != NO_WAVE {
            self.number(r.wave.into());
        }
        self.byte(b',');
        self.number(r.connection.into());
        self.byte(b',');
        let service = r.service();
        if let Some(service) = service {
            // Mostly the same number three times: its text is copied.
            self.millis_or_copy(service, r.response(), latency);
        }
        self.byte(b',');
        if let Some(first_byte) = r.first_byte_after() {
            self.millis_or_copy(first_byte, r.response(), latency);
        }
        self.byte(b',');
        self.millis(r.connect);
        self.byte(b',');
        if let Some(lag) = r.lag() {
            self.millis(lag);
        }
        self.byte(b',');
        &self.room[..self.at]
    }

    #[inline]
    fn byte(&mut self, byte: u8) {
        self.room[self.at] = byte;
        self.at += 1;
    }

    #[inline]
    fn text(&mut self, text: &str) {
        self.room[self.at..self.at + text.len()].copy_from_slice(text.as_bytes());
        self.at += text.len();
    }

    #[inline]
    fn number(&mut self, n: u64) {
        if n < 1000 {
            self.below_1000(n as usize);
        } else {
            self.text(itoa::Buffer::new().format(n));
        }
    }

    /// One to three digits: four bytes are written, those that count are kept.
    #[inline]
    fn below_1000(&mut self, n: usize) {
        let digits = if n < 10 { 1 } else { 2 + usize::from(n >= 100) };
        let text = u32::from_le_bytes(POINT_AND_DIGITS[n]) >> (8 * (4 - digits));
        self.room[self.at..self.at + 4].copy_from_slice(&text.to_le_bytes());
        self.at += digits;
    }

    /// Whole microseconds, rounded; never zero for what is not.
    #[inline]
    fn millis_of(&self, span: Nanos) -> u64 {
        ((span.0 + 500) / 1000).max(u64::from(span.0 > 0))
    }

    /// Milliseconds with three decimals. Returns where the text begins.
    #[inline]
    fn millis(&mut self, span: Nanos) -> usize {
        let start = self.at;
        let micros = self.millis_of(span);
        self.number(micros / 1000);
        self.room[self.at..self.at + 4].copy_from_slice(&POINT_AND_DIGITS[(micros % 1000) as usize]);
        self.at += 4;
        start
    }

    /// As [`Self::millis`]; if `span` equals `known`, whose text begins at `from` and ends with a comma, that is copied.
    #[inline]
    fn millis_or_copy(&mut self, span: Nanos, known: Nanos, from: usize) {
        if span != known {
            self.millis(span);
            return;
        }
        let mut text = [0; 24];
        text.copy_from_slice(&self.room[from..from + 24]);
        self.room[self.at..self.at + 24].copy_from_slice(&text);
        self.at += text.iter().position(|&b| b == b',').unwrap_or(text.len());
    }
}

/// `.000` to `.999`.
static POINT_AND_DIGITS: [[u8; 4]; 1000] = {
    let mut table = [*b".000"; 1000];
    let mut n = 0;
    while n < 1000 {
        table[n] = [b'.', b'0' + (n / 100) as u8, b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Cause, Failure, Phase};
    use proptest::prelude::*;

    fn record() -> Record {
        Record {
            index: 17,
            target: 0,
            due: Nanos(1_500_000),
            ready: Nanos(1_500_000),
            sent: Nanos(1_500_000),
            first_byte: Nanos(13_845_678),
            done: Nanos(13_845_678),
            body_bytes: 512,
            connect: Nanos::ZERO,
            connection: 3,
            wave: 2,
            read_lag_ns: 0,
            status: 200,
            failure: None,
        }
    }

    fn row(record: &Record) -> String {
        let mut room = [0; LONGEST_ROW];
        let row = Row { room: &mut room, at: 0 }.write(record, Nanos(1_000_000));
        String::from_utf8(row.to_vec()).unwrap()
    }

    #[test]
    fn a_row_has_the_columns_of_the_header() {
        assert_eq!(row(&record()), "17,200,12.346,512,,0.500,2,3,12.346,12.346,0.000,0.000,");
        assert_eq!(HEADER.matches(',').count(), row(&record()).matches(',').count());
    }

    #[test]
    fn what_did_not_happen_is_empty() {
        let never = Nanos::NEVER;
        let refused = Record {
            status: 0,
            sent: never,
            first_byte: never,
            due: Nanos(400_000),
            wave: NO_WAVE,
            read_lag_ns: 0,
            failure: Some(Failure::new(Phase::Connect, Cause::Refused)),
            ..record()
        };
        assert_eq!(row(&refused), "17,0,13.446,512,connect: refused,-0.600,,3,,,0.000,,");
    }

    /// Takes this many bytes, at most 7,000 at a time.
    struct Disk<'a>(usize, &'a mut Vec<u8>);

    impl Write for Disk<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0).min(7_000);
            self.0 -= taken;
            self.1.extend_from_slice(&bytes[..taken]);
            if taken > 0 { Ok(taken) } else { Err(io::ErrorKind::StorageFull.into()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_time_that_is_not_zero_is_not_written_as_zero() {
        let just_sent = Record { ready: Nanos(1_499_700), sent: Nanos(1_500_001), ..record() };
        assert_eq!(row(&just_sent), "17,200,12.346,512,,0.500,2,3,12.346,12.346,0.000,0.001,");
    }

    #[test]
    fn a_full_disk_keeps_count_of_what_was_saved() {
        let (full, rows) = std::sync::mpsc::sync_channel(8);
        let (empty, back) = std::sync::mpsc::sync_channel(8);
        for _ in 0..8 {
            full.send(Batch { worker: 0, t0: Nanos::ZERO, records: vec![record(); 1000] }).unwrap();
        }
        drop(full);
        let saved = CsvFile::new(Disk(200_000, &mut Vec::new())).unwrap().write_all(&rows, &[empty]);
        assert_eq!(saved.error.unwrap().kind(), io::ErrorKind::StorageFull);
        assert!(saved.rows > 1000 && saved.rows + saved.lost == 8000, "{} rows", saved.rows);
        assert_eq!(back.iter().count(), 8, "every vector comes back");
    }

    /// The rows of a log on a disk that takes `room` bytes, and what is on the disk then.
    fn cut(room: usize, batches: &[usize], target: Option<&str>) -> (Saved, Vec<u8>) {
        let (full, rows) = std::sync::mpsc::sync_channel(batches.len());
        let (empty, _back) = std::sync::mpsc::sync_channel(batches.len());
        for n in batches {
            full.send(Batch { worker: 0, t0: Nanos::ZERO, records: vec![record(); *n] }).unwrap();
        }
        drop(full);
        let mut disk = Vec::new();
        let mut log = CsvFile::new(Disk(HEADER.len() + room, &mut disk)).unwrap();
        log.targets = target.map(|name| vec![field(name)]);
        (log.write_all(&rows, &[empty]), disk)
    }

    #[test]
    fn wherever_a_log_is_cut_its_whole_rows_are_counted() {
        // A name with all that a field has to be quoted for.
        let name = Some("a,\"b\r\nc\"");
        let (all, whole) = cut(usize::MAX / 2, &[3, 1, 2], name);
        assert_eq!((all.rows, all.lost, all.error.is_none()), (6, 0, true));
        let end_of_row = "\"a,\"\"b\r\nc\"\"\"\r\n";
        let text = std::str::from_utf8(&whole).unwrap();
        assert_eq!(text.matches(end_of_row).count(), 6, "{text}");
        for room in 0..=whole.len() - HEADER.len() {
            let (saved, disk) = cut(room, &[3, 1, 2], name);
            assert_eq!(disk, whole[..HEADER.len() + room]);
            let expected = std::str::from_utf8(&disk).unwrap().matches(end_of_row).count() as u64;
            assert_eq!((saved.rows, saved.lost), (expected, 6 - expected), "{room}");
            assert_eq!(saved.error.is_some(), disk.len() < whole.len(), "{room}");
        }
    }

    proptest! {
        #[test]
        fn whole_rows_are_counted_whatever_the_sizes(room in 0usize..250_000, batches in prop::collection::vec(1usize..2000, 1..4)) {
            let (saved, disk) = cut(room, &batches, None);
            let lines = disk.iter().filter(|byte| **byte == b'\n').count() as u64;
            prop_assert_eq!(saved.rows, lines - 1);
            prop_assert_eq!(saved.rows + saved.lost, batches.iter().sum::<usize>() as u64);
        }

        #[test]
        fn numbers_are_what_format_makes_of_them(n in any::<u64>(), ns in 0u64..u64::MAX / 2) {
            let mut room = [0; LONGEST_ROW];
            let mut row = Row { room: &mut room, at: 0 };
            for n in [n, n % 2000, n % 20] {
                row.at = 0;
                row.number(n);
                prop_assert_eq!(std::str::from_utf8(&row.room[..row.at]).unwrap(), n.to_string());
            }
            row.at = 0;
            row.millis(Nanos(ns));
            let micros = ((u128::from(ns) + 500) / 1000).max(u128::from(ns > 0));
            let expected = format!("{}.{:03}", micros / 1000, micros % 1000);
            prop_assert_eq!(std::str::from_utf8(&row.room[..row.at]).unwrap(), expected);
        }
    }
}
