//! The built-in sample of a request: what a small web service is sent, and no two alike.

use uuid::{Builder, Uuid};

use super::buffer::VALUE;
use super::chance::Chance;
use super::pen::Pen;
use super::words::{COUNTRIES, DEVICES, DOMAINS, FIRST_NAMES, LAST_NAMES, SEGMENTS, TAGS, Word};
use crate::rng::{self, Rng};

/// One field of the sample, `{{ sample.name }}`.
///
/// | field | value |
/// |---|---|
/// | `guid` | UUID, version 4 |
/// | `user_id`, `name`, `email`, `segment`, `country` | a user: seven digits, words, ISO 3166-1 alpha-2 |
/// | `session_id`, `device`, `duration_s` | a session: 16 hexadecimal digits, a word, 1 to 7,200 |
/// | `latency_ms`, `cpu_pct`, `memory_mb`, `score`, `amount`, `temperature_c` | numbers |
/// | `features` | eight numbers between -1 and 1, with commas between them |
/// | `tags` | two to four distinct words in quotes, with commas between them |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Guid,
    UserId,
    Name,
    Email,
    Segment,
    Country,
    SessionId,
    Device,
    DurationS,
    LatencyMs,
    CpuPct,
    MemoryMb,
    Score,
    Amount,
    TemperatureC,
    Features,
    Tags,
}

impl Field {
    /// All of them, with the names that templates use.
    pub(super) const ALL: [(&str, Field); 17] = [
        ("guid", Field::Guid),
        ("user_id", Field::UserId),
        ("name", Field::Name),
        ("email", Field::Email),
        ("segment", Field::Segment),
        ("country", Field::Country),
        ("session_id", Field::SessionId),
        ("device", Field::Device),
        ("duration_s", Field::DurationS),
        ("latency_ms", Field::LatencyMs),
        ("cpu_pct", Field::CpuPct),
        ("memory_mb", Field::MemoryMb),
        ("score", Field::Score),
        ("amount", Field::Amount),
        ("temperature_c", Field::TemperatureC),
        ("features", Field::Features),
        ("tags", Field::Tags),
    ];

    /// The field with this name.
    pub(super) fn named(name: &str) -> Option<Field> {
        Field::ALL.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    /// Its text is a number.
    pub(super) fn is_number(self) -> bool {
        use Field::{Amount, CpuPct, DurationS, LatencyMs, MemoryMb, Score, TemperatureC, UserId};
        matches!(self, UserId | DurationS | LatencyMs | CpuPct | MemoryMb | Score | Amount | TemperatureC)
    }
}

/// The fields of one request: a function of the seed and the index alone, which stays the
/// same from one version of this tool to the next. Numbers with decimals are counted in
/// units of their last one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pub(super) guid: Uuid,
    pub(super) user_id: u32,
    pub(super) first_name: &'static Word,
    pub(super) last_name: &'static Word,
    pub(super) domain: &'static [u8; 12],
    pub(super) segment: &'static Word,
    pub(super) country: &'static [u8; 2],
    pub(super) session_id: u64,
    pub(super) device: &'static Word,
    pub(super) duration_s: u32,
    pub(super) latency_us: u32,
    pub(super) cpu_permille: u32,
    pub(super) memory_mb: u32,
    pub(super) score_e4: u32,
    pub(super) amount_cents: u32,
    pub(super) temperature_tenths: i32,
    pub(super) features_e4: [[i32; 2]; 4],
    pub(super) tags: Tags,
}

/// `count` words, from number `first` on in steps of `step`, which is odd.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tags {
    pub(super) count: usize,
    pub(super) first: usize,
    pub(super) step: usize,
}

impl Fields {
    /// Those of a request that needs none.
    pub(super) const NONE: Fields = Fields {
        guid: Uuid::nil(),
        user_id: 0,
        first_name: &FIRST_NAMES[0],
        last_name: &LAST_NAMES[0],
        domain: &DOMAINS[0],
        segment: &SEGMENTS[0],
        country: &COUNTRIES[0],
        session_id: 0,
        device: &DEVICES[0],
        duration_s: 0,
        latency_us: 0,
        cpu_permille: 0,
        memory_mb: 0,
        score_e4: 0,
        amount_cents: 0,
        temperature_tenths: 0,
        features_e4: [[0; 2]; 4],
        tags: Tags { count: 1, first: 0, step: 1 },
    };

    /// The order of the draws is part of what a seed means: append, never reorder.
    #[inline]
    pub(super) fn draw(seed: u64, index: u64) -> Fields {
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

    /// Writes `field`; returns how long it is.
    #[inline]
    pub(super) fn write(&self, field: Field, room: &mut [u8; VALUE]) -> usize {
        let mut pen = Pen::new(room);
        match field {
            Field::Guid => pen.uuid(self.guid),
            Field::UserId => pen.integer(self.user_id),
            Field::Name => {
                pen.word(self.first_name);
                pen.text(b" ");
                pen.word(self.last_name);
            }
            Field::Email => {
                pen.lowercase(self.first_name);
                pen.text(b".");
                pen.lowercase(self.last_name);
                pen.text(self.domain);
            }
            Field::Segment => pen.word(self.segment),
            Field::Country => pen.text(self.country),
            Field::SessionId => pen.hex(self.session_id),
            Field::Device => pen.word(self.device),
            Field::DurationS => pen.integer(self.duration_s),
            Field::LatencyMs => pen.fixed::<3>(self.latency_us),
            Field::CpuPct => pen.fixed::<1>(self.cpu_permille),
            Field::MemoryMb => pen.integer(self.memory_mb),
            Field::Score => pen.fixed::<4>(self.score_e4),
            Field::Amount => pen.fixed::<2>(self.amount_cents),
            Field::TemperatureC => {
                pen.sign(self.temperature_tenths < 0);
                pen.fixed::<1>(self.temperature_tenths.unsigned_abs());
            }
            Field::Features => self.write_features(&mut pen),
            Field::Tags => self.write_tags(&mut pen),
        }
        pen.len()
    }

    #[inline(always)]
    pub(super) fn write_features<const N: usize>(&self, pen: &mut Pen<'_, N>) {
        let [a, b, c, d] = self.features_e4;
        pen.fractions(a);
        pen.fractions(b);
        pen.fractions(c);
        pen.fractions(d);
        pen.back(1);
    }

    #[inline(always)]
    pub(super) fn write_tags<const N: usize>(&self, pen: &mut Pen<'_, N>) {
        let Tags { count, first, step } = self.tags;
        for i in 0..count {
            pen.word(&TAGS[(first + i * step) % TAGS.len()]);
        }
        pen.back(1);
    }
}
