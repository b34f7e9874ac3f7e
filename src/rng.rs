//! Seeded chance: the value of request n is a function of (seed, n) alone.

pub use rand_core::{Rng, SeedableRng};
pub use rand_xoshiro::Xoshiro256PlusPlus;

/// Mixes two words into one whose bits all depend on all bits of both
/// (the finaliser of SplitMix64, Steele, Lea and Flood 2014, applied twice).
#[inline]
pub fn mix(seed: u64, n: u64) -> u64 {
    splitmix(splitmix(seed).wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

#[inline]
fn splitmix(x: u64) -> u64 {
    let z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The generator of request `n` in a run with this seed.
#[inline]
pub fn for_request(seed: u64, n: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(mix(seed, n))
}

/// A whole number below `bound`, which is not zero. The bias is below 2^-32
/// for the small bounds used here (Lemire's multiplication without rejection).
#[inline]
pub fn below(rng: &mut impl Rng, bound: u32) -> u32 {
    ((u64::from(rng.next_u32()) * u64::from(bound)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_have_unrelated_values() {
        let ones: u32 = (0..1000).map(|n| (mix(7, n) ^ mix(7, n + 1)).count_ones()).sum();
        assert!((31_000..33_000).contains(&ones), "{ones} of 64,000 bits differ");
    }

    #[test]
    fn the_same_seed_gives_the_same_stream() {
        let draw = |seed| {
            let mut rng = for_request(seed, 5);
            [rng.next_u64(), rng.next_u64()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn below_stays_below_and_reaches_both_ends() {
        let mut rng = for_request(1, 1);
        let draws: Vec<u32> = (0..1000).map(|_| below(&mut rng, 3)).collect();
        assert!(draws.iter().all(|&d| d < 3) && draws.contains(&0) && draws.contains(&2));
    }
}
