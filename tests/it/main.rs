//! The binary, from outside.

mod serve;
