/* The C declarations that ring and LLVM's libunwind need, as Android's bionic has them from API level 24 on, and no more: a build
   without an NDK compiles against these. `__BIONIC__` stays undefined, so that libunwind finds tables by dl_iterate_phdr on all ABIs. */
#pragma once
#ifdef __cplusplus
#define __BEGIN_DECLS extern "C" {
#define __END_DECLS }
#else
#define __BEGIN_DECLS
#define __END_DECLS
#endif
