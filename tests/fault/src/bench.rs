//! A server, phones and a ledger: what most cases run their fault against, and hold it against afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_model::Timestamp;
use longwire_test_support::screen::{self, Line};
use longwire_test_support::wait::{now, pause};
use longwire_test_support::{Client, PhoneOptions, Phones, Server, ServerOptions, TempDir, folder};
use serde_json::Value;

use crate::check::{Invariant, Seen, Told, Verdict, check, unsettled};
use crate::ledger::{Ledger, Posted};
use crate::level::{Level, Log};
use crate::mix::Mix;
use crate::sender::{Sending, Terms};
use crate::{api, database};

/// Between two looks at everything.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Dropped in this order: the processes end before their folder goes.
#[derive(Debug)]
pub struct Bench {
    /// The release binary.
    pub server: Server,
    /// Every scope.
    pub api: Client,
    /// Processes of virtual phones.
    pub phones: Vec<Phones>,
    /// The devices of each process: the server's id by the name on the screen.
    names: Vec<BTreeMap<String, String>>,
    /// What was answered.
    pub ledger: Ledger,
    /// Who is in what, once a mix was sent; and whether one is sent now.
    pub(crate) mix: Option<Mix>,
    pub(crate) mixing: Option<Mix>,
    /// What the server took before the fault.
    before: Option<Level>,
    /// Everything on disk.
    pub place: TempDir,
}

impl Bench {
    /// A server on a new data directory, without phones.
    ///
    /// # Errors
    /// It does not come to listen.
    pub fn new() -> anyhow::Result<Self> {
        Self::with(|options| options)
    }

    /// The same with options.
    ///
    /// # Errors
    /// It does not come to listen.
    pub fn with(change: impl FnOnce(ServerOptions) -> ServerOptions) -> anyhow::Result<Self> {
        let place = folder();
        let data = place.path().join("server");
        Self::at(place, &data, change)
    }

    /// The same with its data somewhere else.
    ///
    /// # Errors
    /// It does not come to listen.
    pub fn at(
        place: TempDir,
        data: &Path,
        change: impl FnOnce(ServerOptions) -> ServerOptions,
    ) -> anyhow::Result<Self> {
        let mut server = change(ServerOptions::new(data).for_crowds()).start()?;
        let api = server.admin()?;
        let (phones, names, ledger) = (Vec::new(), Vec::new(), Ledger::default());
        let (mix, mixing, before) = (None, None, None);
        Ok(Self { server, api, phones, names, ledger, mix, mixing, before, place })
    }

    /// One phone over direct TLS that is not started yet, in a folder of its own.
    #[must_use]
    pub fn phone_options(&self) -> PhoneOptions {
        let data = self.place.path().join(format!("phones{}", self.phones.len()));
        PhoneOptions::new(&self.server, &data)
    }

    /// Starts phones, and enters them in the ledger once they are online; gives their place in `phones`.
    ///
    /// # Errors
    /// They do not come online.
    pub fn add(&mut self, options: &PhoneOptions) -> anyhow::Result<usize> {
        let level = if self.before.is_some() { Some(self.level()?) } else { None };
        let phones = options.start()?;
        phones.online()?;
        let names = phones.ids()?;
        names.values().for_each(|id| self.ledger.add_device(id));
        self.phones.push(phones);
        self.names.push(names);
        if let Some(level) = level {
            let now = self.level()?;
            self.before.iter_mut().for_each(|before| before.grow(&level, &now));
        }
        Ok(self.phones.len() - 1)
    }

    /// One more phone over direct TLS, online.
    ///
    /// # Errors
    /// It does not come online.
    pub fn add_phone(&mut self) -> anyhow::Result<usize> {
        self.add(&self.phone_options())
    }

    /// A process of phones.
    ///
    /// # Errors
    /// There is none in this place.
    pub fn phone(&mut self, place: usize) -> anyhow::Result<&mut Phones> {
        self.phones.get_mut(place).context("no such phones")
    }

    /// The server's id of the only device of a process.
    ///
    /// # Errors
    /// There is none in this place.
    pub fn device(&self, place: usize) -> anyhow::Result<String> {
        let names = self.names.get(place).context("no such phones")?;
        names.values().next().cloned().context("no device")
    }

    /// The server's ids of the devices of a process.
    ///
    /// # Errors
    /// There is none in this place.
    pub fn devices(&self, place: usize) -> anyhow::Result<BTreeSet<&String>> {
        Ok(self.names.get(place).context("no such phones")?.values().collect())
    }

    /// Takes in a process of phones that was started otherwise, as the devices that they are now; gives its place in `phones`.
    ///
    /// # Errors
    /// They are not online.
    pub fn adopt(&mut self, phones: Phones) -> anyhow::Result<usize> {
        self.phones.push(phones);
        self.names.push(BTreeMap::new());
        let place = self.phones.len() - 1;
        self.renew(place)?;
        Ok(place)
    }

    /// After a wipe: the devices of a process are others now, and in the ledger from here on.
    ///
    /// # Errors
    /// They are not online.
    pub fn renew(&mut self, place: usize) -> anyhow::Result<()> {
        let phones = self.phones.get(place).context("no such phones")?;
        phones.online()?;
        let names = phones.ids()?;
        names.values().for_each(|id| self.ledger.add_device(id));
        *self.names.get_mut(place).context("no such phones")? = names;
        Ok(())
    }

    /// Posts what must be accepted, and enters it; gives the id.
    ///
    /// # Errors
    /// It is not accepted.
    pub fn post(&mut self, body: &Value) -> anyhow::Result<String> {
        let answer = self.api.post("/v1/notifications", body)?;
        ensure!(answer.status == 202, "{body} was answered {} {}", answer.status, answer.text());
        let id = answer.field("id");
        self.enter_one(&id, body);
        Ok(id)
    }

    /// Enters what was posted otherwise, one after the other.
    pub fn enter_one(&mut self, id: &str, body: &Value) {
        let field = |name: &str, default: &str| body.get(name).and_then(Value::as_str).unwrap_or(default).to_owned();
        self.ledger.accept(Posted {
            id: id.to_owned(),
            to: field("to", "all"),
            lane: field("lane", "normal"),
            sender: "hand".to_owned(),
            order: self.ledger.posted().len(),
            ..Posted::default()
        });
    }

    /// Starts senders, of a mix where one has begun; what they get accepted is entered by [`Self::enter`].
    #[must_use]
    pub fn load(&self, name: &str, terms: &Terms) -> Sending {
        Sending::begin(&self.api, name, terms, self.mixing.as_ref())
    }

    /// Enters what senders got accepted.
    pub fn enter(&mut self, posted: Vec<Posted>) {
        posted.into_iter().for_each(|posted| self.ledger.accept(posted));
    }

    /// Recalls a notification; from the answer on no screen begins to show it.
    ///
    /// # Errors
    /// It is not taken.
    pub fn recall(&mut self, id: &str) -> anyhow::Result<()> {
        let answer = self.api.delete(&format!("/v1/notifications/{id}"))?;
        ensure!(answer.status / 100 == 2, "the recall was answered {} {}", answer.status, answer.text());
        self.ledger.amend(id, |posted| {
            posted.may_end.insert("recalled".to_owned());
            posted.recalled_at = Some(clock().as_millis());
        });
        Ok(())
    }

    /// Starts the server again after it has ended.
    ///
    /// # Errors
    /// It does not come to listen.
    pub fn restart(&mut self) -> anyhow::Result<Duration> {
        let began = now();
        self.server.start_again()?;
        Ok(began.elapsed())
    }

    /// Every screen by the server's id of its device.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn screens(&self) -> anyhow::Result<BTreeMap<String, Vec<Line>>> {
        let mut screens = BTreeMap::new();
        for (phones, names) in self.phones.iter().zip(&self.names) {
            for (name, lines) in screen::read_all(phones.data())? {
                let id = names.get(&name).with_context(|| format!("no device is called {name}"))?;
                screens.insert(id.clone(), lines);
            }
        }
        Ok(screens)
    }

    /// What the server takes now.
    ///
    /// # Errors
    /// It has ended, or its database cannot be read.
    pub fn level(&self) -> anyhow::Result<Level> {
        Level::of(self.server.id(), self.server.data())
    }

    /// From now on memory, files and rows must return to what they are now. Everybody should be there, and everything settled.
    ///
    /// # Errors
    /// As [`Self::level`].
    pub fn mark_level(&mut self) -> anyhow::Result<()> {
        self.before = Some(self.level()?);
        Ok(())
    }

    /// Everything that can be seen from outside.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn seen(&mut self) -> anyhow::Result<Seen> {
        let kept = self.ledger.posted().iter().filter(|posted| !self.ledger.is_undone(&posted.id));
        let ids: Vec<String> = kept.map(|posted| posted.id.clone()).collect();
        let told = api::told(&self.api, &ids)?;
        self.seen_with(told)
    }

    fn seen_with(&mut self, told: BTreeMap<String, Told>) -> anyhow::Result<Seen> {
        let running = self.phones.iter_mut().map(|phones| if phones.is_running() { phones.count() } else { 0 });
        let running: usize = running.sum();
        let phones = running as u64;
        let sessions = api::metric(&self.api, "longwire_sessions");
        let accepted_total = api::metric(&self.api, "longwire_accepted_total");
        let level = match &self.before {
            Some(before) => Some((before.clone(), self.level()?)),
            None => None,
        };
        Ok(Seen {
            screens: self.screens()?,
            told,
            accepted_total,
            log: Some(Log::read(self.server.data())?),
            phones,
            sessions,
            level,
            integrity: Some(database::integrity(self.server.data())?),
        })
    }

    /// Waits until everything that is still under way has come to its end, then says what holds and what does not. Only what has not come
    /// to its end is asked for again and again; the verdict is of all of it, read anew.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn verdict(&mut self, patience: Duration) -> anyhow::Result<Verdict> {
        let deadline = now() + patience;
        loop {
            let mut seen = self.seen()?;
            let verdict = check(&self.ledger, &seen);
            if is_settled(&verdict) || now() >= deadline {
                return Ok(verdict);
            }
            while !is_settled(&check(&self.ledger, &seen)) && now() < deadline {
                pause(LOOK_EVERY);
                let open = unsettled(&self.ledger, &seen);
                let mut told = std::mem::take(&mut seen.told);
                told.extend(api::told(&self.api, &open)?);
                seen = self.seen_with(told)?;
            }
        }
    }
}

/// These heal with time; the others do not.
fn is_settled(verdict: &Verdict) -> bool {
    let under_way = [Invariant::I1, Invariant::I6, Invariant::I7, Invariant::I9];
    under_way.iter().all(|invariant| verdict.against(*invariant).is_empty())
}

/// The wall clock, as the ledger writes it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the tests of real processes are the rim")]
pub fn clock() -> Timestamp {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}
