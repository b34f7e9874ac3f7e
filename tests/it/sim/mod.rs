//! The engine on a virtual clock over an in-memory transport: every number is exact.

mod absences;
mod absent;
mod closed;
mod everything;
mod failures;
mod open;
mod origins;
mod scene;
mod server;
mod shared;
mod truth;
mod turns;
mod waves;
mod workers;
mod world;
