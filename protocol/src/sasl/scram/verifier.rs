//! What a server keeps of a password.

use std::fmt;

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::sasl::{PasswordError, prepare_password};

/// The stored form of a password (RFC 5802 §3). Its debug form hides the keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    /// The salt.
    pub salt: Vec<u8>,
    /// The iterations of PBKDF2.
    pub iterations: u32,
    /// `H(ClientKey)`.
    pub stored_key: [u8; 32],
    /// `ServerKey`.
    pub server_key: [u8; 32],
}

impl Verifier {
    /// Derives the verifier of `password`, which is prepared first.
    ///
    /// # Errors
    /// When the password is empty or holds a prohibited character.
    pub fn derive(password: &str, salt: &[u8], iterations: u32) -> Result<Self, PasswordError> {
        let prepared = prepare_password(password)?;
        Ok(Keys::derive(prepared.as_bytes(), salt, iterations).verifier(salt, iterations))
    }

    /// A verifier that no password has, the same for a name each time: it answers for accounts that do not exist.
    #[must_use]
    pub fn fake(secret: &[u8], name: &str, iterations: u32) -> Self {
        let keyed = |word: &str| hmac(secret, format!("{word}\0{name}").as_bytes());
        let salt = keyed("salt").into_iter().take(16).collect();
        Self { salt, iterations, stored_key: keyed("stored-key"), server_key: keyed("server-key") }
    }

    /// Whether `password` is the one; costs the same for any, and compares in constant time.
    #[must_use]
    pub fn verify_password(&self, password: &str) -> bool {
        let prepared = prepare_password(password);
        let bytes = prepared.as_deref().map_or(password.as_bytes(), str::as_bytes);
        let derived = Keys::derive(bytes, &self.salt, self.iterations).verifier(&self.salt, self.iterations);
        let is_same = derived.stored_key.ct_eq(&self.stored_key) & derived.server_key.ct_eq(&self.server_key);
        bool::from(is_same) && prepared.is_ok()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// What PBKDF2 yields: known to the client while it logs in.
pub(super) struct Keys {
    pub(super) client_key: [u8; 32],
    pub(super) stored_key: [u8; 32],
    pub(super) server_key: [u8; 32],
}

impl Keys {
    /// `password` is prepared already.
    pub(super) fn derive(password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password, salt, iterations);
        let client_key = hmac(&salted, b"Client Key");
        Self { client_key, stored_key: sha256(&client_key), server_key: hmac(&salted, b"Server Key") }
    }

    fn verifier(&self, salt: &[u8], iterations: u32) -> Verifier {
        Verifier { salt: salt.to_vec(), iterations, stored_key: self.stored_key, server_key: self.server_key }
    }
}

pub(super) fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

pub(super) fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

pub(super) fn xor(a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
    let mut out = a;
    out.iter_mut().zip(b).for_each(|(left, right)| *left ^= right);
    out
}
