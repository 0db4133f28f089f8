#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/cdefs.h>
__BEGIN_DECLS
#define PT_LOAD 1
#define PT_ARM_EXIDX 0x70000001
#define PT_GNU_EH_FRAME 0x6474e550
typedef uint16_t Elf32_Half;
typedef uint32_t Elf32_Addr;
typedef uint16_t Elf64_Half;
typedef uint64_t Elf64_Addr;
typedef struct {
  uint32_t p_type;
  uint32_t p_offset;
  uint32_t p_vaddr;
  uint32_t p_paddr;
  uint32_t p_filesz;
  uint32_t p_memsz;
  uint32_t p_flags;
  uint32_t p_align;
} Elf32_Phdr;
typedef struct {
  uint32_t p_type;
  uint32_t p_flags;
  uint64_t p_offset;
  uint64_t p_vaddr;
  uint64_t p_paddr;
  uint64_t p_filesz;
  uint64_t p_memsz;
  uint64_t p_align;
} Elf64_Phdr;
#ifdef __LP64__
#define ElfW(name) Elf64_##name
#else
#define ElfW(name) Elf32_##name
#endif
/* What follows dlpi_phnum came with API level 30: nobody below may look at it. */
struct dl_phdr_info {
  ElfW(Addr) dlpi_addr;
  const char *dlpi_name;
  const ElfW(Phdr) *dlpi_phdr;
  ElfW(Half) dlpi_phnum;
};
int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data);
__END_DECLS
