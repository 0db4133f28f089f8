"""What expat makes of documents: reads them from standard input, each behind its length (4 bytes, big-endian), and answers each with one
byte, 1 when it was accepted and 0 when not, and for the former with the length and the tree in the form of src/differential/tree.rs."""

import struct
import sys
from xml.parsers import expat

# Between namespace and name: no document may have it.
SEPARATOR = "\x01"


def text_of(value: str) -> bytes:
    encoded = value.encode()
    return b"%d:%s" % (len(encoded), encoded)


def pair(name: str) -> tuple[str, str]:
    namespace, separator, local = name.rpartition(SEPARATOR)
    return (namespace, local) if separator else ("", name)


class Tree:
    def __init__(self) -> None:
        self.out = bytearray()
        self.text: list[str] = []
        self.depth = 0

    def flush(self) -> None:
        text = "".join(self.text)
        self.text.clear()
        if text and not (self.depth <= 1 and not text.strip(" \t\r\n")):
            self.out += b"T" + text_of(text)

    def start(self, name: str, attributes: list[str]) -> None:
        self.flush()
        self.depth += 1
        if self.depth == 1:
            return
        namespace, local = pair(name)
        self.out += b"(" + text_of(namespace) + text_of(local)
        pairs = zip(attributes[::2], attributes[1::2])
        # By bytes, as the other side sorts.
        named = sorted((tuple(part.encode() for part in (*pair(name), value)) for name, value in pairs))
        for attribute in named:
            self.out += b"A" + b"".join(text_of(part.decode()) for part in attribute)

    def end(self, _name: str) -> None:
        self.flush()
        self.depth -= 1
        if self.depth > 0:
            self.out += b")"


def tree(document: bytes) -> bytes | None:
    parser = expat.ParserCreate("utf-8", SEPARATOR)
    parser.ordered_attributes = True
    built = Tree()
    parser.StartElementHandler = built.start
    parser.EndElementHandler = built.end
    parser.CharacterDataHandler = built.text.append
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        return None
    built.flush()
    return bytes(built.out)


def main() -> None:
    read, write = sys.stdin.buffer.read, sys.stdout.buffer.write
    while head := read(4):
        built = tree(read(struct.unpack(">I", head)[0]))
        write(b"\x00" if built is None else b"\x01" + struct.pack(">I", len(built)) + built)


main()
