//! Somebody between phone and server who holds the server's certificate and key: speaks TLS on both sides and changes what is offered.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::server::{Ready, Server};

/// How long one side is listened to before the other gets its turn.
const TURN: Duration = Duration::from_millis(5);
/// Where the offer ends: nothing behind it is changed.
const END_OF_OFFER: &str = "</stream:features>";

/// What is needed for one connection.
#[derive(Clone)]
struct Attack {
    server: String,
    stolen: Arc<ServerConfig>,
    trusted: Arc<ClientConfig>,
    strips: &'static [&'static str],
}

/// Listens on a free port of loopback until the test ends, and passes everything on to the server but these texts of its offer.
///
/// # Errors
/// The server's certificate or key cannot be read.
pub fn middle(server: &Server, strips: &'static [&'static str]) -> anyhow::Result<Ready> {
    let certificate = &server.ready.certificate;
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(certificate.with_extension("key")).context("failed to steal the key")?;
    let mut roots = RootCertStore::empty();
    for certificate in &chain {
        roots.add(certificate.clone())?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let stolen = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let trusted = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let attack = Attack {
        server: server.ready.c2s_tls.clone(),
        stolen: Arc::new(stolen.with_no_client_auth().with_single_cert(chain, key)?),
        trusted: Arc::new(trusted.with_root_certificates(roots).with_no_client_auth()),
        strips,
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    std::thread::spawn(move || {
        for phone in listener.incoming().map_while(Result::ok) {
            let attack = attack.clone();
            // A connection that fails is one that ends: the phone sees that it is gone.
            std::thread::spawn(move || drop(attack.stand_between(phone)));
        }
    });
    Ok(Ready { c2s_tls: address, ..server.ready.clone() })
}

impl Attack {
    fn stand_between(&self, phone: TcpStream) -> anyhow::Result<()> {
        let server = TcpStream::connect(&self.server)?;
        for socket in [&phone, &server] {
            socket.set_read_timeout(Some(TURN))?;
            socket.set_nodelay(true)?;
        }
        let mut phone = StreamOwned::new(ServerConnection::new(Arc::clone(&self.stolen))?, phone);
        let name = ServerName::try_from("localhost")?;
        let mut server = StreamOwned::new(ClientConnection::new(Arc::clone(&self.trusted), name)?, server);
        let mut offer = Some(String::new());
        while let (Some(asked), Some(told)) = (read(&mut phone)?, read(&mut server)?) {
            server.write_all(&asked)?;
            server.flush()?;
            let passed = match offer.take() {
                None => told,
                Some(mut seen) => {
                    seen.push_str(std::str::from_utf8(&told)?);
                    if seen.contains(END_OF_OFFER) {
                        self.strips.iter().fold(seen, |seen, strip| seen.replace(strip, "")).into_bytes()
                    } else {
                        offer = Some(seen);
                        Vec::new()
                    }
                }
            };
            phone.write_all(&passed)?;
            phone.flush()?;
        }
        Ok(())
    }
}

/// What came within a turn; `None` when the other side has closed.
fn read(stream: &mut impl Read) -> std::io::Result<Option<Vec<u8>>> {
    let mut buffer = [0; 16 * 1024];
    match stream.read(&mut buffer) {
        Ok(0) => Ok(None),
        Ok(length) => Ok(buffer.get(..length).map(<[u8]>::to_vec)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
            Ok(Some(Vec::new()))
        }
        Err(error) => Err(error),
    }
}
