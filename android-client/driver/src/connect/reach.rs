//! TCP to the first of several addresses that answers (RFC 8305 §5).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How long an address is waited for before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 8;

/// Connects to the first that answers: the next one is tried when one fails, or has not answered for a while.
pub(super) async fn reach(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    if let [address] = addresses {
        return TcpStream::connect((*address, port)).await;
    }
    let mut waiting = in_turn(addresses).into_iter().map(|address| SocketAddr::new(address, port));
    let mut attempts = JoinSet::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        let next = waiting.next();
        let has_next = next.is_some();
        match next {
            Some(address) => drop(attempts.spawn(TcpStream::connect(address))),
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        tokio::select! {
            Some(joined) = attempts.join_next() => match joined {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failure = error,
                Err(error) => failure = error.into(),
            },
            () = tokio::time::sleep(HEAD_START), if has_next => {}
        }
    }
}

/// The families in turn, beginning with that of the first, so that a family without a road costs one head start.
fn in_turn(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let Some(first) = addresses.first() else { return Vec::new() };
    let (same, other): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.iter().partition(|address| address.is_ipv6() == first.is_ipv6());
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let mut turns = Vec::new();
    while turns.len() < addresses.len() {
        turns.extend(same.next().into_iter().chain(other.next()));
    }
    turns.truncate(ADDRESSES_MAX);
    turns
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn families_take_turns() {
        let addresses = ["2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2", "192.0.2.3"].map(ip);
        let expected = ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "192.0.2.3"].map(ip);
        assert_eq!(in_turn(&addresses), expected);
        assert_eq!(in_turn(&[ip("192.0.2.1"); 100]).len(), ADDRESSES_MAX);
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_followed_by_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        // Nobody listens on the other addresses of the loopback network.
        let stream = reach(&["127.0.0.2", "127.0.0.3", "127.0.0.1"].map(ip), port).await.expect("connected");
        assert_eq!(stream.peer_addr().expect("an address").ip(), ip("127.0.0.1"));
        drop(listener);
        let refused = reach(&["127.0.0.2", "127.0.0.3"].map(ip), port).await.expect_err("nobody listens");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
