//! The end of the server, as its clients see it.

use std::net::TcpStream;
use std::time::Duration;

use longwire_net::NetConfig;

use crate::harness::{HEADER, Server};

#[test]
fn every_stream_is_told_and_the_ports_are_closed() {
    let mut server = Server::start(|_: &mut NetConfig| {});
    let mut clients =
        vec![server.phone("d4565fa7-4d72-4749-b3d3-740edbf87770"), server.desk("bob", "desk"), server.tcp()];
    let fresh = clients.last_mut().expect("there");
    fresh.send(HEADER);
    fresh.expect("</stream:features>");
    let net = server.net.take().expect("running");
    let (c2s, c2s_tls) = (server.c2s, server.c2s_tls);
    let stopping = std::thread::spawn(move || net.shut_down(Duration::from_secs(10)));
    for client in &mut clients {
        let end = client.end();
        assert!(end.contains("<stream:error><system-shutdown "), "{end}");
        assert!(end.contains("<retry xmlns='urn:longwire:push:1' after='"), "{end}");
        assert!(end.ends_with("</stream:error></stream:stream>"), "{end}");
    }
    drop(clients);
    stopping.join().expect("stopped");
    assert!(TcpStream::connect(c2s).is_err() && TcpStream::connect(c2s_tls).is_err());
    assert_eq!(server.core.sessions.session_count(), 0);
}
