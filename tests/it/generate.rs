//! `onrush generate`: completions and the manual page.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::onrush;

fn generated(what: &str) -> String {
    let run = onrush("generate").arg(what).finish();
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{what}");
    run.stdout
}

/// Whether `program` finds `text` sound; None if there is no such program here.
fn is_sound(program: &str, arguments: &[&str], text: &str) -> Option<bool> {
    let mut command = Command::new(program);
    let piped = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = piped.spawn().ok()?;
    child.stdin.take()?.write_all(text.as_bytes()).ok()?;
    Some(child.wait().unwrap().success())
}

#[test]
fn completions_know_all_subcommands_and_are_sound() {
    for (shell, check) in [
        ("bash", Some(("bash", &["-n"][..]))),
        ("zsh", Some(("zsh", &["-n"]))),
        ("fish", Some(("fish", &["--no-execute"]))),
        ("powershell", None),
    ] {
        let text = generated(shell);
        let flag = if shell == "fish" { "-l csv" } else { "--csv" };
        for word in ["serve", "show", "curl", "generate", flag] {
            assert!(text.contains(word), "{shell}: {word}");
        }
        if let Some((program, arguments)) = check {
            assert_ne!(is_sound(program, arguments, &text), Some(false), "{shell}");
        }
    }
}

#[test]
fn the_manual_page_has_the_options_of_all_subcommands() {
    let page = generated("man");
    assert!(page.contains(".TH onrush 1"), "{page}");
    for word in [r"\-\-csv", r"\-\-listen", r"\-\-row", "ONRUSH SERVE", "ONRUSH CURL", "COMMAND", "EXTRA"] {
        assert!(page.contains(word), "{word} in {page}");
    }
    let dashes = page.matches(r"\-\-concurrency").count();
    assert_eq!(dashes, 2, "in the synopsis and among the options");
    assert_ne!(is_sound("man", &["--warnings", "-E", "UTF-8", "-l", "-"], &page), Some(false));
}
