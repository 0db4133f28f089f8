//! User keys: the public keys of an app's back-end. What is accepted, and how a signature is checked by one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_model::{TokenAlgorithm, UserKey};
use longwire_store::{Write, Written};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;

use super::AuthManager;
use super::api_key::hex;
use crate::error::CoreError;

/// Bits of an RSA key: fewer are not safe (RFC 7518 §3.3), more cost too much.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
/// What stands before the 32 bytes of an Ed25519 key (RFC 8410 §4).
const ED25519_HEAD: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// What stands before the 64 bytes of an uncompressed point on P-256 (RFC 5480 §2).
const P256_HEAD: &[u8] =
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04";
/// The algorithm identifier of RSA keys (RFC 3279 §2.3.1).
const RSA_ALGORITHM: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// Why a text is not a public key that user tokens can be checked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not PEM, or has no public key.
    #[error("there is no `-----BEGIN PUBLIC KEY-----` in it")]
    NotPem,
    /// Somebody gave a secret away.
    #[error("it is a private key, which belongs to the back-end alone: give the public key, and make a new pair")]
    Private,
    /// Another kind of key.
    #[error("it is neither an Ed25519, nor a P-256, nor an RSA key")]
    Kind,
    /// An RSA key that is too short or too long.
    #[error("an RSA key has {} to {} bits", RSA_BITS.start(), RSA_BITS.end())]
    Size,
}

/// A public key of a kind that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: TokenAlgorithm,
    der: Vec<u8>,
}

impl PublicKey {
    /// Reads a `PUBLIC KEY` (RFC 7468 §13).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if text.contains("PRIVATE KEY-----") {
            return Err(KeyError::Private);
        }
        let der = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).map_err(|_| KeyError::NotPem)?;
        let der = der.as_ref().to_vec();
        Ok(Self { algorithm: kind(&der)?, der })
    }

    /// What its tokens are signed with.
    #[must_use]
    pub const fn algorithm(&self) -> TokenAlgorithm {
        self.algorithm
    }
}

/// The key as PEM.
#[must_use]
pub fn to_pem(key: &UserKey) -> String {
    let text = STANDARD.encode(&key.public_key);
    let mut lines = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        lines.push(line);
        rest = after;
    }
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

/// Whether `key` signed `message`.
pub(super) fn is_signed_by(key: &UserKey, message: &[u8], signature: &[u8]) -> bool {
    let checked = match key.algorithm {
        TokenAlgorithm::EdDsa => key
            .public_key
            .strip_prefix(ED25519_HEAD)
            .map(|point| UnparsedPublicKey::new(&ED25519, point).verify(message, signature)),
        // With the byte that says that the point is uncompressed.
        TokenAlgorithm::Es256 => key
            .public_key
            .get(P256_HEAD.len() - 1..)
            .map(|point| UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)),
        TokenAlgorithm::Rs256 => rsa_key(&key.public_key)
            .map(|key| UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(message, signature)),
    };
    checked.is_some_and(|checked| checked.is_ok())
}

fn kind(der: &[u8]) -> Result<TokenAlgorithm, KeyError> {
    if der.strip_prefix(ED25519_HEAD).is_some_and(|point| point.len() == 32) {
        return Ok(TokenAlgorithm::EdDsa);
    }
    if der.strip_prefix(P256_HEAD).is_some_and(|point| point.len() == 64) {
        return Ok(TokenAlgorithm::Es256);
    }
    let bits = rsa_key(der).and_then(rsa_bits).ok_or(KeyError::Kind)?;
    if RSA_BITS.contains(&bits) { Ok(TokenAlgorithm::Rs256) } else { Err(KeyError::Size) }
}

/// The `RSAPublicKey` (RFC 8017 §A.1.1) in a `SubjectPublicKeyInfo`.
fn rsa_key(der: &[u8]) -> Option<&[u8]> {
    let (info, []) = element(0x30, der)? else { return None };
    let (algorithm, rest) = element(0x30, info)?;
    let (bits, []) = element(0x03, rest)? else { return None };
    let key = bits.strip_prefix(&[0])?;
    (algorithm == RSA_ALGORITHM).then_some(key)
}

fn rsa_bits(key: &[u8]) -> Option<usize> {
    let (numbers, []) = element(0x30, key)? else { return None };
    let (modulus, rest) = element(0x02, numbers)?;
    let (_, []) = element(0x02, rest)? else { return None };
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let first = modulus.first().filter(|first| **first != 0)?;
    Some(modulus.len() * 8 - first.leading_zeros() as usize)
}

/// The content of a DER element with this tag at the start, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 | 0x82 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

impl AuthManager {
    /// Keeps a user key.
    ///
    /// # Errors
    /// [`CoreError`]; no key was kept.
    pub async fn add_user_key(&self, key: PublicKey, label: Option<String>) -> Result<UserKey, CoreError> {
        let key = UserKey {
            id: hex(&self.env.random::<6>()),
            app: self.app,
            algorithm: key.algorithm,
            public_key: key.der,
            label,
            created_at: self.env.now(),
            revoked_at: None,
        };
        self.log.write(Write::AddUserKey(key.clone())).await?;
        Ok(key)
    }

    /// Every user key of the app, oldest first.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn user_keys(&self) -> Result<Vec<UserKey>, CoreError> {
        Ok(self.store.user_keys(self.app).await?)
    }

    /// Revokes a user key; false when there is none, or it is revoked already. Whom its tokens bound stays.
    ///
    /// # Errors
    /// [`CoreError`]; nothing was revoked.
    pub async fn revoke_user_key(&self, id: &str) -> Result<bool, CoreError> {
        let write = Write::RevokeUserKey { app: self.app, id: id.to_owned(), at: self.env.now() };
        Ok(matches!(self.log.write(write).await?, Written::Done))
    }
}

#[cfg(test)]
mod tests {
    use longwire_model::{AppId, Timestamp};

    use super::*;

    const RSA: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0HipkrzxRs3Y5YC2l4ao
a5fp0zymhSKFWpnDbbJR7UulSEOQ6wX2Eg+S7yGHP74AJ/42heEHzcHadD4wm+AH
JQ98eNrNZuAfNBSVQpt51zwMBTUN044Ne9Bamzgk3DYPjq6wKtIBMi8XuoYK4Bx5
2ZPdfH7nFhQw1gmuSwV8kffgMbVjunImhW9doHAXL4Sg8pOaUU0ve0H/aLIhzzRO
iIOVZmeKRgYQM5RAe16Lu+IIdp7ZxL7cg9EAUEKngfd+E7jlwuX54U5ynUtBvEZf
7Sw1mYeiVI0/EmSR6jB68hDsjDrJOU9WLHQRbSJJj3/zZFTZNjlxgwzEzyaBKsww
gQIDAQAB
-----END PUBLIC KEY-----
";
    const RSA_1024: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDMO5Czmlg8T01jSzNS7xcBWqRg
uB1UlrBsjg8kg8x/7tWjVQGBqtSe1jk4t4UtPl3Pvnty4C93NCb6NbcDb3Z4jEPp
KZcVMMF4AJre/AgoxlRJG6XsEbonOghUSZIPCSm9v7Uh/YM4rTn7zgxbdp7IVTgw
Osysra1K77mg+S68+QIDAQAB
-----END PUBLIC KEY-----
";
    const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEyFQl3ckHJta4l9KCWJUeIcfBMA4t
yFQescCyM1xedj0+mairsXMEfPtYzUMdvkc8NmKlbTao+DxwDp+AW0RV3Q==
-----END PUBLIC KEY-----
";
    const P384: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE1Wlo++OCm20QuBl6uqhG77/wd1RwoaX3
G/OUQwfyvJgFDGTBwaOm1tXfsx2vs8r2G2Vp4kyc1TtwvcMJwG+F3Imbd5AwFol3
Cqbc0q2gdcFx7MyGzcUOUagV/fMpXB4V
-----END PUBLIC KEY-----
";
    /// Of `signed by a back-end`, by the key above.
    const RSA_SIGNATURE: &str = "B2YphJHscVWhyO2+NUg0BjaaQXmmVzdqDoWSeOH+/d5McRMpvWiWj+VAz34xBsVqd/gOl5zavRWb3drqcEMfslxTszL/hSsAz3uhZpuFS05Q0FNTuUvT36lGLQa2H/XNtW8fO8vhZRp9iBABdJSQE9QYHZS2I5+GtCOJpWCZkrCkB/VSjYk+S8HV37kiPW5G/MsrWZ4DFzE35fnk0uP5skh8/O0htdrcQ/8OhDwn7VKdPTHHW0TrSxlxQ+KJtgp8261r4Y7+djOmSi5+wnFjDCSjy5v/bZq3DrsxxVAficx/YkX+f6lc/aBtP70YR4WvuRwWxIWBiY48D0gMIbs4GA==";
    /// RFC 8037 appendix A.
    const ED25519_POINT: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const ED25519_SIGNED: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    const ED25519_SIGNATURE: &str =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    fn user_key(key: PublicKey) -> UserKey {
        UserKey {
            id: "k".to_owned(),
            app: AppId::DEFAULT,
            algorithm: key.algorithm,
            public_key: key.der,
            label: None,
            created_at: Timestamp::default(),
            revoked_at: None,
        }
    }

    #[test]
    fn keys_are_told_apart_and_written_back() {
        for (pem, algorithm) in [(RSA, TokenAlgorithm::Rs256), (P256, TokenAlgorithm::Es256)] {
            let key = PublicKey::from_pem(pem).expect("a key");
            assert_eq!(key.algorithm(), algorithm);
            assert_eq!(to_pem(&user_key(key)), pem);
        }
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----\n";
        for (pem, error) in [
            (RSA_1024, KeyError::Size),
            (P384, KeyError::Kind),
            (private, KeyError::Private),
            ("", KeyError::NotPem),
            ("-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----", KeyError::NotPem),
            ("-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----", KeyError::Kind),
        ] {
            assert_eq!(PublicKey::from_pem(pem), Err(error), "{pem}");
        }
    }

    #[test]
    fn what_is_cut_off_or_goes_on_is_no_key() {
        let whole = PublicKey::from_pem(RSA).expect("a key").der;
        for length in 0..whole.len() {
            assert_eq!(kind(&whole[..length]), Err(KeyError::Kind), "{length}");
        }
        assert_eq!(kind(&[&whole[..], &[0]].concat()), Err(KeyError::Kind));
    }

    #[test]
    fn known_signatures_are_right_and_changed_ones_are_not() {
        let url = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let point = url.decode(ED25519_POINT).expect("base64url");
        let der = [ED25519_HEAD, &point].concat();
        let ed25519 = user_key(PublicKey { algorithm: kind(&der).expect("a key"), der });
        let rsa = user_key(PublicKey::from_pem(RSA).expect("a key"));
        let known = [
            (ed25519, ED25519_SIGNED, url.decode(ED25519_SIGNATURE).expect("base64url")),
            (rsa, "signed by a back-end", STANDARD.decode(RSA_SIGNATURE).expect("base64")),
        ];
        for (key, message, mut signature) in known {
            assert!(is_signed_by(&key, message.as_bytes(), &signature), "{}", key.algorithm);
            assert!(!is_signed_by(&key, &message.as_bytes()[1..], &signature));
            signature[7] ^= 1;
            assert!(!is_signed_by(&key, message.as_bytes(), &signature));
            assert!(!is_signed_by(&key, message.as_bytes(), &[]));
        }
    }
}
