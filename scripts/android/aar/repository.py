"""A Maven repository as a folder: POM, artifacts, checksums."""

import shutil
from xml.sax.saxutils import escape

from . import archive

# What an app takes as an AAR, because Android needs what lies beside its classes.
_AS_AAR = ("net.java.dev.jna:jna",)
_SCOPES = ("compile", "runtime")
_TIME = "20260101000000"
_LICENCES = (
    ("MIT", "https://opensource.org/license/mit"),
    ("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0.txt"),
)


def pom(module, own_modules):
    """The published POM: coordinates and what an app has to take along."""
    dependencies = [one for one in module.dependencies() if one.scope in _SCOPES]
    listed = "".join(_dependency(one, own_modules) for one in dependencies)
    licences = "".join(
        f"    <license>\n      <name>{name}</name>\n      <url>{url}</url>\n    </license>\n" for name, url in _LICENCES
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
         xsi:schemaLocation="http://maven.apache.org/POM/4.0.0 http://maven.apache.org/xsd/maven-4.0.0.xsd">
  <modelVersion>4.0.0</modelVersion>
  <groupId>{module.group}</groupId>
  <artifactId>{module.artifact}</artifactId>
  <version>{module.version}</version>
  <packaging>aar</packaging>
  <name>{escape(module.name)}</name>
  <description>{escape(module.description)}</description>
  <licenses>
{licences}  </licenses>
  <dependencies>
{listed}  </dependencies>
</project>
"""


def _dependency(one, own_modules):
    as_aar = f"{one.group}:{one.artifact}" in _AS_AAR or one.artifact in own_modules
    kind = "      <type>aar</type>\n" if as_aar else ""
    return f"""    <dependency>
      <groupId>{one.group}</groupId>
      <artifactId>{one.artifact}</artifactId>
      <version>{one.version}</version>
{kind}      <scope>{one.scope}</scope>
    </dependency>
"""


def metadata(module):
    """maven-metadata.xml: the one version that is here."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<metadata>
  <groupId>{module.group}</groupId>
  <artifactId>{module.artifact}</artifactId>
  <versioning>
    <latest>{module.version}</latest>
    <release>{module.version}</release>
    <versions>
      <version>{module.version}</version>
    </versions>
    <lastUpdated>{_TIME}</lastUpdated>
  </versioning>
</metadata>
"""


class Repository:
    """A folder that Maven and Gradle read as a repository."""

    def __init__(self, folder):
        self.folder = folder

    def begin(self, module):
        """Empties the place of a module's version and returns it."""
        place = self.folder.joinpath(*module.group.split("."), module.artifact, module.version)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return place

    def finish(self, module, place, pom_text):
        """Writes the POM, the metadata and every checksum."""
        stem = f"{module.artifact}-{module.version}"
        (place / f"{stem}.pom").write_text(pom_text)
        listed = place.parent / "maven-metadata.xml"
        listed.write_text(metadata(module))
        for path in [*sorted(place.iterdir()), listed]:
            for suffix, digest in archive.digests(path).items():
                path.with_name(f"{path.name}.{suffix}").write_text(digest)
