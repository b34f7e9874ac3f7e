//! What users and machines read: functions of a [`Summary`](crate::stats::Summary), which compute nothing.

mod json;
mod text;

pub use json::json;
pub use text::{Paint, text};
