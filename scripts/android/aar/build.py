"""Calls Maven for the modules of gradle/."""

import re

from . import tools
from .module import Module

_UNDOCUMENTED = re.compile(r"Undocumented: (\S+)")


def published():
    """The folders of gradle/ whose module is published: it says what it is for."""
    found = []
    for path in sorted(tools.GRADLE.glob("*/pom.xml")):
        if Module(path.parent).property("longwire.published") == "true":
            found.append(path.parent.name)
    return found


def maven(*arguments):
    """Runs Maven on gradle/pom.xml, with the output folder of this run."""
    return tools.run("mvn", "-f", tools.GRADLE / "pom.xml", f"-Dlongwire.out={tools.OUT}", *arguments)


def compile_modules(modules, docs):
    """Compiles the modules and what they stand on; makes their pages, and refuses public names without a word of KDoc."""
    names = ",".join(module.folder.name for module in modules)
    maven("process-classes", "--projects", names, "--also-make", "--quiet")
    if docs:
        said = maven("dokka:dokka", "--projects", names)
        bare = _UNDOCUMENTED.findall(said)
        if bare:
            raise tools.Failed("public without KDoc:\n  " + "\n  ".join(bare))
