//! What may stand between the braces of a template without logic, and how it is written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Builder;

use super::buffer::{Buffer, VALUE};
use super::chance::Chance;
use super::pen::Pen;
use super::sample::{Field, Fields};
use super::stamp::Stamp;
use super::words::{DOMAINS, FIRST_NAMES, LAST_NAMES, WORDS};
use crate::feed::{Cell, Column, Reader};
use crate::rng::Rng;
use crate::time::Nanos;

/// One value of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A literal: its text, and whether that is a number.
    Constant(String, bool),
    Index,
    UserNumber,
    Wave,
    Seed,
    Now,
    TimestampMs,
    Sample(Field),
    /// A column of the feed with this number.
    Cell(usize, Column),
    /// The whole row.
    Row(usize),
    Draw(Draw),
}

/// A value that is drawn by chance.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Draw {
    Uuid,
    /// From `low`, `span` + 1 whole numbers.
    Int {
        low: i64,
        span: u64,
    },
    /// The same in units of the last decimal.
    Float {
        low: i64,
        span: u64,
        decimals: u32,
    },
    /// One of these, each with whether it is a number; never empty.
    Pick(Vec<(String, bool)>),
    Word,
    Name,
    Email,
    /// So many hexadecimal digits.
    Hex(u32),
    /// The text of so many bytes.
    Base64(u32),
}

/// So long texts may be drawn, in digits or bytes.
pub(super) const LONGEST_DRAW: u32 = 65_536;

/// What a value is as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, which JSON puts in quotes.
    Text,
    /// JSON as it stands: a number, `true`, a row.
    Json,
}

impl Kind {
    fn number_if(is_number: bool) -> Kind {
        if is_number { Kind::Json } else { Kind::Text }
    }
}

/// What values of one request are made from.
pub(super) struct Facts<'a, R> {
    pub(super) index: u64,
    pub(super) user: u64,
    pub(super) wave: Option<u32>,
    pub(super) seed: u64,
    /// Since 1970-01-01T00:00:00Z.
    pub(super) unix: Nanos,
    pub(super) stamp: &'a mut Stamp,
    pub(super) fields: &'a Fields,
    pub(super) readers: &'a mut [Reader],
    pub(super) rng: R,
    pub(super) scratch: &'a mut Vec<u8>,
}

impl<R: Rng> Facts<'_, R> {
    /// Writes `value`.
    #[inline(always)]
    pub(super) fn write(&mut self, value: &Value, out: &mut Buffer) -> Kind {
        match value {
            Value::Sample(field) => {
                out.value(|room| self.fields.write(*field, room));
                Kind::number_if(field.is_number())
            }
            Value::Index => number(out, self.index),
            Value::UserNumber => number(out, self.user),
            Value::Wave => number(out, self.wave.unwrap_or(0).into()),
            Value::Seed => number(out, self.seed),
            Value::TimestampMs => number(out, self.unix.0 / 1_000_000),
            Value::Now => {
                let text = self.stamp.at(self.unix);
                out.value(|room| {
                    room[..text.len()].copy_from_slice(text);
                    text.len()
                });
                Kind::Text
            }
            Value::Draw(draw @ (Draw::Pick(_) | Draw::Hex(_) | Draw::Base64(_))) => {
                draw.write_long(&mut self.rng, self.scratch, out)
            }
            Value::Draw(draw) => {
                out.value(|room| draw.write_short(&mut self.rng, room));
                Kind::number_if(matches!(draw, Draw::Int { .. } | Draw::Float { .. }))
            }
            Value::Cell(feed, column) => cell(&mut self.readers[*feed], column, out),
            Value::Row(feed) => row(&self.readers[*feed], out),
            Value::Constant(text, is_number) => constant(text, *is_number, out),
        }
    }
}

#[inline(never)]
fn constant(text: &str, is_number: bool, out: &mut Buffer) -> Kind {
    out.bytes(text.as_bytes());
    Kind::number_if(is_number)
}

#[inline(always)]
fn number(out: &mut Buffer, n: u64) -> Kind {
    written(out, |pen| pen.long(n));
    Kind::Json
}

/// Writes a value with a pen.
#[inline(always)]
fn written(out: &mut Buffer, write: impl FnOnce(&mut Pen<'_, VALUE>)) {
    out.value(|room| {
        let mut pen = Pen::new(room);
        write(&mut pen);
        pen.len()
    });
}

#[inline(never)]
fn cell(reader: &mut Reader, column: &Column, out: &mut Buffer) -> Kind {
    match reader.cell(column) {
        Cell::Text(text) => {
            out.bytes(text.as_bytes());
            return Kind::Text;
        }
        Cell::Bool(b) => out.bytes(if b { b"true" } else { b"false" }),
        Cell::Null | Cell::Missing => out.bytes(b"null"),
        Cell::Number(text) | Cell::Json(text) => out.bytes(text.as_bytes()),
    }
    Kind::Json
}

#[inline(never)]
fn row(reader: &Reader, out: &mut Buffer) -> Kind {
    out.bytes(reader.json().unwrap_or_default().as_bytes());
    Kind::Json
}

/// A whole number from 0 to `span`, both included. The bias is below 2^-32 for spans below 2^32.
#[inline(always)]
fn up_to(rng: &mut impl Rng, span: u64) -> u64 {
    let word = rng.next_u64();
    match span.checked_add(1) {
        Some(bound) => ((u128::from(word) * u128::from(bound)) >> 64) as u64,
        None => word,
    }
}

impl Draw {
    /// Draws a value of at most so many bytes, and writes it; returns how long it is.
    #[inline(never)]
    fn write_short(&self, rng: &mut impl Rng, room: &mut [u8; VALUE]) -> usize {
        let mut pen = Pen::new(room);
        match *self {
            Draw::Uuid => {
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&rng.next_u64().to_be_bytes());
                bytes[8..].copy_from_slice(&rng.next_u64().to_be_bytes());
                pen.uuid(Builder::from_random_bytes(bytes).into_uuid());
            }
            Draw::Int { low, span } => {
                let n = low.wrapping_add(up_to(rng, span) as i64);
                pen.sign(n < 0);
                pen.long(n.unsigned_abs());
            }
            Draw::Float { low, span, decimals } => pen.decimal(low.wrapping_add(up_to(rng, span) as i64), decimals),
            Draw::Word => pen.word(Chance(rng.next_u64()).one_of(&WORDS)),
            Draw::Name => {
                let mut chance = Chance(rng.next_u64());
                pen.word(chance.one_of(&FIRST_NAMES));
                pen.text(b" ");
                pen.word(chance.one_of(&LAST_NAMES));
            }
            Draw::Email => {
                let mut chance = Chance(rng.next_u64());
                pen.lowercase(chance.one_of(&FIRST_NAMES));
                pen.text(b".");
                pen.lowercase(chance.one_of(&LAST_NAMES));
                pen.integer(chance.below(10_000));
                pen.text(chance.one_of(&DOMAINS));
            }
            Draw::Pick(_) | Draw::Hex(_) | Draw::Base64(_) => unreachable!("it may be longer"),
        }
        pen.len()
    }

    /// The others.
    #[inline(never)]
    fn write_long(&self, rng: &mut impl Rng, scratch: &mut Vec<u8>, out: &mut Buffer) -> Kind {
        match *self {
            Draw::Pick(ref choices) => {
                let (text, is_number) = &choices[up_to(rng, choices.len() as u64 - 1) as usize];
                out.bytes(text.as_bytes());
                return Kind::number_if(*is_number);
            }
            Draw::Hex(digits) => {
                let end = out.len() + digits as usize;
                while out.len() < end {
                    written(out, |pen| pen.hex(rng.next_u64()));
                }
                out.truncate(end);
            }
            Draw::Base64(bytes) => {
                scratch.clear();
                while scratch.len() < bytes as usize {
                    scratch.extend_from_slice(&rng.next_u64().to_le_bytes());
                }
                scratch.truncate(bytes as usize);
                out.fill(base64::encoded_len(bytes as usize, true).unwrap_or(0), |room| {
                    // The room is as long as the text: it cannot fail.
                    let _ = STANDARD.encode_slice(&scratch, room);
                });
            }
            _ => unreachable!("it is short"),
        }
        Kind::Text
    }
}
