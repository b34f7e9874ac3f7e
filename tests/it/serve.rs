//! The built-in target over real sockets. What it answers to which bytes is
//! tested without them, in `src/serve`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

use onrush::serve::{Config, Server};
use onrush::time::{Nanos, monotonic};

const PLAIN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nserver: onrush\r\n\r\nok";

fn server() -> Server {
    Server::start(&Config { listen: "127.0.0.1:0".parse().unwrap(), threads: 2 }).unwrap()
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn of(server: &Server) -> Client {
        Client(BufReader::new(TcpStream::connect(server.address()).unwrap()))
    }

    fn send(&mut self, text: &str) -> &mut Client {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
        self
    }

    fn get(&mut self, path: &str) -> (String, Vec<u8>) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")).answer()
    }

    /// The head of the next answer, and its body as `content-length` frames it.
    fn answer(&mut self) -> (String, Vec<u8>) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).unwrap(), 0, "the server closed after {head:?}");
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |n| n.parse().unwrap())];
        self.0.read_exact(&mut body).unwrap();
        (head, body)
    }

    /// Everything up to the end of the connection.
    fn rest(&mut self) -> String {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        text
    }
}

#[test]
fn every_endpoint_answers_on_one_connection() {
    let server = server();
    let mut client = Client::of(&server);
    for (path, status, body) in [
        ("/", "200 OK", &b"ok"[..]),
        ("/any/other?query", "200 OK", b"ok"),
        ("/delay/1ms", "200 OK", b"ok"),
        (
            "/delay/tomorrow",
            "400 Bad Request",
            b"'tomorrow' is not a duration: write seconds or a unit, as in 10, 500ms, 2m or 1h30m\n",
        ),
        ("/status/204", "204 No Content", b""),
        ("/status/503", "503 Service Unavailable", b"Service Unavailable"),
        ("/status/99", "400 Bad Request", b"a status is a number from 200 to 599\n"),
        ("/bytes/3", "200 OK", b"xxx"),
        ("/stall?at=1h&for=1s", "200 OK", b"ok"),
        ("/post", "200 OK", br#"{"method":"GET","path":"/post","headers":{"host":"test"},"body_length":0}"#),
    ] {
        let (head, answered) = client.get(path);
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{path}: {head}");
        assert_eq!(String::from_utf8_lossy(&answered), String::from_utf8_lossy(body), "{path}");
    }
    assert_eq!((server.requests(), server.connections()), (10, 1));
}

#[test]
fn pipelined_requests_are_answered_in_order_and_closed_when_asked() {
    let server = server();
    let mut client = Client::of(&server);
    client.send(&"GET / HTTP/1.1\r\n\r\n".repeat(5_000));
    client.send("GET /delay/5ms HTTP/1.1\r\n\r\nGET /bytes/1 HTTP/1.1\r\nConnection: close\r\n\r\n");
    let text = client.rest();
    let last = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 1\r\nserver: onrush\r\nconnection: close\r\n\r\nx";
    assert!(text == PLAIN.repeat(5_001) + last, "{} bytes", text.len());
    assert_eq!(server.requests(), 5_002);
}

#[test]
fn the_head_of_an_answer_to_head_is_that_to_get() {
    let server = server();
    let mut client = Client::of(&server);
    client.send("HEAD /bytes/1000000 HTTP/1.1\r\n\r\nHEAD / HTTP/1.0\r\n\r\n");
    let text = client.rest();
    assert!(text.contains("content-length: 1000000\r\n") && text.ends_with("connection: close\r\n\r\n"), "{text}");
}

#[test]
fn request_bodies_are_counted() {
    let server = server();
    let mut client = Client::of(&server);
    client.send("POST /post HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n");
    assert!(client.answer().1.ends_with(b"\"body_length\":12}"));
    client.send("POST /post HTTP/1.1\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer().0, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(&"b".repeat(1_000_000));
    assert!(client.answer().1.ends_with(b"\"body_length\":1000000}"));
}

#[test]
fn what_is_not_http_is_refused_and_the_answer_arrives() {
    let server = server();
    for (text, status) in [
        ("this is not HTTP\r\n\r\n".to_string(), "400 Bad Request"),
        (format!("GET / HTTP/1.1\r\na: {}", "x".repeat(300_000)), "431 Request Header Fields Too Large"),
    ] {
        let mut client = Client::of(&server);
        client.send(&text).0.get_mut().shutdown(Shutdown::Write).unwrap();
        let answer = client.rest();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
    }
    assert_eq!((server.requests(), server.connections()), (2, 2));
}

#[test]
fn a_peer_that_sends_no_more_is_still_answered() {
    let server = server();
    let mut client = Client::of(&server);
    client.send("GET /delay/5ms HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n").0.get_mut().shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.rest(), PLAIN.repeat(2));
}

#[test]
fn many_bytes_come_complete_while_others_are_served() {
    let server = server();
    let mut large = Client::of(&server);
    large.send("GET /bytes/50000000 HTTP/1.1\r\n\r\n");
    // More of them than threads, so that one shares the thread of the large answer.
    for _ in 0..8 {
        assert_eq!(Client::of(&server).get("/").1, b"ok");
    }
    let (_, body) = large.answer();
    assert!(body.len() == 50_000_000 && body.iter().all(|&b| b == b'x'));
    assert_eq!(large.get("/").1, b"ok");
}

#[test]
fn a_delay_lasts_at_least_its_time_and_holds_up_nobody_else() {
    let server = server();
    Client::of(&server).send("GET /delay/1h HTTP/1.1\r\n\r\n");
    let mut waiting: Vec<Client> = (0..8).map(|_| Client::of(&server)).collect();
    for client in &mut waiting {
        client.send("GET /delay/1h HTTP/1.1\r\n\r\n");
    }
    for span in [Nanos::from_micros(300), Nanos::from_millis(1), Nanos::from_millis(20)] {
        let sent = monotonic();
        Client::of(&server).get(&format!("/delay/{}us", span.as_micros()));
        assert!(monotonic().since(sent) >= span, "{span}");
    }
    assert_eq!(server.requests(), 3);
}

#[test]
fn a_stall_holds_the_answers_until_its_end() {
    let server = server();
    let sent = monotonic();
    let mut clients: Vec<Client> = (0..4).map(|_| Client::of(&server)).collect();
    for client in &mut clients {
        client.send("GET /stall?at=0&for=30ms HTTP/1.1\r\n\r\n");
    }
    assert_eq!(Client::of(&server).get("/").1, b"ok");
    for client in &mut clients {
        assert_eq!(client.answer().1, b"ok");
    }
    assert!(monotonic().since(sent) >= Nanos::from_millis(30));
    // The window is counted from the first request, so it is over.
    assert_eq!(clients[0].get("/stall?at=0&for=30ms").1, b"ok");
}

#[test]
fn a_port_in_use_is_refused_and_a_stopped_server_closes_its_connections() {
    // On an address of its own: elsewhere a connection of another test may have the port when it is free.
    let server = Server::start(&Config { listen: "127.0.0.9:0".parse().unwrap(), threads: 1 }).unwrap();
    let config = Config { listen: server.address(), threads: 1 };
    assert_eq!(Server::start(&config).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    let mut client = Client::of(&server);
    client.get("/");
    server.stop();
    assert_eq!(client.rest(), "");
    let again = Server::start(&config).unwrap();
    assert_eq!(Client::of(&again).get("/").1, b"ok");
}
