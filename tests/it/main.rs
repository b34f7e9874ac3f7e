//! The binary, from outside.

mod action;
mod addresses;
mod as_given;
mod compare;
mod curl;
mod faults;
mod floors;
mod generate;
mod hostile;
mod http2;
mod large;
mod live;
mod load;
mod outputs;
mod readme;
mod report;
mod requests;
mod schedule;
mod schema;
mod scripted;
mod serve;
mod sim;
mod support;
mod tls;
mod usage;
mod watching;
