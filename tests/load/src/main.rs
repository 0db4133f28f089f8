//! `load`: measures Longwire, its peers and a floor, in one run on one machine, and prints and writes what came of it.

#![forbid(unsafe_code)]

mod callgrind;
mod client;
mod floor;
mod histogram;
mod instructions;
mod machine;
mod merge;
mod proc;
mod reading;
mod report;
mod rows;
mod signals;
mod target;
mod together;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};

use machine::Machine;
use report::Report;
use rows::{Group, Scale};
use signals::Signals;
use target::{Site, Target};

/// Measures Longwire, its peers and a floor.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures, and prints a table.
    Run(Options),
    /// Makes one report of several of the same, and prints its table.
    Merge(merge::Options),
    /// Is the floor: a line server on raw tokio, which `run` starts for itself.
    Floor(floor::Options),
    /// Carries out a small piece of Longwire so many times, for valgrind to count.
    Instructions(instructions::Options),
}

#[derive(Debug, clap::Args)]
struct Options {
    /// How often each figure is measured; the table has the medians.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=99))]
    runs: u16,
    /// Small counts, which only show that it runs.
    #[arg(long)]
    short: bool,
    /// Only these groups of rows.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Group>,
    /// Only these targets.
    #[arg(long, value_delimiter = ',')]
    targets: Vec<Target>,
    /// Fails when a target is not here.
    #[arg(long)]
    all_present: bool,
    /// The load of the machine before anything was built for this; else it is read at the start.
    #[arg(long)]
    load_before: Option<String>,
    /// Where `report.json` and `report.md` go.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().context("failed to begin");
    match Arguments::parse().command {
        Command::Run(options) => runtime()?.block_on(run(&options)),
        Command::Merge(options) => print(&merge::merge(&options)?),
        Command::Floor(options) => runtime()?.block_on(floor::serve(&options)),
        Command::Instructions(options) => instructions::repeat(&options),
    }
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let files_max = machine::raise_file_limit()?;
    let scale = if options.short { Scale::short(files_max) } else { Scale::full(files_max) };
    let present = present(options)?;
    let versions = present.iter().map(|(target, version)| (target.name().to_owned(), version.clone())).collect();
    let machine = Machine::this(versions, options.load_before.clone());
    if let Some(warning) = machine.warning() {
        say(&warning);
    }
    if !scale.has_room() {
        let (needed, rows) = (scale.files_needed(), "rows of more connections have no figure");
        say(&format!(
            "{files_max} files may be open, the largest counts need {needed}: {rows} (`ulimit -Hn` is the limit)"
        ));
    }
    let mut report = Report {
        machine,
        runs: usize::from(options.runs),
        runs_done: 0,
        parts: 1,
        is_short: options.short,
        is_whole: options.only.is_empty(),
        has_room: scale.has_room(),
        targets: present.iter().map(|(target, _)| target.name().to_owned()).collect(),
        rows: Vec::new(),
        failures: Vec::new(),
    };
    let mut signals = Signals::new()?;
    let name = tokio::select! {
        biased;
        name = signals.next() => Some(name),
        measured = measure(options, &scale, &present, &mut report) => measured.map(|()| None)?,
    };
    // The servers have ended here, and their folders are gone.
    report.machine.note_load_after();
    report.write(&options.out)?;
    if let Some(name) = name {
        let (done, asked, folder) = (report.runs_done, report.runs, options.out.display());
        anyhow::bail!("ended by {name} after {done} of {asked} runs: what was measured is in {folder}/report.md");
    }
    print(&report)?;
    anyhow::ensure!(report.is_complete(), "something could not be measured");
    Ok(())
}

/// All runs; the report is written behind each group, so that one that is interrupted keeps what it has.
async fn measure(
    options: &Options,
    scale: &Scale,
    present: &[(Target, String)],
    report: &mut Report,
) -> anyhow::Result<()> {
    let sites = present.iter().map(|(target, _)| Site::new(*target, scale.start_rest));
    let mut sites = sites.collect::<anyhow::Result<Vec<Site>>>()?;
    let groups: &[Group] = if options.only.is_empty() { Group::value_variants() } else { &options.only };
    for run in 1..=options.runs {
        // Each group of all targets close together, so that what else the machine does meets them alike.
        for group in groups {
            for site in &mut sites {
                let what = format!("{} of {}", group.name(), site.target.name());
                say(&format!("run {run} of {}: {what}", options.runs));
                let measured = match site.clear() {
                    Ok(()) => group.measure(site, scale).await,
                    Err(error) => Err(error),
                };
                // Some never wait: a signal is heard here, before what it broke counts as a failure.
                tokio::task::yield_now().await;
                // What fails is told, and the time that the others take is not lost.
                match measured {
                    Ok(readings) => report.add(site.target.name(), readings),
                    Err(error) => {
                        let failure = format!("run {run}, {what}: {error:#}");
                        say(&format!("FAILED: {failure}"));
                        report.failed(failure);
                    }
                }
            }
            report.machine.note_load_after();
            report.write(&options.out)?;
        }
        report.runs_done = usize::from(run);
    }
    Ok(())
}

/// The targets that were asked for and are here, with their versions.
fn present(options: &Options) -> anyhow::Result<Vec<(Target, String)>> {
    let asked: &[Target] = if options.targets.is_empty() { Target::value_variants() } else { &options.targets };
    let mut present = Vec::new();
    for &target in asked {
        let Some(version) = target.version() else {
            anyhow::ensure!(!options.all_present, "{} is not here", target.name());
            say(&format!("{} is not here: its column is missing (sudo scripts/bench --install-peers)", target.name()));
            continue;
        };
        present.push((target, version));
    }
    anyhow::ensure!(!present.is_empty(), "nothing is here to be measured");
    Ok(present)
}

fn print(report: &Report) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "\n{}", report.text()).context("failed to print the table")
}

/// How far it has come; nobody is kept waiting by who does not read it.
fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
