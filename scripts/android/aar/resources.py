"""Resources through aapt2."""

from . import tools


def compiled(folder, out):
    """Compiles a res/ folder; returns the archive, or None when there is no resource."""
    if not folder.is_dir() or not any(path.is_file() for path in folder.rglob("*")):
        return None
    out.parent.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)
    tools.run(tools.AAPT2, "compile", "--dir", folder, "-o", out)
    return out


def link(manifest, archives, out, *options):
    """Links compiled resources into an APK; `archives` from the farthest library to the app."""
    out.parent.mkdir(parents=True, exist_ok=True)
    arguments = [tools.AAPT2, "link", "-I", tools.FRAMEWORK, "--manifest", manifest, "-o", out]
    arguments += ["--min-sdk-version", tools.MIN_SDK, "--target-sdk-version", tools.TARGET_SDK, "--auto-add-overlay"]
    for archive in filter(None, archives):
        arguments += ["-R", archive]
    return tools.run(*arguments, *options)
