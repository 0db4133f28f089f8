//! The device processes: started, killed at random, started again on the same data.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use longwire_test_support::screen::{self, Line};
use longwire_test_support::{Chance, PhoneOptions, Phones, Server};

/// Milliseconds by which every second process is slow to acknowledge, so that something is always under way.
const LAG_MS: &str = "150";

pub(crate) struct Fleet {
    processes: Vec<(Phones, bool)>,
    ids: Vec<String>,
    names: Vec<BTreeMap<String, String>>,
    kills: usize,
}

impl Fleet {
    /// Starts the processes and waits until every device is online.
    pub(crate) fn start(server: &Server, place: &Path, processes: usize, devices_each: usize) -> anyhow::Result<Self> {
        let mut started = Vec::new();
        for number in 0..processes {
            let options = PhoneOptions::new(server, &place.join(format!("phones{number}"))).times(devices_each);
            let options = if number % 2 == 0 { options } else { options.over_starttls(server) };
            let options = if number % 2 == 0 { options.with(&["--lag", LAG_MS]) } else { options };
            started.push((options.start()?, true));
        }
        let mut ids = Vec::new();
        let mut names = Vec::new();
        for (phones, _) in &started {
            phones.online()?;
            let known = phones.ids()?;
            ids.extend(known.values().cloned());
            names.push(known);
        }
        Ok(Self { processes: started, ids, names, kills: 0 })
    }

    /// The server's ids of all devices.
    pub(crate) fn ids(&self) -> &[String] {
        &self.ids
    }

    /// How many processes were killed.
    pub(crate) const fn kills(&self) -> usize {
        self.kills
    }

    /// Kills one process at random; it stays dead until [`Self::restart_dead`].
    pub(crate) fn kill_one(&mut self, chance: &mut Chance) {
        let chosen = chance.below(self.processes.len());
        if let Some((phones, alive)) = self.processes.get_mut(chosen)
            && *alive
        {
            phones.kill();
            *alive = false;
            self.kills += 1;
        }
    }

    /// Starts what is dead.
    pub(crate) fn restart_dead(&mut self) -> anyhow::Result<()> {
        for (phones, alive) in self.processes.iter_mut().filter(|(_, alive)| !alive) {
            phones.start_again()?;
            *alive = true;
        }
        Ok(())
    }

    /// Every screen, by the server's id of its device.
    pub(crate) fn screens(&self) -> anyhow::Result<BTreeMap<String, Vec<Line>>> {
        let mut screens = BTreeMap::new();
        for ((phones, _), names) in self.processes.iter().zip(&self.names) {
            for (name, lines) in screen::read_all(phones.data())? {
                let id = names.get(&name).with_context(|| format!("no device is called {name}"))?;
                screens.insert(id.clone(), lines);
            }
        }
        Ok(screens)
    }
}
