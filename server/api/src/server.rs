//! Serves HTTP on listeners: limits on connections and headers, TLS where asked, and an end that finishes what was begun.

mod linger;
mod places;
mod plain;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::Service as _;

use crate::extract::{Operator, Peer};
use linger::Linger;
use places::Places;

/// Open connections of one listener; above that new ones wait to be accepted.
const CONNECTIONS_MAX: usize = 4_096;
/// Those of one address: a proxy in front has room, and leaves some for whoever comes past it. Above that new ones are hung up on.
const CONNECTIONS_OF_ONE_MAX: usize = 3_072;
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
pub async fn serve(listener: Listener, router: Router, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let places = Places::new(CONNECTIONS_OF_ONE_MAX);
    let report = Arc::new(plain::Report::default());
    let mut failures: u32 = 0;
    while !*stop.borrow_and_update() {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            // Its sender has gone: that is a stop as well.
            changed = stop.changed() => {
                if changed.is_err() {
                    break;
                }
                continue;
            }
        };
        match accepted {
            Ok((carrier, permit)) => {
                if std::mem::take(&mut failures) > 0 {
                    tracing::info!("HTTP connections are accepted again");
                }
                let place = carrier.address().map(|address| places.take(address));
                if matches!(place, Some(None)) {
                    tracing::debug!("an HTTP connection was dropped: its address has as many as it may");
                    continue;
                }
                let connection = connect(carrier, router.clone(), graceful.watcher(), Arc::clone(&report));
                tokio::spawn(async move {
                    connection.await;
                    drop((place, permit));
                });
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                // Without end while the files have run out: a line now and then.
                if failures.is_power_of_two() {
                    tracing::warn!(%error, failures, "an HTTP connection was not accepted");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn accept(listener: &Listener, connections: &Arc<Semaphore>) -> io::Result<(Carrier, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.map_err(io::Error::other)?;
    let tcp = async |listener: &TcpListener| {
        let (stream, peer) = listener.accept().await?;
        // Answers are small and whole: nothing is gained by waiting for more. It fails where the client has gone, which is seen soon.
        stream.set_nodelay(true).ok();
        // A listener for both families shows IPv4 inside IPv6.
        io::Result::Ok((stream, peer.ip().to_canonical()))
    };
    let carrier = match listener {
        Listener::Tcp(listener) => {
            let (stream, peer) = tcp(listener).await?;
            Carrier::Tcp(stream, peer)
        }
        Listener::Tls(listener, acceptor) => {
            let (stream, peer) = tcp(listener).await?;
            Carrier::Tls(stream, peer, acceptor.clone())
        }
        Listener::Operator(listener, user) => Carrier::Operator(listener.accept().await?.0, *user),
    };
    Ok((carrier, permit))
}

async fn connect(carrier: Carrier, router: Router, watcher: Watcher, report: Arc<plain::Report>) {
    match carrier {
        Carrier::Tcp(stream, peer) => drive(stream, Some(Peer(peer)), router, watcher).await,
        Carrier::Tls(stream, peer, acceptor) => {
            match timeout(HEAD_TIME_MAX, secure(stream, peer, &acceptor, &report)).await {
                Ok(Ok(Some(stream))) => drive(*stream, Some(Peer(peer)), router, watcher).await,
                Ok(Ok(None)) => (),
                Ok(Err(error)) => tracing::debug!(%error, "TLS was not agreed on"),
                Err(_) => tracing::debug!("TLS took too long"),
            }
        }
        Carrier::Operator(stream, user) => match stream.peer_cred() {
            // 0 is root, who may do everything on this host anyway.
            Ok(peer) if peer.uid() == user || peer.uid() == 0 => {
                drive(stream, None, router.layer(axum::Extension(Operator)), watcher).await;
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
    has_begun: Notify,
    /// The last answer was a refusal, or none was given by us: there may be bytes that nobody read.
    was_refused: AtomicBool,
}

impl Talk {
    fn new() -> Arc<Self> {
        Arc::new(Self { has_begun: Notify::new(), was_refused: AtomicBool::new(true) })
    }
}

async fn drive(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Option<Peer>,
    router: Router,
    watcher: Watcher,
) {
    let talk = Talk::new();
    let service_talk = Arc::clone(&talk);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let (mut router, talk) = (router.clone(), Arc::clone(&service_talk));
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        talk.has_begun.notify_one();
        async move {
            let answer = router.call(request).await;
            let was_refused = answer.as_ref().is_ok_and(|answer| !answer.status().is_success());
            talk.was_refused.store(was_refused, Ordering::Relaxed);
            answer
        }
    });
    let carrier = TokioIo::new(Linger::new(stream, Arc::clone(&talk)));
    let connection = watcher.watch(builder().serve_connection(carrier, service).into_owned());
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        begun = timeout(HEAD_TIME_MAX, talk.has_begun.notified()) => match begun {
            Ok(()) => connection.await,
            Err(_) => return tracing::debug!("an HTTP connection sent no request"),
        },
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
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
