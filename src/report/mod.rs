//! What users and machines read: functions of a [`Summary`](crate::stats::Summary), or of a
//! [`Comparison`](crate::compare::Comparison) of two, which compute nothing.

pub mod comparison;
mod hlog;
mod json;
mod text;

pub use hlog::hlog;
pub use json::json;
pub use text::{Paint, text};
