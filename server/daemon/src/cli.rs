//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use longwire_model::{Scope, Timestamp};

/// Self-hosted push notifications for Android.
#[derive(Debug, Parser)]
#[command(
    name = "longwire",
    version,
    about = "Self-hosted push notifications for Android: the server, and the operator's tool beside it",
    after_help = "Examples:
  longwire serve                                     everything on loopback, data in ./data
  longwire serve --config longwire.toml              for real use; see longwire.example.toml
  longwire serve --config longwire.toml --check      only validate the configuration
  longwire key create --scope send --label backend   an API key for a back-end, printed alone
  longwire app key create --label android            an app key, with which devices register; printed alone
  longwire send --to user:alice --title Door --body Bell

Commands beside `serve` work while a server runs on the same data directory, and also without one."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Keys of apps, with which their devices register
    #[command(subcommand)]
    App(AppCommand),
    /// Add, list, disable and remove accounts (XMPP logins), change their passwords
    #[command(subcommand)]
    Account(AccountCommand),
    /// Send a notification
    Send(SendArgs),
    /// Change a notification: devices that show it show the new content
    Update(UpdateArgs),
    /// Public keys by which user tokens are checked: with these an app's back-end says whose device it is
    #[command(subcommand)]
    UserKey(UserKeyCommand),
    /// Look at devices, remove them
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Copy everything that a restore needs into a new directory, also while a server runs
    Backup(BackupArgs),
    /// Make a running server read its certificate, and the authorities of clients, anew; connections go on
    ///
    /// It reads the files that its configuration named when it started, and prints which. The configuration itself is not read anew: `--config`
    /// only says where the data directory is.
    Reload {
        #[command(flatten)]
        place: Place,
    },
    /// Make a new data directory from a backup
    Restore(RestoreArgs),
    /// Take over the accounts of an original androidpn server, so that its phones keep their identity
    ImportAndroidpn(ImportAndroidpnArgs),
}

/// Where the data is: the same for the server and for every command beside it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Place {
    /// Configuration file (TOML); flags and LONGWIRE_… variables go before it
    #[arg(long, value_name = "FILE", env = "LONGWIRE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Data directory [default: ./data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Args)]
#[command(
    after_help = "Each flag but --config and --check is also a key of the configuration file (`--http-plaintext` is
`http_plaintext`) and a variable (LONGWIRE_HTTP_PLAINTEXT). A flag goes before a variable, a variable before the file.

When it listens, one JSON line on standard output has the real addresses (port 0 takes a free port):
  {\"ready\":true,\"http\":\"http://127.0.0.1:9090\",\"c2s\":\"127.0.0.1:5222\",\"c2s_tls\":\"127.0.0.1:5223\",\"certificate\":\"…\"}
The line of the first start has `api_key` too, a key with every right: it is shown this once. Logs go to standard error."
)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub place: Place,
    /// Validate the configuration, print what would be done, and stop
    #[arg(long)]
    pub check: bool,
    /// XMPP domain that devices connect to [default: localhost]
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// Address of the HTTP API [default: 127.0.0.1:9090]
    #[arg(long, value_name = "HOST:PORT")]
    pub http: Option<String>,
    /// HTTP without TLS although it is not on loopback: a proxy in front does it
    #[arg(long)]
    pub http_plaintext: bool,
    /// Address for XMPP clients that start in plaintext and change to TLS (STARTTLS) [default: 127.0.0.1:5222]
    #[arg(long, value_name = "HOST:PORT")]
    pub c2s: Option<String>,
    /// Address for XMPP clients with direct TLS [default: 127.0.0.1:5223]
    #[arg(long, value_name = "HOST:PORT")]
    pub c2s_tls: Option<String>,
    /// Admit SCRAM logins without TLS; with --androidpn also the logins of clients that never start TLS
    #[arg(long)]
    pub plaintext: bool,
    /// Serve original androidpn clients, and the scripts that push to them
    #[arg(long)]
    pub androidpn: bool,
    /// Who may register an account [default: open while every XMPP listener is on loopback, else
    /// app-key]
    #[arg(long, value_name = "WHO")]
    pub registration: Option<Registration>,
    /// Form of the log [default: text]
    #[arg(long, value_name = "FORM")]
    pub log_format: Option<LogFormat>,
}

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Registration {
    /// Everybody who can connect
    Open,
    /// Devices of an app that has a key from `longwire app key create`
    AppKey,
    /// Nobody: accounts are made with `longwire account add`
    Closed,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create an API key and print it alone on standard output; it is shown this once
    #[command(after_help = "Example: KEY=$(longwire key create --scope send --label backend --expires 90d)")]
    Create {
        #[command(flatten)]
        place: Place,
        /// What it may do: send, read, devices, keys, or admin (all of these, and accounts); may be repeated
        #[arg(long, required = true, value_name = "SCOPE", value_delimiter = ',')]
        scope: Vec<Scope>,
        /// A name for it
        #[arg(long)]
        label: Option<String>,
        /// How long it is good for, such as 12h, 30d or 1y; for ever if not given
        #[arg(long, value_name = "TIME", value_parser = parse_seconds)]
        expires: Option<u64>,
    },
    /// List API keys, without their secrets
    List {
        #[command(flatten)]
        place: Place,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke an API key at once
    Revoke {
        #[command(flatten)]
        place: Place,
        /// The key's id, the middle part of `lw_<id>_<secret>`
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Create, list and revoke app keys
    #[command(
        subcommand,
        long_about = "Create, list and revoke app keys.

An app key ships inside an app and so is public: it admits the registration of the app's devices and gives no other right. It is
needed while `registration` is `app-key`, the default as soon as XMPP listens beyond loopback. Revoking it keeps new devices out;
those that are registered stay."
    )]
    Key(AppKeyCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AppKeyCommand {
    /// Create an app key and print it alone on standard output; it is shown this once
    #[command(after_help = "Example:
  APP_KEY=$(longwire app key create --label android)
  longwire-device --server push.example.com:5223 --domain push.example.com --app-key \"$APP_KEY\"")]
    Create {
        #[command(flatten)]
        place: Place,
        /// A name for it
        #[arg(long)]
        label: Option<String>,
    },
    /// List app keys, without their secrets, with how many registrations each has admitted
    List {
        #[command(flatten)]
        place: Place,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke an app key at once: it admits no registration any more; registered devices stay, and keep their sessions
    #[command(after_help = "Examples:
  longwire app key revoke 4be07d19a2c5                        the app has another key, and its devices go on
  longwire app key revoke 4be07d19a2c5 --disable-accounts     strangers have registered with it

Disabled accounts wait: `longwire account enable NAME` lets one in again, with all that was sent to it meanwhile.")]
    Revoke {
        #[command(flatten)]
        place: Place,
        /// The key's id, the middle part of `lwa_<id>_<secret>`, or the whole key
        id: String,
        /// Disable every account that it has admitted, too: their sessions end at once
        #[arg(long)]
        disable_accounts: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Add an account; without --password-stdin a password is made and printed alone on standard output
    #[command(after_help = "Examples:
  longwire account add alice
  printf %s \"$PASSWORD\" | longwire account add alice --password-stdin")]
    Add {
        #[command(flatten)]
        place: Place,
        /// The name before the @
        name: String,
        /// Read the password from standard input (one line)
        #[arg(long)]
        password_stdin: bool,
    },
    /// List accounts, those of original androidpn clients too
    #[command(after_help = "Examples:
  longwire account list --never-came                  for instance what was imported and no phone has used since
  longwire account list --never-came --json | jq -r '.[].name' | xargs longwire account remove")]
    List {
        #[command(flatten)]
        place: Place,
        /// Only accounts with which no device has ever connected
        #[arg(long)]
        never_came: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Keep accounts from logging in, those of original androidpn clients too; their sessions end at once. Their devices stay, and what is
    /// sent to them waits
    Disable {
        #[command(flatten)]
        place: Place,
        /// The name before the @; may be repeated
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Let disabled accounts in again
    Enable {
        #[command(flatten)]
        place: Place,
        /// The name before the @; may be repeated
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Give an account another password; its sessions end at once. Without --password-stdin a password is made and printed alone on
    /// standard output
    ///
    /// It is for people with an XMPP client, whose sessions end. It keeps no phone out: a phone, or an original androidpn client, whose
    /// password is refused makes itself a new account within seconds, and a phone takes its device with it. Use `account disable`, or
    /// `device remove`, for that.
    Password {
        #[command(flatten)]
        place: Place,
        /// The name before the @
        name: String,
        /// Read the password from standard input (one line)
        #[arg(long)]
        password_stdin: bool,
    },
    /// Remove accounts: their sessions end, and their devices have to register again. A device that proves that it is the same phone keeps
    /// its user, topics and tags for 28 days; `longwire device remove` ends that
    Remove {
        #[command(flatten)]
        place: Place,
        /// The name before the @; may be repeated
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  longwire send --to user:alice --title Door --body Bell
  longwire send --to topic:news --to tag:beta --body 'Version 2 is out' --ttl 3600 --url https://example.com/2
  longwire send --to all --data kind=sync --lane background --idempotency-key sync-2026-11-21

Prints the answer of the API as one JSON line.")]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub place: Place,
    /// device:ID, user:NAME, topic:NAME, tag:NAME or all; may be repeated
    #[arg(long, required = true, value_name = "AUDIENCE")]
    pub to: Vec<String>,
    /// Title
    #[arg(long)]
    pub title: Option<String>,
    /// Text
    #[arg(long)]
    pub body: Option<String>,
    /// A pair for the app; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub data: Vec<(String, String)>,
    #[command(flatten)]
    pub looks: Looks,
    /// Seconds until it expires, or a time such as 1h; 0 is now or never [default: 28 days]
    #[arg(long, value_name = "TIME", value_parser = parse_ttl)]
    pub ttl: Option<u64>,
    /// A newer notification with the same key replaces this one while it waits
    #[arg(long, value_name = "KEY")]
    pub collapse_key: Option<String>,
    /// normal or background
    #[arg(long)]
    pub lane: Option<String>,
    /// Only devices that pass, such as 'tag:beta && !tag:muted'
    #[arg(long)]
    pub filter: Option<String>,
    /// The same key again gives the first answer again instead of a second notification
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

/// What of a notification is shown beside its texts.
#[derive(Debug, Args)]
pub(crate) struct Looks {
    /// What opening it opens
    #[arg(long)]
    pub url: Option<String>,
    /// Address of a picture
    #[arg(long, value_name = "URL")]
    pub image: Option<String>,
    /// Notifications of the same group are shown together
    #[arg(long)]
    pub group: Option<String>,
    /// default, none, or the name of a raw resource of the app
    #[arg(long)]
    pub sound: Option<String>,
    /// min, low, normal, high or critical
    #[arg(long)]
    pub urgency: Option<String>,
    /// A button; may be repeated
    #[arg(long, value_name = "ID=TITLE", value_parser = parse_pair)]
    pub action: Vec<(String, String)>,
    /// A button with which the user writes a text; may be repeated
    #[arg(long, value_name = "ID=TITLE", value_parser = parse_pair)]
    pub reply: Vec<(String, String)>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  longwire update 0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b --body 'The bell rang twice'
  longwire update 0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b --title Closed --remove image --remove actions

What is not given stays as it is. Prints the answer of the API as one JSON line.")]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    pub place: Place,
    /// The notification's id
    pub id: String,
    /// Title
    #[arg(long)]
    pub title: Option<String>,
    /// Text
    #[arg(long)]
    pub body: Option<String>,
    /// A pair for the app; may be repeated; other pairs stay
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub data: Vec<(String, String)>,
    #[command(flatten)]
    pub looks: Looks,
    /// A field that the notification shall not have any more; may be repeated
    #[arg(long, value_name = "FIELD")]
    pub remove: Vec<String>,
    /// The same key again gives the first answer again instead of a second change
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserKeyCommand {
    /// Make an Ed25519 key pair: the server keeps the public key, the private key is printed alone on standard output, this once
    #[command(
        after_help = "The id of the key, which tokens name as `kid`, is printed on standard error, and by `longwire user-key list`.

Example: longwire user-key create --label backend > user-key.pem"
    )]
    Create {
        #[command(flatten)]
        place: Place,
        /// A name for it
        #[arg(long)]
        label: Option<String>,
        /// As one JSON line with `id` and `private_key`
        #[arg(long)]
        json: bool,
    },
    /// Add a public key of the back-end's own and print its id: Ed25519, P-256, or RSA of 2048 bits or more
    Add {
        #[command(flatten)]
        place: Place,
        /// The public key as PEM; - reads standard input
        #[arg(long, value_name = "FILE")]
        public_key: PathBuf,
        /// A name for it
        #[arg(long)]
        label: Option<String>,
    },
    /// List user keys
    List {
        #[command(flatten)]
        place: Place,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a user key at once: its tokens bind no device any more; those that are bound stay
    Revoke {
        #[command(flatten)]
        place: Place,
        /// The key's id
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// List devices
    List {
        #[command(flatten)]
        place: Place,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a device: its session ends, and what is known of it is gone. While its account stays, it can come back as a new device
    /// that belongs to no user
    Remove {
        #[command(flatten)]
        place: Place,
        /// The device's id
        id: String,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  longwire backup /backups/2026-11-22
  longwire backup /backups/2026-11-22 --config longwire.toml --json

The backup is consistent: it holds what was committed at one instant, and everything that was accepted before the command began. It is
checked, and is either whole or not there. It holds the store, the keys beside it (server.key, androidpn.key) and the certificate that
the server made for itself, and so it is as secret as the data directory; it does not hold the configuration file, nor a certificate
that this names. `longwire restore` makes a data directory of it.")]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    pub place: Place,
    /// The directory to be made
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
    /// Print the list of what it holds as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: longwire restore /backups/2026-11-22 --data-dir data

The data directory must be new or empty, or hold what an interrupted restore left: no server starts on that, and the same command begins
anew. Every file is held against the backup's list, and the store is checked as a whole. With the server's start the log goes on in a new
generation, so devices neither miss what is sent from now on nor show again what they have. What happened since the
backup is gone: what was accepted, devices that registered (they register again), and also what was revoked or removed, such as API
keys and accounts, which has to be done again.")]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    pub place: Place,
    /// The backup
    #[arg(value_name = "BACKUP")]
    pub from: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  longwire import-androidpn apn_user.sql              what would be done: a dry run, which changes nothing
  longwire import-androidpn apn_user.sql --apply      carries it out; repeating it does no harm
  zcat apn_user.sql.gz | longwire import-androidpn -
  longwire import-androidpn db/androidpn.script db/androidpn.log
                                                      the HSQLDB that came with the original server: both in one run
  longwire import-androidpn users.csv --json          a first line with the columns username and password

With --apply the data directory is made where there is none, as `longwire serve` makes it. Passwords are kept encrypted, and no
report shows one.

Exit status: 0 every row has its account here now (of a dry run: would have), 3 some rows were refused or are here with another
password, the others are taken over, 2 the command line is wrong, 1 anything else: a file that cannot be read or holds no
account at all imports nothing; what was written before another failure stays, and repeating the command goes on.")]
pub(crate) struct ImportAndroidpnArgs {
    #[command(flatten)]
    pub place: Place,
    /// The user table: a MySQL dump, HSQLDB's .script or .log, or CSV; - reads standard input. Of several files the later hold the
    /// newer rows
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The table's name, for forks that have another
    #[arg(long, value_name = "NAME", default_value = "apn_user")]
    pub table: String,
    /// Only rows that were created or updated since then (UTC), such as 2019-01-01; rows without either date are taken too
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    pub created_since: Option<Timestamp>,
    /// Carry it out
    #[arg(long, conflicts_with = "dry_run")]
    pub apply: bool,
    /// Only say what would be done; so it is without --apply
    #[arg(long)]
    pub dry_run: bool,
    /// Form of the files; found by what is in them if not given
    #[arg(long, value_name = "FORM")]
    pub format: Option<AndroidpnFormat>,
    /// The report as JSON
    #[arg(long)]
    pub json: bool,
}

/// The form of a user table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AndroidpnFormat {
    /// What mysqldump writes
    Mysql,
    /// The .script or .log of HSQLDB
    Hsqldb,
    /// Columns by the names in the first line
    Csv,
}

impl AndroidpnFormat {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Hsqldb => "hsqldb",
            Self::Csv => "csv",
        }
    }
}

/// `90`, `90s`, `15m`, `12h`, `30d`, `8w`, `1y` in seconds.
fn parse_seconds(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let seconds: u64 = match unit {
        "" => return Err("use a number and a unit, such as 30d".to_owned()),
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "y" => 365 * 86_400,
        _ => return Err(format!("{unit:?} is not a unit: use s, m, h, d, w or y")),
    };
    let count: u64 = digits.parse().map_err(|_| "use a number and a unit, such as 30d".to_owned())?;
    // A century bounds the arithmetic of every caller.
    match count.checked_mul(seconds) {
        Some(total) if (1..=100 * 365 * 86_400).contains(&total) => Ok(total),
        Some(_) | None => Err("use a time from 1s to 100y".to_owned()),
    }
}

/// A day, or an RFC 3339 instant.
fn parse_date(text: &str) -> Result<Timestamp, String> {
    let wrong = |_| "use a day such as 2019-01-01, or a time such as 2019-01-01T12:00:00Z".to_owned();
    text.parse().or_else(|_| format!("{text}T00:00:00Z").parse()).map_err(wrong)
}

/// Whole seconds, or a time with its unit; 0 is now or never.
fn parse_ttl(text: &str) -> Result<u64, String> {
    let wrong = |_| "use whole seconds such as 3600, or a time such as 1h; 0 is now or never".to_owned();
    text.parse().or_else(|_| parse_seconds(text)).map_err(wrong)
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("use NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_have_units_and_bounds() {
        assert_eq!(parse_seconds("90s"), Ok(90));
        assert!(parse_seconds("3").is_err_and(|why| why.contains("unit")), "three seconds of a key are a slip");
        assert_eq!(parse_date("2019-01-01"), parse_date("2019-01-01T00:00:00Z"));
        assert!(parse_date("2019-01-01").is_ok() && parse_date("1.1.2019").is_err());
        assert_eq!([parse_ttl("0"), parse_ttl("3600"), parse_ttl("1h")], [Ok(0), Ok(3_600), Ok(3_600)]);
        assert!(parse_ttl("soon").is_err_and(|why| why.contains("whole seconds")));
        assert_eq!(parse_seconds("30d"), Ok(30 * 86_400));
        assert_eq!(parse_seconds("100y"), Ok(100 * 365 * 86_400));
        for wrong in ["", "d", "0", "-1d", "3 d", "1x", "101y", "99999999999999999999d", "18446744073709551615y"] {
            assert!(parse_seconds(wrong).is_err(), "{wrong}");
        }
    }
}
