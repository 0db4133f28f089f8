"""Names and places that the scripts of the Android build share."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).absolute().parents[3]
SOURCES = ROOT / "uniffi-bindings" / "android"
TARGET = Path(os.environ.get("LONGWIRE_ANDROID_OUT", ROOT / "target" / "android"))
PACKAGE = "longwire-push-ffi"
LIBRARY = "liblongwire_push.so"
PROFILE = "android"
# Android 7.0, the oldest that the library supports.
API_LEVEL = 24
# The system libraries that Android gives every process.
SYSTEM_LIBRARIES = ("libc.so", "libm.so", "libdl.so", "liblog.so")
# Of the wheel whose sources of LLVM's libunwind are used; `setup` fetches it, `build-so` and its cache key name it.
LIBUNWIND = TARGET / "libunwind-0.17.0"


@dataclass(frozen=True)
class Abi:
    """One of Android's ABIs and what compilers and ELF call it."""

    name: str
    rust: str
    clang: str
    machine: int
    flags: tuple[str, ...] = ()
    rust_flags: tuple[str, ...] = ()

    @property
    def library(self) -> Path:
        return TARGET / "jni" / self.name / LIBRARY

    @property
    def symbols(self) -> Path:
        return TARGET / "symbols" / self.name / LIBRARY


# With them the tables for unwinding need not say where the stack stands after every push: 100 kB less.
FRAME_POINTERS = ("-Cforce-frame-pointers=yes",)
ABIS = {
    abi.name: abi
    for abi in (
        Abi("arm64-v8a", "aarch64-linux-android", f"aarch64-linux-android{API_LEVEL}", 183),
        Abi("armeabi-v7a", "armv7-linux-androideabi", f"armv7-linux-androideabi{API_LEVEL}", 40, ("-march=armv7-a", "-mthumb")),
        Abi("x86_64", "x86_64-linux-android", f"x86_64-linux-android{API_LEVEL}", 62, (), FRAME_POINTERS),
        Abi("x86", "i686-linux-android", f"i686-linux-android{API_LEVEL}", 3, (), FRAME_POINTERS),
    )
}
DEFAULT_ABIS = ("arm64-v8a", "armeabi-v7a", "x86_64")


def abis(names: list[str]) -> list[Abi]:
    """The ABIs of these names, the three usual ones when there is none."""
    unknown = [name for name in names if name not in ABIS]
    if unknown:
        sys.exit(f"no such ABI: {' '.join(unknown)} (there are: {' '.join(ABIS)})")
    return [ABIS[name] for name in names or DEFAULT_ABIS]


def prefixes() -> list[tuple[str, str]]:
    """Folders of this machine and what stands for them in the library, what lies within another before that one."""
    cargo_home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    # The name of the registry's folder depends on the mirror that is used.
    registries = [(str(folder), "crates") for folder in sorted(cargo_home.glob("registry/src/*"))]
    own = [(TARGET / "cargo", "build"), (TARGET / "cargo-ndk", "build"), (LIBUNWIND, "libunwind"), (ROOT, "longwire"), (cargo_home, "cargo")]
    return registries + [(str(path), name) for path, name in own]


def run(*command: object, **options: object) -> None:
    """Runs a command; one that fails ends the script, after its own words."""
    words = [str(word) for word in command]
    status = subprocess.run(words, check=False, **options).returncode
    if status != 0:
        sys.exit(f"failed with {status}: {' '.join(words)}")


def output(*command: object, **options: object) -> str:
    """What a command prints; one that fails ends the script, after its own words."""
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, stdout=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"failed with {done.returncode}: {' '.join(words)}")
    return done.stdout
