"""What must hold of an AAR and of an APK; each check returns what is wrong, in sentences."""

import re
import struct
import xml.etree.ElementTree as ElementTree
import zipfile

from . import archive

_ANDROID = "{http://schemas.android.com/apk/res/android}"
_COMPONENTS = ("activity", "activity-alias", "service", "receiver", "provider")
# Exported, but guarded by a permission that only the system holds.
_SYSTEM_GUARDED = ("android.permission.BIND_JOB_SERVICE",)
# A permission that an AAR must not bring into an app: the app's listing in a store depends on it.
_FORBIDDEN_PERMISSIONS = (
    "android.permission.USE_EXACT_ALARM",
    "android.permission.SCHEDULE_EXACT_ALARM",
    "android.permission.REQUEST_IGNORE_BATTERY_OPTIMIZATIONS",
    "android.permission.QUERY_ALL_PACKAGES",
)
# Ends after six hours a day and may not start at boot.
_FORBIDDEN_SERVICE_TYPE = "dataSync"
_RECEIVE_PERMISSION = "permission.LONGWIRE_RECEIVE"
_SPECIAL_USE = "android.app.PROPERTY_SPECIAL_USE_FGS_SUBTYPE"

_AAR_FILES = {
    "AndroidManifest.xml",
    "classes.jar",
    "R.txt",
    "public.txt",
    "META-INF/com/android/build/gradle/aar-metadata.properties",
}
# The licences of what the native library is made of: whoever passes an app on passes them on.
NOTICES = "assets/longwire-push-notices.txt"
LIBRARY_BYTES_MAX = 2 * 1000 * 1000
_PAGE_BYTES = 16 * 1024
_MAY_DEPEND_ON_ANDROIDX = ("annotation-jvm",)
# What the table of figures must hold: of the library's package, and measured by tests.
_PACKAGE_FIGURES = ("longwire-push-{version}.aar, bytes", "  methods (D8, own and referred to)")
_LIBRARY_FIGURE = "  jni/{abi}/liblongwire_push.so, bytes"
_MEASURED_FIGURES = (
    "cold start to online (new JVM), registration",
    "cold start to online (new JVM), account known",
    "bytes per push, all told: push, acknowledgement, displayed and its answer",
    "bytes per heartbeat",
)


def figures(names, version, abis, measured=True):
    """The names of the table's rows; `measured`: the tests that measure were run."""
    needed = [name.format(version=version) for name in _PACKAGE_FIGURES]
    needed += [_LIBRARY_FIGURE.format(abi=abi) for abi in abis]
    needed += _MEASURED_FIGURES if measured else ()
    return [f"the figure \"{name.strip()}\" is missing" for name in needed if name not in names]


def library_manifest(text):
    """The manifest that an AAR carries."""
    wrong = []
    root = ElementTree.fromstring(text)
    for tag in _COMPONENTS:
        for node in root.iter(tag):
            name = node.get(f"{_ANDROID}name")
            if node.get(f"{_ANDROID}exported") != "false" and node.get(f"{_ANDROID}permission") not in _SYSTEM_GUARDED:
                wrong.append(f"{tag} {name} does not say exported=false")
            if tag == "provider" and "${applicationId}" not in (node.get(f"{_ANDROID}authorities") or ""):
                wrong.append(f"provider {name} has a fixed authority: a second app could not be installed")
    for node in root.iter("service"):
        if _FORBIDDEN_SERVICE_TYPE in (node.get(f"{_ANDROID}foregroundServiceType") or ""):
            wrong.append(f"service {node.get(f'{_ANDROID}name')} is of the type {_FORBIDDEN_SERVICE_TYPE}")
    for node in root.iter("uses-permission"):
        if node.get(f"{_ANDROID}name") in _FORBIDDEN_PERMISSIONS:
            wrong.append(f"the library asks for {node.get(f'{_ANDROID}name')}")
    for node in root.iter("permission"):
        name = node.get(f"{_ANDROID}name") or ""
        if not name.startswith("${applicationId}."):
            wrong.append(f"permission {name} has a fixed name: a second app could not be installed")
        if node.get(f"{_ANDROID}protectionLevel") != "signature":
            wrong.append(f"permission {name} is not of the level signature")
    return wrong


def receive_permission(text):
    """The manifest of the library that broadcasts: it declares and uses the permission that guards them."""
    root = ElementTree.fromstring(text)
    wanted = "${applicationId}." + _RECEIVE_PERMISSION
    tags = [node.tag for node in root if node.get(f"{_ANDROID}name") == wanted]
    return [f"{wanted} is not in a {tag} element" for tag in ("permission", "uses-permission") if tag not in tags]


def aar(path, namespace, abis, library):
    """The files of an AAR."""
    wrong = []
    with zipfile.ZipFile(path) as held:
        names = held.namelist()
        wrong += [f"{name} is missing" for name in sorted(_AAR_FILES - set(names))]
        if names != sorted(names):
            wrong.append("its files are not sorted")
        if len({info.date_time for info in held.infolist()}) != 1:
            wrong.append("its files have different times")
        if wrong:
            return wrong
        manifest = held.read("AndroidManifest.xml").decode()
        if f'package="{namespace}"' not in manifest or 'minSdkVersion="24"' not in manifest:
            wrong.append("its manifest does not name the package or level 24")
        wrong += library_manifest(manifest)
        with held.open("classes.jar") as jar, zipfile.ZipFile(jar) as classes:
            wrong += [f"{name} is in classes.jar" for name in classes.namelist() if re.search(r"/R(\$\w+)?\.class$", name)]
        wanted = {f"jni/{abi}/lib{library}.so" for abi in abis} if library else set()
        found = {name for name in names if name.startswith("jni/")}
        if wanted != found:
            wrong.append(f"its native libraries are {sorted(found)}, not {sorted(wanted)}")
        for name in found & wanted:
            size = held.getinfo(name).file_size
            if size > LIBRARY_BYTES_MAX:
                wrong.append(f"{name} has {size:,} bytes, more than {LIBRARY_BYTES_MAX:,}")
        if library:
            wrong += [f"{name} is missing" for name in ("proguard.txt", NOTICES) if name not in names]
    return wrong


def published_pom(text):
    """What the published POM makes an app take along."""
    pom = re.sub(r'xmlns="[^"]+"', "", text, count=1)
    wrong = []
    for node in ElementTree.fromstring(pom).iter("dependency"):
        group, artifact = node.findtext("groupId"), node.findtext("artifactId")
        if group.startswith("androidx.") and artifact not in _MAY_DEPEND_ON_ANDROIDX:
            wrong.append(f"it depends on {group}:{artifact}")
        if not re.fullmatch(r"[\w.-]+", node.findtext("version") or ""):
            wrong.append(f"{artifact} has the version {node.findtext('version')}")
    return wrong


def checksums(place):
    """Every file of a repository's folder has its four checksums, and they are right."""
    wrong = []
    files = [path for path in place.glob("*") if path.suffix in (".aar", ".jar", ".pom")]
    for path in files:
        for suffix, digest in archive.digests(path).items():
            beside = path.with_name(f"{path.name}.{suffix}")
            if not beside.exists() or beside.read_text() != digest:
                wrong.append(f"{path.name}.{suffix} is missing or wrong")
    return wrong if files else ["there is nothing in it"]


def push_service(text, type_of_service="${longwireServiceType}"):
    """The service that holds the connection: the app chooses its type, and it outlives its task."""
    for node in ElementTree.fromstring(text).iter("service"):
        if node.get(f"{_ANDROID}name") == "org.longwire.push.NotificationService":
            break
    else:
        return ["there is no NotificationService"]
    wanted = {"foregroundServiceType": type_of_service, "stopWithTask": "false"}
    wrong = [f"NotificationService's {name} is {node.get(_ANDROID + name)}, not {value}" for name, value in wanted.items() if node.get(_ANDROID + name) != value]
    if _SPECIAL_USE not in [one.get(f"{_ANDROID}name") for one in node.iter("property")]:
        wrong.append(f"NotificationService lacks the property {_SPECIAL_USE}")
    return wrong


def side_by_side(first, second):
    """Two merged manifests: what a phone lets only one app declare must differ."""
    wrong = []
    for tag, attribute in (("permission", "name"), ("provider", "authorities")):
        names = [_all(text, tag, attribute) for text in (first, second)]
        wrong += [f"both apps declare the {tag} {name}" for name in sorted(names[0] & names[1])]
    return wrong


def _all(text, tag, attribute):
    return {node.get(f"{_ANDROID}{attribute}") for node in ElementTree.fromstring(text).iter(tag)}


def native_offsets(path):
    """Native libraries in an APK are stored as they are and begin at a page of 16 KB."""
    wrong, seen = [], 0
    with zipfile.ZipFile(path) as held, path.open("rb") as raw:
        for info in held.infolist():
            if not info.filename.endswith(".so"):
                continue
            seen += 1
            raw.seek(info.header_offset)
            header = raw.read(30)
            name_bytes, extra_bytes = struct.unpack_from("<HH", header, 26)
            begins = info.header_offset + len(header) + name_bytes + extra_bytes
            if info.compress_type != zipfile.ZIP_STORED:
                wrong.append(f"{info.filename} is compressed")
            elif begins % _PAGE_BYTES:
                wrong.append(f"{info.filename} begins at {begins}, {begins % _PAGE_BYTES} bytes into a page")
    return wrong if seen else ["there is no native library in it"]


def badging(text, package, abis):
    """What `aapt2 dump badging` says of an app."""
    wrong = []
    for pattern in (f"package: name='{package}' ", "minSdkVersion:'24'|sdkVersion:'24'", "launchable-activity: name="):
        if not re.search(pattern, text):
            wrong.append(f"aapt2 does not say {pattern}")
    code = re.search(r"^native-code: (.*)$", text, re.MULTILINE)
    found = sorted(re.findall(r"'([^']+)'", code.group(1))) if code else []
    if found != sorted(abis):
        wrong.append(f"its native code is for {found}, not {sorted(abis)}")
    return wrong
