//! No body makes a decoder panic or give more than was asked for, and the beginning of a body gives the beginning
//! of what the whole one gives.
//!
//! The first line of the input is a list of codings; the body follows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onrush::decode::Codings;

const LIMIT: usize = 4096;

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|&b| b == b'\n') else { return };
    let (codings, body) = (&input[..end], &input[end + 1..]);
    let mut list = Codings::default();
    list.add_list(codings);
    let whole = list.decode(body, false, LIMIT);
    if let Ok(whole) = &whole {
        assert!(codings.is_empty() || whole.len() <= LIMIT.max(body.len()));
        assert_eq!(list.decode(body, true, LIMIT).as_ref(), Ok(whole), "more might follow");
    }
    let _ = list.decode(&body[..body.len() / 2], true, LIMIT);
});
