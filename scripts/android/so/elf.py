"""Reads of an ELF file what the checks need: header, segments, dynamic section, dynamic symbols, build id."""

import struct
from dataclasses import dataclass
from pathlib import Path

PT_LOAD, PT_DYNAMIC, PT_NOTE = 1, 2, 4
DT_NEEDED, DT_STRTAB, DT_SYMTAB, DT_SONAME, DT_TEXTREL, DT_FLAGS = 1, 5, 6, 14, 22, 30
DF_TEXTREL = 4
SHT_SYMTAB, SHT_DYNSYM = 2, 11
NT_GNU_BUILD_ID = 3


class NotElf(Exception):
    """The file is not a little-endian ELF file, or is cut off."""


@dataclass(frozen=True)
class Symbol:
    """One entry of the table of dynamic symbols."""

    name: str
    is_defined: bool
    is_weak: bool


@dataclass(frozen=True)
class Segment:
    """One program header."""

    kind: int
    offset: int
    address: int
    size: int
    align: int


class Elf:
    """A shared object, read once."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        if self._data[:4] != b"\x7fELF" or self._data[5] != 1:
            raise NotElf(f"{path} is not a little-endian ELF file")
        self._is_64 = self._data[4] == 2
        try:
            self._read()
        except struct.error as error:
            raise NotElf(f"{path} is cut off: {error}") from error

    def _read(self) -> None:
        words = "<HHIQQQIHHHHHH" if self._is_64 else "<HHIIIIIHHHHHH"
        header = struct.unpack_from(words, self._data, 16)
        self.machine = header[1]
        programs, sections = (header[4], header[8], header[9]), (header[5], header[10], header[11])
        self.segments = [self._segment(programs[0] + programs[1] * index) for index in range(programs[2])]
        self._sections = [self._section(sections[0] + sections[1] * index) for index in range(sections[2])]
        self._dynamic = self._dynamic_entries()
        self.symbols = self._symbols()

    def _segment(self, at: int) -> Segment:
        if self._is_64:
            kind, _, offset, address, _, size, _, align = struct.unpack_from("<IIQQQQQQ", self._data, at)
        else:
            kind, offset, address, _, size, _, _, align = struct.unpack_from("<IIIIIIII", self._data, at)
        return Segment(kind, offset, address, size, align)

    def _section(self, at: int) -> tuple[int, int, int, int]:
        """Kind, offset, size and link of a section."""
        fields = struct.unpack_from("<IIQQQQIIQQ" if self._is_64 else "<IIIIIIIIII", self._data, at)
        return fields[1], fields[4], fields[5], fields[6]

    def _dynamic_entries(self) -> list[tuple[int, int]]:
        words = "<qQ" if self._is_64 else "<iI"
        entries = []
        for segment in self.segments:
            if segment.kind == PT_DYNAMIC:
                data = self._data[segment.offset : segment.offset + segment.size]
                entries += [entry for entry in struct.iter_unpack(words, data) if entry[0] != 0]
        return entries

    def _symbols(self) -> list[Symbol]:
        found = []
        for kind, offset, size, link in self._sections:
            if kind != SHT_DYNSYM:
                continue
            strings = self._sections[link][1]
            entry = struct.Struct("<IBBHQQ" if self._is_64 else "<IIIBBH")
            for fields in list(entry.iter_unpack(self._data[offset : offset + size]))[1:]:
                name, info, section = (fields[0], fields[1], fields[3]) if self._is_64 else (fields[0], fields[3], fields[5])
                found.append(Symbol(self._string(strings + name), section != 0, info >> 4 == 2))
        return found

    def _string(self, at: int) -> str:
        return self._data[at : self._data.index(b"\0", at)].decode()

    def _offset(self, address: int) -> int:
        """Where in the file an address is."""
        for segment in self.segments:
            if segment.kind == PT_LOAD and segment.address <= address < segment.address + segment.size:
                return address - segment.address + segment.offset
        raise NotElf(f"no segment holds the address {address:#x}")

    def _names(self, tag: int) -> list[str]:
        tables = [value for found, value in self._dynamic if found == DT_STRTAB]
        return [self._string(self._offset(tables[0]) + value) for found, value in self._dynamic if found == tag]

    @property
    def needed(self) -> list[str]:
        return self._names(DT_NEEDED)

    @property
    def soname(self) -> str | None:
        return next(iter(self._names(DT_SONAME)), None)

    @property
    def has_text_relocations(self) -> bool:
        return any(tag == DT_TEXTREL or (tag == DT_FLAGS and value & DF_TEXTREL) for tag, value in self._dynamic)

    @property
    def is_stripped(self) -> bool:
        return all(kind != SHT_SYMTAB for kind, *_ in self._sections)

    @property
    def exports(self) -> list[str]:
        return [symbol.name for symbol in self.symbols if symbol.is_defined]

    @property
    def imports(self) -> list[Symbol]:
        return [symbol for symbol in self.symbols if not symbol.is_defined]

    @property
    def build_id(self) -> str | None:
        for segment in self.segments:
            if segment.kind == PT_NOTE:
                data = self._data[segment.offset : segment.offset + segment.size]
                found = _build_id(data)
                if found:
                    return found
        return None

    def mentions(self, words: list[bytes]) -> list[str]:
        """Which of these byte strings are anywhere in the file."""
        return [word.decode() for word in words if word in self._data]


def _build_id(notes: bytes) -> str | None:
    at = 0
    while at + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from("<III", notes, at)
        name = notes[at + 12 : at + 12 + name_size]
        begin = at + 12 + (name_size + 3) // 4 * 4
        if kind == NT_GNU_BUILD_ID and name == b"GNU\0":
            return notes[begin : begin + size].hex()
        at = begin + (size + 3) // 4 * 4
    return None
