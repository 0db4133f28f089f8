//! Original androidpn clients, and the scripts that push to them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, bail};

/// The key that every original server shipped with; clients compare it with nothing.
const API_KEY: &str = "1234567890";
/// The longest that can be said, in characters: every push carries it.
const API_KEY_CHARS_MAX: usize = 256;

/// What `--androidpn` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Androidpn {
    /// The `<apiKey/>` of every push.
    pub api_key: String,
    /// From these addresses scripts need no credentials.
    pub trusted: Vec<IpAddr>,
}

impl Androidpn {
    /// The trusted addresses, for people.
    pub(crate) fn trusted_text(&self) -> String {
        self.trusted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// None when it is off; what is said beside it is checked all the same.
    pub(super) fn new(
        is_on: bool,
        api_key: Option<String>,
        trusted: Option<Vec<String>>,
    ) -> anyhow::Result<Option<Self>> {
        let api_key = api_key.unwrap_or_else(|| API_KEY.to_owned());
        if api_key.chars().count() > API_KEY_CHARS_MAX {
            bail!("androidpn_api_key: it has more than {API_KEY_CHARS_MAX} characters");
        }
        let read = |text: String| {
            text.parse().with_context(|| format!("androidpn_trusted: {text:?} is not an IP address, such as 192.0.2.7"))
        };
        let trusted = match trusted {
            Some(texts) => texts.into_iter().map(read).collect::<anyhow::Result<Vec<IpAddr>>>()?,
            None => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        };
        Ok(is_on.then_some(Self { api_key, trusted }))
    }
}

#[cfg(test)]
mod tests {
    use super::{API_KEY, Androidpn};

    #[test]
    fn it_is_off_unless_said_and_trusts_loopback_alone() {
        assert_eq!(Androidpn::new(false, None, None).expect("off"), None);
        let on = Androidpn::new(true, None, None).expect("on").expect("on");
        assert_eq!(on.api_key, API_KEY);
        assert!(on.trusted.iter().all(std::net::IpAddr::is_loopback) && on.trusted.len() == 2);
        let on = Androidpn::new(true, Some("k".to_owned()), Some(Vec::new())).expect("on").expect("on");
        assert!(on.api_key == "k" && on.trusted.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = Androidpn::new(true, None, Some(vec!["office".to_owned()])).expect_err("refused");
        assert!(wrong.to_string().starts_with("androidpn_trusted:"), "{wrong}");
        let wrong = Androidpn::new(true, Some("x".repeat(257)), None).expect_err("refused");
        assert!(wrong.to_string().starts_with("androidpn_api_key:"), "{wrong}");
    }
}
