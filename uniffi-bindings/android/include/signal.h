#pragma once
#include <sys/cdefs.h>
/* As the kernel of a 64-bit system has it: libunwind hands it to a raw system call. */
typedef unsigned long sigset_t;
#define NSIG 64
