//! What the driver asks of the phone.

mod alarm;
mod durable;
mod requests;
mod screen;

use std::sync::Arc;
use std::time::Duration;

use longwire_client::inbox::{Outcome, Snapshot, StoreError, Transaction};
use longwire_client::{Event, Failure, HandOver, Refusal, Reply, State};
use longwire_driver::resolve::Resolver;
use longwire_driver::tls::Tls;
use longwire_driver::{Answer, Host, Standing, Status, Wish};

use crate::Platform;
use crate::log::Log;
use crate::mailbox::{Letter, Mailbox};
use crate::settings::Settings;
use crate::shared::Shared;
use crate::store::Store;
use alarm::Alarms;
use durable::Durable;
use requests::Requests;
use screen::Screen;

/// The one device of a phone.
const DEVICE: u32 = 0;

/// Something that happens on the phone.
pub(crate) enum Notice {
    /// Somebody called.
    Letter(Letter),
    /// Something of the phone's own is due.
    Due,
}

/// The phone as its driver has it.
pub(crate) struct Phone {
    settings: Arc<Settings>,
    store: Store,
    mailbox: Arc<Mailbox>,
    shared: Arc<Shared>,
    log: Log,
    screen: Screen,
    alarms: Alarms,
    durable: Durable,
    requests: Requests,
    /// Whether the store was read: what a person does has its time only then.
    has_loaded: bool,
    is_stopping: bool,
}

impl Phone {
    pub(crate) fn new(
        settings: &Arc<Settings>,
        platform: &Arc<dyn Platform>,
        store: Store,
        mailbox: Arc<Mailbox>,
        shared: Arc<Shared>,
    ) -> Self {
        let log = Log(Arc::clone(platform));
        Self {
            settings: Arc::clone(settings),
            store,
            mailbox,
            shared,
            screen: Screen::new(Arc::clone(platform), log.clone()),
            alarms: Alarms::new(Arc::clone(platform), log.clone()),
            log,
            durable: Durable::default(),
            requests: Requests::default(),
            has_loaded: false,
            is_stopping: false,
        }
    }

    fn now_ms(&self) -> u64 {
        self.settings.clock.now_ms()
    }

    /// When something of the phone's own is due.
    fn due_ms(&self) -> Option<u64> {
        [self.screen.due_ms(), self.requests.due_ms(), self.alarms.due_ms()].into_iter().flatten().min()
    }

    fn due(&mut self) -> Vec<Wish> {
        let now_ms = self.now_ms();
        self.screen.retry(now_ms, self.shared.server_time_ms(now_ms));
        self.alarms.give_up(now_ms);
        let withdrawn = self.requests.give_up(now_ms, &self.shared.state());
        withdrawn.into_iter().map(|number| Wish::Event(Event::Withdrawn { number })).collect()
    }

    fn letter(&mut self, letter: Letter) -> Vec<Wish> {
        match letter {
            Letter::Event(event) => vec![Wish::Event(event)],
            Letter::Durable(event, answer) => {
                self.durable.add(answer);
                vec![Wish::Event(event)]
            }
            Letter::Request(request, answer) => {
                let number = self.requests.add(answer, self.now_ms());
                vec![Wish::Event(Event::Request { number, request })]
            }
            Letter::Alarm(answer) => {
                self.alarms.rang(answer, self.now_ms());
                vec![Wish::Timeouts]
            }
            Letter::Stop => {
                self.is_stopping = true;
                vec![Wish::Stop]
            }
        }
    }
}

impl Host for Phone {
    type Notice = Notice;

    fn load(&mut self) -> Answer<Result<Snapshot, StoreError>> {
        let (store, settings) = (self.store.clone(), Arc::clone(&self.settings));
        Box::pin(async move { Ok(Snapshot { noted: settings.notes.read(DEVICE), ..store.load().await? }) })
    }

    fn apply(&mut self, transaction: Transaction) -> Answer<Result<Vec<Outcome>, StoreError>> {
        let store = self.store.clone();
        Box::pin(async move { store.apply(transaction).await })
    }

    fn note(&mut self, id: Option<&str>) {
        if let Err(error) = self.settings.notes.write(DEVICE, id) {
            self.log.warn(&format!("cannot write a note: {error}"));
        }
    }

    fn hand_over(&mut self, shown: HandOver) {
        self.screen.hand_over(shown, self.now_ms());
    }

    fn remove(&mut self, id: String, attempt: u32) {
        self.screen.remove(id, attempt, self.now_ms());
    }

    async fn answered(&mut self, number: u64, answer: Result<Reply, Refusal>) {
        self.requests.answered(number, answer);
    }

    fn tls(&self) -> Tls {
        self.settings.tls.clone()
    }

    fn resolver(&self) -> Arc<dyn Resolver> {
        Arc::clone(&self.settings.resolver)
    }

    fn failed(&mut self, failure: &Failure) {
        self.log.info(&format!("cannot connect: {}", failure.text));
    }

    async fn state(&mut self, status: Status<'_>) {
        let is_worth_a_warning = matches!(status.state, State::Blocked(_));
        let state = self.shared.enter(status);
        let line = format!("state: {state:?}");
        if is_worth_a_warning { self.log.warn(&line) } else { self.log.info(&line) }
    }

    async fn heartbeat(&mut self, status: Status<'_>) {
        self.shared.enter(status);
    }

    fn settled(&mut self, standing: Standing<'_>) {
        self.has_loaded = self.has_loaded || !standing.is_loading;
        self.shared.set_server_time(standing.machine.server_time_ms(standing.now_ms), standing.now_ms);
        self.durable.settled(&standing);
        let is_busy = standing.is_loading || standing.is_storing || self.screen.due_ms().is_some();
        let due_ms = [standing.machine.poll_timeout().map(|(due_ms, _)| due_ms), self.screen.due_ms()];
        self.alarms.settled(due_ms.into_iter().flatten().min(), standing.machine, is_busy, standing.now_ms);
    }

    async fn next(&mut self) -> Notice {
        let due_ms = self.due_ms().map(|due_ms| due_ms.saturating_sub(self.now_ms()));
        tokio::select! {
            letter = self.mailbox.next(), if self.has_loaded && !self.is_stopping => Notice::Letter(letter),
            () = tokio::time::sleep(Duration::from_millis(due_ms.unwrap_or_default())), if due_ms.is_some() => Notice::Due,
            () = std::future::pending() => Notice::Due,
        }
    }

    async fn take(&mut self, notice: Notice) -> Vec<Wish> {
        match notice {
            Notice::Letter(letter) => self.letter(letter),
            Notice::Due => self.due(),
        }
    }

    /// What was not handed over is handed by the next process.
    fn is_busy(&self) -> bool {
        false
    }
}
