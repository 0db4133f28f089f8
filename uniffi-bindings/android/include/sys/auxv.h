#pragma once
#include <sys/cdefs.h>
__BEGIN_DECLS
unsigned long getauxval(unsigned long type);
__END_DECLS
