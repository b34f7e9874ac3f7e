//! Where request bodies come from.

pub mod dynamic;
mod json;
mod stamp;
mod words;
