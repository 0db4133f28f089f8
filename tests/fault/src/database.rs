//! The server's database, opened by another program: SQLite of Python, which shares nothing with the server's.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

const READ: &str = "import sqlite3, sys
c = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True, timeout=20)
print('\\n'.join('|'.join(str(v) for v in row) for row in c.execute(sys.argv[2])))
";
const CHANGE: &str = "import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
c.execute(sys.argv[2])
print(c.execute('SELECT changes()').fetchone()[0])
";

/// The database in a server's data directory.
pub const FILE: &str = "longwire.db";

/// What a query gives: a line per row, columns separated by `|`.
///
/// # Errors
/// It fails.
pub fn read(data: &Path, query: &str) -> anyhow::Result<String> {
    python(READ, data, query)
}

/// Changes the database while no server has it; gives how many rows were changed.
///
/// # Errors
/// It fails.
pub fn change(data: &Path, statement: &str) -> anyhow::Result<u64> {
    python(CHANGE, data, statement)?.parse().context("python3 printed no number")
}

/// Carries the write-ahead log over, so that everything is in the database's own file.
///
/// # Errors
/// A server has it.
pub fn carry_over(data: &Path) -> anyhow::Result<()> {
    let script = "import sqlite3, sys\nprint(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])";
    let busy = python(script, data, "PRAGMA wal_checkpoint(TRUNCATE)")?;
    ensure!(busy == "0", "the log is not carried over: somebody has the database");
    Ok(())
}

/// What `PRAGMA integrity_check` says: `ok`.
///
/// # Errors
/// The database cannot be read.
pub fn integrity(data: &Path) -> anyhow::Result<String> {
    read(data, "PRAGMA integrity_check")
}

fn python(script: &str, data: &Path, statement: &str) -> anyhow::Result<String> {
    let mut command = Command::new("python3");
    command.arg("-c").arg(script).arg(data.join(FILE)).arg(statement).stdin(Stdio::null());
    let output = command.output().context("failed to start python3")?;
    ensure!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
