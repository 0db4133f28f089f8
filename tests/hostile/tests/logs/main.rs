//! What must not be in a log: it runs behind the other suites, and reads what they have left.

mod everything;
mod suites;

use anyhow::bail;

/// Secrets that are shorter are words as well: nothing follows from finding them.
const SECRET_BYTES_MIN: usize = 12;

/// Holds a log against secrets; the error shows the line.
fn has_none_of(name: &str, log: &str, secrets: &[String]) -> anyhow::Result<()> {
    for secret in secrets.iter().filter(|secret| secret.len() >= SECRET_BYTES_MIN) {
        if log.contains(secret.as_str()) {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            bail!("{name} has a secret: {line:?}");
        }
    }
    Ok(())
}

#[test]
fn a_planted_secret_is_caught_and_a_short_one_is_a_word() {
    let secrets = ["wrong".to_owned(), "a-long-secret".to_owned()];
    assert!(has_none_of("a log", "a wrong password\nnothing else", &secrets).is_ok());
    assert!(has_none_of("a log", "first\nkey=a-long-secret end", &secrets).is_err());
}
