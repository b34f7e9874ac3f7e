//! Where records go while the run is on.

mod csv;

pub use csv::{CsvFile, HEADER, Saved};
