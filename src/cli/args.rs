//! What the user typed: one field a flag. The doc comments are the help.

use std::any::TypeId;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Arg, Parser, Subcommand, ValueEnum, ValueHint};

use crate::compare::{Limit, parse_percentage};
use crate::plan::{StatusSet, Warmup};
use crate::report::Paint;
use crate::threshold::Threshold;
use crate::time::Nanos;
use crate::units;

use super::values::{Stages, listen, positive, stages, warmup};

/// Hits a URL with N users at the same instant, wave after wave, and accounts for every request.
#[derive(Debug, Parser)]
#[command(
    name = "onrush",
    version,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    mut_args(|arg| whatever_it_begins_with(arg)),
    disable_help_subcommand = true,
    after_help = "Times: a bare number is seconds; 500ms, 2m and 1h30m work too.\n\
                  Exit codes: 0 done, 1 a threshold was not met or (--fail-on-error) a request failed,\n\
                  2 wrong usage (nothing was sent), 3 no request was ok, 4 --strict and the measurement is INVALID,\n\
                  5 an output file could not be written to the end, 130 interrupted.\n\
                  Example: onrush --demo --method POST --dynamic -c 20 -n 100 --csv results.csv"
)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the built-in target: a fast HTTP/1.1 server to try things on
    Serve(ServeArgs),
    /// Print requests as a run with these options would send them, and send nothing
    Show(Box<ShowArgs>),
    /// Compare two runs: the summaries that --json wrote, or runs in turns
    Compare(CompareArgs),
    /// Run a command line of curl as a load
    Curl(Box<CurlArgs>),
    /// Print the summary of a run again, from what --json wrote
    Report(ReportArgs),
    /// Print what helps to begin with
    Generate(GenerateArgs),
}

/// An option's value is the next word even if that begins with a dash, as with curl. Files are an exception: with one
/// left out, the next option would be overwritten or read.
fn whatever_it_begins_with(arg: Arg) -> Arg {
    let is_file = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    let is_free = arg.get_action().takes_values() && !arg.is_positional() && !is_file;
    if is_free { arg.allow_hyphen_values(true) } else { arg }
}

#[derive(Debug, clap::Args)]
#[command(mut_args(|arg| whatever_it_begins_with(arg)))]
pub(super) struct ShowArgs {
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// So many requests, from the first on
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) first: u64,
    /// The request with this index alone; with --seed, as it was in that run
    #[arg(long, value_name = "INDEX", conflicts_with = "first")]
    pub(super) row: Option<u64>,
}

/// The positional argument of a run is the command here. Its index is said, as who is changed goes to the end of the list.
#[derive(Debug, clap::Args)]
#[command(
    mut_arg("positional_url", |arg| command_of_curl(arg)),
    mut_args(|arg| without_what_a_command_says(whatever_it_begins_with(arg))),
    after_help = "The command comes in quotes, and these options stand before or behind it:\n  \
                  onrush curl 'curl -X POST http://127.0.0.1:8000/' -c 20 -n 100\n\
                  Or its words come behind --, as the shell has read them:\n  \
                  onrush curl -c 20 -n 100 -- curl -X POST http://127.0.0.1:8000/"
)]
pub(super) struct CurlArgs {
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// Its words, as the shell has read them
    #[arg(last = true, index = 2, num_args = 1.., value_name = "WORDS")]
    pub(super) words: Vec<String>,
}

fn command_of_curl(url: Arg) -> Arg {
    let help = "The command in quotes, as browsers copy it with 'Copy as cURL (bash)'";
    url.index(1).value_name("COMMAND").value_hint(ValueHint::Other).help_heading(None).help(help)
}

/// Flags that contradict every command are no help.
fn without_what_a_command_says(arg: Arg) -> Arg {
    let is_about_it = matches!(arg.get_help_heading(), Some(TARGET | BODY));
    let is_said = is_about_it && arg.get_id() != "feed" && arg.get_id() != "seed";
    arg.hide(is_said)
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 done, 1 a limit of --fail-if-slower is exceeded or (--undecided) not decided,\n\
                  2 wrong usage or too little to judge a limit by, 3 no request of a turn was ok,\n\
                  5 the comparison could not be written, 6 a limit depends on onrush's own delay, 130 interrupted.\n\
                  Examples: onrush compare base.json new.json --fail-if-slower p99=5%\n  \
                  onrush compare --interleave http://127.0.0.1:8000/ http://127.0.0.1:8001/ -- -q 200 -z 2s")]
pub(super) struct CompareArgs {
    /// The summary to compare with (- for standard input); with --interleave a URL, or in quotes a URL with options
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) base: PathBuf,
    /// The summary, or the run, that is compared with it
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) new: PathBuf,
    /// Options of both runs, behind --
    #[arg(last = true, value_name = "OPTIONS", requires = "interleave")]
    pub(super) options: Vec<String>,
    /// Make both runs, in turns, and compare them: what changes around them slowly then changes both
    #[arg(long)]
    pub(super) interleave: bool,
    /// Turns of each run
    #[arg(long, value_name = "N", requires = "interleave", default_value_t = 12,
        value_parser = clap::value_parser!(u32).range(6..=1_000))]
    pub(super) turns: u32,
    /// Show no progress of the turns
    #[arg(long, requires = "interleave")]
    pub(super) no_progress: bool,
    /// Numbers that differ by no more than this are the same
    #[arg(long, value_name = "PERCENT", default_value = "2%", value_parser = parse_percentage)]
    pub(super) delta: f64,
    /// Exit with code 1 if the metric is shown to be worse by more than this, as in p99=5%; may be repeated.
    /// Metrics: mean, p50, p90, p95, p99, p99.9, service-p50, service-p99, throughput, success-rate
    #[arg(long, value_name = "METRIC=PERCENT", value_parser = Limit::parse)]
    pub(super) fail_if_slower: Vec<Limit>,
    /// What becomes of a limit that the runs are too short to decide
    #[arg(long, value_enum, value_name = "RESULT", default_value_t = Undecided::Fail)]
    pub(super) undecided: Undecided,
    /// Form of the comparison
    #[arg(short, long, value_enum, value_name = "FORM", default_value_t = CompareForm::Text)]
    pub(super) output: CompareForm,
    /// Markdown, as for a comment on a pull request: the same as --output markdown
    #[arg(long, conflicts_with = "output")]
    pub(super) markdown: bool,
    /// Colours; NO_COLOR is respected
    #[arg(long, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub(super) color: Colour,
}

/// What an undecided limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Undecided {
    /// Not met
    Fail,
    /// Let through
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
    /// What --json wrote (- for standard input)
    #[arg(value_name = "FILE")]
    pub(super) summary: PathBuf,
    /// Form of what is printed
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub(super) output: Output,
    /// As --output markdown
    #[arg(long, conflicts_with = "output")]
    pub(super) markdown: bool,
    /// Write the summary as a page of its own for a browser
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Write a test case for each threshold, as JUnit has them
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Colours; NO_COLOR is respected
    #[arg(long, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub(super) color: Colour,
}

#[derive(Debug, clap::Args)]
pub(super) struct GenerateArgs {
    /// What is to be printed
    #[arg(value_enum)]
    pub(super) what: Generated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Generated {
    /// The template of --dynamic, as a starting point for --template
    Template,
    /// Completions for bash
    Bash,
    /// Completions for zsh
    Zsh,
    /// Completions for fish
    Fish,
    /// Completions for PowerShell
    Powershell,
    /// The manual page
    Man,
}

#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(super) listen: SocketAddr,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(super) threads: Option<u32>,
}

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// What to test, as in http://127.0.0.1:8000/post
    #[arg(value_name = "URL", value_hint = ValueHint::Url, help_heading = TARGET, conflicts_with = "url")]
    pub(super) positional_url: Option<String>,
    /// What to test, as a flag
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, help_heading = TARGET)]
    pub(super) url: Option<String>,
    /// Request method [default: GET, or POST with a body]
    #[arg(short, long, help_heading = TARGET)]
    pub(super) method: Option<String>,
    /// Header line 'Name: value'; 'Name:' leaves out one that is sent by default, 'Name;' is empty; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER", help_heading = TARGET)]
    pub(super) headers: Vec<String>,
    /// Content-Type header [default: by the body]
    #[arg(short = 'T', long, value_name = "TYPE", help_heading = TARGET)]
    pub(super) content_type: Option<String>,
    /// Accept header [default: */*]
    #[arg(short = 'A', long, value_name = "TYPES", help_heading = TARGET)]
    pub(super) accept: Option<String>,
    /// Basic authentication
    #[arg(short = 'a', long, value_name = "USER:PASS", help_heading = TARGET)]
    pub(super) basic_auth: Option<String>,
    /// Host header [default: from the URL]
    #[arg(long, help_heading = TARGET)]
    pub(super) host: Option<String>,
    /// File of requests: vegeta's JSON lines or HTTP text, or lines of 'METHOD URL WEIGHT', of which the URL will do
    #[arg(long, value_name = "FILE", help_heading = TARGET, conflicts_with = "demo")]
    pub(super) targets: Option<PathBuf>,
    /// Whose turn it is in the file of requests
    #[arg(long, value_enum, value_name = "ORDER", default_value = "sequential", help_heading = TARGET)]
    pub(super) target_order: OrderArg,
    /// Start the built-in target on a free loopback port, and test that
    #[arg(long, help_heading = TARGET)]
    pub(super) demo: bool,

    /// Request body
    #[arg(short, long, value_name = "TEXT", help_heading = BODY, conflicts_with_all = ["data_file", "dynamic"])]
    pub(super) data: Option<String>,
    /// File with the request body (- for standard input)
    #[arg(short = 'D', long, value_name = "FILE", help_heading = BODY, conflicts_with = "dynamic")]
    pub(super) data_file: Option<PathBuf>,
    /// Another JSON body for each request: ids, a user, a session, metrics, features, tags
    #[arg(long, help_heading = BODY)]
    pub(super) dynamic: bool,
    /// Another body for each request, from a template: a file, or the text itself if it has {{ or {% in it
    #[arg(long, value_name = "FILE|TEXT", value_hint = ValueHint::FilePath, help_heading = BODY, conflicts_with_all = ["data", "data_file", "dynamic"])]
    pub(super) template: Option<String>,
    /// File of bodies: request n carries line n, and after the last line the first again
    #[arg(long, value_name = "FILE", help_heading = BODY, conflicts_with_all = ["data", "data_file", "dynamic", "template"])]
    pub(super) data_lines: Option<PathBuf>,
    /// Field 'name=value' of a form (urlencoded); may be repeated
    #[arg(long, value_name = "NAME=VALUE", help_heading = BODY, conflicts_with_all = ["data", "data_file", "dynamic", "template", "data_lines"])]
    pub(super) form: Vec<String>,
    /// Part 'name=value', 'name=@file' or 'name=<file' of a form (multipart), as curl has it; may be repeated
    #[arg(short = 'F', long, value_name = "PART", help_heading = BODY, conflicts_with_all = ["data", "data_file", "dynamic", "template", "data_lines", "form"])]
    pub(super) multipart: Vec<String>,
    /// Rows for templates, CSV or JSON lines: FILE, NAME=FILE, or FILE:ORDER, which is sequential (default), random, shuffle or unique
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = BODY)]
    pub(super) feed: Vec<String>,
    /// Seed of all that is drawn by chance: the same seed, the same run [default: random]
    #[arg(long, value_name = "N", help_heading = BODY)]
    pub(super) seed: Option<u64>,

    /// Users; at a rate, connections
    #[arg(short, long, value_name = "N", default_value_t = 50, help_heading = LOAD, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) concurrency: u32,
    /// Requests in all [default: 200 unless -z or --stages is given]
    #[arg(short = 'n', long, value_name = "N", help_heading = LOAD, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) requests: Option<u64>,
    /// Time to run for; with -n, whichever ends first
    #[arg(short = 'z', long, value_name = "TIME", value_parser = positive, help_heading = LOAD)]
    pub(super) duration: Option<Nanos>,
    /// When requests are due [default: waves; open with --rate or --stages]
    #[arg(long, value_enum, help_heading = LOAD)]
    pub(super) model: Option<ModelArg>,
    /// Requests are due at this rate, whatever the server does: 1000, 500/s, 30/m, 10/ms
    #[arg(short = 'q', long, value_parser = units::parse_rate, help_heading = LOAD)]
    pub(super) rate: Option<f64>,
    /// As --rate, with a rate that changes: '30s@100, 1m@100..1000, 10s@1000'
    #[arg(long, value_parser = stages, help_heading = LOAD, conflicts_with = "rate")]
    pub(super) stages: Option<Stages>,
    /// How requests are spaced at a rate [default: uniform]
    #[arg(long, value_enum, value_name = "SPACING", help_heading = LOAD)]
    pub(super) arrivals: Option<SpacingArg>,
    /// So many requests may wait for a free connection at a rate; one more ends the run [default: 1000000]
    #[arg(long, value_name = "N", help_heading = LOAD, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_backlog: Option<u64>,
    /// Send first and do not count: N requests, for a TIME with a unit, or auto: until response times are steady
    #[arg(long, value_name = "N|TIME|auto", value_parser = warmup, help_heading = LOAD)]
    pub(super) warmup: Option<Warmup>,
    /// Plan waves this far apart
    #[arg(long, value_name = "TIME", value_parser = positive, help_heading = LOAD)]
    pub(super) wave_every: Option<Nanos>,
    /// Send all but the last byte of each request before the wave's release
    #[arg(long, help_heading = LOAD)]
    pub(super) hold_last_byte: bool,

    /// Time limit of a request, connecting included where it has to [default: 10s]
    #[arg(short, long, value_name = "TIME", value_parser = positive, help_heading = LIMITS)]
    pub(super) timeout: Option<Nanos>,
    /// Time limit of opening a connection [default: as --timeout]
    #[arg(long, value_name = "TIME", value_parser = positive, help_heading = LIMITS)]
    pub(super) connect_timeout: Option<Nanos>,

    /// How long answers are awaited once no more requests are due [default: as --timeout]
    #[arg(long, value_name = "TIME", value_parser = units::parse_duration, help_heading = LIMITS)]
    pub(super) drain: Option<Nanos>,

    /// Statuses that an answer is to have, as in 200,201,3xx; all others fail
    #[arg(long, value_name = "LIST", help_heading = ANSWERS, value_parser = StatusSet::parse)]
    pub(super) expect_status: Option<StatusSet>,
    /// Pattern that the start of an answer's body (256 KiB) is to match; may be repeated
    #[arg(long, value_name = "REGEX", help_heading = ANSWERS)]
    pub(super) expect_body: Vec<String>,
    /// Follow so many redirects within one request
    #[arg(long, value_name = "N", help_heading = ANSWERS, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(super) redirect: Option<u32>,

    /// A new connection for each request
    #[arg(long, help_heading = CONNECTION)]
    pub(super) disable_keepalive: bool,
    /// HTTP version; auto takes what the server chooses over TLS, else 1.1
    #[arg(long, value_enum, value_name = "VERSION", default_value = "1.1", help_heading = CONNECTION)]
    pub(super) http_version: VersionArg,
    /// HTTP/2: requests at a time on each connection [default: 100]
    #[arg(long, value_name = "N", help_heading = CONNECTION, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) streams: Option<u32>,
    /// HTTP/2: connections that the users share [default: as few as --streams allows]
    #[arg(long, value_name = "N", help_heading = CONNECTION, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) connections: Option<u32>,
    /// Believe any server certificate
    #[arg(short = 'k', long, help_heading = CONNECTION)]
    pub(super) insecure: bool,
    /// Believe the certificates that these roots vouch for (PEM), and no others
    #[arg(long, value_name = "FILE", help_heading = CONNECTION, conflicts_with = "insecure")]
    pub(super) cacert: Option<PathBuf>,
    /// This side's certificate chain (PEM)
    #[arg(long, value_name = "FILE", help_heading = CONNECTION)]
    pub(super) cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", help_heading = CONNECTION)]
    pub(super) key: Option<PathBuf>,
    /// Name to ask for in TLS and to expect in the certificate [default: from the URL]
    #[arg(long, value_name = "NAME", help_heading = CONNECTION)]
    pub(super) sni: Option<String>,
    /// Connect to the second host and port where the URL says the first; parts may be empty; may be repeated
    #[arg(long, value_name = "HOST:PORT:HOST:PORT", help_heading = CONNECTION)]
    pub(super) connect_to: Vec<String>,
    /// Addresses to use for a host and port, as curl has it; may be repeated
    #[arg(long, value_name = "HOST:PORT:ADDRESS[,ADDRESS]...", help_heading = CONNECTION)]
    pub(super) resolve: Vec<String>,
    /// Connect to a Unix-domain socket
    #[arg(long, value_name = "PATH", help_heading = CONNECTION, conflicts_with_all = ["connect_to", "resolve", "ipv4", "ipv6"])]
    pub(super) unix_socket: Option<PathBuf>,
    /// IPv4 alone
    #[arg(short = '4', long, help_heading = CONNECTION, conflicts_with = "ipv6")]
    pub(super) ipv4: bool,
    /// IPv6 alone
    #[arg(short = '6', long, help_heading = CONNECTION)]
    pub(super) ipv6: bool,
    /// Threads [default: 1 for waves, one a core for closed, by the rate for open; at most the users]
    #[arg(long, value_name = "N", help_heading = CONNECTION, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(super) workers: Option<u32>,

    /// Write a row for every request (- for standard output)
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(super) csv: Option<PathBuf>,
    /// Write the summary as JSON (- for standard output)
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(super) json: Option<PathBuf>,
    /// Write histograms over time as an HdrHistogram log (- for standard output)
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(super) hdr: Option<PathBuf>,
    /// Write the summary as a page of its own for a browser
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(super) html: Option<PathBuf>,
    /// Write a test case for each threshold, as JUnit has them
    #[arg(long, value_name = "FILE", help_heading = OUTPUT, requires = "threshold")]
    pub(super) junit: Option<PathBuf>,
    /// Write a line of JSON for each second while the run goes on (- for standard output)
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(super) jsonl: Option<PathBuf>,
    /// Answer Prometheus at this port, or address and port, while the run goes on
    #[arg(long, value_name = "[ADDR:]PORT", help_heading = OUTPUT, value_parser = listen)]
    pub(super) metrics: Option<SocketAddr>,
    /// Say how requests are made, before the run
    #[arg(short, long, help_heading = OUTPUT)]
    pub(super) verbose: bool,
    /// Form of the summary
    #[arg(short, long, value_enum, default_value_t = Output::Text, help_heading = OUTPUT)]
    pub(super) output: Output,
    /// Read the kernel's receive stamp of every answer, not of a sample: onrush's own delay is then known of each
    #[arg(long, help_heading = OUTPUT)]
    pub(super) kernel_stamps: bool,
    /// Show progress even where standard error is no terminal
    #[arg(long, help_heading = OUTPUT, conflicts_with = "no_progress")]
    pub(super) progress: bool,
    /// Watch the run on the whole screen: q ends it, p pauses drawing, ? helps
    #[arg(long, help_heading = OUTPUT, conflicts_with_all = ["progress", "no_progress"])]
    pub(super) live: bool,
    /// Show no progress
    #[arg(long, help_heading = OUTPUT)]
    pub(super) no_progress: bool,
    /// Colours; NO_COLOR is respected
    #[arg(long, value_enum, default_value_t = Colour::Auto, value_name = "WHEN", help_heading = OUTPUT)]
    pub(super) color: Colour,

    /// What the run is to be like, else exit code 1: p99<200ms, service.max<1s, errors<1%, failed<10, rate>500, spread.p99<1ms; may be repeated
    #[arg(long, value_name = "RULE", help_heading = VERDICT, value_parser = Threshold::parse)]
    pub(super) threshold: Vec<Threshold>,
    /// End the run as soon as a threshold cannot be met any more
    #[arg(long, help_heading = VERDICT, requires = "threshold")]
    pub(super) abort_on_fail: bool,
    /// Exit with code 1 if any request failed
    #[arg(long, help_heading = VERDICT)]
    pub(super) fail_on_error: bool,
    /// Exit with code 4 if the measurement is INVALID
    #[arg(long, help_heading = VERDICT)]
    pub(super) strict: bool,

    /// A command of curl says what is sent.
    #[arg(skip)]
    pub(super) is_pasted: bool,
}

const TARGET: &str = "Target";
const BODY: &str = "Body";
const LOAD: &str = "Load";
const LIMITS: &str = "Time limits";
const ANSWERS: &str = "Answers";
const CONNECTION: &str = "Connection";
pub(super) const OUTPUT: &str = "Output";
pub(super) const VERDICT: &str = "Verdict";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum VersionArg {
    /// A connection for each user
    #[value(name = "1.1")]
    V1_1,
    /// Users share connections: by ALPN over TLS, else by prior knowledge
    #[value(name = "2")]
    V2,
    /// What the server chooses
    Auto,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OrderArg {
    /// One after the other, weights interleaved
    Sequential,
    /// By chance, by weight
    Random,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ModelArg {
    /// All users at once, again when all answers are in
    Waves,
    /// A user sends again as soon as its answer is in
    Closed,
    /// On a schedule that is fixed beforehand: needs --rate or --stages
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SpacingArg {
    /// Evenly
    Uniform,
    /// By exponential gaps, as the requests of many independent users are
    Poisson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Text,
    Json,
    /// Fit for a comment or a job's summary
    Markdown,
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

impl RunArgs {
    /// The URL, whichever way it was given.
    pub(super) fn url(&self) -> Option<&str> {
        self.positional_url.as_deref().or(self.url.as_deref())
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
