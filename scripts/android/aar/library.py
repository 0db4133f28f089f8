"""The contents of an AAR."""

import re
import xml.etree.ElementTree as ElementTree

from . import archive, manifest, resources, tools

# The attribute values of the manifest (the types of foreground services) came with this level.
_MIN_COMPILE_SDK = 34

_METADATA = f"""aarFormatVersion=1.0
aarMetadataVersion=1.0
minCompileSdk={_MIN_COMPILE_SDK}
minCompileSdkExtension=0
minAndroidGradlePluginVersion=1.0.0
coreLibraryDesugaringEnabled=false
"""

# An app's build makes R anew, with its own numbers.
_R_CLASS = re.compile(r"(^|/)R(\$\w+)?\.class$")


def is_r_class(name):
    """Whether a class file is R or one of its parts."""
    return _R_CLASS.search(name) is not None


def classes(module):
    """The members of classes.jar."""
    compiled = archive.files_below(module.build / "classes", lambda name: not is_r_class(name))
    if not any(name.endswith(".class") for name in compiled):
        raise tools.Failed(f"{module.artifact} is not compiled")
    return compiled


def public_resources(folder):
    """public.txt: the resources that an app may name. It is there also when empty, for without it all would be public."""
    lines = []
    for path in sorted(folder.glob("values*/*.xml")):
        for node in ElementTree.parse(path).getroot().iter("public"):
            lines.append(f"{node.get('type')} {node.get('name')}\n")
    return "".join(sorted(set(lines)))


def native(module, jni, abis):
    """The native libraries, by their names within the AAR; empty for a module that has none."""
    library = module.property("longwire.library")
    if library is None:
        return {}
    found = {}
    for abi in abis:
        path = jni / abi / f"lib{library}.so"
        if not path.exists():
            raise tools.Failed(f"{path} is missing: scripts/android/build-so makes it")
        found[f"jni/{abi}/{path.name}"] = path.read_bytes()
    return found


def notices(module):
    """The licences of what a native library is made of, by their name within the AAR: an app reads and shows them as an asset."""
    if module.property("longwire.library") is None:
        return {}
    tools.run(tools.ROOT / "scripts" / "android" / "notices")
    return {f"assets/{name}": content for name, content in archive.files_below(tools.OUT / "assets").items()}


def symbols(module, work):
    """R.txt: the names of the resources, from which an app's build makes the R class."""
    res = resources.compiled(module.main / "res", work / "res.zip")
    # Only the package matters; the library's own manifest has placeholders, which aapt2 does not know.
    library_manifest, table = work / "AndroidManifest.xml", work / "R.txt"
    library_manifest.write_text(manifest.with_package("<manifest />", module.namespace))
    table.unlink(missing_ok=True)
    resources.link(library_manifest, [res], work / "static.apk", "--static-lib", "--output-text-symbols", table)
    return table.read_bytes() if table.exists() else b""


def members(module, jni, abis, work):
    """All that the AAR holds, by name."""
    work.mkdir(parents=True, exist_ok=True)
    text_manifest = manifest.library(module.main / "AndroidManifest.xml", module.namespace)
    jar = work / "classes.jar"
    archive.write(jar, classes(module))
    rules = module.folder / "consumer-rules.pro"
    held = {
        "AndroidManifest.xml": text_manifest.encode(),
        "classes.jar": jar.read_bytes(),
        "R.txt": symbols(module, work),
        "public.txt": public_resources(module.main / "res").encode(),
        "META-INF/com/android/build/gradle/aar-metadata.properties": _METADATA.encode(),
    }
    if rules.exists():
        held["proguard.txt"] = rules.read_bytes()
    held |= {f"res/{name}": content for name, content in archive.files_below(module.main / "res").items()}
    return held | native(module, jni, abis) | notices(module)
