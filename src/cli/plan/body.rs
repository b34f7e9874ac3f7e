//! What requests carry, by the flags.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};

use crate::cli::args::{RunArgs, is_stdio};
use crate::cli::file;
use crate::cli::file::read_for;
use crate::encoding;
use crate::feed::Lines;
use crate::note::Note;
use crate::request::{Body, RequestHead};
use crate::template::Template;

use super::form::{self, Multipart};
use super::texts::{Texts, is_template};

/// A body, and its content type unless the user says another one.
#[derive(Clone)]
pub(crate) struct Content {
    pub(crate) body: Body,
    pub(crate) content_type: Option<String>,
    /// The body is this form, and the content type says its boundary.
    multipart: Option<Rc<Multipart>>,
}

impl Content {
    /// What the flags say, for all requests that bring nothing of their own.
    pub(crate) fn of_all(args: &RunArgs, texts: &Texts) -> anyhow::Result<Content> {
        if !args.form.is_empty() || !args.multipart.is_empty() {
            let (form, multipart) = if args.form.is_empty() {
                let multipart = form::multipart(&args.multipart).map_err(|e| anyhow!(e))?;
                (multipart.form(), Some(Rc::new(multipart)))
            } else {
                (form::urlencoded(&args.form).map_err(|e| anyhow!(e))?, None)
            };
            return Ok(Content {
                body: Body::Fixed(form.body.into()),
                content_type: Some(form.content_type),
                multipart,
            });
        }
        let body = match (&args.data, &args.data_file, &args.template, &args.data_lines) {
            _ if args.dynamic => Body::Template(texts.take(Template::built_in())?),
            (Some(text), ..) => Body::Fixed(text.as_bytes().into()),
            (_, Some(path), ..) if is_stdio(path) => {
                let bytes = file::standard_input("--data-file").context("cannot read the body from standard input")?;
                Body::Fixed(bytes.into())
            }
            (_, Some(path), ..) => Body::Fixed(read_for("--data-file", path)?.into()),
            (_, _, Some(template), _) => Body::Template(template_of(template, texts)?),
            (_, _, _, Some(path)) => {
                let lines = Lines::new(read_for("--data-lines", path)?);
                Body::Lines(Arc::new(lines.map_err(|e| anyhow!("--data-lines {}: {e}", path.display()))?))
            }
            (None, None, None, None) => Body::None,
        };
        let content_type = content_type(&body, texts);
        Ok(Content { body, content_type, multipart: None })
    }

    /// The same bytes every time.
    pub(crate) fn fixed(bytes: Vec<u8>) -> Content {
        let content_type = Some(kind_of(&bytes).into());
        Content { body: Body::Fixed(bytes.into()), content_type, multipart: None }
    }

    /// Nothing.
    pub(crate) fn none() -> Content {
        Content { body: Body::None, content_type: None, multipart: None }
    }

    /// What a request with this head carries: a multipart form and its head have one boundary, whoever said the type.
    pub(crate) fn fit(self, head: &mut RequestHead) -> anyhow::Result<Body> {
        let Some(multipart) = self.multipart else { return Ok(self.body) };
        let mut body = self.body;
        for header in head.headers.iter_mut().filter(|header| header.name.eq_ignore_ascii_case("content-type")) {
            let Some(given) = header.value.fixed() else {
                bail!("--header Content-Type cannot be a template with -F, as it says where the parts of the form end");
            };
            // One that was asked to be empty, and the one that the form has by itself.
            if given.is_empty() || self.content_type.as_deref() == Some(given) {
                continue;
            }
            let form = multipart.of_type(given).map_err(|e| anyhow!("-F: {e}"))?;
            body = Body::Fixed(form.body.into());
            header.value = form.content_type.into();
        }
        Ok(body)
    }

    /// There is something.
    pub(crate) fn is_some(&self) -> bool {
        !matches!(self.body, Body::None)
    }
}

/// A body is asked for.
pub(crate) fn has_body(args: &RunArgs) -> bool {
    let files = [&args.data_file, &args.data_lines];
    let texts = [&args.data, &args.template];
    let forms = [&args.form, &args.multipart];
    args.dynamic
        || files.into_iter().any(Option::is_some)
        || texts.into_iter().any(Option::is_some)
        || forms.into_iter().any(|form| !form.is_empty())
}

/// A template in a file, or the text itself: no file's name has braces in it.
fn template_of(template: &str, texts: &Texts) -> anyhow::Result<Arc<Template>> {
    if is_template(template) {
        return texts.template("--template", template);
    }
    let text = file::read("--template", Path::new(template))
        .with_context(|| format!("--template: cannot read {template} (a template as text has {{{{ }}}} in it)"))?;
    let text = encoding::text(text).map_err(|e| anyhow!("--template {template}: {e}"))?;
    texts.template(template, &text)
}

/// What bodies are unless the user says it: JSON if they parse as JSON.
fn content_type(body: &Body, texts: &Texts) -> Option<String> {
    let kind = match body {
        Body::None => return None,
        Body::Fixed(bytes) => kind_of(bytes),
        Body::Lines(lines) => kind_of(lines.get(0)),
        // One that looks like JSON is meant to be JSON, and the user hears of it if it is none.
        Body::Template(template) => match texts.first(template) {
            Ok(first) if first.trim_ascii_start().starts_with(b"{") || first.trim_ascii_start().starts_with(b"[") => {
                "application/json"
            }
            Ok(first) => kind_of(&first),
            Err(_) => "text/plain; charset=utf-8",
        },
    };
    Some(kind.into())
}

fn kind_of(bytes: &[u8]) -> &'static str {
    // Such a mark is sent where the body is a file as it stands, and most who read JSON pass over it (RFC 8259, 8.1).
    let bytes = encoding::without_mark(bytes).unwrap_or(bytes);
    match () {
        () if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() => "application/json",
        () if std::str::from_utf8(bytes).is_ok() => "text/plain; charset=utf-8",
        () => "application/octet-stream",
    }
}

/// A template whose content type is JSON, and that makes none of the first request.
pub(crate) fn warn_of_broken_json(content_type: Option<&str>, body: &Body, texts: &Texts, notes: &mut Vec<Note>) {
    let (Body::Template(template), Some(content_type)) = (body, content_type) else { return };
    if !content_type.to_ascii_lowercase().contains("json") {
        return;
    }
    if let Ok(first) = texts.first(template)
        && let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&first)
    {
        notes.push(Note::BrokenJson { template: template.name().into(), error: error.to_string() });
    }
}
