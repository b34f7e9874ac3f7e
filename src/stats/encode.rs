//! Histograms as text: the HdrHistogram V2 form, sparse by nature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer, V2Serializer};

use super::Distribution;

/// Base64 of the compressed V2 form, which every HdrHistogram library reads. Values are nanoseconds.
pub(super) fn to_base64(distribution: &Distribution) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(distribution.histogram(), &mut bytes)
        .expect("a vector takes all that is written to it");
    STANDARD.encode(bytes)
}

/// A histogram in a few hundred bytes, for keeping many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    pub(super) fn new(histogram: &Histogram<u64>) -> Packed {
        // The room is given back whole and taken again by the next one: no holes between what is kept.
        let mut bytes = Vec::with_capacity(64 * 1024);
        V2Serializer::new().serialize(histogram, &mut bytes).expect("a vector takes all that is written to it");
        Packed(bytes.as_slice().into())
    }

    pub(super) fn unpack(&self) -> Histogram<u64> {
        Deserializer::new().deserialize(&mut &*self.0).expect("it was packed above")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Nanos;

    #[test]
    fn packing_keeps_every_count() {
        let mut d = Distribution::new();
        for i in 1..1000u64 {
            d.record(Nanos(i * i));
        }
        let packed = Packed::new(d.histogram());
        assert_eq!(&packed.unpack(), d.histogram());
        assert!(packed.0.len() < 4_000, "{} bytes", packed.0.len());
    }

    #[test]
    fn the_text_is_the_compressed_v2_form() {
        let mut d = Distribution::new();
        d.record(Nanos(1_000_000));
        let text = to_base64(&d);
        assert!(text.starts_with("HISTFAAAA"), "{text}");
        let bytes = STANDARD.decode(text).unwrap();
        let back: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
        assert_eq!(&back, d.histogram());
    }
}
