//! The HTTP server on real sockets: heads, bodies that nobody reads, and the end.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::{get, post};
use longwire_api::Operator;
use longwire_api::server::{Listener, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::ResolvesServerCertUsingSni;

/// Longer than anything here takes.
const SOON: Duration = Duration::from_secs(30);

struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn server(router: Router) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = watch::channel(false);
    Server { address, stop, task: tokio::spawn(serve(Listener::Tcp(listener), router, stopped)) }
}

/// Sends bytes and reads up to the end of the connection.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    // The server may have hung up already: what counts is what it said.
    drop(stream.write_all(bytes).await);
    let mut answer = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut answer)).await;
    read.unwrap_or_else(|_| panic!("the connection stays open")).expect("no reset");
    String::from_utf8_lossy(&answer).into_owned()
}

fn router() -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/read", post(async |body: String| body))
        .route("/refuse", post(async |_: Request| StatusCode::PAYLOAD_TOO_LARGE))
}

#[tokio::test]
async fn a_head_that_is_wrong_or_too_large_is_refused_and_closed() {
    let server = server(router()).await;
    let many = "a: b\r\n".repeat(10_000);
    let long = "x".repeat(1_000_000);
    for (head, status) in [
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\na: {long}\r\n\r\n"), "431"),
        ("GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\rhost: x\r\r".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nhost : x\r\n\r\n".to_owned(), "400"),
        ("hello\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = exchange(server.address, head.as_bytes()).await;
        let shown: String = head.chars().take(60).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown:?}: {answer}");
    }
    let answer = exchange(server.address, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn what_follows_a_body_of_two_lengths_is_not_obeyed() {
    let server = server(router()).await;
    let lengths = [
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 5",
        "Content-Length: 0\r\na: b\r\nTransfer-Encoding: gzip, chunked",
    ];
    for head in lengths {
        let smuggled = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let request = format!("POST /read HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\n0\r\n\r\n{smuggled}");
        let answer = exchange(server.address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        // Also behind requests that are answered, on the same connection.
        let before = "POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\na: b\n".to_owned()
            + "POST /read HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\nc: d\r\n0\r\n\r\n"
            // What comes behind a lone LF is a part of the trailer, not a head.
            + "POST /read HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\ne: f\r\n0\r\na: b\n\nX\ncontent-length: 999\n\n\r\n\r\n";
        let all = exchange(server.address, format!("{before}{request}").as_bytes()).await;
        assert!(
            all.contains("a: b\n") && all.contains("c: d") && all.contains("e: f") && all.contains("HTTP/1.1 400 "),
            "{all}"
        );
        for answer in [answer, all] {
            assert_eq!(answer.matches("HTTP/1.1 400 ").count(), 1, "{answer}");
            assert!(!answer.contains("hello"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_body_that_looks_like_a_head_comes_as_it_is() {
    let server = server(router()).await;
    let body = "POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n";
    for (head, tail) in [
        (format!("content-length: {}\r\n\r\n", body.len()), ""),
        (format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n", body.len()), "\r\n0\r\n\r\n"),
    ] {
        let request = format!("POST /read HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}{body}{tail}");
        let answer = exchange(server.address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(body), "{answer}");
    }
}

#[tokio::test]
async fn an_answer_to_a_body_that_was_not_read_is_not_lost() {
    let server = server(router()).await;
    let mut request = b"POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 20000000\r\n\r\n".to_vec();
    request.resize(request.len() + 20_000_000, b'x');
    let answer = exchange(server.address, &request).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn plain_http_at_the_port_for_tls_is_told_so() {
    let nobody = Arc::new(ResolvesServerCertUsingSni::new());
    let tls = ServerConfig::builder().with_no_client_auth().with_cert_resolver(nobody);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(serve(Listener::Tls(listener, TlsAcceptor::from(Arc::new(tls))), router(), stopped));
    let long = "x".repeat(500_000);
    for (head, body) in [
        ("GET / HTTP/1.1\r\nhost: x\r\n", ""),
        ("POST /read HTTP/1.0\r\ncontent-length: 500000\r\n", &long),
        ("PRI *", ""),
    ] {
        let answer = exchange(address, format!("{head}\r\n{body}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain"), "{answer}");
        let (_, text) = answer.split_once("\r\n\r\n").expect("a body");
        assert!(text.contains("https://") && text.contains("http_plaintext"), "{text}");
        assert!(answer.contains(&format!("Content-Length: {}\r\n", text.len())), "{answer}");
    }
    // A record of TLS is read as one: what answers is an alert.
    let alert = exchange(address, b"\x16\x03\x01\x00\x05hello").await;
    assert!(!alert.contains("HTTP"), "{alert:?}");
}

#[tokio::test]
async fn the_end_waits_for_requests_in_flight_and_takes_no_more() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (handler_begun, handler_go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let handler = async move || {
        handler_begun.notify_one();
        handler_go_on.notified().await;
        "finished"
    };
    let server = server(Router::new().route("/", get(handler))).await;
    let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let exchange = tokio::spawn(exchange(server.address, request));
    begun.notified().await;
    server.stop.send_replace(true);
    let refused = async { while TcpStream::connect(server.address).await.is_ok() {} };
    timeout(SOON, refused).await.expect("the listener closes");
    assert!(!server.task.is_finished(), "a request is in flight");
    go_on.notify_one();
    assert!(exchange.await.expect("an answer").ends_with("finished"));
    timeout(SOON, server.task).await.expect("it ends").expect("no panic");
}

#[tokio::test]
async fn the_control_socket_makes_its_owner_the_operator() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("control.sock");
    let who = async |request: Request| {
        let text = if request.extensions().get::<Operator>().is_some() { "operator" } else { "anybody" };
        Ok::<_, Infallible>(text)
    };
    let router = Router::new().route("/", get(who));
    let tcp = server(router.clone()).await;
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert!(exchange(tcp.address, request).await.ends_with("anybody"));

    let (_stop, stopped) = watch::channel(false);
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(folder.path()).expect("there"));
    let listener = UnixListener::bind(&path).expect("a socket");
    tokio::spawn(serve(Listener::Operator(listener, owner), router, stopped));
    let mut stream = UnixStream::connect(&path).await.expect("a connection");
    stream.write_all(request).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.ends_with("operator"), "{answer}");
}
