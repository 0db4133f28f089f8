//! RFC 6121 §8.5 for messages, as one pure function.

use longwire_protocol::stanza::MessageType;

use crate::session_manager::Session;

/// To whom a message goes.
#[derive(Clone, Debug)]
pub enum Target<'a> {
    /// To these sessions.
    Sessions(Vec<&'a Session>),
    /// To nobody, silently.
    Ignore,
    /// To nobody: the sender is told `service-unavailable`.
    Unavailable,
}

/// The sessions that a message of `kind` to an account reaches, addressed to `resource` or to the bare JID.
#[must_use]
pub fn targets<'a>(kind: MessageType, resource: Option<&str>, sessions: &'a [Session]) -> Target<'a> {
    if let Some(resource) = resource {
        if let Some(session) = sessions.iter().find(|session| *session.resource == *resource) {
            return Target::Sessions(vec![session]);
        }
        // No such resource: only chat and normal messages fall back to the bare JID (RFC 6121 §8.5.3.2.1).
        return match kind {
            MessageType::Chat | MessageType::Normal => targets(kind, None, sessions),
            MessageType::Groupchat => Target::Unavailable,
            MessageType::Headline | MessageType::Error => Target::Ignore,
        };
    }
    let willing: Vec<&Session> = sessions.iter().filter(|session| session.priority >= Some(0)).collect();
    match kind {
        MessageType::Error => Target::Ignore,
        MessageType::Groupchat => Target::Unavailable,
        MessageType::Headline if willing.is_empty() => Target::Ignore,
        MessageType::Headline => Target::Sessions(willing),
        // Nothing is stored for later yet (RFC 6121 §8.5.2.2.1).
        MessageType::Chat | MessageType::Normal if willing.is_empty() => Target::Unavailable,
        MessageType::Chat | MessageType::Normal => {
            let highest = willing.iter().filter_map(|session| session.priority).max();
            Target::Sessions(willing.into_iter().filter(|session| session.priority == highest).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longwire_router::SessionKey;

    fn session(resource: &str, priority: Option<i8>) -> Session {
        Session {
            key: SessionKey(0),
            worker: 0,
            account: "alice".into(),
            resource: resource.into(),
            device: None,
            priority,
            is_androidpn: false,
        }
    }

    fn reached(kind: MessageType, resource: Option<&str>, sessions: &[Session]) -> Vec<String> {
        match targets(kind, resource, sessions) {
            Target::Sessions(found) => found.into_iter().map(|session| session.resource.to_string()).collect(),
            Target::Ignore => vec!["-".into()],
            Target::Unavailable => vec!["error".into()],
        }
    }

    #[test]
    fn the_table_of_rfc_6121_section_8_5() {
        use MessageType::{Chat, Error, Groupchat, Headline, Normal};
        let all = [session("low", Some(0)), session("high", Some(5)), session("neg", Some(-1)), session("mute", None)];
        for kind in [Chat, Normal] {
            assert_eq!(reached(kind, None, &all), ["high"]);
            assert_eq!(reached(kind, Some("gone"), &all), ["high"]);
            assert_eq!(reached(kind, None, &all[2..]), ["error"]);
        }
        assert_eq!(reached(Headline, None, &all), ["low", "high"]);
        assert_eq!(reached(Headline, Some("gone"), &all), ["-"]);
        assert_eq!(reached(Headline, None, &all[2..]), ["-"]);
        assert_eq!(reached(Groupchat, None, &all), ["error"]);
        assert_eq!(reached(Groupchat, Some("gone"), &all), ["error"]);
        assert_eq!(reached(Error, None, &all), ["-"]);
        for kind in [Chat, Normal, Headline, Groupchat, Error] {
            assert_eq!(
                reached(kind, Some("neg"), &all),
                ["neg"],
                "a full JID reaches its resource whatever its priority"
            );
        }
    }
}
