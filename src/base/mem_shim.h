/*
 * mem_shim.h - what mem.c asks of the C++ library.
 */
#ifndef FERULA_BASE_MEM_SHIM_PRIV_H
#define FERULA_BASE_MEM_SHIM_PRIV_H

#ifdef __cplusplus
extern "C" {
#endif

/* Called when `new` finds no memory; must not return. */
void base__on_new_failed(void (*fn)(void));

#ifdef __cplusplus
}
#endif

#endif
