#pragma once
#include <stddef.h>
#include <sys/cdefs.h>
__BEGIN_DECLS
void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
int strcmp(const char *, const char *);
__END_DECLS
