//! What each request carries.

pub mod dynamic;
mod json;
mod stamp;
mod words;

use crate::request::{Body, Payload, Slot};
use crate::rng;
use crate::time::{Nanos, WallClock};

use dynamic::Dynamic;

/// Yields the payload of each request. The one of slot n depends on the seed
/// and on n alone (and its timestamp on the clock), never on who asks when.
pub enum Source {
    /// All requests carry the same, or nothing.
    Shared,
    /// Each carries an object of its own.
    Dynamic(Box<DynamicSource>),
}

/// The built-in object's generators and the body being written.
pub struct DynamicSource {
    measured: Dynamic,
    /// Warm-up bodies come from another stream: a measured body has not been sent before.
    warmup: Dynamic,
    body: Vec<u8>,
}

/// What tells the warm-up's stream from the measured one.
const WARMUP_STREAM: u64 = u64::from_be_bytes(*b"warm-up\0");

impl Source {
    /// The source for this body.
    pub fn new(body: &Body, seed: u64, clock: WallClock) -> Source {
        match body {
            Body::None | Body::Fixed(_) => Source::Shared,
            Body::Dynamic => Source::Dynamic(Box::new(DynamicSource {
                measured: Dynamic::new(seed, clock),
                warmup: Dynamic::new(rng::mix(seed, WARMUP_STREAM), clock),
                body: Vec::with_capacity(1024),
            })),
        }
    }

    /// What the request in `slot` carries, encoded at `now`.
    #[inline]
    pub fn payload(&mut self, slot: Slot, now: Nanos) -> Payload<'_> {
        match self {
            Source::Shared => Payload::Shared,
            Source::Dynamic(source) => {
                source.body.clear();
                let stream = if slot.measured { &mut source.measured } else { &mut source.warmup };
                stream.write(slot.index, now, &mut source.body);
                Payload::Own(&source.body)
            }
        }
    }
}
