//! Prosody: passwords in plain text in files where they are not to be hashed, no log, no limits, and a module of ten lines that takes messages over HTTP, as none of
//! Debian's does.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use longwire_protocol::sasl::scram::Verifier;

use super::{Place, program_of, quoted};
use crate::client::name_of;

const CONFIGURATION: &str = "prosody.cfg.lua";
/// Rounds of a stored password's key derivation, which are the client's at each login.
const ROUNDS: u32 = 4_096;
const SALT: &str = "salt-of-all-of-them";
const MODULE: &str = r#"module:depends("http");
local st = require "util.stanza";
local host = module.host;
module:provides("http", {
	default_path = "/bench";
	route = {
		["POST /*"] = function (event, user)
			module:send(st.message({ to = user .. "@" .. host, from = host, type = "headline" }, event.request.body));
			return 202;
		end;
	};
});
"#;

pub(super) fn configure(place: &Place) -> anyhow::Result<()> {
    let Place { folder, ports, identity, manner } = place;
    let kind = if manner.is_hashed { "hashed" } else { "plain" };
    let offline = if manner.keeps { "" } else { ", \"offline\"" };
    let modules = folder.join("modules");
    let tls = format!("{{ certificate = {}, key = {} }}", quoted(&identity.certificate), quoted(&identity.key));
    let text = format!(
        "pidfile = {}\ndata_path = {}\nplugin_paths = {{ {} }}\ndaemonize = false\nrun_as_root = true\nnetwork_backend = \"epoll\"\n\
         modules_enabled = {{ \"tls\", \"saslauth\", \"ping\", \"http\", \"announce\" }}\nmodules_disabled = {{ \"s2s\"{offline} }}\n\
         storage = \"internal\"\nallow_unencrypted_plain_auth = true\nc2s_require_encryption = false\nlog = {{}}\nlimits = {{}}\n\
         insecure_sasl_mechanisms = {{}}\nadmins = {{ \"user-0@localhost\" }}\nnetwork_settings = {{ tcp_backlog = 1024 }}\n\
         interfaces = {{ \"127.0.0.1\" }}\nc2s_ports = {{ {} }}\nc2s_direct_tls_ports = {{ {} }}\nhttp_ports = {{ {} }}\n\
         http_interfaces = {{ \"127.0.0.1\" }}\nhttps_ports = {{}}\nhttp_default_host = \"localhost\"\nssl = {tls}\n\
         c2s_direct_tls_ssl = {tls}\nVirtualHost \"localhost\"\n\tauthentication = \"internal_{kind}\"\n\tpassword_hash = \"SHA-256\"\n\tmodules_enabled = {{ \"bench_post\" }}\n",
        quoted(&folder.join("prosody.pid")),
        quoted(&folder.join("data")),
        quoted(&modules),
        ports.plain,
        ports.tls,
        ports.http
    );
    fs::create_dir_all(&modules).context("failed to make Prosody's folder")?;
    fs::write(modules.join("mod_bench_post.lua"), MODULE).context("failed to write Prosody's module")?;
    fs::write(folder.join(CONFIGURATION), text).context("failed to configure Prosody")
}

pub(super) fn command(place: &Place) -> Command {
    let mut command = Command::new(program_of("prosody").unwrap_or_else(|| PathBuf::from("prosody")));
    command.arg("--config").arg(place.folder.join(CONFIGURATION)).arg("-F").env("HOME", &place.folder);
    command
}

/// Writes accounts as Prosody keeps them, before it is started.
///
/// # Errors
/// The folder cannot be written.
pub(super) fn write_accounts(place: &Place, numbers: Range<usize>, password: &str) -> anyhow::Result<()> {
    let folder = place.folder.join("data").join("localhost").join("accounts");
    fs::create_dir_all(&folder).context("failed to make Prosody's accounts")?;
    let kept = if place.manner.is_hashed { hashed(password)? } else { format!("\t[\"password\"] = \"{password}\";\n") };
    for number in numbers {
        // In a file's name everything but letters and digits is escaped.
        let file = folder.join(format!("{}.dat", name_of(number).replace('-', "%2d")));
        fs::write(file, format!("return {{\n{kept}}};\n"))?;
    }
    Ok(())
}

/// What Prosody keeps of a password that it hashes.
fn hashed(password: &str) -> anyhow::Result<String> {
    let verifier = Verifier::derive(password, SALT.as_bytes(), ROUNDS)?;
    let hex = |key: [u8; 32]| key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (stored, server) = (hex(verifier.stored_key), hex(verifier.server_key));
    Ok(format!(
        "\t[\"iteration_count\"] = {ROUNDS};\n\t[\"salt\"] = \"{SALT}\";\n\t[\"stored_key\"] = \"{stored}\";\n\t[\"server_key\"] = \"{server}\";\n"
    ))
}
