//! What the user typed: one field per option. The doc comments are the help.

mod run;

use std::any::TypeId;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Arg, Parser, Subcommand, ValueEnum, ValueHint};

use crate::compare::{Limit, parse_percentage};
use crate::report::Paint;

use run::{BODY, MOST_USED, TARGET};
pub(super) use run::{ModelArg, OUTPUT, OrderArg, PASS_FAIL, RunArgs, SpacingArg, VersionArg};

/// HTTP load tester: simultaneous waves, closed loop, or a fixed rate
#[derive(Debug, Parser)]
#[command(
    name = "onrush",
    version,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    mut_args(|arg| by_importance(any_value(arg))),
    after_help = SHORT_EXAMPLES,
    after_long_help = EXAMPLES,
)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

const SHORT_EXAMPLES: &str = "\
Examples:
  onrush http://127.0.0.1:8000/ -c 20 -n 1000                  waves of 20 users
  onrush http://127.0.0.1:8000/ --model closed -c 50 -z 30s    closed loop for 30 s
  onrush http://127.0.0.1:8000/ --rate 500 -z 30s              500 requests per second

'onrush --help' lists all options.";

const EXAMPLES: &str = "\
Examples:
  20 users at the same instant, each with a unique JSON body, until 1,000 requests are done:
    onrush http://127.0.0.1:8000/post --dynamic -c 20 -n 1000 --csv results.csv
  Closed loop, 50 users for 30 seconds after a warm-up:
    onrush http://127.0.0.1:8000/ --model closed -c 50 -z 30s --warmup 5s
  A fixed rate, with pass/fail thresholds:
    onrush http://127.0.0.1:8000/ --rate 500 -z 30s --threshold 'p99<200ms' --threshold 'errors<1%'
  Try it without a server of your own:
    onrush --demo

Durations: a bare number is seconds; 500ms, 2m and 1h30m work too.

Exit status:
  0    done
  1    a threshold was missed, or a request failed (with --fail-on-error)
  2    usage error; nothing was sent
  3    no request succeeded
  4    the measurement is INVALID (with --strict)
  5    an output file could not be written completely
  130  interrupted";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the built-in test server (HTTP/1.1)
    Serve(ServeArgs),
    /// Preview requests without sending them
    Show(Box<ShowArgs>),
    /// Load-test a curl command
    Curl(Box<CurlArgs>),
    /// Compare two saved runs (from --json), or run both in turns
    Compare(CompareArgs),
    /// Re-render a saved run (from --json)
    Report(ReportArgs),
    /// Generate a body template, shell completions or the man page
    Generate(GenerateArgs),
}

/// An option's value may begin with a dash, as with curl. Files are an exception: if one is missing, the next option
/// would be overwritten or read.
fn any_value(arg: Arg) -> Arg {
    let is_file = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    let is_free = arg.get_action().takes_values() && !arg.is_positional() && !is_file;
    if is_free { arg.allow_hyphen_values(true) } else { arg }
}

/// `-h` shows the most used options only.
fn by_importance(arg: Arg) -> Arg {
    let is_shown = MOST_USED.contains(&arg.get_id().as_str());
    arg.hide_short_help(!is_shown)
}

#[derive(Debug, clap::Args)]
#[command(mut_arg("positional_url", |url| url.index(1)), mut_args(|arg| any_value(arg)))]
pub(super) struct ShowArgs {
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// A curl command to preview: onrush show curl '...'
    #[arg(index = 2, value_name = "COMMAND", value_hint = ValueHint::Other)]
    pub(super) command: Option<String>,
    /// With a curl command: replace a field, as in onrush curl (repeatable)
    #[arg(long, value_name = "FIELD=VALUE", requires = "command")]
    pub(super) set: Vec<String>,
    /// Number of requests to show, starting with the first
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) first: u64,
    /// Show only the request with this index; with --seed, as it was sent in that run
    #[arg(long, value_name = "INDEX", conflicts_with = "first")]
    pub(super) row: Option<u64>,
}

/// The positional argument of a run is the command here. Its index is explicit, as a changed argument moves to the end.
#[derive(Debug, clap::Args)]
#[command(
    mut_arg("positional_url", |arg| command_of_curl(arg)),
    mut_args(|arg| without_what_a_command_says(any_value(arg))),
    after_help = "Examples:\n  \
                  Quote the command; options may precede or follow it:\n    \
                  onrush curl 'curl -X POST http://127.0.0.1:8000/' -c 20 -n 100\n  \
                  Replace a field, and preview what is sent:\n    \
                  onrush curl 'curl ...' --set json.id='{{ uuid() }}' -c 20 -n 100\n    \
                  onrush show curl 'curl ...' --set json.id='{{ uuid() }}'\n  \
                  Or pass curl's arguments after --:\n    \
                  onrush curl -c 20 -n 100 -- curl -X POST http://127.0.0.1:8000/"
)]
pub(super) struct CurlArgs {
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// Replace a field of the request: json.PATH=VALUE, query.NAME=VALUE or header.NAME=VALUE; VALUE may be a template,
    /// e.g. json.id='{{ uuid() }}' (repeatable)
    #[arg(long, value_name = "FIELD=VALUE", help_heading = BODY)]
    pub(super) set: Vec<String>,
    /// The curl command, unquoted
    #[arg(last = true, index = 2, num_args = 1.., value_name = "WORDS")]
    pub(super) words: Vec<String>,
}

fn command_of_curl(url: Arg) -> Arg {
    let help = "The curl command in quotes, as copied from a browser with 'Copy as cURL (bash)'";
    url.index(1).value_name("COMMAND").value_hint(ValueHint::Other).help_heading(None).help(help)
}

/// Hides the options that the curl command replaces.
fn without_what_a_command_says(arg: Arg) -> Arg {
    let is_about_it = matches!(arg.get_help_heading(), Some(TARGET | BODY));
    let is_said = is_about_it && !["feed", "seed", "set"].contains(&arg.get_id().as_str());
    arg.hide(is_said)
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
                  onrush compare base.json new.json --fail-if-slower p99=5%\n  \
                  onrush compare --interleave http://127.0.0.1:8000/ http://127.0.0.1:8001/ -- -q 200 -z 2s\n\n\
                  Exit status:\n  \
                  0    done\n  \
                  1    a --fail-if-slower limit is exceeded, or undecided\n  \
                  2    usage error, or the runs are too short to judge a limit\n  \
                  3    no request of a turn succeeded\n  \
                  5    the comparison could not be written\n  \
                  6    a limit depends on onrush's own delay\n  \
                  130  interrupted")]
pub(super) struct CompareArgs {
    /// Baseline summary (- for stdin); with --interleave: a URL, or in quotes a URL with options
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) base: PathBuf,
    /// Summary to compare with the baseline; with --interleave: as above
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) new: PathBuf,
    /// Options for both runs, after --
    #[arg(last = true, value_name = "OPTIONS", requires = "interleave")]
    pub(super) options: Vec<String>,
    /// Run both in alternating turns and compare them, so that slow changes of the environment affect both
    #[arg(long)]
    pub(super) interleave: bool,
    /// Number of turns per run
    #[arg(long, value_name = "N", requires = "interleave", default_value_t = 12,
        value_parser = clap::value_parser!(u32).range(6..=1_000))]
    pub(super) turns: u32,
    /// Show no progress
    #[arg(long, requires = "interleave")]
    pub(super) no_progress: bool,
    /// Treat differences of up to this as no change
    #[arg(long, value_name = "PERCENT", default_value = "2%", value_parser = parse_percentage)]
    pub(super) delta: f64,
    /// Exit with code 1 if a metric is worse by more than this, e.g. p99=5%. Repeatable.
    /// Metrics: mean, p50, p90, p95, p99, p99.9, service-p50, service-p99, throughput, success-rate
    #[arg(long, value_name = "METRIC=PERCENT", value_parser = Limit::parse)]
    pub(super) fail_if_slower: Vec<Limit>,
    /// Outcome of limits that the runs are too short to decide
    #[arg(long, value_enum, value_name = "RESULT", default_value_t = Undecided::Fail)]
    pub(super) undecided: Undecided,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORM", default_value_t = CompareForm::Text)]
    pub(super) output: CompareForm,
    /// Same as --output markdown
    #[arg(long, conflicts_with = "output")]
    pub(super) markdown: bool,
    /// Colours; NO_COLOR is respected
    #[arg(long, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub(super) color: Colour,
}

/// What an undecided limit counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Undecided {
    /// Counts as missed
    Fail,
    /// Counts as met
    Pass,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CompareForm {
    Text,
    Markdown,
    Json,
}

impl CompareArgs {
    /// The form, whichever way it was given.
    pub(super) fn form(&self) -> CompareForm {
        if self.markdown { CompareForm::Markdown } else { self.output }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct ReportArgs {
    /// Summary written by --json (- for stdin)
    #[arg(value_name = "FILE")]
    pub(super) summary: PathBuf,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub(super) output: Output,
    /// Same as --output markdown
    #[arg(long, conflicts_with = "output")]
    pub(super) markdown: bool,
    /// Write a self-contained HTML report
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Write thresholds as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Colours; NO_COLOR is respected
    #[arg(long, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub(super) color: Colour,
}

#[derive(Debug, clap::Args)]
pub(super) struct GenerateArgs {
    /// What to generate
    #[arg(value_enum)]
    pub(super) what: Generated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Generated {
    /// The template behind --dynamic, as a starting point for --template
    Template,
    /// bash completions
    Bash,
    /// zsh completions
    Zsh,
    /// fish completions
    Fish,
    /// PowerShell completions
    Powershell,
    /// Man page
    Man,
}

#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Address and port to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(super) listen: SocketAddr,
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(super) threads: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Text,
    /// One line, e.g. for a chat
    Short,
    Json,
    /// For pull request comments and job summaries
    Markdown,
    /// Annotations of GitHub Actions; also appends Markdown to $GITHUB_STEP_SUMMARY
    Github,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    Auto,
    Always,
    Never,
}

impl Colour {
    pub(super) fn paint(self, terminal: bool) -> Paint {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match self {
            Colour::Always => Paint::Colour,
            Colour::Auto if terminal && !no_color => Paint::Colour,
            Colour::Auto | Colour::Never => Paint::Plain,
        }
    }
}

impl ReportArgs {
    /// The form, whichever way it was given.
    pub(super) fn form(&self) -> Output {
        if self.markdown { Output::Markdown } else { self.output }
    }
}

/// `-`.
pub(super) fn is_stdio(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A path as messages show it.
pub(super) fn shown(path: &Path) -> String {
    if is_stdio(path) { "standard output".into() } else { path.display().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
