//! The binary, from outside.

mod serve;
mod sim;
