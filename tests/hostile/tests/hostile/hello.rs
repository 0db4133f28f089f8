//! The first message of TLS, byte by byte, as no library would write it.

/// The record types of an alert and of a handshake.
pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;

/// What a client says first.
#[derive(Clone, Debug)]
pub(crate) struct Hello {
    /// Major and minor of the version; 3, 3 is TLS 1.2.
    pub(crate) version: [u8; 2],
    pub(crate) suites: Vec<u16>,
    /// The bytes of the extension `server_name`; none without it.
    pub(crate) name: Option<Vec<u8>>,
}

impl Hello {
    /// A client of TLS 1.2 that a server of today goes on with.
    pub(crate) fn good() -> Self {
        // ECDHE with AES-GCM, by ECDSA and by RSA.
        Self { version: [3, 3], suites: vec![0xc02b, 0xc02f, 0xc02c, 0xc030], name: Some(server_name(b"localhost")) }
    }

    /// The record that holds it.
    pub(crate) fn record(&self) -> Vec<u8> {
        let mut body = self.version.to_vec();
        body.extend([7; 32]);
        body.push(0);
        let suites: Vec<u8> = self.suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
        body.extend(counted(&suites));
        body.extend([1, 0]);
        let mut extensions = Vec::new();
        if let Some(name) = &self.name {
            extensions.extend(extension(0, name));
        }
        // Curves x25519 and P-256, points uncompressed, signatures of ECDSA, RSA-PSS and RSA with SHA-256.
        extensions.extend(extension(10, &counted(&[0, 29, 0, 23])));
        extensions.extend(extension(11, &[1, 0]));
        extensions.extend(extension(13, &counted(&[4, 3, 8, 4, 4, 1])));
        body.extend(counted(&extensions));
        let mut handshake = vec![1, 0];
        handshake.extend(length(&body));
        handshake.extend(body);
        record(HANDSHAKE, &handshake)
    }
}

/// A record of TLS.
pub(crate) fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    [[kind, 3, 1].as_slice(), &length(payload), payload].concat()
}

/// What stands in `server_name` for a host's name.
pub(crate) fn server_name(name: &[u8]) -> Vec<u8> {
    counted(&[[0_u8].as_slice(), &counted(name)].concat())
}

fn extension(number: u16, data: &[u8]) -> Vec<u8> {
    [number.to_be_bytes().as_slice(), &counted(data)].concat()
}

/// Bytes behind their number.
fn counted(bytes: &[u8]) -> Vec<u8> {
    [length(bytes).as_slice(), bytes].concat()
}

/// The number of these bytes in two bytes; nothing here is longer.
fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes()
}
