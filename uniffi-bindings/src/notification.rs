//! What the app is handed, and what its inbox holds.

use std::collections::HashMap;

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
