"""What a class file refers to, read from its constant pool (The Java Virtual Machine Specification §4.4)."""

import re
import struct
from dataclasses import dataclass

_UTF8, _CLASS, _LONG, _DOUBLE, _NAME_AND_TYPE = 1, 7, 5, 6, 12
_MEMBERS = (9, 10, 11)  # fields, methods, methods of interfaces
# The sizes of the entries that have a fixed one, without the tag.
_SIZES = {3: 4, 4: 4, _LONG: 8, _DOUBLE: 8, _CLASS: 2, 8: 2, 9: 4, 10: 4, 11: 4, _NAME_AND_TYPE: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}

_TYPES = re.compile("L([^;]+);")


@dataclass(frozen=True)
class References:
    """The classes that a class names, those that it extends or implements, and the (class, member) pairs that it uses."""

    classes: frozenset
    parents: frozenset
    members: frozenset


def references(content):
    """Reads one class file. Names are written with dots."""
    if content[:4] != b"\xca\xfe\xba\xbe":
        raise ValueError("not a class file")
    pool, at = _pool(content)

    def text(index):
        return content[pool[index][1] + 2 :][: struct.unpack_from(">H", content, pool[index][1])[0]].decode("utf-8", "replace")

    def pair(index):
        return struct.unpack_from(">HH", content, pool[index][1])

    def name(index):
        return text(struct.unpack_from(">H", content, pool[index][1])[0]).replace("/", ".")

    classes = {name(index) for index, (tag, _) in pool.items() if tag == _CLASS}
    # The types of parameters and results, too: a member is found by all of them.
    kinds = [text(pair(index)[1]) for index, (tag, _) in pool.items() if tag == _NAME_AND_TYPE]
    classes |= {one.replace("/", ".") for kind in kinds for one in _TYPES.findall(kind)}
    members = {(name(pair(index)[0]), text(pair(pair(index)[1])[0])) for index, (tag, _) in pool.items() if tag in _MEMBERS}
    _, _, parent, count = struct.unpack_from(">HHHH", content, at)
    parents = {name(index) for index in (parent, *struct.unpack_from(f">{count}H", content, at + 8)) if index}
    # Arrays: what they are of.
    classes = {one.lstrip("[").removeprefix("L").removesuffix(";") if one.startswith("[") else one for one in classes}
    return References(frozenset(classes), frozenset(parents), frozenset(members))


def _pool(content):
    """The entries (tag, offset of what follows the tag) by index, and where the pool ends."""
    count, at, index, found = struct.unpack_from(">H", content, 8)[0], 10, 1, {}
    while index < count:
        tag = content[at]
        found[index] = (tag, at + 1)
        at += 1 + (2 + struct.unpack_from(">H", content, at + 1)[0] if tag == _UTF8 else _SIZES[tag])
        index += 2 if tag in (_LONG, _DOUBLE) else 1
    return found, at


def keep_rules(own, others):
    """R8's rules that keep, of the classes `own` (names), what the class files `others` refer to: as if these were the app's code."""
    found = [references(content) for content in others]
    classes = sorted({name for one in found for name in one.classes} & own)
    parents = sorted({name for one in found for name in one.parents} & own)
    members = sorted({member for one in found for holder, member in one.members if holder in own})
    rules = [f"-keep class {name}" for name in classes]
    # What is inherited or overridden may be declared above or below the class that is named.
    rules += [f"-keep class {name} {{ *; }}" for name in parents]
    package = "org.longwire.push.**"
    rules += [f"-keepclassmembers class {package} {{ *** {member}; *** {member}(...); }}" for member in members if member.isidentifier()]
    rules += [f"-keepclassmembers class {package} {{ <init>(...); }}"] if any(member == "<init>" for member in members) else []
    return "\n".join(rules) + "\n"
