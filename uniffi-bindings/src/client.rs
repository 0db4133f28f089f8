//! The phone: one object that Kotlin holds.

use std::sync::Arc;

use crate::{InboxItem, NetworkFacts, Platform, PushConfig, PushError, PushState};

/// A phone. It is started and stopped as often as one likes; what was received and said meanwhile is in the platform's database.
#[derive(uniffi::Object)]
pub struct PushClient {
    _platform: Arc<dyn Platform>,
}

fn unfinished<T>() -> Result<T, PushError> {
    Err(PushError::Internal { text: "this call is not carried out yet".to_owned() })
}

#[uniffi::export]
#[expect(clippy::unused_async, reason = "the surface comes before what it carries")]
impl PushClient {
    /// A phone over the platform's database, whose tables are made when they are not there. Nothing is started.
    ///
    /// # Errors
    /// `Config` or `Storage`.
    #[uniffi::constructor]
    pub fn new(config: PushConfig, platform: Arc<dyn Platform>) -> Result<Arc<Self>, PushError> {
        drop((config, platform));
        unfinished()
    }

    /// Begins to connect and to receive; nothing more when it runs already. A blocked phone tries once more.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(&self) -> Result<(), PushError> {
        unfinished()
    }

    /// Ends the session politely; what was under way is on disk when it returns.
    pub async fn stop(&self) {}

    /// Where the phone stands.
    pub fn state(&self) -> PushState {
        PushState::Idle
    }

    /// The server's id of this installation, once it has one.
    pub fn device(&self) -> Option<String> {
        None
    }

    /// The user that this installation is bound to.
    pub fn user(&self) -> Option<String> {
        None
    }

    /// The server's time in Unix milliseconds as far as it is known; 0 before the first login.
    pub fn server_time_ms(&self) -> u64 {
        0
    }

    /// The network is another one, or there is none.
    pub fn network_changed(&self, facts: NetworkFacts) {
        drop(facts);
    }

    /// The alarm rang. Returns when what it was for is settled, so that the phone is kept awake until then; after a minute at the latest.
    pub async fn alarm_fired(&self) {}

    /// The app was handed a notification; `displayed` says whether it is on the screen.
    pub fn handed(&self, id: String, displayed: bool) {
        drop((id, displayed));
    }

    /// The newer content of a notification is on the screen; `revision` is that of the hand-over.
    pub fn updated(&self, id: String, revision: u64) {
        drop((id, revision));
    }

    /// A notification was taken from the screen, as asked for.
    pub fn removed(&self, id: String) {
        drop(id);
    }

    /// The person opened a notification. On disk when it returns, started or not.
    ///
    /// # Errors
    /// `Storage`; `Refused` with `item-not-found` when there is no such notification.
    pub async fn opened(&self, id: String) -> Result<(), PushError> {
        drop(id);
        unfinished()
    }

    /// The person dismissed a notification. On disk when it returns, started or not.
    ///
    /// # Errors
    /// As `opened`.
    pub async fn dismissed(&self, id: String) -> Result<(), PushError> {
        drop(id);
        unfinished()
    }

    /// The person used a button of a notification, with the text that it asked for. On disk when it returns, started or not. The notification
    /// counts as opened.
    ///
    /// # Errors
    /// As `opened`.
    pub async fn acted(&self, id: String, action: String, text: Option<String>) -> Result<(), PushError> {
        drop((id, action, text));
        unfinished()
    }

    /// What was received, the newest first, at most `limit` (and 200), from before the notification `before`.
    ///
    /// # Errors
    /// `Storage`; `Refused` with `item-not-found` when there is no notification `before`.
    pub async fn inbox(&self, limit: u32, before: Option<String>) -> Result<Vec<InboxItem>, PushError> {
        drop((limit, before));
        unfinished()
    }

    /// One notification of the inbox.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn inbox_item(&self, id: String) -> Result<Option<InboxItem>, PushError> {
        drop(id);
        unfinished()
    }

    /// Whether the app is done with a notification: a receiver need not look at it again.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn is_done(&self, id: String) -> Result<bool, PushError> {
        drop(id);
        unfinished()
    }

    /// Binds this installation to the user whom a token names; the user's name. Waits half a minute for a session.
    ///
    /// # Errors
    /// `Offline`, `Refused` or `Stopped`.
    pub async fn login(&self, token: String) -> Result<String, PushError> {
        drop(token);
        unfinished()
    }

    /// Unbinds the user. Waits half a minute for a session.
    ///
    /// # Errors
    /// As `login`.
    pub async fn logout(&self) -> Result<(), PushError> {
        unfinished()
    }

    /// Joins `topic:…` or `tag:…`, where the app allows it. Waits half a minute for a session.
    ///
    /// # Errors
    /// As `login`.
    pub async fn join(&self, key: String) -> Result<(), PushError> {
        drop(key);
        unfinished()
    }

    /// Leaves `topic:…` or `tag:…`. Waits half a minute for a session.
    ///
    /// # Errors
    /// As `login`.
    pub async fn leave(&self, key: String) -> Result<(), PushError> {
        drop(key);
        unfinished()
    }

    /// The user, topics and tags of this installation, as the server has them. Waits half a minute for a session.
    ///
    /// # Errors
    /// As `login`.
    pub async fn memberships(&self) -> Result<Vec<String>, PushError> {
        unfinished()
    }

    /// The app's key is another one now; a phone that was refused registration tries again at once.
    pub fn set_app_key(&self, key: Option<String>) {
        drop(key);
    }
}
