//! What the commands do: a file for each.

mod compare;
mod curl;
mod generate;
mod interleave;
mod report;
mod reproduce;
mod run;
mod saved;
mod serve;
mod show;

pub(super) use compare::compare;
pub(super) use curl::run_args;
pub(super) use generate::generate;
pub(super) use report::report;
pub(super) use run::run_load;
pub(super) use serve::serve;
pub(super) use show::show;
