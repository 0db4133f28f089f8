//! Stream ids and nonces, derived from randomness that is given.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// The randomness of one stream: 32 random bytes and how often it was drawn from.
pub(crate) struct Seed {
    key: [u8; 32],
    drawn: u32,
}

impl Seed {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self { key, drawn: 0 }
    }

    /// The next unguessable text: 24 characters of the base64url alphabet, 144 bits.
    pub(crate) fn draw(&mut self) -> String {
        self.drawn = self.drawn.wrapping_add(1);
        let mut text = URL_SAFE_NO_PAD.encode(keyed(&self.key, &self.drawn.to_be_bytes()));
        text.truncate(24);
        text
    }
}

fn keyed(key: &[u8; 32], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn draws_differ() {
        let mut seed = Seed::new([7; 32]);
        let first = seed.draw();
        assert_eq!(first.len(), 24);
        assert_ne!(first, seed.draw());
    }
}
