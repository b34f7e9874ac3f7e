//! Names with several addresses, of which some are silent or refuse, and names that are met in the run.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use onrush::engine::{LogQueue, Shared, Sockets, Worker};
use onrush::net::Poller;
use onrush::net::lookup::Lookups;
use onrush::net::probe::chooses_h2;
use onrush::plan::{
    Checks, Endpoint, Family, Limits, Load, Model, Open, Order, Origin, Plan, Protocol, Redirects, Routes, Stop,
    Target, Targets, Tls, Trust, Turns, Warmup,
};
use onrush::record::Record;
use onrush::request::{Body, RequestHead};
use onrush::run::{Setting, run};
use onrush::schedule::{Profile, Spacing};
use onrush::stats::{Board, Summary};
use onrush::time::{Nanos, WallClock, monotonic};
use onrush::tls::TlsSettings;
use socket2::{Domain, Socket, Type};

use crate::scripted::{Hostile, OK};
use crate::support::Nobody;
use crate::tls::Authority;

/// An address that says nothing: as many wait there to be accepted as may, and the next one's SYN is dropped.
struct Silent {
    listener: Socket,
    _waiting: TcpStream,
}

impl Silent {
    fn new() -> Silent {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&"127.0.0.2:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let waiting = TcpStream::connect(address).unwrap();
        let next = TcpStream::connect_timeout(&address, Duration::from_millis(20));
        assert!(next.is_err(), "this system does not drop it");
        Silent { listener, _waiting: waiting }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap().as_socket().unwrap()
    }
}

const LIMIT: Nanos = Nanos::from_secs(20);

/// 40 requests of four users to one name with these addresses.
fn plan(model: Model, addresses: &[SocketAddr]) -> Plan {
    let (method, path, authority) = ("GET".into(), "/".into(), "h".into());
    let head = RequestHead { method, path, authority, headers: vec![], keep_alive: true };
    let target = Target { name: "GET http://h/".into(), origin: 0, head, body: Body::None };
    let requests = Some(40);
    Plan {
        url: "http://h/".into(),
        origins: vec![Origin { name: "http://h".into(), endpoint: Endpoint::Tcp(addresses.to_vec()), tls: None }],
        targets: Targets { list: vec![target], order: Order::One },
        protocol: Protocol::Http1,
        checks: Checks::default(),
        redirects: None,
        load: Load { model, users: 4, stop: Stop { requests, duration: None }, warmup: Warmup::None },
        limits: Limits { request: LIMIT, connect: LIMIT, drain: LIMIT },
        seed: 1,
        workers: 2,
        connections_asked: 4,
        stamps: false,
        thresholds: vec![],
    }
}

fn models() -> [Model; 3] {
    let (profile, spacing) = (Arc::new(Profile::constant(1_000.0)), Spacing::Uniform);
    let open = Open { profile, spacing, max_backlog: 1_000_000 };
    [Model::Waves { every: None, hold_last_byte: false }, Model::Closed, Model::Open(open)]
}

fn summary(plan: &Plan) -> Summary {
    let board = Board::new(plan.workers);
    let (stop, ended_early) = (Arc::new(AtomicBool::new(false)), OnceLock::new());
    let setting = Setting { board: &board, stop, csv: None, notes: vec![], route: None, ended_early: &ended_early };
    run(plan, setting).unwrap().summary
}

/// All requests are answered; the longest that a connection took to open.
#[track_caller]
fn longest_connect_ms(plan: &Plan) -> f64 {
    let summary = summary(plan);
    assert_eq!((summary.accounting.ok, summary.accounting.scheduled), (40, 40), "{:?}", summary.failures);
    summary.connect_ms.unwrap().max
}

#[track_caller]
fn failures(plan: &Plan) -> Vec<String> {
    let summary = summary(plan);
    assert_eq!(summary.accounting.ok, 0);
    summary.failures.iter().map(|f| format!("{}: {}", f.phase.text(), f.cause.text())).collect()
}

#[test]
fn a_silent_address_is_passed_over() {
    let (silent, server) = (Silent::new(), Hostile::start(|peer| peer.answer_all(OK)));
    for model in models() {
        let plan = plan(model, &[silent.address(), server.address()]);
        let longest = longest_connect_ms(&plan);
        assert!((250.0..LIMIT.as_millis()).contains(&longest), "{:?}: {longest} ms", plan.load.model);
    }
}

#[test]
fn a_silent_address_is_passed_over_within_a_short_limit() {
    let (silent, server) = (Silent::new(), Hostile::start(|peer| peer.answer_all(OK)));
    let mut plan = plan(Model::Closed, &[silent.address(), server.address()]);
    plan.limits.connect = Nanos::from_millis(400);
    let longest = longest_connect_ms(&plan);
    assert!((200.0..400.0).contains(&longest), "{longest} ms");
}

#[test]
fn what_is_known_of_an_address_serves_the_connections_after_it() {
    let (silent, server) = (Silent::new(), Hostile::start(|peer| peer.answer_all(OK)));
    let mut plan = plan(Model::Closed, &[silent.address(), server.address()]);
    plan.targets.list[0].head.keep_alive = false;
    (plan.load.users, plan.connections_asked, plan.workers) = (1, 1, 1);
    let before = monotonic();
    longest_connect_ms(&plan);
    let took = monotonic().since(before);
    // Had each second connection waited, it would be 5 s.
    assert!(took < Nanos::from_secs(3), "{took}");
    assert_eq!(server.stop().counts(), (40, 40));
}

#[test]
fn an_address_that_refuses_costs_nothing_though_another_is_silent() {
    let (silent, dead, server) = (Silent::new(), Nobody::new(), Hostile::start(|peer| peer.answer_all(OK)));
    for addresses in [
        [dead.address(), silent.address(), server.address()],
        [silent.address(), dead.address(), server.address()],
        [server.address(), dead.address(), silent.address()],
    ] {
        let longest = longest_connect_ms(&plan(Model::Closed, &addresses));
        assert!(longest < LIMIT.as_millis(), "{longest} ms");
    }
    let longest = longest_connect_ms(&plan(Model::Closed, &[dead.address(), server.address()]));
    assert!(longest < 250.0, "{longest} ms");
}

#[test]
fn where_no_address_connects_the_failure_is_the_last_or_the_time_limit() {
    let (silent, dead) = (Silent::new(), Nobody::new());
    for model in models() {
        let plan = plan(model, &[dead.address(), "127.0.0.3:1".parse().unwrap()]);
        assert_eq!(failures(&plan), ["connect: refused"], "{:?}", plan.load.model);
    }
    for addresses in [[silent.address(), dead.address()], [dead.address(), silent.address()]] {
        let mut plan = plan(Model::Closed, &addresses);
        plan.limits.connect = Nanos::from_millis(400);
        assert_eq!(failures(&plan), ["timeout: connect"]);
    }
}

#[test]
fn a_server_is_asked_for_its_protocol_at_the_address_that_answers() {
    let (silent, dead, authority) = (Silent::new(), Nobody::new(), Authority::new());
    let server = Hostile::start_tls(authority.localhost(), |peer| peer.read_to_end());
    let tls = Tls { server_name: "localhost".into(), trust: Trust::Anything, identity: None };
    let settings = TlsSettings::new(&tls, &[Protocol::ALPN_H2, Protocol::ALPN_HTTP1]).unwrap();
    let ask = |addresses: &[SocketAddr], limit| {
        chooses_h2(&Endpoint::Tcp(addresses.to_vec()), &settings, limit).map_err(|failure| failure.to_string())
    };
    let before = monotonic();
    for addresses in [[silent.address(), server.address()], [server.address(), silent.address()]] {
        assert_eq!(ask(&addresses, LIMIT), Ok(true));
    }
    assert_eq!(ask(&[dead.address(), server.address()], LIMIT), Ok(true));
    let took = monotonic().since(before);
    assert!(took < LIMIT, "{took}");
    assert_eq!(server.stop().connections, 3, "it is asked once");
    assert_eq!(ask(&[dead.address()], LIMIT), Err("connect: refused".into()));
    assert_eq!(ask(&[silent.address()], Nanos::from_millis(30)), Err("timeout: connect".into()));
}

/// What a test knows of names: the first is this machine, the second nothing, and all others are never answered.
fn resolver(host: &str, port: u16, _: Family) -> Result<Vec<SocketAddr>, String> {
    match host {
        "here.test" | "127.0.0.1" => Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]),
        "nowhere.test" => Err("there is no such name".into()),
        _ => loop {
            std::thread::park();
        },
    }
}

/// Every other request is redirected to `location`; all requests, by number.
fn redirected_to(location: String, limit: Nanos, model: Model) -> Vec<Record> {
    let server = Hostile::start(move |peer| {
        while let Some(request) = peer.request() {
            let moved = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
            peer.write(if request.head.starts_with("GET /moved ") { moved.as_bytes() } else { OK });
        }
    });
    let mut plan = plan(model, &[server.address()]);
    let mut moved = plan.targets.list[0].clone();
    (moved.head.path, moved.name) = ("/moved".into(), "GET http://h/moved".into());
    plan.targets.list.push(moved);
    plan.targets.order = Order::InTurn(Turns::new(&[1, 1]));
    let routes = Arc::new(Routes::of(&["known.test::here.test:".into()], &[]).unwrap());
    plan.redirects = Some(Redirects { most: 3, routes, family: Family::Any, trust: Trust::Anything, identity: None });
    (plan.load.stop.requests, plan.limits.connect, plan.workers) = (Some(8), limit, 1);
    let poller = Poller::new().unwrap();
    let lookups = Lookups::new(resolver, Arc::new(poller.waker().unwrap()));
    let mut sockets = Sockets::new([(&plan.origins[0].endpoint, None)], 0, 4, poller, vec![]);
    sockets.follow(plan.redirects.clone().unwrap(), plan.protocol.alpn(), lookups);
    let (full, batches) = std::sync::mpsc::sync_channel(100);
    let (_empty, back) = std::sync::mpsc::sync_channel(1);
    let (shared, board) = (Shared::new(&plan, Arc::new(AtomicBool::new(false))), Board::new(1));
    let rows = LogQueue::new(0, full, back);
    Worker::new(&plan, 0, sockets, &shared, &board, WallClock::read(), Some(rows)).run();
    let mut records: Vec<Record> = batches.try_iter().flat_map(|batch| batch.records).collect();
    records.sort_by_key(|record| record.index);
    assert_eq!(records.len(), 8);
    records
}

/// What became of the requests that were redirected; all others are answered.
#[track_caller]
fn outcomes_of_moved(records: &[Record]) -> Vec<String> {
    let (moved, others): (Vec<&Record>, Vec<&Record>) = records.iter().partition(|record| record.index % 2 == 1);
    assert!(others.iter().all(|record| record.failure.is_none() && record.status == 200), "{others:?}");
    let outcome = |record: &&Record| record.failure.map_or(record.status.to_string(), |failure| failure.to_string());
    moved.iter().map(outcome).collect()
}

#[test]
fn a_name_that_is_never_answered_holds_up_its_own_requests_alone() {
    let limit = Nanos::from_secs(1);
    for model in models().into_iter().skip(1) {
        let records = redirected_to("http://never.test/".into(), limit, model);
        assert_eq!(outcomes_of_moved(&records), ["timeout: connect"; 4]);
        let of_others = records.iter().filter(|record| record.status == 200);
        assert!(of_others.clone().all(|record| record.service().unwrap() < limit), "{records:?}");
    }
}

#[test]
fn a_name_that_is_met_in_the_run_is_found_or_not() {
    let (other, authority) = (Hostile::start(|peer| peer.answer_all(OK)), Authority::new());
    let secure = Hostile::start_tls(authority.localhost(), |peer| peer.answer_all(OK));
    for model in models() {
        let run = |location| outcomes_of_moved(&redirected_to(location, LIMIT, model.clone()));
        assert_eq!(run(format!("http://here.test:{}/", other.address().port())), ["200"; 4]);
        assert_eq!(run(format!("http://known.test:{}/", other.address().port())), ["200"; 4]);
        assert_eq!(run(format!("https://here.test:{}/", secure.address().port())), ["200"; 4]);
        assert_eq!(run(format!("https://{}/", secure.address())), ["200"; 4]);
        assert_eq!(run("http://nowhere.test/".into()), ["connect: cannot resolve"; 4]);
    }
}
