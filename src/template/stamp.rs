//! The time of day as text, at the price of a comparison.

use jiff::Timestamp;
use jiff::tz::Offset;

use super::pen::{ascii, eight_digits};
use crate::time::Nanos;

/// RFC 3339 in UTC with milliseconds: `2026-11-23T03:34:42.123Z`.
///
/// A calendar is asked once a second; within the second only the milliseconds are written anew.
#[derive(Debug)]
pub(super) struct Stamp {
    /// Whole seconds since 1970-01-01T00:00:00Z that `text` shows.
    second: u64,
    text: [u8; 24],
}

impl Stamp {
    pub(super) fn new() -> Stamp {
        Stamp { second: 0, text: *b"1970-01-01T00:00:00.000Z" }
    }

    /// The text at `unix`, nanoseconds since 1970-01-01T00:00:00Z. Milliseconds are
    /// cut off, not rounded, as a clock shows them.
    #[inline]
    pub(super) fn at(&mut self, unix: Nanos) -> &[u8; 24] {
        let second = unix.0 / 1_000_000_000;
        if second != self.second {
            self.turn_to(second);
        }
        let millis = (unix.0 % 1_000_000_000) as u32 / 1_000_000;
        self.digits::<3>(20, millis);
        &self.text
    }

    #[cold]
    fn turn_to(&mut self, second: u64) {
        let timestamp = Timestamp::from_second(second as i64).expect("64 bits of nanoseconds end in the year 2554");
        let civil = Offset::UTC.to_datetime(timestamp);
        self.digits::<4>(0, civil.year() as u32);
        self.digits::<2>(5, civil.month() as u32);
        self.digits::<2>(8, civil.day() as u32);
        self.digits::<2>(11, civil.hour() as u32);
        self.digits::<2>(14, civil.minute() as u32);
        self.digits::<2>(17, civil.second() as u32);
        self.second = second;
    }

    #[inline]
    fn digits<const N: usize>(&mut self, at: usize, n: u32) {
        self.text[at..at + N].copy_from_slice(&ascii(eight_digits(n)).to_le_bytes()[8 - N..]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_text_is_right_at_exact_instants_in_any_order() {
        let mut stamp = Stamp::new();
        for (unix, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_404_882_123_000_000, "2026-11-23T03:34:42.123Z"),
            // Cut off, not rounded.
            (1_795_404_882_123_999_999, "2026-11-23T03:34:42.123Z"),
            (1_795_404_882_124_000_000, "2026-11-23T03:34:42.124Z"),
            (1_795_404_882_999_999_999, "2026-11-23T03:34:42.999Z"),
            (1_795_404_883_000_000_000, "2026-11-23T03:34:43.000Z"),
            // Workers may ask for an instant before the last one.
            (1_795_404_882_007_000_000, "2026-11-23T03:34:42.007Z"),
            (1_798_761_599_999_000_000, "2026-12-31T23:59:59.999Z"),
            (1_798_761_600_000_000_000, "2027-01-01T00:00:00.000Z"),
            (1_709_164_800_000_000_000, "2024-02-29T00:00:00.000Z"),
            (u64::MAX, "2554-07-21T23:34:33.709Z"),
            (0, "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(str::from_utf8(stamp.at(Nanos(unix))), Ok(text));
        }
    }

    proptest! {
        #[test]
        fn the_text_is_what_the_calendar_says(unix in proptest::collection::vec(any::<u64>(), 1..20)) {
            let mut stamp = Stamp::new();
            for unix in unix {
                let millis = Timestamp::from_millisecond((unix / 1_000_000) as i64).unwrap();
                prop_assert_eq!(str::from_utf8(stamp.at(Nanos(unix))).unwrap(), format!("{millis:.3}"));
            }
        }
    }
}
