//! What users and machines read: functions of a [`Summary`](crate::stats::Summary), or of a
//! [`Comparison`](crate::compare::Comparison) of two, which compute nothing.

pub mod comparison;
mod hlog;
mod html;
mod json;
#[cfg(test)]
mod sample;
mod text;

pub use hlog::hlog;
pub use html::html;
pub use json::json;
pub use text::{Paint, text};
