#pragma once
#include <stdint.h>
#include <sys/cdefs.h>
__BEGIN_DECLS
/* Opaque here; the sizes are bionic's: 56 and 40 bytes, and for a mutex 40 and 4. */
typedef struct {
#ifdef __LP64__
  int32_t private_words[14];
#else
  int32_t private_words[10];
#endif
} pthread_rwlock_t;
typedef struct {
#ifdef __LP64__
  int32_t private_words[10];
#else
  int32_t private_words[1];
#endif
} pthread_mutex_t;
#define PTHREAD_RWLOCK_INITIALIZER {{0}}
#define PTHREAD_MUTEX_INITIALIZER {{0}}
int pthread_rwlock_rdlock(pthread_rwlock_t *);
int pthread_rwlock_wrlock(pthread_rwlock_t *);
int pthread_rwlock_unlock(pthread_rwlock_t *);
__END_DECLS
