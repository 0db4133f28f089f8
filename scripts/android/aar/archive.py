"""Zip files whose bytes depend on their contents alone."""

import hashlib
import zipfile

_EPOCH = (1980, 1, 1, 0, 0, 0)
# A zip member of Unix with rw-r--r--.
_MODE = 0o100644 << 16


def write(path, members):
    """Writes a zip of `members` (name → bytes), sorted by name; all with one time and mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = _MODE
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, members[name], compresslevel=9)


def files_below(folder, keep=lambda name: True):
    """The files of a folder by relative name."""
    found = {}
    for path in folder.rglob("*") if folder.is_dir() else ():
        name = path.relative_to(folder).as_posix()
        if path.is_file() and keep(name):
            found[name] = path.read_bytes()
    return found


def digests(path):
    """The checksums that a Maven repository keeps beside a file, by suffix."""
    content = path.read_bytes()
    return {name: hashlib.new(name, content).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")}
