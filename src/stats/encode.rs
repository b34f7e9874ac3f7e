//! Histograms as text: the HdrHistogram V2 form, which every library of that name reads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

use super::Distribution;
use crate::time::Nanos;

/// Base64 of the compressed V2 form. Values are nanoseconds; those over
/// [`Distribution::LIMIT`] count as the limit.
pub(super) fn to_base64(distribution: &Distribution) -> String {
    let mut histogram =
        Histogram::<u64>::new_with_bounds(1, Distribution::LIMIT.0, 3).expect("the bounds are constants");
    let mut within = 0;
    for (_, high, count) in distribution.buckets() {
        histogram.saturating_record_n(high.0, count);
        within += count;
    }
    histogram.saturating_record_n(Distribution::LIMIT.0, distribution.count() - within);
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(&histogram, &mut bytes).expect("a vector takes all that is written to it");
    STANDARD.encode(bytes)
}

/// What [`to_base64`] wrote; the extremes and the sum, which it does not hold, to its precision.
///
/// # Errors
/// In words, if it is no such text.
pub(super) fn from_base64(text: &str) -> Result<Distribution, String> {
    let bytes = STANDARD.decode(text).map_err(|e| format!("the histogram is no base64: {e}"))?;
    let histogram: Histogram<u64> = Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|e| format!("the histogram is not in the HdrHistogram V2 form: {e:?}"))?;
    let mut distribution = Distribution::new();
    for step in histogram.iter_recorded() {
        distribution.record_n(Nanos(step.value_iterated_to()), step.count_at_value());
    }
    Ok(distribution)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_compressed_v2_form() {
        let mut d = Distribution::new();
        (1..1000u64).for_each(|i| d.record(Nanos(i * i * i)));
        let text = to_base64(&d);
        assert!(text.starts_with("HISTFAAA"), "{text}");
        let bytes = STANDARD.decode(text).unwrap();
        let back: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
        assert_eq!(back.len(), 999);
        for p in [10_000u64, 500_000, 990_000] {
            let theirs = back.value_at_quantile(p as f64 / 1e6);
            let ours = d.quantile(p).unwrap().0;
            assert!(theirs.abs_diff(ours) <= ours / 1000 + 1, "{theirs} {ours}");
        }
    }

    #[test]
    fn what_was_written_is_read_again_bucket_by_bucket() {
        let mut d = Distribution::new();
        (1..3000u64).for_each(|i| d.record(Nanos(i * i * 37)));
        let back = from_base64(&to_base64(&d)).unwrap();
        assert!(back.buckets().eq(d.buckets()));
        assert_eq!(to_base64(&back), to_base64(&d));
        for text in ["", "%", "AAAA", &to_base64(&d)[..40]] {
            assert!(from_base64(text).is_err(), "{text}");
        }
    }
}
