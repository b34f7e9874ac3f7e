//! The engine on a virtual clock over an in-memory transport: every number is exact.

mod absences;
mod absent;
mod closed;
mod failures;
mod open;
mod origins;
mod server;
mod shared;
mod truth;
mod waves;
mod world;
