//! Asking a server before the run which protocol it chooses.

use std::io;

use crate::plan::Endpoint;
use crate::record::{Cause, Failure, Phase};
use crate::time::{Nanos, monotonic};
use crate::tls::TlsSettings;

use super::cause::failure_of;
use super::{Addresses, Dial, Handshake, Means, Poller, Transport};

/// Asks the server whether it chooses HTTP/2, on a connection of its own that is
/// closed at once, within `limit`. Its addresses are tried as in the run.
///
/// # Errors
/// Why it could not be asked.
pub fn chooses_h2(endpoint: &Endpoint, settings: &TlsSettings, limit: Nanos) -> Result<bool, Failure> {
    let failed = |e: io::Error| failure_of(Phase::Connect, &e);
    let mut poller = Poller::new().map_err(failed)?;
    let mut scratch = vec![0; 16 * 1024];
    let (mut addresses, mut dial, mut transport) = match endpoint {
        Endpoint::Tcp(list) => {
            let mut addresses = Addresses::new(list, 0);
            let dial = Dial::new(&mut addresses, limit);
            (Some(addresses), Some(dial), None)
        }
        Endpoint::Unix(path) => (None, None, Some(Transport::unix(path, &poller, 0, Some(settings))?)),
    };
    let mut now = monotonic();
    let until = now + limit;
    loop {
        if let (Some(addresses), Some(race)) = (&mut addresses, &mut dial) {
            let mut means =
                Means { poller: &poller, number: 0, tls: Some(settings), stamps: false, scratch: &mut scratch };
            if let Some((connected, _)) = race.go_on(now, addresses, &mut means)? {
                (transport, dial) = (Some(connected), None);
            }
        }
        if let Some(transport) = &mut transport
            && transport.handshake(&mut scratch)? == Handshake::Done
        {
            return Ok(transport.chose_h2());
        }
        if now >= until {
            let waits_for = if transport.is_some() { Cause::WaitTls } else { Cause::WaitConnect };
            return Err(Failure::new(Phase::Timeout, waits_for));
        }
        let next = dial.as_ref().map_or(Nanos::NEVER, Dial::next_instant);
        poller.wait(now, until.min(next), &mut Vec::new()).map_err(failed)?;
        now = monotonic();
    }
}
