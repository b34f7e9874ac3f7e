//! The options of a run. The doc comments are the help.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ValueEnum, ValueHint};

use crate::plan::{StatusSet, Warmup};
use crate::threshold::Threshold;
use crate::time::Nanos;
use crate::units;

use super::super::values::{Stages, count, listen, positive, stages, users, warmup};
use super::{Colour, Output};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RunArgs {
    /// URL to test, e.g. http://127.0.0.1:8000/post
    #[arg(value_name = "URL", value_hint = ValueHint::Url, conflicts_with = "url")]
    pub(in crate::cli) positional_url: Option<String>,

    /// URL to test (same as the argument)
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, help_heading = TARGET)]
    pub(in crate::cli) url: Option<String>,
    /// Request method [default: GET; POST with a body]
    #[arg(short, long, visible_short_alias = 'X', help_heading = TARGET)]
    pub(in crate::cli) method: Option<String>,
    /// Request header 'Name: value' (repeatable)
    ///
    /// 'Name:' removes a default header, 'Name;' sends it empty.
    #[arg(short = 'H', long = "header", value_name = "HEADER", help_heading = TARGET)]
    pub(in crate::cli) headers: Vec<String>,
    /// Content-Type header [default: depends on the body]
    #[arg(short = 'T', long, value_name = "TYPE", help_heading = TARGET)]
    pub(in crate::cli) content_type: Option<String>,
    /// Accept header [default: */*]
    #[arg(short = 'A', long, value_name = "TYPES", help_heading = TARGET)]
    pub(in crate::cli) accept: Option<String>,
    /// Basic authentication
    #[arg(short = 'a', long, value_name = "USER:PASS", help_heading = TARGET)]
    pub(in crate::cli) basic_auth: Option<String>,
    /// Host header [default: from the URL]
    #[arg(long, help_heading = TARGET)]
    pub(in crate::cli) host: Option<String>,
    /// File with several targets (- for stdin): vegeta's JSON or HTTP format, or lines of 'METHOD URL WEIGHT' (only
    /// the URL is required)
    #[arg(long, value_name = "FILE", help_heading = TARGET, conflicts_with = "demo")]
    pub(in crate::cli) targets: Option<PathBuf>,
    /// Order in which targets are picked
    #[arg(long, value_enum, value_name = "ORDER", default_value = "sequential", help_heading = TARGET)]
    pub(in crate::cli) target_order: OrderArg,
    /// Start the built-in test server on a free local port and test it
    #[arg(long, help_heading = TARGET)]
    pub(in crate::cli) demo: bool,

    /// Request body
    #[arg(short, long, value_name = "TEXT", help_heading = BODY, conflicts_with_all = ["data_file", "dynamic"])]
    pub(in crate::cli) data: Option<String>,
    /// Read the request body from a file (- for stdin)
    #[arg(short = 'D', long, value_name = "FILE", help_heading = BODY, conflicts_with = "dynamic")]
    pub(in crate::cli) data_file: Option<PathBuf>,
    /// Send a unique generated JSON body with each request
    ///
    /// It has ids, a user, a session, metrics, features and tags.
    #[arg(long, help_heading = BODY)]
    pub(in crate::cli) dynamic: bool,
    /// Render each body from a template: a file, or inline text containing {{ or {%
    #[arg(long, value_name = "FILE|TEXT", value_hint = ValueHint::FilePath, help_heading = BODY, conflicts_with_all = ["data", "data_file", "dynamic"])]
    pub(in crate::cli) template: Option<String>,
    /// File with one body per line: request n sends line n, wrapping around
    #[arg(long, value_name = "FILE", help_heading = BODY, conflicts_with_all = ["data", "data_file", "dynamic", "template"])]
    pub(in crate::cli) data_lines: Option<PathBuf>,
    /// Form field (URL-encoded) (repeatable)
    #[arg(long, value_name = "NAME=VALUE", help_heading = BODY, conflicts_with_all = ["data", "data_file", "dynamic", "template", "data_lines"])]
    pub(in crate::cli) form: Vec<String>,
    /// Multipart form part 'name=value', 'name=@file' or 'name=<file', as in curl (repeatable)
    #[arg(short = 'F', long, value_name = "PART", help_heading = BODY, conflicts_with_all = ["data", "data_file", "dynamic", "template", "data_lines", "form"])]
    pub(in crate::cli) multipart: Vec<String>,
    /// Data rows for templates, CSV or JSON Lines: FILE, NAME=FILE or FILE:ORDER, where ORDER is sequential
    /// (default), random, shuffle or unique (repeatable)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = BODY)]
    pub(in crate::cli) feed: Vec<String>,
    /// Random seed; the same seed reproduces the same requests [default: random]
    #[arg(long, value_name = "N", help_heading = BODY)]
    pub(in crate::cli) seed: Option<u64>,

    /// Concurrent users (with --rate: connections)
    #[arg(short, long, value_name = "N", default_value_t = 50, help_heading = LOAD, value_parser = users)]
    pub(in crate::cli) concurrency: u32,
    /// Total number of requests, e.g. 1000 or 10k [default: 200]
    ///
    /// Without a limit of their own, -z and --stages bound the run instead.
    #[arg(short = 'n', long, value_name = "N", help_heading = LOAD, value_parser = count)]
    pub(in crate::cli) requests: Option<u64>,
    /// Duration of the run; with -n, whichever comes first
    #[arg(short = 'z', long, value_name = "TIME", value_parser = positive, help_heading = LOAD)]
    pub(in crate::cli) duration: Option<Nanos>,
    /// Load model [default: waves; with --rate: open]
    #[arg(long, value_enum, help_heading = LOAD)]
    pub(in crate::cli) model: Option<ModelArg>,
    /// Send at a fixed rate, e.g. 1000, 500/s, 30/m
    ///
    /// Requests are sent on schedule, regardless of how fast the server responds.
    #[arg(short = 'q', long, value_parser = units::parse_rate, help_heading = LOAD)]
    pub(in crate::cli) rate: Option<f64>,
    /// Like --rate, with a rate that changes over time: '30s@100, 1m@100..1000, 10s@1000'
    #[arg(long, value_parser = stages, help_heading = LOAD, conflicts_with = "rate")]
    pub(in crate::cli) stages: Option<Stages>,
    /// Spacing of requests with --rate [default: uniform]
    #[arg(long, value_enum, value_name = "SPACING", help_heading = LOAD)]
    pub(in crate::cli) arrivals: Option<SpacingArg>,
    /// Stop the run if more than N requests are waiting for a connection [default: 1000000]
    #[arg(long, value_name = "N", help_heading = LOAD, value_parser = count)]
    pub(in crate::cli) max_backlog: Option<u64>,
    /// Warm up before measuring: N requests, a duration with its unit, or auto (until response times are stable, 5 to
    /// 60 s)
    #[arg(long, value_name = "N|TIME|auto", value_parser = warmup, help_heading = LOAD)]
    pub(in crate::cli) warmup: Option<Warmup>,
    /// Start a wave every TIME
    #[arg(long, value_name = "TIME", value_parser = positive, help_heading = LOAD)]
    pub(in crate::cli) wave_every: Option<Nanos>,
    /// Last-byte sync: send all but the last byte of each request ahead, then release all last bytes together
    #[arg(long, help_heading = LOAD)]
    pub(in crate::cli) hold_last_byte: bool,

    /// Request timeout [default: 10s]
    ///
    /// It includes connecting if a connection must be opened.
    #[arg(short, long, value_name = "TIME", value_parser = positive, help_heading = LIMITS)]
    pub(in crate::cli) timeout: Option<Nanos>,
    /// Timeout for opening a connection [default: same as --timeout]
    #[arg(long, value_name = "TIME", value_parser = positive, help_heading = LIMITS)]
    pub(in crate::cli) connect_timeout: Option<Nanos>,
    /// How long to wait for outstanding responses at the end of the run [default: same as --timeout]
    #[arg(long, value_name = "TIME", value_parser = units::parse_duration, help_heading = LIMITS)]
    pub(in crate::cli) drain: Option<Nanos>,

    /// Expected response statuses, e.g. 200,201,3xx; others count as failures
    #[arg(long, value_name = "LIST", help_heading = CHECKS, value_parser = StatusSet::parse)]
    pub(in crate::cli) expect_status: Option<StatusSet>,
    /// Regular expression that the first 256 KiB of the body must match (repeatable)
    #[arg(long, value_name = "REGEX", help_heading = CHECKS)]
    pub(in crate::cli) expect_body: Vec<String>,
    /// Follow up to N redirects
    #[arg(long, value_name = "N", help_heading = CHECKS, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(in crate::cli) redirect: Option<u32>,

    /// Open a new connection for each request
    #[arg(long, help_heading = CONNECTION)]
    pub(in crate::cli) disable_keepalive: bool,
    /// HTTP version
    #[arg(long, value_enum, value_name = "VERSION", default_value = "1.1", help_heading = CONNECTION)]
    pub(in crate::cli) http_version: VersionArg,
    /// HTTP/2: concurrent requests per connection [default: 100]
    #[arg(long, value_name = "N", help_heading = CONNECTION, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(in crate::cli) streams: Option<u32>,
    /// HTTP/2: number of connections the users share [default: as few as --streams allows]
    #[arg(long, value_name = "N", help_heading = CONNECTION, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(in crate::cli) connections: Option<u32>,
    /// Skip TLS certificate verification
    #[arg(short = 'k', long, help_heading = CONNECTION)]
    pub(in crate::cli) insecure: bool,
    /// Trust only these CA certificates (PEM)
    #[arg(long, value_name = "FILE", help_heading = CONNECTION, conflicts_with = "insecure")]
    pub(in crate::cli) cacert: Option<PathBuf>,
    /// Client certificate chain (PEM)
    #[arg(long, value_name = "FILE", help_heading = CONNECTION)]
    pub(in crate::cli) cert: Option<PathBuf>,
    /// Client private key (PEM)
    #[arg(long, value_name = "FILE", help_heading = CONNECTION)]
    pub(in crate::cli) key: Option<PathBuf>,
    /// TLS server name, for SNI and verification [default: from the URL]
    #[arg(long, value_name = "NAME", help_heading = CONNECTION)]
    pub(in crate::cli) sni: Option<String>,
    /// Connect to the second host and port instead of the first, as in curl. Parts may be empty (repeatable)
    #[arg(long, value_name = "HOST:PORT:HOST:PORT", help_heading = CONNECTION)]
    pub(in crate::cli) connect_to: Vec<String>,
    /// Addresses to use for a host and port, as in curl (repeatable)
    #[arg(long, value_name = "HOST:PORT:ADDRESS[,ADDRESS]...", help_heading = CONNECTION)]
    pub(in crate::cli) resolve: Vec<String>,
    /// Connect to a Unix domain socket
    #[arg(long, value_name = "PATH", help_heading = CONNECTION, conflicts_with_all = ["connect_to", "resolve", "ipv4", "ipv6"])]
    pub(in crate::cli) unix_socket: Option<PathBuf>,
    /// Use IPv4 only
    #[arg(short = '4', long, help_heading = CONNECTION, conflicts_with = "ipv6")]
    pub(in crate::cli) ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long, help_heading = CONNECTION)]
    pub(in crate::cli) ipv6: bool,
    /// Worker threads [default: waves 1; closed: one per core; open: depends on the rate; never more than users]
    #[arg(long, value_name = "N", help_heading = CONNECTION, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(in crate::cli) workers: Option<u32>,

    /// Log every request to a CSV file (- for stdout)
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(in crate::cli) csv: Option<PathBuf>,
    /// Write the summary as JSON (- for stdout)
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(in crate::cli) json: Option<PathBuf>,
    /// Write histograms over time as an HdrHistogram log (- for stdout)
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(in crate::cli) hdr: Option<PathBuf>,
    /// Write a self-contained HTML report
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(in crate::cli) html: Option<PathBuf>,
    /// Write thresholds as JUnit XML
    #[arg(long, value_name = "FILE", help_heading = OUTPUT, requires = "threshold")]
    pub(in crate::cli) junit: Option<PathBuf>,
    /// Write one line of JSON per second during the run (- for stdout)
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(in crate::cli) jsonl: Option<PathBuf>,
    /// Serve Prometheus metrics on this port, or address and port, during the run
    #[arg(long, value_name = "[ADDR:]PORT", help_heading = OUTPUT, value_parser = listen)]
    pub(in crate::cli) metrics: Option<SocketAddr>,
    /// Print how requests are built before the run, and the command that reproduces it after
    #[arg(short, long, help_heading = OUTPUT)]
    pub(in crate::cli) verbose: bool,
    /// Summary format
    #[arg(short, long, value_enum, default_value_t = Output::Text, help_heading = OUTPUT)]
    pub(in crate::cli) output: Output,
    /// Read the kernel's receive timestamp of every response instead of a sample, to bound onrush's own delay exactly
    #[arg(long, help_heading = OUTPUT)]
    pub(in crate::cli) kernel_stamps: bool,
    /// Full-screen live view: q stops the run, p pauses the display, ? shows help
    #[arg(long, help_heading = OUTPUT, conflicts_with_all = ["progress", "no_progress"])]
    pub(in crate::cli) live: bool,
    /// Show progress every second even if stderr is not a terminal [default there: every 10 s]
    #[arg(long, help_heading = OUTPUT, conflicts_with = "no_progress")]
    pub(in crate::cli) progress: bool,
    /// Show no progress
    #[arg(long, help_heading = OUTPUT)]
    pub(in crate::cli) no_progress: bool,
    /// Colours; NO_COLOR is respected
    #[arg(long, value_enum, default_value_t = Colour::Auto, value_name = "WHEN", help_heading = OUTPUT)]
    pub(in crate::cli) color: Colour,

    /// Pass/fail criterion, e.g. p99<200ms or errors<1% (repeatable)
    ///
    /// Exit code 1 if it is missed. Metrics: percentiles such as p99.9, min, mean, max (also of service. and
    /// spread.), errors, failed, success, rate.
    #[arg(long, value_name = "RULE", help_heading = PASS_FAIL, value_parser = Threshold::parse)]
    pub(in crate::cli) threshold: Vec<Threshold>,
    /// Stop the run as soon as a threshold can no longer be met
    #[arg(long, help_heading = PASS_FAIL, requires = "threshold")]
    pub(in crate::cli) abort_on_fail: bool,
    /// Exit with code 1 if any request failed
    #[arg(long, help_heading = PASS_FAIL)]
    pub(in crate::cli) fail_on_error: bool,
    /// Exit with code 4 if the measurement is INVALID
    #[arg(long, help_heading = PASS_FAIL)]
    pub(in crate::cli) strict: bool,

    /// The request comes from a curl command.
    #[arg(skip)]
    pub(in crate::cli) is_pasted: bool,
}

pub(super) const TARGET: &str = "Target";
pub(super) const BODY: &str = "Body";
const LOAD: &str = "Load";
const LIMITS: &str = "Timeouts";
const CHECKS: &str = "Response checks";
const CONNECTION: &str = "Connection";
pub(in crate::cli) const OUTPUT: &str = "Output";
pub(in crate::cli) const PASS_FAIL: &str = "Pass/fail";

/// The options that `-h` shows; `--help` shows all.
pub(super) const MOST_USED: [&str; 13] = [
    "positional_url",
    "method",
    "headers",
    "data",
    "dynamic",
    "concurrency",
    "requests",
    "duration",
    "model",
    "rate",
    "timeout",
    "csv",
    "threshold",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum VersionArg {
    /// One connection per user
    #[value(name = "1.1")]
    V1_1,
    /// Users share connections; negotiated with ALPN over TLS, otherwise by prior knowledge
    #[value(name = "2")]
    V2,
    /// Negotiate with ALPN over TLS, otherwise 1.1
    Auto,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum OrderArg {
    /// In turn, interleaved by weight
    Sequential,
    /// Random, weighted
    Random,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ModelArg {
    /// All users send at once; the next wave starts when all responses have arrived
    Waves,
    /// Each user sends its next request as soon as the previous response has arrived
    Closed,
    /// On a fixed schedule, independent of the server (needs --rate or --stages)
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SpacingArg {
    /// Evenly spaced
    Uniform,
    /// Exponential gaps, like many independent users
    Poisson,
}

impl RunArgs {
    /// The URL, whichever way it was given.
    pub(in crate::cli) fn url(&self) -> Option<&str> {
        self.positional_url.as_deref().or(self.url.as_deref())
    }
}
