//! Configuration from the environment: `LONGWIRE_` and the key in capitals.

use anyhow::{Context as _, bail};
use serde::Deserialize as _;

use super::file::{FileConfig, KEYS, Kind};

const PREFIX: &str = "LONGWIRE_";
/// Variables of the scripts and of other programs of the project.
const OTHERS: &[&str] = &["CONFIG", "DATA", "LOG"];
const OTHERS_PREFIXES: &[&str] = &["TEST_", "E2E_", "DEVICE_"];

/// Reads `variables`; one that starts with `LONGWIRE_` and is no key is an error, as in the file.
pub(crate) fn read(variables: &[(String, String)]) -> anyhow::Result<FileConfig> {
    let mut table = toml::Table::new();
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let key = rest.to_lowercase();
        let Some((key, kind)) = KEYS.iter().find(|(known, _)| *known == key) else {
            if is_of_others(rest) {
                continue;
            }
            bail!("the variable {name} is not a key of the configuration: see longwire.example.toml for the keys");
        };
        let wrong = |what: &str| format!("the variable {name} has the value {value:?}: {what}");
        let parsed = match kind {
            Kind::Text => toml::Value::String(value.clone()),
            Kind::Number => toml::Value::Integer(value.parse().with_context(|| wrong("use a whole number"))?),
            Kind::List => toml::Value::Array(list(value)),
            Kind::Bool => toml::Value::Boolean(value.parse().with_context(|| wrong("use true or false"))?),
        };
        let one = toml::Table::from_iter([((*key).to_owned(), parsed.clone())]);
        if let Err(error) = FileConfig::deserialize(one) {
            bail!(wrong(error.message()));
        }
        table.insert((*key).to_owned(), parsed);
    }
    FileConfig::deserialize(table).context("the environment cannot be read")
}

/// Texts between commas; nothing at all is an empty list.
fn list(value: &str) -> Vec<toml::Value> {
    let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(|item| toml::Value::String(item.to_owned())).collect()
}

/// What Kubernetes sets for a service that is called `longwire`, and what belongs to other programs.
fn is_of_others(rest: &str) -> bool {
    OTHERS.contains(&rest)
        || OTHERS_PREFIXES.iter().any(|prefix| rest.starts_with(prefix))
        || rest == "PORT"
        || rest.starts_with("PORT_")
        || rest.contains("SERVICE_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Registration;

    fn read_one(name: &str, value: &str) -> anyhow::Result<FileConfig> {
        read(&[(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn each_kind_is_read() {
        assert_eq!(read_one("LONGWIRE_DOMAIN", "7").expect("text").domain.as_deref(), Some("7"));
        assert_eq!(read_one("LONGWIRE_PLAINTEXT", "true").expect("a bool").plaintext, Some(true));
        assert_eq!(read_one("LONGWIRE_RETENTION_DAYS", "7").expect("a number").retention_days, Some(7));
        let topics = |value| read_one("LONGWIRE_DEVICE_TOPICS", value).expect("a list").device_topics;
        assert_eq!(topics("news/*, sport"), Some(vec!["news/*".to_owned(), "sport".to_owned()]));
        assert_eq!(topics(""), Some(Vec::new()));
        for (word, who) in
            [("open", Registration::Open), ("app-key", Registration::AppKey), ("closed", Registration::Closed)]
        {
            let registration = read_one("LONGWIRE_REGISTRATION", word).expect("a word").registration;
            assert_eq!(registration, Some(who));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value) in [
            ("LONGWIRE_HTPP", "127.0.0.1:1"),
            ("LONGWIRE_PLAINTEXT", "yes"),
            ("LONGWIRE_RETENTION_DAYS", "-1"),
            ("LONGWIRE_HTTP_CONCURRENCY_MAX", "0"),
            ("LONGWIRE_CONNECTIONS_BEFORE_LOGIN_MAX", "0"),
            ("LONGWIRE_LOGINS_PER_SECOND_MAX", "0"),
            ("LONGWIRE_REGISTRATIONS_PER_MINUTE_MAX", "0"),
            ("LONGWIRE_REGISTRATION", "ajar"),
            ("LONGWIRE_REGISTRATION", "appkey"),
        ] {
            let error = read_one(name, value).expect_err("refused").to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        for name in ["PATH", "LONGWIRE_SERVICE_HOST", "LONGWIRE_PORT_9090_TCP_ADDR", "LONGWIRE_TEST_SEED"] {
            assert_eq!(read_one(name, "x").expect("ignored"), FileConfig::default());
        }
    }
}
