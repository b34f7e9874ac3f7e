//! Once connections are up, a request allocates nothing; putting away an interval of the run does.
#![expect(unsafe_code, reason = "a global allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use onrush::engine::{LogQueue, Shared, Sockets, Worker};
use onrush::feed::{Feed, Format, Lines, Order};
use onrush::net::Poller;
use onrush::plan::{
    Checks, Endpoint, Limits, Load, Model, Open, Order as TargetOrder, Origin, Plan, Protocol, Stop, Target, Targets,
    Warmup,
};
use onrush::record::Batch;
use onrush::request::{Body, RequestHead};
use onrush::schedule::{Profile, Spacing};
use onrush::serve::{Config, Server};
use onrush::stats::Board;
use onrush::template::Template;
use onrush::time::{Nanos, WallClock};

/// The system's allocator, which counts what each thread asks for.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: every method hands its arguments on to the system's allocator, which keeps the contract of `GlobalAlloc`;
// counting touches a thread-local cell that needs neither allocation nor destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of this very method.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USERS: u32 = 8;

fn plan(address: SocketAddr, body: Body, requests: u64) -> Plan {
    let (method, path, authority) = ("POST".into(), "/".into(), address.to_string());
    let head = RequestHead { method, path, authority, headers: vec![], keep_alive: true };
    Plan {
        url: format!("http://{address}/"),
        origins: vec![Origin { name: format!("http://{address}"), endpoint: Endpoint::Tcp(vec![address]), tls: None }],
        targets: Targets { list: vec![Target { name: "POST".into(), origin: 0, head, body }], order: TargetOrder::One },
        protocol: Protocol::Http1,
        checks: Checks::default(),
        redirects: None,
        load: Load {
            model: Model::Closed,
            users: USERS,
            stop: Stop { requests: Some(requests), duration: None },
            warmup: Warmup::None,
        },
        connections_asked: USERS,
        limits: Limits { request: Nanos::from_secs(30), connect: Nanos::from_secs(30), drain: Nanos::from_secs(30) },
        seed: 1,
        workers: 1,
        stamps: false,
        thresholds: vec![],
    }
}

/// A template that has all kinds of values, rows of two files among them.
fn rows() -> Body {
    let users = b"id,name\n1,\"Ada \"\"A\"\"\"\n2,Bob\n3,Eve\n".to_vec();
    let items = b"{\"n\":1,\"s\":\"a\\\"b\",\"o\":{\"k\":[1]}}\n{\"n\":2,\"s\":\"c\",\"o\":null}\n".to_vec();
    let users = Feed::new("users", users, Format::Csv, Order::Shuffle).unwrap();
    let items = Feed::new("items", items, Format::JsonLines, Order::Random).unwrap();
    let text = r#"{{ users.id }} {{ users.name | json }} {{ items.n }} {{ items.s | upper }} {{ items.o | json }} {{ items | json }}
        {{ uuid() }} {{ now() }} {{ int(-5, 5) }} {{ float(0, 1, 3) }} {{ pick("a", 1) }} {{ word() }} {{ name() | urlencode }}
        {{ email() }} {{ hex(40) }} {{ base64(100) }} {{ sample.tags }} {{ index }} {{ timestamp_ms() }}"#;
    Body::Template(Arc::new(Template::compile("t", text, &[Arc::new(users), Arc::new(items)]).unwrap()))
}

/// One of each kind, with its name.
fn bodies() -> [(&'static str, Body); 5] {
    [
        ("fixed body", Body::Fixed((*b"hello").into())),
        ("dynamic body", Body::Template(Arc::new(Template::built_in()))),
        ("template with rows", rows()),
        ("lines", Body::Lines(Arc::new(Lines::new(b"one\ntwo\n".to_vec()).unwrap()))),
        ("no body", Body::None),
    ]
}

/// What a thread allocates in the life of a worker, but for what its intervals may.
fn allocations(plan: &Plan, rows: Option<LogQueue>) -> u64 {
    let shared = Shared::new(plan, Arc::new(AtomicBool::new(false)));
    let board = Board::new(1);
    let sockets = Sockets::new([(&plan.origins[0].endpoint, None)], 0, USERS as usize, Poller::new().unwrap(), vec![]);
    let before = ALLOCATIONS.get();
    let totals = Worker::new(plan, 0, sockets, &shared, &board, WallClock::read(), rows).run();
    let allocated = ALLOCATIONS.get() - before;
    assert_eq!(Some(totals.counts.ok), plan.load.stop.requests);
    // Up to three histograms, each packed in a scratch vector and copied out of it.
    let intervals = 6 * totals.intervals() as u64;
    assert!(allocated < intervals + 1_000, "{allocated} allocations, {} intervals", totals.intervals());
    allocated.saturating_sub(intervals)
}

/// As above, with rows that another thread takes and gives back emptied.
fn allocations_with_rows(plan: &Plan) -> u64 {
    const QUEUE: usize = 4;
    let (full, log) = sync_channel::<Batch>(QUEUE);
    let (empty, back): (SyncSender<_>, _) = sync_channel(2 * QUEUE);
    for _ in 0..2 * QUEUE {
        empty.send(Vec::with_capacity(onrush::engine::BATCH)).unwrap();
    }
    let sink = thread::spawn(move || {
        let mut rows = 0;
        for batch in log {
            rows += batch.records.len() as u64;
            let _ = empty.send(batch.records);
        }
        rows
    });
    let allocated = allocations(plan, Some(LogQueue::new(0, full, back)));
    assert_eq!(Some(sink.join().unwrap()), plan.load.stop.requests);
    allocated
}

/// The difference between a short and a long run is what requests allocate.
#[track_caller]
fn assert_none_for_a_request(measure: &dyn Fn(u64) -> u64, what: &str) {
    let [few, many] = [2_000, 20_000].map(measure);
    // A disturbed run puts away more histograms than another.
    assert!(many <= few + 200, "2,000 requests allocate {few} times, 20,000 {many} times: {what}");
}

#[test]
fn no_request_of_a_closed_run_allocates() {
    let server = Server::start(&Config { listen: "127.0.0.1:0".parse().unwrap(), threads: 1 }).unwrap();
    let address = server.address();
    for (name, body) in bodies() {
        let plan = |requests| plan(address, body.clone(), requests);
        assert_none_for_a_request(&|requests| allocations(&plan(requests), None), name);
        assert_none_for_a_request(&|requests| allocations_with_rows(&plan(requests)), &format!("{name}, with rows"));
    }
}

/// A server of HTTP/2 that answers every request at once, connection after connection.
fn http2_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || answer_frames(stream.unwrap()));
        }
    });
    address
}

fn answer_frames(mut stream: TcpStream) -> Option<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).ok()?;
    // SETTINGS, and as much window for bodies as there can be.
    stream.write_all(b"\0\0\0\x04\0\0\0\0\0\0\0\x04\x08\0\0\0\0\0\x7f\xff\0\0").ok()?;
    let (mut bytes, mut piece) = (Vec::new(), [0; 64 * 1024]);
    loop {
        let n = stream.read(&mut piece).ok().filter(|&n| n > 0)?;
        bytes.extend_from_slice(&piece[..n]);
        let mut answers = Vec::new();
        let mut rest = &bytes[..];
        while let Some((head, behind)) = rest.split_first_chunk::<9>() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let Some(behind) = behind.get(length..) else { break };
            rest = behind;
            if head[3] <= 1 && head[4] & 1 != 0 {
                answers.extend_from_slice(&[0, 0, 1, 1, 5, head[5], head[6], head[7], head[8], 0x88]);
            }
        }
        bytes.drain(..bytes.len() - rest.len());
        stream.write_all(&answers).ok()?;
    }
}

#[test]
fn no_request_over_http_2_allocates() {
    let address = http2_server();
    for (name, body) in bodies() {
        let plan = |requests| {
            let mut plan = plan(address, body.clone(), requests);
            plan.protocol = Protocol::Http2 { connections: 2, streams: USERS / 2 };
            plan
        };
        assert_none_for_a_request(&|requests| allocations(&plan(requests), None), name);
        assert_none_for_a_request(&|requests| allocations_with_rows(&plan(requests)), &format!("{name}, with rows"));
    }
}

#[test]
fn no_request_of_an_open_run_allocates() {
    let server = Server::start(&Config { listen: "127.0.0.1:0".parse().unwrap(), threads: 1 }).unwrap();
    let open = |requests| {
        let profile = Arc::new(Profile::constant(20_000.0));
        let mut plan = plan(server.address(), Body::None, requests);
        plan.load.model = Model::Open(Open { profile, spacing: Spacing::Poisson, max_backlog: 1_000_000 });
        plan
    };
    assert_none_for_a_request(&|requests| allocations(&open(requests), None), "at a rate");
    assert_none_for_a_request(&|requests| allocations_with_rows(&open(requests)), "at a rate, with rows");
}
