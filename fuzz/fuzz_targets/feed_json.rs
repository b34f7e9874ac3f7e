//! Any bytes are refused in one line, or every line is an object that
//! serde_json reads too, and each of its members has a value.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use onrush::feed::{Cell, Feed, Format, Order, Reader};
use serde_json::{Map, Value};

fuzz_target!(|input: &[u8]| {
    let feed = match Feed::new("fuzz", input.to_vec(), Format::JsonLines, Order::Sequential) {
        Ok(feed) => Arc::new(feed),
        Err(error) => return assert!(!error.is_empty() && !error.contains(char::is_control), "{error:?}"),
    };
    let mut reader = Reader::new(feed.clone());
    for row in 0..feed.rows() {
        reader.select(row);
        let object: Map<String, Value> = serde_json::from_str(reader.json().expect("a line")).expect("an object");
        // A dot in a key leads elsewhere.
        for (key, value) in object.iter().filter(|(key, _)| !key.contains('.')) {
            check(reader.cell(&feed.column(key).expect("any path")), value);
        }
    }
});

fn check(cell: Cell<'_>, value: &Value) {
    let same = match (cell, value) {
        (Cell::Null, Value::Null) => true,
        (Cell::Bool(b), Value::Bool(other)) => b == *other,
        (Cell::Text(text), Value::String(other)) => text == other,
        (Cell::Integer(i), Value::Number(other)) => other.as_i64() == Some(i),
        // Without its feature `float_roundtrip` serde_json may miss by the last bit.
        (Cell::Float(f), Value::Number(other)) => {
            other.as_f64().is_some_and(|other| (f - other).abs() <= other.abs() * 1e-15 || (f - other).abs() < 1e-300)
        }
        (Cell::Json(_), Value::Number(other)) => !other.is_i64(),
        (Cell::Json(json), Value::Array(_) | Value::Object(_)) => {
            serde_json::from_str::<Value>(json).is_ok_and(|other| other == *value)
        }
        _ => false,
    };
    assert!(same, "{cell:?} is not {value:?}");
}
