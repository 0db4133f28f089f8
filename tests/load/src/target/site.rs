//! A target with its folder, and the servers that are started there one after the other.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use longwire_test_support::wait::now;
use longwire_test_support::{TempDir, folder, process};

use super::{Identity, Manner, Place, Ports, Target, ejabberd, longwire, prosody};
use crate::client::{Door, PASSWORD, Poster, Posting, greeting, name_of};
use crate::proc::Family;
use crate::together::together;

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(60);
/// Between two looks whether it answers.
const LOOK_EVERY: Duration = Duration::from_micros(250);
/// How often a server is looked at that does not come to rest.
const RESTS_MAX: usize = 25;
/// Connections over which accounts are made.
const REGISTRARS: usize = 8;
/// What a server says beside its answers, in its folder.
const SAID: &str = "stderr.txt";
/// Lines of it that are quoted when the server does not answer.
const QUOTED_MAX: usize = 5;

/// A target that can be started.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) target: Target,
    place: Place,
    /// At rest a server has done nothing for so long, before anything is asked of it.
    rest: Duration,
    /// Accounts that exist.
    accounts: usize,
    /// Longwire's API key.
    key: String,
    _folder: TempDir,
}

/// A server that runs; killed when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// What it says beside its answers.
    said: PathBuf,
    pub(crate) door: Arc<Door>,
    pub(crate) family: Family,
    pub(crate) http: u16,
    pub(crate) posting: Option<Posting>,
    /// From the start of the process to the first words of a stream.
    pub(crate) began_in: Duration,
}

impl Site {
    /// Configures a target in a new folder; each start of it waits until it has done nothing for `rest`.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn new(target: Target, rest: Duration) -> anyhow::Result<Self> {
        let (folder, ports) = (folder(), free_ports()?);
        let identity = Identity::make(folder.path())?;
        let place = Place { folder: folder.path().to_owned(), ports, identity, manner: Manner::default() };
        target.configure(&place)?;
        Ok(Self { target, place, rest, accounts: 0, key: String::new(), _folder: folder })
    }

    /// Takes away what was stored since accounts were made: what one group has sent to all would come to the devices of another.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        if self.target != Target::Longwire || self.accounts == 0 {
            return Ok(());
        }
        longwire::restore(&self.place).context("failed to take away what was stored")
    }

    /// In what the server differs, from the next start on.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn differ(&mut self, manner: Manner) -> anyhow::Result<()> {
        self.place.manner = manner;
        self.target.configure(&self.place)
    }

    /// Starts the server, with at least so many accounts.
    ///
    /// # Errors
    /// It does not answer, or an account is refused.
    pub(crate) async fn start(&mut self, accounts: usize) -> anyhow::Result<Running> {
        let missing = self.accounts..accounts.max(self.accounts);
        if !missing.is_empty() {
            self.make_accounts(missing)
                .await
                .with_context(|| format!("failed to make accounts of {}", self.target.name()))?;
            self.accounts = accounts;
        }
        let running = self.spawn()?;
        // Some never rest: then that is what they cost.
        running.rest(self.rest, RESTS_MAX).await?;
        Ok(running)
    }

    /// Starts the server once more; what it still does then is a part of what is measured.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) fn start_again(&self) -> anyhow::Result<Running> {
        self.spawn()
    }

    async fn make_accounts(&mut self, numbers: Range<usize>) -> anyhow::Result<()> {
        match self.target {
            Target::Floor | Target::Mosquitto => Ok(()),
            Target::Prosody => prosody::write_accounts(&self.place, numbers, PASSWORD),
            Target::Longwire | Target::Ejabberd => {
                let running = self.spawn()?;
                if self.target == Target::Longwire && self.key.is_empty() {
                    self.key = longwire::make_key(&self.place)?;
                }
                self.register(running.http, numbers).await?;
                // Killed, Mnesia would have lost them.
                running.end()?;
                if self.target == Target::Longwire { longwire::save(&self.place) } else { Ok(()) }
            }
        }
    }

    /// Makes accounts over the HTTP of the server that runs.
    async fn register(&self, port: u16, numbers: Range<usize>) -> anyhow::Result<()> {
        let register = |registrar| {
            let (own, target, key) =
                (numbers.clone().skip(registrar).step_by(REGISTRARS), self.target, self.key.clone());
            async move {
                let mut poster = Poster::connect(port, registrar).await?;
                for number in own {
                    let user = name_of(number);
                    match target {
                        Target::Ejabberd => ejabberd::register(&mut poster, &user, PASSWORD).await?,
                        Target::Longwire => longwire::register(&mut poster, &key, &user, PASSWORD).await?,
                        Target::Floor | Target::Mosquitto | Target::Prosody => {}
                    }
                }
                Ok(())
            }
        };
        together(REGISTRARS, 0..REGISTRARS, register).await.map(drop)
    }

    fn spawn(&self) -> anyhow::Result<Running> {
        let mut command = self.target.command(&self.place)?;
        let said = self.place.folder.join(SAID);
        let file = File::create(&said).context("failed to make a file for what the server says")?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        // Ctrl-C is for the harness, which ends its servers itself.
        command.process_group(0);
        let began = now();
        let child = command.spawn().with_context(|| format!("failed to start {}", self.target.name()))?;
        let (family, ports) = (Family::of(child.id()), self.place.ports);
        let door = Arc::new(self.place.door(self.target.speech()));
        let posting = self.target.posting(&self.key);
        let mut running = Running { child, said, door, family, http: ports.http, posting, began_in: Duration::ZERO };
        let (says, hears) = greeting(self.target.speech());
        running.wait(ports.plain, &says, &hears)?;
        running.began_in = began.elapsed();
        running.wait(ports.tls, &[], &[])?;
        if running.posting.is_some() {
            running.wait(ports.http, &[], &[])?;
        }
        Ok(running)
    }
}

impl Running {
    /// Waits until the server has done nothing for so long, but no longer than so many looks: some go on with their start behind the first answer.
    /// Whether it came to rest.
    pub(crate) async fn rest(&self, idle: Duration, looks_max: usize) -> anyhow::Result<bool> {
        let mut before = self.family.cpu()?;
        for _ in 0..looks_max {
            tokio::time::sleep(idle).await;
            let after = self.family.cpu()?;
            if after == before {
                return Ok(true);
            }
            before = after;
        }
        Ok(false)
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// It does not.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        process::terminate(&self.child)?;
        process::ended(&mut self.child, START).map(drop)
    }

    /// Waits until somebody at the port takes `says` and has said `hears`.
    fn wait(&mut self, port: u16, says: &[u8], hears: &[u8]) -> anyhow::Result<()> {
        let deadline = now() + START;
        while !is_answered(port, says, hears) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended ({status}) before it answered{}", self.last_words());
            }
            let patience = START.as_secs();
            ensure!(now() < deadline, "nobody answered at port {port} within {patience} s{}", self.last_words());
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// What it said last.
    fn last_words(&self) -> String {
        match fs::read(&self.said) {
            Ok(said) => last_lines(&String::from_utf8_lossy(&said)),
            Err(error) => format!(" (what it said cannot be read: {error})"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        process::kill(&mut self.child);
    }
}

/// The last lines of a text that are not empty, behind a colon; nothing where there are none.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(QUOTED_MAX)..).unwrap_or_default();
    if last.is_empty() { String::new() } else { format!(": {}", last.join(" / ")) }
}

fn is_answered(port: u16, says: &[u8], hears: &[u8]) -> bool {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        stream.set_read_timeout(Some(START))?;
        stream.write_all(says)?;
        let (mut heard, mut buffer) = (Vec::new(), [0; 2_048]);
        while !heard.windows(hears.len().max(1)).any(|window| window == hears) && !hears.is_empty() {
            match stream.read(&mut buffer)? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                length => heard.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            }
        }
        Ok(heard)
    };
    ask().is_ok()
}

/// Three ports that nobody listens on now.
fn free_ports() -> anyhow::Result<Ports> {
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free");
    let (plain, tls, http) = (free()?, free()?, free()?);
    let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
    Ok(Ports { plain: port(&plain)?, tls: port(&tls)?, http: port(&http)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_quoted() {
        assert_eq!(last_lines(" \n"), "");
        assert_eq!(last_lines("1\n2\n\n3\n"), ": 1 / 2 / 3");
        assert_eq!(last_lines("1\n2\n3\n4\n5\n6\n"), ": 2 / 3 / 4 / 5 / 6");
    }
}
