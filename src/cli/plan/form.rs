//! Bodies of forms, from fields as the user writes them.

use url::form_urlencoded;

use crate::cli::file;
use crate::request::{boundary, with_boundary};
use crate::rng::mix;

use super::target::is_token;

/// A multipart form, whose boundary its header may say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Multipart {
    parts: Vec<Vec<u8>>,
    /// The one that it has unless its header says another one.
    boundary: String,
}

/// A body and its content type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// `a=b` each: application/x-www-form-urlencoded, as the URL standard of the WHATWG serialises it (5.2).
pub(crate) fn urlencoded(fields: &[String]) -> Result<Form, String> {
    let mut body = form_urlencoded::Serializer::new(String::new());
    for field in fields {
        let (name, value) = field
            .split_once('=')
            .ok_or_else(|| format!("--form '{}': there is no '=': write NAME=VALUE", shown(field)))?;
        body.append_pair(name, value);
    }
    Ok(Form { content_type: "application/x-www-form-urlencoded".into(), body: body.finish().into_bytes() })
}

/// Fields with curl's syntax: multipart/form-data, as the HTML standard of the WHATWG encodes it (4.10.21.8), but for
/// line breaks in values, which stay as they are. Reads the files that fields name.
///
/// `name=value`, `name=@file`, `name=<file`, each with `;type=T`, and `;filename=N` but for the last. A value or a file
/// name in double quotes may hold what else would end it.
pub(crate) fn multipart(fields: &[String]) -> Result<Multipart, String> {
    let part = |field: &String| match Part::parse(field) {
        Ok(part) => Ok(part.encode()),
        Err(error) => Err(format!("-F '{}': {error}", shown(field))),
    };
    let parts: Vec<Vec<u8>> = fields.iter().map(part).collect::<Result<_, _>>()?;
    let hash = hash(&parts);
    let boundary = absent_from(&parts, |salt| {
        let (high, low) = (mix(hash, 2 * salt), mix(hash, 2 * salt + 1));
        format!("onrush-{high:016x}{low:016x}")
    });
    Ok(Multipart { parts, boundary })
}

impl Multipart {
    /// The form with the boundary of its own.
    pub(crate) fn form(&self) -> Form {
        Form {
            content_type: format!("multipart/form-data; boundary={}", self.boundary),
            body: self.body(&self.boundary),
        }
    }

    /// The form with the content type that the user gave: with the boundary that it says, or as curl has it, with one
    /// behind it.
    pub(crate) fn of_type(&self, content_type: &str) -> Result<Form, String> {
        let Some(boundary) = boundary(content_type) else {
            return Ok(Form {
                content_type: with_boundary(content_type, &self.boundary),
                body: self.body(&self.boundary),
            });
        };
        let wrong = |what: &str| {
            Err(format!(
                "the boundary '{}' of the header Content-Type {what}: leave it out to have one made",
                shown(&boundary)
            ))
        };
        let is_bchar = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
        if boundary.len() > 70 || boundary.ends_with(' ') || !boundary.bytes().all(is_bchar) {
            return wrong("is none, which is up to 70 letters, digits and '()+_,-./:=?");
        }
        let delimiter = format!("\r\n--{boundary}");
        let holds = |part: &Vec<u8>| part.windows(delimiter.len()).any(|window| window == delimiter.as_bytes());
        if self.parts.iter().any(holds) {
            return wrong("stands in a part of the form");
        }
        Ok(Form { content_type: content_type.into(), body: self.body(&boundary) })
    }

    fn body(&self, boundary: &str) -> Vec<u8> {
        let mut body = Vec::new();
        for part in &self.parts {
            body.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            body.extend_from_slice(part);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        body
    }
}

/// The first boundary that no part holds, so that none ends early.
fn absent_from(parts: &[Vec<u8>], candidate: impl Fn(u64) -> String) -> String {
    let mut salt = 0;
    loop {
        let boundary = candidate(salt);
        let holds = |part: &Vec<u8>| part.windows(boundary.len()).any(|window| window == boundary.as_bytes());
        if !parts.iter().any(holds) {
            return boundary;
        }
        salt += 1;
    }
}

/// The same parts have the same boundary, on any machine: so that a run can be repeated byte for byte.
fn hash(parts: &[Vec<u8>]) -> u64 {
    let words = parts.iter().flat_map(|part| part.chunks(8)).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    words.fold(0, mix)
}

/// A control character would make two lines of an error.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[derive(Debug)]
struct Part<'a> {
    name: &'a str,
    file_name: Option<String>,
    content_type: Option<String>,
    content: Vec<u8>,
}

impl<'a> Part<'a> {
    fn parse(field: &'a str) -> Result<Part<'a>, String> {
        let (name, text) = field.split_once('=').ok_or("there is no '=': write NAME=VALUE or NAME=@FILE")?;
        if let Some(text) = text.strip_prefix('@') {
            let Value { text: path, file_name, content_type } = Value::parse(text, &[';', ','])?;
            let file_name = file_name.unwrap_or_else(|| base_name(&path).into());
            let known = || type_by_extension(&file_name).or_else(|| type_by_extension(&path));
            let content_type = content_type.unwrap_or_else(|| known().unwrap_or("application/octet-stream").into());
            let content = read(&path)?;
            return Ok(Part { name, file_name: Some(file_name), content_type: Some(content_type), content });
        }
        if let Some(text) = text.strip_prefix('<') {
            let Value { text: path, file_name, content_type } = Value::parse(text, &[';'])?;
            if file_name.is_some() {
                return Err("the content of a file with '<' has no file name: write '@' to send it as a file".into());
            }
            return Ok(Part { name, file_name, content_type, content: read(&path)? });
        }
        if text.starts_with('(') {
            return Err("forms inside of forms are not supported: put a value that begins with '(' in quotes".into());
        }
        let Value { text, file_name, content_type } = Value::parse(text, &[';'])?;
        Ok(Part { name, file_name, content_type, content: text.into() })
    }

    /// All that stands between two boundaries.
    fn encode(self) -> Vec<u8> {
        let mut head = format!("Content-Disposition: form-data; name=\"{}\"", escape(self.name));
        if let Some(file_name) = &self.file_name {
            head += &format!("; filename=\"{}\"", escape(file_name));
        }
        if let Some(content_type) = &self.content_type {
            head += &format!("\r\nContent-Type: {content_type}");
        }
        let mut part = (head + "\r\n\r\n").into_bytes();
        part.extend(self.content);
        part
    }
}

/// A name inside of quotes.
fn escape(name: &str) -> String {
    name.replace('\n', "%0A").replace('\r', "%0D").replace('"', "%22")
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    if path == "-" {
        return Err("'-' is not read as standard input here: write /dev/stdin".into());
    }
    file::read("--multipart", std::path::Path::new(path)).map_err(|e| format!("cannot read {}: {e}", shown(path)))
}

fn base_name(path: &str) -> &str {
    path.rsplit(std::path::is_separator).next().unwrap_or(path)
}

/// A value or a path, and what stands behind it.
#[derive(Debug)]
struct Value {
    text: String,
    file_name: Option<String>,
    content_type: Option<String>,
}

impl Value {
    /// Reads as curl's `get_param_part` does (src/tool_formparse.c), but for what curl warns of and leaves out, which
    /// is refused. Each of `ends` ends a text that is not in quotes.
    fn parse(text: &str, ends: &[char]) -> Result<Value, String> {
        let (text, mut rest) = word(text, ends)?;
        let mut value = Value { text, file_name: None, content_type: None };
        // What is not known behind a type is a parameter of that type.
        let mut in_type = false;
        while let Some(after) = rest.strip_prefix(';') {
            let option = after.trim_ascii_start();
            let end = option.find(ends).unwrap_or(option.len());
            if let Some(name) = option.strip_prefix("filename=") {
                let (name, behind) = word(name, ends)?;
                (value.file_name, rest, in_type) = (Some(name), behind, false);
                continue;
            }
            rest = &option[end..];
            let option = option[..end].trim_ascii_end();
            match (option.strip_prefix("type="), &mut value.content_type) {
                (Some(kind), None) => {
                    value.content_type = Some(kind.trim_ascii_start().into());
                    in_type = true;
                }
                (_, Some(kind)) if in_type => *kind += &format!("; {option}"),
                _ => {
                    return Err(format!(
                        "';{}' is not known: write ;type= or ;filename=, and a value with semicolons in double quotes",
                        shown(option)
                    ));
                }
            }
        }
        if !rest.is_empty() {
            return Err("a field has one file: write -F for each, and a path with a comma in double quotes".into());
        }
        match value.content_type.as_deref().is_none_or(is_type) {
            true => Ok(value),
            false => Err("';type=' is not followed by a media type: write it as in ;type=image/png".into()),
        }
    }
}

/// The text at the beginning, in quotes or up to one of `ends`, and what follows it: nothing, or one of `ends`.
fn word<'a>(text: &'a str, ends: &[char]) -> Result<(String, &'a str), String> {
    let text = text.trim_ascii_start();
    if let Some((word, rest)) = quoted(text) {
        let rest = rest.trim_ascii_start();
        return match rest.is_empty() || rest.starts_with(ends) {
            true => Ok((word, rest)),
            false => Err(r#"text follows the closing quote: write \" for a quote inside of quotes"#.into()),
        };
    }
    let (word, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
    Ok((word.trim_ascii_end().into(), rest))
}

/// A text in double quotes at the beginning, where `\"` and `\\` are one character, and what follows it. As with curl,
/// a quote that is not closed is none.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.chars();
    let mut word = String::new();
    loop {
        match chars.next()? {
            '"' => return Some((word, chars.as_str())),
            '\\' if chars.as_str().starts_with(['"', '\\']) => word.extend(chars.next()),
            c => word.push(c),
        }
    }
}

/// `type/subtype`, perhaps with parameters; what could end the header line is none.
fn is_type(text: &str) -> bool {
    let (kind, subtype) = text.split_once('/').unwrap_or_default();
    let subtype = subtype.split(';').next().unwrap_or_default().trim_ascii_end();
    is_token(kind) && is_token(subtype) && !text.contains(char::is_control)
}

fn type_by_extension(path: &str) -> Option<&'static str> {
    let (_, extension) = base_name(path).rsplit_once('.')?;
    let known = TYPES.iter().find(|(known, _)| extension.eq_ignore_ascii_case(known));
    known.map(|(_, content_type)| *content_type)
}

const TYPES: [(&str, &str); 30] = [
    ("avif", "image/avif"),
    ("bin", "application/octet-stream"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ico", "image/vnd.microsoft.icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("md", "text/markdown"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("ogg", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("txt", "text/plain"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("zip", "application/zip"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields<const N: usize>(fields: [&str; N]) -> Vec<String> {
        fields.map(String::from).into()
    }

    /// What stands between the boundaries: heads, each line with its end, and contents.
    fn parts(form: &Form) -> Vec<(String, Vec<u8>)> {
        let boundary = form.content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        assert!((24..=70).contains(&boundary.len()), "{boundary}");
        let delimiter = format!("\r\n--{boundary}");
        let mut rest = [b"\r\n", &form.body[..]].concat();
        let mut parts = Vec::new();
        let mut cut = |delimiter: &str| {
            let at = rest.windows(delimiter.len()).position(|w| w == delimiter.as_bytes()).unwrap();
            let after = rest.split_off(at + delimiter.len());
            let mut before = std::mem::replace(&mut rest, after);
            before.truncate(at);
            (before, rest.clone())
        };
        let (before, mut after) = cut(&delimiter);
        assert_eq!(before, b"");
        while after != b"--\r\n" {
            let head = cut("\r\n\r\n").0;
            let content;
            (content, after) = cut(&delimiter);
            parts.push((String::from_utf8(head).unwrap(), content));
        }
        parts
    }

    /// The only part's head and content.
    fn part(field: &str) -> (String, String) {
        let form = multipart(&fields([field])).unwrap().form();
        let [(head, content)] = &parts(&form)[..] else { panic!("{form:?}") };
        (
            head.strip_prefix("\r\nContent-Disposition: form-data; ").unwrap().into(),
            String::from_utf8_lossy(content).into(),
        )
    }

    #[test]
    fn fields_are_urlencoded_as_browsers_do() {
        let form = urlencoded(&fields(["a=b c", "ä&=1+1=2", "=*-._~", "a=\r\n"])).unwrap();
        assert_eq!(form.content_type, "application/x-www-form-urlencoded");
        assert_eq!(String::from_utf8(form.body).unwrap(), "a=b+c&%C3%A4%26=1%2B1%3D2&=*-._%7E&a=%0D%0A");
        let error = "--form 'a\u{fffd}b': there is no '=': write NAME=VALUE";
        assert_eq!(urlencoded(&fields(["a=1", "a\nb"])), Err(error.into()));
    }

    #[test]
    fn a_multipart_form_is_these_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.JSON");
        std::fs::write(&path, b"{\xff\r\n}").unwrap();
        let form = multipart(&fields(["a=1", "b=", &format!("c=@{}", path.display())])).unwrap().form();
        let boundary = "onrush-f58864cab0978fad3bef85a6ff02e3bf";
        assert_eq!(form.content_type, format!("multipart/form-data; boundary={boundary}"));
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"c\"; filename=\"a.JSON\"\r\n\
             Content-Type: application/json\r\n\r\n{{?\r\n}}\r\n--{boundary}--\r\n"
        );
        let bytes: Vec<u8> = expected.bytes().map(|b| if b == b'?' { 0xff } else { b }).collect();
        assert_eq!(form.body, bytes);
    }

    #[test]
    fn fields_are_read_as_curl_reads_them() {
        for (field, head, content) in [
            ("a= b ", "name=\"a\"", "b"),
            ("a=b=c", "name=\"a\"", "b=c"),
            ("=b", "name=\"\"", "b"),
            ("a=\"b; c\"", "name=\"a\"", "b; c"),
            (r#"a= "\"b\\\n" ;type=x/y"#, "name=\"a\"\r\nContent-Type: x/y", "\"b\\\\n"),
            ("a=\"b", "name=\"a\"", "\"b"),
            ("a=b\"c\"", "name=\"a\"", "b\"c\""),
            ("a=\"@b\"", "name=\"a\"", "@b"),
            ("a=b, c", "name=\"a\"", "b, c"),
            ("a={};type=application/json", "name=\"a\"\r\nContent-Type: application/json", "{}"),
            ("a=b;type=text/html;charset=utf-8", "name=\"a\"\r\nContent-Type: text/html; charset=utf-8", "b"),
            (
                "a=b; type=text/html ; charset=utf-8 ;filename= \"c;d\"",
                "name=\"a\"; filename=\"c;d\"\r\nContent-Type: text/html; charset=utf-8",
                "b",
            ),
            ("a\r\n\"%22=b\r\n", "name=\"a%0D%0A%22%22\"", "b"),
        ] {
            assert_eq!(part(field), (head.into(), content.into()), "{field}");
        }
    }

    #[test]
    fn files_are_parts_or_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        for name in ["a.png", "a, b;c", "v"] {
            std::fs::write(path(name), name).unwrap();
        }
        let file =
            |name: &str, content_type: &str| format!("name=\"f\"; filename=\"{name}\"\r\nContent-Type: {content_type}");
        for (field, head, content) in [
            (format!("f=@{}", path("a.png")), file("a.png", "image/png"), "a.png"),
            (format!("f=@{};filename=b", path("a.png")), file("b", "image/png"), "a.png"),
            (format!("f=@{};filename=\"b\\\".x.txt\"", path("a.png")), file("b%22.x.txt", "text/plain"), "a.png"),
            (format!("f=@{};type=x/y;filename=z.gif", path("v")), file("z.gif", "x/y"), "v"),
            (format!("f=@\"{}\"", path("a, b;c")), file("a, b;c", "application/octet-stream"), "a, b;c"),
            (format!("f=<{}", path("v")), "name=\"f\"".into(), "v"),
            (format!("f=<{};type=text/x", path("v")), "name=\"f\"\r\nContent-Type: text/x".into(), "v"),
        ] {
            assert_eq!(part(&field), (head, content.into()), "{field}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_field_is_said() {
        let several = "a field has one file: write -F for each, and a path with a comma in double quotes";
        let unknown = "is not known: write ;type= or ;filename=, and a value with semicolons in double quotes";
        let no_type = "';type=' is not followed by a media type: write it as in ;type=image/png";
        for (field, error) in [
            ("a", "there is no '=': write NAME=VALUE or NAME=@FILE"),
            ("a=b; c", &format!("';c' {unknown}")),
            ("a=b;headers=X: y", &format!("';headers=X: y' {unknown}")),
            ("a=b;filename=c;d", &format!("';d' {unknown}")),
            ("a=@b,c", several),
            ("a=@b;type=x/y,c", several),
            ("a=@\"b\",c", several),
            ("a=\"b\"c", "text follows the closing quote: write \\\" for a quote inside of quotes"),
            ("a=b;type=png", no_type),
            ("a=b;type=", no_type),
            ("a=b;type=x/y;z=\r\nA: b", no_type),
            ("a=(b", "forms inside of forms are not supported: put a value that begins with '(' in quotes"),
            ("a=<b;filename=c", "the content of a file with '<' has no file name: write '@' to send it as a file"),
            ("a=@-", "'-' is not read as standard input here: write /dev/stdin"),
            ("a=@/no/such", "cannot read /no/such: No such file or directory (os error 2)"),
            ("a=</no/such", "cannot read /no/such: No such file or directory (os error 2)"),
        ] {
            let shown = field.replace(char::is_control, "\u{fffd}");
            assert_eq!(multipart(&fields(["x=y", field])), Err(format!("-F '{shown}': {error}")));
        }
    }

    #[test]
    fn the_boundary_of_the_header_is_that_of_the_body() {
        let form = multipart(&fields(["a=1"])).unwrap();
        let body = |boundary: &str| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--{boundary}--\r\n")
                .into_bytes()
        };
        let own = form.boundary.clone();
        for (given, sent, boundary) in [
            ("multipart/form-data", &*format!("multipart/form-data; boundary={own}"), &*own),
            ("Multipart/Mixed;", &format!("Multipart/Mixed; boundary={own}"), &own),
            ("application/json", &format!("application/json; boundary={own}"), &own),
            ("multipart/form-data; BOUNDARY=\"a b\"; x=y", "multipart/form-data; BOUNDARY=\"a b\"; x=y", "a b"),
        ] {
            let expected = Form { content_type: sent.into(), body: body(boundary) };
            assert_eq!(form.of_type(given), Ok(expected), "{given}");
        }
        let long = format!("x/y; boundary={}", "b".repeat(71));
        for (given, why) in
            [(&*long, "is none"), ("x/y; boundary=a\"b", "is none"), ("x/y; boundary=\"a \"", "is none")]
        {
            let error = form.of_type(given).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let holding = multipart(&fields(["a=1\r\n--b"])).unwrap();
        assert!(holding.of_type("x/y; boundary=b").unwrap_err().contains("stands in a part"));
    }

    #[test]
    fn a_boundary_occurs_in_no_part() {
        let parts = [b"x-0-x".to_vec(), b"-1".to_vec(), b"-".to_vec()];
        assert_eq!(absent_from(&parts, |salt| format!("-{salt}")), "-2");
        let [one, same, other] = ["a=1", "a=1", "a=2"].map(|field| multipart(&fields([field])).unwrap().form());
        assert_eq!(one, same);
        assert_ne!(one.content_type, other.content_type);
    }

    proptest! {
        #[test]
        fn any_field_survives_urlencoding(pairs in prop::collection::vec(("(?s:[^=]){0,8}", "(?s:.){0,8}"), 0..4)) {
            let fields: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let form = urlencoded(&fields).unwrap();
            let decoded: Vec<(String, String)> = form_urlencoded::parse(&form.body).into_owned().collect();
            prop_assert_eq!(decoded, pairs);
        }

        // Browsers leave '%' in names as it is: who decodes cannot tell %22 from a quote.
        #[test]
        fn any_field_survives_multipart(pairs in prop::collection::vec(("(?s:[^=%]){0,8}", "(?s:.){0,8}"), 0..4)) {
            let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            let fields: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
            let decoded = parts(&multipart(&fields).unwrap().form()).into_iter().map(|(head, content)| {
                let name = head.strip_prefix("\r\nContent-Disposition: form-data; name=\"").unwrap();
                let name = name.strip_suffix('"').unwrap();
                assert!(!name.contains(['"', '\r', '\n']), "{name:?}");
                let name = name.replace("%22", "\"").replace("%0A", "\n").replace("%0D", "\r");
                (name, String::from_utf8(content).unwrap())
            });
            prop_assert_eq!(decoded.collect::<Vec<_>>(), pairs);
        }

        #[test]
        fn no_text_makes_two_lines_of_an_error_or_a_head(
            field in "[a=;\"@<(\\\\, \r\n]{0,12}|a=(?s:.){0,8};type=(?s:.){0,8}",
        ) {
            match multipart(&[field]) {
                Err(error) => prop_assert!(!error.contains(['\r', '\n']), "{error:?}"),
                Ok(form) => for (head, _) in parts(&form.form()) {
                    prop_assert!(head[2..].matches(['\r', '\n']).count() <= 2, "{head:?}");
                },
            }
        }
    }
}
