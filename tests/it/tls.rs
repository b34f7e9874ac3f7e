//! TLS: what is believed, what is refused, and by which name.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tempfile::TempDir;

use crate::scripted::{Hostile, OK, Peer};
use crate::support::{Report, onrush};

/// A certificate authority whose files are in a directory of its own.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    files: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        Authority::named("one")
    }

    fn named(name: &str) -> Authority {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Authority { issuer, files: TempDir::new().unwrap() };
        authority.write("ca.pem", &authority.issuer.pem());
        authority
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `--cacert` with this authority's own certificate.
    pub(crate) fn believed(&self) -> String {
        format!("--cacert {}", self.files.path().join("ca.pem").display())
    }

    /// A certificate for `name`, and its key.
    fn certify(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.into()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// `--cert` and `--key` of a client that this authority vouches for.
    fn client(&self) -> String {
        let (certificate, key) = self.certify("client", |_| {});
        let (cert, key) =
            (self.write("client.pem", &certificate.pem()), self.write("client.key", &key.serialize_pem()));
        format!("--cert {} --key {}", cert.display(), key.display())
    }

    /// A server for `name`; with `clients`, only for those that this authority vouches for.
    fn server(&self, name: &str, clients: bool, change: impl FnOnce(&mut CertificateParams)) -> ServerConfig {
        self.server_over(rustls::DEFAULT_VERSIONS, name, clients, change)
    }

    fn server_over(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        name: &str,
        clients: bool,
        change: impl FnOnce(&mut CertificateParams),
    ) -> ServerConfig {
        let (certificate, key) = self.certify(name, change);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
        let builder = if clients {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }

    fn localhost_over(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        self.server_over(versions, "localhost", false, |_| {})
    }

    pub(crate) fn localhost(&self) -> ServerConfig {
        self.server("localhost", false, |_| {})
    }
}

fn answer_all(peer: &mut Peer) {
    peer.answer_all(OK);
}

fn run(server: &Hostile, arguments: &str) -> Report {
    onrush(&format!("-4 -c 2 -n 6 {arguments}")).arg(server.https_url()).report()
}

/// No user gets a connection, and `error` says why.
#[track_caller]
fn is_refused(error: &str, config: ServerConfig, arguments: &str) {
    let server = Hostile::start_tls(config, answer_all);
    let report = run(&server, arguments);
    assert_eq!((report.error(), report.code, report.rows.len()), (error, 3, 2));
    assert_eq!(report.summary.connections, 0);
    assert_eq!(server.stop().counts(), (0, 2), "nothing was sent");
}

#[test]
fn a_large_body_arrives_whole() {
    let authority = Authority::new();
    let server = Hostile::start_tls(authority.localhost(), answer_all);
    let body: Vec<u8> = (0..100_000u32).flat_map(|n| n.to_le_bytes()).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &body).unwrap();
    for hold in ["", "--hold-last-byte"] {
        let report = onrush(&format!("-4 -c 2 -n 4 --insecure {hold} --data-file"))
            .arg(file.path())
            .arg(server.https_url())
            .report();
        report.assert_all_ok(4);
    }
    let seen = server.stop();
    assert!(seen.requests.len() == 8 && seen.requests.iter().all(|request| request.body == body));
}

#[test]
fn a_certificate_is_believed_if_the_given_authority_vouches_for_it() {
    let authority = Authority::new();
    for model in ["", "--model closed", "--hold-last-byte -d body"] {
        let server = Hostile::start_tls(authority.localhost(), answer_all);
        let report = run(&server, &format!("{} {model}", authority.believed()));
        report.assert_all_ok(6);
        assert_eq!(server.stop().counts(), (6, 2), "{model}");
    }
}

#[test]
fn insecure_believes_everything() {
    let authority = Authority::new();
    let expired = authority.server("elsewhere", false, |params| params.not_after = date_time_ymd(2020, 1, 1));
    let server = Hostile::start_tls(expired, answer_all);
    run(&server, "--insecure").assert_all_ok(6);
}

#[test]
fn an_unknown_issuer_is_refused() {
    let (authority, other) = (Authority::new(), Authority::named("another"));
    is_refused("tls: certificate issuer unknown", authority.localhost(), &other.believed());
}

#[test]
fn a_wrong_name_is_refused() {
    let authority = Authority::new();
    let elsewhere = || authority.server("elsewhere", false, |_| {});
    is_refused("tls: certificate not valid for the name", elsewhere(), &authority.believed());
    let server = Hostile::start_tls(elsewhere(), answer_all);
    run(&server, &format!("{} --sni elsewhere", authority.believed())).assert_all_ok(6);
}

#[test]
fn a_certificate_out_of_its_time_is_refused() {
    let authority = Authority::new();
    let expired = authority.server("localhost", false, |params| params.not_after = date_time_ymd(2020, 1, 1));
    is_refused("tls: certificate expired", expired, &authority.believed());
    let early = authority.server("localhost", false, |params| params.not_before = date_time_ymd(3000, 1, 1));
    is_refused("tls: certificate not yet valid", early, &authority.believed());
}

#[test]
fn a_server_without_our_protocol_is_refused() {
    let authority = Authority::new();
    let mut config = authority.localhost();
    config.alpn_protocols = vec![b"h2".to_vec()];
    is_refused("tls: alert no_application_protocol", config, &authority.believed());
}

#[test]
fn an_answer_in_plain_text_is_no_handshake() {
    let server = Hostile::start(|peer| {
        peer.read(1);
        peer.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        peer.read_to_end();
    });
    let report = run(&server, "--insecure");
    assert_eq!((report.error(), report.code, report.rows.len()), ("tls: bad record", 3, 2));
}

#[test]
fn a_handshake_that_ends_or_never_ends_is_named() {
    let closing = Hostile::start(|peer| {
        peer.read(1);
        peer.half_close();
        peer.read_to_end();
    });
    assert_eq!(run(&closing, "--insecure").error(), "tls: closed early");
    let resetting = Hostile::start(|peer| {
        peer.read(1);
        peer.reset();
    });
    assert_eq!(run(&resetting, "--insecure").error(), "tls: reset");
    let stalling = Hostile::start(Peer::stall);
    let report = run(&stalling, "--insecure --connect-timeout 100ms");
    assert_eq!((report.error(), report.summary.accounting.timeout), ("timeout: tls handshake", 2));
}

#[test]
fn a_client_certificate_is_shown_where_it_is_asked_for() {
    let authority = Authority::new();
    let server = Hostile::start_tls(authority.server("localhost", true, |_| {}), answer_all);
    run(&server, &format!("{} {}", authority.believed(), authority.client())).assert_all_ok(6);
}

#[test]
fn a_missing_client_certificate_is_named() {
    let authority = Authority::new();
    for model in ["", "--model closed", "--disable-keepalive"] {
        let server = Hostile::start_tls(authority.server("localhost", true, |_| {}), answer_all);
        let report = run(&server, &format!("{} {model}", authority.believed()));
        assert_eq!((report.error(), report.code), ("tls: alert certificate_required", 3), "{model}");
        assert!(server.stop().requests.is_empty());
    }
}

#[test]
fn sessions_are_resumed_and_every_request_is_answered() {
    let authority = Authority::new();
    let resumed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&resumed);
    let server = Hostile::start_tls(authority.localhost(), move |peer| {
        if peer.request().is_some() {
            count.fetch_add(u64::from(peer.is_resumed()), Ordering::Relaxed);
            peer.write(OK);
            peer.read_to_end();
        }
    });
    let report = run(&server, &format!("{} --disable-keepalive", authority.believed()));
    report.assert_all_ok(6);
    assert_eq!(server.stop().counts(), (6, 6));
    assert!(resumed.load(Ordering::Relaxed) >= 2, "{resumed:?} of 6 sessions were resumed");
}

/// An answer, and then the end: with close_notify or without, over both versions of TLS.
fn ending(version: &'static SupportedProtocolVersion, answer: &'static str, notify: bool) -> (Report, (u64, u64)) {
    let authority = Authority::new();
    let server = Hostile::start_tls(authority.localhost_over(&[version]), move |peer| {
        if peer.request().is_some() {
            peer.write(answer);
            if notify {
                peer.close_notify().unwrap();
            }
        }
    });
    let report = run(&server, &authority.believed());
    (report, server.stop().counts())
}

#[test]
fn a_body_that_ends_with_the_connection_needs_close_notify() {
    for version in [&TLS12, &TLS13] {
        let (report, counts) = ending(version, "HTTP/1.1 200 OK\r\n\r\nok", true);
        report.assert_all_ok(6);
        assert_eq!(counts, (6, 6));
        let (report, counts) = ending(version, "HTTP/1.1 200 OK\r\n\r\nok", false);
        assert_eq!((report.error(), report.code), ("read: closed without close_notify", 3));
        assert_eq!((report.summary.accounting.failed, counts), (6, (6, 6)));
        assert!(report.rows.iter().all(|row| row.response_bytes == 2));
    }
}

#[test]
fn an_answer_that_is_whole_by_itself_needs_no_close_notify() {
    for answer in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    ] {
        for version in [&TLS12, &TLS13] {
            ending(version, answer, false).0.assert_all_ok(6);
        }
    }
    for (answer, error) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", "read: short body"),
        ("HTTP/1.1 200", "read: closed early"),
        ("", "read: closed before answer"),
    ] {
        assert_eq!(ending(&TLS13, answer, false).0.error(), error);
    }
}

#[test]
fn a_connection_that_is_closed_idle_without_close_notify_is_replaced() {
    let authority = Authority::new();
    let server = Hostile::start_tls(authority.localhost(), |peer| {
        peer.request();
        peer.write(OK);
        peer.half_close();
        peer.read_to_end();
    });
    // Between a wave and the next planned one there is time enough to notice.
    let report = run(&server, &format!("--wave-every 100ms {}", authority.believed()));
    report.assert_all_ok(6);
    assert_eq!(server.stop().counts(), (6, 6));
}

#[test]
fn secrets_are_logged_where_the_environment_says() {
    let authority = Authority::new();
    let server = Hostile::start_tls(authority.localhost(), answer_all);
    let log = authority.files.path().join("keys");
    let invocation = onrush(&format!("-4 -c 2 -n 6 {}", authority.believed())).arg(server.https_url());
    invocation.env("SSLKEYLOGFILE", &log).report().assert_all_ok(6);
    let text = std::fs::read_to_string(log).unwrap();
    assert_eq!(text.matches("CLIENT_TRAFFIC_SECRET_0 ").count(), 2, "one for each connection: {text}");
}

#[test]
fn an_address_in_the_url_is_checked_against_the_certificate() {
    let authority = Authority::new();
    let server = Hostile::start_tls(authority.server("127.0.0.1", false, |_| {}), answer_all);
    let url = format!("https://{}/", server.address());
    onrush(&format!("-c 2 -n 6 {}", authority.believed())).arg(url).report().assert_all_ok(6);
}

#[test]
fn connect_to_keeps_the_name_of_the_url() {
    let authority = Authority::new();
    let server = Hostile::start_tls(authority.server("shop.example", false, |_| {}), answer_all);
    let to = format!("--connect-to shop.example:443:127.0.0.1:{}", server.address().port());
    let report = onrush(&format!("-c 2 -n 6 {to} {} https://shop.example/", authority.believed())).report();
    report.assert_all_ok(6);
    let request = &server.stop().requests[0];
    assert!(request.head.contains("\r\nHost: shop.example\r\n"), "{}", request.head);
}

#[test]
fn large_bodies_come_and_go_whole() {
    let authority = Authority::new();
    let megabytes = vec![b'x'; 3_000_000];
    let sent = authority.write("body", std::str::from_utf8(&megabytes).unwrap());
    let server = Hostile::start_tls(authority.localhost(), move |peer| {
        let answer =
            [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", megabytes.len()).as_bytes(), &megabytes].concat();
        while peer.request().is_some_and(|request| request.body.len() == megabytes.len()) && peer.write(&answer) {}
    });
    let report = run(&server, &format!("--data-file {} {}", sent.display(), authority.believed()));
    report.assert_all_ok(6);
    assert!(report.rows.iter().all(|row| row.response_bytes == 3_000_000));
    assert_eq!(server.stop().counts(), (6, 2));
}

#[test]
fn a_self_signed_certificate_is_believed_if_it_is_the_given_one() {
    let authority = Authority::new();
    let own = |name: &str| {
        let mut params = CertificateParams::new(vec![name.into()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let path = authority.write(&format!("{name}.pem"), &certificate.pem());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        (config, format!("--cacert {}", path.display()))
    };
    let (config, believed) = own("localhost");
    let server = Hostile::start_tls(config.clone(), answer_all);
    run(&server, &believed).assert_all_ok(6);
    is_refused("tls: certificate invalid", config, &authority.believed());
    let (config, believed) = own("elsewhere");
    is_refused("tls: certificate not valid for the name", config, &believed);
}

#[test]
fn http_2_over_tls_needs_a_server_that_chooses_it() {
    let authority = Authority::new();
    let mut config = authority.localhost();
    config.alpn_protocols = Vec::new();
    let server = Hostile::start_tls(config, answer_all);
    let report = run(&server, &format!("--http-version 2 -c 2 -n 4 {}", authority.believed()));
    assert_eq!((report.code, report.error(), report.rows.len()), (3, "tls: server chose HTTP/1.1", 2));
    let report = run(&server, &format!("--http-version auto -c 2 -n 4 {}", authority.believed()));
    report.assert_all_ok(4);
    assert_eq!(report.summary.plan.http_version, "1.1");
    assert!(
        report.summary.notes.iter().any(|note| note.contains("the server chose 1.1")),
        "{:?}",
        report.summary.notes
    );
}
