"""A module of the library as its pom.xml describes it."""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from . import tools

_POM = {"m": "http://maven.apache.org/POM/4.0.0"}


@dataclass(frozen=True)
class Dependency:
    """One dependency with its version filled in."""

    group: str
    artifact: str
    version: str
    scope: str


class Module:
    """A folder of gradle/ with a pom.xml and src/main."""

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self._pom = ElementTree.parse(self.folder / "pom.xml").getroot()
        self._parent = ElementTree.parse(tools.GRADLE / "pom.xml").getroot()
        self.artifact = self._pom.findtext("m:artifactId", namespaces=_POM)
        self.name = self._pom.findtext("m:name", namespaces=_POM)
        self.description = self._pom.findtext("m:description", namespaces=_POM) or self.name
        self.version = self._parent.findtext("m:version", namespaces=_POM)
        self.group = self._parent.findtext("m:groupId", namespaces=_POM)
        self.namespace = self.property("longwire.namespace")
        self.main = self.folder / "src" / "main"
        self.build = tools.BUILD / self.artifact

    def property(self, name, default=None):
        """A property of the module's pom.xml or of its parent."""
        for pom in (self._pom, self._parent):
            found = pom.findtext(f"m:properties/m:{name}", namespaces=_POM)
            if found is not None:
                return found.strip()
        return default

    def is_library(self):
        """Whether it is more than tests."""
        return (self.main / "AndroidManifest.xml").exists()

    def placeholders(self):
        """The manifest placeholders of the host app of the module's tests."""
        return self.property("longwire.placeholders", "").split()

    def dependencies(self):
        """All that the module names, in its order."""
        managed = {}
        for node in self._parent.iterfind("m:dependencyManagement/m:dependencies/m:dependency", _POM):
            managed[_key(node)] = node.findtext("m:version", namespaces=_POM)
        found = []
        for node in self._pom.iterfind("m:dependencies/m:dependency", _POM):
            version = node.findtext("m:version", namespaces=_POM) or managed.get(_key(node))
            scope = node.findtext("m:scope", namespaces=_POM) or "compile"
            found.append(Dependency(*_key(node), self._filled(version), scope))
        return found

    def modules(self):
        """The modules of this tree that this one depends on, nearest first."""
        siblings = {path.parent.name: path.parent for path in tools.GRADLE.glob("*/pom.xml")}
        by_artifact = {module.artifact: module for module in map(Module, siblings.values())}
        return [by_artifact[one.artifact] for one in self.dependencies() if one.artifact in by_artifact]

    def _filled(self, version):
        if version is None:
            raise tools.Failed(f"{self.folder.name}/pom.xml names a dependency without a version")
        if version.startswith("${project."):
            return self.version
        return self.property(version[2:-1]) if version.startswith("${") else version


def _key(node):
    group = node.findtext("m:groupId", namespaces=_POM)
    artifact = node.findtext("m:artifactId", namespaces=_POM)
    return ("org.longwire" if group.startswith("${") else group, artifact)
