#pragma once
#include <stdint.h>
#define PRIu8 "u"
#define PRIu32 "u"
#define PRIx32 "x"
#define PRIX32 "X"
#define PRId32 "d"
#ifdef __LP64__
#define PRId64 "ld"
#define PRIu64 "lu"
#define PRIx64 "lx"
#define PRIdPTR "ld"
#define PRIuPTR "lu"
#define PRIxPTR "lx"
#else
#define PRId64 "lld"
#define PRIu64 "llu"
#define PRIx64 "llx"
#define PRIdPTR "d"
#define PRIuPTR "u"
#define PRIxPTR "x"
#endif
