#pragma once
#include <sys/cdefs.h>
__BEGIN_DECLS
long syscall(long number, ...);
__END_DECLS
