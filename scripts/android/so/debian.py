"""Cross-compiling without an NDK: Debian's rustc builds its own standard library, clang and lld do the rest.

Instead of Android's headers and libraries there are the few declarations in `uniffi-bindings/android/include`, LLVM's libunwind
compiled from source, and link stubs: shared objects that define the symbols of `uniffi-bindings/android/symbols` and nothing more, so
that a symbol newer than the oldest Android fails the link (`-z defs`).
"""

import hashlib
import os
import shlex
from pathlib import Path

from so.places import LIBRARY, LIBUNWIND, PACKAGE, PROFILE, ROOT, SOURCES, SYSTEM_LIBRARIES, TARGET, Abi, output, prefixes, run

CLANG = "clang-19"
AR = "llvm-ar-19"
STRIP = "llvm-strip-19"
RUSTC = "/usr/bin/rustc"
CARGO = "/usr/bin/cargo"
STANDARD_LIBRARY = Path("/usr/lib/rustlib/src/rust")
# Without what prints backtraces, 150 kB of each file: a panic becomes an exception that says where it was.
STANDARD_LIBRARY_PARTS = ("-Zbuild-std=std,panic_unwind", "-Zbuild-std-features=panic-unwind,optimize_for_size")
# The crates of others do not say where in them they panicked: 5 % of each file. Those of this tree do.
OTHERS = ("--config", f'profile.{PROFILE}.package."*".rustflags=["-Zlocation-detail=none"]', "-Zprofile-rustflags")
# For the whole library, when it is linked: what the outliner of arm64 takes out of functions costs more in tables for unwinding.
CODE = ("--", "-Cllvm-args=-enable-machine-outliner=never")
LIBUNWIND_SOURCES = (
    "libunwind.cpp",
    "Unwind-EHABI.cpp",
    "UnwindLevel1.c",
    "UnwindLevel1-gcc-ext.c",
    "UnwindRegistersRestore.S",
    "UnwindRegistersSave.S",
)
LIBUNWIND_FLAGS = (
    "-Oz -DNDEBUG -funwind-tables -D_LIBUNWIND_IS_NATIVE_ONLY -D_LIBUNWIND_USE_DL_ITERATE_PHDR -D_LIBUNWIND_USE_DLADDR=0 "
    "-fvisibility=hidden -D_LIBUNWIND_HIDE_SYMBOLS -D_LIBUNWIND_DISABLE_VISIBILITY_ANNOTATIONS"
).split()
# No symbol may be left open, each is named; equal functions become one; relocations are packed as Android 6 and later know it.
LINK = "-fuse-ld=lld-19 -nostdlib -Wl,--as-needed -Wl,-z,defs -Wl,--error-limit=0 -Wl,--icf=all -Wl,--pack-dyn-relocs=android".split()
# Compiler and linker in one. The list of what the library shows is ours instead of rustc's.
WRAPPER = """#!/bin/sh
for word; do
    shift
    case $word in -Wl,--version-script=*) word='-Wl,--version-script={exports}' ;; esac
    set -- "$@" "$word"
done
exec {words} {maps} "$@" --target={target} -llog
"""
LANGUAGE_FLAGS = {".cpp": ("-std=c++17", "-fno-exceptions", "-fno-rtti", "-nostdinc++"), ".c": ("-std=c11",), ".S": ()}


def missing() -> list[str]:
    """The tools that are not here."""
    places = os.environ["PATH"].split(":") + ["/usr/bin"]
    absent = [tool for tool in (CLANG, "ld.lld-19", AR, STRIP) if not any(os.access(f"{place}/{tool}", os.X_OK) for place in places)]
    absent += [str(path) for path in (Path(RUSTC), Path(CARGO), STANDARD_LIBRARY / "library", LIBUNWIND / "src") if not path.exists()]
    return absent


def versions() -> list[str]:
    """What compiles: each line is a part of the cache's key."""
    packages = ("rustc-web", "rust-web-src", "clang-19", "lld-19", "llvm-19")
    return [
        output("dpkg-query", "--show", "--showformat", "${Package} ${Version}\n", *packages),
        output(RUSTC, "-Vv"),
        LIBUNWIND.name,
    ]


def build(abis: list[Abi], rust_flags: list[str]) -> dict[str, Path]:
    """Builds the library for these ABIs, and says where each one is, unstripped."""
    for abi in abis:
        wrapper = _sysroot(abi)
        variable = abi.rust.replace("-", "_")
        environment = _environment([*rust_flags, *abi.rust_flags])
        environment |= {f"CC_{variable}": str(wrapper), f"AR_{variable}": AR, f"CARGO_TARGET_{variable.upper()}_LINKER": str(wrapper)}
        # Cargo does not see what the wrapper is made of: other declarations compile C anew, and the link is made in any case.
        environment[f"CFLAGS_{variable}"] = f"-DLONGWIRE_DECLARATIONS={_declarations()}"
        for linked in (TARGET / "cargo" / abi.rust / PROFILE).glob(f"**/{LIBRARY}"):
            linked.unlink()
        # One target at a time and a cdylib alone: only so does cargo optimise the library as a whole.
        chosen = ["--package", PACKAGE, "--lib", "--crate-type", "cdylib", "--profile", PROFILE, "--target", abi.rust]
        run(CARGO, "rustc", "--locked", *STANDARD_LIBRARY_PARTS, *OTHERS, *chosen, *CODE, cwd=ROOT, env=environment)
    return {abi.name: TARGET / "cargo" / abi.rust / PROFILE / LIBRARY for abi in abis}


def _declarations() -> str:
    files = sorted((SOURCES / "include").rglob("*.h"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _environment(rust_flags: list[str]) -> dict[str, str]:
    """What cargo sees: nothing that a shell may have set for builds for the host, and Debian's rustc even beside rustup's."""
    foreign = ("RUST", "CC", "CFLAGS", "CXX", "AR", "LD", "CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "CARGO_ENCODED_", "MAKE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    maps = [f"{STANDARD_LIBRARY.resolve()}=/rust", f"{STANDARD_LIBRARY}=/rust"]
    flags = [*rust_flags, *(f"--remap-path-prefix={remapped}" for remapped in maps)]
    return environment | {
        "PATH": "/usr/bin:/bin",
        "RUSTC": RUSTC,
        # For -Zbuild-std.
        "RUSTC_BOOTSTRAP": "1",
        "CARGO_TARGET_DIR": str(TARGET / "cargo"),
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags),
    }


def _sysroot(abi: Abi) -> Path:
    """Makes what an ABI's C compiler and linker need; returns the wrapper that is both."""
    sysroot = TARGET / "sysroot" / abi.name
    sysroot.mkdir(parents=True, exist_ok=True)
    compile_only = [CLANG, f"--target={abi.clang}", *abi.flags, "-nostdlibinc", "-isystem", SOURCES / "include", "-fPIC"]
    for library in SYSTEM_LIBRARIES:
        _stub(abi, library, sysroot)
    _libunwind(compile_only, sysroot)
    words = shlex.join(str(word) for word in [*compile_only, "-Wno-unused-command-line-argument", *LINK, f"-L{sysroot}"])
    maps = shlex.join(f"-ffile-prefix-map={path}=/{name}" for path, name in reversed(prefixes()))
    wrapper = sysroot / "cc"
    # The target stands last, because the cc crate names one without an API level. libunwind writes to logcat.
    wrapper.write_text(WRAPPER.format(exports=SOURCES / "exports.map", words=words, maps=maps, target=abi.clang))
    wrapper.chmod(0o755)
    return wrapper


def _stub(abi: Abi, library: str, sysroot: Path) -> None:
    names = symbols(library)
    assembly = sysroot / f"{library}.S"
    assembly.write_text("".join(f".globl {name}\n{name}:\n" for name in names))
    versions_of = sysroot / f"{library}.map"
    versions_of.write_text("LIBC { global: *; };\n")
    # liblog is the one that names no version.
    version = [] if library == "liblog.so" else [f"-Wl,--version-script={versions_of}"]
    link = [CLANG, f"--target={abi.clang}", "-fuse-ld=lld-19", "-nostdlib", "-shared", f"-Wl,-soname,{library}"]
    run(*link, *version, assembly, "-o", sysroot / library)


def symbols(library: str) -> list[str]:
    """What the library may be asked for: the committed list without its comments."""
    lines = (SOURCES / "symbols" / library.replace(".so", ".txt")).read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _libunwind(compile_only: list[object], sysroot: Path) -> None:
    objects = []
    for source in LIBUNWIND_SOURCES:
        flags = [*LIBUNWIND_FLAGS, f"-I{LIBUNWIND}/include", *LANGUAGE_FLAGS[Path(source).suffix]]
        objects.append(sysroot / f"{source}.o")
        run(*compile_only, *flags, "-c", LIBUNWIND / "src" / source, "-o", objects[-1])
    archive = sysroot / "libunwind.a"
    archive.unlink(missing_ok=True)
    run(AR, "rcsD", archive, *objects)
