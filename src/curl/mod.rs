//! Command lines of curl: read as people paste them, and written so that they can be pasted.
//!
//! What an option means is as in curl's manual (<https://curl.se/docs/manpage.html>). URLs are taken as they stand:
//! their brackets and braces do not stand for several (`--globoff`).

mod ansi;
mod options;
mod parse;
mod print;
mod words;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use crate::time::Nanos;

pub use parse::{Parsed, parse};
pub use print::quoted;
pub use words::split;

/// One request as curl would send it, and how it would get there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// Has a scheme, and no white space at its ends.
    pub url: String,
    /// `--path-as-is`: segments `.` and `..` of the URL's path are sent; else they are removed first.
    pub path_as_is: bool,
    /// `-X`: the method, whatever the other options ask for.
    pub method: Option<String>,
    /// `-I`: HEAD is asked for.
    pub head: bool,
    /// `-G`: the data belongs to the URL's query.
    pub get: bool,
    /// `-H`: as written, in order. None begins with `@`.
    pub headers: Vec<String>,
    /// What it carries.
    pub body: Body,
    /// `-u`: `user:password`.
    pub user: Option<String>,
    /// `-A`: the User-Agent header.
    pub user_agent: Option<String>,
    /// `-e`: the Referer header.
    pub referer: Option<String>,
    /// `-b`: cookies, each with its `=`.
    pub cookies: Vec<String>,
    /// `--compressed`: a compressed answer is asked for.
    pub compressed: bool,
    /// The version that is asked for.
    pub version: Option<Version>,
    /// How the server is reached.
    pub route: Route,
    /// `-m`: the time limit of the request, more than zero.
    pub max_time: Option<Nanos>,
    /// `--connect-timeout`: that of opening the connection, more than zero.
    pub connect_timeout: Option<Nanos>,
    /// `-L`: redirects are followed.
    pub location: bool,
    /// `--max-redirs`: so many at most.
    pub max_redirs: Option<u32>,
}

/// How the server is reached, and whether it is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// `-k`: any certificate is believed.
    pub insecure: bool,
    /// `--cacert`: a file of roots.
    pub cacert: Option<String>,
    /// `-E`: a file with this side's certificate.
    pub cert: Option<String>,
    /// `--key`: a file with its key.
    pub key: Option<String>,
    /// `--connect-to`, as written.
    pub connect_to: Vec<String>,
    /// `--resolve`, as written.
    pub resolve: Vec<String>,
    /// `--unix-socket`: its path.
    pub unix_socket: Option<String>,
    /// `-4` or `-6`.
    pub family: Option<Family>,
}

/// What a request carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// `-d` and its kin: pieces that are joined. At least one.
    Data(Vec<Data>),
    /// `-F`: fields of a multipart form, as written. At least one.
    Form(Vec<String>),
}

/// A piece of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// How it is to be read.
    pub kind: DataKind,
    /// As written.
    pub text: String,
}

/// How a piece of a body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKind {
    /// `-d`: `@file` names a file, whose line breaks are left out.
    Plain,
    /// `--data-raw`: as it is.
    Raw,
    /// `--data-binary`: `@file` names a file.
    Binary,
    /// `--data-urlencode`: `name=text`, `name@file`, ..., which is percent-encoded.
    UrlEncode,
    /// `--json`: as `--data-binary`, joined without `&`, and JSON is what is sent and wanted.
    Json,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `--http1.1`.
    V1_1,
    /// `--http2`: over TLS, if the server chooses it.
    V2,
    /// `--http2-prior-knowledge`.
    V2Known,
}

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `-4`.
    V4,
    /// `-6`.
    V6,
}
