//! The phone: one object that Kotlin holds.

use std::sync::{Arc, Mutex, PoisonError};

use longwire_client::inbox::StoreError;
use longwire_client::{Event, Reply};
use longwire_protocol::push::{Request, UserToken};
use tokio::sync::oneshot;

use crate::engine::{Engine, Parts};
use crate::log::Log;
use crate::mailbox::Letter;
use crate::settings::{Settings, read_app_key, read_network};
use crate::shared::Shared;
use crate::store::Store;
use crate::{InboxItem, NetworkFacts, Platform, PushConfig, PushError, PushState};

/// A phone. It is started and stopped as often as one likes; what was received and said meanwhile is in the platform's database.
#[derive(uniffi::Object)]
pub struct PushClient {
    parts: Parts,
    engine: Mutex<Option<Engine>>,
}

#[uniffi::export]
impl PushClient {
    /// A phone over the platform's database, whose tables are made when they are not there. Nothing is started.
    ///
    /// # Errors
    /// `Config` or `Storage`.
    #[uniffi::constructor]
    pub fn new(config: PushConfig, platform: Arc<dyn Platform>) -> Result<Arc<Self>, PushError> {
        let settings = Arc::new(Settings::read(config, &platform)?);
        let (store, record) = Store::open(&platform)?;
        let now_ms = settings.clock.now_ms();
        let shared = Arc::new(Shared::new(record, settings.clock.boot_id(), now_ms, Arc::clone(&platform)));
        let parts = Parts { settings, platform, store, shared, wishes: Arc::default() };
        Ok(Arc::new(Self { parts, engine: Mutex::default() }))
    }

    /// Begins to connect and to receive; nothing more when it runs already. A blocked phone tries once more.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(&self) -> Result<(), PushError> {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if engine.as_ref().is_some_and(|engine| engine.mailbox.post(Letter::Event(Event::Start)).is_ok()) {
            return Ok(());
        }
        let former = engine.take();
        *engine = Some(Engine::start(self.parts.clone(), former)?);
        Ok(())
    }

    /// Ends the session politely; what was under way is on disk when it returns.
    pub async fn stop(&self) {
        let ended = {
            let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
            engine.as_ref().map(Engine::stop)
        };
        if let Some(ended) = ended {
            ended.await;
        }
    }

    /// Where the phone stands.
    pub fn state(&self) -> PushState {
        self.parts.shared.state()
    }

    /// The server's id of this installation, once it has one.
    pub fn device(&self) -> Option<String> {
        self.parts.shared.device()
    }

    /// The user that this installation is bound to.
    pub fn user(&self) -> Option<String> {
        self.parts.shared.user()
    }

    /// The server's time in Unix milliseconds as far as it is known; 0 before the first login.
    pub fn server_time_ms(&self) -> u64 {
        self.parts.shared.server_time_ms(self.parts.settings.clock.now_ms())
    }

    /// The network is another one, or there is none.
    pub fn network_changed(&self, facts: NetworkFacts) {
        let event = Event::Network(read_network(facts));
        self.parts.wishes.lock().unwrap_or_else(PoisonError::into_inner).network = Some(event.clone());
        self.post_if_running(Letter::Event(event));
    }

    /// The alarm rang. Returns when what it was for is settled, so that the phone is kept awake until then; after a minute at the latest.
    pub async fn alarm_fired(&self) {
        let (answer, settled) = oneshot::channel();
        self.post_if_running(Letter::Alarm(answer));
        // Nobody settles anything where nothing runs.
        drop(settled.await);
    }

    /// The app was handed a notification; `displayed` says whether it is on the screen.
    pub fn handed(&self, id: String, displayed: bool) {
        self.tell(Event::Finished { id, is_displayed: displayed });
    }

    /// The newer content of a notification is on the screen; `revision` is that of the hand-over.
    pub fn updated(&self, id: String, revision: u64) {
        self.tell(Event::Updated { id, revision });
    }

    /// A notification was taken from the screen, as asked for.
    pub fn removed(&self, id: String) {
        self.tell(Event::Removed { id });
    }

    /// A notification that the app shows by itself is on the screen. On disk when it returns, started or not.
    ///
    /// # Errors
    /// As `opened`.
    pub async fn displayed(&self, id: String) -> Result<(), PushError> {
        self.said(Event::Displayed { id: id.clone() }, id).await
    }

    /// The person opened a notification. On disk when it returns, started or not.
    ///
    /// # Errors
    /// `Storage`; `Refused` with `item-not-found` when there is no such notification.
    pub async fn opened(&self, id: String) -> Result<(), PushError> {
        self.said(Event::Opened { id: id.clone() }, id).await
    }

    /// The person dismissed a notification. On disk when it returns, started or not.
    ///
    /// # Errors
    /// As `opened`.
    pub async fn dismissed(&self, id: String) -> Result<(), PushError> {
        self.said(Event::Dismissed { id: id.clone() }, id).await
    }

    /// The person used a button of a notification, with the text that it asked for. On disk when it returns, started or not. The notification
    /// counts as opened.
    ///
    /// # Errors
    /// As `opened`.
    pub async fn acted(&self, id: String, action: String, text: Option<String>) -> Result<(), PushError> {
        self.said(Event::Acted { id: id.clone(), action, text }, id).await
    }

    /// What was received, the newest first, at most `limit` (and 200), from before the notification `before`.
    ///
    /// # Errors
    /// `Storage`; `Refused` with `item-not-found` when there is no notification `before`.
    pub async fn inbox(&self, limit: u32, before: Option<String>) -> Result<Vec<InboxItem>, PushError> {
        let items = self.parts.store.inbox(limit, before).await.map_err(|error| storage(&error))?;
        items.ok_or_else(|| unknown("before which the inbox is asked for"))
    }

    /// One notification of the inbox.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn inbox_item(&self, id: String) -> Result<Option<InboxItem>, PushError> {
        self.parts.store.item(id).await.map_err(|error| storage(&error))
    }

    /// Whether the app is done with a notification: a receiver need not look at it again.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn is_done(&self, id: String) -> Result<bool, PushError> {
        self.parts.store.is_done(id).await.map_err(|error| storage(&error))
    }

    /// Binds this installation to the user whom a token names; the user's name. Waits half a minute for a session.
    ///
    /// # Errors
    /// `Offline`, `Refused` or `Stopped`.
    pub async fn login(&self, token: String) -> Result<String, PushError> {
        match self.ask(Request::Login(UserToken(token))).await? {
            Reply::User(name) => Ok(name),
            Reply::Done | Reply::Memberships(_) => {
                Err(PushError::Internal { text: "an answer without a user".to_owned() })
            }
        }
    }

    /// Unbinds the user. Waits half a minute for a session.
    ///
    /// # Errors
    /// As `login`.
    pub async fn logout(&self) -> Result<(), PushError> {
        self.ask(Request::Logout).await.map(drop)
    }

    /// Joins `topic:…` or `tag:…`, where the app allows it. Waits half a minute for a session.
    ///
    /// # Errors
    /// As `login`.
    pub async fn join(&self, key: String) -> Result<(), PushError> {
        self.ask(Request::Join(key)).await.map(drop)
    }

    /// Leaves `topic:…` or `tag:…`. Waits half a minute for a session.
    ///
    /// # Errors
    /// As `login`.
    pub async fn leave(&self, key: String) -> Result<(), PushError> {
        self.ask(Request::Leave(key)).await.map(drop)
    }

    /// The user, topics and tags of this installation, as the server has them. Waits half a minute for a session.
    ///
    /// # Errors
    /// As `login`.
    pub async fn memberships(&self) -> Result<Vec<String>, PushError> {
        match self.ask(Request::Memberships).await? {
            Reply::Memberships(keys) => Ok(keys),
            Reply::Done | Reply::User(_) => {
                Err(PushError::Internal { text: "an answer without memberships".to_owned() })
            }
        }
    }

    /// The app's key is another one now; a phone that was refused registration tries again at once.
    ///
    /// # Errors
    /// `Config` when it is none.
    pub fn set_app_key(&self, key: Option<String>) -> Result<(), PushError> {
        let key = read_app_key(key).map_err(|text| PushError::Config { text })?;
        let event = Event::AppKey(key);
        self.parts.wishes.lock().unwrap_or_else(PoisonError::into_inner).app_key = Some(event.clone());
        self.post_if_running(Letter::Event(event));
        Ok(())
    }
}

impl PushClient {
    /// Gives a letter to the driver; it comes back when none runs.
    fn post(&self, letter: Letter) -> Result<(), Letter> {
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        match engine.as_ref() {
            Some(engine) => engine.mailbox.post(letter),
            None => Err(letter),
        }
    }

    /// For what means nothing to a phone that does not run.
    fn post_if_running(&self, letter: Letter) {
        drop(self.post(letter));
    }

    /// For what the app says and does not wait for.
    fn tell(&self, event: Event) {
        let Err(Letter::Event(event)) = self.post(Letter::Event(event)) else { return };
        let log = Log(Arc::clone(&self.parts.platform));
        if !self.parts.store.tell(event, self.parts.settings.clock.clone(), log.clone()) {
            log.warn("too much is said at a time: what was handed is handed again");
        }
    }

    /// For what must be on disk.
    async fn said(&self, event: Event, id: String) -> Result<(), PushError> {
        if !self.parts.store.knows(id).await.map_err(|error| storage(&error))? {
            return Err(unknown("of this id"));
        }
        let (answer, stored) = oneshot::channel();
        if self.post(Letter::Durable(event.clone(), answer)).is_ok()
            && let Ok(stored) = stored.await
        {
            return stored;
        }
        self.parts.store.said(event, self.parts.settings.clock.clone()).await.map_err(|error| storage(&error))
    }

    async fn ask(&self, request: Request) -> Result<Reply, PushError> {
        let (answer, answered) = oneshot::channel();
        self.post(Letter::Request(request, answer)).map_err(|_| PushError::Stopped)?;
        answered.await.map_err(|_| PushError::Stopped)?
    }
}

impl Drop for PushClient {
    fn drop(&mut self) {
        self.post_if_running(Letter::Stop);
    }
}

fn storage(error: &StoreError) -> PushError {
    PushError::Storage { text: error.to_string() }
}

fn unknown(which: &str) -> PushError {
    PushError::Refused {
        condition: "item-not-found".to_owned(),
        text: format!("there is no notification {which} on this phone"),
    }
}
