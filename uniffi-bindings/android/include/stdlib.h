#pragma once
#include <stddef.h>
#include <sys/cdefs.h>
__BEGIN_DECLS
void *malloc(size_t);
void free(void *);
__attribute__((noreturn)) void abort(void);
char *getenv(const char *);
__END_DECLS
