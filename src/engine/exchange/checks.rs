//! Status and body of a response, as they must be.

use crate::plan::Checks;
use crate::proto::Captured;
use crate::record::{Cause, Failure, Phase};

/// Why the response fails the checks, if it does.
pub(super) fn failure(checks: &Checks, status: u16, captured: &Captured) -> Option<Failure> {
    let failed = |cause| Some(Failure::new(Phase::Check, cause));
    if checks.status.is_some_and(|set| !set.has(status)) {
        return failed(Cause::UnexpectedStatus);
    }
    if checks.body.is_empty() {
        return None;
    }
    match captured.decoded() {
        Ok(body) if checks.body.iter().all(|pattern| pattern.is_match(&body)) => None,
        Ok(_) => failed(Cause::Body),
        Err(cause) => failed(cause),
    }
}
