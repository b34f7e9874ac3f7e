//! What users and machines read: functions of a [`Summary`](crate::stats::Summary), which compute nothing.

mod hlog;
mod json;
mod text;

pub use hlog::hlog;
pub use json::json;
pub use text::{Paint, text};
