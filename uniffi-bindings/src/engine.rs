//! The thread of a phone that runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use longwire_client::Event;
use longwire_driver::Driver;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::log::Log;
use crate::mailbox::{Letter, Mailbox};
use crate::phone::Phone;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::store::Store;
use crate::{Platform, PushError, PushState, vm};

/// The pause after a defect, before the phone goes on.
const PAUSE: Duration = Duration::from_secs(10);

/// What a phone is made of, running or not.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) settings: Arc<Settings>,
    pub(crate) platform: Arc<dyn Platform>,
    pub(crate) store: Store,
    pub(crate) shared: Arc<Shared>,
    pub(crate) wishes: Arc<Mutex<Wishes>>,
}

/// What every driver begins with.
#[derive(Default)]
pub(crate) struct Wishes {
    pub(crate) network: Option<Event>,
    pub(crate) app_key: Option<Event>,
}

/// A driver and its thread.
pub(crate) struct Engine {
    pub(crate) mailbox: Arc<Mailbox>,
    thread: JoinHandle<()>,
    ended: watch::Receiver<()>,
}

impl Engine {
    /// Starts a driver, when the former one has ended.
    pub(crate) fn start(parts: Parts, former: Option<Self>) -> Result<Self, PushError> {
        let (mailbox, (end, ended)) = (Arc::new(Mailbox::default()), watch::channel(()));
        let letters = Arc::clone(&mailbox);
        let thread = std::thread::Builder::new().name("longwire".to_owned()).spawn(move || {
            if let Some(former) = former {
                // Its panics were caught.
                drop(former.thread.join());
            }
            let _attached = vm::attach();
            run(&parts, &letters);
            drop(end);
        });
        let failed = |error| PushError::Internal { text: format!("no thread for the phone: {error}") };
        Ok(Self { mailbox, thread: thread.map_err(failed)?, ended })
    }

    /// Asks for the end; it has come when the future has.
    pub(crate) fn stop(&self) -> impl Future<Output = ()> + Send + use<> {
        // It comes back when the end has come already.
        drop(self.mailbox.post(Letter::Stop));
        let mut ended = self.ended.clone();
        async move { while ended.changed().await.is_ok() {} }
    }
}

fn run(parts: &Parts, mailbox: &Arc<Mailbox>) {
    let log = Log(Arc::clone(&parts.platform));
    match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            while catch_unwind(AssertUnwindSafe(|| runtime.block_on(drive(parts, mailbox)))).is_err() {
                log.error("a defect: the phone panicked");
                let text = "a defect of this library".to_owned();
                parts.shared.set(PushState::Waiting { until_elapsed_ms: None, reason: "internal".to_owned(), text });
                runtime.block_on(async {
                    tokio::select! {
                        () = tokio::time::sleep(PAUSE) => {}
                        () = mailbox.is_to_stop() => {}
                    }
                });
            }
            end(parts, mailbox, &runtime, &log);
            // A check of the platform may still wait for something.
            runtime.shutdown_background();
        }
        Err(error) => {
            log.error(&format!("cannot run: {error}"));
            drop(mailbox.close()); // whoever waits learns that nobody answers
        }
    }
    parts.shared.set(PushState::Idle);
}

async fn drive(parts: &Parts, mailbox: &Arc<Mailbox>) {
    let Parts { settings, platform, store, shared, wishes } = parts;
    // As of now: after a defect the network may be another one than at the start.
    let events = {
        let wishes = wishes.lock().unwrap_or_else(PoisonError::into_inner);
        [wishes.app_key.clone(), wishes.network.clone(), Some(Event::Start)].into_iter().flatten()
    };
    let phone = Phone::new(settings, platform, store.clone(), Arc::clone(mailbox), Arc::clone(shared));
    let (config, clock) = (settings.config.clone(), settings.clock.clone());
    Driver::new(config, settings.interval(), clock, phone, events).run().await;
}

/// What nobody read any more still comes to the disk.
fn end(parts: &Parts, mailbox: &Mailbox, runtime: &Runtime, log: &Log) {
    for letter in mailbox.close() {
        let said = |event| runtime.block_on(parts.store.said(event, parts.settings.clock.clone()));
        match letter {
            Letter::Event(event) => {
                if let Err(error) = said(event) {
                    log.error(&error.to_string());
                }
            }
            Letter::Durable(event, answer) => {
                let said = said(event).map_err(|error| PushError::Storage { text: error.to_string() });
                drop(answer.send(said)); // nobody may wait any more
            }
            // Whoever waits for these learns that nobody answers.
            Letter::Request(..) | Letter::Alarm(_) | Letter::Stop => {}
        }
    }
}
