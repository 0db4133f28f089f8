//! What the app is handed, and what its inbox holds.

use std::collections::HashMap;

use longwire_client::HandOver;
use longwire_client::inbox::{self, Notification};

/// A button of a notification.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PushAction {
    /// Its id, told to the server when it is used.
    pub id: String,
    /// What stands on it.
    pub title: String,
    /// What it leads to.
    pub url: Option<String>,
    /// Whether it asks for a text.
    pub is_reply: bool,
    /// What stands in the empty field of the text.
    pub placeholder: Option<String>,
}

/// A notification that is handed over.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PushNotification {
    /// Its id; handing it again replaces what is on the screen.
    pub id: String,
    /// Position in the server's log of the entry that brought it; 0 when it is not in the log.
    pub seq: u64,
    /// `normal` or `background`.
    pub lane: String,
    /// The how-manieth hand-over this is, counted over processes: the first one alerts.
    pub attempt: u32,
    /// Whether it replaces the content of one that was handed before: nobody is alerted again. Answered by `updated()`.
    pub is_update: bool,
    /// Which content of the notification this is; 0 is the first.
    pub revision: u64,
    /// Whether it is shown now or never: it is done already, and needs no answer.
    pub is_once: bool,
    /// The user through whose key it came, when through no other.
    pub user: Option<String>,
    /// The headline.
    pub title: Option<String>,
    /// The text.
    pub body: Option<String>,
    /// What opening it leads to.
    pub url: Option<String>,
    /// The address of a picture.
    pub image: Option<String>,
    /// Notifications of one group stand together.
    pub group: Option<String>,
    /// `default`, `none`, or the name of a raw resource of the app.
    pub sound: Option<String>,
    /// `min`, `low`, `normal`, `high` or `critical`.
    pub urgency: Option<String>,
    /// The sender's own fields.
    pub data: HashMap<String, String>,
    /// Its buttons.
    pub actions: Vec<PushAction>,
    /// When the server took it, in Unix milliseconds of its clock.
    pub sent_at_ms: u64,
    /// When it was stored here, in Unix milliseconds of the server's clock.
    pub received_at_ms: u64,
    /// When it expires, in Unix milliseconds of the server's clock.
    pub expires_at_ms: u64,
}

/// A notification of the inbox.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct InboxItem {
    /// Its id.
    pub id: String,
    /// Position in the server's log; 0 when it is not in the log.
    pub seq: u64,
    /// `normal` or `background`.
    pub lane: String,
    /// `stored` (here and not handed yet), `handed` (the app is not done with it), `done` (the app is) or `closed` (opened or dismissed).
    pub state: String,
    /// The user through whose key it came, when through no other.
    pub user: Option<String>,
    /// The headline.
    pub title: Option<String>,
    /// The text.
    pub body: Option<String>,
    /// What opening it leads to.
    pub url: Option<String>,
    /// The address of a picture.
    pub image: Option<String>,
    /// Notifications of one group stand together.
    pub group: Option<String>,
    /// `default`, `none`, or the name of a raw resource of the app.
    pub sound: Option<String>,
    /// `min`, `low`, `normal`, `high` or `critical`.
    pub urgency: Option<String>,
    /// The sender's own fields.
    pub data: HashMap<String, String>,
    /// Its buttons.
    pub actions: Vec<PushAction>,
    /// When the server took it, in Unix milliseconds of its clock.
    pub sent_at_ms: u64,
    /// When it was stored here, in Unix milliseconds of the server's clock.
    pub received_at_ms: u64,
    /// When it expires, in Unix milliseconds of the server's clock.
    pub expires_at_ms: u64,
}

/// The fields of a payload as Kotlin has them.
pub(crate) struct Content {
    pub(crate) title: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) image: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) sound: Option<String>,
    pub(crate) urgency: Option<String>,
    pub(crate) data: HashMap<String, String>,
    pub(crate) actions: Vec<PushAction>,
}

impl From<Notification> for Content {
    fn from(from: Notification) -> Self {
        let Notification { title, body, data, url, image, group, sound, urgency, actions } = from;
        let actions = actions.into_iter().map(PushAction::from).collect();
        Self { title, body, url, image, group, sound, urgency, data: data.into_iter().collect(), actions }
    }
}

impl From<inbox::PushAction> for PushAction {
    fn from(from: inbox::PushAction) -> Self {
        let inbox::PushAction { id, title, url, is_reply, placeholder } = from;
        Self { id, title, url, is_reply, placeholder }
    }
}

impl From<HandOver> for PushNotification {
    fn from(shown: HandOver) -> Self {
        let Content { title, body, url, image, group, sound, urgency, data, actions } = shown.notification.into();
        Self {
            sent_at_ms: sent_at_ms(&shown.id).unwrap_or(shown.received_ms),
            id: shown.id,
            seq: shown.seq,
            lane: shown.lane.as_str().to_owned(),
            attempt: shown.attempt,
            is_update: shown.is_update,
            revision: shown.revision,
            is_once: shown.is_once,
            user: shown.user,
            title,
            body,
            url,
            image,
            group,
            sound,
            urgency,
            data,
            actions,
            received_at_ms: shown.received_ms,
            expires_at_ms: shown.expires_ms,
        }
    }
}

/// When an id was made, as a `UUIDv7` tells it (RFC 9562 §5.7).
pub(crate) fn sent_at_ms(id: &str) -> Option<u64> {
    let digits = id.replace('-', "");
    let is_version_7 = digits.len() == 32 && digits.as_bytes().get(12) == Some(&b'7');
    u64::from_str_radix(digits.get(..12).filter(|_| is_version_7)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_when_it_was_made_if_it_is_of_version_7() {
        assert_eq!(sent_at_ms("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"), Some(1_645_557_742_000));
        for other in ["", "017f22e2-79b0-4cc3-98c4-dc0c0c07398f", "zzzzzzzz-zzzz-7zzz-zzzz-zzzzzzzzzzzz", "é"] {
            assert_eq!(sent_at_ms(other), None, "{other}");
        }
    }
}
