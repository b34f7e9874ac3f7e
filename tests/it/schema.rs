//! `docs/summary.schema.json` describes what a run writes, all of it.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::scripted::{Hostile, OK};
use crate::support::{Nobody, Report, onrush, target};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/summary.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
});

#[track_caller]
fn assert_described(report: &Report) {
    let validator: Validator = jsonschema::draft202012::new(&SCHEMA).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&report.json).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_keys_described(&report.json, &SCHEMA, "");
}

/// Every key is a property of the schema, which has a description and is required.
fn assert_keys_described(value: &Value, schema: &Value, at: &str) {
    let schema = resolved(schema);
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let at = format!("{at}/{key}");
                let property = &schema["properties"][key];
                let described = if property.is_null() { &schema["additionalProperties"] } else { property };
                assert!(described.is_object(), "{at} is not in the schema");
                assert!(resolved(described)["description"].is_string() || described["description"].is_string(), "{at}");
                let required = schema["required"].as_array().is_some_and(|keys| keys.iter().any(|k| k == key));
                assert!(property.is_null() || required, "{at} is always there and not required");
                assert_keys_described(value, described, &at);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let of_tuple = &schema["prefixItems"][i];
                let item_schema = if of_tuple.is_null() { &schema["items"] } else { of_tuple };
                assert!(item_schema.is_object(), "{at}/{i} is not in the schema");
                assert_keys_described(item, item_schema, &format!("{at}/{i}"));
            }
        }
        _ => {}
    }
}

/// Follows a reference, and of "this or null" takes this.
fn resolved(schema: &Value) -> &Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return resolved(SCHEMA.pointer(reference.trim_start_matches('#')).unwrap());
    }
    match schema["anyOf"].as_array() {
        Some(choices) => resolved(choices.iter().find(|choice| choice["type"] != "null").unwrap()),
        None => schema,
    }
}

#[test]
fn waves_are_described() {
    let server = target();
    assert_described(
        &onrush("-n 50 -c 20 --warmup 5 --threshold p50<1s --threshold p99.9<1s")
            .arg(format!("http://{}/", server.address()))
            .report(),
    );
}

#[test]
fn schedules_are_described() {
    let server = target();
    let url = format!("http://{}/", server.address());
    assert_described(&onrush("--stages 100ms@100,100ms@100..500 -c 4 --warmup 5").arg(url).report());
}

#[test]
fn closed_runs_are_described() {
    let server = target();
    let url = format!("http://{}/status/302", server.address());
    assert_described(&onrush("-z 100ms -c 4 --model closed").arg(url).report());
}

#[test]
fn runs_without_an_answer_are_described() {
    let nobody = Nobody::new();
    for model in ["", "--model closed"] {
        assert_described(&onrush(&format!("-c 4 {model}")).arg(format!("http://{}/", nobody.address())).report());
    }
    let stalling = Hostile::start(|peer| peer.read_to_end());
    assert_described(&onrush("-c 4 -n 8 --timeout 50ms").arg(stalling.url()).report());
}

#[test]
fn interrupted_runs_are_described() {
    let server = Hostile::start(|peer| {
        peer.request();
        peer.write(OK);
        peer.request();
        peer.stall();
    });
    let run = onrush("-c 4 -n 8").arg(server.url()).start_report();
    server.wait_for_requests(8);
    run.interrupt();
    let report = run.report();
    assert!(report.code == 130 && report.summary.accounting.unfinished == 4);
    assert_described(&report);
}

#[test]
fn what_the_schema_does_not_allow_is_found() {
    let server = target();
    let report = onrush("-n 4 -c 2").arg(format!("http://{}/", server.address())).report();
    let validator = jsonschema::draft202012::new(&SCHEMA).unwrap();
    let mut later = report.json.clone();
    later["a_key_of_a_later_version"] = 1.into();
    assert!(validator.is_valid(&later), "keys may be added");
    for key in ["accounting", "wall_s", "waves"] {
        let mut without = report.json.clone();
        without.as_object_mut().unwrap().remove(key);
        assert!(!validator.is_valid(&without), "{key} is required");
    }
    let mut wrong = report.json;
    wrong["accounting"]["ok"] = "four".into();
    assert!(!validator.is_valid(&wrong));
}
