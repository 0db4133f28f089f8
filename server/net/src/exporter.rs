//! The channel binding `tls-exporter` (RFC 9266): the TLS library exports nothing from sessions without buffers of their own, but it shows
//! a key log the secret that exports are derived from (RFC 8446 §7.5).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longwire_protocol::sasl::TLS_EXPORTER_LABEL;
use rustls::crypto::tls13::OkmBlock;
use rustls::{KeyLog, ServerConfig, SupportedCipherSuite};

/// The label of the secret in a key log; TLS 1.3 only, where the binding is unique without further conditions.
const SECRET: &str = "EXPORTER_SECRET";
/// Bytes of a binding.
const BINDING_BYTES: u16 = 32;

/// The exporter secret of the handshake that a worker has just carried on; taken at once, and shown to nobody.
#[derive(Default)]
pub(crate) struct Exporters(Mutex<Option<OkmBlock>>);

impl Exporters {
    /// A configuration whose handshakes leave their exporter secret here.
    pub(crate) fn attach(self: &Arc<Self>, config: &ServerConfig) -> Arc<ServerConfig> {
        let mut own = config.clone();
        own.key_log = Arc::clone(self) as Arc<dyn KeyLog>;
        Arc::new(own)
    }

    /// The channel binding of the session that has just left its secret, if one has.
    pub(crate) fn take(&self, suite: Option<SupportedCipherSuite>) -> Option<[u8; 32]> {
        let secret = self.lock().take()?;
        let suite = suite?.tls13()?;
        let hash_of_nothing = suite.common.hash_provider.hash(&[]);
        let expander = suite.hkdf_provider.expander_for_okm(&secret);
        let length = u16::try_from(expander.hash_len()).ok()?;
        let label = Label::new(length, TLS_EXPORTER_LABEL, hash_of_nothing.as_ref());
        let secret = expander.expand_block(&label.parts());
        let mut binding = [0; BINDING_BYTES as usize];
        let expander = suite.hkdf_provider.expander_for_okm(&secret);
        let label = Label::new(BINDING_BYTES, "exporter", hash_of_nothing.as_ref());
        expander.expand_slice(&label.parts(), &mut binding).ok()?;
        Some(binding)
    }

    fn lock(&self) -> MutexGuard<'_, Option<OkmBlock>> {
        // Each change is one assignment: what a panicking thread left is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyLog for Exporters {
    fn log(&self, label: &str, _client_random: &[u8], secret: &[u8]) {
        if label == SECRET {
            *self.lock() = Some(OkmBlock::new(secret));
        }
    }

    fn will_log(&self, label: &str) -> bool {
        label == SECRET
    }
}

/// Shows no secret.
impl fmt::Debug for Exporters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporters").finish_non_exhaustive()
    }
}

/// What HKDF-Expand-Label expands by (RFC 8446 §7.1).
struct Label<'a> {
    length: [u8; 2],
    label_bytes: [u8; 1],
    label: &'a str,
    context_bytes: [u8; 1],
    context: &'a [u8],
}

impl<'a> Label<'a> {
    const PREFIX: &'static [u8] = b"tls13 ";

    fn new(length: u16, label: &'a str, context: &'a [u8]) -> Self {
        let byte = |length: usize| [u8::try_from(length).expect("labels and hashes are short")];
        let (label_bytes, context_bytes) = (byte(Self::PREFIX.len() + label.len()), byte(context.len()));
        Self { length: length.to_be_bytes(), label_bytes, label, context_bytes, context }
    }

    fn parts(&self) -> [&[u8]; 6] {
        let Self { length, label_bytes, label, context_bytes, context } = self;
        [length, label_bytes, Self::PREFIX, label.as_bytes(), context_bytes, context]
    }
}
