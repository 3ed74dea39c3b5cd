/*
 * rune.h - what a code point is, for the writers of quoted text.
 */
#ifndef FERULA_BASE_RUNE_PRIV_H
#define FERULA_BASE_RUNE_PRIV_H

#include <stdbool.h>
#include <stdint.h>

/* Go's strconv.IsPrint. Cost: a binary search for what is not ASCII. */
bool base__rune_is_print(uint32_t rune);

#endif
