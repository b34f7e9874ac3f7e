//! The built-in JSON body: what a small web service is sent, and no two alike.

use uuid::{Builder, Uuid};

use super::json::Pen;
use super::stamp::Stamp;
use super::words::{COUNTRIES, DEVICES, DOMAINS, FIRST_NAMES, LAST_NAMES, SEGMENTS, TAGS, Word};
use crate::rng::{self, Rng};
use crate::time::{Nanos, WallClock};

/// Writes the JSON body of request n: one compact object of 450 to 600 bytes.
///
/// | field | value |
/// |---|---|
/// | `request_id` | the index of the request |
/// | `guid` | UUID, version 4 |
/// | `timestamp` | RFC 3339, UTC, milliseconds |
/// | `user` | `id`, `name`, `email`, `segment`, `country` (ISO 3166-1 alpha-2) |
/// | `session` | `id` (16 hexadecimal digits), `device`, `duration_s` |
/// | `metrics` | `latency_ms`, `cpu_pct`, `memory_mb`, `score`, `amount`, `temperature_c` |
/// | `features` | eight numbers between -1 and 1 |
/// | `tags` | two to four distinct words |
///
/// Everything but the timestamp is a function of the seed and the index alone,
/// and stays the same from one version of this tool to the next.
#[derive(Debug)]
pub struct Dynamic {
    seed: u64,
    clock: WallClock,
    stamp: Stamp,
    /// Where a body is composed: blocks of fixed size go to fixed memory at the price of a comparison each.
    page: Page,
}

/// Room for the longest body and for the padding of its last word.
type Page = [u8; MAX_LEN + Word::ROOM];

impl Dynamic {
    /// The bodies of a run with this seed, stamped with the time that `clock` shows.
    pub fn new(seed: u64, clock: WallClock) -> Dynamic {
        Dynamic { seed, clock, stamp: Stamp::new(), page: [0; MAX_LEN + Word::ROOM] }
    }

    /// Appends the body of request `index`, stamped with the monotonic instant `now`, to `out`.
    ///
    /// Does not allocate if `out` has room for 600 more bytes.
    pub fn write(&mut self, index: u64, now: Nanos, out: &mut Vec<u8>) {
        let timestamp = self.stamp.at(self.clock.unix_at(now));
        out.extend_from_slice(Fields::draw(self.seed, index).write(timestamp, &mut self.page));
    }
}

/// No body is longer, in bytes: a test writes the longest one.
const MAX_LEN: usize = 600;

/// What differs from body to body. Numbers with decimals are counted in units of their last one.
#[derive(Clone, Copy, Debug)]
struct Fields {
    request_id: u64,
    guid: Uuid,
    user_id: u32,
    first_name: &'static Word,
    last_name: &'static Word,
    domain: &'static [u8; 12],
    segment: &'static Word,
    country: &'static [u8; 2],
    session_id: u64,
    device: &'static Word,
    duration_s: u32,
    latency_us: u32,
    cpu_permille: u32,
    memory_mb: u32,
    score_e4: u32,
    amount_cents: u32,
    temperature_tenths: i32,
    features_e4: [[i32; 2]; 4],
    tags: Tags,
}

/// `count` words, from number `first` on in steps of `step`, which is odd.
#[derive(Clone, Copy, Debug)]
struct Tags {
    count: usize,
    first: usize,
    step: usize,
}

impl Fields {
    /// The order of the draws is part of what a seed means: append, never reorder.
    #[inline]
    fn draw(seed: u64, index: u64) -> Fields {
        let mut rng = rng::for_request(seed, index);
        let mut guid = [0; 16];
        guid[..8].copy_from_slice(&rng.next_u64().to_be_bytes());
        guid[8..].copy_from_slice(&rng.next_u64().to_be_bytes());
        let session_id = rng.next_u64();
        let mut who = Chance(rng.next_u64());
        let mut how = Chance(rng.next_u64());
        let mut what = Chance(rng.next_u64());
        let mut front = Chance(rng.next_u64());
        let mut back = Chance(rng.next_u64());
        Fields {
            request_id: index,
            guid: Builder::from_random_bytes(guid).into_uuid(),
            session_id,
            user_id: 1_000_000 + who.below(9_000_000),
            first_name: who.one_of(&FIRST_NAMES),
            last_name: who.one_of(&LAST_NAMES),
            domain: who.one_of(&DOMAINS),
            segment: who.one_of(&SEGMENTS),
            country: who.one_of(&COUNTRIES),
            device: who.one_of(&DEVICES),
            latency_us: how.up_to(2_000_000),
            cpu_permille: how.up_to(1000),
            memory_mb: 64 + how.below(16_321),
            temperature_tenths: how.up_to(650) as i32 - 200,
            amount_cents: what.up_to(1_000_000),
            score_e4: what.up_to(10_000),
            duration_s: 1 + what.below(7200),
            tags: Tags {
                count: 2 + what.below(3) as usize,
                first: what.below(TAGS.len() as u32) as usize,
                step: 1 + 2 * what.below(TAGS.len() as u32 / 2) as usize,
            },
            features_e4: [
                [front.fraction(), front.fraction()],
                [front.fraction(), front.fraction()],
                [back.fraction(), back.fraction()],
                [back.fraction(), back.fraction()],
            ],
        }
    }

    #[inline]
    fn write<'a>(&self, timestamp: &[u8; 24], page: &'a mut Page) -> &'a [u8] {
        let mut pen = Pen::new(page);

        pen.text(b"{\"request_id\":");
        pen.long(self.request_id);
        pen.part::<99>(|pen| {
            pen.text(b",\"guid\":\"");
            pen.uuid(self.guid);
            pen.text(b"\",\"timestamp\":\"");
            pen.text(timestamp);
            pen.text(b"\",\"user\":{\"id\":");
        });
        pen.integer(self.user_id);
        pen.text(b",\"name\":\"");
        pen.word(self.first_name);
        pen.text(b" ");
        pen.word(self.last_name);
        pen.text(b"\",\"email\":\"");
        pen.lowercase(self.first_name);
        pen.text(b".");
        pen.lowercase(self.last_name);
        pen.part::<25>(|pen| {
            pen.text(self.domain);
            pen.text(b"\",\"segment\":\"");
        });
        pen.word(self.segment);
        pen.part::<63>(|pen| {
            pen.text(b"\",\"country\":\"");
            pen.text(self.country);
            pen.text(b"\"},\"session\":{\"id\":\"");
            pen.hex(self.session_id);
            pen.text(b"\",\"device\":\"");
        });
        pen.word(self.device);
        pen.text(b"\",\"duration_s\":");
        pen.integer(self.duration_s);

        pen.text(b"},\"metrics\":{\"latency_ms\":");
        pen.fixed::<3>(self.latency_us);
        pen.text(b",\"cpu_pct\":");
        pen.fixed::<1>(self.cpu_permille);
        pen.text(b",\"memory_mb\":");
        pen.integer(self.memory_mb);
        pen.text(b",\"score\":");
        pen.fixed::<4>(self.score_e4);
        pen.text(b",\"amount\":");
        pen.fixed::<2>(self.amount_cents);
        pen.text(b",\"temperature_c\":");
        pen.sign(self.temperature_tenths < 0);
        pen.fixed::<1>(self.temperature_tenths.unsigned_abs());

        pen.text(b"},\"features\":[");
        let [a, b, c, d] = self.features_e4;
        pen.fractions(a);
        pen.fractions(b);
        pen.fractions(c);
        pen.fractions(d);
        pen.back(1);

        pen.text(b"],\"tags\":[");
        let Tags { count, first, step } = self.tags;
        for i in 0..count {
            pen.word(&TAGS[(first + i * step) % TAGS.len()]);
        }
        pen.back(1);
        pen.text(b"]}");
        pen.finish()
    }
}

/// One random word, spent in parts: a draw takes the whole part of word x bound
/// and leaves the fraction (Lemire's multiplication, as an arithmetic decoder
/// repeats it). While the product of all bounds stays below 2^58, no value is
/// 2 % likelier than another.
struct Chance(u64);

impl Chance {
    /// A whole number below `bound`, which is not zero.
    #[inline(always)]
    fn below(&mut self, bound: u32) -> u32 {
        let product = u128::from(self.0) * u128::from(bound);
        self.0 = product as u64;
        (product >> 64) as u32
    }

    /// A whole number from 0 to `last`, both included.
    #[inline(always)]
    fn up_to(&mut self, last: u32) -> u32 {
        self.below(last + 1)
    }

    /// A number between -1 and 1, both excluded, in ten-thousandths.
    #[inline(always)]
    fn fraction(&mut self) -> i32 {
        self.up_to(19_998) as i32 - 9_999
    }

    #[inline(always)]
    fn one_of<T, const N: usize>(&mut self, choices: &'static [T; N]) -> &'static T {
        &choices[self.below(N as u32) as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use serde_json::Value;
    use uuid::Variant;

    use super::*;

    /// 2026-11-23T03:34:42.123Z at the monotonic instant zero.
    fn source(seed: u64) -> Dynamic {
        Dynamic::new(seed, WallClock::fixed(Nanos(1_795_404_882_123_000_000)))
    }

    fn body(seed: u64, index: u64) -> String {
        let mut out = Vec::new();
        source(seed).write(index, Nanos::ZERO, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_stream_of_a_seed_does_not_change() {
        let expected = [
            r#"{"request_id":7,"guid":"6f15f55f-e702-4ed2-92f6-cc95f4ed624b","timestamp":"2026-11-23T03:34:42.123Z","#,
            r#""user":{"id":9894504,"name":"Jan Lee","email":"jan.lee@example.net","segment":"premium","country":"BE"},"#,
            r#""session":{"id":"8e78378fdb49fb53","device":"desktop","duration_s":191},"#,
            r#""metrics":{"latency_ms":1499.185,"cpu_pct":43.4,"memory_mb":13978,"score":0.6849,"amount":8640.18,"#,
            r#""temperature_c":7.8},"#,
            r#""features":[0.9487,0.2362,-0.8590,-0.0438,-0.3328,-0.6721,-0.9195,-0.9005],"#,
            r#""tags":["core","cloud"]}"#,
        ];
        assert_eq!(body(42, 7), expected.concat());
    }

    #[test]
    fn ten_thousand_bodies_are_json_and_no_two_share_a_guid() {
        let mut source = source(1);
        let mut out = Vec::new();
        let mut guids = HashSet::new();
        for index in 0..10_000 {
            out.clear();
            source.write(index, Nanos::from_micros(index * 10), &mut out);
            let body: Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(body["request_id"], index);
            let guid = Uuid::parse_str(body["guid"].as_str().unwrap()).unwrap();
            assert_eq!((guid.get_version_num(), guid.get_variant()), (4, Variant::RFC4122));
            assert_eq!(guid.to_string(), body["guid"], "canonical form");
            assert!(guids.insert(guid), "guid {guid} occurs twice");
        }
    }

    #[test]
    fn fields_have_their_types_and_ranges() {
        let whole = |v: &Value, low: u64, high: u64| (low..=high).contains(&v.as_u64().unwrap());
        let real = |v: &Value, low: f64, high: f64| (low..=high).contains(&v.as_f64().unwrap());
        let known = |v: &Value, words: &[Word]| words.iter().any(|w| text(w) == *v);
        for index in 0..2_000 {
            let body: Value = serde_json::from_str(&body(3, index)).unwrap();
            let Value::Object(fields) = &body else { panic!("not an object: {body}") };
            assert_eq!(fields.len(), 8);

            let user = &body["user"];
            assert!(whole(&user["id"], 1_000_000, 9_999_999));
            let (first, last) = user["name"].as_str().unwrap().split_once(' ').unwrap();
            let (mailbox, domain) = user["email"].as_str().unwrap().split_once('@').unwrap();
            assert_eq!(mailbox, format!("{first}.{last}").to_lowercase());
            assert!(["example.com", "example.org", "example.net"].contains(&domain));
            assert!(known(&user["segment"], &SEGMENTS));
            assert!(COUNTRIES.iter().any(|c| str::from_utf8(c).unwrap() == user["country"]));

            let session = &body["session"];
            let id = session["id"].as_str().unwrap();
            assert!(id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
            assert!(known(&session["device"], &DEVICES));
            assert!(whole(&session["duration_s"], 1, 7200));

            let metrics = &body["metrics"];
            assert!(real(&metrics["latency_ms"], 0.0, 2000.0));
            assert!(real(&metrics["cpu_pct"], 0.0, 100.0));
            assert!(whole(&metrics["memory_mb"], 64, 16_384));
            assert!(real(&metrics["score"], 0.0, 1.0));
            assert!(real(&metrics["amount"], 0.0, 10_000.0));
            assert!(real(&metrics["temperature_c"], -20.0, 45.0));

            let features = body["features"].as_array().unwrap();
            assert!(features.len() == 8 && features.iter().all(|f| real(f, -1.0, 1.0)));

            let tags = body["tags"].as_array().unwrap();
            assert!(
                (2..=4).contains(&tags.len()) && tags.iter().all(|t| TAGS.iter().any(|w| text(w) == format!("{t},")))
            );
            assert_eq!(tags.iter().collect::<HashSet<_>>().len(), tags.len(), "{tags:?}");
        }
    }

    #[test]
    fn numbers_spread_over_their_ranges() {
        let draws: Vec<Fields> = (0..10_000).map(|index| Fields::draw(5, index)).collect();
        let mean = |of: fn(&Fields) -> i32| draws.iter().map(|f| f64::from(of(f))).sum::<f64>() / 1e4;
        // The middle of the range, give or take five standard errors (0.289 / 100 of the width).
        let close = |mean: f64, low: f64, high: f64| (mean - (low + high) / 2.0).abs() < 0.0145 * (high - low);
        assert!(close(mean(|f| f.latency_us as i32), 0.0, 2e6));
        assert!(close(mean(|f| f.temperature_tenths), -200.0, 450.0));
        assert!(close(mean(|f| f.tags.step as i32), 1.0, 31.0));
        assert!(close(mean(|f| f.features_e4[0][0]), -1e4, 1e4));
        assert!(close(mean(|f| f.features_e4[1][1]), -1e4, 1e4));
        assert!(close(mean(|f| f.features_e4[3][1]), -1e4, 1e4));
    }

    /// Every field adds its length whatever the others are, so these two bound all bodies.
    #[test]
    fn the_shortest_and_the_longest_body_keep_to_the_promised_size() {
        let by_len = |words: &'static [Word]| {
            let shortest = words.iter().min_by_key(|w| w.len).unwrap();
            (shortest, words.iter().max_by_key(|w| w.len).unwrap())
        };
        let [first, last, segment, device] =
            [by_len(&FIRST_NAMES), by_len(&LAST_NAMES), by_len(&SEGMENTS), by_len(&DEVICES)];
        let shortest = Fields {
            request_id: 0,
            first_name: first.0,
            last_name: last.0,
            segment: segment.0,
            device: device.0,
            user_id: 1_000_000,
            duration_s: 1,
            latency_us: 0,
            cpu_permille: 0,
            memory_mb: 64,
            amount_cents: 0,
            temperature_tenths: 0,
            features_e4: [[0; 2]; 4],
            ..Fields::draw(0, 0)
        };
        let longest = Fields {
            request_id: u64::MAX,
            first_name: first.1,
            last_name: last.1,
            segment: segment.1,
            device: device.1,
            user_id: 9_999_999,
            duration_s: 7200,
            latency_us: 2_000_000,
            cpu_permille: 1000,
            memory_mb: 16_384,
            amount_cents: 1_000_000,
            temperature_tenths: -200,
            features_e4: [[-9_999; 2]; 4],
            ..Fields::draw(0, 0)
        };
        let size = |fields: Fields| {
            let mut page = [0; size_of::<Page>()];
            fields.write(b"2026-11-23T03:34:42.123Z", &mut page).len()
        };
        let all_tags = |count| {
            let walks = (0..TAGS.len()).flat_map(move |first| (1..32).step_by(2).map(move |step| (first, step)));
            walks.map(move |(first, step)| Tags { count, first, step })
        };
        let min = all_tags(2).map(|tags| size(Fields { tags, ..shortest })).min();
        let max = all_tags(4).map(|tags| size(Fields { tags, ..longest })).max();
        assert_eq!((min, max), (Some(469), Some(569)));
        assert!(max <= Some(MAX_LEN));
    }

    #[test]
    fn a_body_does_not_depend_on_what_was_written_before() {
        let mut source = source(9);
        let mut out = Vec::new();
        for index in [5, 0, u64::MAX, 5, 1] {
            let start = out.len();
            source.write(index, Nanos::ZERO, &mut out);
            assert_eq!(str::from_utf8(&out[start..]).unwrap(), body(9, index));
        }
    }

    #[test]
    fn the_timestamp_is_the_wall_clock_at_the_given_instant() {
        let mut source = source(1);
        for (now, text) in [
            (Nanos::ZERO, "2026-11-23T03:34:42.123Z"),
            (Nanos(999_999), "2026-11-23T03:34:42.123Z"),
            (Nanos::from_millis(877), "2026-11-23T03:34:43.000Z"),
            (Nanos::from_millis(876), "2026-11-23T03:34:42.999Z"),
        ] {
            let mut out = Vec::new();
            source.write(0, now, &mut out);
            assert_eq!(serde_json::from_slice::<Value>(&out).unwrap()["timestamp"], text);
        }
    }

    proptest! {
        #[test]
        fn any_seed_and_index_give_one_body_of_the_promised_size(seed: u64, index: u64, now: u64) {
            let text = body(seed, index);
            prop_assert!((450..=600).contains(&text.len()), "{} bytes", text.len());
            prop_assert_eq!(&text, &body(seed, index));
            prop_assert_ne!(&text, &body(seed.wrapping_add(1), index));
            prop_assert_ne!(&text, &body(seed, index.wrapping_add(1)));

            let mut out = b"before".to_vec();
            source(seed).write(index, Nanos(now), &mut out);
            let parsed: Value = serde_json::from_slice(out.strip_prefix(b"before").unwrap()).unwrap();
            prop_assert_eq!(parsed["request_id"].as_u64(), Some(index));
        }
    }

    fn text(word: &Word) -> &str {
        str::from_utf8(&word.padded[..word.len.into()]).unwrap()
    }
}
