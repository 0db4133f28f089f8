#pragma once
#include <sys/cdefs.h>
__BEGIN_DECLS
int *__errno(void);
__END_DECLS
#define errno (*__errno())
#define EFAULT 14
#define EINVAL 22
