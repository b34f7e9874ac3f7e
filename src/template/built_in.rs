//! The built-in template, compiled by hand: what `--dynamic` sends costs half as much.
//!
//! A test holds it against `built_in.jinja`, byte for byte.

use super::pen::Pen;
use super::sample::Fields;
use super::words::Word;

/// The text of the template of `--dynamic`.
pub const BUILT_IN: &str = include_str!("built_in.jinja");

/// No body is longer, in bytes: a test writes the longest one.
pub(super) const MAX_LEN: usize = 600;

/// Room for the longest body and for the padding of its last word. It is of fixed
/// size, so that blocks of fixed size go to it at the price of a comparison each.
pub(super) type Page = [u8; MAX_LEN + Word::ROOM];

impl Fields {
    /// The whole body of request `index`; returns how long it is.
    #[inline]
    pub(super) fn write_body(&self, index: u64, timestamp: &[u8; 24], page: &mut Page) -> usize {
        let mut pen = Pen::new(page);

        pen.text(b"{\"request_id\":");
        pen.long(index);
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
        self.write_features(&mut pen);

        pen.text(b"],\"tags\":[");
        self.write_tags(&mut pen);
        pen.text(b"]}");
        pen.len()
    }
}
