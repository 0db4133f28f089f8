"""What the header of a DEX file says, and R8 and D8."""

import struct

from . import tools

# `method_ids_size` in the header: the methods that the file refers to, its own and others'.
_METHOD_IDS_AT = 0x58


def methods(content):
    """The methods that a DEX file refers to: what counts against the limit of 65,536."""
    if content[:4] != b"dex\n":
        raise tools.Failed("not a DEX file")
    return struct.unpack_from("<I", content, _METHOD_IDS_AT)[0]


def d8(inputs, out, classpath):
    """Translates classes as they are."""
    arguments = ["--release", "--min-api", tools.MIN_SDK, "--lib", tools.SDK_CLASSES, "--output", out]
    for path in classpath:
        arguments += ["--classpath", path]
    return tools.java("com.android.tools.r8.D8", *arguments, *inputs)


def r8(inputs, out, rules, *options, libraries=()):
    """Shrinks, optimises and renames, as a release build of an app does."""
    arguments = ["--release", "--output", out, "--lib", tools.SDK_CLASSES, "--lib", tools.java_home()]
    for path in libraries:
        arguments += ["--lib", path]
    for path in rules:
        arguments += ["--pg-conf", path]
    return tools.java("com.android.tools.r8.R8", *arguments, *options, *inputs)
