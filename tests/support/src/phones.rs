//! A real `longwire-device` process with one or many virtual phones.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::dns::Dns;
use crate::keep;
use crate::process::{behind, binary, ended, kill, signal, terminate};
use crate::server::{Ready, Server};
use crate::wait::now;

/// How to start virtual phones.
#[derive(Clone, Debug)]
pub struct PhoneOptions {
    server: Option<String>,
    domain: String,
    certificate: PathBuf,
    data: PathBuf,
    count: usize,
    more: Vec<String>,
    environment: Vec<(String, String)>,
    prefix: Vec<String>,
}

impl PhoneOptions {
    /// One phone over direct TLS.
    #[must_use]
    pub fn new(server: &Server, data: &Path) -> Self {
        Self::at(&server.ready, data)
    }

    /// One phone over direct TLS to whoever listens there.
    #[must_use]
    pub fn at(ready: &Ready, data: &Path) -> Self {
        Self {
            server: Some(ready.c2s_tls.clone()),
            domain: "localhost".to_owned(),
            certificate: ready.certificate.clone(),
            data: data.to_owned(),
            count: 1,
            more: vec!["--direct-tls".to_owned()],
            environment: Vec::new(),
            prefix: Vec::new(),
        }
    }

    /// The same phones over STARTTLS.
    #[must_use]
    pub fn over_starttls(mut self, server: &Server) -> Self {
        self.server = Some(server.ready.c2s.clone());
        self.more.retain(|argument| argument != "--direct-tls");
        self.with(&["--starttls"])
    }

    /// The same phones, told a domain and a DNS server and not where the server is.
    #[must_use]
    pub fn found_by(mut self, domain: &str, dns: &Dns) -> Self {
        self.server = None;
        self.more.retain(|argument| argument != "--direct-tls");
        domain.clone_into(&mut self.domain);
        self.with(&["--dns", &dns.address.to_string()])
    }

    /// The same phones, who ask the DNS before they go to the server that they are told.
    #[must_use]
    pub fn with_server_last(mut self, server: &str) -> Self {
        self.server = Some(server.to_owned());
        self.with(&["--srv"])
    }

    /// That many of them in the process.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.more.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// The same phones, started behind a command that becomes them: `ip netns exec NAME`, say.
    #[must_use]
    pub fn behind(mut self, prefix: &[&str]) -> Self {
        self.prefix = prefix.iter().map(|&part| part.to_owned()).collect();
        self
    }

    /// The same phones with a variable in their environment.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the process.
    ///
    /// # Errors
    /// It is not built or cannot be started.
    pub fn start(&self) -> anyhow::Result<Phones> {
        std::fs::create_dir_all(&self.data).context("failed to make the phones' folder")?;
        let log = keep::log_of(&self.data);
        let file = File::options().create(true).append(true).open(&log).context("failed to open the phones' log")?;
        let mut command = behind(&self.prefix, &binary("longwire-device")?);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(["--domain", &self.domain, "--count", &self.count.to_string()]);
        if let Some(server) = &self.server {
            command.args(["--server", server]);
        }
        command.arg("--ca").arg(&self.certificate).arg("--data-dir").arg(&self.data).args(&self.more);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().context("failed to start the phones")?;
        let Some(stdout) = child.stdout.take() else { bail!("the phones have no standard output") };
        let stdin = child.stdin.take();
        let told = Arc::new(Told::default());
        let writer = Arc::clone(&told);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                writer.add(serde_json::from_str(&line).unwrap_or(Value::String(line)));
            }
            writer.end();
        });
        Ok(Phones { child, stdin, told, options: self.clone(), log })
    }
}

/// The lines that a process printed so far.
#[derive(Debug, Default)]
struct Told {
    lines: Mutex<(Vec<Value>, bool)>,
    changed: Condvar,
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, (Vec<Value>, bool)> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: Value) {
        self.lock().0.push(line);
        self.changed.notify_all();
    }

    fn end(&self) {
        self.lock().1 = true;
        self.changed.notify_all();
    }
}

/// Running phones; killed when dropped.
#[derive(Debug)]
pub struct Phones {
    child: Child,
    stdin: Option<ChildStdin>,
    told: Arc<Told>,
    options: PhoneOptions,
    log: PathBuf,
}

impl Phones {
    /// One phone over direct TLS, online.
    ///
    /// # Errors
    /// It does not come online.
    pub fn one(server: &Server, data: &Path) -> anyhow::Result<Self> {
        let phone = PhoneOptions::new(server, data).start()?;
        phone.online()?;
        Ok(phone)
    }

    /// Waits until each of them has been online once.
    ///
    /// # Errors
    /// Not all come online in time.
    pub fn online(&self) -> anyhow::Result<()> {
        let count = self.options.count;
        let patience = crate::SOON * 3 + Duration::from_millis(100) * u32::try_from(count)?;
        self.wait("all phones to be online", patience, |lines| {
            let lines = lines.iter().filter(|line| is_state(line, "online"));
            let online: HashSet<&str> = lines.filter_map(|line| line.get("device")?.as_str()).collect();
            (online.len() >= count).then_some(())
        })
    }

    /// Waits until the lines printed so far give something.
    ///
    /// # Errors
    /// The time is over, or the process ended without.
    pub fn wait<T>(
        &self,
        what: &str,
        patience: Duration,
        mut look: impl FnMut(&[Value]) -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = now() + patience;
        let mut lines = self.told.lock();
        loop {
            if let Some(found) = look(&lines.0) {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(now());
            if left.is_zero() || lines.1 {
                let tail: Vec<String> = lines.0.iter().rev().take(12).rev().map(Value::to_string).collect();
                let why = if lines.1 { "the phones ended" } else { "the time is over" };
                bail!(
                    "waited in vain for {what} ({why}); the phones' last lines:\n{}\n{}",
                    tail.join("\n"),
                    self.log()
                );
            }
            let woken = self.told.changed.wait_timeout(lines, left);
            lines = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the notification with this id was shown by one of them; gives the line's `notification`.
    ///
    /// # Errors
    /// It was not shown in time.
    pub fn shown(&self, id: &str) -> anyhow::Result<Value> {
        self.wait(&format!("notification {id} on the screen"), crate::SOON, |lines| {
            let notifications = lines.iter().filter_map(|line| line.get("notification"));
            notifications.into_iter().find(|shown| shown.get("id").and_then(Value::as_str) == Some(id)).cloned()
        })
    }

    /// The ids of all notifications shown so far, in order.
    #[must_use]
    pub fn all_shown(&self) -> Vec<String> {
        let lines = self.told.lock();
        let ids = lines.0.iter().filter_map(|line| line.pointer("/notification/id").and_then(Value::as_str));
        ids.map(str::to_owned).collect()
    }

    /// The server's id of each of its devices, by the device's own name in the lines that it prints.
    ///
    /// # Errors
    /// A device did not tell its id yet.
    pub fn ids(&self) -> anyhow::Result<BTreeMap<String, String>> {
        self.wait("every phone's id", crate::SOON, |lines| {
            let ids: BTreeMap<String, String> = lines.iter().filter_map(identity).collect();
            (ids.len() >= self.options.count).then_some(ids)
        })
    }

    /// The server's id of its only device.
    ///
    /// # Errors
    /// It did not tell its id yet.
    pub fn id(&self) -> anyhow::Result<String> {
        self.ids()?.into_values().next().context("there is a device")
    }

    /// The lines printed so far.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        self.told.lock().0.clone()
    }

    /// How many lines were printed so far: a mark for [`Self::state_after`].
    #[must_use]
    pub fn mark(&self) -> usize {
        self.told.lock().0.len()
    }

    /// Waits for a state that is told after a mark.
    ///
    /// # Errors
    /// It is not told in time.
    pub fn state_after(&self, mark: usize, state: &str, patience: Duration) -> anyhow::Result<Value> {
        self.wait(&format!("state {state}"), patience, |lines| {
            lines.iter().skip(mark).find(|line| is_state(line, state)).cloned()
        })
    }

    /// Gives the only phone a command, such as `open ID`.
    ///
    /// # Errors
    /// The process does not read it.
    pub fn tell(&mut self, command: &str) -> anyhow::Result<()> {
        let stdin = self.stdin.as_mut().context("the phones have no standard input")?;
        writeln!(stdin, "0 {command}").with_context(|| format!("failed to say {command:?} to the phone"))
    }

    /// Gives the only phone a command that asks the server for something; gives the line of the answer.
    ///
    /// # Errors
    /// It is not answered in time.
    pub fn ask(&mut self, command: &str) -> anyhow::Result<Value> {
        let verb = command.split(' ').next().unwrap_or_default();
        let mark = self.mark();
        self.tell(command)?;
        self.wait(&format!("the answer to {verb}"), crate::SOON, |lines| {
            let is_answer = |line: &&Value| line.get("answered").and_then(Value::as_str) == Some(verb);
            lines.iter().skip(mark).find(is_answer).cloned()
        })
    }

    /// What the process logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The folder with inboxes and screens.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.options.data
    }

    /// The process id.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// How many phones are in the process.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.options.count
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for an end that something else brings about.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn ended(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        ended(&mut self.child, patience)
    }

    /// Sends a signal by its name, such as `STOP`.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        signal(&self.child, name)
    }

    /// From their next start on the phones have these options changed.
    pub fn change(&mut self, change: impl FnOnce(PhoneOptions) -> PhoneOptions) {
        self.options = change(self.options.clone());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        kill(&mut self.child);
    }

    /// SIGTERM, and the exit status.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn terminate(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        terminate(&self.child)?;
        ended(&mut self.child, patience)
    }

    /// The same phones, started again after they ended.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        *self = self.options.start()?;
        Ok(())
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

fn is_state(line: &Value, state: &str) -> bool {
    line.get("state").and_then(Value::as_str) == Some(state)
}

/// The name of a device and the server's id of it, in a line that tells both.
fn identity(line: &Value) -> Option<(String, String)> {
    let name = line.get("device")?;
    let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
    let id = line.get("id")?.as_str()?;
    Some((name, id.to_owned()))
}
