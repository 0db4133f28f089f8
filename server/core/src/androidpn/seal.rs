//! Passwords as they are kept: a version, a nonce, and ChaCha20-Poly1305 under a key outside the store, bound to the account's name.

use longwire_model::AndroidpnAccount;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// The form that is written; a reader knows every one that ever was.
const VERSION: u8 = 1;

/// Encrypts a password; the nonce is random, and an account is sealed once and when an operator gives it another.
pub(super) fn seal(key: &[u8; 32], name: &str, password: &str, nonce: [u8; NONCE_LEN]) -> Vec<u8> {
    let mut text = password.as_bytes().to_vec();
    let sealed = cipher(key).seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(name.as_bytes()),
        &mut text,
    );
    sealed.expect("only texts of many gigabytes are too long to seal");
    [[VERSION].as_slice(), nonce.as_slice(), text.as_slice()].concat()
}

/// The password of an account; none when it was sealed under another key, or damaged.
pub(super) fn open(key: &[u8; 32], account: &AndroidpnAccount) -> Option<String> {
    let (version, rest) = account.sealed_password.split_first()?;
    if *version != VERSION {
        return None;
    }
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
    let mut text = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = cipher(key).open_in_place(nonce, Aad::from(account.name.as_bytes()), &mut text).ok()?;
    String::from_utf8(opened.to_vec()).ok()
}

fn cipher(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).expect("a key of this cipher has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use longwire_model::{AndroidpnAccount, Timestamp};

    use super::{open, seal};

    #[test]
    fn a_password_opens_under_its_key_and_for_its_account_alone() {
        let key = [7; 32];
        let sealed_password = seal(&key, "ann", "päss", [1; 12]);
        assert!(!sealed_password.windows(3).any(|part| part == b"ss\0" || part == b"p\xc3\xa4"));
        let created_at = Timestamp::from_millis(0);
        let account = AndroidpnAccount {
            name: "ann".into(),
            sealed_password,
            email: None,
            full_name: None,
            created_at,
            claimed: Vec::new(),
            is_disabled: false,
        };
        assert_eq!(open(&key, &account).as_deref(), Some("päss"));
        assert_eq!(open(&[8; 32], &account), None);
        assert_eq!(open(&key, &AndroidpnAccount { name: "bob".into(), ..account.clone() }), None);
        for damaged in [Vec::new(), vec![1], vec![2; 40], account.sealed_password[1..].to_vec()] {
            assert_eq!(open(&key, &AndroidpnAccount { sealed_password: damaged, ..account.clone() }), None);
        }
    }
}
