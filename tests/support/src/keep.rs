//! What a run leaves for who holds its logs against its secrets: `KEEP_LOGS` names a folder, and without it nothing is kept.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// How the files begin that list secrets; one for each process of tests.
pub const SECRETS: &str = "secrets-";

/// The folder, made where it is not there.
///
/// # Panics
/// It cannot be made.
#[must_use]
pub fn kept() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("KEEP_LOGS")?);
    std::fs::create_dir_all(&folder).expect("the folder of kept logs can be made");
    Some(folder)
}

/// Where the log of what works on `data` goes: beside it, or into the folder under a name of its own.
#[must_use]
pub fn log_of(data: &Path) -> PathBuf {
    let beside = data.with_extension("log");
    let Some(folder) = kept() else { return beside };
    let name: String = beside.to_string_lossy().chars().map(|c| if c == '/' { '_' } else { c }).collect();
    folder.join(name)
}

/// Notes a secret that a test uses, so that no log may have it.
///
/// # Panics
/// It cannot be written down.
pub fn secret(text: &str) {
    let Some(folder) = kept() else { return };
    let path = folder.join(format!("{SECRETS}{}", std::process::id()));
    let line = format!("{}\n", text.replace('\n', " "));
    let written = OpenOptions::new().create(true).append(true).open(path);
    written.and_then(|mut file| file.write_all(line.as_bytes())).expect("a secret can be noted");
}

/// Notes the secret part of a key (`lw_<id>_<secret>`), whose id may be told; of what is no key, all of it.
pub fn key(text: &str) {
    secret(part(text).unwrap_or(text));
}

/// The secret part of a key (`lw_<id>_<secret>`).
///
/// # Panics
/// `key` is no key.
#[must_use]
pub fn secret_of(key: &str) -> &str {
    part(key).expect("a key is lw_<id>_<secret>")
}

/// A secret is base64url: it may have `_` in it as well.
fn part(text: &str) -> Option<&str> {
    let (kind, rest) = text.split_once('_')?;
    let (_, secret) = rest.split_once('_')?;
    (matches!(kind, "lw" | "lwa") && !secret.is_empty()).then_some(secret)
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_secret_is_the_whole_rest_of_a_key() {
        assert_eq!(part("lwa_4be07d19a2c5_c2V_jcmV_"), Some("c2V_jcmV_"));
        for text in ["", "lw_4be07d19a2c5_", "a_pass_word"] {
            assert_eq!(part(text), None, "{text}");
        }
    }
}
