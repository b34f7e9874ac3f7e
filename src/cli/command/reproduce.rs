//! The command line that makes a run again: its own, with the seed that it had, and without secrets.

use crate::cli::args::RunArgs;
use crate::curl;
use crate::request::is_credential;

/// Stands for a secret.
const MASK: &str = "***";

/// The command line of this process as a shell reads it, with the seed of the run.
pub(super) fn command(args: &RunArgs, seed: u64) -> String {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    line(&words, &secrets(args), args.seed.is_none().then_some(seed))
}

/// What is secret of a request, however it was written: among other options, or set in a pasted command.
fn secrets(args: &RunArgs) -> Vec<String> {
    let secret = |line: &String| {
        let (name, value) = line.split_once(':')?;
        is_secret(name.trim()).then(|| value.trim().to_owned())
    };
    let mut secrets: Vec<String> = args.headers.iter().filter_map(secret).chain(args.basic_auth.clone()).collect();
    secrets.retain(|secret| secret.len() >= MIN_SECRET);
    secrets
}

/// Shorter ones, in bytes, are only masked where they are expected: they may stand anywhere else by coincidence.
const MIN_SECRET: usize = 4;

fn line(words: &[String], secrets: &[String], seed: Option<u64>) -> String {
    let mut words = masked(words);
    for word in &mut words {
        secrets.iter().for_each(|secret| *word = word.replace(secret.as_str(), MASK));
    }
    if let Some(seed) = seed {
        // Behind `--` there are words of a curl command.
        let at = words.iter().position(|word| word == "--").unwrap_or(words.len());
        words.splice(at..at, ["--seed".into(), seed.to_string()]);
    }
    let words: Vec<_> = words.iter().map(|word| curl::quoted(word)).collect();
    format!("onrush {}", words.join(" "))
}

/// The words without credentials: user and password, in options and URLs, and headers and cookies that are secret.
fn masked(words: &[String]) -> Vec<String> {
    let mut out = Vec::with_capacity(words.len());
    let mut previous = None;
    for word in words {
        let is_value_of = |names: &[&str]| previous.is_some_and(|previous: &str| names.contains(&previous));
        out.push(if is_value_of(&SECRETS) {
            MASK.into()
        } else if is_value_of(&HEADERS) {
            header(word)
        } else {
            attached(word)
        });
        previous = Some(word.as_str());
    }
    out
}

/// Options of onrush and curl whose value is a secret.
const SECRETS: [&str; 6] = ["-a", "--basic-auth", "-u", "--user", "-b", "--cookie"];
/// Those whose value is a header.
const HEADERS: [&str; 2] = ["-H", "--header"];

/// A word that may have its value with it, or is a URL, or a whole command of curl.
fn attached(word: &str) -> String {
    if let Some((name, value)) = word.split_once('=').filter(|(name, _)| name.starts_with("--")) {
        return match name {
            name if SECRETS.contains(&name) => format!("{name}={MASK}"),
            name if HEADERS.contains(&name) => format!("{name}={}", header(value)),
            name => format!("{name}={}", without_user(value)),
        };
    }
    if let Some((name, value)) = word.split_at_checked(2).filter(|(_, value)| !value.is_empty()) {
        match name {
            name if SECRETS.contains(&name) => return format!("{name}{MASK}"),
            name if HEADERS.contains(&name) => return format!("{name}{}", header(value)),
            _ => {}
        }
    }
    // A whole command in quotes.
    if word.starts_with("curl ")
        && let Ok(words) = curl::split(word)
    {
        let masked = masked(&words);
        return masked.iter().map(|word| curl::quoted(word)).collect::<Vec<_>>().join(" ");
    }
    without_user(word)
}

fn header(text: &str) -> String {
    match text.split_once(':') {
        Some((name, value)) if is_secret(name.trim()) && !value.trim().is_empty() => format!("{name}: {MASK}"),
        _ => text.into(),
    }
}

/// The header may be a secret, by its name: a command line is passed on more readily than a summary.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    is_credential(&name)
        || ["auth", "cookie", "key", "pass", "secret", "session", "token"].iter().any(|part| name.contains(part))
}

/// A URL without user and password (RFC 3986, 3.2.1).
fn without_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.into() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{MASK}{}", &rest[at..]),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> String {
        line(&words.iter().map(|word| (*word).into()).collect::<Vec<_>>(), &["Bearer secret".into()], Some(7))
    }

    #[test]
    fn the_seed_is_in_it_and_words_are_quoted() {
        assert_eq!(of(&["http://h/?a=1&b=2", "-n", "10"]), "onrush 'http://h/?a=1&b=2' -n 10 --seed 7");
        assert_eq!(
            of(&["curl", "-n", "10", "--", "curl", "http://h/"]),
            "onrush curl -n 10 --seed 7 -- curl http://h/"
        );
        assert_eq!(line(&["--seed".into(), "3".into()], &[], None), "onrush --seed 3");
    }

    #[test]
    fn secrets_are_not() {
        for (words, expected) in [
            (&["-a", "me:secret", "http://h/"][..], "-a '***' http://h/"),
            (&["-ame:secret"], "'-a***'"),
            (&["--basic-auth=me:secret"], "'--basic-auth=***'"),
            (&["-H", "Authorization: Bearer secret"], "-H 'Authorization: ***'"),
            (&["-HX-Api-Key:secret"], "'-HX-Api-Key: ***'"),
            (&["--header=Cookie: secret"], "'--header=Cookie: ***'"),
            (&["-H", "X-Test: shown"], "-H 'X-Test: shown'"),
            (&["curl", "--set", "header.X-Auth=Bearer secret"], "curl --set 'header.X-Auth=***'"),
            (&["http://me:secret@h/a@b"], "'http://***@h/a@b'"),
            (&["--url=https://secret@h"], "'--url=https://***@h'"),
            (&["curl", "curl -u me:secret -b 'a=secret' http://h/"], "curl 'curl -u '"),
        ] {
            let line = of(words);
            assert!(!line.contains("secret"), "{line}");
            assert!(line.starts_with(&format!("onrush {expected}")), "{line}");
        }
    }
}
