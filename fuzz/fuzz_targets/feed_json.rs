//! Any bytes are refused in one line, or every line is an object that
//! serde_json reads too, but for numbers that no float can hold, and each of
//! its members and items has a value.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use onrush::feed::{Cell, Feed, Format, Order, Reader, Step};
use serde_json::{Map, Value};

fuzz_target!(|input: &[u8]| {
    let feed = match Feed::new("fuzz", input.to_vec(), Format::JsonLines, Order::Sequential) {
        Ok(feed) => Arc::new(feed),
        Err(error) => return assert!(!error.is_empty() && !error.contains(char::is_control), "{error:?}"),
    };
    let mut reader = Reader::new(feed.clone());
    for row in 0..feed.rows() {
        reader.select(row);
        let object: Map<String, Value> = match serde_json::from_str(reader.json().expect("a line")) {
            Ok(object) => object,
            Err(error) => {
                assert!(error.to_string().starts_with("number out of range"), "{error}");
                continue;
            }
        };
        for (key, value) in &object {
            let key = Step::Key(key.clone());
            check(reader.cell(&feed.column_at(vec![key.clone()]).expect("any path")), value);
            for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                let column = feed.column_at(vec![key.clone(), Step::Item(number)]).expect("any path");
                check(reader.cell(&column), item);
            }
        }
    }
});

fn check(cell: Cell<'_>, value: &Value) {
    let same = match (cell, value) {
        (Cell::Null, Value::Null) => true,
        (Cell::Bool(b), Value::Bool(other)) => b == *other,
        (Cell::Text(text), Value::String(other)) => text == other,
        // As it stands, of which serde_json makes a number again.
        (Cell::Number(number), Value::Number(other)) => {
            serde_json::from_str::<Value>(number).is_ok_and(|number| number == Value::Number(other.clone()))
        }
        (Cell::Json(json), Value::Array(_) | Value::Object(_)) => {
            serde_json::from_str::<Value>(json).is_ok_and(|other| other == *value)
        }
        _ => false,
    };
    assert!(same, "{cell:?} is not {value:?}");
}
