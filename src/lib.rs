//! The engine of `onrush`, an HTTP load tester. The library exists for the
//! project's own tests, benches and fuzz targets; the product is the binary.

pub mod engine;
pub mod net;
pub mod plan;
pub mod proto;
pub mod record;
pub mod request;
pub mod rng;
pub mod schedule;
pub mod serve;
pub mod source;
pub mod stats;
pub mod time;
pub mod units;
