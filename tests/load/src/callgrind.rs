//! Instructions, as valgrind counts them: a regression shows, whatever else the machine does.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::Context;

use crate::machine::output;
use crate::target::program_of;

/// Why there is no figure.
pub(crate) const ABSENT: &str = "needs valgrind, which is not here";

/// Whether it is here.
pub(crate) fn is_here() -> bool {
    program_of("valgrind").is_some()
}

/// Instructions of one more of what `program ARGUMENTS… TIMES` does so many times; with `inside`, of the functions of this name alone.
///
/// # Errors
/// The program fails, or nothing is counted.
pub(crate) fn each(program: &Path, arguments: &[&str], times: u32, inside: Option<&str>) -> anyhow::Result<f64> {
    let count = |times: u32| {
        let toggle = inside.map(|name| format!("--toggle-collect={name}"));
        let times = times.to_string();
        let own = ["--tool=callgrind", "--callgrind-out-file=/dev/null"].into_iter().chain(toggle.as_deref());
        let all = own.map(OsStr::new).chain([program.as_os_str()]);
        let all = all.chain(arguments.iter().copied().chain([times.as_str()]).map(OsStr::new));
        let said = output("valgrind", &all.collect::<Vec<_>>())?.1;
        collected(&said).with_context(|| format!("valgrind told no count: {said}"))
    };
    // What it takes to begin and to end is in both.
    let (once, twice) = (count(times)?, count(2 * times)?);
    Ok(twice.saturating_sub(once) as f64 / f64::from(times))
}

/// `==PID== Collected : COUNT`.
fn collected(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::collected;

    #[test]
    fn the_count_is_read_from_what_valgrind_tells() {
        let told = "==7== Events    : Ir\n==7== Collected : 1234567\n==7== \n==7== I   refs:      1,234,567\n";
        assert_eq!(collected(told), Some(1_234_567));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }
}
