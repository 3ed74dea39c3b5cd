/*
 * form.h - parameters of a request: times as people write them, and the escapes of a form.
 */
#ifndef FERULA_CLI_FORM_H
#define FERULA_CLI_FORM_H

#include "cli_priv.h"
#include "ferula/base/clock.h"
#include "ferula/base/str.h"

/*
 * A time as a flag gives it, Unix seconds or RFC 3339; `otherwise` when it does not (NULL). Returns
 * an exit code: CLI__OK, or CLI__USAGE after telling what is wrong.
 */
int cli__time_or(const struct cli__command *cmd, const char *flag, const char *text,
                 ts_ms otherwise, ts_ms *out);

/* Appends name=value, with an ampersand before all but the first. */
void cli__form_add(struct buf *form, const char *name, struct str value);
void cli__form_add_ms(struct buf *form, const char *name, int64_t ms); /* as seconds */

void cli__form_escape(struct buf *b, struct str text);

#endif
