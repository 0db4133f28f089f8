"""Checks the types of the Gradle scripts without Gradle.

Each script becomes a function with the receiver that Gradle would give it, in a package of its own with the accessors that Gradle would
generate: those of the version catalog and those of the plugins. It is compiled against Gradle's API and the Android plugin's.
"""

import re

from . import tools

_FOLDER = tools.TOOLS / "gradle-check"
_PRELUDE = tools.ROOT / "scripts" / "android" / "gradle-check" / "Prelude.kt"
# What Gradle imports into every script.
_IMPORTS = """import java.io.File
import org.gradle.api.*
import org.gradle.api.artifacts.*
import org.gradle.api.initialization.*
import org.gradle.api.initialization.resolve.*
import org.gradle.api.plugins.*
import org.gradle.api.publish.*
import org.gradle.api.publish.maven.*
import org.gradle.api.tasks.*
import org.gradle.kotlin.dsl.*
"""
_CONFIGURATIONS = ("implementation", "compileOnly", "runtimeOnly", "testImplementation", "testRuntimeOnly")
_IMPORT = re.compile(r"^import .*\n", re.MULTILINE)


def accessors(catalog):
    """The classes behind `libs`: one per level of a dotted name."""
    provider = "org.gradle.api.provider.Provider"
    leaves = {name: f"{provider}<String>" for name in _named("versions", catalog)}
    leaves |= {name: f"{provider}<org.gradle.api.artifacts.MinimalExternalModuleDependency>" for name in _named("libraries", catalog)}
    leaves |= {name: f"{provider}<org.gradle.plugin.use.PluginDependency>" for name in _named("plugins", catalog)}
    tree = {}
    for name, kind in leaves.items():
        place = tree
        for part in name.split("."):
            place = place.setdefault(part, {})
        place[""] = kind
    lines = []
    _class("Libs", tree, lines)
    return "\n".join(lines)


def _named(table, catalog):
    """The dotted names of a table's entries."""
    inside = {"versions": "versions.", "plugins": "plugins.", "libraries": ""}[table]
    return [inside + re.sub("[-_]", ".", key) for key in catalog[table]]


def _class(name, tree, lines):
    kind = tree.get("")
    # A name that is an entry and begins others, too, is both.
    heritage = f" : {kind} by throw UnsupportedOperationException()" if kind else ""
    lines.append(f"abstract class {name} {{" if not kind else f"abstract class {name}{heritage} {{")
    inner = []
    for key, below in tree.items():
        if key and set(below) == {""}:
            lines.append(f"    abstract val {key}: {below['']}")
        elif key:
            lines.append(f"    abstract val {key}: {name}_{key}")
            inner.append((f"{name}_{key}", below))
    lines.append("}")
    for inner_name, below in inner:
        _class(inner_name, below, lines)


def wrapped(path, text, catalog):
    """The source that is compiled in the script's place, and how many lines stand before the script's first."""
    settings = path.name == "settings.gradle.kts"
    receiver = "Settings" if settings else "Project"
    package = re.sub(r"\W", "_", str(path.parent.name))
    imports = "".join(_IMPORT.findall(text))
    body = _IMPORT.sub("\n", text)
    head = ['@file:Suppress("UNUSED_VARIABLE", "UNUSED_EXPRESSION")', f"package {package}_{'settings' if settings else 'build'}"]
    head += [_IMPORTS + imports]
    if not settings:
        head += [accessors(catalog), "val Project.libs: Libs get() = throw UnsupportedOperationException()"]
        head += _plugin_accessors(text)
    head.append(f"fun {receiver}.script() {{")
    before = "\n".join(head) + "\n"
    return before + body + "\n}\n", before.count("\n")


def _plugin_accessors(text):
    """What the Android plugins add to a project."""
    for plugin, extension in (("android.library", "LibraryExtension"), ("android.application", "ApplicationExtension")):
        if re.search(rf"alias\(libs\.plugins\.{re.escape(plugin)}\)(?! apply false)", text):
            names = [*_CONFIGURATIONS, *(["api"] if plugin == "android.library" else [])]
            yield f"fun Project.android(block: com.android.build.api.dsl.{extension}.() -> Unit): Unit = throw UnsupportedOperationException()"
            for name in names:
                yield f"fun DependencyHandlerScope.{name}(notation: Any): Dependency? = throw UnsupportedOperationException()"


def problems(scripts, catalog, work):
    """Compiles the scripts (path → text) and returns the compiler's errors, each at its place in the script."""
    work.mkdir(parents=True, exist_ok=True)
    sources, origin = [_PRELUDE], {}
    for number, (path, text) in enumerate(scripts.items()):
        source = work / f"script{number}.kt"
        content, before = wrapped(path, text, catalog)
        source.write_text(content)
        sources.append(source)
        origin[source.name] = (path, before)
    libraries = [_FOLDER / f"{name}.jar" for name in ("kotlin-stdlib", "android-gradle-api", "gradle-api", "groovy")]
    options = ["-no-stdlib", "-no-reflect", "-nowarn", "-jvm-target", "17", "-d", work / "out"]
    options += ["-classpath", ":".join(map(str, libraries))]
    for plugin, identifier, annotation in (
        ("sam-with-receiver", "samWithReceiver", "HasImplicitReceiver"),
        ("assignment", "assignment", "SupportsKotlinAssignmentOverloading"),
    ):
        options += [f"-Xplugin={_FOLDER / plugin}.jar"]
        options += ["-P", f"plugin:org.jetbrains.kotlin.{identifier}:annotation=org.gradle.api.{annotation}"]
    try:
        tools.java("org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", *options, *sources)
    except tools.Failed as failed:
        found = [_placed(line, origin) for line in str(failed).splitlines() if ": error: " in line or line.startswith("error: ")]
        if not found:
            raise
        return found
    return []


def _placed(line, origin):
    """A line of the compiler, with the script's name and line number in place of ours."""
    match = re.match(r".*?(script\d+\.kt):(\d+):(\d+): (.*)", line)
    if not match:
        return line
    path, before = origin[match.group(1)]
    return f"{path}:{int(match.group(2)) - before}:{match.group(3)}: {match.group(4)}"
