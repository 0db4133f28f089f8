"""An app from its sources and from artifacts of a repository: the steps of an app's release build."""

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

from . import archive, dex, manifest, resources, tools

_PACKAGE = re.compile(r'<manifest[^>]*\bpackage="([^"]+)"', re.DOTALL)
_EMBEDDED_RULES = re.compile(r"META-INF/(com\.android\.tools/r8/|proguard/).+")
_RULES = tools.ROOT / "scripts" / "android" / "r8" / "android.pro"
# Uncompressed: Android maps them straight from the APK.
_STORED = (".so", "resources.arsc")


class App:
    """One app under construction in a folder of its own."""

    def __init__(self, module, work):
        self.module = module
        self.work = work
        self.aars = []
        self.jars = []

    def resolve(self, repository):
        """Fetches what the app's POM names, and what that names, by coordinates; unpacks the AARs."""
        folder = self.work / "dependencies"
        shutil.rmtree(folder, ignore_errors=True)
        settings = [f"-Dmaven.repo.local={self._private_repository()}", f"-Dlongwire.repository={repository}"]
        pom = self.module.folder / "pom.xml"
        goal = "org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy-dependencies"
        tools.run("mvn", "-f", pom, "--batch-mode", "-q", *settings, goal, f"-DoutputDirectory={folder}")
        for path in sorted(folder.iterdir()):
            if path.suffix == ".aar":
                unpacked = self.work / "aars" / path.stem
                shutil.rmtree(unpacked, ignore_errors=True)
                with zipfile.ZipFile(path) as held:
                    held.extractall(unpacked)
                self.aars.append(unpacked)
                self.jars.append(unpacked / "classes.jar")
            elif path.suffix == ".jar":
                self.jars.append(path)

    def _private_repository(self):
        """A local repository that has what Maven has fetched before, as links, but of this project nothing: Maven takes a released version
        that it has for what the repository has, and would never look again."""
        private = self.work / "m2"
        private.mkdir(parents=True, exist_ok=True)
        usual = Path.home() / ".m2" / "repository"
        if usual.is_dir():
            tools.run("cp", "--recursive", "--symbolic-link", "--no-clobber", f"{usual}/.", private)
        shutil.rmtree(private / "org" / "longwire", ignore_errors=True)
        return private

    def link(self, abis):
        """Merges the manifests, links the resources; leaves resources.apk, R.java and the keep rules of the manifest."""
        self.abis = abis
        self.manifest = self.work / "manifest" / "AndroidManifest.xml"
        host = self.module.main / "AndroidManifest.xml"
        own = [path / "AndroidManifest.xml" for path in self.aars]
        manifest.merge(host, self.module.namespace, own, self.module.placeholders(), self.manifest)
        # Said by the Android plugin for an app whose oldest level is 23 or later.
        text = self.manifest.read_text().replace("<application", '<application android:extractNativeLibs="false"', 1)
        self.manifest.write_text(text)
        packages = [_PACKAGE.search(path.read_text()).group(1) for path in own]
        archives = [resources.compiled(path / "res", self.work / f"{path.name}.zip") for path in self.aars]
        archives.append(resources.compiled(self.module.main / "res", self.work / "app.zip"))
        r_folder = self.work / "r"
        shutil.rmtree(r_folder, ignore_errors=True)
        options = ["--java", r_folder, "--extra-packages", ":".join(packages)]
        options += ["--proguard", self.work / "manifest.pro", "--version-code", "1", "--version-name", self.module.version]
        resources.link(self.manifest, archives, self.work / "resources.apk", *options)

    def compile(self):
        """Compiles the app's Kotlin and the R classes against Android, the AARs and their jars."""
        classes = self.work / "classes"
        shutil.rmtree(classes, ignore_errors=True)
        classpath = ":".join(map(str, [tools.SDK_CLASSES, *self.jars]))
        r_sources = sorted((self.work / "r").rglob("*.java"))
        kotlin = sorted((self.module.main / "kotlin").rglob("*.kt"))
        compiler = "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"
        settings = ["-no-stdlib", "-no-reflect", "-jvm-target", "11", "-classpath", classpath, "-d", classes]
        tools.java(compiler, *settings, *kotlin, *r_sources)
        tools.run("javac", "--release", "11", "-nowarn", "-d", classes, "-cp", classpath, *r_sources)
        self.classes = self.work / "classes.jar"
        archive.write(self.classes, archive.files_below(classes))

    def rules(self):
        """The rules for R8: Android's usual ones, the manifest's, each AAR's, each jar's."""
        own = self.module.folder / "proguard-rules.pro"
        found = [_RULES, self.work / "manifest.pro", *([own] if own.exists() else [])]
        found += [path / "proguard.txt" for path in self.aars if (path / "proguard.txt").exists()]
        folder = self.work / "rules"
        folder.mkdir(parents=True, exist_ok=True)
        for jar in self.jars:
            embedded = _embedded_rules(jar)
            if embedded:
                found.append(folder / f"{jar.parent.name}-{jar.stem}.pro")
                found[-1].write_text(embedded)
        return found

    def shrink(self):
        """R8 over app and libraries; returns what it said."""
        options = ["--map-diagnostics", "info", "none", "--min-api", tools.MIN_SDK, "--pg-map-output", self.work / "mapping.txt"]
        self.dexed = self.work / "r8.zip"
        return dex.r8([self.classes, *self.jars], self.dexed, self.rules(), *options)

    def pack(self, keystore):
        """Packs, aligns and signs; returns the APK."""
        unsigned, signed = self.work / "unsigned.apk", self.work / f"{self.module.folder.name}.apk"
        with zipfile.ZipFile(unsigned, "w") as apk:
            for source in (self.work / "resources.apk", self.dexed):
                _copy(source, apk)
            for unpacked in self.aars:
                for name, content in archive.files_below(unpacked / "assets").items():
                    _add(apk, f"assets/{name}", content)
                for abi in self.abis:
                    for library in sorted((unpacked / "jni" / abi).glob("*.so")):
                        _add(apk, f"lib/{abi}/{library.name}", library.read_bytes())
        key = _key(keystore)
        tools.java_source(_SIGNER, "sign", unsigned, signed, *key)
        return signed


_SIGNER = tools.ROOT / "scripts" / "android" / "aar" / "SignApk.java"


def verify(apk):
    """Checks the signature; returns what the verifier says."""
    return tools.java_source(_SIGNER, "verify", apk)


def _embedded_rules(jar):
    with zipfile.ZipFile(jar) as held:
        names = [name for name in held.namelist() if _EMBEDDED_RULES.fullmatch(name)]
        for_r8 = [name for name in names if "com.android.tools/r8/" in name]
        return "\n".join(held.read(name).decode() for name in for_r8 or names)


def _copy(source, apk):
    with zipfile.ZipFile(source) as held:
        for name in sorted(held.namelist()):
            if not name.endswith("/"):
                _add(apk, name, held.read(name))


def _add(apk, name, content):
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_STORED if name.endswith(_STORED) else zipfile.ZIP_DEFLATED
    apk.writestr(info, content)


def _key(keystore):
    """A key for tests, made once; nothing that is published is signed with it."""
    password, alias = "longwire", "test"
    if not keystore.exists():
        keystore.parent.mkdir(parents=True, exist_ok=True)
        options = ["-keyalg", "EC", "-groupname", "secp256r1", "-validity", "10000", "-dname", "CN=Longwire test"]
        store = ["-keystore", keystore, "-storetype", "PKCS12", "-storepass", password, "-alias", alias]
        subprocess.run(["keytool", "-genkeypair", *options, *map(str, store)], check=True, capture_output=True)
    return keystore, password, alias
