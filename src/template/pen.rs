//! Writes words and numbers without allocating, formatting or branching on digits.
//!
//! Everything is copied as a block whose size the compiler knows, then the pen
//! moves on by the part that counts: the next block overwrites the rest. So the
//! room must be a little longer than the text (`Word::ROOM`). The methods are always
//! inlined, because a call would hide the size of a block and cost more than the copy.

use uuid::Uuid;

use super::words::Word;

/// A place in a buffer that grows no more.
pub(super) struct Pen<'a, const ROOM: usize> {
    room: &'a mut [u8; ROOM],
    /// Bytes written. Not a `usize`, so that `at` + N cannot overflow and one comparison checks a block.
    at: u32,
}

impl<'a, const ROOM: usize> Pen<'a, ROOM> {
    #[inline]
    pub(super) fn new(room: &'a mut [u8; ROOM]) -> Self {
        Pen { room, at: 0 }
    }

    /// How much was written.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.at as usize
    }

    /// Writes all of `text`.
    #[inline(always)]
    pub(super) fn text<const N: usize>(&mut self, text: &[u8; N]) {
        self.block(text, N as u32);
    }

    #[inline(always)]
    pub(super) fn word(&mut self, word: &Word) {
        self.block(&word.padded, word.len.into());
    }

    #[inline(always)]
    pub(super) fn lowercase(&mut self, word: &Word) {
        // Words are letters only, and case is one bit of an ASCII letter.
        self.block(&word.padded.map(|b| b | 0x20), word.len.into());
    }

    /// Any whole number.
    #[inline(always)]
    pub(super) fn long(&mut self, n: u64) {
        if n < 100_000_000 {
            return self.integer(n as u32);
        }
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(n).as_bytes();
        let at = self.at as usize;
        self.room[at..at + digits.len()].copy_from_slice(digits);
        self.at += digits.len() as u32;
    }

    /// `n` x 10^-`decimals`, at most eight of them, without the zeros at the end
    /// but for the first: `12.5`, `3.0`.
    #[inline]
    pub(super) fn decimal(&mut self, n: i64, decimals: u32) {
        self.sign(n < 0);
        let scale = SCALES[decimals as usize & 15];
        let n = n.unsigned_abs();
        self.long(n / scale);
        let digits = eight_digits((n % scale) as u32) >> (8 * (8 - decimals.max(1)));
        let last = (u64::BITS - 1 - (digits | 1).leading_zeros()) / 8;
        self.text(b".");
        self.block(&ascii(digits).to_le_bytes(), last + 1);
    }

    /// A whole number of at most eight digits.
    #[inline(always)]
    pub(super) fn integer(&mut self, n: u32) {
        let digits = eight_digits(n);
        let zeros = leading_zeros(digits, 7);
        self.block(&(ascii(digits) >> (8 * zeros)).to_le_bytes(), 8 - zeros);
    }

    /// `n` x 10^-`DECIMALS`, with all decimals: `fixed::<2>(1250)` is `12.50`.
    /// At most eight digits, of which one to four are decimals.
    #[inline(always)]
    pub(super) fn fixed<const DECIMALS: u32>(&mut self, n: u32) {
        const { assert!(1 <= DECIMALS && DECIMALS <= 4) };
        let digits = eight_digits(n);
        let zeros = leading_zeros(digits, 7 - DECIMALS);
        let text = ascii(digits);
        self.block(&(text >> (8 * zeros)).to_le_bytes(), 8 - DECIMALS - zeros);
        let decimals = text >> (8 * (8 - DECIMALS));
        self.block(&(decimals << 8 | u64::from(b'.')).to_le_bytes(), 1 + DECIMALS);
    }

    /// `-` if `negative`, else nothing.
    #[inline(always)]
    pub(super) fn sign(&mut self, negative: bool) {
        self.block(b"-", negative.into());
    }

    /// Two numbers x 10^-4 between -1 and 1, both excluded, each with a sign, a zero,
    /// four decimals and a comma. Two, because their digits are split as one word.
    #[inline(always)]
    pub(super) fn fractions(&mut self, pair: [i32; 2]) {
        let [first, second] = pair.map(|n| u64::from(n.unsigned_abs()));
        let digits = ascii(split_fours(first | second << 32));
        for (n, four) in [(pair[0], digits as u32), (pair[1], (digits >> 32) as u32)] {
            let text = u64::from_le_bytes(*b"-0.\0\0\0\0,") | u64::from(four) << 24;
            // No branch: nobody can predict the sign of a random number.
            let unsigned = u32::from(n >= 0);
            self.block(&(text >> (8 * unsigned)).to_le_bytes(), 8 - unsigned);
        }
    }

    /// Sixteen hexadecimal digits, lower case.
    #[inline(always)]
    pub(super) fn hex(&mut self, n: u64) {
        self.block(&hex_digits((n >> 32) as u32).to_be_bytes(), 8);
        self.block(&hex_digits(n as u32).to_be_bytes(), 8);
    }

    /// A UUID as RFC 9562 writes it, in lower case.
    #[inline(always)]
    pub(super) fn uuid(&mut self, uuid: Uuid) {
        let (high, low) = uuid.as_u64_pair();
        let [a, b] = [(high >> 32) as u32, high as u32].map(|n| hex_digits(n).to_be_bytes());
        let [c, d] = [(low >> 32) as u32, low as u32].map(|n| hex_digits(n).to_be_bytes());
        let mut text = [b'-'; 36];
        text[..8].copy_from_slice(&a);
        text[9..13].copy_from_slice(&b[..4]);
        text[14..18].copy_from_slice(&b[4..]);
        text[19..23].copy_from_slice(&c[..4]);
        text[24..28].copy_from_slice(&c[4..]);
        text[28..].copy_from_slice(&d);
        self.text(&text);
    }

    /// Writes `N` bytes that hold texts of fixed length only: their places are
    /// known to the compiler, so that one comparison checks them all.
    #[inline(always)]
    pub(super) fn part<const N: usize>(&mut self, write: impl FnOnce(&mut Pen<N>)) {
        let at = self.at as usize;
        let mut pen = Pen::new((&mut self.room[at..at + N]).try_into().expect("a range of N bytes"));
        write(&mut pen);
        assert_eq!(pen.at, N as u32);
        self.at += N as u32;
    }

    /// Takes back the last `n` bytes.
    #[inline(always)]
    pub(super) fn back(&mut self, n: u32) {
        self.at -= n;
    }

    /// Writes all of `block`, of which the first `keep` bytes count.
    #[inline(always)]
    fn block<const N: usize>(&mut self, block: &[u8; N], keep: u32) {
        let at = self.at as usize;
        self.room[at..at + N].copy_from_slice(block);
        self.at += keep;
    }
}

/// Powers of ten; sixteen entries, so that four bits are an index.
const SCALES: [u64; 16] = {
    let mut scales = [1; 16];
    let mut i = 1;
    while i < 16 {
        scales[i] = scales[i - 1] * 10;
        i += 1;
    }
    scales
};

/// The digits of `n` < 10^8, one a byte, the first in the lowest byte.
#[inline(always)]
pub(super) fn eight_digits(n: u32) -> u64 {
    debug_assert!(n < 100_000_000);
    split_fours(u64::from(n / 10_000) | u64::from(n % 10_000) << 32)
}

/// The digits of two numbers < 10^4, one in each half of the word.
///
/// Splits all lanes of a word at once: each number into two pairs, each pair
/// into two digits. The factors divide exactly in the range of their lane:
/// 10486 / 2^20 by 100 below 10^4, 103 / 2^10 by 10 below 100. Quotient and rest
/// come together, the rest in the next lane: q + ((n - 100 q) << 16) without a shift
/// of its own. Nothing carries from lane to lane, since no rest is negative.
#[inline(always)]
fn split_fours(fours: u64) -> u64 {
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = (fours << 16) - hundreds * ((100 << 16) - 1);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    (pairs << 8) - tens * ((10 << 8) - 1)
}

/// Zeros before the first digit that is none, or before digit number `last`, which always shows.
#[inline(always)]
fn leading_zeros(digits: u64, last: u32) -> u32 {
    (digits | 1 << (8 * last)).trailing_zeros() / 8
}

#[inline(always)]
pub(super) fn ascii(digits: u64) -> u64 {
    digits + 0x3030_3030_3030_3030
}

/// The eight digits of `n`, the first in the highest byte.
#[inline(always)]
fn hex_digits(n: u32) -> u64 {
    let fours = (u64::from(n) | u64::from(n) << 16) & 0x0000_ffff_0000_ffff;
    let pairs = (fours | fours << 8) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (pairs | pairs << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // Bit 4 of nibble + 6 says that it is a letter, and 'a' is 39 beyond '9' + 1.
    let letters = ((nibbles + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    ascii(nibbles) + letters * 39
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Pen<64>)) -> String {
        let mut room = [b'#'; 64];
        let mut pen = Pen::new(&mut room);
        write(&mut pen);
        let len = pen.len();
        String::from_utf8(room[..len].to_vec()).unwrap()
    }

    #[test]
    fn numbers_at_the_ends_of_their_ranges() {
        assert_eq!(written(|p| p.integer(0)), "0");
        assert_eq!(written(|p| p.integer(99_999_999)), "99999999");
        assert_eq!(written(|p| p.long(0)), "0");
        assert_eq!(written(|p| p.long(u64::MAX)), u64::MAX.to_string());
        assert_eq!(written(|p| p.fixed::<1>(0)), "0.0");
        assert_eq!(written(|p| p.fixed::<1>(4)), "0.4");
        assert_eq!(written(|p| p.fixed::<2>(1_000_000)), "10000.00");
        assert_eq!(written(|p| p.fixed::<4>(10_000)), "1.0000");
        assert_eq!(written(|p| p.fixed::<4>(99_999_999)), "9999.9999");
        assert_eq!(written(|p| p.hex(0)), "0000000000000000");
        assert_eq!(written(|p| p.hex(u64::MAX)), "ffffffffffffffff");
    }

    #[test]
    fn every_fraction() {
        let text = |n: i32| format!("{}0.{:04},", if n < 0 { "-" } else { "" }, n.abs());
        for n in -9_999..=9_999 {
            assert_eq!(written(|p| p.fractions([n, -n])), text(n) + &text(-n));
        }
    }

    #[test]
    fn every_group_of_four_digits_is_split_exactly() {
        for n in 0..10_000 {
            assert_eq!(ascii(eight_digits(n)).to_le_bytes(), *format!("{n:08}").as_bytes());
            assert_eq!(ascii(eight_digits(n * 10_000)).to_le_bytes(), *format!("{:08}", n * 10_000).as_bytes());
        }
    }

    #[test]
    fn every_group_of_four_hexadecimal_digits_is_split_exactly() {
        for n in 0..=0xffff {
            assert_eq!(
                hex_digits(n << 16 | (n ^ 0xffff)).to_be_bytes(),
                *format!("{n:04x}{:04x}", n ^ 0xffff).as_bytes()
            );
        }
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_the_standard_library_writes_them(n in 0..100_000_000u32, long: u64, id: u128) {
            let point = |decimals: usize| {
                let scale = 10u32.pow(decimals as u32);
                format!("{}.{:0decimals$}", n / scale, n % scale)
            };
            prop_assert_eq!(written(|p| p.integer(n)), n.to_string());
            prop_assert_eq!(written(|p| p.long(long)), long.to_string());
            prop_assert_eq!(written(|p| p.hex(long)), format!("{long:016x}"));
            prop_assert_eq!(written(|p| p.uuid(Uuid::from_u128(id))), Uuid::from_u128(id).to_string());
            prop_assert_eq!(written(|p| p.fixed::<1>(n)), point(1));
            prop_assert_eq!(written(|p| p.fixed::<2>(n)), point(2));
            prop_assert_eq!(written(|p| p.fixed::<3>(n)), point(3));
            prop_assert_eq!(written(|p| p.fixed::<4>(n)), point(4));
        }

        #[test]
        fn decimals_are_written_as_the_standard_library_writes_floats(n in -999_999_999_999_999..=999_999_999_999_999i64, decimals in 0u32..=8) {
            let value = (n as f64 / 10f64.powi(decimals as i32)).to_string();
            let point = if value.contains('.') { "" } else { ".0" };
            prop_assert_eq!(written(|p| p.decimal(n, decimals)), value + point);
        }
    }
}
