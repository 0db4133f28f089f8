// What differs between Android's C library and glibc on x86_64, so that the x86_64 file of the AAR runs in a JVM of a Linux host.
//
// scripts/android/host-shim makes a libc.so, libm.so, libdl.so and liblog.so that hand every function which the library imports on to
// what `longwire_lookup` finds: a function below (its name with `android_` before it), else glibc's own of that name. Both systems
// share the kernel's structures and constants; what stands here are those of the C library itself.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *longwire_lookup(const char *name) {
  static const char *const libraries[] = {"libc.so.6", "libm.so.6"};
  char own[128];
  snprintf(own, sizeof own, "android_%s", name);
  void *found = dlsym(dlopen("liblongwire_host.so", RTLD_LAZY | RTLD_NOLOAD), own);
  for (size_t i = 0; found == NULL && i < sizeof libraries / sizeof *libraries; i++) {
    found = dlsym(dlopen(libraries[i], RTLD_LAZY), name);
  }
  if (found == NULL) {
    fprintf(stderr, "host-shim: glibc has no %s, and uniffi-bindings/android/shim/host.c has none, either\n", name);
    abort();
  }
  return found;
}

int *android___errno(void) { return &errno; }

// Android has the one of POSIX under this name, glibc its own.
extern int __xpg_strerror_r(int error, char *text, size_t size);
int android_strerror_r(int error, char *text, size_t size) { return __xpg_strerror_r(error, text, size); }

// The numbers of bionic's <bits/sysconf.h>.
long android_sysconf(int name) {
  switch (name) {
    case 0x0006:
      return sysconf(_SC_CLK_TCK);
    case 0x0027:
    case 0x0028:
      return sysconf(_SC_PAGESIZE);
    case 0x0047:
      return sysconf(_SC_GETGR_R_SIZE_MAX);
    case 0x0048:
      return sysconf(_SC_GETPW_R_SIZE_MAX);
    case 0x0060:
      return sysconf(_SC_NPROCESSORS_CONF);
    case 0x0061:
      return sysconf(_SC_NPROCESSORS_ONLN);
    default:
      fprintf(stderr, "host-shim: sysconf(%#x) is not translated\n", (unsigned)name);
      abort();
  }
}

// Android's struct addrinfo has the canonical name before the address, glibc's behind it.
static void swap_fields(struct addrinfo *list) {
  for (; list != NULL; list = list->ai_next) {
    void *address = list->ai_addr;
    list->ai_addr = (struct sockaddr *)list->ai_canonname;
    list->ai_canonname = address;
  }
}

// BSD's numbers, which Android has.
static int android_error(int error) {
  switch (error) {
    case 0:
      return 0;
    case EAI_AGAIN:
      return 2;
    case EAI_BADFLAGS:
      return 3;
    case EAI_FAMILY:
      return 5;
    case EAI_MEMORY:
      return 6;
    case EAI_NONAME:
      return 8;
    case EAI_SERVICE:
      return 9;
    case EAI_SOCKTYPE:
      return 10;
    case EAI_SYSTEM:
      return 11;
    default:
      return 4;
  }
}

enum { ANDROID_AI_ADDRCONFIG = 0x400 };

int android_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **list) {
  struct addrinfo own = {0};
  if (hints != NULL) {
    own.ai_flags = hints->ai_flags & (AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST);
    own.ai_flags |= (hints->ai_flags & ANDROID_AI_ADDRCONFIG) != 0 ? AI_ADDRCONFIG : 0;
    own.ai_family = hints->ai_family;
    own.ai_socktype = hints->ai_socktype;
    own.ai_protocol = hints->ai_protocol;
  }
  int error = getaddrinfo(node, service, hints == NULL ? NULL : &own, list);
  if (error == 0) swap_fields(*list);
  return android_error(error);
}

void android_freeaddrinfo(struct addrinfo *list) {
  swap_fields(list);
  freeaddrinfo(list);
}

const char *android_gai_strerror(int error) { return error == 8 ? "no such host" : error == 2 ? "try again" : "the host was not resolved"; }

int android___system_property_get(const char *name, char *value) {
  (void)name;
  value[0] = '\0';
  return 0;
}

int android___android_log_write(int priority, const char *tag, const char *text) {
  return fprintf(stderr, "logcat %d %s: %s\n", priority, tag, text);
}

__attribute__((format(printf, 3, 4))) int android___android_log_print(int priority, const char *tag, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return android___android_log_write(priority, tag, text);
}
