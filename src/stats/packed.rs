//! A distribution in a few hundred bytes: to keep many of them, and to send them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Distribution;
use super::distribution::Outer;
use super::histogram::{self, BUCKETS};

/// The buckets in use, each as the distance from the one before and its count, in 7-bit groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub(super) struct Packed {
    buckets: Box<[u8]>,
    over: u64,
    outer: Outer,
}

/// The same as text has it.
#[derive(Serialize, Deserialize)]
struct Text {
    /// Base64.
    buckets: String,
    over: u64,
    sum: u128,
    min: u64,
    max: u64,
}

impl Packed {
    /// None if nothing was counted.
    pub(super) fn new(d: &Distribution) -> Option<Packed> {
        if d.count() == 0 {
            return None;
        }
        let (buckets, over, outer) = d.as_buckets();
        // The room is given back whole and taken again by the next one: no holes between what is kept.
        let mut bytes = Vec::with_capacity(16 * 1024);
        let mut last = 0;
        for (index, count) in buckets {
            push_varint(&mut bytes, (index - last) as u64);
            push_varint(&mut bytes, count);
            last = index;
        }
        Some(Packed { buckets: bytes.as_slice().into(), over, outer })
    }

    /// Adds all that was packed to `d`.
    pub(super) fn add_to(&self, d: &mut Distribution) {
        d.add_buckets(Buckets { bytes: &self.buckets, index: 0 }, self.over, self.outer);
    }

    /// What cannot be what [`Self::new`] makes, if anything.
    fn fault(&self) -> Option<&'static str> {
        let Outer { sum, min, max } = self.outer;
        let (mut count, mut last, mut bytes) = (self.over, None, &*self.buckets);
        let mut index = 0_usize;
        while !bytes.is_empty() {
            let (Some(distance), Some(here)) = (take_varint(&mut bytes), take_varint(&mut bytes)) else {
                return Some("a bucket is cut off");
            };
            index = usize::try_from(distance).ok().and_then(|distance| index.checked_add(distance)).unwrap_or(BUCKETS);
            let is_first = last.is_none();
            if index >= BUCKETS || here == 0 || (!is_first && distance == 0) {
                return Some("a bucket that there is not");
            }
            if is_first && histogram::index(min) != index {
                return Some("the minimum is in no bucket");
            }
            let Some(more) = count.checked_add(here) else { return Some("too many values") };
            (count, last) = (more, Some(index));
        }
        let of_max = histogram::index(max);
        let is_outer = match (last, self.over) {
            (None, 0) => return Some("no values"),
            (None, _) => histogram::index(min) >= BUCKETS && min <= max,
            (Some(last), 0) => last == of_max && min <= max,
            (Some(_), _) => of_max >= BUCKETS,
        };
        let [least, most] = [min, max].map(|value| u128::from(value) * u128::from(count));
        (!is_outer || !(least..=most).contains(&sum)).then_some("the extremes or the sum are not those of the buckets")
    }
}

impl TryFrom<Text> for Packed {
    type Error = String;

    fn try_from(text: Text) -> Result<Packed, String> {
        let Text { buckets, over, sum, min, max } = text;
        let buckets = STANDARD.decode(buckets).map_err(|e| e.to_string())?.into();
        let packed = Packed { buckets, over, outer: Outer { sum, min, max } };
        packed.fault().map_or(Ok(packed), |fault| Err(format!("no distribution: {fault}")))
    }
}

impl From<Packed> for Text {
    fn from(packed: Packed) -> Text {
        let Outer { sum, min, max } = packed.outer;
        Text { buckets: STANDARD.encode(packed.buckets), over: packed.over, sum, min, max }
    }
}

impl Serialize for Distribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Packed::new(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut distribution = Distribution::new();
        if let Some(packed) = Option::<Packed>::deserialize(deserializer)? {
            packed.add_to(&mut distribution);
        }
        Ok(distribution)
    }
}

/// (bucket, count), as they were packed.
struct Buckets<'a> {
    bytes: &'a [u8],
    index: usize,
}

impl Iterator for Buckets<'_> {
    type Item = (usize, u64);

    fn next(&mut self) -> Option<(usize, u64)> {
        let (distance, count) = (take_varint(&mut self.bytes)?, take_varint(&mut self.bytes)?);
        self.index += distance as usize;
        Some((self.index, count))
    }
}

fn push_varint(bytes: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        bytes.push(n as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(n);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Nanos;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Distribution {
        let mut d = Distribution::new();
        values.iter().for_each(|&v| d.record(Nanos(v)));
        d
    }

    proptest! {
        #[test]
        fn packing_and_text_keep_everything(values in prop::collection::vec(0u64..1u64 << 45, 0..200)) {
            let d = of(&values);
            let text = serde_json::to_string(&d).unwrap();
            let mut unpacked = Distribution::new();
            if let Some(packed) = Packed::new(&d) {
                packed.add_to(&mut unpacked);
            }
            for back in [unpacked, serde_json::from_str(&text).unwrap()] {
                prop_assert!(back.as_buckets().0.eq(d.as_buckets().0));
                prop_assert_eq!((back.as_buckets().1, back.as_buckets().2), (d.as_buckets().1, d.as_buckets().2));
                prop_assert_eq!(back.count(), d.count());
            }
        }

        /// From other processes anything may come.
        #[test]
        fn what_is_no_distribution_is_refused_and_all_else_is_one(
            buckets in prop::collection::vec(any::<u8>(), 0..20), over in 0u64..3,
            (min, max) in (0u64..3_000, 0u64..3_000), sum: u32,
        ) {
            let text = Text { buckets: STANDARD.encode(&buckets), over, sum: sum.into(), min, max };
            if let Ok(packed) = Packed::try_from(text) {
                let mut d = Distribution::new();
                packed.add_to(&mut d);
                prop_assert_eq!(Packed::new(&d), Some(packed));
            }
        }
    }
}
