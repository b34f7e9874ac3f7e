//! stub
use crate::time::{Nanos, WallClock};
/// stub
pub struct Dynamic { seed: u64 }
impl Dynamic {
    /// stub
    pub fn new(seed: u64, _clock: WallClock) -> Dynamic { Dynamic { seed } }
    /// stub
    pub fn write(&mut self, index: u64, _now: Nanos, out: &mut Vec<u8>) { out.extend_from_slice(format!("{{\"a\":{},\"b\":{}}}", index, self.seed).as_bytes()); }
}
