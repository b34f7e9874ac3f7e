//! What users and machines read: functions of a [`Summary`](crate::stats::Summary), of a
//! [`Comparison`](crate::compare::Comparison) of two, or of what is known while a run goes on. They compute nothing.

pub mod comparison;
mod github;
mod hlog;
mod html;
mod json;
mod jsonl;
mod junit;
mod markdown;
mod metrics;
#[cfg(test)]
mod outcome_tests;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
mod text;

pub use github::github;
pub use hlog::hlog;
pub use html::html;
pub use json::json;
pub use jsonl::jsonl;
pub use junit::junit;
pub use markdown::markdown;
pub use metrics::{Exposition, RunLabels, metrics};
pub use text::{Paint, outcome, short, text};
