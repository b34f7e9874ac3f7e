//! The engine of `onrush`, an HTTP load tester. The library exists for the
//! project's own tests, benches and fuzz targets; the product is the binary.

pub mod cli;
pub mod compare;
pub mod curl;
pub mod decode;
pub mod encoding;
pub mod engine;
pub mod feed;
pub mod list;
pub mod net;
pub mod note;
pub mod plan;
pub mod printable;
pub mod proto;
pub mod record;
pub mod report;
pub mod request;
pub mod rng;
pub mod run;
pub mod schedule;
pub mod serve;
pub mod sink;
pub mod source;
pub mod stats;
pub mod template;
pub mod threshold;
pub mod time;
pub mod tls;
pub mod units;
pub mod uri;
