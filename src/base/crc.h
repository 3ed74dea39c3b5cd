/*
 * crc.h - the CRC that needs no special instructions, for machines without and for tests.
 */
#ifndef FERULA_BASE_CRC_PRIV_H
#define FERULA_BASE_CRC_PRIV_H

#include <stddef.h>
#include <stdint.h>

uint32_t base__crc32c_portable(uint32_t crc, const void *p, size_t n);

#endif
