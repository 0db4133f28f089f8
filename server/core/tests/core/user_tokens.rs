//! User tokens: whom they bind, and the many ways to be refused.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use longwire_core::auth_manager::{PublicKey, TokenError};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::world::World;

/// Seconds at which the clock of a world starts.
const NOW_S: i64 = 1_000;

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl Pair {
    fn ed25519(seed: u8) -> Self {
        Self::Ed25519(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed"))
    }

    fn p256() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        Self::P256(EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref(), &random).expect("a key"))
    }

    fn public(&self) -> PublicKey {
        let (head, point) = match self {
            Self::Ed25519(pair) => ("302a300506032b6570032100", pair.public_key().as_ref()),
            Self::P256(pair) => ("3059301306072a8648ce3d020106082a8648ce3d030107034200", pair.public_key().as_ref()),
        };
        let byte = |at: usize| u8::from_str_radix(&head[at..at + 2], 16).expect("hexadecimal");
        let der: Vec<u8> = (0..head.len()).step_by(2).map(byte).chain(point.iter().copied()).collect();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
        PublicKey::from_pem(&pem).expect("a public key")
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = match self {
            Self::Ed25519(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
            Self::P256(pair) => {
                pair.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature").as_ref().to_vec()
            }
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn claims() -> Value {
    json!({"sub": "alice", "exp": NOW_S + 60, "aud": "example.com"})
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object.as_object_mut().expect("an object").insert(name.to_owned(), value);
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().expect("an object").remove(name);
    object
}

async fn refusal(world: &World, token: &str) -> TokenError {
    world.core.auth.check_user_token(token).await.expect_err("refused")
}

#[tokio::test]
async fn a_token_names_the_user_by_a_key_of_each_kind() {
    let world = World::new().await;
    for pair in [Pair::ed25519(1), Pair::p256()] {
        let key = world.core.auth.add_user_key(pair.public(), None).await.expect("kept");
        let header = json!({"alg": key.algorithm.as_str(), "kid": key.id, "typ": "JWT"});
        for claims in [
            claims(),
            with(claims(), "aud", json!(["other.example", "example.com"])),
            with(claims(), "exp", json!(1_000.5)),
            with(claims(), "nbf", json!(NOW_S + 60)),
            with(claims(), "more", json!({"a": 1})),
        ] {
            let token = pair.token(&header, &claims);
            let user = world.core.auth.check_user_token(&token).await.expect("a user");
            assert_eq!(user.as_str(), "user:alice", "{claims}");
        }
    }
}

#[tokio::test]
async fn claims_that_are_not_as_they_must_be_are_refused_by_name() {
    let world = World::new().await;
    let pair = Pair::ed25519(1);
    let key = world.core.auth.add_user_key(pair.public(), None).await.expect("kept");
    let header = json!({"alg": "EdDSA", "kid": key.id});
    for (claims, expected) in [
        (without(claims(), "exp"), "exp"),
        (with(claims(), "exp", json!(NOW_S)), "exp"),
        (with(claims(), "exp", json!("tomorrow")), "exp"),
        (with(claims(), "nbf", json!(NOW_S + 61)), "nbf"),
        (without(claims(), "aud"), "aud"),
        (with(claims(), "aud", json!("example.org")), "aud"),
        (with(claims(), "aud", json!(["example.org", 7])), "aud"),
        (with(claims(), "aud", json!([])), "aud"),
        (without(claims(), "sub"), "sub"),
        (with(claims(), "sub", json!(7)), "sub"),
        (with(claims(), "sub", json!("")), "sub"),
        (with(claims(), "sub", json!("a b")), "sub"),
        (with(claims(), "sub", json!("x".repeat(257))), "sub"),
    ] {
        let error = refusal(&world, &pair.token(&header, &claims)).await;
        assert!(matches!(error, TokenError::Claim(name, _) if name == expected), "{claims}: {error}");
    }
    let token = pair.token(&header, &claims());
    world.hand.advance(60_000);
    let error = refusal(&world, &token).await;
    assert!(error.to_string().contains("expired"), "{error}");
}

#[tokio::test]
async fn only_the_key_says_how_a_token_is_checked() {
    let world = World::new().await;
    let (pair, other) = (Pair::ed25519(1), Pair::ed25519(2));
    let key = world.core.auth.add_user_key(pair.public(), None).await.expect("kept");
    let header = |alg: &str| json!({"alg": alg, "kid": key.id});
    for alg in ["none", "None", "HS256", "ES256", "RS256", "eddsa", ""] {
        let error = refusal(&world, &pair.token(&header(alg), &claims())).await;
        assert!(matches!(error, TokenError::Algorithm("EdDSA")), "{alg}: {error}");
    }
    let error = refusal(&world, &other.token(&header("EdDSA"), &claims())).await;
    assert!(matches!(error, TokenError::Signature), "{error}");
    let token = pair.token(&header("EdDSA"), &claims());
    let (signed, signature) = token.rsplit_once('.').expect("parts");
    let other_claims = URL_SAFE_NO_PAD.encode(with(claims(), "sub", json!("bob")).to_string());
    let (head, _) = signed.split_once('.').expect("parts");
    for forged in [format!("{head}.{other_claims}.{signature}"), format!("{signed}.")] {
        assert!(matches!(refusal(&world, &forged).await, TokenError::Signature), "{forged}");
    }
    let unknown = pair.token(&json!({"alg": "EdDSA", "kid": "nobody"}), &claims());
    assert!(matches!(refusal(&world, &unknown).await, TokenError::UnknownKey));
    assert!(world.core.auth.check_user_token(&token).await.is_ok());
    assert!(world.core.auth.revoke_user_key(&key.id).await.expect("a write"));
    assert!(matches!(refusal(&world, &token).await, TokenError::RevokedKey));
}

#[tokio::test]
async fn what_is_no_jwt_is_refused() {
    let world = World::new().await;
    let pair = Pair::ed25519(1);
    let key = world.core.auth.add_user_key(pair.public(), None).await.expect("kept");
    let good = json!({"alg": "EdDSA", "kid": key.id});
    let token = pair.token(&good, &claims());
    let long = pair.token(&good, &with(claims(), "x", json!("x".repeat(8_192))));
    let crit = pair.token(&with(good.clone(), "crit", json!(["exp"])), &claims());
    let nameless = pair.token(&without(good.clone(), "kid"), &claims());
    let listed = pair.token(&json!(["EdDSA"]), &claims());
    for wrong in ["", ".", "..", "a.b.c", &long, &crit, &nameless, &listed, &format!("{token}=")] {
        assert!(matches!(refusal(&world, wrong).await, TokenError::Form(_)), "{wrong}");
    }
}
