//! The binary `longwire`: configuration, commands, wiring and nothing else.

mod allocator;
mod backup;
mod certificate;
mod cli;
mod clock;
mod commands;
mod configuration;
mod control;
mod data_dir;
mod lock;
mod logging;
mod output;
mod serve;
mod system;
mod unfinished;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use cli::{AppCommand, Cli, Command};
use longwire_store_sqlite::OpenError;
use rustix::fs::Mode;

/// The exit status when the database is damaged: that of `EX_DATAERR`. Nothing should start the server again then.
const DAMAGED: u8 = 65;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&error);
            if is_damage(&error) { ExitCode::from(DAMAGED) } else { ExitCode::FAILURE }
        }
    }
}

/// Whether the database is damaged: starting again does not mend it.
fn is_damage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref::<OpenError>(), Some(OpenError::Damaged { .. })))
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    // Whatever is made from here on, the store's files above all, is for the owner alone.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    allocator::bound_heaps();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(system::give_way)
        .build()
        .context("no runtime can be made")?;
    // Names that are not UTF-8 are none of ours.
    let variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let result = runtime.block_on(async {
        let done = match cli.command {
            Command::Serve(args) => serve::run(&args, &variables).await,
            Command::App(AppCommand::Key(command)) => commands::app_key::run(command, &variables).await,
            Command::Key(command) => commands::key::run(command, &variables).await,
            Command::Account(command) => commands::account::run(command, &variables).await,
            Command::Send(args) => commands::send::run(args, &variables).await,
            Command::Update(args) => commands::update::run(args, &variables).await,
            Command::UserKey(command) => commands::user_key::run(command, &variables).await,
            Command::Device(command) => commands::device::run(command, &variables).await,
            Command::Backup(args) => commands::backup::run(&args, &variables).await,
            Command::Reload { place } => commands::reload::run(&place, &variables).await,
            Command::Restore(args) => commands::restore::run(&args, &variables).await,
            Command::ImportAndroidpn(args) => return commands::import_androidpn::run(&args, &variables).await,
        };
        done.map(|()| ExitCode::SUCCESS)
    });
    // What still runs then has been waited for as long as it may be.
    runtime.shutdown_background();
    result
}
