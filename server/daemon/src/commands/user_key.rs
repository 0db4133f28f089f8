//! `longwire user-key create|add|list|revoke`.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Map, Value, json};

use super::{call_list, call_once, show};
use crate::cli::{Place, UserKeyCommand};
use crate::control::{Call, segment};
use crate::{output, system};

/// What stands before the 32 bytes of a private Ed25519 key (RFC 8410 §7).
const PRIVATE_HEAD: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
/// What stands before the 32 bytes of a public one (RFC 8410 §4).
const PUBLIC_HEAD: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// Bytes of a file that may be a public key.
const FILE_BYTES_MAX: u64 = 64 * 1024;

pub(crate) async fn run(command: UserKeyCommand, variables: &[(String, String)]) -> anyhow::Result<()> {
    match command {
        UserKeyCommand::Create { place, label, json } => {
            let (private, public) = make()?;
            let id = add(&place, variables, "user-key create", &public, label).await?;
            if json {
                output::line(&json!({ "id": id, "private_key": private }).to_string());
            } else {
                output::line(private.trim_end());
                output::note(&format!(
                    "the user key {id} is added: its tokens name it as \"kid\" and are signed with EdDSA"
                ));
            }
        }
        UserKeyCommand::Add { place, public_key, label } => {
            let public = read(&public_key)?;
            output::line(&add(&place, variables, "user-key add", &public, label).await?);
        }
        UserKeyCommand::List { place, json } => {
            let items = call_list(&place, variables, "user-key list", "/v1/user-keys").await?;
            show(items, &["id", "algorithm", "label", "created_at", "revoked_at"], json);
        }
        UserKeyCommand::Revoke { place, id } => {
            let path = format!("/v1/user-keys/{}", segment(&id));
            call_once(&place, variables, "user-key revoke", Call::new(Method::DELETE, &path)).await?;
            output::note(&format!(
                "the user key {id} is revoked: its tokens bind no device, and whom they bound stays"
            ));
        }
    }
    Ok(())
}

/// Adds a public key; gives its id.
async fn add(
    place: &Place,
    variables: &[(String, String)],
    command: &str,
    public: &str,
    label: Option<String>,
) -> anyhow::Result<String> {
    let given = [("public_key", Some(public.to_owned())), ("label", label)];
    let body: Map<String, Value> =
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect();
    let call = Call { body: Some(body.into()), ..Call::new(Method::POST, "/v1/user-keys") };
    let made = call_once(place, variables, command, call).await?;
    Ok(made.get("id").and_then(Value::as_str).context("the answer has no id")?.to_owned())
}

/// A new key pair as PEM, the private key first.
fn make() -> anyhow::Result<(String, String)> {
    let seed: [u8; 32] = system::env().random();
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| anyhow::anyhow!("no key can be made"))?;
    let private = pem("PRIVATE KEY", &[PRIVATE_HEAD, &seed].concat());
    Ok((private, pem("PUBLIC KEY", &[PUBLIC_HEAD, pair.public_key().as_ref()].concat())))
}

fn pem(label: &str, der: &[u8]) -> String {
    // Both are shorter than a line.
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let limited = |input: &mut dyn std::io::Read, text: &mut String| input.take(FILE_BYTES_MAX).read_to_string(text);
    let read = if path == Path::new("-") {
        limited(&mut std::io::stdin().lock(), &mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| limited(&mut file, &mut text))
    };
    read.with_context(|| format!("the public key {} cannot be read", path.display()))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::PrivateKeyDer;
    use rustls_pki_types::pem::PemObject as _;

    use super::*;

    #[test]
    fn a_made_pair_is_one_that_others_read() {
        let (private, public) = make().expect("a pair");
        let key = PrivateKeyDer::from_pem_slice(private.as_bytes()).expect("a private key");
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_der()).expect("PKCS #8");
        let der = rustls_pki_types::SubjectPublicKeyInfoDer::from_pem_slice(public.as_bytes()).expect("a public key");
        assert!(der.as_ref().ends_with(pair.public_key().as_ref()));
        assert_ne!(make().expect("a pair").0, private);
    }
}
