//! Audience keys: `all`, `device:…`, `user:…`, `topic:…`, `tag:…` (DESIGN rule 1).

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use crate::DeviceId;
use crate::limits::NAME_BYTES_MAX;

/// What the key of a device begins with.
pub(crate) const DEVICE_PREFIX: &str = "device:";

/// One key in its canonical text form; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AudienceKey(Arc<str>);

/// What a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Every device of the app.
    All,
    /// One device.
    Device,
    /// The devices bound to one user of the app's back-end.
    User,
    /// The devices that joined a topic.
    Topic,
    /// The devices that carry a tag.
    Tag,
}

/// Why a text is not an audience key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudienceError {
    /// It starts with none of the known kinds.
    #[error("{0:?} is not an audience: use all, device:ID, user:NAME, topic:NAME or tag:NAME")]
    Kind(String),
    /// The name after the colon is empty, too long, or holds white space or a control character.
    #[error("{0:?} is not a name: 1 to 256 bytes without white space or control characters")]
    Name(String),
    /// The id after `device:` is not one that a server gives out.
    #[error("{0:?} is not a device id: use the `id` that GET /v1/devices shows")]
    Device(String),
}

impl AudienceKey {
    /// `all`: every device of the app; its text is in memory once.
    #[must_use]
    pub fn all() -> Self {
        static ALL: LazyLock<Arc<str>> = LazyLock::new(|| "all".into());
        Self(Arc::clone(&ALL))
    }

    /// `device:<id>`.
    #[must_use]
    pub fn device(id: DeviceId) -> Self {
        Self(format!("{DEVICE_PREFIX}{id}").into())
    }

    /// `user:<name>`.
    ///
    /// # Errors
    /// [`AudienceError::Name`] when the name is empty, over 256 bytes, or holds white space or control characters.
    pub fn user(name: &str) -> Result<Self, AudienceError> {
        Self::named("user", name)
    }

    /// `topic:<name>`.
    ///
    /// # Errors
    /// As [`AudienceKey::user`].
    pub fn topic(name: &str) -> Result<Self, AudienceError> {
        Self::named("topic", name)
    }

    /// `tag:<name>`.
    ///
    /// # Errors
    /// As [`AudienceKey::user`].
    pub fn tag(name: &str) -> Result<Self, AudienceError> {
        Self::named("tag", name)
    }

    fn named(kind: &str, name: &str) -> Result<Self, AudienceError> {
        if is_name(name) { Ok(Self(format!("{kind}:{name}").into())) } else { Err(AudienceError::Name(shorten(name))) }
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the key names.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        match self.0.split_once(':').map_or("all", |(kind, _)| kind) {
            "device" => KeyKind::Device,
            "user" => KeyKind::User,
            "topic" => KeyKind::Topic,
            "tag" => KeyKind::Tag,
            _ => KeyKind::All,
        }
    }

    /// Whether it is `all`.
    #[must_use]
    pub fn is_all(&self) -> bool {
        &*self.0 == "all"
    }

    /// Whether other devices may be members too, but not all are.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match self.kind() {
            KeyKind::User | KeyKind::Topic | KeyKind::Tag => true,
            KeyKind::All | KeyKind::Device => false,
        }
    }

    /// The text after the colon; empty for `all`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, name)| name)
    }

    /// The device of a `device:` key.
    #[must_use]
    pub fn as_device(&self) -> Option<DeviceId> {
        self.0.strip_prefix(DEVICE_PREFIX).and_then(DeviceId::of_canonical)
    }

    /// The user of a `user:` key.
    #[must_use]
    pub fn as_user(&self) -> Option<&str> {
        if self.kind() == KeyKind::User { Some(self.name()) } else { None }
    }
}

impl FromStr for AudienceKey {
    type Err = AudienceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self::all());
        }
        let Some((kind, name)) = text.split_once(':') else {
            return Err(AudienceError::Kind(shorten(text)));
        };
        match kind {
            "device" if name.parse::<DeviceId>().is_ok() => Ok(Self(text.into())),
            "device" => Err(AudienceError::Device(shorten(name))),
            "user" | "topic" | "tag" => Self::named(kind, name),
            _ => Err(AudienceError::Kind(shorten(text))),
        }
    }
}

impl fmt::Display for AudienceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `name` may stand behind `user:`, `topic:` or `tag:`; the XML-forbidden U+FFFE and U+FFFF are out because names travel in stanzas.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(is_of_name)
}

/// Whether a name may hold this character.
#[must_use]
pub fn is_of_name(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// At most 64 characters of a refused text, for an error message.
fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_reads_back() {
        for text in ["all", "user:alice", "topic:a/b", "tag:beta", "device:0199a0b1-c2d3-4e4f-8a5b-6c7d8e9f0a1b"] {
            assert_eq!(text.parse::<AudienceKey>().map(|key| key.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!("everyone".parse::<AudienceKey>(), Err(AudienceError::Kind("everyone".into())));
        assert_eq!("group:x".parse::<AudienceKey>(), Err(AudienceError::Kind("group:x".into())));
        assert_eq!("user:".parse::<AudienceKey>(), Err(AudienceError::Name(String::new())));
        assert_eq!("user:a b".parse::<AudienceKey>(), Err(AudienceError::Name("a b".into())));
        assert_eq!("device:phone".parse::<AudienceKey>(), Err(AudienceError::Device("phone".into())));
        assert!(AudienceKey::user(&"x".repeat(NAME_BYTES_MAX)).is_ok());
        assert!(AudienceKey::user(&"x".repeat(NAME_BYTES_MAX + 1)).is_err());
    }
}
