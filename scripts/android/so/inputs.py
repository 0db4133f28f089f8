"""What a .so is made of, as one hash: while it stays the same nothing is built anew."""

import hashlib
import json
import re
import tomllib
from pathlib import Path

from so.places import PACKAGE, PROFILE, ROOT, SOURCES, Abi, output

SCRIPTS = ("build-so", "so/debian.py", "so/ndk.py", "so/places.py", "so/inputs.py")
# Files of a crate that do not go into its library.
LEFT_OUT = ("tests", "benches", "examples", "proptest-regressions", "android")
LEFT_OUT_SUFFIXES = (".md", ".kt")


def key(abi: Abi, cargo: str, compilers: list[str]) -> str:
    """The hash for one ABI."""
    lines, folders = crates(abi, cargo)
    parts = [abi.name, *compilers, *lines, profiles()]
    files = [path for folder in folders for path in crate_files(folder)]
    files += [ROOT / "scripts" / "android" / name for name in SCRIPTS]
    files += sorted(path for folder in ("include", "symbols") for path in (SOURCES / folder).rglob("*") if path.is_file())
    files.append(SOURCES / "exports.map")
    parts += [f"{path.relative_to(ROOT)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def crates(abi: Abi, cargo: str) -> tuple[list[str], list[Path]]:
    """What goes in, by Cargo.lock: a line with version and features for each crate, and the folders of those of this tree."""
    options = ["--target", abi.rust, "--edges", "normal,build", "--prefix", "none", "--format", "{p} {f}"]
    tree = output(cargo, "tree", "--locked", "--package", PACKAGE, *options, cwd=ROOT)
    found = sorted({line.removesuffix(" (*)").strip() for line in tree.splitlines() if line.strip()})
    folders = [Path(place) for place in re.findall(r"\((/[^)]*)\)", "\n".join(found))]
    return [re.sub(r" \(/[^)]*\)", "", line) for line in found], sorted(set(folders))


def crate_files(folder: Path) -> list[Path]:
    """The files of a crate that go into its library; a crate within its folder is another one."""
    others = [manifest.parent for manifest in folder.glob("*/Cargo.toml")]
    own = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in LEFT_OUT_SUFFIXES)
    held = (path for path in own if path.relative_to(folder).parts[0] not in LEFT_OUT)
    return sorted(path for path in held if not any(other in path.parents for other in others))


def profiles() -> str:
    """What the workspace's manifest says about how crates are built."""
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    chosen = [manifest["profile"]["release"], manifest["profile"][PROFILE], manifest["workspace"].get("package", {})]
    return json.dumps(chosen, sort_keys=True)
