"""Calls Maven for the modules of gradle/."""

import re

from . import tools
from .module import Module

_UNDOCUMENTED = re.compile(r"Undocumented: (\S+)")
# What the compiler adds to every enum.
_OF_ENUMS = ("/values/", "/valueOf/", "/entries/")


def published():
    """The folders of gradle/ whose module is published: it says what it is for."""
    found = []
    for path in sorted(tools.GRADLE.glob("*/pom.xml")):
        if Module(path.parent).property("longwire.published") == "true":
            found.append(path.parent.name)
    return found


def maven(*arguments):
    """Runs Maven on gradle/pom.xml, with the output folders of this run."""
    folders = [f"-Dlongwire.out={tools.OUT}", f"-Dlongwire.build={tools.BUILD}"]
    return tools.run("mvn", "-f", tools.GRADLE / "pom.xml", *folders, *arguments)


def fetch_tools():
    """Fetches what is called and compiled against, where it is not there yet: no module of the library brings it."""
    if not tools.AAPT2.exists() or not (tools.TOOLS / "classpath").exists():
        maven("validate", "--projects", "tools", "--quiet")


def _projects(modules):
    return ["--projects", ",".join(module.folder.name for module in modules)]


def compile_modules(modules):
    """Compiles the modules and what they stand on."""
    fetch_tools()
    maven("process-classes", *_projects(modules), "--also-make", "--quiet")


def make_pages(modules):
    """Makes the modules' pages, and refuses public names without a word of KDoc."""
    # With a phase before it: without one Maven does not find a module that another one stands on.
    below = {one.folder: one for module in modules for one in (module, *module.modules())}
    said = maven("process-classes", "dokka:dokka", "-Pagain", *_projects(below.values()))
    bare = [name for name in _UNDOCUMENTED.findall(said) if not any(part in name for part in _OF_ENUMS)]
    if bare:
        raise tools.Failed("public without KDoc:\n  " + "\n  ".join(bare))
