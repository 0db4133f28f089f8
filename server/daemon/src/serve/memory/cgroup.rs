//! How much memory the process's control group may have.

use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups are seen.
const ROOT: &str = "/sys/fs/cgroup";
/// Above this a limit is the kernel's word for none.
const LIMIT_MAX: u64 = 1 << 50;

/// The smallest limit on the way from the process's own group to the root.
pub(super) fn limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limits = files(Path::new(ROOT), &groups).into_iter().filter_map(|path| parse(&fs::read_to_string(path).ok()?));
    limits.min()
}

/// The files that may hold a limit, for `/proc/self/cgroup` of either version. In a container the group's name may be that of the host: its
/// own limit is then at the root.
fn files(root: &Path, groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(number), Some(kinds), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let (root, name) = match (number, kinds) {
            ("0", "") => (root.to_owned(), "memory.max"),
            (_, kinds) if kinds.split(',').any(|kind| kind == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let own = root.join(path.trim_start_matches('/'));
        let on_the_way = own.ancestors().take_while(|folder| folder.starts_with(&root));
        files.extend(on_the_way.map(|folder| folder.join(name)));
    }
    files
}

fn parse(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|limit| *limit < LIMIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_looked_for_from_the_own_group_up() {
        let root = Path::new("/r");
        let shown =
            |groups: &str| files(root, groups).into_iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        assert_eq!(shown("0::/a/b\n"), ["/r/a/b/memory.max", "/r/a/memory.max", "/r/memory.max"]);
        let first = "5:cpu,cpuacct:/x\n7:memory:/y\n";
        assert_eq!(shown(first), ["/r/memory/y/memory.limit_in_bytes", "/r/memory/memory.limit_in_bytes"]);
        assert!(shown("nonsense\n").is_empty());
        assert_eq!(
            [parse("104857600\n"), parse("max\n"), parse("9223372036854771712\n")],
            [Some(104_857_600), None, None]
        );
    }
}
