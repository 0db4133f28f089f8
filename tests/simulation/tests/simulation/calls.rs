//! What senders and operators ask of a server.

use std::sync::{Arc, Mutex};

use longwire_core::auth_manager::RemovedBy;
use longwire_core::devices::{Change, ChangeError};
use longwire_core::notification_manager::{Acceptance, DeviceDelivery};
use longwire_core::session_manager::EndReason;
use longwire_model::{AppId, DeviceId, EntryId, Notification, Timestamp, TokenAlgorithm, UserKey};
use longwire_store::Write;
use longwire_worker::{Command, Worker};

use crate::disk::Disk;
use crate::server::{Answered, Server};
use crate::world::Flash;

/// How long what has ended is kept.
pub(crate) const RETENTION_MS: i64 = 20 * 60_000;

/// A `SubjectPublicKeyInfo` (RFC 8410 §4).
const USER_KEY: [u8; 44] = *b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00\xea\x4a\x6c\x63\xe2\x9c\x52\x0a\xbe\xf5\
      \x50\x7b\x13\x2e\xc5\xf9\x95\x47\x76\xae\xbe\xbe\x7b\x92\x42\x1e\xea\x69\x14\x46\xd2\x2c";

/// How long a server that stops waits for its clients.
const DRAIN_MS: u64 = 4_000;

/// Per device, what became of a notification.
pub(crate) type Listed = Vec<DeviceDelivery>;

/// The Ed25519 key of the app's back end: what the tokens of worlds are signed by.
pub(crate) fn user_key(created_at: Timestamp) -> UserKey {
    UserKey {
        id: "app".to_owned(),
        app: AppId::DEFAULT,
        algorithm: TokenAlgorithm::EdDsa,
        public_key: USER_KEY.to_vec(),
        label: None,
        created_at,
        revoked_at: None,
    }
}

impl Server {
    pub(crate) fn accept(&self, notification: Notification) {
        let core = Arc::clone(&self.core);
        let (audience, as_of) = (Arc::clone(&notification.audience), core.log.last());
        self.ask(async move {
            match core.notifications.accept(notification, None).await {
                Ok(Acceptance::Accepted(accepted)) => Some(Answered::Accepted(accepted.id)),
                Ok(Acceptance::Now { id, sessions }) => {
                    Some(Answered::Now(id, Flash { audience, as_of, taken: sessions }))
                }
                Ok(Acceptance::Repeated { .. }) | Err(_) => None,
            }
        });
    }

    pub(crate) fn recall(&self, id: EntryId) {
        let core = Arc::clone(&self.core);
        self.ask(async move {
            let recalled = core.notifications.recall(id).await;
            recalled.ok().flatten().map(|_| Answered::Done)
        });
    }

    /// Replaces the content of a notification.
    pub(crate) fn update(&self, target: EntryId, payload: String) {
        let core = Arc::clone(&self.core);
        self.ask(async move {
            let updated = core.notifications.update(target, |_| Ok::<_, ()>(payload.into()), None).await;
            matches!(updated, Ok(Acceptance::Accepted(_))).then_some(Answered::Done)
        });
    }

    pub(crate) fn change(&self, device: DeviceId, change: Change) {
        let core = Arc::clone(&self.core);
        self.ask(async move {
            match core.change(device, change).await {
                Ok(()) => Some(Answered::Changed(device)),
                Err(ChangeError::UnknownDevice | ChangeError::TooMany | ChangeError::Core(_)) => None,
            }
        });
    }

    /// Removes an account.
    pub(crate) fn remove_account(&self, name: String) {
        let core = Arc::clone(&self.core);
        self.ask(async move { core.remove_account(&name, RemovedBy::Operator).await.ok().map(|_| Answered::Done) });
    }

    /// Loses an account, behind everybody's back.
    pub(crate) fn lose_account(&self, name: String) {
        let core = Arc::clone(&self.core);
        self.ask(async move {
            let written = core.log.write(Write::RemoveAccount(name.clone())).await;
            core.sessions.end_account(&name, None, EndReason::NotAuthorized);
            written.ok().map(|_| Answered::Done)
        });
    }

    /// Keeps an account out, or lets it in again.
    pub(crate) fn set_disabled(&self, name: String, is_disabled: bool) {
        let core = Arc::clone(&self.core);
        self.ask(async move {
            core.set_disabled(&name, is_disabled).await.ok()?;
            Some(if is_disabled { Answered::Barred(name) } else { Answered::Done })
        });
    }

    /// Gives an account a password that nobody learns.
    pub(crate) fn change_password(&self, name: String) {
        let core = Arc::clone(&self.core);
        self.ask(async move { core.set_password(&name, None, None).await.ok().map(|_| Answered::Barred(name)) });
    }

    /// Registers the key that the app's back end signs user tokens with.
    pub(crate) fn add_user_key(&self) {
        let core = Arc::clone(&self.core);
        let write = Write::AddUserKey(user_key(core.env.now()));
        self.ask(async move { core.log.write(write).await.ok().map(|_| Answered::Done) });
    }

    /// Sweeps what ended too long ago.
    pub(crate) fn sweep(&self) {
        let core = Arc::clone(&self.core);
        self.ask(async move {
            let app = core.log.app();
            core.store.sweep(app, core.env.now().plus_millis(-RETENTION_MS), 500).await.ok()?;
            core.log.raise_floor(core.store.floor(app).await.ok()?);
            Some(Answered::Done)
        });
    }

    /// Asks every client to come back later.
    pub(crate) fn drain(&mut self) {
        let until_ms = self.now.mono_ms + DRAIN_MS;
        self.turn(|worker| worker.handle_command(Command::Drain { until_ms }));
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.worker.is_drained()
    }

    /// Writes what was asked, and closes the log.
    pub(crate) fn close(&mut self, disk: &Disk) {
        self.turn(Worker::remove_all);
        let core = Arc::clone(&self.core);
        let is_closed = Arc::new(Mutex::new(false));
        let slot = Arc::clone(&is_closed);
        self.ask(async move {
            core.close().await;
            *slot.lock().expect("nothing panics with it") = true;
            None
        });
        for _ in 0..100 {
            self.settle();
            if *is_closed.lock().expect("nothing panics with it") {
                return;
            }
            for gate in disk.take_gates() {
                let _: Result<(), ()> = gate.open.send(());
            }
        }
        self.faults.push("the log did not close".to_owned());
    }

    /// The deliveries of a notification, as the API tells them; the disk must be quick. None when there is none.
    pub(crate) fn deliveries(&mut self, id: EntryId) -> Option<Listed> {
        let core = Arc::clone(&self.core);
        let answer: Arc<Mutex<Option<Option<Listed>>>> = Arc::default();
        let slot = Arc::clone(&answer);
        self.ask(async move {
            let listed = core.notifications.deliveries(id, None, 1_000).await.expect("a store that answers");
            *slot.lock().expect("nothing panics with it") = Some(listed);
            None
        });
        self.settle();
        let listed = answer.lock().expect("nothing panics with it").take();
        listed.expect("the store answers at once")
    }
}
