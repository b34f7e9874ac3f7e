//! A command as one line for a shell.

use std::borrow::Cow;

use crate::time::Nanos;
use crate::uri::Parts;

use super::{Body, Command, DataKind, Family, Route, Version};

impl Command {
    /// The command on one line. Split and parsed it is the same again, if no text in it has a NUL.
    pub fn line(&self) -> String {
        let mut line = Line("curl".into());
        line.option("-X", self.method.as_deref());
        line.flag("-I", self.head);
        line.flag("-G", self.get);
        line.options("-H", &self.headers);
        line.option("-A", self.user_agent.as_deref());
        line.option("-e", self.referer.as_deref());
        line.option("-u", self.user.as_deref());
        line.options("-b", &self.cookies);
        match &self.body {
            Body::None => {}
            Body::Data(all) => all.iter().for_each(|data| line.option(option_of(data.kind), Some(&data.text))),
            Body::Form(fields) => line.options("-F", fields),
        }
        line.flag("--compressed", self.compressed);
        line.option("-m", self.max_time.map(seconds).as_deref());
        line.option("--connect-timeout", self.connect_timeout.map(seconds).as_deref());
        line.flag("-L", self.location);
        line.option("--max-redirs", self.max_redirs.map(|most| most.to_string()).as_deref());
        match self.version {
            None => {}
            Some(Version::V1_1) => line.word("--http1.1"),
            Some(Version::V2) => line.word("--http2"),
            Some(Version::V2Known) => line.word("--http2-prior-knowledge"),
        }
        line.route(&self.route);
        // Curl would take brackets and braces behind the host for several URLs.
        let path = Parts::of(&self.url).map_or("", |parts| &self.url[parts.authority.end..]);
        line.flag("-g", path.contains(['[', ']', '{', '}']));
        line.flag("--path-as-is", self.path_as_is);
        line.word(&self.url);
        line.0
    }
}

struct Line(String);

impl Line {
    fn word(&mut self, word: &str) {
        self.0.push(' ');
        self.0 += &quoted(word);
    }

    fn flag(&mut self, name: &str, is_on: bool) {
        if is_on {
            self.word(name);
        }
    }

    fn option(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.word(name);
            self.word(value);
        }
    }

    fn options(&mut self, name: &str, values: &[String]) {
        values.iter().for_each(|value| self.option(name, Some(value)));
    }

    fn route(&mut self, route: &Route) {
        self.flag("-k", route.insecure);
        self.option("--cacert", route.cacert.as_deref());
        self.option("--cert", route.cert.as_deref());
        self.option("--key", route.key.as_deref());
        self.options("--connect-to", &route.connect_to);
        self.options("--resolve", &route.resolve);
        self.option("--unix-socket", route.unix_socket.as_deref());
        match route.family {
            None => {}
            Some(Family::V4) => self.word("-4"),
            Some(Family::V6) => self.word("-6"),
        }
    }
}

fn option_of(kind: DataKind) -> &'static str {
    match kind {
        DataKind::Plain => "-d",
        DataKind::Raw => "--data-raw",
        DataKind::Binary => "--data-binary",
        DataKind::UrlEncode => "--data-urlencode",
        DataKind::Json => "--json",
    }
}

/// One word of a shell: as it is, in quotes, or where it has control characters, in bash's `$'...'`.
pub fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match () {
        () if !word.is_empty() && word.chars().all(is_plain) => word.into(),
        () if !word.contains(char::is_control) => format!("'{}'", word.replace('\'', r"'\''")).into(),
        () => format!("$'{}'", word.chars().map(escaped).collect::<String>()).into(),
    }
}

fn escaped(c: char) -> Cow<'static, str> {
    match c {
        '\n' => r"\n".into(),
        '\r' => r"\r".into(),
        '\t' => r"\t".into(),
        '\\' => r"\\".into(),
        '\'' => r"\'".into(),
        // All of them are below \u00a0.
        c if c.is_control() => format!(r"\u{:04x}", u32::from(c)).into(),
        c => c.to_string().into(),
    }
}

/// Exactly, without zeros at the end.
fn seconds(time: Nanos) -> String {
    let text = format!("{}.{:09}", time.0 / 1_000_000_000, time.0 % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').into()
}
