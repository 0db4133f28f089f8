// Android's linker knows relocations that are packed (API level 23, `--pack-dyn-relocs=android`), glibc's does not: this applies them,
// when the library is mapped and before any code of it runs. The format is that of bionic's linker_reloc_iterators.h: numbers in
// signed LEB128, in groups that share what is equal.
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *longwire_lookup(const char *name);

enum { PAGE = 4096, DT_ANDROID_RELA = 0x60000011, DT_ANDROID_RELASZ = 0x60000012 };
enum { BY_INFO = 1, BY_OFFSET = 2, BY_ADDEND = 4, HAS_ADDEND = 8 };

struct library {
  uintptr_t base;
  const Elf64_Sym *symbols;
  const char *strings;
  uintptr_t soname, packed, packed_size, protected_begin, protected_end;
};

static int64_t number(const uint8_t **at) {
  uint64_t value = 0;
  unsigned shift = 0;
  uint8_t byte;
  do {
    byte = *(*at)++;
    value |= (uint64_t)(byte & 0x7f) << shift;
    shift += 7;
  } while (byte & 0x80);
  return (int64_t)(shift < 64 && (byte & 0x40) ? value | -((uint64_t)1 << shift) : value);
}

static void apply(const struct library *library, uint64_t offset, uint64_t info, int64_t addend) {
  uint64_t *place = (uint64_t *)(library->base + offset);
  const Elf64_Sym *symbol = &library->symbols[ELF64_R_SYM(info)];
  switch (ELF64_R_TYPE(info)) {
    case R_X86_64_RELATIVE:
      *place = library->base + (uint64_t)addend;
      return;
    case R_X86_64_64:
    case R_X86_64_GLOB_DAT:
      *place = (uint64_t)addend + (symbol->st_shndx != SHN_UNDEF ? library->base + symbol->st_value
                                                                 : (uint64_t)longwire_lookup(library->strings + symbol->st_name));
      return;
    default:
      fprintf(stderr, "host-shim: a relocation of type %u is not known\n", (unsigned)ELF64_R_TYPE(info));
      abort();
  }
}

static void apply_packed(const struct library *library) {
  const uint8_t *at = (const uint8_t *)(library->base + library->packed);
  if (memcmp(at, "APS2", 4) != 0) abort();
  at += 4;
  int64_t left = number(&at);
  uint64_t offset = (uint64_t)number(&at), info = 0;
  int64_t addend = 0;
  while (left > 0) {
    int64_t size = number(&at), flags = number(&at), step = 0;
    if (flags & BY_OFFSET) step = number(&at);
    if (flags & BY_INFO) info = (uint64_t)number(&at);
    if (!(flags & HAS_ADDEND)) addend = 0;
    else if (flags & BY_ADDEND) addend += number(&at);
    for (int64_t i = 0; i < size; i++) {
      offset += (uint64_t)(flags & BY_OFFSET ? step : number(&at));
      if (!(flags & BY_INFO)) info = (uint64_t)number(&at);
      if ((flags & HAS_ADDEND) && !(flags & BY_ADDEND)) addend += number(&at);
      apply(library, offset, info, addend);
    }
    left -= size;
  }
}

// glibc has made addresses of some of these numbers.
static uintptr_t address(uintptr_t base, uintptr_t value) { return value < base ? base + value : value; }

static void read_dynamic(struct library *library, const Elf64_Dyn *entry) {
  for (; entry->d_tag != DT_NULL; entry++) {
    uintptr_t value = entry->d_un.d_val;
    if (entry->d_tag == DT_SYMTAB) library->symbols = (const Elf64_Sym *)address(library->base, value);
    if (entry->d_tag == DT_STRTAB) library->strings = (const char *)address(library->base, value);
    if (entry->d_tag == DT_SONAME) library->soname = value;
    if (entry->d_tag == DT_ANDROID_RELA) library->packed = value;
    if (entry->d_tag == DT_ANDROID_RELASZ) library->packed_size = value;
  }
}

static int find(struct dl_phdr_info *info, size_t size, void *found) {
  (void)size;
  struct library library = {.base = info->dlpi_addr};
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const Elf64_Phdr *part = &info->dlpi_phdr[i];
    if (part->p_type == PT_DYNAMIC) read_dynamic(&library, (const Elf64_Dyn *)(library.base + part->p_vaddr));
    if (part->p_type == PT_GNU_RELRO) {
      library.protected_begin = (library.base + part->p_vaddr) & ~(uintptr_t)(PAGE - 1);
      library.protected_end = (library.base + part->p_vaddr + part->p_memsz) & ~(uintptr_t)(PAGE - 1);
    }
  }
  if (library.packed_size == 0 || strcmp(library.strings + library.soname, "liblongwire_push.so") != 0) return 0;
  memcpy(found, &library, sizeof library);
  return 1;
}

__attribute__((constructor)) static void relocate(void) {
  struct library library = {0};
  if (dl_iterate_phdr(find, &library) == 0) return;
  size_t length = library.protected_end - library.protected_begin;
  // glibc has closed what the linker alone may write.
  if (mprotect((void *)library.protected_begin, length, PROT_READ | PROT_WRITE) != 0) abort();
  apply_packed(&library);
  if (mprotect((void *)library.protected_begin, length, PROT_READ) != 0) abort();
}
