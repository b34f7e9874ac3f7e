//! `--set`: one field of a pasted request replaced by a value of its own for each request.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{anyhow, bail};
use serde_json::value::RawValue;

use crate::cli::args::RunArgs;

/// Replaces `json.PATH`, `query.NAME` or `header.NAME` of the request by a value, which may be a template.
pub(super) fn set(run: &mut RunArgs, assignment: &str) -> anyhow::Result<()> {
    let wrong = || anyhow!("--set {assignment}: write json.PATH=VALUE, query.NAME=VALUE or header.NAME=VALUE");
    let (field, value) = assignment.split_once('=').ok_or_else(wrong)?;
    let (part, name) = field.split_once('.').filter(|(_, name)| !name.is_empty()).ok_or_else(wrong)?;
    let done = match part {
        "json" => set_json(run, name, value),
        "query" => set_query(run, name, value),
        "header" => set_header(run, name, value),
        _ => return Err(wrong()),
    };
    done.map_err(|e| anyhow!("--set {field}: {e}"))
}

fn set_header(run: &mut RunArgs, name: &str, value: &str) -> anyhow::Result<()> {
    let is_same =
        |line: &String| line.split([':', ';']).next().is_some_and(|other| other.trim().eq_ignore_ascii_case(name));
    run.headers.retain(|line| !is_same(line));
    if name.eq_ignore_ascii_case("content-type") {
        run.content_type = None;
    }
    run.headers.push(format!("{name}: {value}"));
    Ok(())
}

fn set_query(run: &mut RunArgs, name: &str, value: &str) -> anyhow::Result<()> {
    let url = run.positional_url.as_mut().ok_or_else(|| anyhow!("the command has no URL"))?;
    let query = url.find('?').map_or(url.len(), |at| at + 1);
    let end = url[query..].find('#').map_or(url.len(), |at| query + at);
    let mut at = query;
    for pair in url[query..end].split('&') {
        if pair.split('=').next() == Some(name) {
            url.replace_range(at..at + pair.len(), &format!("{name}={value}"));
            return Ok(());
        }
        at += pair.len() + 1;
    }
    bail!("the URL has no such query parameter")
}

fn set_json(run: &mut RunArgs, path: &str, value: &str) -> anyhow::Result<()> {
    // A second --set finds what the first has made: values of templates are no JSON, and are left alone.
    let body = match (run.template.take(), run.data.take()) {
        (Some(template), _) => template,
        (None, Some(data)) if ["{{", "{%", "{#"].iter().any(|begin| data.contains(begin)) => {
            bail!("the body has what begins a template in it, as '{{{{': write it as a --template instead")
        }
        (None, Some(data)) => data,
        (None, None) => bail!("the command has no body: curl's -d or --json gives it one"),
    };
    let span = find(&body, path)?;
    let mut text = String::with_capacity(body.len() + value.len());
    text += &body[..span.start];
    text += &json_value(value);
    text += &body[span.end..];
    if text.contains("{{") || text.contains("{%") {
        run.template = Some(text);
    } else {
        run.data = Some(text);
    }
    Ok(())
}

/// A value as it stands in JSON. One that is only `{{ ... }}` becomes JSON by its kind: quotes for text, none for
/// numbers; text with a template in it, or without one, is a string, unless it is JSON itself.
fn json_value(value: &str) -> String {
    let inner = value.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    match inner.filter(|inner| !inner.contains("{{") && !inner.contains("}}")) {
        Some(inner) if inner.contains('|') => format!("{{{{{inner}}}}}"),
        Some(inner) => format!("{{{{ {} | json }}}}", inner.trim()),
        None if serde_json::from_str::<&RawValue>(value).is_ok() => value.into(),
        None => serde_json::to_string(value).unwrap_or_default(),
    }
}

/// Where the value at `path` stands: names and numbers of elements, with dots between them.
fn find(body: &str, path: &str) -> anyhow::Result<Range<usize>> {
    let mut part: &RawValue = serde_json::from_str(body).map_err(|e| anyhow!("the body is not JSON: {e}"))?;
    for step in path.split('.') {
        let text = part.get();
        part = if let Ok(object) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) {
            let names = || object.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            object.get(step).copied().ok_or_else(|| anyhow!("there is no '{step}': there are {}", names()))?
        } else if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(text) {
            let element = step.parse::<usize>().ok().and_then(|at| list.get(at).copied());
            element.ok_or_else(|| anyhow!("there is no '{step}': it is a list of {}, numbered from 0", list.len()))?
        } else {
            bail!("there is no '{step}': what it would be in is neither an object nor a list")
        };
    }
    // The parts are pieces of `body`.
    let start = part.get().as_ptr() as usize - body.as_ptr() as usize;
    Ok(start..start + part.get().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_replaced_where_it_stands() {
        let body = r#"{"b": 1, "a": {"id": "x", "list": [1, {"n": 2}]}}"#;
        for (path, found) in [("b", "1"), ("a.id", "\"x\""), ("a.list.1.n", "2"), ("a.list", r#"[1, {"n": 2}]"#)] {
            assert_eq!(&body[find(body, path).unwrap()], found, "{path}");
        }
        for (path, said) in
            [("c", "there are a, b"), ("a.list.2", "a list of 2"), ("b.c", "neither an object nor a list")]
        {
            let error = find(body, path).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!(find("not json", "a").unwrap_err().to_string().contains("the body is not JSON"));
    }

    #[test]
    fn values_become_json() {
        for (value, json) in [
            ("{{ uuid() }}", "{{ uuid() | json }}"),
            ("{{ users.id | json }}", "{{ users.id | json }}"),
            ("user-{{ index }}", "\"user-{{ index }}\""),
            ("5", "5"),
            ("true", "true"),
            ("plain", "\"plain\""),
            ("\"quoted\"", "\"quoted\""),
        ] {
            assert_eq!(json_value(value), json, "{value}");
        }
    }
}
