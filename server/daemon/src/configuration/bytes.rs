//! Amounts of memory.

use anyhow::{Context as _, bail};

/// Less is less than a server that does nothing.
pub(crate) const MEMORY_MIN: u64 = 48 * 1024 * 1024;

/// The ceiling of memory that `memory_max` says.
pub(super) fn memory_max(text: Option<&str>) -> anyhow::Result<Option<u64>> {
    let Some(text) = text else { return Ok(None) };
    let bytes = parse(text)
        .with_context(|| format!("memory_max: {text:?} is not an amount of memory such as \"512MiB\" or \"2GiB\""))?;
    if bytes < MEMORY_MIN {
        bail!("memory_max: {text:?} is less than the server needs to do anything: say 48MiB or more");
    }
    Ok(Some(bytes))
}

fn parse(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let unit: u64 = match text.strip_prefix(digits)?.trim() {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units_and_a_least() {
        let told = |text: &str| memory_max(Some(text));
        assert_eq!(memory_max(None).expect("none"), None);
        assert_eq!(told("512MiB").expect("an amount"), Some(512 << 20));
        assert_eq!(told("2 GiB").expect("an amount"), Some(2 << 30));
        assert_eq!(told("104857600").expect("bytes"), Some(104_857_600));
        for wrong in ["", "MiB", "512M", "-1GiB", "1TiB", "47MiB", "99999999999999999999GiB"] {
            assert!(told(wrong).expect_err("refused").to_string().starts_with("memory_max:"), "{wrong}");
        }
    }
}
