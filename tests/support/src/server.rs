//! A real `longwire serve` with its data directory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::http::Client;
use crate::keep;
use crate::process::{behind, binary, ended, kill, longwire, printed, signal, terminate};
use crate::until;

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(30);

/// Where a server's standard error goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    /// To a file beside its data.
    File,
    /// Into a pipe that nobody reads.
    Unread,
    /// To a disk that is full.
    Full,
}

/// How to start a server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    data: PathBuf,
    http: String,
    c2s: String,
    c2s_tls: String,
    more: Vec<String>,
    environment: Vec<(String, String)>,
    prefix: Vec<String>,
    program: Option<PathBuf>,
    log: Log,
}

impl ServerOptions {
    /// A server on this data directory and free ports of the loopback interface.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        let free = || "127.0.0.1:0".to_owned();
        Self {
            data: data.to_owned(),
            http: free(),
            c2s: free(),
            c2s_tls: free(),
            more: Vec::new(),
            environment: Vec::new(),
            prefix: Vec::new(),
            program: None,
            log: Log::File,
        }
    }

    /// The same server with more arguments.
    #[must_use]
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.more.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// The same server with a variable in its environment.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same server on another data directory.
    #[must_use]
    pub fn with_data(mut self, data: &Path) -> Self {
        data.clone_into(&mut self.data);
        self
    }

    /// The same server of another build: that program, or the one that was built here.
    #[must_use]
    pub fn with_program(mut self, program: Option<&Path>) -> Self {
        self.program = program.map(Path::to_owned);
        self
    }

    /// The same server, started behind a command that becomes it: `ip netns exec NAME`, say.
    #[must_use]
    pub fn behind(mut self, prefix: &[&str]) -> Self {
        self.prefix = prefix.iter().map(|&part| part.to_owned()).collect();
        self
    }

    /// The same server, admitting as many devices at once as a test has. These are limits that an older server knows too (F26).
    #[must_use]
    pub fn for_crowds(self) -> Self {
        let limits = ["REGISTRATIONS_PER_MINUTE_MAX", "LOGINS_PER_SECOND_MAX", "CONNECTIONS_BEFORE_LOGIN_MAX"];
        limits.iter().fold(self, |options, limit| options.with_variable(&format!("LONGWIRE_{limit}"), "1000000"))
    }

    /// The same server with its standard error in a pipe that nobody reads.
    #[must_use]
    pub const fn with_unread_log(mut self) -> Self {
        self.log = Log::Unread;
        self
    }

    /// The same server with its standard error on a disk that is full.
    #[must_use]
    pub const fn with_full_log(mut self) -> Self {
        self.log = Log::Full;
        self
    }

    /// The same server, which may have so many files open.
    #[must_use]
    pub fn with_files(self, max: u32) -> Self {
        self.behind(&["sh", "-c", &format!("ulimit -n {max} && exec \"$0\" \"$@\"")])
    }

    /// The same server with its HTTP on this address.
    #[must_use]
    pub fn with_http(mut self, address: &str) -> Self {
        address.clone_into(&mut self.http);
        self
    }

    /// The same server with its STARTTLS listener on this address.
    #[must_use]
    pub fn with_c2s(mut self, address: &str) -> Self {
        address.clone_into(&mut self.c2s);
        self
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// It ends, or does not listen in time; what it said is in the error.
    pub fn start(&self) -> anyhow::Result<Server> {
        let (mut child, log) = self.spawn()?;
        let log_start = log.1;
        let Some(stdout) = child.stdout.take() else { bail!("the server has no standard output") };
        let lines = lines_of(stdout);
        let line = match lines.recv_timeout(START) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                kill(&mut child);
                bail!("the server did not listen within {} s: {}", START.as_secs(), said(&log.0, log_start));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = ended(&mut child, START)?;
                bail!("the server ended ({status}) before it listened: {}", said(&log.0, log_start));
            }
        };
        let told: Value = serde_json::from_str(&line)
            .with_context(|| format!("the server printed a line that is not JSON: {line}"))?;
        let api_key = told.get("api_key").and_then(Value::as_str).map(str::to_owned);
        if let Some(key) = &api_key {
            keep::key(key);
        }
        let ready = Ready::parse(&told)?;
        Ok(Server { child, ready, api_key, options: self.clone(), log: log.0, lines })
    }

    /// Starts it where it must refuse to run; gives its exit status and what it said.
    ///
    /// # Errors
    /// It runs.
    pub fn refusal(&self) -> anyhow::Result<(ExitStatus, String)> {
        let (mut child, (log, start)) = self.spawn()?;
        let status = ended(&mut child, START);
        kill(&mut child);
        let mut text = said(&log, start);
        if let Some(mut stdout) = child.stdout.take() {
            stdout.read_to_string(&mut text).context("failed to read what the server printed")?;
        }
        Ok((status.with_context(|| format!("the server runs where it should refuse; it said: {text}"))?, text))
    }

    fn spawn(&self) -> anyhow::Result<(Child, (PathBuf, u64))> {
        let log = keep::log_of(&self.data);
        let file = File::options().create(true).append(true).open(&log).context("failed to open the server's log")?;
        let start = file.metadata().context("failed to measure the server's log")?.len();
        let program = self.program.clone().map_or_else(|| binary("longwire"), Ok)?;
        let mut command = behind(&self.prefix, &program);
        command.arg("serve").arg("--data-dir").arg(&self.data);
        command.args(["--http", &self.http, "--c2s", &self.c2s, "--c2s-tls", &self.c2s_tls]).args(&self.more);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        // The child keeps the reading end of the pipe open for as long as it is kept itself.
        command.stderr(match self.log {
            Log::File => Stdio::from(file),
            Log::Unread => Stdio::piped(),
            Log::Full => Stdio::from(File::options().write(true).open("/dev/full").context("no /dev/full here")?),
        });
        let child = command.spawn().context("failed to start the server")?;
        Ok((child, (log, start)))
    }
}

/// The lines of a process, read by a thread of their own so that it never blocks on a full pipe.
fn lines_of(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = sync_channel(1_024);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody listens any more: go on reading, so that the process can go on writing.
            drop(sender.try_send(line));
        }
    });
    lines
}

/// What stands in a log from `start` on.
fn said(log: &Path, start: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        file.seek(SeekFrom::Start(start))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(text)
    };
    read().unwrap_or_else(|error| format!("(its log cannot be read: {error})"))
}

/// What the server printed when it listened.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Host and port of the HTTP API.
    pub http: String,
    /// Host and port of the STARTTLS listener.
    pub c2s: String,
    /// Host and port of the direct TLS listener.
    pub c2s_tls: String,
    /// Its certificate (PEM).
    pub certificate: PathBuf,
    /// Every key of the line.
    pub keys: Vec<String>,
}

impl Ready {
    fn parse(line: &Value) -> anyhow::Result<Self> {
        let field = |name: &str| {
            let value = line.get(name).and_then(Value::as_str).map(str::to_owned);
            value.with_context(|| format!("the ready line has no `{name}`: {line}"))
        };
        if line.get("ready") != Some(&Value::Bool(true)) {
            bail!("the first line of the server is not its ready line: {line}");
        }
        let keys = line.as_object().map(|line| line.keys().cloned().collect()).unwrap_or_default();
        let http = field("http")?;
        let http = http.split_once("://").map_or(http.as_str(), |(_, address)| address).to_owned();
        Ok(Self {
            http,
            c2s: field("c2s")?,
            c2s_tls: field("c2s_tls")?,
            certificate: field("certificate")?.into(),
            keys,
        })
    }
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub ready: Ready,
    /// The API key of the first start.
    pub api_key: Option<String>,
    options: ServerOptions,
    log: PathBuf,
    lines: Receiver<String>,
}

impl Server {
    /// A server on a data directory, with free ports.
    ///
    /// # Errors
    /// It does not come to listen.
    pub fn start(data: &Path) -> anyhow::Result<Self> {
        ServerOptions::new(data).start()
    }

    /// An HTTP client with every scope: the key of the first start, else one made now.
    ///
    /// # Errors
    /// No key can be made.
    pub fn admin(&mut self) -> anyhow::Result<Client> {
        let key = match self.api_key.clone() {
            Some(key) => key,
            None => self.make_key("admin")?,
        };
        self.api_key = Some(key.clone());
        Ok(self.client(Some(&key)))
    }

    /// An HTTP client with this key.
    #[must_use]
    pub fn client(&self, key: Option<&str>) -> Client {
        Client::new(&self.ready.http, key)
    }

    /// Makes an API key by the operator's command.
    ///
    /// # Errors
    /// The command fails.
    pub fn make_key(&self, scope: &str) -> anyhow::Result<String> {
        printed(&longwire(self.data(), &["key", "create", "--scope", scope])?)
    }

    /// Whether this was the start that shows the API key.
    #[must_use]
    pub const fn is_key_shown(&self) -> bool {
        self.api_key.is_some()
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.options.data
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the log has a line that `is_it`; `what` completes "waited in vain for …". What the server has done or answered may be
    /// on its way to the log: lines are written behind its back, so that nothing waits for whoever reads them.
    ///
    /// # Errors
    /// It is not logged in time.
    pub fn logged(&self, what: &str, is_it: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        let line = until(what, crate::SOON, || self.log().lines().find(|line| is_it(line)).map(str::to_owned));
        line.with_context(|| format!("the log says:\n{}", self.log()))
    }

    /// Everything that it and its predecessors on this data directory logged, and that is written by now.
    #[must_use]
    pub fn log(&self) -> String {
        said(&self.log, 0)
    }

    /// The lines that it printed since it listens.
    #[must_use]
    pub fn printed(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL: no chance to tidy up.
    pub fn kill(&mut self) {
        kill(&mut self.child);
    }

    /// Sends a signal by its name, such as `STOP`.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        signal(&self.child, name)
    }

    /// From its next start on the server has these options changed.
    pub fn change(&mut self, change: impl FnOnce(ServerOptions) -> ServerOptions) {
        self.options = change(self.options.clone());
    }

    /// SIGTERM, and the exit status when it has drained.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn terminate(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        self.ask_to_end()?;
        ended(&mut self.child, patience)
    }

    /// Waits for its end, which something else has asked for.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn ended(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        ended(&mut self.child, patience)
    }

    /// SIGTERM, without waiting.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn ask_to_end(&self) -> anyhow::Result<()> {
        terminate(&self.child)
    }

    /// Starts it again on the same addresses and data, after it has ended.
    ///
    /// # Errors
    /// It does not come to listen.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let key = self.api_key.take();
        let mut options = self.options.clone();
        options.http.clone_from(&self.ready.http);
        options.c2s.clone_from(&self.ready.c2s);
        options.c2s_tls.clone_from(&self.ready.c2s_tls);
        *self = options.start()?;
        self.api_key = key;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}
