"""Android manifests: the package is put in, and a host's is merged with those of its libraries."""

from pathlib import Path

from . import tools


def library(source, namespace):
    """The manifest that goes into an AAR: the source's, with the package and the SDK levels that it leaves to the build."""
    text = Path(source).read_text()
    text = with_package(text, namespace)
    sdk = f'\n    <uses-sdk android:minSdkVersion="{tools.MIN_SDK}" />\n'
    end = text.index(">", text.index("<manifest")) + 1
    return text[:end] + sdk + text[end:]


def with_package(text, package):
    """The text of a manifest, with its package."""
    return text.replace("<manifest", f'<manifest package="{package}"', 1)


def merge(host, package, libraries, placeholders, out):
    """Merges as an app's build does; `libraries` are manifests of AARs, the nearest first."""
    out.parent.mkdir(parents=True, exist_ok=True)
    main = out.with_name("host.xml")
    main.write_text(with_package(Path(host).read_text(), package))
    arguments = ["--main", main, "--out", out, "--remove-tools-declarations", "--log", "WARNING"]
    if libraries:
        arguments += ["--libs", ":".join(map(str, libraries))]
    for name, value in (("PACKAGE", package), ("MIN_SDK_VERSION", tools.MIN_SDK), ("TARGET_SDK_VERSION", tools.TARGET_SDK)):
        arguments += ["--property", f"{name}={value}"]
    for placeholder in placeholders:
        arguments += ["--placeholder", placeholder]
    out.unlink(missing_ok=True)
    said = tools.java("com.android.manifmerger.Merger", *arguments)
    if not out.exists():
        raise tools.Failed(f"the manifests could not be merged:\n{said}")
    return said
