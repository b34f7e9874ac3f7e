//! Any bytes are refused on one line, or give requests that are the same when
//! they are written as JSON lines and read again.
#![no_main]

use base64::prelude::{BASE64_STANDARD, Engine};
use libfuzzer_sys::fuzz_target;
use onrush::list::{self, Entry, EntryBody};
use serde_json::Value;

/// An entry as JSON lines can say it: on a line of its own, with a method, and with its body inside.
fn sayable(line: usize, entry: Entry) -> Entry {
    let method = entry.method.or_else(|| Some("GET".into()));
    let body = entry.body.map(|body| match body {
        EntryBody::File(path) => EntryBody::Bytes(path.into_os_string().into_encoded_bytes()),
        bytes @ EntryBody::Bytes(_) => bytes,
    });
    Entry { line, method, body, ..entry }
}

fn written(entry: &Entry) -> String {
    let string = |text: &str| Value::from(text).to_string();
    let header = |(name, value): &(String, String)| format!("{}: [{}]", string(name), string(value));
    let body = entry.body.as_ref().map_or("null".into(), |body| match body {
        EntryBody::Bytes(bytes) => string(&BASE64_STANDARD.encode(bytes)),
        EntryBody::File(path) => panic!("{path:?} is not inside"),
    });
    format!(
        r#"{{"method": {}, "url": {}, "header": {{{}}}, "body": {body}, "weight": {}}}"#,
        string(entry.method.as_deref().unwrap_or_default()),
        string(&entry.url),
        entry.headers.iter().map(header).collect::<Vec<_>>().join(", "),
        entry.weight,
    )
}

fuzz_target!(|input: &[u8]| {
    match list::parse(input) {
        Err(error) => assert!(!error.is_empty() && !error.contains(['\n', '\r']), "{error:?}"),
        Ok(entries) => {
            assert!(!entries.is_empty() && entries.is_sorted_by(|a, b| a.line < b.line), "{entries:?}");
            let entries: Vec<Entry> = (1..).zip(entries).map(|(line, entry)| sayable(line, entry)).collect();
            let lines: Vec<String> = entries.iter().map(written).collect();
            assert_eq!(list::parse(lines.join("\n").as_bytes()), Ok(entries));
        }
    }
});
