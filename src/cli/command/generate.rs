//! `onrush generate`: what helps to begin with.

use std::io;

use clap::{Arg, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::args::{Args, GenerateArgs, Generated};
use crate::cli::{DONE, NOT_WRITTEN, outputs};
use crate::template;

/// Prints it.
pub(crate) fn generate(args: &GenerateArgs) -> anyhow::Result<u8> {
    let text = match args.what {
        Generated::Template => template::BUILT_IN.into(),
        Generated::Bash => completions(Shell::Bash),
        Generated::Zsh => completions(Shell::Zsh),
        Generated::Fish => completions(Shell::Fish),
        Generated::Powershell => completions(Shell::PowerShell),
        Generated::Man => man()?,
    };
    Ok(if outputs::print(&text, true) { DONE } else { NOT_WRITTEN })
}

fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "onrush", &mut text);
    text
}

/// One page for all: behind the options of a run, each subcommand with those of its own.
fn man() -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let mut command = Args::command();
    command.build();
    let man = Man::new(command.clone()).date("");
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    for subcommand in command.get_subcommands() {
        page.extend(section(&command, subcommand)?);
    }
    man.render_extra_section(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// What a subcommand does, and the options that a run has not.
fn section(run: &clap::Command, subcommand: &clap::Command) -> io::Result<Vec<u8>> {
    let mut section = Vec::new();
    let title = format!("onrush {}", subcommand.get_name());
    let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
    let mut head = Roff::new();
    head.control("SH", [title.to_uppercase().as_str()]).text([bold(title), roman(format!(": {about}."))]);
    head.to_writer(&mut section)?;
    let is_own = |arg: &Arg| {
        let is_same = |of_a_run: &Arg| (of_a_run.get_id(), of_a_run.get_help()) == (arg.get_id(), arg.get_help());
        !run.get_arguments().any(is_same)
    };
    let man = Man::new(subcommand.clone().mut_args(|arg| if is_own(&arg) { arg } else { arg.hide(true) }));
    let mut options = Vec::new();
    man.render_options_section(&mut options)?;
    if subcommand.get_after_help().is_some() {
        options.extend(b".PP\n");
        man.render_extra_section(&mut options)?;
    }
    // All under the one heading above.
    let text = String::from_utf8_lossy(&options);
    let lines = text.lines().filter(|line| !line.starts_with(".SH "));
    lines.for_each(|line| section.extend_from_slice(format!("{line}\n").as_bytes()));
    Ok(section)
}
