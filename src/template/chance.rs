//! One random word, spent in parts.

/// One random word, spent in parts: a draw takes the whole part of word x bound
/// and leaves the fraction (Lemire's multiplication, as an arithmetic decoder
/// repeats it). While the product of all bounds stays below 2^58, no value is
/// 2 % likelier than another.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    /// A whole number below `bound`, which is not zero.
    #[inline(always)]
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let product = u128::from(self.0) * u128::from(bound);
        self.0 = product as u64;
        (product >> 64) as u32
    }

    /// A whole number from 0 to `last`, both included.
    #[inline(always)]
    pub(super) fn up_to(&mut self, last: u32) -> u32 {
        self.below(last + 1)
    }

    /// A number between -1 and 1, both excluded, in ten-thousandths.
    #[inline(always)]
    pub(super) fn fraction(&mut self) -> i32 {
        self.up_to(19_998) as i32 - 9_999
    }

    #[inline(always)]
    pub(super) fn one_of<T, const N: usize>(&mut self, choices: &'static [T; N]) -> &'static T {
        &choices[self.below(N as u32) as usize]
    }
}
