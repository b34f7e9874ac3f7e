//! The server of the simulated world: what it does with connections and requests.

use std::sync::Mutex;

use onrush::time::Nanos;

/// What the server does with a request.
#[derive(Clone)]
pub(super) enum Reply {
    /// 200 after so long.
    Ok(Nanos),
    /// These bytes after so long.
    Bytes(Nanos, &'static [u8]),
    /// 200 with this body after so long.
    Body(Nanos, &'static str),
    /// 307 to /there after so long.
    Moved(Nanos),
    /// An answer after so long, after which the server closes.
    OkAndClose(Nanos),
    /// The connection is closed, or reset, after so long.
    Close(Nanos),
    Reset(Nanos),
    /// HTTP/2: this stream is refused, or failed with that code, after so long.
    ResetStream(Nanos, u8),
    /// HTTP/2: after so long the server goes away with that code; it takes neither this stream nor later ones.
    GoAway(Nanos, u8),
    /// HTTP/2: 200 after so long, and so long after that the server goes away in order.
    OkThenGoAway(Nanos, Nanos),
    /// Nothing, ever.
    Never,
}

/// What the server does with an attempt to connect.
#[derive(Clone, Copy)]
pub(super) enum Accept {
    /// It is open after so long.
    After(Nanos),
    /// It is refused after so long.
    Refuse(Nanos),
    /// This side has no descriptor for it.
    NoDescriptor,
    /// It is open at once, and closed after so long.
    AndClose(Nanos),
    /// Nothing, ever.
    Never,
}

/// One thing that the server is asked: by which user, as which origin, how often that user has
/// asked before, and when (from the start). Users are told apart by their connections.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) user: u32,
    pub(super) origin: u32,
    pub(super) before: u32,
    pub(super) at: Nanos,
}

type Answers<T> = Mutex<Box<dyn FnMut(Asked) -> T + Send>>;

/// The server: two functions of what it is asked.
pub(super) struct Server {
    accept: Answers<Accept>,
    reply: Answers<Reply>,
    /// It closes connections on which nothing has happened for so long.
    pub(super) idle: Option<Nanos>,
    /// A connection takes so many bytes a millisecond; without this, all at once.
    pub(super) bytes_per_ms: Option<usize>,
}

impl Server {
    /// Accepts at once, and replies so.
    pub(super) fn replies(reply: impl FnMut(Asked) -> Reply + Send + 'static) -> Server {
        Server {
            accept: Mutex::new(Box::new(|_| Accept::After(Nanos::ZERO))),
            reply: Mutex::new(Box::new(reply)),
            idle: None,
            bytes_per_ms: None,
        }
    }

    /// Answers 200 after `took`.
    pub(super) fn answers_after(took: Nanos) -> Server {
        Server::replies(move |_| Reply::Ok(took))
    }

    /// As before, but closes connections that were idle for so long.
    pub(super) fn closing_idle(mut self, after: Nanos) -> Server {
        self.idle = Some(after);
        self
    }

    /// As before, but takes so many bytes a millisecond from each connection.
    pub(super) fn taking(mut self, bytes_per_ms: usize) -> Server {
        self.bytes_per_ms = Some(bytes_per_ms);
        self
    }

    /// As before, but accepts so.
    pub(super) fn accepting(mut self, accept: impl FnMut(Asked) -> Accept + Send + 'static) -> Server {
        self.accept = Mutex::new(Box::new(accept));
        self
    }

    /// What it does with an attempt to connect.
    pub(super) fn accept(&self, asked: Asked) -> Accept {
        self.accept.lock().unwrap()(asked)
    }

    /// What it does with a request.
    pub(super) fn reply(&self, asked: Asked) -> Reply {
        self.reply.lock().unwrap()(asked)
    }
}
