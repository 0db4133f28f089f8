/* What libunwind says before it gives up goes to logcat: an app's stderr leads nowhere. */
#pragma once
#include <stddef.h>
#include <sys/cdefs.h>
__BEGIN_DECLS
int __android_log_print(int priority, const char *tag, const char *format, ...) __attribute__((format(printf, 3, 4)));
__END_DECLS
#define stderr 0
#define fprintf(stream, ...) __android_log_print(6 /* ANDROID_LOG_ERROR */, "longwire", __VA_ARGS__)
#define fflush(stream) ((void)0)
