//! Where request bodies come from.

pub mod dynamic;
