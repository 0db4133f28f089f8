"""Cross-compiling with Google's NDK and cargo-ndk, as people with Android Studio have them. Untried: no machine of the project has an NDK."""

import os
import shutil
from pathlib import Path

from so.places import API_LEVEL, LIBRARY, PACKAGE, PROFILE, ROOT, TARGET, Abi, output, run


def home() -> Path | None:
    """Where the NDK is, when both it and cargo-ndk are here."""
    named = os.environ.get("ANDROID_NDK_HOME")
    return Path(named) if named and shutil.which("cargo-ndk") else None


def tool(ndk: Path, name: str) -> str:
    """The path of one of the NDK's LLVM tools."""
    found = sorted(ndk.glob(f"toolchains/llvm/prebuilt/*/bin/{name}"))
    return str(found[0]) if found else name


def versions(ndk: Path) -> list[str]:
    """What compiles: each line is a part of the cache's key."""
    return [(ndk / "source.properties").read_text(), output("rustc", "-Vv"), output("cargo", "ndk", "--version")]


def build(abis: list[Abi], rust_flags: list[str]) -> dict[str, Path]:
    """Builds the library for these ABIs, and says where each one is, unstripped."""
    flags = "\x1f".join(rust_flags)
    environment = os.environ | {"CARGO_TARGET_DIR": str(TARGET / "cargo-ndk"), "CARGO_ENCODED_RUSTFLAGS": flags}
    chosen = ["--locked", "--package", PACKAGE, "--lib", "--crate-type", "cdylib", "--profile", PROFILE]
    for abi in abis:
        run("cargo", "ndk", "-t", abi.name, "--platform", API_LEVEL, "rustc", *chosen, cwd=ROOT, env=environment)
    return {abi.name: TARGET / "cargo-ndk" / abi.rust / PROFILE / LIBRARY for abi in abis}
