//! What is measured: how each is configured in its favour, started on loopback, asked and counted.

mod ejabberd;
mod identity;
mod longwire;
mod mosquitto;
mod prosody;
mod site;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use crate::client::{Carriage, Door, Posting, Speech};
use crate::machine::said;

pub(crate) use identity::Identity;
pub(crate) use longwire::devices;
pub(crate) use site::{Running, Site};

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    Longwire,
    /// A line server on raw tokio, in this program.
    Floor,
    Mosquitto,
    Ejabberd,
    Prosody,
}

/// Ports of the loopback interface that were free.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) plain: u16,
    pub(crate) tls: u16,
    pub(crate) http: u16,
}

/// Where a server of this run has everything.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) ports: Ports,
    pub(crate) identity: Identity,
    pub(crate) manner: Manner,
}

/// In what a server differs from how it mostly is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// Keeps what comes for who is away, without a limit; of a peer, which does so by a module that costs.
    pub(crate) keeps: bool,
    /// Stores what SCRAM-SHA-256 checks, not passwords; of a peer.
    pub(crate) is_hashed: bool,
    /// Has the caps of its defaults on what one address brings before and at its login; of Longwire.
    pub(crate) is_capped: bool,
}

impl Target {
    /// Its name, as a column has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Longwire => "longwire",
            Self::Floor => "floor",
            Self::Mosquitto => "mosquitto",
            Self::Ejabberd => "ejabberd",
            Self::Prosody => "prosody",
        }
    }

    /// Its version; none when it is not here.
    pub(crate) fn version(self) -> Option<String> {
        let version = match self {
            Self::Longwire => longwire::version()?,
            Self::Floor => format!("tokio, rustls (of {})", env!("CARGO_PKG_NAME")),
            Self::Mosquitto => program_of("mosquitto").map(|_| package("mosquitto"))?,
            Self::Ejabberd => program_of("ejabberdctl").and(program_of("erl")).map(|_| package("ejabberd"))?,
            Self::Prosody => program_of("prosody").map(|_| package("prosody"))?,
        };
        Some(version)
    }

    /// What it speaks.
    pub(crate) const fn speech(self) -> Speech {
        match self {
            Self::Longwire => Speech::Longwire,
            Self::Floor => Speech::Lines,
            Self::Mosquitto => Speech::Mqtt,
            Self::Ejabberd | Self::Prosody => Speech::Xmpp,
        }
    }

    /// Whether it is one of the XMPP servers.
    pub(crate) const fn is_xmpp(self) -> bool {
        match self {
            Self::Longwire | Self::Ejabberd | Self::Prosody => true,
            Self::Floor | Self::Mosquitto => false,
        }
    }

    /// Why a carriage is not measured; none when it is.
    pub(crate) const fn lacks(self, carriage: Carriage) -> Option<&'static str> {
        match carriage {
            Carriage::StartTls if !self.is_xmpp() => Some("has no STARTTLS"),
            Carriage::Plain | Carriage::StartTls | Carriage::Tls => None,
        }
    }

    /// The program that is measured, where it is one file.
    pub(crate) fn file(self) -> Result<PathBuf, &'static str> {
        match self {
            Self::Longwire => longwire::file().ok_or("is not built"),
            Self::Mosquitto => program_of("mosquitto").ok_or("is not here"),
            Self::Floor => Err("is a part of the harness"),
            Self::Ejabberd | Self::Prosody => Err("is run by an interpreter"),
        }
    }

    /// How it is asked over HTTP; `key` is what opens Longwire's API.
    fn posting(self, key: &str) -> Option<Posting> {
        match self {
            Self::Longwire => Some(Posting::Longwire { key: key.to_owned() }),
            Self::Floor => Some(Posting::Lines),
            Self::Mosquitto => None,
            Self::Ejabberd => Some(Posting::Ejabberd),
            Self::Prosody => Some(Posting::Prosody),
        }
    }

    fn configure(self, place: &Place) -> anyhow::Result<()> {
        match self {
            Self::Longwire | Self::Floor => Ok(()),
            Self::Mosquitto => mosquitto::configure(place),
            Self::Ejabberd => ejabberd::configure(place),
            Self::Prosody => prosody::configure(place),
        }
    }

    fn command(self, place: &Place) -> anyhow::Result<Command> {
        match self {
            Self::Longwire => longwire::command(place),
            Self::Floor => floor(place),
            Self::Mosquitto => Ok(mosquitto::command(place)),
            Self::Ejabberd => Ok(ejabberd::command(place)),
            Self::Prosody => Ok(prosody::command(place)),
        }
    }
}

impl Place {
    fn door(&self, speech: Speech) -> Door {
        Door {
            speech,
            plain: self.ports.plain,
            tls: self.ports.tls,
            trust: std::sync::Arc::clone(&self.identity.trust),
        }
    }
}

fn floor(place: &Place) -> anyhow::Result<Command> {
    let Place { ports, identity, .. } = place;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("floor").args(["--plain", &ports.plain.to_string(), "--tls", &ports.tls.to_string()]);
    command.args(["--http", &ports.http.to_string()]);
    command.arg("--certificate").arg(&identity.certificate).arg("--key").arg(&identity.key);
    Ok(command)
}

/// The path of a program, also of those that only administrators have in their path.
pub(crate) fn program_of(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The version of a Debian package.
fn package(name: &str) -> String {
    let version = said("dpkg-query", &["-W", "-f", "${Version}", name]);
    if version.is_empty() { "(of unknown version)".to_owned() } else { version }
}

/// A path in a configuration file.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}
