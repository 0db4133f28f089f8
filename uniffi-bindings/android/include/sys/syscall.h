/* The one system call that libunwind makes, on arm64: it asks whether an address may be read. */
#pragma once
#ifdef __aarch64__
#define SYS_rt_sigprocmask 135
#endif
