/* Debug builds of C code do not exist here: an assertion is a promise to the reader alone. */
#include <sys/cdefs.h>
#undef assert
#define assert(condition) ((void)0)
#ifndef __cplusplus
#define static_assert _Static_assert
#endif
