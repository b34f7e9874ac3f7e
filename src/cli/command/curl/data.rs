//! The pieces of a body, as curl joins them.

use std::path::Path;

use anyhow::{Context, anyhow};
use percent_encoding::percent_encode_byte;

use crate::cli::file;
use crate::curl::{Data, DataKind};

/// The body is a file as it stands.
pub(super) fn is_one_file(pieces: &[Data]) -> bool {
    matches!(pieces, [Data { kind: DataKind::Binary | DataKind::Json, text }] if text.starts_with('@'))
}

/// The pieces as curl joins them: with `&`, but for those of `--json`.
pub(super) fn join(pieces: &[Data]) -> anyhow::Result<String> {
    let mut joined = Vec::new();
    for (n, piece) in pieces.iter().enumerate() {
        if n > 0 && piece.kind != DataKind::Json {
            joined.push(b'&');
        }
        joined.extend(bytes(piece)?);
    }
    let not_text = "the data is not UTF-8: save all of it in one file, and write --data-binary @FILE";
    String::from_utf8(joined).map_err(|_| anyhow!(not_text))
}

fn bytes(piece: &Data) -> anyhow::Result<Vec<u8>> {
    let file = piece.text.strip_prefix('@');
    Ok(match (piece.kind, file) {
        (DataKind::Raw, _) | (DataKind::Plain | DataKind::Binary | DataKind::Json, None) => piece.text.clone().into(),
        (DataKind::Binary | DataKind::Json, Some(path)) => read(path)?,
        (DataKind::Plain, Some(path)) => {
            let mut bytes = read(path)?;
            bytes.retain(|byte| !matches!(byte, b'\r' | b'\n' | b'\0'));
            bytes
        }
        (DataKind::UrlEncode, _) => url_encoded(&piece.text)?,
    })
}

/// `text`, `=text`, `name=text`, `@file` or `name@file`, whose name is taken to be encoded.
fn url_encoded(text: &str) -> anyhow::Result<Vec<u8>> {
    let (name, content) = match (text.split_once('='), text.split_once('@')) {
        (Some((name, content)), _) => (name, content.as_bytes().to_vec()),
        (None, Some((name, path))) => (name, read(path)?),
        (None, None) => ("", text.as_bytes().to_vec()),
    };
    let mut out = name.as_bytes().to_vec();
    if !name.is_empty() {
        out.push(b'=');
    }
    for byte in content {
        match byte {
            b'-' | b'.' | b'_' | b'~' => out.push(byte),
            b' ' => out.push(b'+'),
            byte if byte.is_ascii_alphanumeric() => out.push(byte),
            byte => out.extend_from_slice(percent_encode_byte(byte).as_bytes()),
        }
    }
    Ok(out)
}

fn read(path: &str) -> anyhow::Result<Vec<u8>> {
    if path == "-" {
        return file::standard_input("curl's data").context("cannot read the data from standard input");
    }
    file::read("curl's data", Path::new(path)).with_context(|| format!("curl's @{path}: cannot read it"))
}
