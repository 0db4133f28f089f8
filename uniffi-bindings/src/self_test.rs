//! Shows that a built library works where nothing else of it can run: `gradle/unidbg` and `scripts/android/host-shim` call it.

use rustls::crypto::{CryptoProvider, ring};
use rustls::{NamedGroup, SupportedCipherSuite};

/// SHA-256 of `abc` (FIPS 180-4).
const DIGEST: [u8; 32] = [
    0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61,
    0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
];

/// A sum of what works: 1 digests, 2 key exchange with fresh randomness, 4 threads, 8 panics that are caught. All of it is 15.
#[uniffi::export]
#[must_use]
pub fn self_test() -> u32 {
    let provider = ring::default_provider();
    let parts = [digests(&provider), exchanges_keys(&provider), runs_threads(), catches_panics()];
    parts.iter().rev().fold(0, |sum, works| sum * 2 + u32::from(*works))
}

/// Panics, so that a test sees what becomes of a panic.
///
/// # Panics
/// Always.
#[uniffi::export]
#[expect(clippy::panic, reason = "it is what the function is for")]
pub fn self_test_panic() {
    panic!("asked to panic");
}

fn digests(provider: &CryptoProvider) -> bool {
    let suites = provider.cipher_suites.iter();
    let hashes = suites.filter_map(SupportedCipherSuite::tls13).map(|suite| suite.common.hash_provider.hash(b"abc"));
    hashes.into_iter().any(|hash| hash.as_ref() == DIGEST)
}

fn exchanges_keys(provider: &CryptoProvider) -> bool {
    let Some(group) = provider.kx_groups.iter().find(|group| group.name() == NamedGroup::X25519) else { return false };
    let (Ok(ours), Ok(theirs)) = (group.start(), group.start()) else { return false };
    let (our_key, their_key) = (ours.pub_key().to_vec(), theirs.pub_key().to_vec());
    let (Ok(one), Ok(other)) = (ours.complete(&their_key), theirs.complete(&our_key)) else { return false };
    one.secret_bytes() == other.secret_bytes()
}

fn runs_threads() -> bool {
    std::thread::Builder::new().spawn(|| 42).is_ok_and(|thread| thread.join().is_ok_and(|value| value == 42))
}

fn catches_panics() -> bool {
    std::panic::catch_unwind(self_test_panic).is_err()
}
