//! No bytes make a connection of the built-in server panic or halt, and where
//! they are split makes no difference to what it sends.
//!
//! The first byte of the input says where to split the rest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onrush::serve::fuzz_connection;

fuzz_target!(|input: &[u8]| {
    let Some((&cut, bytes)) = input.split_first() else { return };
    assert_eq!(fuzz_connection(bytes, usize::from(cut)), fuzz_connection(bytes, bytes.len()));
});
