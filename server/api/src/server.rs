//! Serves HTTP on listeners: limits on connections and headers, TLS where asked, and an end that finishes what was begun.

mod heads;
pub(crate) mod lines;
mod linger;
mod places;
mod plain;
mod visit;

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use longwire_core::busy;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::Service as _;

use crate::extract::{Crowded, Known, Operator, Peer};
use linger::Linger;
use places::{Limits, Places};
use visit::Visit;

/// Open connections of one listener. A proxy in front has room as one address, and leaves some for whoever comes past it. Without an API
/// key nobody has more than one of sixteen. Where there are too many, those that wait for a request make room for new ones, and when all
/// work on something, what is reserved answers `/healthz` and `/readyz`.
const LIMITS: Limits = Limits { all: 4_096, reserved: 64, of_one: 3_072, strange_of_one: 256 };
/// How long TLS may take to be agreed on, and after it the head of the first request to come.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a connection may then be idle, up to the end of the next head: longer than clients keep connections for reuse.
const IDLE_TIME_MAX: Duration = Duration::from_secs(75);
/// Bytes of the head of a request, and headers in it; above that the answer is 431.
const HEAD_BYTES_MAX: usize = 32 * 1024;
const HEADERS_MAX: usize = 100;
/// Requests that one HTTP/2 connection may have open.
const STREAMS_MAX: u32 = 128;
/// The pause after a failed accept: what fails it (no file descriptors) does not pass at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long accepting has to have failed no more before it is told: one that comes through between two that do not is no end of it.
const ACCEPTED_TIME: Duration = Duration::from_secs(5);

/// Where requests come from.
pub enum Listener {
    /// Plain HTTP over TCP.
    Tcp(TcpListener),
    /// HTTPS; the configuration names `h2` and `http/1.1` as its protocols.
    Tls(TcpListener, TlsAcceptor),
    /// A Unix socket for the operator, whose requests need no API key: other users of the host are hung up on.
    Operator(UnixListener, u32),
}

/// An accepted connection.
enum Carrier {
    Tcp(TcpStream, IpAddr),
    Tls(TcpStream, IpAddr, TlsAcceptor),
    Operator(UnixStream, u32),
}

impl Carrier {
    /// Who is on the other side; nobody with an address on the operator's socket.
    const fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(_, address) | Self::Tls(_, address, _) => Some(*address),
            Self::Operator(..) => None,
        }
    }
}

/// Serves `router` on `listener` until `stop` says true, then waits for the requests in flight.
pub async fn serve(listener: Listener, router: Router, stop: watch::Receiver<bool>) {
    serve_within(LIMITS, listener, router, stop).await;
}

async fn serve_within(limits: Limits, listener: Listener, router: Router, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let places = Places::new(limits);
    let report = Arc::new(plain::Report::default());
    let (mut failures, mut failed_at): (u32, Option<Instant>) = (0, None);
    while !*stop.borrow_and_update() {
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            // Its sender has gone: that is a stop as well.
            changed = stop.changed() => {
                if changed.is_err() {
                    break;
                }
                continue;
            }
        };
        match accepted {
            Ok(carrier) => {
                if failed_at.take_if(|at| at.elapsed() >= ACCEPTED_TIME).is_some() {
                    failures = 0;
                    tracing::info!("HTTP connections are accepted again");
                }
                let Some(place) = places.take(carrier.address()) else {
                    tracing::debug!("an HTTP connection was dropped: there are as many as may be");
                    continue;
                };
                let visit = Visit::new(place);
                tokio::spawn(connect(carrier, visit, router.clone(), graceful.watcher(), Arc::clone(&report)));
            }
            Err(error) => {
                (failures, failed_at) = (failures.saturating_add(1), Some(Instant::now()));
                // Without end while the files have run out: a line now and then.
                if failures.is_power_of_two() {
                    tracing::warn!(%error, failures, "an HTTP connection was not accepted");
                }
                places.make_room();
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn accept(listener: &Listener) -> io::Result<Carrier> {
    let tcp = async |listener: &TcpListener| {
        let (stream, peer) = listener.accept().await?;
        // Answers are small and whole: nothing is gained by waiting for more. It fails where the client has gone, which is seen soon.
        stream.set_nodelay(true).ok();
        // A listener for both families shows IPv4 inside IPv6.
        io::Result::Ok((stream, peer.ip().to_canonical()))
    };
    Ok(match listener {
        Listener::Tcp(listener) => {
            let (stream, peer) = tcp(listener).await?;
            Carrier::Tcp(stream, peer)
        }
        Listener::Tls(listener, acceptor) => {
            let (stream, peer) = tcp(listener).await?;
            Carrier::Tls(stream, peer, acceptor.clone())
        }
        Listener::Operator(listener, user) => Carrier::Operator(listener.accept().await?.0, *user),
    })
}

async fn connect(carrier: Carrier, visit: Arc<Visit>, router: Router, watcher: Watcher, report: Arc<plain::Report>) {
    match carrier {
        Carrier::Tcp(stream, peer) => drive(stream, visit, Some(Peer(peer)), router, watcher).await,
        Carrier::Tls(stream, peer, acceptor) => {
            let secured = tokio::select! {
                secured = secure(stream, peer, &acceptor, &report) => secured,
                why = visit.end() => return tracing::debug!(why, "TLS was not agreed on"),
            };
            match secured {
                Ok(Some(stream)) => drive(*stream, visit, Some(Peer(peer)), router, watcher).await,
                Ok(None) => (),
                Err(error) => tracing::debug!(%error, "TLS was not agreed on"),
            }
        }
        Carrier::Operator(stream, user) => match stream.peer_cred() {
            // 0 is root, who may do everything on this host anyway.
            Ok(peer) if peer.uid() == user || peer.uid() == 0 => {
                drive(stream, visit, None, router.layer(axum::Extension(Operator)), watcher).await;
            }
            Ok(peer) => tracing::warn!(uid = peer.uid(), "another user of this host tried the control socket"),
            Err(error) => tracing::warn!(%error, "who opened the control socket is not known"),
        },
    }
}

/// Agrees on TLS; gives nothing when plain HTTP was spoken, which is answered.
async fn secure(
    stream: TcpStream,
    peer: IpAddr,
    acceptor: &TlsAcceptor,
    report: &plain::Report,
) -> io::Result<Option<Box<TlsStream<TcpStream>>>> {
    if plain::is_spoken(&stream).await? {
        report.tell(peer);
        plain::refuse(Linger::new(stream, Talk::new())).await?;
        return Ok(None);
    }
    acceptor.accept(stream).await.map(|stream| Some(Box::new(stream)))
}

/// What became of a connection's requests.
struct Talk {
    /// The last answer was a refusal, or none was given by us: there may be bytes that nobody read.
    was_refused: AtomicBool,
}

impl Talk {
    fn new() -> Arc<Self> {
        Arc::new(Self { was_refused: AtomicBool::new(true) })
    }
}

async fn drive(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    visit: Arc<Visit>,
    peer: Option<Peer>,
    router: Router,
    watcher: Watcher,
) {
    visit.awaits(HEAD_TIME_MAX);
    let own = Arc::clone(&visit);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        busy::count(1);
        let (mut router, asked) = (router.clone(), own.begin());
        let is_crowded = asked.is_crowded;
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        request.extensions_mut().insert(Known(Arc::clone(&own.is_known)));
        if is_crowded {
            request.extensions_mut().insert(Crowded);
        }
        async move {
            let may_close = request.version() < Version::HTTP_2;
            let Ok(mut answer) = router.call(request).await;
            asked.answered(!answer.status().is_success());
            if is_crowded && may_close {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let carrier = TokioIo::new(Linger::new(stream, Arc::clone(&visit.talk)));
    let connection = watcher.watch(builder().serve_connection(carrier, service).into_owned());
    let ended = tokio::select! {
        // First, so that an answer which is there goes out before the end.
        biased;
        ended = connection => ended,
        why = visit.end() => return tracing::debug!(why, "an HTTP connection was let go"),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        // Nothing is read while a request is worked on: a client that has said all may close its side and is answered all the same.
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(IDLE_TIME_MAX)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX.try_into().unwrap_or(u32::MAX));
    builder
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;

    use super::*;

    /// How long anything may take.
    const SOON: Duration = Duration::from_secs(30);

    async fn asked(address: std::net::SocketAddr, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        stream
    }

    #[tokio::test]
    async fn a_client_that_has_closed_its_side_is_answered() {
        let go_on = Arc::new(Notify::new());
        let may = Arc::clone(&go_on);
        let work = async move || {
            may.notified().await;
            "worked"
        };
        let router = Router::new().route("/work", get(work));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (_stop, stopped) = watch::channel(false);
        tokio::spawn(serve(Listener::Tcp(listener), router, stopped));
        let mut stream = asked(address, "/work").await;
        stream.shutdown().await.expect("one side is closed");
        let mut answer = String::new();
        // The server has seen the end before it goes on.
        let early = tokio::time::timeout(Duration::from_millis(100), stream.read_to_string(&mut answer)).await;
        assert!(early.is_err(), "it is worked on: {answer}");
        go_on.notify_one();
        let read = tokio::time::timeout(SOON, stream.read_to_string(&mut answer)).await;
        read.expect("it is closed behind the answer").expect("no reset");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("worked"), "{answer}");
    }

    #[tokio::test]
    async fn while_all_connections_work_what_is_reserved_is_marked_and_closed() {
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (handler_begun, handler_go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        let work = async move || {
            handler_begun.notify_one();
            handler_go_on.notified().await;
            "worked"
        };
        let is_crowded = async |request: Request| request.extensions().get::<Crowded>().map_or("free", |_| "crowded");
        let router = Router::new().route("/work", get(work)).route("/", get(is_crowded));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (_stop, stopped) = watch::channel(false);
        let limits = Limits { all: 1, reserved: 1, of_one: 9, strange_of_one: 9 };
        tokio::spawn(serve_within(limits, Listener::Tcp(listener), router, stopped));
        let mut working = asked(address, "/work").await;
        begun.notified().await;
        for _ in 0..3 {
            let mut answer = String::new();
            let mut probe = asked(address, "/").await;
            // It is closed behind the answer, or the next would find no place.
            let read = tokio::time::timeout(SOON, probe.read_to_string(&mut answer)).await;
            read.expect("it is closed").expect("no reset");
            assert!(answer.ends_with("crowded") && answer.contains("connection: close"), "{answer}");
        }
        go_on.notify_one();
        let mut answer = [0; 12];
        working.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
}
