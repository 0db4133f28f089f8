//! Addresses of ASCII alone, for a phone: it meets its server's domain and its own account, and the tables of Unicode would be a tenth of
//! its library. What is ASCII is prepared as the full preparation prepares it; everything else is refused.

use core::net::Ipv6Addr;
use std::fmt;

/// Bytes of a part.
const PART_BYTES_MAX: usize = 1_023;

/// Why a text is no address here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has a character that is not of ASCII.
    #[error("only letters, digits and signs of ASCII are known here")]
    NotAscii,
    /// The part before the `@` is empty, too long or has a sign that it must not have.
    #[error("the name is no name of an account")]
    Node,
    /// The domain is none.
    #[error("the domain is no name of a host, nor an address")]
    Domain,
    /// The part behind the `/` is empty, too long or has a sign that it must not have.
    #[error("the resource is none")]
    Resource,
}

/// An address.
#[derive(Clone, PartialEq, Eq)]
pub struct Jid {
    text: String,
    node_bytes: Option<usize>,
    resource_at: Option<usize>,
}

impl Jid {
    /// Reads an address.
    ///
    /// # Errors
    /// Says which part is wrong.
    pub fn new(text: &str) -> Result<Self, Error> {
        if !text.is_ascii() {
            return Err(Error::NotAscii);
        }
        let (bare, resource) = text.split_once('/').map_or((text, None), |(bare, resource)| (bare, Some(resource)));
        let (node, domain) = bare.split_once('@').map_or((None, bare), |(node, domain)| (Some(node), domain));
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        if !node.is_none_or(is_node) {
            return Err(Error::Node);
        }
        if !is_domain(domain) {
            return Err(Error::Domain);
        }
        if !resource.is_none_or(is_resource) {
            return Err(Error::Resource);
        }
        let mut prepared = node.map(|node| format!("{}@", node.to_ascii_lowercase())).unwrap_or_default();
        prepared.push_str(&domain.to_ascii_lowercase());
        let resource_at = resource.map(|_| prepared.len() + 1);
        if let Some(resource) = resource {
            prepared.push('/');
            prepared.push_str(resource);
        }
        Ok(Self { text: prepared, node_bytes: node.map(str::len), resource_at })
    }

    /// The account's name, if it has one.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.text.get(..self.node_bytes?)
    }

    /// The resource, if it has one.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.text.get(self.resource_at?..)
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Jid").field(&self.text).finish()
    }
}

/// An address with a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullJid(Jid);

impl FullJid {
    /// Reads an address.
    ///
    /// # Errors
    /// As [`Jid::new`], and when it has no resource.
    pub fn new(text: &str) -> Result<Self, Error> {
        Jid::new(text).and_then(|jid| if jid.resource().is_some() { Ok(Self(jid)) } else { Err(Error::Resource) })
    }
}

impl fmt::Display for FullJid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// RFC 6122 §2.3 forbids these signs, and nodeprep spaces and what controls.
fn is_node(text: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_graphic() && !b"\"&'/:<>@".contains(&byte);
    (1..=PART_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_known)
}

/// Letters, digits, hyphens and underscores, or an address.
fn is_domain(text: &str) -> bool {
    if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| {
        let is_edged = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && !is_edged && label.bytes().all(is_known)
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_resource(text: &str) -> bool {
    (1..=PART_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_taken_here_is_prepared_as_everywhere(text in "([A-Za-z0-9._&-]{0,6}@)?[A-Za-z0-9._-]{0,8}[a-z](/[ -~]{0,6})?") {
            let labels = text.split(['@', '/', '.']);
            // Names that IDNA alone can tell are taken here as they are.
            prop_assume!(labels.into_iter().all(|label| label.get(2..4) != Some("--")));
            match (Jid::new(&text), jid::Jid::new(&text)) {
                (Ok(ours), Ok(theirs)) => {
                    prop_assert_eq!(ours.to_string(), theirs.to_string());
                    prop_assert_eq!(ours.node(), theirs.node().map(|node| node.as_str()));
                    prop_assert_eq!(ours.resource(), theirs.resource().map(|resource| resource.as_str()));
                }
                (ours, theirs) => prop_assert_eq!(ours.is_err(), theirs.is_err(), "{}", text),
            }
        }
    }

    #[test]
    fn names_hosts_and_addresses_are_known_and_nothing_beyond_ascii() {
        for (text, prepared) in [
            ("Example.COM", "example.com"),
            ("example.com.", "example.com"),
            ("d1@LOCALHOST/longwire~1", "d1@localhost/longwire~1"),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(Jid::new(text).map(|jid| jid.to_string()).as_deref(), Ok(prepared));
        }
        for (text, error) in [
            ("", Error::Domain),
            ("a@", Error::Domain),
            ("@example.com", Error::Node),
            ("a b@example.com", Error::Node),
            ("a@b@c", Error::Domain),
            ("example.com/", Error::Resource),
            ("bücher.example", Error::NotAscii),
        ] {
            assert_eq!(Jid::new(text), Err(error), "{text}");
        }
        assert!(FullJid::new("a@b/c").is_ok_and(|jid| jid.to_string() == "a@b/c"));
        assert_eq!(FullJid::new("a@b"), Err(Error::Resource));
    }
}
