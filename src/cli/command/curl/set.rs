//! `--set`: fields of a pasted request replaced by values, which may differ from request to request.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{anyhow, bail};
use serde_json::value::RawValue;

use crate::cli::args::RunArgs;

/// Replaces `json.PATH`, `query.NAME` or `header.NAME` of the request, by a value that may be a template, in each of
/// `assignments`.
pub(super) fn set(run: &mut RunArgs, assignments: &[String]) -> anyhow::Result<()> {
    let mut json = Vec::new();
    for assignment in assignments {
        let wrong = || anyhow!("--set {assignment}: write json.PATH=VALUE, query.NAME=VALUE or header.NAME=VALUE");
        let (field, value) = assignment.split_once('=').ok_or_else(wrong)?;
        match field.split_once('.').filter(|(_, name)| !name.is_empty()) {
            Some(("json", path)) => json.push((path, value)),
            Some(("query", name)) => set_query(run, name, value).map_err(|e| anyhow!("--set {field}: {e}"))?,
            Some(("header", name)) => set_header(run, name, value),
            _ => return Err(wrong()),
        }
    }
    if json.is_empty() { Ok(()) } else { set_json(run, &json) }
}

fn set_header(run: &mut RunArgs, name: &str, value: &str) {
    let is_same =
        |line: &String| line.split([':', ';']).next().is_some_and(|other| other.trim().eq_ignore_ascii_case(name));
    run.headers.retain(|line| !is_same(line));
    if name.eq_ignore_ascii_case("content-type") {
        run.content_type = None;
    }
    run.headers.push(format!("{name}: {value}"));
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

/// Replaces fields of the body: all are looked for in it as it was, since what is put in is not JSON any more.
fn set_json(run: &mut RunArgs, fields: &[(&str, &str)]) -> anyhow::Result<()> {
    let Some(body) = run.data.take() else {
        bail!("--set json: the command has no body: curl's -d or --json gives it one")
    };
    if ["{{", "{%", "{#"].iter().any(|begin| body.contains(begin)) {
        bail!("--set json: the body has what begins a template in it, as '{{{{': write it as a --template instead");
    }
    let found = |(path, value): &(&str, &str)| {
        let span = find(&body, path).map_err(|e| anyhow!("--set json.{path}: {e}"))?;
        Ok((span, json_value(value)))
    };
    let mut spans = fields.iter().map(found).collect::<anyhow::Result<Vec<_>>>()?;
    spans.sort_by_key(|(span, _)| span.start);
    if let Some(pair) = spans.windows(2).find(|pair| pair[0].0.end > pair[1].0.start) {
        bail!("--set json: '{}' is replaced twice, or as a whole and in part", &body[pair[1].0.clone()]);
    }
    let mut text = body.clone();
    // From the end, so that what is before stays where it is.
    spans.into_iter().rev().for_each(|(span, value)| text.replace_range(span, &value));
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
    use clap::Parser;

    use super::*;
    use crate::cli::args::Args;

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
    fn several_fields_are_replaced_in_the_body_as_it_was() {
        let replaced = |fields: &[&str]| {
            let Args { mut run, .. } =
                Args::parse_from(["onrush", "http://h/?a=1&b=2#c", "-d", r#"{"a": 1, "b": {"c": "x"}}"#]);
            let fields: Vec<String> = fields.iter().map(|field| (*field).into()).collect();
            set(&mut run, &fields).map(|()| run).map_err(|e| e.to_string())
        };
        let run =
            replaced(&["json.b.c={{ uuid() }}", "json.a={{ index }}", "query.b={{ index }}", "header.X=y"]).unwrap();
        assert_eq!(run.template.as_deref(), Some(r#"{"a": {{ index | json }}, "b": {"c": {{ uuid() | json }}}}"#));
        assert_eq!((run.data, run.url.as_deref()), (None, None));
        assert_eq!(run.positional_url.as_deref(), Some("http://h/?a=1&b={{ index }}#c"));
        assert_eq!(run.headers, ["X: y"]);
        assert_eq!(replaced(&["json.a=2"]).unwrap().data.as_deref(), Some(r#"{"a": 2, "b": {"c": "x"}}"#));
        for (fields, said) in [
            (&["json.b=1", "json.b.c=2"][..], "as a whole and in part"),
            (&["json.a=1", "json.a=2"], "replaced twice"),
            (&["query.c=1"], "no such query parameter"),
            (&["json.none=1"], "--set json.none: there is no 'none': there are a, b"),
            (&["body=1"], "write json.PATH=VALUE"),
        ] {
            let error = replaced(fields).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
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
