/*
 * config_priv.h - what the files of this module share.
 */
#ifndef FERULA_CONFIG_PRIV_H
#define FERULA_CONFIG_PRIV_H

#include "ferula/config.h"

/*
 * Reads `text` into the flag's target by its kind. FER_EINVAL: the text names the flag and what is
 * expected. Kinds without a value of their own (ignored, refused) are not for this call.
 */
int config__set(const struct config_flag *flag, void *target, const char *text, struct fault *f);

/* True when the flag stands alone on the command line, without a value. */
bool config__is_switch(const struct config_flag *flag);

/* FERULA_A_B_C for a.b-c. */
void config__env_name(struct buf *b, const struct config_flag *flag);

#endif
