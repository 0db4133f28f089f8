//! ejabberd: passwords in plain text in Mnesia where they are not to be hashed, no log, no shapers, and an Erlang machine that does not wait busily.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use super::{Place, program_of, quoted};
use crate::client::Poster;

const CONFIGURATION: &str = "ejabberd.yml";
/// Between looks of the machine's schedulers for work nothing is burnt: it would count as the server's.
const MACHINE: [&str; 11] =
    ["+K", "true", "+P", "250000", "+Q", "65536", "+sbwt", "none", "+sbwtdcpu", "none", "-noinput"];

pub(super) fn configure(place: &Place) -> anyhow::Result<()> {
    let Place { folder, ports, identity, manner } = place;
    let format = if manner.is_hashed { "scram\nauth_scram_hash: sha256" } else { "plain" };
    let offline = if manner.keeps { "  mod_offline: {access_max_user_messages: boundless}\n" } else { "" };
    let listener = |port: u16, tls: &str| {
        format!(
            "  - {{port: {port}, ip: \"127.0.0.1\", module: ejabberd_c2s, backlog: 1024, access: c2s, {tls}: true, \
             max_stanza_size: infinity}}\n"
        )
    };
    let text = format!(
        "hosts: [localhost]\nloglevel: none\ncertfiles: [{}]\nauth_method: internal\nauth_password_format: {format}\n\
         disable_sasl_mechanisms: [digest-md5, x-oauth2]\nlisten:\n{}{}  - {{port: {}, ip: \"127.0.0.1\", module: ejabberd_http, backlog: 1024, \
         request_handlers: {{/api: mod_http_api}}}}\naccess_rules: {{c2s: {{allow: all}}, announce: {{allow: all}}}}\n\
         api_permissions:\n  all: {{who: {{ip: \"127.0.0.0/8\"}}, what: \"*\"}}\n\
         shaper_rules: {{max_user_sessions: infinity, c2s_shaper: none, boundless: infinity}}\nmodules:\n  mod_adhoc: {{}}\n  mod_admin_extra: {{}}\n  \
         mod_announce: {{access: announce}}\n  mod_ping: {{send_pings: false}}\n{offline}",
        quoted(&identity.both),
        listener(ports.plain, "starttls"),
        listener(ports.tls, "tls"),
        ports.http
    );
    fs::create_dir_all(folder.join("database")).context("failed to make ejabberd's folder")?;
    fs::write(folder.join(CONFIGURATION), text).context("failed to configure ejabberd")
}

pub(super) fn command(place: &Place) -> Command {
    let folder = &place.folder;
    let mut command = Command::new(program_of("erl").unwrap_or_else(|| PathBuf::from("erl")));
    command.args(MACHINE).args(["+sbwtdio", "none"]);
    command.args(["-mnesia", "dir", &quoted(&folder.join("database")), "-s", "ejabberd"]);
    command
        .env("EJABBERD_CONFIG_PATH", folder.join(CONFIGURATION))
        .env("EJABBERD_LOG_PATH", folder.join("ejabberd.log"));
    command.env("ERL_CRASH_DUMP", folder.join("crash.dump")).env("HOME", folder).env("ERL_LIBS", libraries());
    command.current_dir(folder);
    command
}

/// The folder in which Debian puts Erlang's libraries on this architecture.
fn libraries() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let has_it = |folder: &PathBuf| {
        let mut inside = fs::read_dir(folder).into_iter().flatten().flatten();
        inside.any(|entry| entry.file_name().to_string_lossy().starts_with("ejabberd-"))
    };
    folders.filter(|folder| folder.is_dir()).find(has_it).unwrap_or_default()
}

/// Registers an account of a server that runs.
///
/// # Errors
/// It is refused.
pub(super) async fn register(poster: &mut Poster, user: &str, password: &str) -> anyhow::Result<()> {
    let body = format!("{{\"user\":\"{user}\",\"host\":\"localhost\",\"password\":\"{password}\"}}");
    let request = format!(
        "POST /api/register HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    poster.post(request.as_bytes()).await.map(drop)
}
