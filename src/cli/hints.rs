//! What users of other tools type, and what they meant.

use std::path::Path;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::units;

use super::args::{Args, RunArgs};

/// What clap has to say of wrong usage, in one line.
pub(super) fn usage_error(error: &clap::Error) -> anyhow::Error {
    let text = match explained(error) {
        Some(text) => text,
        None => one_line(error),
    };
    anyhow::anyhow!("{text} (see --help)")
}

/// Errors that a question can lead on from.
fn explained(error: &clap::Error) -> Option<String> {
    if let Some(command) = misspelt_command() {
        return Some(command);
    }
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg)?;
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let option = text(ContextKind::SuggestedArg)?;
            Some(format!("unexpected argument '{argument}': did you mean '{option}'?"))
        }
        ErrorKind::InvalidValue if argument.starts_with("--output") => {
            let value = text(ContextKind::InvalidValue)?;
            let flag = match Path::new(value).extension()?.to_str()? {
                "csv" => "--csv",
                "html" | "htm" => "--html",
                "xml" => "--junit",
                _ => "--json",
            };
            Some(format!("--output is a format, not a file: did you mean '{flag} {value}'?"))
        }
        _ => None,
    }
}

/// The first word of the command line, if it is nearly the name of a command.
fn misspelt_command() -> Option<String> {
    let first = std::env::args().nth(1)?;
    let command = nearly_a_command(&first)?;
    Some(format!("'{first}' is not a command: did you mean '{command}'?"))
}

/// The command that a word is nearly.
pub(super) fn nearly_a_command(word: &str) -> Option<String> {
    let command = Args::command();
    let names =
        command.get_subcommands().map(|command| (strsim::damerau_levenshtein(word, command.get_name()), command));
    let (distance, nearest) = names.min_by_key(|(distance, _)| *distance)?;
    (distance > 0 && distance <= 2 && word.len() > 2).then(|| nearest.get_name().into())
}

fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let message: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("For more")).collect();
    let message = message.join(" ");
    // Behind '--', as clap advises, it would not be the option's.
    let value = error.get(ContextKind::InvalidArg);
    let message = match (message.split_once(" tip: to pass "), value) {
        (Some((before, _)), Some(value)) => format!("{before}: if it is an option's value, write --OPTION={value}"),
        _ => message,
    };
    message.trim_start_matches("error: ").into()
}

/// A warning where options mean something else than with other tools.
pub(super) fn warning(args: &RunArgs) -> Option<String> {
    // hey, wrk, bombardier and k6 all take a duration for -d.
    let duration = args.data.as_ref().filter(|data| is_duration(data) && args.duration.is_none())?;
    let mut text = format!("-d '{duration}' is sent as the request body: the duration is -z {duration}");
    // wrk -t4 -c10 -d2s.
    if args.timeout.is_some() {
        text += "; -t is the timeout, and --workers the number of threads";
    }
    Some(text)
}

/// A time with its unit, as `10s` or `1m30s`.
fn is_duration(text: &str) -> bool {
    text.ends_with(['s', 'm', 'h']) && units::parse_duration(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_nearly_commands_are_told_from_hosts() {
        for (word, command) in [("comapre", Some("compare")), ("serv", Some("serve")), ("reprot", Some("report"))] {
            assert_eq!(nearly_a_command(word).as_deref(), command, "{word}");
        }
        for word in ["compare", "localhost", "example.com", "h", "http://h"] {
            assert_eq!(nearly_a_command(word), None, "{word}");
        }
    }

    #[test]
    fn durations_are_told_from_bodies() {
        for text in ["10s", "2m", "1h30m", "500ms"] {
            assert!(is_duration(text), "{text}");
        }
        for text in ["", "10", "s", "a=1s", "{}", "items"] {
            assert!(!is_duration(text), "{text}");
        }
    }
}
