//! `longwire-device`: virtual phones that run the real client core.

#![forbid(unsafe_code)]

use std::io::{self, BufRead as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use longwire_client::{AppKey, Config};
use longwire_device::commands;
use longwire_device::explain;
use longwire_device::fleet::{self, Behaviour, Command, Options, TlsChoice};
use longwire_device::output::Printer;
use longwire_device::resolve::{Dns, Resolver};
use longwire_device::tls::{Pin, Tls, Trust, connector};
use longwire_protocol::Jid;
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

const HELP: &str = "\
Examples:
  longwire-device --server 127.0.0.1:5223 --domain localhost --ca data/certificate.pem
      one phone; each notification that it shows is a line of JSON:
      {\"device\":\"0\",\"state\":\"online\",\"id\":\"…\",\"jid\":\"…\",\"heartbeat\":240}
      {\"device\":\"0\",\"notification\":{\"id\":\"…\",\"seq\":7,\"title\":\"Door\",\"body\":\"Bell\"}}
  longwire-device --domain example.com
      found by the SRV records _xmpps-client._tcp and _xmpp-client._tcp of example.com, mixed by priority and weight
      (XEP-0368); without records at example.com itself, 5223 and then 5222; the certificate is for example.com
  longwire-device --server push.example.com:5223 --domain example.com --count 1000 --drop-after 30
      a thousand phones that lose their connection every half minute; no SRV record is asked for unless --srv says so
  longwire-device --data-dir device-data --explain 0192… --json
      what became of a notification on device 0, also while another process runs it; nothing is connected

--explain ends with 0 when the device knows the notification, with 1 when it does not, with 2 when it cannot be asked
(wrong usage, no such device, an unreadable database). With --json it prints one object:
  {\"device\":\"0\",\"server_device\":\"…\",\"id\":\"…\",\"known\":true,\"state\":\"opened\",\"lane\":\"normal\",\"seq\":7,
   \"came\":\"stored\",\"arrived_at\":\"…\",\"expires_at\":\"…\",\"hand_overs\":1,\"history\":[{\"state\":\"stored\",\"at\":\"…\"},…],
   \"reports\":[{\"type\":\"opened\",\"at\":\"…\",\"answered_at\":\"…\"}],\"position\":{…},\"ask\":\"GET /v1/…\"}
  States: stored, handed, shown, displayed, opened, dismissed, closed-elsewhere, recalled, expired, unusable, left, and
  update (the id is that of an update of \"target\"). `came` is stored, once (ttl 0: no `seq`, and no `ask`, since the
  server keeps nothing of it) or never (only a recall or the like came, at `seq`). `owed` is what the screen has still to be given: removal or
  update. A report without `answered_at` is still to be told. All times are the server's.

  longwire-device --server push.example.com:5223 --domain example.com --app-key lwa_4be07d19a2c5_…
      registers with the key of its app, where the server asks for one; without a good one it is `blocked` and says why

Files in the data directory:
  devices.sqlite      accounts, cursors and inboxes of all devices
  screen-<N>.jsonl    the screen of device N, append-only: one line, on disk before anything follows from it, per
                      hand-over, done, update and removal:
                      {\"id\":\"…\",\"attempt\":1,\"process\":\"…\",\"time\":\"…\",\"what\":\"handed|updated|done|removed\"}
                      A hand-over of an id that is done, or two by one process, is a duplicate.

A heartbeat (seconds) that changes while a device is online has a line of its own: {\"device\":\"0\",\"heartbeat\":300}

Commands on standard input, a line each, for device 0:
  0 open ID | 0 dismiss ID | 0 action ID ACTION [TEXT]      what its user does with a notification
  0 network ID                                              it is in this network now
  0 login TOKEN | 0 logout                                  binds it to the user whom a user token names, or to nobody
  0 join KEY | 0 leave KEY | 0 memberships                  topics and tags, such as topic:news/sport or tag:beta
What the server answers to the last two lines is a line of JSON:
  {\"device\":\"0\",\"answered\":\"login\",\"user\":\"alice\"}
  {\"device\":\"0\",\"answered\":\"join\",\"refused\":\"forbidden\",\"text\":\"…\"}";

/// Virtual phones: the real Longwire client core, on this host.
#[derive(Debug, Parser)]
#[command(version, about, after_help = HELP)]
struct Arguments {
    /// Where the server listens. Without it the domain's SRV records say so, or else the domain itself at 5223 and 5222.
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_server)]
    server: Option<(String, u16)>,
    /// Ask for the domain's SRV records first; --server is for when no target of theirs can be reached.
    #[arg(long, requires = "server")]
    srv: bool,
    /// The DNS server to ask for everything, instead of the system's.
    #[arg(long, value_name = "IP[:PORT]", value_parser = parse_dns)]
    dns: Option<SocketAddr>,
    /// The XMPP domain; the server's certificate must be for it, wherever it is found.
    #[arg(long, default_value = "localhost", value_parser = Config::domain)]
    domain: Jid,
    /// Trust the certificates in this PEM file instead of the system's authorities.
    #[arg(long, value_name = "FILE", conflicts_with = "pin")]
    ca: Option<PathBuf>,
    /// Trust this key or certificate alone: its SHA-256 in hexadecimal or base64.
    #[arg(long, value_name = "SHA256")]
    pin: Option<Pin>,
    /// Show the certificate in this PEM file, where the server asks for one.
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// The key of the certificate to show.
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    client_key: Option<PathBuf>,
    /// Upgrade to TLS by STARTTLS. Without a choice: direct TLS, or STARTTLS when the port does not speak TLS.
    #[arg(long, conflicts_with = "direct_tls")]
    starttls: bool,
    /// TLS from the first byte.
    #[arg(long)]
    direct_tls: bool,
    /// The app's key, with which devices register where the server asks for one: made by `longwire app key create`.
    #[arg(long, value_name = "KEY", env = "LONGWIRE_DEVICE_APP_KEY", hide_env_values = true)]
    app_key: Option<AppKey>,
    /// Where accounts, inboxes and screens are kept.
    #[arg(long, value_name = "DIR", default_value = "device-data")]
    data_dir: PathBuf,
    /// How many devices to run; they are numbered from 0.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Devices to start (and, the first time, register) per second.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    register_rate: u32,
    /// Send a heartbeat after so many seconds of silence. Without this a device finds out for each network how long a quiet connection
    /// lasts there, beginning with 240 seconds; within the server's bounds in either case.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    heartbeat: Option<u64>,
    /// The network that the devices are in, by any name: what they learn of heartbeats there is kept under it.
    #[arg(long, value_name = "ID")]
    network: Option<String>,
    /// Drop each connection without a word so many seconds after it came online.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    drop_after: Option<Duration>,
    /// Hold each acknowledgement back for so many milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    lag: u64,
    /// Never acknowledge.
    #[arg(long)]
    no_ack: bool,
    /// Report each notification on the screen as displayed.
    #[arg(long)]
    report_displayed: bool,
    /// Say what became of this notification on a device of the data directory, and end.
    #[arg(long, value_name = "ID", value_parser = parse_notification)]
    explain: Option<String>,
    /// Which device --explain asks.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "explain")]
    device: u32,
    /// Answer --explain with one JSON object.
    #[arg(long, requires = "explain")]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(id) = &arguments.explain {
        return explain(&arguments, id);
    }
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done when stderr is closed too.
            drop(writeln!(io::stderr(), "longwire-device: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// 0 when the device knows it, 1 when it does not, 2 when it cannot be asked.
fn explain(arguments: &Arguments, id: &str) -> ExitCode {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    match explain::explain(&arguments.data_dir, arguments.device, id) {
        Ok(explanation) => {
            let text = if arguments.json { explanation.to_json() } else { explanation.to_string() };
            // Nobody may read it.
            drop(writeln!(io::stdout(), "{text}"));
            ExitCode::from(u8::from(!explanation.known))
        }
        Err(error) => {
            let error = anyhow::Error::from(error);
            drop(writeln!(io::stderr(), "longwire-device: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    // The inbox holds passwords and what people were told: whatever is made from here on is its owner's alone.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    raise_file_limit().context("cannot raise the limit of open files")?;
    let trust = match (&arguments.ca, &arguments.pin) {
        (Some(path), _) => Trust::File(path.clone()),
        (None, Some(pin)) => Trust::Pin(pin.clone()),
        (None, None) => Trust::System,
    };
    let resolver: Arc<dyn Resolver> = Arc::new(arguments.dns.map_or_else(Dns::of_system, Dns::at));
    let own = arguments.client_certificate.as_deref().zip(arguments.client_key.as_deref());
    let tls = connector(&arguments.domain.to_string(), &trust, own)?;
    let (printer, printing) = Printer::start().context("cannot start a thread")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    let ended = runtime.block_on(run_fleet(options(arguments), tls, resolver, printer));
    runtime.shutdown_timeout(Duration::from_secs(1));
    if ended.is_ok() {
        // A printer that failed has nothing more to print.
        drop(printing.join());
    }
    ended
}

async fn run_fleet(options: Options, tls: Tls, resolver: Arc<dyn Resolver>, printer: Printer) -> anyhow::Result<()> {
    let (sender, commands) = mpsc::channel(64);
    std::thread::Builder::new().name("commands".to_owned()).spawn(move || read_commands(&sender))?;
    let (stopper, stop) = watch::channel(false);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopper.send_replace(true);
    });
    fleet::run(options, tls, resolver, printer, commands, stop).await?;
    Ok(())
}

fn options(arguments: Arguments) -> Options {
    Options {
        server: arguments.server,
        is_srv_first: arguments.srv,
        domain: arguments.domain,
        tls: match (arguments.starttls, arguments.direct_tls) {
            (true, _) => TlsChoice::StartTls,
            (false, true) => TlsChoice::Direct,
            (false, false) => TlsChoice::Auto,
        },
        app_key: arguments.app_key,
        data_dir: arguments.data_dir,
        count: arguments.count,
        start_rate: arguments.register_rate,
        heartbeat: arguments.heartbeat.map(Duration::from_secs),
        network: arguments.network,
        behaviour: Behaviour {
            drop_after: arguments.drop_after,
            lag: Duration::from_millis(arguments.lag),
            no_ack: arguments.no_ack,
            report_displayed: arguments.report_displayed,
        },
    }
}

/// Thousands of devices need thousands of files: as many as the host admits.
fn raise_file_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}

fn read_commands(commands: &mpsc::Sender<Command>) {
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        if line.trim().is_empty() {
            continue;
        }
        match commands::parse(&line) {
            Some(command) => {
                if commands.blocking_send(command).is_err() {
                    return; // the devices are gone
                }
            }
            None => {
                let hint = "a command is one of those that --help lists, such as `0 open ID`";
                // A closed stderr is no reason to stop.
                drop(writeln!(io::stderr(), "longwire-device: {hint}, not {line:?}"));
            }
        }
    }
}

fn parse_server(text: &str) -> Result<(String, u16), String> {
    let wrong = || format!("{text:?} is not host:port, such as 127.0.0.1:5223 or [::1]:5223");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = bare.unwrap_or(host);
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let is_bad = host.is_empty() || port == 0 || (bare.is_none() && host.contains(':'));
    if is_bad { Err(wrong()) } else { Ok((host.to_owned(), port)) }
}

fn parse_dns(text: &str) -> Result<SocketAddr, String> {
    let bare = || text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 53));
    text.parse()
        .or_else(|_| bare())
        .map_err(|_| format!("{text:?} is not an address, such as 192.0.2.1 or 127.0.0.1:5353"))
}

/// Ids are UUIDs, told in lower case.
fn parse_notification(text: &str) -> Result<String, String> {
    let is_uuid = text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if is_uuid {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!("{text:?} is not the id of a notification, such as 01980f5e-6c1a-7cc3-9d0e-0123456789ab"))
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is not a number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("{text:?} is not a number of seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_host_and_port() {
        assert_eq!(parse_server("127.0.0.1:5223"), Ok(("127.0.0.1".into(), 5223)));
        assert_eq!(parse_server("[::1]:5223"), Ok(("::1".into(), 5223)));
        assert_eq!(parse_server("push.example.com:5222"), Ok(("push.example.com".into(), 5222)));
        for wrong in
            ["", "localhost", ":5223", "localhost:", "localhost:x", "localhost:0", "localhost:70000", "::1:5223"]
        {
            assert!(parse_server(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_app_key_is_a_word_and_no_api_key() {
        assert_eq!(" lwa_k_s\n".parse(), Ok(AppKey("lwa_k_s".into())));
        assert!("lw_k_s".parse::<AppKey>().is_err_and(|why| why.contains("API key") && !why.contains("lw_k_s")));
        assert!(" ".parse::<AppKey>().is_err() && "a\u{1}b".parse::<AppKey>().is_err());
    }

    #[test]
    fn the_help_is_well_formed() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }
}
